/* What a page does with machine.mjs, done under node:
 *
 *     node machine.test.mjs MACHINE.wasm ECHO.bin KERNEL.elf
 *
 * ECHO.bin is echo.S. Exit status 0 if all is as it says. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {Machine} from '../../site/machine/machine.mjs';

const [wasm, firmware, kernel] = process.argv.slice(2).map(file => readFileSync(file));
const machine = await Machine.load(wasm);
const bytes = text => new TextEncoder().encode(text);
const A_WHILE = 100_000;
let printed = '';
machine.onOutput = output => printed += new TextDecoder().decode(output);

function boot(memory = 32) {
    printed = '';
    machine.boot({firmware, kernel, memory});
}

const tests = {
    'what is typed is printed, and how it ends is told'() {
        boot();
        assert.equal(machine.step(A_WHILE), 'running');
        assert.equal(machine.steps, A_WHILE);
        assert.equal(printed, '');
        assert.equal(machine.input(bytes('hello')), 5);
        assert.equal(machine.step(A_WHILE), 'running');
        assert.equal(printed, 'hello');
        machine.input(bytes('q'));
        assert.equal(machine.step(A_WHILE), 'off');
        assert.equal(printed, 'helloq');
        assert.equal(machine.exitCode, 3);
    },
    'what finds no room is left to the caller'() {
        boot();
        const typed = bytes('0123456789'.repeat(30));
        const taken = machine.input(typed);
        assert.equal(taken, 255);
        machine.step(A_WHILE);
        assert.equal(machine.input(typed.subarray(taken)), 45);
        machine.step(A_WHILE);
        assert.equal(printed, '0123456789'.repeat(30));
    },
    'registers are those of the program'() {
        boot();
        assert.deepEqual(machine.registers(), {pc: 0x1000n, x: Array(32).fill(0n), privilege: 3});
        machine.step(A_WHILE);
        const {pc, x, privilege} = machine.registers();
        assert.equal(privilege, 3);
        assert.ok(pc >= 0x80000000n && pc < 0x80000100n, `pc is ${pc}`);
        assert.equal(x.length, 32);
        assert.deepEqual([x[0], x[8], x[9], x[18]], [0n, 0x10000000n, 0x100000n, 2n ** 64n - 2n]);
    },
    'peek copies RAM, and nothing else'() {
        boot();
        assert.deepEqual(machine.peek(0x80000000, 16), new Uint8Array(firmware.subarray(0, 16)));
        const copy = machine.peek(0x80000000, 4);
        copy.fill(0);
        assert.notDeepEqual(machine.peek(0x80000000, 4), copy);
        assert.equal(machine.peek(0x80000000 + (32 << 20) - 1, 1).length, 1);
        for (const [at, size] of [[0x1000, 4], [0x7fffffff, 2], [0x80000000 + (32 << 20), 1],
            [0x80000000 + (32 << 20) - 1, 2], [0x80000000, -1]])
            assert.throws(() => machine.peek(at, size), RangeError);
    },
    'a machine that waits for nothing says so'() {
        boot();
        machine.input(bytes('w'));
        assert.equal(machine.step(A_WHILE), 'waiting');
        assert.equal(machine.step(A_WHILE), 'waiting');
        assert.equal(printed, 'w');
    },
    'what it has not is refused by name'() {
        boot();
        machine.input(bytes('f'));
        assert.equal(machine.step(A_WHILE), 'refused');
        assert.match(machine.refusal,
            /^floating-point arithmetic \(F, D\) 0x2c5f553, at pc 0x800000[0-9a-f]+: this machine/);
    },
    'it can be booted again, with less memory and with more'() {
        boot(64);
        machine.input(bytes('r'));
        assert.equal(machine.step(A_WHILE), 'reset');
        for (const memory of [32, 128]) {
            boot(memory);
            assert.equal(machine.steps, 0);
            assert.throws(() => machine.peek(0x80000000 + (memory << 20), 1), RangeError);
            machine.input(bytes('again'));
            machine.step(A_WHILE);
            assert.equal(printed, 'again');
        }
    },
    'files and sizes that it cannot take are errors'() {
        const boots = options => () => machine.boot({firmware, kernel, ...options});
        assert.throws(boots({kernel: bytes('#!/bin/sh')}), /^Error: the kernel is no ELF file$/);
        assert.throws(boots({kernel: kernel.subarray(0, 30)}), /it has no whole header$/);
        assert.throws(boots({firmware: kernel}), /^Error: the firmware is an ELF file/);
        assert.throws(boots({firmware: bytes('')}), /^Error: the firmware is empty$/);
        for (const memory of [31, 2049, 64.5])
            assert.throws(boots({memory}), /MiB: this machine can have 32 to 2048$/);
    },
};

for (const [name, test] of Object.entries(tests))
    try {
        test();
    } catch (error) {
        console.error(`machine.test.mjs: not so: ${name}\n${error.message}\n${error.stack}`);
        process.exitCode = 1;
    }
