#!/usr/bin/env bats
# The build itself: compilers of other versions and other levels of optimization, the same bytes
# wherever it takes place, and what tools see in the sources that no compiler warns of.

load helpers

setup() {
    find_tools
}

# The compiler that run.sh takes, and the newest of those that have a version in their names.
compilers() {
    local version
    echo "$CC"
    for version in {30..15}; do
        type -P "clang-$version" && break
    done
}

@test "the kernel passes at -O0, -O2 and -Os, with the usual and the newest clang" {
    local compiler level
    enter_copy
    unset LD NM OBJDUMP SYMBOLIZER
    while read -r compiler; do
        for level in -O0 -O2 -Os; do
            echo "# $compiler $level"
            # Warnings are errors, and nothing but the kernel may speak.
            CC=$compiler CFLAGS=$level run ./run.sh buddy
            passes
            [[ $output == "freeram: "* ]] || differs "first the kernel's line"
        done
    done < <(compilers)
}

@test "builds in two folders are the same bytes" {
    local stage
    stub "$BATS_TEST_TMPDIR/qemu" <<'END_STUB'
case $1 in
--version) echo "QEMU emulator version 7.2.0" ;;
-L) exec qemu-system-riscv64 "$@" ;;
esac
END_STUB
    mkdir "$BATS_TEST_TMPDIR/another"
    cp -R "$PROJECT"/{*.[ch],kernel.ld,*.sh,alloc,memory,tests} "$BATS_TEST_TMPDIR/another"
    enter_copy
    mkdir objects
    export REAL_CC=${REAL_CC:-$CC} CC_OBJECTS=$PWD/objects QEMU=$BATS_TEST_TMPDIR/qemu
    for stage in $STAGES; do
        # The kernel does not run here, so that both fail. In the first folder most objects are
        # those of the stage before, as in most tests; the second compiles.
        CC=$PROJECT/tests/clang run ./run.sh "$stage"
        CC=$REAL_CC run "$BATS_TEST_TMPDIR/another/run.sh" "$stage"
        cmp kernel.elf "$BATS_TEST_TMPDIR/another/kernel.elf"
    done
    # With an option that tests/clang does not know there would be none.
    (($(find objects -name '*.o' | wc -l) > 20)) || differs "the kernel's objects"
}

# How run.sh compiles, as far as it matters to who reads only.
kernel_flags() {
    printf '%s\n' --target=riscv64-unknown-elf -march=rv64gc -mabi=lp64 -mcmodel=medany -std=c11 \
        -ffreestanding -DALLOC=buddy_stage
}

# For each file of the kernel that uses a name of another: "FILE OTHER", for tsort. `llvm-nm -A` has
# a line for each name: its file, then U and the name, or an address, a letter and the name.
needs() {
    "$NM" -A "$@" | awk '{
        file = $1
        sub(/:.*/, "", file)
        if ($(NF - 1) == "U") used[file " " $NF] = 1
        else if ($(NF - 1) ~ /^[TDBR]$/) home[$NF] = file
    }
    END {
        for (pair in used) {
            split(pair, part, " ")
            if (part[2] in home && home[part[2]] != part[1]) print part[1], home[part[2]]
        }
    }'
}

