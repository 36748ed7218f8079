#!/usr/bin/env bash
# All tests of the machine; exit status 0 if they pass, and then nothing is printed but with -v.
#
#   tests/machine/run.sh [-v]                a few minutes, of which most is QEMU printing registers
#   tests/machine/run.sh [-v] fuzz [SEED]    random programs until one differs; seeds from SEED on
#
# It wants clang with lld, QEMU 7.2 for RISC-V, OpenSBI (BIOS names another), and for WebAssembly
# node 20 or later; without node that side is left out, and said so. STEPS says how many
# instructions of the boot are compared with QEMU's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${CC:=clang}" "${QEMU:=qemu-system-riscv64}" "${STEPS:=1000000}"
: "${BIOS:=/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin}"
verbose="" random=""
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

build() {
    local name sources=()
    for name in site/machine/*.c; do
        [[ $name == */wasm.c ]] || sources+=("$name")
    done
    for name in native lockstep tree; do
        "$CC" -std=c11 -O2 -flto -fuse-ld=lld -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
            -Wcast-qual -Wundef -Wstrict-prototypes -Wmissing-prototypes -Werror \
            "${sources[@]}" tests/machine/host.c "tests/machine/$name.c" -o "$out/$name"
    done
    "$CC" -std=c11 -O1 -Wall -Wextra -Werror tests/machine/random.c -o "$out/random"
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

test_cases() {
    local file name
    for file in tests/machine/cases/*.S; do
        name=$(basename "$file" .S)
        say "case $name"
        assemble "$file" "$out/$name.bin"
        lockstep case 1000000 "$out/$name.bin" || fails "case $name: $(cat "$out/said")"
    done
}

# A random program for each seed from $1 to $2.
test_random() {
    local seed
    for ((seed = $1; seed <= $2; seed++)); do
        "$out/random" "$seed" 20000 >"$out/random.bin"
        say "random seed $seed"
        lockstep random 1000000 "$out/random.bin" || {
            fails "random seed $seed: $(cat "$out/said")"
            return
        }
    done
}

# Without the firmware's part, which names extensions that the machine has not.
from_kernel() {
    tr -d '\r' | sed -n '/^freeram: /,$p'
}

# check_console STAGE NAME STATUS
check_console() {
    from_kernel <"$out/$1.raw" >"$out/$1.got"
    cmp -s "$out/$1.got" "$out/$1.want" || fails "$2: the console is not QEMU's: $out/$1.got"
    (($3 == 0)) || fails "$2: ended with status $3"
}

test_consoles() {
    local stage kernel status has_node=yes
    local major
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || major=0
    if [[ ! $major ]] || ((major < 20)); then
        has_node=""
        echo "machine: there is no node 20 or later: WebAssembly is not tested (apt-get install" \
            "nodejs, or npm's package node)" >&2
    else
        site/machine/build.sh "$out/machine.wasm"
    fi
    for stage in bump bitmap stack tree buddy; do
        ./run.sh "$stage" >"$out/$stage.qemu" || true
        kernel=build/rv64gc-$stage-selftest/kernel.elf
        from_kernel <"$out/$stage.qemu" >"$out/$stage.want"
        status=0
        "$out/native" "$BIOS" "$kernel" 128 >"$out/$stage.raw" || status=$?
        check_console "$stage" "$stage" "$status"
        [[ $has_node ]] || continue
        status=0
        node site/machine/run.mjs "$out/machine.wasm" "$BIOS" "$kernel" </dev/null \
            >"$out/$stage.raw" || status=$?
        check_console "$stage" "$stage under node" "$status"
        say "console of $stage"
    done
}

build
./run.sh >/dev/null
kernel=build/rv64gc-buddy-selftest/kernel.elf
take_tree "$kernel"
if [[ ${1:-} == fuzz ]]; then
    verbose=yes
    test_random "${2:-1}" 1000000000
    exit "$failed"
fi
test_cases
test_random 1 8
say "boot"
lockstep boot "$STEPS" "$BIOS" "$kernel" || fails "boot: $(cat "$out/said")"
test_consoles
exit "$failed"
