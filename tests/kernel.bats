#!/usr/bin/env bats
# The kernel in QEMU: what it prints, how it ends, on which firmware, and what its image is.

load helpers

setup_file() {
    find_tools
}

setup() {
    enter_copy
}

# ---- the self-test ----

@test "every stage passes with the least memory and with 1G, and begins at __free_ram" {
    local stage size least start
    run ./run.sh -m 1M
    [[ $output =~ need\ ([0-9]+M)\ or\ more ]]
    least=${BASH_REMATCH[1]}
    for stage in $STAGES; do
        for size in "$least" 1G; do
            echo "# ./run.sh -m $size $stage"
            run ./run.sh -m "$size" "$stage"
            passes
            matches "^$stage: "
            [[ $output =~ $'\n'__free_ram\ 0x([0-9a-f]+) ]]
            start=${BASH_REMATCH[1]}
            says_line "$(printf '# alloc_pages(2) is at 0x%x, alloc_pages(1) at 0x%x' \
                "0x$start" $((0x$start + 8192)))"
        done
    done
}

@test "prove takes run.sh for a test, and it passes with 128M" {
    local stage
    # All stages pass with 128M in run.bats.
    for stage in bump buddy; do
        echo "# prove -v ./run.sh :: $stage"
        run prove -v ./run.sh :: "$stage"
        ended_with 0
        matches "^$stage: "
        matches '^Files=1, Tests=[1-9][0-9]*,'
        says_line "Result: PASS"
    done
}

