#!/usr/bin/env bats
# Do the host tests reach every line and every branch of alloc/ and the device tree reader? A
# function is added that nothing calls: it must be all that is missed.

load helpers

@test "the host tests miss nothing of alloc/ and memory/fdt.c but what was added to be missed" {
    local line
    enter_copy
    find_tools
    type -P llvm-cov >/dev/null || skip "no llvm-cov here"
    line=$(($(wc -l <alloc/words.c) + 1))
    echo 'int missed(void); int missed(void) { return 42; }' >>alloc/words.c
    run tests/host/coverage.sh
    ended_with 1
    matches "^alloc/words\.c:$line:[0-9]+: no test gets here\$"
    matches '^22 of 22 files, [0-9]+ pieces of code, [0-9]+ sides of branches: 1 not covered$'
}