@test "no file of the kernel needs another that needs it" {
    local file flags
    cd "$PROJECT"
    mapfile -t flags < <(kernel_flags)
    for file in *.c memory/*.c alloc/*.c; do
        "$CC" "${flags[@]}" -c "$file" -o "$BATS_TEST_TMPDIR/$(basename "$file" .c).o"
    done
    cd "$BATS_TEST_TMPDIR"
    run tsort < <(needs ./*.o)
    ended_with 0
    says_line ./sbi.o
    # A circle is noticed.
    echo 'void shutdown(_Bool); void back(void); void back(void) { shutdown(0); }' |
        "$CC" "${flags[@]}" -x c -c - -o extra.o
    "${LD:-ld.lld}" -r sbi.o extra.o -o circle.o
    run tsort < <(needs panic.o trap.o common.o circle.o)
    ((status != 0)) || differs "a circle"
}

@test "clang-tidy finds nothing in the kernel" {
    cd "$PROJECT"
    local form
    needs_form clang-tidy
    local flags
    mapfile -t flags < <(kernel_flags)
    run --separate-stderr "$form" --quiet ./*.c memory/*.c alloc/*.c -- "${flags[@]}"
    ended_with 0
    says_nothing_but ""
}

@test "clang-tidy finds nothing in the machine and its tests" {
    cd "$PROJECT"
    local form files=() file
    needs_form clang-tidy
    # The page's side is WebAssembly's.
    for file in site/machine/*.c; do
        [[ $file == */wasm.c ]] || files+=("$file")
    done
    run --separate-stderr "$form" --quiet "${files[@]}" tests/machine/*.c -- -std=c11
    ended_with 0
    says_nothing_but ""
    run --separate-stderr "$form" --quiet site/machine/wasm.c -- --target=wasm32 -std=c11 \
        -ffreestanding
    ended_with 0
    says_nothing_but ""
}

@test "clang-tidy finds a null pointer that is read" {
    enter_copy
    local form
    needs_form clang-tidy
    local flags
    mapfile -t flags < <(kernel_flags)
    cp "$PROJECT/.clang-tidy" .
    echo 'int zero(void); int zero(void) { int *none = 0; return *none; }' >>memory/map.c
    run "$form" --quiet memory/map.c -- "${flags[@]}"
    ended_with 1
    says clang-analyzer-core.NullDereference
}

# gcc's analyzer on a file. Its printf and putchar are not the C library's, and clang has attributes
# that gcc does not know.
analyze() {
    run gcc -std=c11 -ffreestanding -O2 -fanalyzer -Wno-attributes -Wall -Wextra -Werror \
        -Wno-builtin-declaration-mismatch -c "$1" -o "$BATS_TEST_TMPDIR/analyzed.o"
}

@test "gcc's analyzer finds nothing in alloc/, the machine, and what has no assembly" {
    local file
    cd "$PROJECT"
    [[ $(gcc --version 2>/dev/null) == *"Free Software Foundation"* ]] || skip "no gcc here"
    for file in alloc/*.c common.c memory/{fdt,map,machine,frames}.c site/machine/*.c; do
        [[ $file != */wasm.c ]] || continue
        analyze "$file"
        ended_with 0
        says_nothing_but ""
    done
    cd "$BATS_TEST_TMPDIR"
    echo 'int zero(void); int zero(void) { int *none = 0; return *none; }' >zero.c
    analyze zero.c
    ended_with 1
    says "-Werror=analyzer-null-dereference"
}

# ---- the compiler of the tests ----

# In a folder of its own, a compiler that notes in the file `compiled` which files it compiles.
note_compilations() {
    cd "$BATS_TEST_TMPDIR" || return
    stub ./real <<END
for word; do [[ \$word != -c ]] || echo "\$*" >>compiled; done
exec '${REAL_CC:-$CC}' "\$@"
END
    mkdir objects
}

# Build a program of one.c and two.c with tests/clang and more options: that compiles $1 of them.
compiles() {
    local times=$1
    shift
    : >compiled
    run env REAL_CC="$PWD/real" CC_OBJECTS="$PWD/objects" "$PROJECT/tests/clang" \
        --target=riscv64-unknown-elf -mno-relax -ffreestanding -nostdlib -static -std=c11 -Wall \
        --ld-path="$LD" -Wl,-e,f "$@" -o made one.c two.c
    ended_with 0
    (($(wc -l <compiled) == times)) || differs "$times files compiled, not: $(<compiled)"
}

@test "a file is compiled once, and again when it, a header or an option is another" {
    note_compilations
    printf '%s\n' '#include "one.h"' 'int f(void);' 'int f(void) { return ONE; }' >one.c
    echo '#define ONE 1' >one.h
    printf '%s\n' '#if __has_include("three.h")' 'int h = 3;' '#endif' 'int g = 2;' >two.c
    compiles 2
    compiles 0
    cp made first
    "${REAL_CC:-$CC}" --target=riscv64-unknown-elf -mno-relax -ffreestanding -nostdlib -static \
        --ld-path="$LD" -std=c11 -Wall -Wl,-e,f -o made one.c two.c
    cmp first made
    compiles 2 -O2
    compiles 1 -DONE=1 # in one.c the name stands
    compiles 0
    echo '#define ONE 3' >one.h
    compiles 1
    ! cmp -s first made || differs "another program"
    touch three.h
    compiles 1
    echo 'int i = 4;' >>two.c
    compiles 1
    rm three.h
    echo '#define ONE 1' >one.h
    compiles 1 # one.c is as at first, and two.c has a line more
}

@test "what the compiler says of a file it says each time" {
    note_compilations
    echo 'int f(void) { int unused; return 1; }' >one.c
    echo 'int g = 2;' >two.c
    compiles 1
    says "warning: unused variable 'unused'"
    compiles 1
    says "warning: unused variable 'unused'"
}
