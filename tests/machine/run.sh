#!/usr/bin/env bash
# Tests of the machine; exit status 0 if they pass, and then nothing is printed but with -v.
#
#   tests/machine/run.sh [-v]                what is needed after a change
#   tests/machine/run.sh [-v] PART...        some of it: refusals cases random boot consoles page
#   tests/machine/run.sh [-v] long           more of it: 10 random programs, 6,000,000 instructions
#                                            of the boot
#   tests/machine/run.sh [-v] fuzz [SEED]    random programs until one differs; seeds from SEED on
#
# It wants clang with lld, QEMU 7.2 for RISC-V, OpenSBI (BIOS names another), and for WebAssembly
# node 20 or later; without node that side is left out, and said so. STEPS says how many
# instructions of the boot are compared with QEMU's, SEEDS how many random programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${CC:=clang}" "${QEMU:=qemu-system-riscv64}" "${STEPS:=500000}" "${SEEDS:=3}"
: "${BIOS:=/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin}"
verbose=""
[[ ${1:-} != -v ]] || { verbose=yes && shift; }
out=build/machine
mkdir -p "$out"
failed=0

# What the machine has not is off in QEMU, too.
CPU=rv64,f=off,d=off,h=off,sstc=off,pmu-num=0,debug=off,zba=off,zbb=off,zbc=off,zbs=off
CPU+=,marchid=0,mimpid=0

say() {
    [[ ! $verbose ]] || printf '%s\n' "$*"
}

fails() {
    printf 'machine: %s\n' "$*" >&2
    failed=1
}

qemu_pid=""
end_qemu() {
    [[ ! $qemu_pid ]] || kill -KILL "$qemu_pid" 2>/dev/null || true
    [[ ! $qemu_pid ]] || wait "$qemu_pid" 2>/dev/null || true
    qemu_pid=""
}
trap end_qemu EXIT

# build PROGRAM...: the host's programs, each with the whole machine in it.
build() {
    local name sources=()
    for name in site/machine/*.c; do
        [[ $name == */wasm.c ]] || sources+=("$name")
    done
    for name in "$@"; do
        "$CC" -std=c11 -O2 -flto -fuse-ld=lld -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
            -Wcast-qual -Wundef -Wstrict-prototypes -Wmissing-prototypes -Werror \
            "${sources[@]}" tests/machine/host.c "tests/machine/$name.c" -o "$out/$name"
    done
}

# QEMU with the machine's own device tree, and a seed for what it puts into it.
qemu() {
    exec "$QEMU" -machine virt -m 128M -cpu "$CPU" -seed 1 -dtb "$out/own.dtb" -display none \
        -serial null -no-reboot "$@"
}

# lockstep boot|case|random MOST FIRMWARE [KERNEL]: both, beside each other.
lockstep() {
    local mode=$1 most=$2 firmware=$3 kernel=${4:--} status=0 trace
    [[ $kernel == - ]] || set -- "$@" -kernel "$kernel"
    exec {trace}< <(qemu -bios "$firmware" "${@:5}" -monitor none -singlestep \
        -d exec,cpu,nochain -D /dev/stdout </dev/null)
    qemu_pid=$!
    "$out/lockstep" "$firmware" "$kernel" "$out/theirs.dtb" 128 "$most" "$mode" \
        <&"$trace" >"$out/said" || status=$?
    exec {trace}<&-
    end_qemu
    say "$(cat "$out/said")"
    return "$status"
}

# The tree as it lies in QEMU's memory, with what QEMU has put in.
take_tree() {
    "$out/tree" 128 >"$out/own.dtb"
    rm -f "$out/theirs.dtb"
    (qemu -bios "$BIOS" -kernel "$1" -S -monitor stdio) >/dev/null <<<"
pmemsave 0x87e00000 8192 $out/theirs.dtb
quit"
}

assemble() {
    "$CC" --target=riscv64-unknown-elf -march=rv64imac -mno-relax -nostdlib -fuse-ld=lld \
        -Wl,-Ttext=0x80000000 -Wl,--oformat=binary -I tests/machine/cases "$1" -o "$2"
}

# ---- the parts ----

test_refusals() {
    build refusals
    "$out/refusals" || failed=1
}

