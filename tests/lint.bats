#!/usr/bin/env bats
# What can be said of the sources without running them: form, warnings, and that alloc/ stands
# alone.

load helpers

setup_file() {
    find_tools
}

setup() {
    cd "$PROJECT" || return
}

# The project's files with one of these endings, a line each.
sources() {
    local ending
    for ending in "$@"; do
        find . -name "*.$ending" -not -path './build/*' -not -path './.git/*'
    done | sort
}

# Run a command on the files that are named on standard input. They must be some.
run_on_files() {
    local files
    mapfile -t files
    ((${#files[@]} > 0)) || differs "files to run $1 on"
    run "$@" "${files[@]}"
}

@test "shellcheck finds nothing to say about the scripts" {
    run_on_files shellcheck -x < <(sources sh bash)
    ended_with 0
    # Each test is a subshell, and stubs are scripts in quotes.
    run_on_files shellcheck -x -s bats -e SC2030,SC2031,SC2016 < <(sources bats)
    ended_with 0
}

@test "clang-format would change nothing" {
    run_on_files clang-format --dry-run -Werror < <(sources c h)
    ended_with 0
}

@test "no line is longer than 100 columns, or ends with a space" {
    run_on_files env LC_ALL=C.UTF-8 grep -nE '^.{101,}|[[:space:]]$' < <(
        sources c h S ld sh bash bats
        echo chapters/play
    )
    # 1: there is none.
    ended_with 1
}

@test "every bats file and every script that is run can be executed" {
    local file
    for file in run.sh chapters/play tests/*.bats; do
        [[ -x $file && $(head -n 1 "$file") == '#!/usr/bin/env '* ]] || differs "$file is a program"
    done
}

# ---- alloc/ ----

# run.sh's warnings.
warnings() {
    grep -oE -- ' -W[a-z][a-z-]+' run.sh | tr -d '\n'
}

# Compile all of alloc/ into $BATS_TEST_TMPDIR, as $CC with these options does.
compile_alloc() {
    local file
    # shellcheck disable=SC2046 # several words
    for file in alloc/*.c; do
        run "${COMPILER:-$CC}" "$@" -ffreestanding -std=c11 $(warnings) -c "$file" \
            -o "$BATS_TEST_TMPDIR/$(basename "$file" .c).o"
        ended_with 0
        says_nothing_but ""
    done
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
    for target in "riscv64 -mabi=lp64" "riscv32 -mabi=ilp32" x86_64 wasm32; do
        for level in -O0 -O2 -Os; do
            echo "# $target $level"
            # shellcheck disable=SC2086 # a target may have an option behind it
            compile_alloc "$level" --target=$target
        done
    done
}

@test "alloc/ compiles with gcc without a warning" {
    local level
    [[ $(gcc --version 2>/dev/null) == *"Free Software Foundation"* ]] || skip "no gcc here"
    for level in -O0 -O2 -Os; do
        echo "# gcc $level"
        COMPILER=gcc compile_alloc "$level"
    done
}

@test "alloc/ includes only its own headers and those that C has without a library" {
    local line freestanding=" float.h iso646.h limits.h stdalign.h stdarg.h stdbool.h \
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
    for target in "riscv64 -mabi=lp64" "riscv32 -mabi=ilp32" x86_64; do
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
    for target in "riscv64 -mabi=lp64" "riscv32 -mabi=ilp32" x86_64 wasm32; do
        for level in -O0 -Os; do
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
