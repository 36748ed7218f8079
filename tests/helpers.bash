# What the bats files share. A test works in a copy of the project of its own, so that tests can run
# side by side, and looks at what the last `run` printed and how it ended.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

PROJECT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
# shellcheck disable=SC2034 # for the bats files
STAGES=$(sed -n 's/^STAGE(\(.*\))$/\1/p' "$PROJECT/alloc/stages.h" | paste -s -d ' ' -)

# What the caller's shell has set for runs of his own is not for the tests.
unset XLEN MARCH CFLAGS QEMU_FLAGS PROGRAM TIME_LIMIT GDB GDB_PORT

# Go to a fresh copy of the project, in a folder whose name is wrong wherever a quote is missing.
enter_copy() {
    local entry
    mkdir -p "$BATS_TEST_TMPDIR/a copy [1]"
    cd "$BATS_TEST_TMPDIR/a copy [1]" || return
    for entry in "$PROJECT"/*; do
        case ${entry##*/} in
        build | kernel.elf*) ;;
        *) cp -R "$entry" . ;;
        esac
    done
}

# Set and export CC, LD, NM, OBJDUMP and SYMBOLIZER to what run.sh would find.
find_tools() {
    say() { printf '%s\n' "$*" >&2; }
    fail() {
        say "$@"
        return 1
    }
    # shellcheck source=setup.sh
    source "$PROJECT/setup.sh"
    find_compiler
    export CC LD NM OBJDUMP SYMBOLIZER
}

# Set `form` to clang-format or clang-tidy, of the version that the sources are held to.
needs_form() {
    # shellcheck source=setup.sh
    source "$PROJECT/setup.sh"
    # shellcheck disable=SC2034 # for the bats files
    form=$(form_tool "$1") || skip "no $1 of version $FORM_VERSION here: others say something else"
}

# ---- what the last `run` did ----

# Say what was expected and what was there, and fail.
differs() {
    printf 'expected: %s\n' "$1"
    printf 'exit status %s, and this output:\n%s\n' "$status" "$output"
    [[ ! ${stderr:-} ]] || printf 'and on standard error:\n%s\n' "$stderr"
    return 1
}

ended_with() {
    ((status == $1)) || differs "exit status $1"
}

says() {
    [[ $output == *"$1"* ]] || differs "somewhere: $1"
}

says_not() {
    [[ $output != *"$1"* ]] || differs "nowhere: $1"
}

# A whole line, exactly.
says_line() {
    [[ $'\n'$output$'\n' == *$'\n'"$1"$'\n'* ]] || differs "the line: $1"
}

# Some line matches an extended regular expression.
matches() {
    grep -qE -- "$1" <<<"$output" || differs "a line that matches: $1"
}

says_nothing_but() {
    [[ $output == "$1" ]] || differs "nothing but: $1"
}

# The command line was refused: status 2 and this one line.
refuses_with() {
    ended_with 2
    says_nothing_but "run.sh: $1"
}

# ---- terminals, signals, processes ----

# Wait until a file has some text.
wait_for() {
    local tenths
    for ((tenths = 0; tenths < 300; tenths++)); do
        ! grep -qF -- "$1" "$2" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "not within 30 seconds in $2: $1"
    return 1
}

# Run a command on a terminal of its own: on_terminal COMMAND [TEXT KEYS]... types each KEYS once
# TEXT is on the screen, or once there is a file of that name with something in it. Prints the
# screen, returns the command's status.
on_terminal() {
    local command=$1 status=0
    shift
    # script(1) types a ^D when its input ends, so the input goes on to the end. SIGINT may be
    # ignored where these tests were started from, and a shell cannot undo that.
    : >screen
    rm -f screen.done
    type_keys "$@" | {
        SHELL=$BASH timeout 300 env --default-signal=INT,QUIT script -qec "$command" /dev/null \
            >screen 2>&1 || status=$?
        : >screen.done
        tr -d '\r' <screen
        exit "$status"
    }
}

