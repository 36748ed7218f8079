/* The machine for JavaScript: in a page's worker, or under node. It imports nothing, and asks for
 * nothing: whoever uses it brings the bytes.
 *
 *     const machine = await Machine.load(wasm);          // bytes, or a WebAssembly.Module
 *     machine.onOutput = bytes => …;                     // the console, a Uint8Array that is yours
 *     machine.boot({firmware, kernel, memory: 128});     // Uint8Arrays, and MiB; throws an Error
 *     for (;;) {                                         //   that says what is wrong with them
 *         const state = machine.step(20_000_000);        // a tenth of a second or so
 *         if (state !== 'running' && state !== 'waiting') break;
 *         …                                              // let others do something, then go on
 *     }
 *
 * step(budget) does that many steps, fewer if there is a reason, and returns which:
 *     'running'    none
 *     'waiting'    it sleeps (wfi), and no alarm is set that would wake it
 *     'off'        it was switched off; machine.exitCode is 0 if all is well
 *     'reset'      it asked to be started again: boot() does
 *     'refused'    it met what it cannot do; machine.refusal says what and where
 *
 * input(bytes)        types on the console; returns how many bytes found room (about 255 do)
 * peek(address, size) a copy of memory at a physical address; throws a RangeError outside RAM
 * registers()         {pc, x, privilege}, BigInts: pc, x[0] to x[31]; and 0, 1, 3 for U, S, M
 * steps               how many steps it has done, a Number. 100 of them are a tick of its clock
 *
 * boot() may be called again, for another kernel or with less memory; the room is used again. */

const STATES = ['running', 'waiting', 'off', 'reset', 'refused'];
const RAM_BASE = 0x80000000;
const MIB = 1 << 20;
const LEAST_MIB = 32, MOST_MIB = 2048;

export class Machine {
    /* Called with each piece of what the machine prints. */
    onOutput = () => {};

    #wasm;
    #ram = {at: 0, size: 0};  /* the room that was got for RAM, and how much of it is RAM now */
    #size = 0;
    #file = {at: 0, size: 0}; /* that of files on their way in */

    /* Use Machine.load. */
    constructor(exports) {
        this.#wasm = exports;
    }

    static async load(wasm) {
        const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
        return new Machine((await WebAssembly.instantiate(module, {})).exports);
    }

    boot({firmware, kernel, memory = 128}) {
        if (!Number.isInteger(memory) || memory < LEAST_MIB || memory > MOST_MIB)
            throw new Error(`${memory} MiB: this machine can have ${LEAST_MIB} to ${MOST_MIB}`);
        this.#provide(memory * MIB);
        this.#wasm.begin(this.#ram.at, this.#size);
        this.#put(firmware, this.#wasm.firmware);
        this.#put(kernel, this.#wasm.kernel);
        this.#wasm.finish();
    }

    step(budget) {
        for (;;) {
            const before = this.steps;
            const state = STATES[this.#wasm.step(Math.min(budget, 0x7fffffff))];
            const size = this.#wasm.output_take();
            if (size > 0)
                this.onOutput(this.#bytes(this.#wasm.output(), size).slice());
            budget -= this.steps - before;
            if (state !== 'running' || budget <= 0)
                return state;
        }
    }

    input(bytes) {
        let taken = 0;
        while (taken < bytes.length && this.#wasm.input(bytes[taken]))
            taken++;
        return taken;
    }

    peek(address, size) {
        const offset = address - RAM_BASE;
        if (!(offset >= 0 && size >= 0 && offset + size <= this.#size))
            throw new RangeError(`0x${address.toString(16)}, ${size} bytes: not in RAM`);
        return this.#bytes(this.#ram.at + offset, size).slice();
    }

    registers() {
        const words = new BigUint64Array(this.#wasm.memory.buffer, this.#wasm.hart_at(), 35);
        return {pc: words[33], x: [...words.subarray(0, 32)], privilege: Number(words[34] & 3n)};
    }

    get steps() {
        return Number(this.#wasm.steps());
    }

    get exitCode() {
        return this.#wasm.exit_code();
    }

    get refusal() {
        const bytes = this.#bytes(this.#wasm.refusal(), 160);
        return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
    }

    /* WebAssembly's memory as bytes: looked up each time, since it moves when it grows. */
    #bytes(at, size) {
        return new Uint8Array(this.#wasm.memory.buffer, at, size);
    }

    /* RAM of a size, all 0. */
    #provide(size) {
        if (size > this.#ram.size)
            this.#ram = this.#grow(size);
        else
            this.#bytes(this.#ram.at, size).fill(0);
        this.#size = size;
    }

    #put(file, load) {
        if (file.length > this.#file.size)
            this.#file = this.#grow(file.length);
        this.#bytes(this.#file.at, file.length).set(file);
        const problem = load(this.#file.at, file.length);
        if (problem)
            throw new Error(this.#text(problem));
    }

    /* Room that is all 0. It cannot be given back, so it is kept for the next boot. */
    #grow(size) {
        const at = this.#wasm.grow(size) >>> 0;
        if (at === 0)
            throw new Error(`there is no room for ${Math.ceil(size / MIB)} MiB`);
        return {at, size};
    }

    #text(at) {
        const bytes = this.#bytes(at, 200);
        return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
    }
}
