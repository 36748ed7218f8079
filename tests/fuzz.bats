#!/usr/bin/env bats
# What reads or is called from outside, driven by bytes that libFuzzer makes up, for a few seconds
# each; and that the fuzzers find faults. The corpora that they start from are in tests/fuzz/corpus.

load helpers

setup() {
    enter_copy
}

# Fuzz a target for some seconds; nothing may be found.
finds_nothing() {
    FUZZ_FLAGS="-max_total_time=$2" run ./run.sh fuzz "$1"
    ended_with 0
    matches '^Done [1-9][0-9]{2,} runs'
    run ls "build/fuzz/$1"
    says_not crash-
}

# Fuzz a target that was broken: what was found is named, and found again with that name.
finds() {
    local found
    FUZZ_FLAGS="-max_total_time=60" run ./run.sh fuzz "$1"
    ended_with 1
    says "$2"
    found=$(sed -n 's/.*again with: \.\/run\.sh fuzz [a-z]* //p' <<<"$output")
    [[ -f $found ]] || differs "the file that was found"
    run ./run.sh fuzz "$1" "$found"
    ((status != 0)) || differs "the same failure"
    says "$2"
}

@test "no blob of bytes makes the device tree reader read outside of it" {
    finds_nothing fdt 8
}

@test "no calls make a stage differ from the oracle" {
    finds_nothing alloc 12
}

@test "no conversion makes printf differ from the C library's" {
    finds_nothing printf 5
}

@test "the fuzzer finds a bound that is missing in the device tree reader" {
    tests/fuzz/break.sh fdt
    finds fdt AddressSanitizer
}

@test "the fuzzer finds a double free that is not refused" {
    tests/fuzz/break.sh alloc
    finds alloc "bitmap: "
}

@test "the fuzzer finds a printf that forgets to pad on the right" {
    tests/fuzz/break.sh printf
    finds printf 'expected "'
}

@test "fuzz names its targets, and refuses a file that is not there" {
    run ./run.sh fuzz
    refuses_with "fuzz needs a target: there are alloc, fdt, printf"
    run ./run.sh fuzz buddy
    refuses_with "fuzz needs a target: there are alloc, fdt, printf"
    run ./run.sh fuzz "alloc fdt"
    refuses_with "fuzz needs a target: there are alloc, fdt, printf"
    run ./run.sh fuzz alloc nowhere
    refuses_with "no such file: nowhere"
}

@test "fuzz finds a file where it was called" {
    mkdir elsewhere
    cp tests/fuzz/corpus/printf/00 elsewhere/input
    cd elsewhere
    run ../run.sh fuzz printf input
    ended_with 0
    says "Executed $PWD/input in"
}