type_keys() {
    while [[ ! -e screen.done ]]; do
        if (($# >= 2)) && { [[ -s $1 ]] || grep -qF -- "$1" screen; }; then
            printf '%b' "$2"
            shift 2
        fi
        sleep 0.1
    done
}

# Wait for a process as `run` would have: for its status, and what it printed to a file.
wait_to_end() {
    status=0
    wait "$1" || status=$?
    output=$(<"$2")
}

# Skip where script(1) is not that of util-linux.
needs_terminal() {
    [[ $(script --version 2>/dev/null) == *util-linux* ]] || skip "no script(1) of util-linux here"
}

# Have run.sh start QEMU through a script that notes process ids in the file qemu.pids.
note_qemu() {
    local qemu
    qemu=$(command -v "${QEMU:-qemu-system-riscv64}")
    stub ./noted-qemu <<END
case \$1 in
--version | -L) ;;
*) echo \$\$ >>qemu.pids ;;
esac
exec '$qemu' "\$@"
END
    export QEMU=./noted-qemu
}

# At least one QEMU was started, and none of them runs any more.
no_qemu_is_left() {
    local pid
    [[ -s qemu.pids ]] || differs "a QEMU was started"
    while read -r pid; do
        ! runs_here "$pid" || differs "QEMU, process $pid, has ended"
    done <qemu.pids
}

# The same, after a while: when run.sh was killed it is a watcher that ends QEMU.
qemu_goes() {
    local tenths
    [[ -s qemu.pids ]] || differs "a QEMU was started"
    for ((tenths = 0; tenths < 600; tenths++)); do
        [[ $(qemus_left) ]] || return 0
        sleep 0.1
    done
    differs "QEMU, process $(qemus_left), has ended"
}

qemus_left() {
    local pid
    [[ -s qemu.pids ]] || return 0
    while read -r pid; do
        ! runs_here "$pid" || echo "$pid"
    done <qemu.pids
}

# Is it a process in this folder? Ids are used again, and the next to have it is none of ours.
runs_here() {
    if [[ -d /proc/self ]]; then
        [[ /proc/$1/cwd -ef . ]]
    else
        kill -0 "$1" 2>/dev/null
    fi
}

# bats calls this after each test: a QEMU that a failed test left behind goes with it.
teardown() {
    local pid
    [[ -s qemu.pids && -d /proc/self ]] || return 0
    while read -r pid; do
        ! runs_here "$pid" || kill -KILL "$pid" 2>/dev/null || true
    done <qemu.pids
}

# Write standard input as a shell script.
stub() {
    { echo "#!/usr/bin/env bash"; cat; } >"$1"
    chmod +x "$1"
}

# ---- the kernel's report ----

# The report is TAP: one plan, as many results as it says, numbered in turn, and a verdict that
# counts them.
is_whole_tap() {
    local line plan="" count=0 failed=0 skipped=0
    while IFS= read -r line; do
        case $line in
        1..*)
            [[ ! $plan ]] || differs "one plan only" || return
            plan=${line#1..}
            ;;
        "ok "* | "not ok "*)
            count=$((count + 1))
            [[ ${line#not } == "ok $count - "?* ]] || differs "result $count, not: $line" || return
            [[ $line != "not ok "* ]] || failed=$((failed + 1))
            [[ $line != "ok "*" # SKIP "?* ]] || skipped=$((skipped + 1))
            ;;
        esac
    done <<<"$output"
    [[ $plan && $plan == "$count" ]] || differs "as many results as planned" || return
    local verdict="$((count - failed - skipped)) passed, $failed failed, $skipped skipped"
    [[ ${output##*$'\n'} == "$verdict" ]] || differs "at the end: $verdict"
}

# The self-test ran and passed.
passes() {
    ended_with 0 && is_whole_tap && matches '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$'
}

# The shim for XLEN $1, as shim.elf. More words are for the compiler.
build_shim() {
    local xlen=$1 abi=lp64
    shift
    [[ $xlen == 64 ]] || abi=ilp32
    "$CC" --target="riscv$xlen-unknown-elf" -march="rv${xlen}gc" -mabi=$abi -mno-relax -Werror \
        --ld-path="$LD" -nostdlib -static -Wl,--fatal-warnings -Wl,-T,tests/shim.ld "$@" \
        -o shim.elf tests/shim.S
}

# From here on run.sh is for rv32, with the shim as firmware.
use_rv32() {
    build_shim 32
    export XLEN=32 BIOS=shim.elf
    # The caller's choice, as far as it tells of the other QEMU.
    if [[ ${QEMU:-} == *riscv64 ]]; then export QEMU=${QEMU%64}32; else unset QEMU; fi
}
