/* The machine in a worker, so that the page stays awake. The page sends
 *     {wasm, firmware, kernel, memory}   to boot, {input: bytes}   to type, {pause: true or false},
 *     {inside: true or false}            to be told what the kernel holds, or no more, {stop: true}
 * and is sent {output: bytes}, {steps, state, inside}, and at last {end, exitCode, refusal, inside}
 * or {error}. `inside` is what inside.mjs sees. */
import {Inside} from '../../machine/inside.mjs';
import {Machine} from '../../machine/machine.mjs';

const BUDGET = 4_000_000; /* steps between two looks at what the page wants: some 40 ms */
const TELL_EVERY = 200; /* ms between two reports of the steps */

let machine = null, inside = null, isLookedAt = false;
let state = 'running', isPaused = false, typed = [], told = 0;

async function boot({wasm, firmware, kernel, memory}) {
    machine = await Machine.load(wasm);
    machine.onOutput = output => postMessage({output}, [output.buffer]);
    machine.boot({firmware, kernel, memory});
    inside = new Inside(machine, kernel);
    turn();
}

function tell() {
    told = performance.now();
    postMessage({steps: machine.steps, state, inside: isLookedAt ? inside.look() : null});
}

/* The memory goes with the worker: so the last look at it is part of the end. */
function end(how) {
    postMessage({end: how, exitCode: machine?.exitCode, refusal: machine?.refusal,
        inside: inside?.look()});
}

/* Run a little, let messages in, and again. */
function turn() {
    if (isPaused)
        return;
    typed = typed.slice(machine.input(new Uint8Array(typed)));
    state = machine.step(BUDGET);
    if (performance.now() - told > TELL_EVERY || state !== 'running')
        tell();
    if (state === 'running' || state === 'waiting')
        return setTimeout(turn, state === 'waiting' ? 20 : 0);
    end(state);
}

addEventListener('message', async ({data}) => {
    try {
        if (data.kernel)
            await boot(data);
        else if (data.input)
            typed.push(...data.input);
        else if (data.stop)
            end('stopped');
        else if (data.inside !== undefined) {
            isLookedAt = data.inside;
            if (inside)
                tell();
        } else if (isPaused !== data.pause) {
            isPaused = data.pause;
            if (!isPaused)
                turn();
            else if (machine)
                tell();
        }
    } catch (error) {
        postMessage({error: error.message});
    }
});
