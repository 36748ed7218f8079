# QEMU's life, sourced by run.sh: its command, how it is started and watched, how it ends whatever
# becomes of run.sh, and what a boot printed. It wants what run.sh knows: $kernel, $folder,
# $memory_mib, $verbose and the tools that setup.sh has found.
# shellcheck shell=bash disable=SC2154 # what run.sh knows

# ---- its command ----

# Fills `qemu` with the command that boots $kernel.
qemu_command() {
    qemu=("$QEMU" -machine virt -m "${memory_mib}M" -bios "$BIOS" -kernel "$kernel"
        -display none -monitor none -serial stdio -no-reboot)
    [[ ! $harts ]] || qemu+=(-smp "$harts")
    # Memory that the guest never touches need not exist on the host.
    if ((memory_mib > 1024)); then
        qemu+=(-object "memory-backend-ram,id=ram,size=${memory_mib}M,reserve=off"
            -machine memory-backend=ram)
    fi
    # The extensions for single bits must be there if the compiler counts on them.
    local bits
    bits=$(grep -oE '_zb[a-z]' <<<"$MARCH" | sed 's/_\(.*\)/,\1=on/' | tr -d '\n') || bits=""
    [[ ! $bits ]] || qemu+=(-cpu "rv$XLEN$bits")
    # shellcheck disable=SC2206 # QEMU_FLAGS is several words
    qemu+=($QEMU_FLAGS)
}

# ---- its life ----

# A folder for a boot's fifo, and the watcher that removes it if run.sh is killed outright, and ends
# QEMU as well: the watcher reads from a pipe that run.sh holds open, and whatever becomes of run.sh
# closes it. It is there before the folder is, and who makes the folder holds the pipe as well. A
# process group of its own keeps it from what is sent to that of run.sh.
make_scratch() {
    scratch=${TMPDIR:-/tmp}/freeram.$$.$RANDOM
    exec 9> >(set -m; watch "$scratch" <&0 >/dev/null 2>&1 &)
    mkdir -m 700 "$scratch"
}

watch() {
    local pid
    # Without a line there is no QEMU: run.sh did not come as far as that.
    read -r pid || pid=""
    # Another line comes when QEMU has ended and its number may be another's.
    [[ ! $pid ]] || read -r || kill -KILL "$pid"
    rm -rf "$1"
}

# Start QEMU with the output to file $1, or with ours. It has no part in the terminal, which Ctrl-C
# then leaves as it was, and a process group of its own: Ctrl-C is for run.sh, which ends QEMU.
# QEMU's process names itself to the watcher before it becomes QEMU, so there is no moment at which
# nobody knows of it.
start_qemu() {
    # shellcheck disable=SC2016 # for the shell below
    local command='echo $$ >&9; exec 9>&-; [ "$0" = - ] || exec >"$0"; exec "$@"'
    show "${qemu[@]}"
    set -m
    "$BASH" -c "$command" "${1:--}" "${qemu[@]}" </dev/null &
    qemu_pid=$!
    set +m
}

qemu_pid="" scratch=""
end_qemu() {
    if [[ $qemu_pid ]]; then
        # Outright: QEMU has nothing to save, and says nothing that way.
        kill -KILL "$qemu_pid" 2>/dev/null || true
        wait "$qemu_pid" 2>/dev/null || true
        qemu_pid=""
    fi
    if [[ $scratch ]]; then
        rm -rf "$scratch"
        echo ended >&9
        exec 9>&-
        scratch=""
    fi
}
trap 'end_qemu; drop_litter' EXIT
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 143' TERM HUP

# ---- a boot ----

# Boot $kernel: its lines go to standard output, the firmware's banner only to the log. Returns 0
# if QEMU ended well and the last line that counts tests counts no failure; sets `verdict`.
boot() {
    local line silent="" status=0 started=$verbose log=$folder/console.log
    verdict=""
    qemu_command
    make_scratch
    mkfifo "$scratch/console"
    start_qemu "$scratch/console"
    litter+=("$log.$$")
    : >"$log.$$"
    while read_line; do
        line=${line%$'\r'}
        [[ $line != "freeram: "* ]] || started=yes
        put_line >>"$log.$$" || fail "cannot write to $PWD/$log.$$: is the disk full?"
        [[ ! $started ]] || put_line || fail "cannot write to standard output"
        [[ ! $line =~ ^[0-9]+\ passed,\ [0-9]+\ failed ]] || verdict=$line
    done <"$scratch/console"
    mv -f "$log.$$" "$log"

    if [[ $silent ]]; then
        end_qemu
        say "nothing was printed for $TIME_LIMIT seconds: QEMU was ended"
        [[ $started ]] || say "the kernel had not begun; what the firmware printed is in $log"
        return 1
    fi
    wait "$qemu_pid" || status=$?
    qemu_pid=""
    end_qemu
    ((status == 0)) && [[ $verdict == *" passed, 0 failed"* ]] && return 0
    [[ $started ]] ||
        say "QEMU ended with status $status before the kernel printed anything: see $log"
    name_addresses "$log"
    return 1
}

# Read a line into `line`; what stands behind the last end of a line is one as well. Fails at the
# end, and when nothing has come for TIME_LIMIT seconds, which sets `silent`. How long it all takes
# says nothing: on a busy machine that may be anything.
read_line() {
    local part status since
    line=""
    while [[ ! $silent ]]; do
        part="" status=0 since=$SECONDS
        IFS= read -r -t "$TIME_LIMIT" part || status=$?
        line+=$part
        ((status != 0)) || return 0
        # Before version 4 bash has one status for the end and for silence.
        ((status > 128 || BASH_VERSINFO[0] < 4 && SECONDS - since >= TIME_LIMIT)) || break
        # A part of a line is no silence.
        [[ $part ]] || silent=yes
    done
    [[ $line ]]
}

put_line() {
    printf '%s\n' "$line" 2>/dev/null
}

# Where in the source the addresses are that a panic or a trap printed. The words around them are
# those of memory/frames.c ("called from") and of trap.c ("sepc" and, at the start of a line, "ra").
# A return address stands behind its call: one less is inside.
name_addresses() {
    local address less place
    sed -n -E -e 's/.*called from (0x[0-9a-f]+).*/\1 1/p' -e 's/.*sepc (0x[0-9a-f]+).*/\1 0/p' \
        -e 's/^ +ra (0x[0-9a-f]+).*/\1 1/p' "$1" |
        while read -r address less; do
            place=$("$SYMBOLIZER" --functions=short --obj="$kernel" --pretty-print \
                "$(printf '0x%x' $((address - less)))" | sed -n -e 's, at \(\./\)*, at ,' -e 1p)
            [[ $place != *:0:0 ]] || place="no code of the kernel"
            printf '%s is %s\n' "$address" "$place"
        done
}
