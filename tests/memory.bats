#!/usr/bin/env bats
# The memory that the kernel finds: guests of all sizes, holes, several nodes, a tree that lies.

load helpers

setup() {
    enter_copy
}

# The kernel's own count of pages: "buddy: 32573 pages, …".
pages_managed() {
    sed -n -E 's/^[a-z]+: ([0-9]+) pages, .*/\1/p' <<<"$output"
}

# Compile the device tree of QEMU's machine, with its memory node's reg as given, to tree.dtb.
tree_with_memory() {
    "${QEMU:-qemu-system-riscv64}" -bios none -machine virt,dumpdtb=qemu.dtb -m 128M 2>/dev/null
    dtc -q -I dtb -O dts qemu.dtb |
        sed "/memory@80000000/,/};/s/reg = .*/reg = <$1>;/" >tree.dts
    dtc -q -I dts -O dtb -o tree.dtb tree.dts
}

# With 32M and 1G they pass in kernel.bats, with 1T in readme.bats, as README shows it: a terabyte
# is dear where page faults are.
@test "all stages pass with 64G, each within the usual time" {
    run ./run.sh -m 64G all
    ended_with 0
    says_line "6 of 6 stages passed"
}

@test "at boot the map, the reservations, the metadata and the pages are printed" {
    run ./run.sh tree
    passes
    says_line "freeram: rv64, hart 0, device tree at 0x87e00000"
    says_line "memory    0x80000000 to 0x88000000, 131072 KiB"
    matches '^reserved  0x80000000 to 0x802[0-9a-f]+, [0-9]+ KiB$' # OpenSBI to the kernel's end
    matches '^reserved  0x87e00000 to 0x87e0[0-9a-f]+, [0-9]+ KiB$' # the device tree
    matches '^tree: [0-9]+ pages, [0-9]+ KiB of metadata at 0x87ff0000$'
    says_not warning
    says_not "left out"
}

# What is printed as pages, reserved and metadata are $1 KiB together.
accounts_for() {
    local pages kib=0 number
    pages=$(pages_managed)
    while read -r number; do kib=$((kib + number)); done < <(
        sed -n -E -e 's/^reserved .*, ([0-9]+) KiB$/\1/p' -e 's/.* pages, ([0-9]+) KiB of .*/\1/p' \
            <<<"$output")
    ((pages * 4 + kib == $1)) || differs "$pages pages and $kib KiB to be $1 KiB"
}

@test "every page is free, reserved or metadata" {
    run ./run.sh bitmap
    passes
    accounts_for $((128 * 1024))
}

@test "memory up to 256 GiB needs three levels of tables, and more of it four" {
    # The memory begins at 2 GiB, and the upper half of Sv39 at 256 GiB.
    TIME_LIMIT=300 run ./run.sh -m 254G
    passes
    says_line "memory    0x80000000 to 0x4000000000, 266338304 KiB"
    matches '^# Sv39: '
    accounts_for 266338304
    TIME_LIMIT=300 run ./run.sh -m 300G
    passes
    says_line "memory    0x80000000 to 0x4b80000000, 314572800 KiB"
    matches '^# Sv48: '
}

@test "at 1T the guest touches little more than its metadata and the pages under test" {
    [[ -r /proc/self/status ]] || skip "no /proc here"
    stub ./watched-qemu <<END
case \$1 in
--version | -L) exec '${QEMU:-qemu-system-riscv64}' "\$@" ;;
esac
'${QEMU:-qemu-system-riscv64}' "\$@" &
while kill -0 \$! 2>/dev/null; do
    sed -n 's/^VmHWM:[[:space:]]*\\([0-9]*\\) kB/\\1/p' /proc/\$!/status >peak.new 2>/dev/null
    [[ ! -s peak.new ]] || mv peak.new peak
    sleep 0.05
done
wait \$!
END
    QEMU=./watched-qemu TIME_LIMIT=300 run ./run.sh -m 1T buddy
    passes
    local metadata
    metadata=$(sed -n -E 's/.* pages, ([0-9]+) KiB of .*/\1/p' <<<"$output")
    # Three times the metadata, for physical and for twice as many virtual addresses; 64 MiB of
    # pages under test; and for QEMU itself what it takes here, 118 MiB and 100 MiB to track 1T.
    (($(<peak) < 3 * metadata + (64 + 118 + 100) * 1024)) ||
        differs "QEMU to have touched less than its $(<peak) KiB"
}

@test "two memory nodes of a machine with two sockets are all managed" {
    export QEMU_FLAGS="-smp 2
        -object memory-backend-ram,id=low,size=48M -object memory-backend-ram,id=high,size=80M
        -numa node,cpus=0,memdev=low -numa node,cpus=1,memdev=high"
    # What a stage sees of them is one range.
    run ./run.sh
    passes
    says_line "memory    0x80000000 to 0x88000000, 131072 KiB"
}

