/* The site's machine in QEMU's place: run.sh starts it, and it boots what QEMU would, from the
 * files of build/site, and ends as QEMU would. It has to be $PAGES_KERNEL, which is packed.
 *
 *     node tests/site/qemu.mjs -m 128M -kernel kernel.elf …   */
import {readFileSync, writeSync} from 'node:fs';
import path from 'node:path';
import {gunzipSync} from 'node:zlib';
import {Machine} from '../../site/machine/machine.mjs';

const site = path.resolve(new URL('../../build/site', import.meta.url).pathname);
const words = process.argv.slice(2), after = word => words[words.indexOf(word) + 1];

const kernel = readFileSync(after('-kernel'));
if (!kernel.equals(gunzipSync(readFileSync(process.env.PAGES_KERNEL)))) {
    console.error(`${after('-kernel')} is not ${process.env.PAGES_KERNEL}`);
    process.exit(1);
}

const machine = await Machine.load(readFileSync(path.join(site, 'machine.wasm')));
machine.onOutput = bytes => writeSync(1, bytes);
machine.boot({firmware: readFileSync(path.join(site, 'opensbi.bin')),
    kernel, memory: parseInt(after('-m'))});
let state;
do
    state = machine.step(20_000_000);
while (state === 'running');
if (state !== 'off')
    console.error(`the machine of the site: ${state} ${machine.refusal}`);
process.exit(state === 'off' ? machine.exitCode : state === 'reset' ? 0 : 1);
