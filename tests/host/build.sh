#!/usr/bin/env bash
# Build the host tests into build/host, or into the directory that is named, with further options
# for the compiler. Each of the programs speaks TAP: CMOCKA_MESSAGE_OUTPUT=TAP prove build/host/*.t
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=${1:-build/host}
compiler=${HOST_CC:-${CC:-clang}}
flags=(-std=c11 -g -O1 -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Werror -include "$PWD/tests/host/assert.h" "${@:2}")

# The kernel's own functions step aside for the C library's. Only calls and declarations change:
# the attribute format(printf, 1, 2) keeps its printf.
kernel_flags=(-ffreestanding)
for name in printf vprintf putchar memset memcpy memmove memcmp strlen; do
    kernel_flags+=("-D$name(...)=kernel_$name(__VA_ARGS__)")
done

# objects FOLDER ARGUMENT... : compile into a folder of $out. Sources are named by full paths.
objects() {
    local folder=$out/$1
    shift
    mkdir -p "$folder"
    (cd "$folder" && "$compiler" "${flags[@]}" -c "$@")
}

# program NAME ARGUMENT...
program() {
    local name=$1
    shift
    "$compiler" "${flags[@]}" "$@" -o "$out/$name.t" -lcmocka
}

# Run two functions side by side; fail if one of them does.
both() {
    local one two status=0
    "$1" &
    one=$!
    "$2" &
    two=$!
    wait "$one" || status=1
    wait "$two" || status=1
    return "$status"
}

shared_alloc() {
    objects alloc "$PWD"/alloc/*.c
}

shared_rest() {
    objects trial "$PWD"/tests/host/{trial,oracle}.c
    objects search "$PWD"/tests/host/{calls,explore,faulty,random,shrink,space}.c
    objects kernel "${kernel_flags[@]}" "$PWD"/{common,memory/map,memory/frames}.c \
        "$PWD"/tests/selftest{,_span}.c
}

# Sources with words of 8 bits and all else as small, so that few pages have borders of every kind:
# a copy of alloc/ in which these lines say something else.
make_narrow() {
    local line file narrow=$out/narrow
    local -a edits=(-e 's/uint64_t/uint8_t/g' -e 's/UINT64_MAX/UINT8_MAX/g'
        -e 's/__builtin_clzll(word)/(& - 56)/')
    for line in "WORD_BITS ((size_t) 8)" "BOUNDS_FANOUT ((size_t) 2)" "CHUNK ((size_t) 16)" \
        "MAX_ORDER 2U" "MAX_ALIGN (PAGE_SIZE << 2)"; do
        grep -qh "^#define ${line%% *} " alloc/* || {
            echo "build.sh: no #define ${line%% *} in alloc/" >&2
            return 1
        }
        edits+=(-e "s/^#define ${line%% *} .*/#define $line/")
    done
    mkdir -p "$narrow/alloc" "$narrow/tests/host"
    for file in alloc/*; do
        sed "${edits[@]}" "$file" >"$narrow/$file"
    done
    cp tests/host/{trial,oracle,calls,explore,space}.[ch] tests/host/test_states.c \
        "$narrow/tests/host"
}

# Bytes are promoted to int, and need not lie where 64-bit words do: that is for the real alloc/.
program_of_narrow() {
    make_narrow
    program test_states_narrow -Wno-conversion -fno-sanitize=alignment \
        "$out"/narrow/alloc/*.c "$out"/narrow/tests/host/*.c
}

# The device trees that the tests read: from sources, and from QEMU.
make_trees() {
    local dts trees=$out/trees
    mkdir -p "$trees"
    for dts in tests/host/trees/*.dts; do
        dtc -q -I dts -O dtb -o "$trees/$(basename "$dts" .dts).dtb" "$dts"
    done
    dtc -q -I dts -O dtb -V 16 -o "$trees/version_16.dtb" tests/host/trees/two_cells.dts
    dump_tree qemu 64 -m 128M
    dump_tree qemu32 32 -m 128M
    dump_tree qemu_smp 64 -m 128M -smp 4
    dump_tree qemu_numa 64 -m 384M -smp 4 \
        -object memory-backend-ram,id=low,size=128M -object memory-backend-ram,id=high,size=256M \
        -numa node,cpus=0-1,memdev=low -numa node,cpus=2-3,memdev=high
}

# dump_tree NAME BITS OPTION...
dump_tree() {
    local file=$out/trees/$1.dtb bits=$2
    shift 2
    "qemu-system-riscv$bits" -bios none -machine "virt,dumpdtb=$file" "$@" 2>/dev/null
}

# What the interface does, with the oracle.
programs_of_trials() {
    for name in alloc borders errors free ranges bump stack tree buddy; do
        program "test_$name" "tests/host/test_$name.c" "$out"/{alloc,trial}/*.o
    done
    for name in explore random shrink; do
        program "test_$name" "tests/host/test_$name.c" "$out"/{alloc,trial,search}/*.o
    done
}

programs_of_states() {
    program test_states tests/host/test_states.c "$out"/{alloc,trial,search}/*.o
    program_of_narrow
}

programs_of_parts() {
    programs_of_states
    for name in words bits bounds; do
        program "test_$name" "tests/host/test_$name.c" "$out"/alloc/*.o
    done
    make_trees
    local trees="-DTREES=\"$out/trees\""
    program test_fdt "$trees" tests/host/test_fdt.c memory/fdt.c
    program test_map "$trees" -fno-builtin tests/host/test_map.c memory/{map,machine,fdt}.c
    program test_common "${kernel_flags[@]}" tests/host/test_common.c "$out/kernel/common.o"
    for stage in bump bitmap stack tree buddy; do
        program "selftest_$stage" "${kernel_flags[@]}" "-DALLOC=${stage}_stage" \
            tests/host/selftest_host.c "$out"/{alloc,kernel}/*.o
    done
}

build_all() {
    rm -f "$out"/*.t
    both shared_alloc shared_rest
    both programs_of_trials programs_of_parts
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
# Other scripts source this one for what there is to build, and build it their way.
[[ ${BASH_SOURCE[0]} != "$0" ]] || build_all
