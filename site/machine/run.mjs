#!/usr/bin/env node
/* Boots the machine in a terminal, or in a test:
 *
 *     node run.mjs MACHINE.wasm FIRMWARE KERNEL.elf [-m MIB] [--steps MOST] [--time] < input
 *
 * What the machine prints goes to standard output, and standard input to its console. The exit
 * status is what the kernel ended with; 125 if the machine stopped otherwise, which is said. */

import {readFileSync} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {Machine} from './machine.mjs';

const BUDGET = 1 << 24; /* steps between two looks at the input */

const ENDS = {
    running: 'no more steps were asked for',
    waiting: 'it waits for an interrupt that cannot come',
    reset: 'it wants to be started again',
};

function readArguments() {
    const {values, positionals} = parseArgs({
        allowPositionals: true,
        options: {
            memory: {type: 'string', short: 'm', default: '128'},
            steps: {type: 'string', default: 'Infinity'},
            time: {type: 'boolean', default: false},
        },
    });
    if (positionals.length !== 3)
        throw new Error('node run.mjs MACHINE.wasm FIRMWARE KERNEL.elf ' +
            '[-m MIB] [--steps MOST] [--time]');
    const [wasm, firmware, kernel] = positionals.map(file => readFileSync(file));
    return {wasm, firmware, kernel, memory: +values.memory, most: +values.steps, time: values.time};
}

/* With --time: when the kernel's first line came, and how fast it all was. Seconds are of the
 * processor, which others may be using as well. */
class Stopwatch {
    #begin = process.cpuUsage();
    #text = '';
    #first = 0;

    see(bytes, steps) {
        if (this.#first)
            return;
        this.#text += new TextDecoder().decode(bytes);
        if (this.#text.includes('freeram: '))
            this.#first = steps;
    }

    say(steps) {
        const {user, system} = process.cpuUsage(this.#begin);
        const seconds = (user + system) / 1e6;
        console.error(`first line after ${this.#first} steps, all ${steps} steps, ` +
            `${seconds.toFixed(2)} s of processor time: ${(steps / seconds / 1e6).toFixed(0)} M/s`);
    }
}

async function run({wasm, firmware, kernel, memory, most, time}) {
    const watch = new Stopwatch();
    const machine = await Machine.load(wasm);
    let typed = Buffer.alloc(0);
    machine.onOutput = bytes => {
        watch.see(bytes, machine.steps);
        process.stdout.write(bytes);
    };
    process.stdin.on('data', bytes => typed = Buffer.concat([typed, bytes]));
    process.stdin.unref?.();
    machine.boot({firmware, kernel, memory});
    let state = 'running';
    while (state === 'running' && machine.steps < most) {
        typed = typed.subarray(machine.input(typed));
        state = machine.step(Math.min(BUDGET, most - machine.steps));
        await setImmediate();
    }
    if (time)
        watch.say(machine.steps);
    if (state === 'off')
        return machine.exitCode;
    console.error(`run.mjs: the machine has stopped: ${ENDS[state] ?? machine.refusal}`);
    return 125;
}

try {
    process.exitCode = await run(readArguments());
    process.stdin.destroy();
} catch (error) {
    console.error(`run.mjs: ${error.message}`);
    process.exitCode = 2;
}
