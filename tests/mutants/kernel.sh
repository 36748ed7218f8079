# Mutants of the kernel's sources outside alloc/, sourced by run.sh: they meet the host's tests,
# where there are some of the file, then a boot of the self-test, then other boots. It wants what
# run.sh knows, and is in the copy of the project.
# shellcheck shell=bash disable=SC2154,SC2034 # what run.sh knows, and what it uses
# shellcheck disable=SC2004 # indices of seen and tests_of are text

# The host's programs that have the file in them, the cheapest first.
declare -A host_tests=(
    [common.c]="test_common selftest_buddy"
    [memory/fdt.c]="test_fdt test_map"
    [memory/frames.c]="test_frames test_map selftest_buddy selftest_bump"
    [memory/machine.c]="test_map"
    [memory/map.c]="test_map selftest_buddy"
)

# What can be seen in boots alone: of each file the tests of kernel.bats, memory.bats and harts.bats
# that match these expressions, the cheapest first. None that edits the file may be among them.
declare -A boots_of=(
    [common.c]="long long|print at once"
    [harts.c]="of all harts that panic|a trap on any hart|a panic stops the (harts|others)
still do, and whoever
overrun of another hart|does not wait for ever|sixty-four harts
shootdowns are interrupts"
    [kernel.c]="firmware without|of four harts|no memory at __free_ram|llvm-nm|at boot the map
good verdict|every page is free|far away
up to 256 GiB"
    [lock.c]="would wait for itself|still do, and whoever"
    [panic.c]="a panic prints|grew too far|good verdict|firmware with|without a test device
of all harts that panic|overrun of another hart|before it prints a word
for a second the kernel waits"
    [sbi.c]="firmware with|without a test device
print at once|a panic stops the harts|starts no harts|does not come is named
shootdowns are interrupts"
    [start.c]="that the machine lacks|starts no harts|does not come is named|comes too late
sixty-four harts"
    [trap.c]="null pointer|illegal|no memory is|the report of a trap|recursion is|trap on rv32
cause of a trap|no trap can be reported|good verdict
a trap on any hart"
    [memory/frames.c]="out of memory|double free|wrong request|cannot be managed|somebody else
at boot the map|with a hole"
    [memory/machine.c]="at boot the map|cannot be used|with a hole|no memory at __free_ram"
    [memory/map.c]="at boot the map|with a hole"
    [memory/page_table.c]="runs out of memory|use after|guard page
every stage builds for rv32"
    [memory/vm.c]="runs out of memory|use after|guard page|without paging|somebody else|good verdict
five, and more|every stage builds for rv32|four harts on rv32
up to 256 GiB"
)

# ---- how they are built ----

fail_with() {
    echo "mutants: without a mutant, this fails:" >&2
    cat "$1" >&2
    exit 1
}

# run.sh's compiler and QEMU become ours, and $work/options64, 32 and _harts the options that it
# builds with.
use_boots() {
    local clang build
    clang=$(bash -c 'fail() { exit 1; }; source ./setup.sh; find_clang; echo "$CC"')
    export HOST_CC=$compiler # of the host's programs
    export MUTANTS_CC=$clang MUTANTS_OBJECTS=$work/objects MUTANTS_RUN=$work/limit
    export CC=$here/cc.sh QEMU=$work/bin/qemu-system-riscv64
    mkdir -p "$work/bin"
    ln -sf "$here/qemu.sh" "$work/bin/qemu-system-riscv64"
    ln -sf "$here/qemu.sh" "$work/bin/qemu-system-riscv32"
    printf '#!/usr/bin/env bash\necho "QEMU emulator version 9.9.9"\n' >"$work/bin/no-qemu"
    chmod +x "$work/bin/no-qemu"
    for build in 64 32 _harts; do
        # What boots nothing fails, but the compiler has been called by then.
        XLEN=${build/_harts/64} BIOS=run.sh QEMU=$work/bin/no-qemu \
            MUTANTS_OPTIONS=$work/options$build \
            ./run.sh --harts "$([[ $build == _harts ]] && echo 2 || echo 1)" \
            >"$work/output" 2>&1 || true
        [[ -s $work/options$build ]] || fail_with "$work/output"
    done
}

# The self-test, with one hart and with two.
run_selftest() {
    ./run.sh && ./run.sh --harts 2
}

# The limits of a boot: three times the self-test's time of the processor, and some more; and five
# seconds in which nothing happens.
measure_boot() {
    local used TIMEFORMAT='%U'
    export MUTANTS_LIMIT="600000 0"
    { time run_selftest >"$work/output" 2>&1; } 2>"$work/time" || fail_with "$work/output"
    used=$(tail -n 1 "$work/time")
    MUTANTS_LIMIT=$(awk -v used="$used" 'BEGIN { printf "%d 5", used * 3000 + 1000 }')
}

