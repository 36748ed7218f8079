/* Plays calls on one stage, forwards and backwards: what the page Watch shows, without the page.
 *
 *     const player = new Player(exports, 'tree', 4096, calls);   // of watch.c's WebAssembly
 *     player.go(120);                 // to after call 120; 0 is before all
 *     player.last                     // {error, page, n, touches, crash} of that call
 *     player.tables, player.map()     // what the stage remembers now; what each page is
 *     player.counts, player.totals    // of a module that counts: see #count
 *
 * To go back is to take the nearest copy before, and to go on from there. */
import {callText} from './calls.mjs';
import {bytes, Reader, readTables, text} from './tables.mjs';

const COPY_EVERY = 128;
const NOBODY = 0xffffffff;

export async function load(module) {
    return (await WebAssembly.instantiate(module, {})).exports;
}

export class Player extends Reader {
    #counters; /* of a module that counts: the lower half of each, and the upper, which stays 0 */
    #copies = new Map(); /* after how many calls: the bytes of the state, and the totals */
    #played = 0; /* the call that was played last */
    #stage;
    #pages;

    constructor(wasm, stage, pages, calls) {
        super(wasm);
        this.#stage = stageNames(wasm).indexOf(stage);
        this.#pages = pages;
        this.calls = calls;
        this.position = 0;
        this.results = []; /* of each call that was ever played */
        this.crash = null; /* after which call the code could not go on */
        const error = wasm.begin(this.#stage, pages);
        if (error !== 0)
            throw new Error(`${pages} pages: ${text(wasm, wasm.error_name(error))}`);
        this.tables = readTables(wasm);
        if (wasm.counter_count)
            this.#counters = new Uint32Array(wasm.memory.buffer, wasm.counters_at(),
                wasm.counter_count() * 2);
        this.totals = new Float64Array((this.#counters?.length ?? 0) / 2);
        this.#keep();
    }

    get pages() {
        return this.#pages;
    }

    get last() {
        return this.position > 0 ? this.results[this.position - 1] : null;
    }

    /* To after `position` calls, or as far as the code comes. */
    go(position) {
        const target = Math.max(0, Math.min(position, this.calls.length, this.crash ?? Infinity));
        if (target < this.position || target > this.position + COPY_EVERY)
            this.#restore(target);
        /* The last step is always one that is traced, and played now. */
        if (target === this.position && target > 0 && this.#played !== target)
            this.#restore(target - 1);
        while (this.position < target && this.crash === null)
            this.#step(this.position + 1 === target);
        return this.position;
    }

    /* What a call got, where it is still known. */
    holder(call) {
        return this.results[call - 1];
    }

    map() {
        return bytes(this.wasm, this.wasm.look(), this.#pages).slice();
    }

    /* Which call got each page that is held, as a number; 0 for none. */
    owners() {
        const owners = new Uint32Array(this.#pages);
        for (let at = 0; at < this.position; at++) {
            const {page, n, error} = this.results[at], {op} = this.calls[at];
            if (error === 0 && page !== undefined && op !== 'add')
                owners.fill(op === 'free' ? 0 : at + 1, page, page + n);
        }
        return owners;
    }

    errorName(error) {
        return text(this.wasm, this.wasm.error_name(error));
    }

    /* The words that the last call touched: [{table, at, reads, writes}], in the order in which
     * they were touched first. What is in no table is the list of ranges that were added. */
    touched() {
        const found = new Map();
        for (const touch of this.last?.touches ?? []) {
            const [table, at] = this.#find(touch >>> 1);
            const key = `${this.tables.indexOf(table)} ${at}`;
            if (!found.has(key))
                found.set(key, {table, at, reads: 0, writes: 0});
            found.get(key)[touch & 1 ? 'writes' : 'reads']++;
        }
        return [...found.values()];
    }

    #find(offset) {
        const address = this.wasm.meta_at() + offset;
        for (const table of this.tables) {
            const inside = address - table.at, at = Math.floor(inside / table.stride);
            if (inside >= 0 && at < table.count && inside - at * table.stride < table.size)
                return [table, at];
        }
        return [null, offset >>> 3];
    }

    #step(isTraced) {
        const call = this.calls[this.position], at = this.position;
        let result = {error: null};
        this.wasm.trace(isTraced);
        this.#counters?.fill(0);
        try {
            result = this.#call(call);
        } catch (error) {
            result = {error: null, crash: error.message};
            this.crash = at + 1;
        }
        if (isTraced)
            result.touches = new Uint32Array(this.wasm.memory.buffer, this.wasm.touches_at(),
                this.wasm.touch_count()).slice();
        this.wasm.trace(0);
        this.#count();
        this.results[at] = result;
        this.#played = ++this.position;
        if (this.position % COPY_EVERY === 0 && this.crash === null)
            this.#keep();
    }

    /* {error, page, n}; error is null if there was nothing to call with. */
    #call({op, n, align, of, page}) {
        const wasm = this.wasm;
        if (op === 'alloc') {
            const error = wasm.alloc(n, align), got = wasm.result_page() >>> 0;
            return {error, n, page: got === NOBODY ? undefined : got};
        }
        if (of) {
            const held = this.results[of - 1];
            if (of > this.position || held?.page === undefined || held.error !== 0)
                return {error: null};
            ({page, n} = held);
        }
        const run = {free: wasm.release, alloc_at: wasm.alloc_at, add: wasm.add}[op];
        return {error: run(page, n), page, n};
    }

    /* What each counter says of the call that was played last, and of all up to it. */
    #count() {
        this.counts = this.totals.map((_, at) => this.#counters[at * 2]);
        this.counts.forEach((times, at) => this.totals[at] += times);
    }

    #keep() {
        const at = this.wasm.state_at(), size = this.wasm.state_size();
        if (!this.#copies.has(this.position))
            this.#copies.set(this.position,
                {state: bytes(this.wasm, at, size).slice(), totals: this.totals.slice()});
    }

    #restore(position) {
        const from = Math.floor(position / COPY_EVERY) * COPY_EVERY;
        let nearest = from;
        while (!this.#copies.has(nearest))
            nearest -= COPY_EVERY;
        if (nearest === from || position < this.position) {
            const {state, totals} = this.#copies.get(nearest);
            bytes(this.wasm, this.wasm.state_at(), state.length).set(state);
            this.totals.set(totals);
            this.position = nearest;
        }
    }
}

export function stageNames(wasm) {
    return Array.from({length: wasm.stage_count()}, (_, at) => text(wasm, wasm.stage_name(at)));
}

/* A result in words: what the host's own run of the same calls prints as well. */
export function resultText(player, at) {
    const {error, page, crash} = player.results[at];
    const outcome = crash ? `crashed: ${crash}` :
        error === null ? 'nothing to free' : player.errorName(error);
    return `${callText(player.calls[at])}: ${outcome}` +
        (player.calls[at].op.startsWith('alloc') && error === 0 ? ` ${page}` : '');
}