@test "memory with a hole, in reverse order, with an end off a page, passes under every stage" {
    tree_with_memory "0x0 0x87000000 0x0 0x00fffc00 0x0 0x80000000 0x0 0x5000800"
    export QEMU_FLAGS="-dtb tree.dtb"
    local stage
    for stage in $STAGES; do
        run ./run.sh "$stage"
        passes
        says_line "memory    0x80000000 to 0x85000000, 81920 KiB"
        says_line "memory    0x87000000 to 0x87fff000, 16380 KiB"
    done
}

# 200 pieces of so many cells, from an address on, 8 KiB apart: pieces BEFORE ADDRESS AFTER.
pieces() {
    local i
    for ((i = 0; i < 200; i++)); do
        printf '%s 0x%x %s ' "$1" $(($2 + i * 0x2000)) "$3"
    done
}

@test "200 reserved pages are too many for a map: single pages are lost, and the kernel says so" {
    tree_with_memory "0x0 0x80000000 0x0 0x8000000"
    { echo "/dts-v1/;"; pages=$(pieces /memreserve/ 0x85000000 "0x1000;"); echo "$pages"
        sed 1d tree.dts; } >many.dts
    dtc -q -I dts -O dtb -o tree.dtb many.dts
    export QEMU_FLAGS="-dtb tree.dtb"
    run ./run.sh
    passes
    matches '^warning: [0-9]+ KiB of memory are not used: a map has room for 128 ranges$'
    matches '^reserved  and [0-9]+ KiB that are left out: a map has room for 128 ranges$'
    matches '^reserved  0x80000000 to 0x802[0-9a-f]+, [0-9]+ KiB$'
    (($(sed -n 's/^warning: \([0-9]*\) KiB.*/\1/p' <<<"$output") <= 75 * 4)) ||
        differs "no more than 75 pages that are not used"
    (($(pages_managed) > 31500)) || differs "more than 31500 pages"
}

@test "200 pages of memory before the kernel's are too many for a map, and the kernel's is kept" {
    tree_with_memory "$(pieces 0x0 0x86000000 "0x0 0x1000")0x0 0x80000000 0x0 0x5000000"
    QEMU_FLAGS="-dtb tree.dtb" run ./run.sh
    passes
    says_line "memory    0x80000000 to 0x85000000, 81920 KiB"
    says_line "memory    and 292 KiB that are left out: a map has room for 128 ranges"
    says_line "warning: 292 KiB of memory are not used: a map has room for 128 ranges"
}

@test "memory that is said to be far away is left out with a warning that names it" {
    tree_with_memory "0x0 0x80000000 0x0 0x8000000 0x400000 0x0 0x0 0x40000000"
    export QEMU_FLAGS="-dtb tree.dtb"
    local stage
    # One that counts all that lies between, and one whose metadata hardly grows with it.
    for stage in buddy bump; do
        run ./run.sh "$stage"
        passes
        says_line "memory    0x40000000000000 to 0x40000040000000, 1048576 KiB"
        says_line "warning: 0x40000000000000 to 0x40000040000000 is not used: the metadata for all\
 memory from here to there would be more than 1/8 of it"
        ((30000 < $(pages_managed) && $(pages_managed) < 128 * 256)) || differs "128 MiB of pages"
    done
}

@test "a device tree that cannot be used gives a warning, and __free_ram alone" {
    CFLAGS=-DFDT_LIMIT=64 run ./run.sh buddy
    passes
    says_line "warning: the device tree cannot be used (FDT_TRUNCATED): no memory but __free_ram"
    matches '^buddy: 16[0-9]{3} pages'
}

@test "a device tree with no memory at __free_ram is a panic that says so" {
    tree_with_memory "0x0 0x80000000 0x0 0x240000 0x0 0x87000000 0x0 0x1000000"
    QEMU_FLAGS="-dtb tree.dtb" run ./run.sh buddy
    ended_with 1
    matches '^PANIC: kernel\.c:[0-9]+: there is no usable memory at __free_ram, 0x80[0-9a-f]+$'
}

@test "where no memory is usable, the map is printed before the panic" {
    tree_with_memory "0x0 0x80000000 0x0 0x40000"
    QEMU_FLAGS="-dtb tree.dtb" run ./run.sh buddy
    ended_with 1
    says_line "memory    0x80000000 to 0x80040000, 256 KiB"
    matches '^reserved  0x80000000 to 0x80[0-9a-f]+, [0-9]+ KiB$'
    matches '^PANIC: memory/frames\.c:[0-9]+: there is no usable memory$'
}
