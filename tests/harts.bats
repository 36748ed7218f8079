#!/usr/bin/env bats
# Several harts: how they are started, what they share, how one of them ends the machine. At the end
# faults are planted in what keeps them apart, and each makes a test fail.

load helpers

setup_file() {
    find_tools
}

setup() {
    enter_copy
}

# From here on the self-test is only what it does with several harts, or the first $1 tests of that.
# The options stay as they are: objects that are there already serve.
only_harts() {
    sed -i.before -e '/^    &\(allocator\|span\|vm\)_tests,$/d' \
        -e 's/^static \(const struct test_list allocator_tests\)/\1/' tests/selftest.c
    if [[ ${1:-} ]]; then
        sed -i.before "s/^    \.count = .*/    .count = $1,/" tests/selftest_harts.c
        sed -i.before 's/^    &hands_tests,$//' tests/selftest.c
    fi
}

# The shim's harts sleep until they are started. Those of OpenSBI 1.1 turn in circles, and on a busy
# machine one may not come in time: where all of them matter, and no fence of the firmware, it is
# the shim that starts them.
use_shim() {
    build_shim 64 -DWITH_HARTS
    export BIOS=shim.elf
}

# Where OpenSBI has to start them, a machine that is so busy is given another chance.
run_with_all() {
    local try
    for try in 1 2 3; do
        run ./run.sh --harts 4 "$@"
        grep -q '^hart [0-9] has not come within a second' <<<"$output" || return 0
        echo "# a hart was late, boot $try"
    done
}

# Run crash_harts.c's program $1 with four harts; more words are for run.sh. A hart that prints for
# ever is not worth a failed test's space.
crash() {
    [[ -e shim.elf ]] || use_shim
    PROGRAM=tests/crash_harts.c CFLAGS="-DCRASH=$1" run ./run.sh --harts 4 "${@:2}"
    output=$(grep -v '^# one line, .* to say$' <<<"$output") || true
}

# The number of the line of crash_harts.c that has some text.
line_of() {
    grep -nF -- "$1" tests/crash_harts.c | head -n 1 | cut -d : -f 1
}

# ---- the option ----

@test "--harts takes 1 to 64 and refuses all else with one line" {
    local wrong
    for wrong in 0 65 100 -1 01 four 4x "" "4 4"; do
        run ./run.sh --harts "$wrong"
        refuses_with "--harts $wrong: there are 1 to 64"
    done
    run ./run.sh --harts=65
    refuses_with "--harts 65: there are 1 to 64"
    run ./run.sh buddy --harts
    refuses_with "--harts needs a number, as in --harts 4: there are 1 to 64"
}

@test "--harts is refused where a kernel of several harts means nothing" {
    local command
    for command in "diff bump bitmap" test "fuzz alloc" "chapter 3" site; do
        # shellcheck disable=SC2086 # several words
        run ./run.sh --harts 2 $command
        refuses_with "--harts is for stages, all, bench and gdb, and not for ${command%% *}"
    done
    for command in --host --plot; do
        run ./run.sh --harts 2 bench "$command"
        refuses_with "bench --harts counts in the kernel: it has no --host or --plot"
    done
}

@test "a kernel for one hart is the one without the option" {
    stub ./no-qemu <<<'[[ $1 != --version ]] || echo "QEMU emulator version 9.9.9"'
    BIOS=run.sh QEMU=./no-qemu run ./run.sh bump
    mv kernel.elf without.elf
    BIOS=run.sh QEMU=./no-qemu run ./run.sh --harts 1 bump
    cmp kernel.elf without.elf
    run "$NM" kernel.elf
    says " page_alloc"
    says_not lock_wait_and_take
    says_not hart_entry
}

# ---- all of them ----

@test "four harts run the whole self-test" {
    run_with_all
    passes
    says_line "4 of 4 harts run"
    matches '^ok [0-9]+ - no page has two owners while all harts allocate and free$'
}

@test "every stage holds under a lock" {
    local stage
    only_harts
    for stage in $STAGES; do
        echo "# $stage"
        run_with_all "$stage"
        passes
        says_line "4 of 4 harts run"
    done
}

@test "sixty-four harts start, and sixteen with the least memory" {
    use_shim
    export PROGRAM=tests/crash_harts.c CFLAGS=-DCRASH=nothing
    run ./run.sh --harts 64 -m 64M
    ended_with 0
    says_line "64 of 64 harts run"
    run ./run.sh --harts 16 -m 32M
    ended_with 0
    says_line "16 of 16 harts run"
    run ./run.sh --harts 17 -m 63M
    refuses_with "-m 63M: too small for 17 harts: they need 64M or more"
}

