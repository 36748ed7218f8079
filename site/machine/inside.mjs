/* What a kernel of this repository holds in its memory, found by the symbols of its ELF file:
 *
 *     const inside = new Inside(machine, kernel);   // the machine that boots it, the bytes
 *     inside.look()                                 // at any time; the kernel does not notice
 *
 * look() returns what can be posted from a worker to its page:
 *
 *     steps, pc, privilege   of the hart; `where`: in which function, if that is known
 *     hasSymbols, hasFrames  without the first nothing is known, without the other no allocator
 *     image                  {start, end}
 *     maps                   {memory, reserved, usable}, each some {start, end}; `isTree`: of
 *                            those that are reserved, does the device tree lie there?
 *     allocator              {stage, bytes, meta, base, metadata, pages, span}: the name of its
 *                            stage, a copy of `frames` and of its metadata, and where page 0 and
 *                            other things are
 *
 * and null for what the kernel has not, or has not yet. Names, sizes and places below are those of
 * kernel.c, memory/machine.h, memory/map.h and alloc/alloc.h. */
import {Symbols} from './elf.mjs';

const PAGE_SIZE = 4096;
const MAP_RANGES = 128, RANGE_SIZE = 16;
const MAP_SIZE = 16 + MAP_RANGES * RANGE_SIZE;
/* How large a struct machine is, and which maps are in it: in the book it begins with two. */
const MACHINES = {
    [3 * MAP_SIZE + 16]: ['memory', 'reserved', 'usable'],
    [2 * MAP_SIZE]: ['reserved', 'usable'],
};
const ALLOCATOR_SIZE = 96;
const TREE_MAGIC = 0xd00dfeed;

export class Inside {
    #machine;
    #symbols;
    #image = null;
    #maps = null; /* the symbols of the kernel's globals */
    #frames;

    constructor(machine, kernel) {
        const symbols = new Symbols(kernel);
        const start = symbols.find('__image'), end = symbols.find('__image_end');
        this.#machine = machine;
        this.#symbols = symbols;
        if (start && end)
            this.#image = {start: start.address, end: end.address};
        this.#maps = symbols.find('machine', ...Object.keys(MACHINES).map(Number));
        this.#frames = symbols.find('frames', ALLOCATOR_SIZE);
    }

    look() {
        const {pc, privilege} = this.#machine.registers();
        return {
            steps: this.#machine.steps, pc: Number(pc), privilege,
            where: this.#symbols.functionAt(Number(pc)),
            hasSymbols: this.#symbols.areThere, hasFrames: this.#frames !== undefined,
            image: this.#image, maps: this.#readMaps(), allocator: this.#readAllocator(),
        };
    }

    /* ---- which memory there is ---- */

    #readMaps() {
        const maps = {};
        for (const [i, name] of (this.#maps ? MACHINES[this.#maps.size] : []).entries())
            maps[name] = this.#readMap(this.#maps.address + i * MAP_SIZE);
        for (const range of maps.reserved ?? [])
            range.isTree = this.#isTree(range);
        return maps.usable?.length > 0 ? maps : null;
    }

    #readMap(address) {
        const [count, , ...ends] = this.#words(address, MAP_SIZE);
        return Array.from({length: Math.min(count, MAP_RANGES)}, (_, i) =>
            ({start: ends[2 * i], end: ends[2 * i + 1]}));
    }

    #isTree({start}) {
        try {
            return this.#view(start, 4).getUint32(0) === TREE_MAGIC;
        } catch {
            return false; /* not in RAM */
        }
    }

    /* ---- the allocator ---- */

    #readAllocator() {
        if (!this.#frames)
            return null;
        const {address} = this.#frames;
        const [stage, base, first, end, , , meta, ranges, count, room] =
            this.#words(address, ALLOCATOR_SIZE);
        if (stage === 0)
            return null;
        const addressOf = page => (base + page) * PAGE_SIZE;
        try {
            const added = this.#words(ranges, count * RANGE_SIZE);
            return {
                stage: this.#symbols.nameAt(stage, '_stage')?.replace('_stage', ''),
                bytes: this.#machine.peek(address, ALLOCATOR_SIZE),
                meta: this.#machine.peek(meta, ranges + count * RANGE_SIZE - meta),
                base: addressOf(0),
                metadata: {start: meta, end: ranges + room * RANGE_SIZE},
                span: {start: addressOf(first), end: addressOf(end)},
                pages: Array.from({length: count}, (_, i) =>
                    ({start: addressOf(added[2 * i]), end: addressOf(added[2 * i + 1])})),
            };
        } catch (error) {
            if (error instanceof RangeError)
                return null; /* a pointer out of RAM: it is just being made */
            throw error;
        }
    }

    /* ---- bytes ---- */

    /* Words of 64 bits, as Numbers. */
    #words(address, size) {
        const view = this.#view(address, size);
        return Array.from({length: size / 8}, (_, i) => Number(view.getBigUint64(i * 8, true)));
    }

    #view(address, size) {
        return new DataView(this.#machine.peek(address, size).buffer);
    }
}