# ---- what becomes of a mutant ----

# Passes over what does not compile, or to nothing new. Both widths count, and several harts: some
# lines are for one of them.
judge_code() {
    local build options code=""
    killer=""
    for build in 64 32 _harts; do
        mapfile -t options <"$work/options$build"
        result="does not compile"
        "$MUTANTS_CC" "${options[@]}" -g0 -Qunused-arguments -w -c "$file" \
            -o "$work/mutant.o" 2>/dev/null || return 0
        code+=" $(cksum <"$work/mutant.o")"
    done
    result="same code"
    [[ ! ${seen[$file $code]:-} ]] || return 0
    seen[$file $code]=yes
    result=survived
}

make_host_tests() {
    make -s -f tests/Makefile OUT="$out" FLAGS="${flags[*]}" "$@"
}

# The commands that bring a program of $out up to date after a change of $file, and no more: make
# takes longer to find that out than they take.
declare -A commands
find_commands() {
    # It may be built with the last mutant of another file.
    cp "$file" "$work/mutant.c"
    cp "$here/../../$file" "$file"
    make_host_tests "$out/$1.t"
    cp "$work/mutant.c" "$file"
    commands[$out $file $1]=$(make_host_tests -n -W "$file" "$out/$1.t" | sed 's/^mkdir .* && //' |
        grep -F -e " -c $file " -e "-o $out/$1.t")
}

judge_on_host() {
    result="killed by $killers"
    for killer in ${host_tests[$file]:-}; do
        [[ ${commands[$out $file $killer]:-} ]] || find_commands "$killer"
        if ! bash -ec "${commands[$out $file $killer]}" >/dev/null 2>&1; then
            result="does not compile" killer=""
            return
        fi
        passes "$killer" || return 0
    done
    killer="" result=survived
}

judge_by_selftest() {
    result="killed by $killers" killer=selftest
    run_selftest </dev/null >/dev/null 2>&1 || return 0
    killer="" result=survived
}

# The first of some tests that fails, in `killer`.
run_boots() {
    bats -f "$1" tests/kernel.bats tests/memory.bats tests/harts.bats </dev/null 2>/dev/null \
        >"$work/output" || true
    killer=$(sed -n '/^not ok [0-9]* /{s///;p;q;}' "$work/output")
    grep -q '^ok ' "$work/output" || [[ $killer ]]
}

# An expression is tried without a mutant before it is believed.
declare -A is_tried
try_boots() {
    [[ ! ${is_tried[$1]:-} ]] || return 0
    cp "$file" "$work/mutant.c"
    cp "$here/../../$file" "$file"
    if ! run_boots "$1" || [[ $killer ]]; then fail_with "$work/output"; fi
    cp "$work/mutant.c" "$file"
    is_tried[$1]=yes
}

judge_by_boots() {
    local expression
    result="killed by $killers"
    while IFS= read -r expression; do
        try_boots "$expression"
        run_boots "$expression" || return 0
        [[ ! $killer ]] || return 0
    done <<<"${boots_of[$file]}"
    result=survived
}

# ---- all of them ----

judge_kernel() {
    local file
    for file in "${kernel_files[@]}"; do tests_of[$file]=""; done
    use_plain
    play_on_host
    ulimit -S -v unlimited
    [[ -s $work/left ]] || return 0
    use_boots
    for file in "${kernel_files[@]}"; do judge_code; done # what the originals compile to
    play_kernel "" judge_code
    ((every == 1)) || let_survive listed
    use_sanitizers
    play_on_host
    if [[ -s $work/left ]]; then
        measure_boot
        play_kernel self-test judge_by_selftest
    fi
    let_survive listed
    [[ ! -s $work/left ]] || play_kernel boot judge_by_boots
    let_survive
}

# The programs that have files in them of which mutants are left.
programs_of_left() {
    local file
    for file in "${kernel_files[@]}"; do
        # shellcheck disable=SC2086 # names
        ! grep -q $'\t'"$file:" "$work/left" || printf '%s\n' ${host_tests[$file]:-}
    done | sed '/^$/d' | sort -u
}

play_on_host() {
    local programs targets
    out=../kernel_${out#../}
    mapfile -t programs < <(programs_of_left)
    ((${#programs[@]} > 0)) || return 0
    targets=("${programs[@]/#/$out/}")
    make_host_tests "${targets[@]/%/.t}"
    measure "${programs[@]}"
    play_kernel test judge_on_host
}

play_kernel() {
    killers=$1 judge=$2
    round=$((round + 1))
    judge_all
}