@test "four harts pass on rv32, on firmware without a remote fence" {
    only_harts
    use_rv32
    build_shim 32 -DWITH_HARTS
    run ./run.sh --harts 4
    passes
    says_line "4 of 4 harts run"
}

@test "four harts pass on rv64 where shootdowns are interrupts" {
    only_harts
    build_shim 64 -DWITH_HARTS
    BIOS=shim.elf run ./run.sh --harts 4
    passes
    says_line "4 of 4 harts run"
}

@test "lines that harts print at once come out whole" {
    crash print_at_once
    ended_with 0
    (($(grep -cx '# a line, and not half of one' <<<"$output") == 200)) || differs "200 whole lines"
}

# ---- some of them ----

@test "a hart that the firmware refuses or that does not come is named, and the others go on" {
    only_harts
    build_shim 64 -DWITH_HARTS -DREFUSED=1 -DDEAF=2
    BIOS=shim.elf run ./run.sh --harts 4
    passes
    says_line "hart 1 cannot be started: error -3 of the firmware"
    says_line "hart 2 has not come within a second, and is left out"
    says_line "2 of 4 harts run"
}

@test "a hart that comes too late gets no work, and the others go on" {
    only_harts
    build_shim 64 -DWITH_HARTS -DLATE=2
    BIOS=shim.elf run ./run.sh --harts 4
    passes
    says_line "hart 2 has not come within a second, and is left out"
    says_line "3 of 4 harts run"
}

@test "a hart that the firmware refuses leaves its place to another" {
    build_shim 64 -DWITH_HARTS -DREFUSED=1
    BIOS=shim.elf QEMU_FLAGS="-smp 5" crash nothing
    ended_with 0
    says_line "hart 1 cannot be started: error -3 of the firmware"
    says_line "4 of 4 harts run"
    says_not "for which this kernel is not built"
}

@test "a hart that the firmware sends to where the kernel begins is one of those that run" {
    build_shim 64 -DWITH_HARTS -DASTRAY=2
    BIOS=shim.elf crash nothing
    ended_with 0
    says_line "4 of 4 harts run"
}

@test "harts that the machine lacks, or has more of than the kernel is built for, are counted" {
    use_shim
    export PROGRAM=tests/crash_harts.c CFLAGS=-DCRASH=nothing
    QEMU_FLAGS="-smp 2" run ./run.sh --harts 4
    ended_with 0
    says_line "2 of 4 harts run"
    QEMU_FLAGS="-smp 6" run ./run.sh --harts 4
    ended_with 0
    says_line "4 of 4 harts run"
    says_line "the machine has 2 more, for which this kernel is not built"
}

@test "firmware that starts no harts leaves one" {
    build_shim 64
    BIOS=shim.elf crash nothing
    ended_with 0
    says_line "this firmware starts no harts, or interrupts none"
    says_line "1 of 4 harts run"
}

# ---- bad ends ----

@test "without a lock pages get two owners" {
    crash no_lock bitmap
    ended_with 1
    matches '^not ok 1 - no page has two owners$'
}

@test "a lock that would wait for itself panics, with both places" {
    crash self_deadlock
    ended_with 1
    matches '^hart [0-3]: PANIC: lock\.c:[0-9]+: the lock of a test would wait for itself:$'
    matches "^0x.* is self_deadlock at tests/crash_harts\.c:"
    matches "^0x.* is take_it_again at tests/crash_harts\.c:"
    crash give_what_is_not_taken
    ended_with 1
    matches '^hart [0-3]: PANIC: lock\.c:[0-9]+: the lock of a test is given back by who has not'
}

# One report, and nothing behind it but the places that run.sh names.
is_the_end() {
    local rest
    (($(grep -cE '^hart [0-9]+: (PANIC|TRAP)' <<<"$output") == 1)) || differs "one report"
    rest=$(sed -E '1,/^hart [0-9]+: (PANIC|TRAP)/d; /^  /d; /^0x.* is /d' <<<"$output")
    [[ ! $rest ]] || differs "nothing behind the report, and not: $rest"
}

