/* The symbols of an ELF file for 64 bits: which name lies where. */

const SYMBOL_TABLE = 2, FUNCTION = 2; /* as the ELF calls a type of section, and one of symbol */
const SYMBOL_SIZE = 24;

export class Symbols {
    #all = []; /* {name, address, size, isFunction}, as they stand in the file */

    /* One that has no symbols, or is cut off, has none here. */
    constructor(elf) {
        const file = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
        try {
            this.#read(file);
        } catch (error) {
            if (!(error instanceof RangeError))
                throw error;
        }
    }

    get areThere() {
        return this.#all.length > 0;
    }

    /* Where a thing of that name is; of those with the same name, the one of a size that is in
     * `sizes`. {address, size}, or undefined. */
    find(name, ...sizes) {
        return this.#all.find(symbol => symbol.name === name &&
            (sizes.length === 0 || sizes.includes(symbol.size)));
    }

    /* The name of what begins at an address and ends with `ending`. */
    nameAt(address, ending) {
        return this.#all.find(symbol => symbol.address === address &&
            symbol.name.endsWith(ending))?.name;
    }

    /* The name of the function that an address is in. */
    functionAt(address) {
        return this.#all.find(symbol => symbol.isFunction && address >= symbol.address &&
            address < symbol.address + symbol.size)?.name;
    }

    #read(file) {
        const number = at => Number(file.getBigUint64(at, true));
        const sections = number(0x28), size = file.getUint16(0x3a, true);
        for (let i = 0; i < file.getUint16(0x3c, true); i++) {
            const section = sections + i * size;
            if (file.getUint32(section + 4, true) !== SYMBOL_TABLE)
                continue;
            const names = number(sections + file.getUint32(section + 40, true) * size + 24);
            const from = number(section + 24), end = from + number(section + 32);
            for (let at = from; at < end; at += SYMBOL_SIZE)
                this.#all.push({
                    name: text(file, names + file.getUint32(at, true)),
                    isFunction: (file.getUint8(at + 4) & 0xf) === FUNCTION,
                    address: number(at + 8), size: number(at + 16),
                });
        }
    }
}

function text(file, at) {
    let end = at;
    while (file.getUint8(end) !== 0)
        end++;
    return new TextDecoder().decode(new Uint8Array(file.buffer, file.byteOffset + at, end - at));
}