test_cases() {
    local file name
    for file in tests/machine/cases/*.S; do
        name=$(basename "$file" .S)
        say "case $name"
        assemble "$file" "$out/$name.bin"
        lockstep case 1000000 "$out/$name.bin" || fails "case $name: $(cat "$out/said")"
    done
}

# Random programs, SEEDS of them.
test_random() {
    local last=$((seed + SEEDS - 1))
    "$CC" -std=c11 -O1 -Wall -Wextra -Werror tests/machine/random.c -o "$out/random"
    for (( ; seed <= last; seed++)); do
        "$out/random" "$seed" 20000 >"$out/random.bin"
        say "random seed $seed"
        lockstep random 1000000 "$out/random.bin" || {
            fails "random seed $seed: $(cat "$out/said")"
            return
        }
    done
}

test_boot() {
    lockstep boot "$STEPS" "$BIOS" "$kernel" || fails "boot: $(cat "$out/said")"
}

# Builds and boots every stage under QEMU, with what the machine has. What the firmware prints is in
# console.log, too.
boot_stages() {
    QEMU_FLAGS="-cpu $CPU" ./run.sh all >"$out/stages" || fails "QEMU: $(cat "$out/stages")"
}

test_consoles() {
    local stage folder status
    boot_stages
    for stage in $stages; do
        say "console of $stage"
        folder=build/rv64gc-$stage-selftest
        status=0
        "$out/native" "$BIOS" "$folder/kernel.elf" 128 >"$out/$stage.raw" || status=$?
        ((status == 0)) || fails "$stage: ended with status $status"
        # QEMU's lines have lost their carriage returns on the way through run.sh.
        tr -d '\r' <"$out/$stage.raw" | cmp -s - "$folder/console.log" ||
            fails "$stage: the console, $out/$stage.raw, is not QEMU's, $folder/console.log"
    done
}

# Whether there is node, which has to be of 2023 or later.
has_node() {
    local major
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || major=0
    [[ $major ]] && ((major >= 20)) && return 0
    echo "machine: there is no node 20 or later: WebAssembly is not tested (apt-get install" \
        "nodejs, or npm's package node)" >&2
    return 1
}

# What a page does: the same bytes as natively, and the functions of machine.mjs.
test_page() {
    local status=0
    has_node || return 0
    site/machine/build.sh "$out/machine.wasm"
    assemble tests/machine/echo.S "$out/echo.bin"
    node tests/machine/machine.test.mjs "$out/machine.wasm" "$out/echo.bin" "$kernel" || failed=1
    "$out/native" "$BIOS" "$kernel" 128 >"$out/native.raw" || fails "natively it fails"
    node site/machine/run.mjs "$out/machine.wasm" "$BIOS" "$kernel" </dev/null \
        >"$out/node.raw" || status=$?
    ((status == 0)) || fails "under node it ends with status $status"
    cmp -s "$out/native.raw" "$out/node.raw" ||
        fails "under node the console, $out/node.raw, is not $out/native.raw"
}

# ---- which of them ----

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' tests/machine/run.sh >&2
    exit 2
}

# Whether one of these parts is to be run.
wants() {
    local part
    for part in "$@"; do
        [[ " ${parts[*]} " != *" $part "* ]] || return 0
    done
    return 1
}

kernel=build/rv64gc-buddy-selftest/kernel.elf
stages=$(sed -n 's/^STAGE(\(.*\))$/\1/p' alloc/stages.h)
parts=(refusals consoles page cases random boot)
seed=1
case ${1:-} in
"") ;;
long) SEEDS=10 STEPS=6000000 ;;
fuzz)
    verbose=yes seed=${2:-1} SEEDS=1000000000
    parts=(random)
    ;;
*) parts=("$@") ;;
esac
for part in "${parts[@]}"; do
    [[ $part =~ ^(refusals|consoles|page|cases|random|boot)$ ]] || usage
done
[[ -e $kernel ]] || boot_stages
if wants consoles page; then
    build native
fi
if wants cases random boot; then
    build lockstep tree
    take_tree "$kernel"
fi
! wants refusals || test_refusals
! wants consoles || test_consoles
! wants page || test_page
! wants cases || test_cases
! wants random || test_random
! wants boot || test_boot
exit "$failed"