# As crash, but with what the others printed after the report.
crash_loudly() {
    [[ -e shim.elf ]] || use_shim
    PROGRAM=tests/crash_harts.c CFLAGS="-DCRASH=$1" run ./run.sh --harts 4
    ended_with 1
    is_the_end
    output=$(grep -v '^# one line, .* to say$' <<<"$output") || true
}

@test "a panic stops the harts that print, and is on lines of its own" {
    local line
    line=$(line_of 'PANIC("the answer is %d"')
    crash_loudly panic_on_the_last
    matches "^hart [0-3]: PANIC: tests/crash_harts\.c:$line: the answer is 42$"
}

@test "of all harts that panic at once one is heard" {
    crash_loudly panic_on_all
    matches '^hart ([0-3]): PANIC: .*: hart \1 has the answer$'
}

@test "out of memory on all harts at once is one panic, and none waits for its own lock" {
    crash_loudly out_of_memory
    matches '^hart [0-3]: PANIC: memory/frames\.c:[0-9]+: out of memory: 1 pages wanted, 0 free, '
    matches '^0x.* is take_pages at tests/crash_harts\.c:'
}

@test "a trap on any hart is reported with its name and its own stack" {
    crash_loudly trap_on_the_last
    matches '^hart [0-3]: TRAP: store access fault$'
    matches '^0x.* is trap_or_print at tests/crash_harts\.c:'
    # tp is spoilt there, and found again.
    crash_loudly trap_without_tp
    matches '^hart [0-3]: TRAP: illegal instruction$'
    matches ' tp 0x2a '
    matches '^0x.* is spoil_tp at tests/crash_harts\.c:'
}

@test "a trap in the report of a trap, or in an interrupt, ends the kernel on any hart" {
    crash trap_in_report_on_the_last
    ended_with 1
    matches '^hart [0-3]: TRAP: illegal instruction$'
    matches '^TRAP in the report of a trap: load access fault, sepc 0x'
    says_not "nothing was printed for"
    local program
    for program in trap_in_an_interrupt trap_in_an_interrupt_of_the_guarded; do
        crash $program
        ended_with 1
        matches '^hart [0-3]: TRAP: load access fault$'
        matches '^0x.* is trap_in_answer at tests/crash_harts\.c:'
    done
}

@test "an overrun of another hart's stack is named, and with paging on it traps" {
    crash stack_overrun
    ended_with 1
    matches '^hart [0-3]: stack overrun: the canary at 0x[0-9a-f]+ is gone$'
    crash guarded_overrun
    ended_with 1
    matches '^hart [0-3]: TRAP: store page fault$'
    says_not "stack overrun"
}

@test "a panic does not wait for ever for a hart that lets no interrupt in" {
    crash panic_beside_a_deaf_one
    ended_with 1
    matches '^hart [0-3]: PANIC: .*: one does not hear$'
}

