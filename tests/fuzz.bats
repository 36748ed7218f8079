#!/usr/bin/env bats
# The device tree reader, driven by bytes that libFuzzer makes up, for a few seconds. The corpus
# that it starts from is in tests/fuzz/corpus.

load helpers

setup() {
    find_tools
    cd "$BATS_TEST_TMPDIR" || return
}

@test "no blob of bytes makes the device tree reader read outside of it" {
    "$CC" -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -o fuzz_fdt "$PROJECT/tests/fuzz/fuzz_fdt.c" "$PROJECT/fdt.c"
    mkdir found
    run ./fuzz_fdt -max_total_time=10 -max_len=4096 found "$PROJECT/tests/fuzz/corpus/fdt"
    ended_with 0
    matches '^Done [1-9][0-9]+ runs'
}

@test "the fuzzer finds a bound that is missing" {
    cp -R "$PROJECT/tests" "$PROJECT/"fdt.[ch] .
    # The check that a property ends inside the structure block.
    grep -q 'FDT_BAD_PROPERTY;' fdt.c
    sed '/return FDT_BAD_PROPERTY;/s/return FDT_BAD_PROPERTY;/{}/' fdt.c >broken.c
    "$CC" -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -o fuzz_fdt tests/fuzz/fuzz_fdt.c broken.c
    mkdir found
    run ./fuzz_fdt -max_total_time=60 -max_len=4096 found tests/fuzz/corpus/fdt
    ((status != 0)) || differs "a crash"
    says "AddressSanitizer"
}
