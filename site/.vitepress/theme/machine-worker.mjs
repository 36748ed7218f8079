/* The machine in a worker, so that the page stays awake. The page sends
 *     {wasm, firmware, kernel, memory}   to boot, {input: bytes}   to type, {pause: true or false}
 * and is sent {output: bytes}, {steps, state}, and {end, exitCode, refusal} or {error} at last. */
import {Machine} from '../../machine/machine.mjs';

const BUDGET = 4_000_000; /* steps between two looks at what the page wants: some 40 ms */
const TELL_EVERY = 200; /* ms between two reports of the steps */

let machine = null, isPaused = false, typed = [], told = 0;

async function boot({wasm, firmware, kernel, memory}) {
    machine = await Machine.load(wasm);
    machine.onOutput = output => postMessage({output}, [output.buffer]);
    machine.boot({firmware, kernel, memory});
    turn();
}

/* Run a little, let messages in, and again. */
function turn() {
    if (isPaused)
        return;
    typed = typed.slice(machine.input(new Uint8Array(typed)));
    const state = machine.step(BUDGET), now = performance.now();
    if (now - told > TELL_EVERY || state !== 'running') {
        told = now;
        postMessage({steps: machine.steps, state});
    }
    if (state === 'running' || state === 'waiting')
        return setTimeout(turn, state === 'waiting' ? 20 : 0);
    postMessage({end: state, exitCode: machine.exitCode, refusal: machine.refusal});
}

addEventListener('message', async ({data}) => {
    try {
        if (data.kernel)
            await boot(data);
        else if (data.input)
            typed.push(...data.input);
        else if (isPaused !== data.pause) {
            isPaused = data.pause;
            turn();
        }
    } catch (error) {
        postMessage({error: error.message});
    }
});