# The others print without asking, and the panic so many words that it takes longer than
# a hart waits for its turn on any machine: none of them gets a word in.
is_undisturbed() {
    [[ ${output##*$'\n'} =~ hart\ [0-3]:\ PANIC:\ tests/crash_harts\.c:[0-9]+:\ (x+)$ ]] &&
        ((${#BASH_REMATCH[1]} == 19999))
}

@test "a panic stops the others before it prints a word" {
    crash panic_beside_the_loud
    ended_with 1
    is_undisturbed || differs "a report in one piece"
}

@test "harts that are to stand still do, and whoever is late for a barrier is waited for" {
    local program
    for program in stop_the_others late_for_a_barrier; do
        crash $program
        ended_with 0
        says_line "1 passed, 0 failed"
    done
}

# ---- planted faults ----
# Each has to be noticed on a machine with one core and on one with many, idle or not. Where a step
# is broken in two, time passes between them, most of what a test takes: then there is always
# another hart that comes in between.

# Edit a file so that it is another, and run what tells.
plant() {
    cp "$2" before
    sed -i.old -E "$1" "$2"
    ! cmp -s before "$2" || differs "a change of $2 by $1"
}

# plant_pause MICROSECONDS LINE FILE: before a line of a file. LINE is a regular expression, and
# MICROSECONDS one of C.
plant_pause() {
    plant "s/^( *)($2)\$/\1{\\
        unsigned long since, now;\\
        __asm__ volatile(\"rdtime %0\" : \"=r\"(since));\\
        do\\
            __asm__ volatile(\"rdtime %0\" : \"=r\"(now));\\
        while (now - since < $1 * 10); \/* ticks of QEMU's timer *\/\\
    }\\
\1\2/" "$3"
}

# plant_no_lock NAME FILE: nobody takes a lock, or gives it back.
plant_no_lock() {
    plant "s/^    lock_(take|give)\(&$1\);\$/    (void) \&$1;/" "$2"
}

# A test failed, or what it did ended in a trap or a panic.
is_noticed() {
    ended_with 1
    matches '^not ok [0-9]+ - |^hart [0-3]: (PANIC|TRAP)'
}

@test "a shootdown that is missing lets another hart read the old page" {
    only_harts 8
    plant 's/^    harts_fence\(vaddr, PAGE_SIZE\);$//' memory/page_table.c
    run_with_all
    ended_with 1
    matches '^not ok [0-9]+ - no hart reads a page that was exchanged$'
    matches '^not ok [0-9]+ - a use after vm_free traps on every hart$'
}

@test "a shootdown by interrupt that waits for nobody, or does nothing, is noticed" {
    only_harts 8
    build_shim 64 -DWITH_HARTS
    plant 's/^    __asm__ volatile\("sfence.vma zero, zero" ::: "memory"\);$//' harts.c
    BIOS=shim.elf run ./run.sh --harts 4
    ended_with 1
    matches '^not ok [0-9]+ - no hart reads a page that was exchanged$'
}

@test "a lock whose exchange is two steps is noticed" {
    only_harts 3
    plant 's/^    while \(atomic_exchange_explicit\(&lock->is_taken, true, .*\)\)$/\
    bool was_taken;\
    while ((was_taken = atomic_load(\&lock->is_taken), (void) sbi_has_harts(),\
            atomic_store(\&lock->is_taken, true), was_taken))/' lock.c
    TIME_LIMIT=10 run ./run.sh --harts 4
    ended_with 1
    # A step is lost, somebody else gives the lock back, or it is taken and nobody has it.
    says_line "ok 2 - a barrier lets nobody through before all are there"
    matches '^not ok 3 - |^hart [0-3]: PANIC|nothing was printed for 10 seconds'
}

# With the pauses, and the lock, all is well. Of the bitmap, because other stages become so broken
# that pages are handed out where the kernel is.
@test "alloc_pages without its lock is noticed" {
    only_harts 5
    use_shim
    plant_pause 20 'if \(first == NONE\)' alloc/bitmap.h
    run ./run.sh --harts 4 bitmap
    passes
    plant_no_lock frames_lock memory/frames.c
    run ./run.sh --harts 4 bitmap
    is_noticed
}

# All see that a table is missing, and each puts its own there, the last ones over one that is used.
@test "virtual memory without its lock is noticed" {
    plant_pause '(this_hart()->id + 1) * 100000' '\*place\.entry = entry_for\(frame, 0\);' \
        memory/page_table.c
    crash map_at_once
    ended_with 0
    says_line "1 passed, 0 failed"
    plant_no_lock vm_lock memory/vm.c
    crash map_at_once
    is_noticed
}

@test "a console without its lock mixes lines" {
    plant 's/^    console_(take|give)\(\);$//' common.c
    plant_pause 100 'putchar\(\*format\);' common.c
    crash print_at_once
    ended_with 0
    (($(grep -cx '# a line, and not half of one' <<<"$output") < 200)) || differs "some mixed"
}

@test "a barrier that lets through one too early is noticed" {
    plant 's/\+ 1 == count\)/+ 1 == count - 1)/' lock.c
    crash late_for_a_barrier
    ended_with 1
    matches '^0 passed, [1-3] failed$'
}

@test "harts that are to stand still and are not told so are noticed" {
    plant 's/^            hart_wake\(&harts\[at\]\);$/            continue;/' harts.c
    crash stop_the_others
    ended_with 1
    says_line "0 passed, 1 failed"
}

@test "harts that are interrupted and do not put their hands down are noticed" {
    only_harts
    use_shim
    plant 's/^        answer\(\);$/        (void) answer;/' harts.c
    run ./run.sh --harts 4
    ended_with 1
    matches '^not ok [0-9]+ - what other harts hold is recalled by an interrupt, '
}

@test "a panic that prints before it stops the others is noticed" {
    plant '/^void panic/,/^}/s/^    harts_stop\(\);$//' panic.c
    crash panic_beside_the_loud
    ended_with 1
    says_line "4 of 4 harts run"
    ! is_undisturbed || differs "a report in pieces"
}
