#!/usr/bin/env bats
# What alloc/ stands by, without running it: it compiles everywhere without a warning, and needs
# nothing from outside.

load helpers

# With FREERAM_QUICK, as in `run.sh test quick`, the two kernels' targets are enough, and one level.
TARGETS=("riscv64 -mabi=lp64" "riscv32 -mabi=ilp32" x86_64 wasm32)
LEVELS=(-O0 -O2 -Os)
if [[ ${FREERAM_QUICK:-} ]]; then
    TARGETS=("${TARGETS[@]:0:2}")
    LEVELS=(-O2)
fi

setup_file() {
    find_tools
}

setup() {
    cd "$PROJECT" || return
}

# run.sh's warnings.
warnings() {
    grep -oE -- ' -W[a-z][a-z-]+' run.sh | tr -d '\n'
}

# Compile all of alloc/ into $BATS_TEST_TMPDIR, as $CC with these options does.
compile_alloc() {
    local sources=("$PWD"/alloc/*.c)
    # shellcheck disable=SC2046 # several words
    run compile_into "$BATS_TEST_TMPDIR" "$@" -ffreestanding -std=c11 $(warnings) -c "${sources[@]}"
    ended_with 0
    says_nothing_but ""
}

compile_into() {
    cd "$1" && "${COMPILER:-$CC}" "${@:2}"
}

@test "the warnings that alloc/ is compiled with are run.sh's, and fail" {
    run warnings
    says " -Wall -Wextra "
    says " -Wconversion "
    says " -Werror"
    cd "$BATS_TEST_TMPDIR"
    mkdir alloc
    echo 'int zero(long l); int zero(long l) { return l; }' >alloc/zero.c
    cp "$PROJECT/run.sh" .
    run compile_alloc
    ended_with 1
    says "-Werror,-Wshorten-64-to-32"
}

@test "alloc/ compiles without a warning for every target and optimization" {
    local target level
    for target in "${TARGETS[@]}"; do
        for level in "${LEVELS[@]}"; do
            echo "# $target $level"
            # shellcheck disable=SC2086 # a target may have an option behind it
            compile_alloc "$level" --target=$target
        done
    done
}

@test "alloc/ compiles with gcc without a warning" {
    local level
    [[ $(gcc --version 2>/dev/null) == *"Free Software Foundation"* ]] || skip "no gcc here"
    for level in "${LEVELS[@]}"; do
        echo "# gcc $level"
        COMPILER=gcc compile_alloc "$level"
    done
}

@test "alloc/ includes only its own headers and those that C has without a library" {
    local line freestanding=" float.h iso646.h limits.h stdalign.h stdarg.h stdatomic.h stdbool.h \
stddef.h stdint.h stdnoreturn.h "
    run grep -hE '^[[:space:]]*#[[:space:]]*include' alloc/*.[ch]
    ended_with 0
    for line in "${lines[@]}"; do
        if [[ $line =~ ^#include\ \"([a-z_]+\.h)\"$ ]]; then
            [[ -f alloc/${BASH_REMATCH[1]} ]] || differs "a header in alloc/, not: $line"
        else
            [[ $line =~ ^#include\ \<(.*)\>$ && $freestanding == *" ${BASH_REMATCH[1]} "* ]] ||
                differs "a header of freestanding C, not: $line"
        fi
    done
}

@test "alloc/ contains no assembly, and no word of RISC-V, of a console or of a panic" {
    run grep -nwE '(__)?asm(__)?|csr[rwsc]|ecall|printf|panic|PANIC|abort' alloc/*.[ch]
    ended_with 1
    run grep -niE 'risc-?v|\<sbi' alloc/*.[ch]
    ended_with 1
    says_nothing_but ""
}

@test "alloc/ has no variables of its own" {
    local target
    for target in "${TARGETS[@]:0:3}"; do
        # shellcheck disable=SC2086
        compile_alloc -O2 -fno-pic --target=$target
        run "$NM" "$BATS_TEST_TMPDIR"/*.o
        ended_with 0
        matches ' R bump_stage$'
        # By name, not by section: a compiler may keep constants of its own, .LCPI0_0, in .sdata.
        ! grep ' [BbCDd] [^.]' <<<"$output" || differs "nothing with a name in .data or .bss"
    done
}

@test "alloc/ needs nothing from outside but memset and memcpy" {
    local target level
    for target in "${TARGETS[@]}"; do
        for level in -O0 "${LEVELS[@]:2}"; do
            echo "# $target $level"
            # shellcheck disable=SC2086
            compile_alloc "$level" --target=$target
            run names_from_outside
            says_nothing_but ""
        done
    done
}

# The names that the objects use and none of them defines, less what is allowed.
names_from_outside() {
    comm -23 <("$NM" -u "$BATS_TEST_TMPDIR"/*.o | sed -n 's/^ *U //p' | sort -u) \
        <({
            "$NM" --defined-only "$BATS_TEST_TMPDIR"/*.o | sed -n 's/^[^ ]* [A-Z] //p'
            printf '%s\n' memset memcpy __stack_pointer __linear_memory __indirect_function_table
        } | sort -u)
}
