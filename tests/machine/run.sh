#!/usr/bin/env bash
# Tests of the machine; exit status 0 if they pass, and then nothing is printed but with -v.
#
#   tests/machine/run.sh [-v]                what is needed after a change
#   tests/machine/run.sh [-v] PART...        some of it: refusals page slices cases random boot
#                                            selftest, and consoles, which is of all stages
#   tests/machine/run.sh [-v] long           all of it, and more: 10 random programs, 6,000,000
#                                            instructions of the boot
#   tests/machine/run.sh [-v] fuzz [SEED]    random programs until one differs; seeds from SEED on
#
# It wants clang with lld, make, QEMU 7.2 for RISC-V, OpenSBI (BIOS names another), and for
# WebAssembly node 20 or later; without node that side is left out, and said so. STEPS says how many
# instructions of the boot are compared with QEMU's, SEEDS how many random programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${CC:=clang}" "${QEMU:=qemu-system-riscv64}" "${STEPS:=100000}" "${SEEDS:=1}"
: "${BIOS:=/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin}"
verbose=""
[[ ${1:-} != -v ]] || { verbose=yes && shift; }
out=build/machine
mkdir -p "$out"
failed=0

# What the machine has not is off in QEMU, too.
CPU=rv64,f=off,d=off,h=off,sstc=off,pmu-num=0,debug=off,zba=off,zbb=off,zbc=off,zbs=off
CPU+=,marchid=0,mimpid=0

# A machine of today does more than 150,000,000 steps a second: the kernel's first line is to come
# within two seconds, and the self-test to end within 30. Steps are counted, since a clock measures
# what else goes on here. Of the clock only this much: a second of processor time is to do at least
# SLOWEST steps.
MOST_TO_FIRST_LINE=300000000 MOST_TO_END=4500000000 SLOWEST=60000000

say() {
    [[ ! $verbose ]] || printf '%s\n' "$*"
}

fails() {
    printf 'machine: %s\n' "$*" >&2
    failed=1
}

build() {
    make -s -f tests/machine/Makefile CC="$CC" "${@/#/$out/}"
}

qemu_pid=""
end_qemu() {
    [[ ! $qemu_pid ]] || kill -KILL "$qemu_pid" 2>/dev/null || true
    [[ ! $qemu_pid ]] || wait "$qemu_pid" 2>/dev/null || true
    qemu_pid=""
}
trap end_qemu EXIT

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
    (qemu -bios "$BIOS" -kernel "$kernel" -S -monitor stdio) >/dev/null <<<"
pmemsave 0x87e00000 8192 $out/theirs.dtb
quit"
}

# boot_stages all|STAGE: builds and boots under QEMU, with what the machine has. What the firmware
# prints is in console.log, too. The time is for a machine on which much else goes on.
boot_stages() {
    TIME_LIMIT=1200 QEMU_FLAGS="-cpu $CPU" ./run.sh "$1" >"$out/stages" ||
        fails "QEMU: $(cat "$out/stages")"
}

