/* The allocator of a kernel that runs in the machine, as Inside found it: what the page Machine
 * draws, by the same draw.mjs as Watch.
 *
 *     const guest = new Guest(wasm);      // what watch.c exports
 *     guest.take(look);                   // throws an Error that says why it cannot be shown
 *     guest.view(first, n)                // these pages, as draw.mjs wants a player
 *     guest.tablesOf(first, n)            // the parts of the tables that tell of these pages
 *     guest.changedIn(table)              // what is other in it than at the look before
 *
 * A page's age is in millions of instructions, since the look that first saw it held. */
import {stageNames} from './player.mjs';
import {bytes, Reader, readTables} from './tables.mjs';

const WHOLE = 64; /* tables of so few elements are not cut */

export class Guest extends Reader {
    #meta = new Uint8Array(); /* the tables here, and at the look before */
    #before = new Uint8Array();
    #since = new Uint32Array(); /* when a page came to be held; 1: before the first look */
    #position = 0;
    #mapBefore = new Uint8Array();
    map = new Uint8Array(); /* what each page is, as watch.c says it */
    stage = null;

    take({allocator, steps}) {
        const {stage, bytes: struct, meta} = allocator;
        const number = stageNames(this.wasm).indexOf(stage);
        this.tables = [];
        if (number < 0)
            throw new Error(stage ? `The stage is ${stage}, which this page does not know.` :
                'What frames.stage points to is no stage that has a name.');
        if (meta.length > this.wasm.guest_room())
            throw new Error('There are more tables than this page has room for.');
        bytes(this.wasm, this.wasm.guest_at(), struct.length).set(struct);
        bytes(this.wasm, this.wasm.guest_meta_at(), meta.length).set(meta);
        if (!this.wasm.take(number, meta.length))
            throw new Error(`The tables of ${stage} lie otherwise in this kernel than in that of ` +
                'this site, or are just being made.');
        this.tables = readTables(this.wasm);
        this.#compare(stage, Math.floor(steps / 1e6) + 1);
    }

    get pages() {
        return this.map.length;
    }

    view(first, n) {
        const map = this.map.subarray(first, first + n);
        const owners = this.#since.subarray(first, first + n);
        return {pages: map.length, map: () => map, owners: () => owners, holder: () => ({n: 1}),
            position: this.#position, last: null};
    }

    /* The first of these pages that is other than at the look before; -1: none is. */
    changedPage(from, end) {
        for (let page = from; page < end; page++)
            if (this.map[page] !== this.#mapBefore[page])
                return page;
        return -1;
    }

    /* Millions of instructions since a page came to be held; null if that is not known. */
    ageOf(page) {
        return this.#since[page] > 1 ? this.#position - this.#since[page] : null;
    }

    tablesOf(first, n) {
        return this.tables.map(table => this.#cut(table, first, n));
    }

    /* As Player.touched does. */
    changedIn(table) {
        const found = [];
        for (let at = 0; at < table.count; at++) {
            const from = table.at - this.wasm.meta_at() + at * table.stride;
            for (let i = from; i < from + table.size; i++)
                if (this.#meta[i] !== this.#before[i]) {
                    found.push({table, at, reads: 0, writes: 1});
                    break;
                }
        }
        return found;
    }

    /* How many pages a bit or a number is about is a power of two, and told by how many there are
     * of them. */
    #cut(table, first, n) {
        if (table.count <= WHOLE)
            return {...table, from: 0, of: table.count};
        const isBits = table.kind === 'bits', each = isBits ? 64 : 1;
        const pages = each * 2 ** Math.ceil(Math.log2(this.pages / (isBits ? table.bits :
            table.count)));
        const from = Math.min(Math.floor(first / pages), table.count - 1);
        const end = Math.max(from + 1, Math.min(table.count, Math.ceil((first + n) / pages)));
        return {...table, at: table.at + from * table.stride, count: end - from,
            bits: isBits ? Math.min(table.bits - from * 64, (end - from) * 64) : 0,
            from, of: table.count};
    }

    #compare(stage, position) {
        const size = this.wasm.span_end();
        const isOther = stage !== this.stage || size !== this.pages || position < this.#position;
        this.#mapBefore = this.map;
        this.#before = this.#meta;
        this.map = bytes(this.wasm, this.wasm.look(), size).slice();
        this.#meta = bytes(this.wasm, this.wasm.meta_at(), this.wasm.guest_room()).slice();
        this.#position = position;
        this.stage = stage;
        if (isOther) {
            this.#mapBefore = this.map;
            this.#before = this.#meta;
            this.#since = new Uint32Array(size).fill(1);
        }
        for (let page = 0; page < size; page++)
            if (this.map[page] !== this.#mapBefore[page])
                this.#since[page] = position;
    }
}