@test "llvm-nm shows the __free_ram that the kernel prints" {
    local printed start end
    run ./run.sh bump
    printed=$output
    run "$NM" kernel.elf
    [[ $output =~ ([0-9a-f]+)\ .\ __free_ram$'\n' ]]
    start=$((16#${BASH_REMATCH[1]}))
    [[ $output =~ ([0-9a-f]+)\ .\ __free_ram_end$'\n' ]]
    end=$((16#${BASH_REMATCH[1]}))
    ((start % 4096 == 0 && end - start == 64 * 1024 * 1024))
    output=$printed
    matches "$(printf '^__free_ram 0x%x\\>.*\\<0x%x$' "$start" "$end")"
}

# ---- bad ends ----

# Run crash.c's program $1, under a stage or the usual one; it must end with status 1.
crash() {
    run env PROGRAM=tests/crash.c CFLAGS="-DCRASH=$1 ${CFLAGS:-}" ./run.sh "${@:2}"
    ended_with 1
}

# Where crash.c has some text, as name_addresses prints it: function at file:line.
place_of() {
    local line
    line=$(grep -nF -- "$2" tests/crash.c | head -n 1)
    printf '%s at tests/crash.c:%s' "$1" "${line%%:*}"
}

# The trap report is there: cause, registers, and each address that is said to be somewhere.
reports_trap() {
    says_line "TRAP: $1"
    matches '^  scause 0x[0-9a-f]+  sepc 0x[0-9a-f]+  stval 0x[0-9a-f]+$'
    matches '^  ra 0x.{16}   sp 0x.{16}   gp 0x.{16}$'
    matches ' t6 0x[0-9a-f]+ *$'
}

@test "a store through a null pointer is reported with its address and place" {
    crash null_store
    reports_trap "store access fault"
    matches 'scause 0x7 .* stval 0x0$'
    says " is $(place_of null_store 'volatile int *) NULL')"
    reports_stack_pointer
}

# The sp in a trap report is one in the kernel's stack.
reports_stack_pointer() {
    local bottom top
    bottom=$("$NM" kernel.elf | sed -n 's/ .* __stack_bottom$//p')
    top=$("$NM" kernel.elf | sed -n 's/ .* __stack_top$//p')
    [[ $output =~ \ sp\ 0x([0-9a-f]+) ]]
    ((16#$bottom <= 16#${BASH_REMATCH[1]} && 16#${BASH_REMATCH[1]} < 16#$top)) ||
        differs "an sp from 0x$bottom to 0x$top"
}

@test "an illegal instruction is reported with its place" {
    crash illegal_instruction
    reports_trap "illegal instruction"
    says " is $(place_of illegal_instruction '__asm__ volatile(".word 0")')"
}

@test "a jump to where no memory is is reported with the place that jumped" {
    crash wild_jump
    reports_trap "instruction access fault"
    matches 'sepc 0x1000000  stval 0x1000000$'
    says_line "0x1000000 is no code of the kernel"
    says " is $(place_of wild_jump 'nowhere();')"
}

@test "a stack that grew too far and came back is named at shutdown" {
    crash stack_overrun
    matches '^stack overrun: the canary at 0x[0-9a-f]+ is gone$'
    says_not TRAP
}

@test "a panic, a trap or an overrun after a good verdict ends the machine with status 1" {
    local end
    program_that_prints "1 passed, 0 failed" true
    # The last two are reported with paging on, through the page of the test device.
    for end in stack_overrun false_assumption illegal_instruction use_after_free trap_in_trap; do
        echo "# $end"
        sed "s/^    return true;\$/    $end();\n&/" tests/liar.c >tests/$end.c
        PROGRAM=tests/$end.c run ./run.sh bump
        ended_with 1
        says_line "1 passed, 0 failed"
    done
}

@test "an endless recursion is reported with its place, and the overrun is named" {
    crash endless_recursion
    reports_trap "store access fault"
    matches '^stack overrun: the canary at 0x[0-9a-f]+ is gone$'
    matches '^0x[0-9a-f]+ is recurse at tests/crash\.c:[0-9]+'
}

# The address of one of kernel.ld's names.
address_of() {
    printf '0x%s' "$("$NM" kernel.elf | sed -n "s/ .* $1\$//p")"
}

@test "a stack that grows by the largest frames meets nothing until the firmware stops it" {
    local below
    crash long_strides
    reports_trap "store access fault"
    matches '^0x[0-9a-f]+ is take_largest_frames at tests/crash\.c:[0-9]+'
    # What it has gone through on the way is in no allocator.
    below=$(sed -n 's/^reserved  0x80000000 to \(0x[0-9a-f]*\), .*/\1/p' <<<"$output")
    [[ $below && $((below)) -gt $(($(address_of __stack_top))) ]] ||
        differs "all from 0x80000000 to behind the stack to be reserved"
    [[ $output =~ stval\ (0x[0-9a-f]+) ]]
    ((0x80000000 <= BASH_REMATCH[1] && BASH_REMATCH[1] < 0x80200000)) ||
        differs "a trap below the kernel"
}

@test "a function with a larger frame, or one of no fixed size, fails the build" {
    program_that_prints "" true
    sed -i.before 's/64 \* 1024 - 256/64 * 1024 + 1/' tests/liar.c
    echo "int grow(void); int grow(void) { return take_largest_frames(2, 1); }" >>tests/liar.c
    run ./run.sh
    fails_to_build "take_largest_frames"
    says "frame"
    program_that_prints "" true
    echo "int grow(int n); int grow(int n) { volatile char a[n]; return a[0] = 1; }" >>tests/liar.c
    run ./run.sh
    fails_to_build "-Wvla"
}

@test "out of memory is a panic that names the caller" {
    crash out_of_memory
    matches '^PANIC: memory/frames\.c:[0-9]+: out of memory: 1 pages wanted, 0 free, called from 0x'
    says " is $(place_of out_of_memory 'alloc_pages(1);')"
}

@test "paging that runs out of memory at any step is a panic that says at which" {
    local frames_left messages=()
    for ((frames_left = 0; frames_left < 30; frames_left++)); do
        CFLAGS=-DFRAMES_LEFT=$frames_left crash paging_runs_dry
        [[ $output != *"paging is on"* ]] || break
        messages+=("$(sed -n -e 's/ 0x[0-9a-f]*: /: /' -e 's/^PANIC: memory\/vm\.c:[0-9]*: //p' \
            <<<"$output")")
    done
    # The root, then each table, then the metadata for addresses, which wants several side by side.
    run uniq < <(printf '%s\n' "${messages[@]}")
    says_nothing_but "no frame for the root of the kernel's page table
cannot map: ALLOC_NO_MEMORY
cannot manage 128 MiB of addresses: ALLOC_NO_MEMORY"
    ((frames_left > 5 && frames_left < 30)) ||
        differs "paging to be on with 6 to 29 frames, not $frames_left"
}

# crash.c's program $1, under the stage $4 or the usual one, ends with a panic in file $2 that says
# $3, a regular expression.
panics() {
    crash "$1" ${4:+"$4"}
    matches "^PANIC: $2:[0-9]+: $3\$"
}

@test "memory that cannot be managed is a panic that says why, and which" {
    local range="0x80[0-9a-f]+ to 0x80[0-9a-f]+"
    panics no_memory memory/frames.c "there is no usable memory"
    panics two_pages_far_apart memory/frames.c \
        "no room for [0-9]+ KiB of metadata in any of 2 ranges .*"
    panics less_than_a_page memory/frames.c "cannot manage $range: ALLOC_INVALID"
    panics memory_below memory/frames.c "cannot add $range: ALLOC_UNSUPPORTED" bump
}

@test "a wrong request is a panic that names the error and the caller" {
    panics no_pages memory/frames.c 'alloc_pages\(0\): ALLOC_INVALID, called from 0x[0-9a-f]+'
    says " is $(place_of no_pages 'alloc_pages(0);')"
}

@test "pages and frames that somebody else took are a panic that says which" {
    panics unmapped_by_another memory/vm.c 'somebody else unmapped 0x[0-9a-f]+: ALLOC_NOT_ALLOCATED'
    panics frame_freed_by_another memory/frames.c 'frame 0x[0-9a-f]+: ALLOC_NOT_ALLOCATED'
}

@test "a hart without paging is a panic that says so" {
    QEMU_FLAGS="-cpu rv64,mmu=off" panics paging memory/vm.c \
        'this hart has no paging with 39-bit addresses \(Sv39\)'
}

@test "memory that four levels of tables do not reach needs five, and more than that is a panic" {
    CFLAGS=-DMEMORY_BITS=49 crash paging_far_up
    says_line "paging is on with 5 levels"
    CFLAGS=-DMEMORY_BITS=60 panics paging_far_up memory/vm.c \
        'no paging reaches memory up to 0xfffffffffffffff'
}

@test "a double free is a panic that names the error, the address and the caller" {
    crash double_free
    matches '^PANIC: .*free_pages\(0x[0-9a-f]+, 1\): ALLOC_NOT_ALLOCATED, called from 0x'
    # The second of the two calls, not the first.
    says " is double_free at tests/crash.c:$(grep -n 'free_pages(page, 1)' tests/crash.c |
        sed -n '2s/:.*//p')"
}

@test "a panic prints file, line and message" {
    crash false_assumption
    says_line "PANIC: $(place_of '' 'PANIC(' | sed 's/^ at //'): the answer is 42"
}

@test "a trap in the report of a trap ends the kernel all the same" {
    crash trap_in_trap
    matches '^TRAP in the report of a trap: store page fault, sepc 0x'
    matches '^0x[0-9a-f]+ is .* at .*\.c:[0-9]+'
}

@test "where no trap can be reported the kernel ends all the same" {
    CFLAGS=-DTEST_DEVICE=0x100000 TIME_LIMIT=20 crash trap_without_constants
    says_not "nothing was printed for"
}

@test "every cause of a trap has its name" {
    program_that_prints "1 passed, 0 failed" true
    {
        printf '#include "../riscv.h"\n#include "../trap.h"\n'
        sed 's/^    printf("1 passed/    for (uintptr_t cause = 0; cause <= 16; cause++)\
        printf("%s\\n", trap_name(cause));\
    printf("%s, %d\\n", trap_name(~(uintptr_t) 0), (int) (READ_CSR(sscratch) % 16));\
&/' tests/liar.c
    } >tests/names.c
    PROGRAM=tests/names.c run ./run.sh bump
    ended_with 0
    run sed -n '/^instruction address/,/^interrupt/p' <<<"$output"
    # The stack of the traps is aligned to 16.
    says_nothing_but "instruction address misaligned
instruction access fault
illegal instruction
breakpoint
load address misaligned
load access fault
store address misaligned
store access fault
environment call from U-mode
environment call from S-mode
reserved
reserved
instruction page fault
load page fault
reserved
store page fault
unknown cause
interrupt, 0"
}

@test "a use after vm_free is reported with its place" {
    crash use_after_free
    reports_trap "load page fault"
    says " is $(place_of use_after_free '(volatile char *) page')"
}

@test "an endless recursion with paging on is stopped by the guard" {
    crash guarded_recursion
    reports_trap "store page fault"
    matches '^0x[0-9a-f]+ is recurse at tests/crash\.c:[0-9]+'
}

@test "with paging on the largest frame does not step over the guard" {
    local place bottom
    crash guarded_long_strides
    reports_trap "store page fault"
    matches '^0x[0-9a-f]+ is take_largest_frames at tests/crash\.c:[0-9]+'
    [[ $output =~ stval\ (0x[0-9a-f]+) ]]
    place=${BASH_REMATCH[1]} bottom=$(address_of __stack_bottom)
    ((bottom - 65536 <= place && place < bottom)) ||
        differs "a trap in the 64 KiB below the stack, which ends at $bottom"
}

@test "a kernel that has been silent for the time limit is ended, and run.sh says so" {
    note_qemu
    SECONDS=0
    TIME_LIMIT=2 crash hang
    # A busy machine takes its time to build; by itself run.sh would wait for 60 seconds more.
    ((SECONDS >= 2 && SECONDS < 60))
    says_line "run.sh: nothing was printed for 2 seconds: QEMU was ended"
    no_qemu_is_left
}

# QEMU 10 ends the machine a moment after the kernel has asked for it, and the kernel runs on until
# then: on one core with something else to do it gets far.
@test "on one busy core a kernel that fails never ends with status 0" {
    type -P taskset >/dev/null || skip "no taskset(1) here"
    local boot busy core statuses=()
    CFLAGS=-DCRASH=null_store PROGRAM=tests/crash.c run ./run.sh -v bump
    ended_with 1
    [[ $output =~ (\+\ [^$'\n']*qemu-system[^$'\n']*) ]]
    boot=${BASH_REMATCH[1]#+ }
    core=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
    taskset -c "$core" bash -c 'while true; do :; done' 3>&- &
    busy=$!
    for _ in 1 2 3 4 5 6; do
        eval "run taskset -c $core $boot </dev/null"
        statuses+=("$status")
    done
    kill $busy
    [[ ${statuses[*]} == "1 1 1 1 1 1" ]] || differs "status 1 each time, not ${statuses[*]}"
}

@test "for a second the kernel waits for the test device to end the machine" {
    local boot begun
    program_that_prints "1 passed, 0 failed" true
    # Here nothing happens.
    CFLAGS=-DTEST_DEVICE=0x50000000 run ./run.sh -v bump
    ended_with 0
    [[ $output =~ (\+\ [^$'\n']*qemu-system[^$'\n']*) ]]
    boot=${BASH_REMATCH[1]#+ }
    begun=${EPOCHREALTIME/[.,]/}
    eval "$boot </dev/null"
    ((${EPOCHREALTIME/[.,]/} - begun >= 1000000)) || differs "a boot that takes a second"
}

@test "a failed test fails the run" {
    crash failed_test
    says_line "0 passed, 1 failed"
}

@test "each of crash.c's programs is run here" {
    local name
    run sed -n 's/^__attribute__((used)) static void \([a-z_]*\)(void) {$/\1/p' tests/crash.c
    says_line null_store
    for name in "${lines[@]}"; do
        grep -qE " (crash|panics) $name\>" tests/kernel.bats || differs "a test of $name"
    done
}

# A program that prints $1 and returns $2: what the kernel says and what it does may differ.
program_that_prints() {
    sed -e "s/^    CRASH();\$/    printf(\"$1\\\\n\");/" \
        -e "s/^    return false;\$/    return $2;/" tests/crash.c >tests/liar.c
    export PROGRAM=tests/liar.c
}

@test "a good verdict is not enough if the kernel shuts down with failure" {
    program_that_prints "1 passed, 0 failed" false
    run ./run.sh
    ended_with 1
}

@test "shutting down without failure is not enough if the verdict is bad or missing" {
    program_that_prints "3 passed, 1 failed" true
    run ./run.sh
    ended_with 1
    program_that_prints "all is well" true
    run ./run.sh
    ended_with 1
    program_that_prints "4 passed, 0 failed" true
    run ./run.sh
    ended_with 0
}

# ---- firmware ----

@test "without a test device the verdict still gives the exit status" {
    # The store to the one address traps, at the other it is ignored.
    local device
    for device in 0x1000000 0x50000000; do
        echo "# TEST_DEVICE=$device"
        program_that_prints "1 passed, 0 failed" true
        CFLAGS=-DTEST_DEVICE=$device run ./run.sh bump
        ended_with 0
        says_not TRAP
        program_that_prints "0 passed, 1 failed" false
        CFLAGS=-DTEST_DEVICE=$device run ./run.sh bump
        ended_with 1
        says_line "0 passed, 1 failed"
        says_not "nothing was printed for"
        PROGRAM=tests/crash.c CFLAGS="-DTEST_DEVICE=$device -DCRASH=null_store" run ./run.sh bump
        ended_with 1
        says_line "TRAP: store access fault"
        says_not "nothing was printed for"
    done
}

# Run on the shim, without a test device. More words are for the shim's compiler.
run_on_shim() {
    build_shim 64 "$@"
    CFLAGS=-DTEST_DEVICE=0x1000000 BIOS=shim.elf run ./run.sh bump
}

@test "firmware without legacy calls is used through Debug Console and System Reset" {
    program_that_prints "1 passed, 0 failed" true
    run_on_shim -DNO_LEGACY
    ended_with 0
    # Here only the firmware can have ended QEMU with the failure that it was told.
    program_that_prints "1 passed, 0 failed" false
    run_on_shim -DNO_LEGACY
    ended_with 1
    says_line "1 passed, 0 failed"
    says_not "nothing was printed for"
}

@test "firmware with nothing but legacy calls is used through these" {
    program_that_prints "1 passed, 0 failed" true
    run_on_shim -DONLY_LEGACY
    ended_with 0
    program_that_prints "0 passed, 1 failed" false
    run_on_shim -DONLY_LEGACY
    ended_with 1
    says_line "0 passed, 1 failed"
    says_not "nothing was printed for"
}

@test "of four harts that enter the kernel at once, one boots and the others are silent" {
    build_shim 64
    export BIOS=shim.elf QEMU_FLAGS="-smp 4"
    run ./run.sh
    passes
    program_that_prints "1 passed, 0 failed" true
    local try
    for try in 1 2 3; do
        echo "# boot $try"
        run ./run.sh bump
        ended_with 0
        (($(grep -c '^freeram: ' <<<"$output") == 1)) || differs "one hart's output"
    done
}

@test "the kernel clears its variables, and needs no memory to be clean" {
    build_only
    build_shim 64 "-DDIRTY_START=$(address_of __bss)" "-DDIRTY_END=$(address_of __free_ram_end)"
    BIOS=shim.elf run ./run.sh
    passes
}

@test "an interrupt that was waiting when the kernel began does not come when it lets them in" {
    program_that_prints "1 passed, 0 failed" true
    sed -i.before 's/^    printf("1 passed/    __asm__ volatile("csrsi sstatus, 2");\n&/' \
        tests/liar.c
    run_on_shim
    ended_with 0
    says_not TRAP
}

@test "the firmware is asked for an end and not for a new beginning" {
    program_that_prints "1 passed, 0 failed" true
    # The later option overrides run.sh's -no-reboot.
    QEMU_FLAGS="-action reboot=reset" CFLAGS=-DTEST_DEVICE=0x1000000 run ./run.sh bump
    ended_with 0
    (($(grep -c '^freeram: ' <<<"$output") == 1)) || differs "one boot"
}

@test "with four harts under OpenSBI one boots" {
    QEMU_FLAGS="-smp 4" run ./run.sh bump
    passes
}

# ---- rv32 ----

@test "every stage builds for rv32 without a warning and passes there" {
    local stage
    use_rv32
    for stage in $STAGES; do
        run ./run.sh "$stage"
        passes
        matches '^freeram: rv32, '
        says_not warning
    done
}

@test "a trap on rv32 is reported with its place" {
    use_rv32
    crash null_store
    reports_trap "store access fault"
    says " is $(place_of null_store 'volatile int *) NULL')"
    reports_stack_pointer
}

@test "on rv32 a long long is printed whole, and what follows it" {
    use_rv32
    program_that_prints "1 passed, 0 failed" true
    sed -i.before 's/^    printf("1 passed/    printf("%lld %llx %d\\n", 1234567890123456789,\
        0xfedcba9876543210, 7);\n&/' tests/liar.c
    run ./run.sh bump
    ended_with 0
    says_line "1234567890123456789 fedcba9876543210 7"
}

@test "four harts on rv32 are as one" {
    use_rv32
    QEMU_FLAGS="-smp 4" run ./run.sh -m 1G
    passes
}

# ---- the build ----

@test "the kernel passes when compiled with -O0, with -Os and for bit manipulation" {
    CFLAGS=-O0 run ./run.sh
    passes
    CFLAGS=-Os run ./run.sh
    passes
    MARCH=rv64gc_zba_zbb_zbs QEMU_FLAGS="-cpu rv64,zba=true,zbb=true,zbs=true" run ./run.sh -v
    passes
    says "-march=rv64gc_zba_zbb_zbs "
}

# The build fails for this reason, and leaves nothing that could be booted.
fails_to_build() {
    ended_with 1
    says "$1"
    says_not "freeram: "
    [[ ! -e kernel.elf && ! -e $(echo build/*/kernel.elf) ]] || differs "no kernel.elf"
}

@test "an entry point that is missing fails the build" {
    CFLAGS=-Wl,-e,nowhere run ./run.sh
    fails_to_build "cannot find entry symbol nowhere"
}

@test "first instructions that lie elsewhere fail the build" {
    sed -i.before 's/section("\.boot")/section(".text.boot")/' kernel.c
    run ./run.sh
    fails_to_build "boot must be the first instruction"
}

@test "an undefined symbol fails the build" {
    program_that_prints "" "page_check(nobody)"
    echo "extern struct page_allocator *nobody;" >>memory/frames.h
    run ./run.sh
    fails_to_build "undefined symbol: nobody"
}

@test "a warning fails the build" {
    program_that_prints "" "sizeof(int) > -1"
    run ./run.sh
    fails_to_build "error: implicit conversion changes signedness"
}

@test "a wrong format for printf fails the build" {
    program_that_prints "%d" true
    run ./run.sh
    fails_to_build "error: more '%' conversions than data arguments"
}

# Build the kernel, without booting it.
build_only() {
    stub ./no-qemu <<<'[[ $1 != --version ]] || echo "QEMU emulator version 9.9.9"'
    BIOS=run.sh QEMU=./no-qemu run ./run.sh -v
    [[ -s kernel.elf ]]
}

@test "no part of the kernel's image is both writable and executable" {
    build_only
    run "$OBJDUMP" -p kernel.elf
    ended_with 0
    matches '^ +filesz .* flags r-x$'
    matches '^ +filesz .* flags rw-$'
    matches '^ +filesz .* flags r--$'
    says_not " flags rwx"
    says_not " flags -wx"
}

@test "the kernel is complete without any library" {
    use_rv32
    build_only
    says " -nostdlib "
    run "$NM" --undefined-only kernel.elf
    ended_with 0
    says_nothing_but ""
    # Arithmetic that compilers leave to their library has such names.
    run "$NM" kernel.elf
    says " __stack_top"
    ! grep -E ' __[a-z]+[sdt]i[0-9]$' <<<"$output" || differs "no helper of a compiler"
}

# ---- the debugger ----

# Skip unless it is gdb that run.sh finds.
needs_gdb() {
    type gdb-multiarch riscv64-elf-gdb riscv64-unknown-elf-gdb riscv64-linux-gnu-gdb 2>/dev/null |
        grep -q ' is ' || skip "no gdb here that knows RISC-V"
    export GDB_PORT=$((20000 + BASHPID % 20000))
}

@test "gdb stops at kernel_main with symbols, and leaves no QEMU when it quits" {
    needs_gdb
    note_qemu
    run ./run.sh gdb bump <<<$'continue\nbacktrace 1\ninfo line\nprint bump_stage.name\nquit'
    ended_with 0
    matches '^Breakpoint 1, kernel_main \(.*hart='
    matches '^(\(gdb\) )?#0  kernel_main \('
    matches 'Line [0-9]+ of "(./)?kernel\.c"'
    says '"bump"'
    no_qemu_is_left
}

@test "gdb does not go on with a port that is taken, or is none" {
    needs_gdb
    "${QEMU:-qemu-system-riscv64}" -machine virt -display none -S -gdb "tcp:127.0.0.1:$GDB_PORT" \
        </dev/null >/dev/null 2>&1 3>&- &
    echo $! >qemu.pids
    # shellcheck disable=SC2016 # for the shell below
    timeout 60 bash -c \
        'until (exec 4<>"/dev/tcp/127.0.0.1/$GDB_PORT") 2>/dev/null; do sleep 0.1; done'
    run ./run.sh gdb bump </dev/null
    ended_with 1
    says_nothing_but "run.sh: gdb: something listens at port $GDB_PORT, another QEMU perhaps: \
GDB_PORT names another"
    kill -KILL "$(<qemu.pids)"
    GDB_PORT=abc run ./run.sh gdb bump
    refuses_with "GDB_PORT=abc: not the number of a port"
}

@test "gdb leaves no QEMU when it is killed" {
    needs_gdb
    note_qemu
    # QEMU has been started by then, but need not have come as far as to be noted.
    stub ./dying-gdb <<<'until [[ -s qemu.pids ]]; do sleep 0.05; done; kill -KILL $$'
    GDB=./dying-gdb run ./run.sh gdb
    ended_with 137
    no_qemu_is_left
}