# is_console_of STAGE FILE: what the machine has printed is what QEMU has. QEMU's lines have lost
# their carriage returns on the way through run.sh.
is_console_of() {
    local theirs=build/rv64gc-$1-selftest/console.log
    tr -d '\r' <"$2" | cmp -s - "$theirs" || fails "$1: the console, $2, is not QEMU's, $theirs"
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

# ---- the parts ----

test_refusals() {
    build refusals
    "$out/refusals" || failed=1
}

# The functions of machine.mjs, as a page uses them.
test_page() {
    has_node || return 0
    build machine.wasm echo.bin
    node tests/machine/machine.test.mjs "$out/machine.wasm" "$out/echo.bin" "$kernel" || failed=1
}

# Within a slice the loop carries its place from op to op; with slices of one step it carries
# nothing. Both must come to the same.
test_slices() {
    local seed file
    build slices random
    make -s -f tests/machine/Makefile CC="$CC" cases
    for file in tests/machine/cases/*.S; do
        has_same_slices "$out/$(basename "$file" .S).bin"
    done
    for seed in {1..20}; do
        "$out/random" "$seed" 20000 >"$out/random$seed.bin"
        has_same_slices "$out/random$seed.bin"
    done
    has_same_slices "$BIOS"
}

# Without QEMU the boot can go fifty times as far.
has_same_slices() {
    local slice kernel_too=- most=100000
    say "slices of $(basename "$1")"
    [[ $1 != "$BIOS" ]] || kernel_too=$kernel most=$((STEPS * 50))
    for slice in 1 1000; do
        timeout 300 "$out/slices" "$1" "$kernel_too" "$most" "$slice" >"$out/slices$slice" ||
            fails "$1: slices of $slice end with status $?"
    done
    cmp -s "$out/slices1" "$out/slices1000" ||
        fails "$1: step by step it comes to something else: $(diff "$out/slices1" \
            "$out/slices1000" | sed -n '2p;/^>/{p;q;}')"
}

test_cases() {
    local file name
    make -s -f tests/machine/Makefile CC="$CC" cases
    for file in tests/machine/cases/*.S; do
        name=$(basename "$file" .S)
        say "case $name"
        lockstep case 1000000 "$out/$name.bin" || fails "case $name: $(cat "$out/said")"
    done
}

# Random programs, SEEDS of them.
test_random() {
    local last=$((seed + SEEDS - 1))
    build random
    for (( ; seed <= last; seed++)); do
        "$out/random" "$seed" 20000 >"$out/random.bin"
        say "random seed $seed"
        lockstep random 200000 "$out/random.bin" || {
            fails "random seed $seed: $(cat "$out/said")"
            return
        }
    done
}

test_boot() {
    lockstep boot "$STEPS" "$BIOS" "$kernel" || fails "boot: $(cat "$out/said")"
}

# The self-test of the default stage under node, to its end.
test_selftest() {
    local status=0
    has_node || return 0
    build machine.wasm
    boot_stages "$stage"
    node site/machine/run.mjs "$out/machine.wasm" "$BIOS" "$kernel" --time </dev/null \
        >"$out/node.raw" 2>"$out/time" || status=$?
    say "$(cat "$out/time")"
    ((status == 0)) || fails "under node it ends with status $status: $(cat "$out/time")"
    is_console_of "$stage" "$out/node.raw"
    is_fast_enough
}

# run.mjs says, for instance: "first line after 5120000 steps, all 2100000000 steps, 14.0 s of …"
is_fast_enough() {
    local first all seconds
    read -r _ _ _ first _ _ all _ seconds _ <"$out/time" || true
    if [[ ! $first$all =~ ^[0-9]+$ ]]; then
        fails "no times: $(cat "$out/time")"
        return
    fi
    ((first > 0 && first <= MOST_TO_FIRST_LINE)) ||
        fails "the kernel's first line comes after $first steps, not $MOST_TO_FIRST_LINE"
    ((all <= MOST_TO_END)) || fails "the self-test takes $all steps, not $MOST_TO_END"
    awk "BEGIN { exit !($all >= $SLOWEST * $seconds) }" ||
        fails "$all steps take $seconds s of processor time: less than $SLOWEST a second"
}

test_consoles() {
    local stage status
    build native
    boot_stages all
    for stage in $stages; do
        say "console of $stage"
        status=0
        "$out/native" "$BIOS" "build/rv64gc-$stage-selftest/kernel.elf" 128 >"$out/$stage.raw" ||
            status=$?
        ((status == 0)) || fails "$stage: ended with status $status"
        is_console_of "$stage" "$out/$stage.raw"
    done
}

# ---- which of them ----

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' tests/machine/run.sh >&2
    exit 2
}

stage=$(sed -n 's/.*DEFAULT_STAGE=\([a-z]*\)$/\1/p' run.sh)
stages=$(sed -n 's/^STAGE(\(.*\))$/\1/p' alloc/stages.h)
kernel=build/rv64gc-$stage-selftest/kernel.elf
all=(refusals page slices cases random boot selftest consoles)
parts=("${all[@]:0:7}")
seed=1
case ${1:-} in
"") ;;
long)
    SEEDS=10 STEPS=6000000
    parts=("${all[@]}")
    ;;
fuzz)
    verbose=yes seed=${2:-1} SEEDS=1000000000
    parts=(random)
    ;;
*) parts=("$@") ;;
esac
for part in "${parts[@]}"; do
    [[ " ${all[*]} " == *" $part "* ]] || usage
done
[[ -e $kernel ]] || boot_stages "$stage"
if [[ " ${parts[*]} " =~ \ (cases|random|boot)\  ]]; then
    build lockstep tree
    take_tree
fi
for part in "${parts[@]}"; do
    case $part in
    refusals) test_refusals ;;
    page) test_page ;;
    slices) test_slices ;;
    cases) test_cases ;;
    random) test_random ;;
    boot) test_boot ;;
    selftest) test_selftest ;;
    consoles) test_consoles ;;
    esac
done
exit "$failed"
