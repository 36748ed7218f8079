/* What tables.h tells, for JavaScript: the tables of a stage, and what is in them. `wasm` is what
 * watch.c exports. */

export function bytes(wasm, at, size) {
    return new Uint8Array(wasm.memory.buffer, at, size);
}

export function text(wasm, at) {
    const all = new Uint8Array(wasm.memory.buffer);
    return new TextDecoder().decode(all.slice(at, all.indexOf(0, at)));
}

/* struct table, nine words of 32 bits. */
export function readTables(wasm) {
    return Array.from({length: wasm.table_count()}, (_, i) => {
        const [name, x, y, kind, at, count, size, stride, bits] =
            new Uint32Array(wasm.memory.buffer, wasm.tables_at() + i * 36, 9);
        const numbers = [x, y];
        return {
            name: text(wasm, name).replace(/#/g, () => numbers.shift()),
            kind: ['numbers', 'bits', 'links'][kind], at, count, size, stride, bits,
        };
    });
}

/* What can be asked of the allocator behind `wasm`, whoever brought its tables there. */
export class Reader {
    tables = [];

    constructor(wasm) {
        this.wasm = wasm;
    }

    get used() {
        return this.wasm.used();
    }

    get total() {
        return this.wasm.total();
    }

    get largestRun() {
        return this.wasm.largest_run();
    }

    /* page_problem's words; null if all is well. */
    get problem() {
        try {
            const at = this.wasm.problem();
            return at === 0 ? null : text(this.wasm, at);
        } catch {
            return 'page_problem itself does not come back from these tables';
        }
    }

    /* The value of an element of a table. */
    value(table, at) {
        const view = new DataView(this.wasm.memory.buffer, table.at + at * table.stride);
        return table.size === 2 ? view.getUint16(0, true) : table.size === 4 ?
            view.getUint32(0, true) : view.getBigUint64(0, true);
    }
}

/* ---- as a page shows them; `reader` is a Player or a Guest ---- */

/* What lies where never changes: it is shown when a call reads it. */
const isPlumbing = name => /where|is at/.test(name);

/* Is a table worth a line, if no call has touched it? */
export function isOfInterest(reader, table) {
    const isEmpty = table.kind === 'bits' && table.bits <= 2 && reader.value(table, 0) === 0n;
    return !isPlumbing(table.name) && !(isEmpty && /^order/.test(table.name));
}

/* A number of a table, where it is one. */
export function numberText(value) {
    return value === 0xffffffff ? '–' : value === 0xfffffffe ? 'b' : `${value}`;
}

/* The way down the stack, whose links these are: the tables before them say where its top is. */
export function wayDown(reader, links) {
    const way = [], top = reader.tables.find(({name}) => name.startsWith('top'));
    for (let word = reader.value(top, 0); word < links.count && way.length < 16;
        word = reader.value(links, word))
        way.push(word);
    return way.length < 16 ? [...way, 'bottom'].join(' → ') : `${way.join(' → ')} → …`;
}
