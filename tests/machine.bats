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

# breaks FILE OLD NEW: has a fault in a file of the machine.
breaks() {
    grep -qF "$2" "$1" || differs "'$2' in $1"
    sed -i.bak "s|$2|$3|" "$1"
}

@test "the machine's cases, a random program and a boot go through the states that QEMU's go" {
    run tests/machine/run.sh refusals slices cases random boot
    ended_with 0
    says_nothing_but ""
}

@test "a machine that adds wrongly differs from QEMU, and the case is named" {
    breaks site/machine/alu.h "case OP_ADD: return a + b;" "case OP_ADD: return a + b + (b == 7);"
    run tests/machine/run.sh cases
    ended_with 1
    matches '^machine: '
}

@test "a machine that forgets between two ops what a page may do is other in slices" {
    breaks site/machine/run.c "code_page = stays ?" "code_page = true ?"
    run tests/machine/run.sh slices
    ended_with 1
    matches '^machine: .*slices[.]bin: step by step it comes to something else: '
}
