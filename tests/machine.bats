#!/usr/bin/env bats
# The machine of the site does what QEMU does. Its own tests are tests/machine/run.sh; here are
# those that need no node.

load helpers

setup() {
    qemu=$(qemu-system-riscv64 --version 2>/dev/null) || skip "no QEMU here"
    # What it prints of each instruction, and what it does at some edges, is another's elsewhere.
    [[ $qemu == *"version 7.2."* ]] ||
        skip "it is compared with QEMU 7.2, and this is: ${qemu%%$'\n'*}"
    enter_copy
    find_tools
}

@test "the machine's cases, a random program and a boot go through the states that QEMU's go" {
    run tests/machine/run.sh refusals slices cases random boot
    ended_with 0
    says_nothing_but ""
}

@test "a machine that adds wrongly differs from QEMU, and the case is named" {
    local sum="case OP_ADD: return a + b"
    grep -q "$sum;" site/machine/alu.h || differs "a sum in alu.h"
    sed -i.bak "s|$sum;|$sum + (b == 7);|" site/machine/alu.h
    run tests/machine/run.sh cases
    ended_with 1
    matches '^machine: '
}

@test "a machine that forgets between two ops what a page may do is other in slices" {
    local border="code_page = stays ?"
    grep -q "$border" site/machine/run.c || differs "where the page is remembered in run.c"
    sed -i.bak "s|$border|code_page = true ?|" site/machine/run.c
    run tests/machine/run.sh slices
    ended_with 1
    matches '^machine: .*slices[.]bin: step by step it comes to something else: '
}
