#!/usr/bin/env bats
# run.sh: every command, option and message, each exit status, finding and installing tools, and
# what becomes of QEMU and the terminal.

load helpers

setup() {
    enter_copy
}

# ---- the command line ----

@test "--help and -h print all commands, options and variables, each with an example" {
    local word
    run ./run.sh --help
    ended_with 0
    local help=$output
    for word in all diff test fuzz gdb chapter site --diff --out -m -y -v --help --version \
        $STAGES; do
        says " $word"
    done
    for word in all "diff bump bitmap" "test tests/run.bats" "test quick" "fuzz alloc" "gdb buddy" \
        "chapter 6" "-m 1G buddy" -y; do
        matches "  \./run\.sh $word\$"
    done
    # Each variable that run.sh and setup.sh take from outside.
    for word in CC LD NM OBJDUMP SYMBOLIZER CFLAGS XLEN MARCH QEMU BIOS QEMU_FLAGS GDB GDB_PORT \
        PROGRAM TIME_LIMIT; do
        matches "\<$word\>"
    done
    run ./run.sh bump -h
    ended_with 0
    says_nothing_but "$help"
}

@test "--version prints the newest version of the changelog, also with other words" {
    run ./run.sh --version
    ended_with 0
    says_nothing_but "freeram $(sed -n 's/^## \([0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)"
    matches '^freeram [0-9]+\.[0-9]+\.[0-9]+$'
    rm CHANGELOG.md
    run ./run.sh bump --version
    ended_with 0
    matches '^freeram [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "help is on standard output, and refusals are on standard error" {
    run --separate-stderr ./run.sh --help
    [[ $output && ! $stderr ]]
    run --separate-stderr ./run.sh nonsense
    [[ ! $output && $stderr ]]
}

@test "a wrong command is refused with what there is" {
    run ./run.sh ""
    says "no command or stage ''"
    ended_with 2
    run ./run.sh slab
    refuses_with "no command or stage 'slab': there are $STAGES, all, diff, test, fuzz, bench, \
gdb, chapter and site"
    run ./run.sh "bump bitmap"
    refuses_with "no command or stage 'bump bitmap': there are $STAGES, all, diff, test, fuzz, \
bench, gdb, chapter and site"
    run ./run.sh -v Bump
    ended_with 2
}

@test "a wrong option is refused with what there is" {
    local option
    for option in -x --verbose -- - -vy; do
        run ./run.sh bump "$option"
        refuses_with "no option '$option': there are -m SIZE, --harts N, -y, -v and --help"
    done
}

@test "words too many are refused" {
    run ./run.sh bump bitmap
    refuses_with "bump takes no more words: 'bitmap' is too much"
    run ./run.sh all bump
    refuses_with "all takes no more words: 'bump' is too much"
    run ./run.sh gdb bump bitmap
    refuses_with "gdb takes one stage: 'bitmap' is too much"
    run ./run.sh site bump
    refuses_with "site takes no more words: 'bump' is too much"
    run ./run.sh test site tests/run.bats
    refuses_with "test site takes no more words: 'tests/run.bats' is too much"
}

@test "diff and gdb refuse stages that there are not" {
    run ./run.sh diff bump
    refuses_with "diff needs two stages, as in: diff bump bitmap"
    run ./run.sh diff
    refuses_with "diff needs two stages, as in: diff bump bitmap"
    run ./run.sh diff bump bitmap buddy
    refuses_with "diff needs two stages, as in: diff bump bitmap"
    run ./run.sh diff bump slab
    refuses_with "no stage 'slab': there are $STAGES"
    run ./run.sh diff slab bump
    refuses_with "no stage 'slab': there are $STAGES"
    run ./run.sh gdb slab
    refuses_with "no stage 'slab': there are $STAGES"
}

@test "a memory size that is none is refused with the form it must have" {
    local size
    for size in "" 0 -1 12x M 128MB 1.5G 0x80 " 128" 128k 99999999; do
        run ./run.sh -m "$size"
        refuses_with "-m $size: not a memory size: a number with M, G or T, as in 128M"
    done
    run ./run.sh bump -mnone
    refuses_with "-m none: not a memory size: a number with M, G or T, as in 128M"
    run ./run.sh bump -m
    refuses_with "-m needs a memory size, as in -m 128M"
}

@test "a memory size that is too small or too large is refused with the limit" {
    local least
    run ./run.sh -m 1
    ended_with 2
    [[ $output =~ ([0-9]+)M\ or\ more$ ]]
    least=${BASH_REMATCH[1]}
    run ./run.sh -m $((least - 1))M
    refuses_with "-m $((least - 1))M: too small: the kernel and its free memory need ${least}M or \
more"
    run ./run.sh -m 1025G
    refuses_with "-m 1025G: too large: 1T is the most"
    run ./run.sh -m 9999999T
    refuses_with "-m 9999999T: too large: 1T is the most"
}

@test "settings that cannot be are refused" {
    XLEN=128 run ./run.sh
    refuses_with "XLEN=128: there are 64 and 32"
    PROGRAM=tests/none.c run ./run.sh
    ended_with 2
    matches '^run\.sh: PROGRAM=tests/none\.c: no such file'
    ((${#lines[@]} == 1))
    TIME_LIMIT=soon run ./run.sh
    refuses_with "TIME_LIMIT=soon: not a number of seconds"
    TIME_LIMIT=0 run ./run.sh
    refuses_with "TIME_LIMIT=0: not a number of seconds"
}

@test "an instruction set that the kernel cannot have is refused by name" {
    local march
    for march in rv64gcv rv64imv_zbb rv64gc_zve64x; do
        MARCH=$march run ./run.sh bump
        refuses_with "MARCH=$march: the kernel turns no vector unit on, and code that has one traps"
    done
    MARCH=rv32gc run ./run.sh bump
    refuses_with "MARCH=rv32gc: does not begin with rv64, as XLEN says"
}

@test "a chapter that there is not is refused with those that there are" {
    local chapter
    for chapter in 0 x 99 06 -1 " 6"; do
        run ./run.sh chapter "${chapter/#-/ -}"
        ended_with 2
        matches '^run\.sh: chapter .*: there are 1 to [1-9][0-9]*$'
    done
}

@test "test refuses what is no test, with those that there are" {
    local file
    for file in /etc/passwd tests/crash.c run.sh ../tests/run.bats; do
        run ./run.sh test "$file"
        refuses_with "test: '$file' is no test: there are tests/*.bats, build/host/*.t, \
build/host32/*.t and build/book/*.t"
    done
}

@test "-m is refused where no machine is booted" {
    local command
    for command in "diff bump tree" "test quick" "fuzz alloc" "chapter 1" site; do
        # shellcheck disable=SC2086 # words
        run ./run.sh -m 64M $command
        refuses_with "-m is for stages, all, bench and gdb, and not for ${command%% *}"
    done
}

@test "--out is for site, and needs a folder" {
    run ./run.sh bump --out pages
    refuses_with "--out is for site"
    run ./run.sh site --out
    refuses_with "--out needs a folder, as in --out pages"
}

@test "a site that is to be made where something else lies is refused" {
    mkdir mine
    touch mine/precious
    run ./run.sh site --out mine
    ended_with 1
    says_nothing_but "run.sh: site: $PWD/mine holds something else"
}

# ---- where and how it is called ----

@test "a shell that is not bash says in one line that bash is needed" {
    type -P dash >/dev/null || skip "no other shell here"
    run dash run.sh
    ended_with 2
    says_nothing_but "run.sh: this is for bash: ./run.sh, or bash run.sh"
}

@test "bash that is called sh is bash all the same" {
    ln -s "$(type -P bash)" sh
    run ./sh run.sh bump
    passes
}

@test "run.sh finds the project from a symbolic link and with CDPATH set" {
    mkdir -p elsewhere/deep "other/$(basename "$PWD")"
    ln -s ../../run.sh elsewhere/deep/second
    ln -s deep/second elsewhere/first
    CDPATH=$PWD/other:/ run elsewhere/first --version
    ended_with 0
    says_nothing_but "freeram $(sed -n 's/^VERSION=//p' run.sh)"
    CDPATH=$PWD/other run elsewhere/first diff bump bitmap
    ended_with 0
    matches '^\+\+\+ alloc/bitmap\.c'
}

# run_mounted COMMANDS [WORD]...: `run` run.sh with these words where the commands have mounted
# something that nobody else sees; behind what it says stands a list of the files in `small`.
run_mounted() {
    # shellcheck disable=SC2016 # for that shell
    run unshare -rm bash -ec "$1"'; cd "$PWD"; trap "find small -type f" EXIT; ./run.sh "$@"' \
        bash "${@:2}"
}

@test "where nothing can be written one line names the folder, and nothing is left" {
    local command
    unshare -rm true 2>/dev/null || skip "no file systems can be mounted here"
    pretend </dev/null
    export LC_ALL=C
    mkdir small build
    TMPDIR=/none/here run ./run.sh bump
    ended_with 1
    says_nothing_but "run.sh: cannot write to TMPDIR=/none/here: No such file or directory"
    TMPDIR=$PWD/small run_mounted 'mount -t tmpfs -o size=1m none small' bump
    ended_with 1
    says_nothing_but "run.sh: cannot write to TMPDIR=$PWD/small: No space left on device"
    for command in bump all gdb "test tests/lint.bats" "test quick" "fuzz alloc" "bench bump"; do
        # shellcheck disable=SC2086 # words
        run_mounted 'mount -t tmpfs -o size=1m none small; mount --bind small build' $command
        ended_with 1
        says_nothing_but "run.sh: cannot write to $PWD/build: No space left on device"
    done
    run_mounted 'mount --bind . .; mount -o remount,bind,ro .' bump
    ended_with 1
    says_nothing_but "run.sh: cannot write to $PWD: Read-only file system"
    run_mounted 'mount --bind . .; mount -o remount,bind,ro .' chapter 1
    ended_with 1
    says_nothing_but "run.sh: cannot make $PWD/build/chapter-1: Read-only file system"
    run_mounted 'mount --bind . .; mount -o remount,bind,ro .' chapter 1 small
    ended_with 1
    says_nothing_but "run.sh: cannot write to $PWD/small: Read-only file system"
    run_mounted 'mount --bind . .; mount -o remount,bind,ro .' diff bump bump
    ended_with 0
    says_nothing_but ""
}

@test "a disk that fills up while the kernel runs is named, and QEMU is ended" {
    unshare -rm true 2>/dev/null || skip "no file systems can be mounted here"
    pretend <<'END'
head -c 100000000 /dev/zero >build/filler 2>/dev/null
echo "freeram: here"
exec sleep 1000
END
    mkdir small build
    run_mounted 'mount -t tmpfs -o size=20m none small; mount --bind small build' bump
    ended_with 1
    matches "^run\.sh: cannot write to .*/console\.log\.[0-9]+: is the disk full\?$"
    # What is there was whole before.
    ((${#lines[@]} == 3)) || differs "one line, and two files"
    says_line small/rv64gc-bump-selftest/kernel.elf
    says_line small/filler
    no_qemu_is_left
}

@test "standard output that cannot be written to ends run.sh and QEMU with one line" {
    [[ -c /dev/full ]] || skip "no /dev/full here"
    pretend <<<'echo "freeram: here"; exec sleep 1000'
    run bash -c './run.sh bump >/dev/full'
    ended_with 1
    says_nothing_but "run.sh: cannot write to standard output"
    no_qemu_is_left
}

@test "tools that are none of what they should be are named" {
    CC=/bin/true run ./run.sh bump
    ended_with 1
    says_nothing_but \
        "run.sh: CC=/bin/true: not a clang of version 14 or later with a RISC-V target"
    LD=/bin/true run ./run.sh bump
    ended_with 1
    says_nothing_but "run.sh: /bin/true wrote no kernel: is it ld.lld?"
}

# ---- booting ----

# The command line of QEMU that -v showed has these words, one after the other.
starts_qemu_with() {
    matches "^\+ [^ ]*qemu[^ ]* .*$1( |\$)"
}

# Have run.sh build and boot with programs that only look like clang and QEMU: to see how they are
# started, and what becomes of them. QEMU does what standard input says.
pretend() {
    stub ./pretended-clang <<'END'
case $1 in
-dumpversion) echo 99.0.0 ;;
--print-targets) echo riscv64 ;;
*)
    while [[ $1 != -o ]]; do shift; done
    echo >"$2"
    ;;
esac
END
    {
        cat <<'END'
case $1 in
--version) echo "QEMU emulator version 99.9.9" ;;
*) echo $$ >>qemu.pids ;;
esac
[[ $1 == -machine ]] || exit 0
END
        cat
    } | stub ./pretended-qemu
    export CC=./pretended-clang QEMU=./pretended-qemu BIOS=run.sh
}

@test "-m gives QEMU its memory in every form, before and after the command" {
    pretend </dev/null
    run ./run.sh -v -m 256M bump
    starts_qemu_with "-m 256M"
    run ./run.sh -v bump -m 256
    starts_qemu_with "-m 256M"
    run ./run.sh -v -m96M bump
    starts_qemu_with "-m 96M"
    run ./run.sh -v bump -m2G
    starts_qemu_with "-m 2048M"
    run ./run.sh -v bump -m 1T
    starts_qemu_with "-m 1048576M"
    run ./run.sh -v -m 1G bump -m 100M
    starts_qemu_with "-m 100M"
    run ./run.sh -v bump
    starts_qemu_with "-m 128M"
}

@test "without a command the radix stage boots, and only the kernel speaks" {
    run --separate-stderr ./run.sh
    passes
    says "radix: "
    [[ $output == "freeram: "* && ! $stderr ]] || differs "nothing but the kernel's lines"
    grep -q OpenSBI build/*-radix-selftest/console.log
}

@test "-v shows every command and what the firmware prints, before and after the command" {
    run ./run.sh -v bump
    passes
    matches '^\+ .*clang[^ ]* --target=riscv64-unknown-elf .* kernel\.c '
    starts_qemu_with "-machine virt"
    matches '^OpenSBI v'
    run ./run.sh diff -v bump bitmap
    ended_with 0
    says_line "+ diff -u alloc/bump.c alloc/bitmap.c"
}

@test "run.sh works from any folder" {
    local here=$PWD
    cd /
    run "$here/run.sh" bump
    passes
}

@test "all has a line for every stage and a summary, and ends with 0 if all pass" {
    local stage count=0
    run ./run.sh all
    ended_with 0
    for stage in $STAGES; do
        matches "^$stage +ok      [1-9][0-9]* passed, 0 failed, [0-9]+ skipped$"
        count=$((count + 1))
    done
    ((${#lines[@]} == count + 1)) || differs "a line for each stage, and one more"
    says_line "$count of $count stages passed"
}

@test "all shows what failed, goes on to the next stage, and ends with 1" {
    local count
    sed -e 's/^    CRASH();$/    bool odd = stage == \&bitmap_stage;\
    printf(odd ? "0 passed, 1 failed\\n" : "1 passed, 0 failed\\n");/' \
        -e 's/^    return false;$/    return !odd;/' tests/crash.c >tests/odd.c
    PROGRAM=tests/odd.c run ./run.sh all
    ended_with 1
    matches '^bump +ok      1 passed, 0 failed$'
    matches '^bitmap +FAILED  0 passed, 1 failed$'
    matches '^    freeram: rv64'
    matches '^buddy +ok      1 passed, 0 failed$'
    count=$(wc -w <<<"$STAGES")
    says_line "$((count - 1)) of $((count)) stages passed"
}

@test "all goes on after a stage that printed nothing" {
    local stage count=0
    pretend </dev/null
    run ./run.sh all
    ended_with 1
    for stage in $STAGES; do
        matches "^$stage +FAILED  no verdict$"
        count=$((count + 1))
    done
    says_line "0 of $count stages passed"
}

@test "a QEMU that ends by itself is reported with its status and the log" {
    pretend <<<'echo "cannot open the crystal ball"; exit 3'
    run ./run.sh bump
    ended_with 1
    says "run.sh: QEMU ended with status 3 before the kernel printed anything: see build/"
    [[ $output =~ \ see\ (.*)$ ]]
    grep "crystal ball" "${BASH_REMATCH[1]}"
}

@test "a kernel that hangs before it prints is reported with the log" {
    pretend <<<'echo "cannot find the kernel"; exec sleep 1000'
    # Long enough for a busy machine to start the pretended QEMU.
    TIME_LIMIT=4 run ./run.sh bump
    ended_with 1
    says_line "run.sh: nothing was printed for 4 seconds: QEMU was ended"
    [[ $output =~ "run.sh: the kernel had not begun; what the firmware printed is in "(.*)$ ]]
    grep "cannot find the kernel" "${BASH_REMATCH[1]}"
    no_qemu_is_left
}

@test "a kernel that still prints is not ended, however long it takes" {
    # Longer than the limit with whole lines, and as long without an end of a line.
    pretend <<'END'
echo "freeram: here"
while ((SECONDS < 6)); do echo "line"; sleep 0.2; done
while ((SECONDS < 16)); do printf .; sleep 0.2; done
printf '\n1 passed, 0 failed\n'
END
    TIME_LIMIT=4 run ./run.sh bump
    ended_with 0
    matches '^\.+$'
    says_line "1 passed, 0 failed"
}

@test "a kernel that hangs in the middle of a line is ended, and the line is shown" {
    pretend <<<'echo "freeram: here"; printf "2 + 2 is"; exec sleep 1000'
    TIME_LIMIT=4 run ./run.sh bump
    ended_with 1
    says_nothing_but "freeram: here
2 + 2 is
run.sh: nothing was printed for 4 seconds: QEMU was ended"
    no_qemu_is_left
}

@test "CFLAGS, QEMU_FLAGS and MARCH reach the compiler and QEMU" {
    pretend </dev/null
    export CFLAGS="-DONE -DTWO=2" QEMU_FLAGS="-smp 2 -name freeram" MARCH=rv64imac
    run ./run.sh -v bump
    matches ' -march=rv64imac .* -DONE -DTWO=2 '
    starts_qemu_with ".* -smp 2 -name freeram"
}

@test "two runs at once in one folder both pass" {
    local first second
    ./run.sh bump >first 2>&1 3>&- &
    first=$!
    ./run.sh bump >second 2>&1 3>&- &
    second=$!
    wait_to_end $first first
    passes
    wait_to_end $second second
    passes
}

@test "nothing is left in the folder for temporary files, and little in the project's" {
    mkdir temporary
    PROGRAM=tests/crash.c CFLAGS=-DCRASH=null_store TMPDIR=$PWD/temporary run ./run.sh
    ended_with 1
    run ls temporary
    says_nothing_but ""
    run ls . build/*
    says_not kernel.elf.
    says_not console.log.
}

# ---- diff ----

@test "diff is plain in a pipe and ends with 0" {
    run ./run.sh diff bump bitmap
    ended_with 0
    [[ ${lines[0]} == "--- alloc/bump.c"* && ${lines[1]} == "+++ alloc/bitmap.c"* ]]
    says_not $'\e'
    matches '^\+'
    matches '^-'
    run ./run.sh diff bump bump
    ended_with 0
    says_nothing_but ""
}

@test "diff is coloured on a terminal" {
    needs_terminal
    run on_terminal "./run.sh diff bump bitmap"
    ended_with 0
    says $'\e[31m-'
    says $'\e[32m+'
}

@test "diff fails if it cannot read a stage" {
    mkdir bin
    stub bin/diff <<<'echo "diff: cannot read $*" >&2; exit 2'
    PATH=$PWD/bin:$PATH run ./run.sh diff bump bitmap
    ended_with 1
    says "alloc/bitmap.c"
}

# ---- test ----

# A project with few tests: one in bats, one that tests/Makefile builds, the same for 32 bits, one
# of the book. The Makefile notes what it builds in the file `built`.
with_few_tests() {
    rm -rf tests/*.bats tests/host
    mkdir tests/host
    stub tests/one.bats <<<'echo 1..1; echo "ok 1 - ${TEST_RAN:-one} ran"'
    cat >tests/Makefile <<'END'
OUT = build/host
all: $(OUT)/two.t $(OUT)/four.t
list:
	@echo $(OUT)/two.t; echo $(OUT)/four.t
$(OUT)/%.t:
	@mkdir -p $(@D)
	@echo $@ >>built
	@printf '#!/bin/sh\necho 1..1\necho "%s 1 - the compiler is $(notdir $(CC))"\n' \
	    "$${RESULT:-ok}" >$@
	@chmod +x $@
END
    stub tests/host/cmocka32.sh <<<'exit ${NO_CMOCKA32:-0}'
    stub tests/host/build32.sh <<<'make -f tests/Makefile OUT="$1" "${@:2}"'
    stub chapters/play <<'END'
mkdir -p "$2"
echo book >>built
printf '#!/bin/sh\necho 1..1\necho "ok 1 - the book plays"\n' >"$2/three.t"
chmod +x "$2/three.t"
END
}

@test "test runs the bats files and the host's tests, and ends with 0 if all pass" {
    with_few_tests
    run ./run.sh test
    ended_with 0
    matches '^tests/one\.bats \.+ ok'
    matches '^build/host/two\.t \.+ ok'
    matches '^build/host/four\.t \.+ ok'
    matches '^build/book/three\.t \.+ ok'
    says_line "Result: PASS"
}

@test "test ends with 1 if one test fails" {
    with_few_tests
    RESULT="not ok" run ./run.sh test
    ended_with 1
    matches '^tests/one\.bats \.+ ok'
    says_line "Result: FAIL"
}

@test "test shows at its end what the tests that failed said, and nothing of the others" {
    with_few_tests
    stub tests/one.bats <<'END'
printf '%s\n' 1..3 'ok 1 - before' '# of the first' 'not ok 2 - it' '# 1 is not 2' 'ok 3 - after'
END
    run ./run.sh test
    ended_with 1
    [[ $output == *$'\n\ntests/one.bats\nnot ok 2 - it\n# 1 is not 2' ]] || differs "it at the end"
    says_not "of the first"
    [[ ! $(ls -d build/said.* 2>/dev/null) ]] || differs "no build/said.* left"
}

# This machine's processor and system are others than they are; only apt-get is looked for.
pretend_to_be() {
    sed -e "s/\$HOSTTYPE/$1/" -e "s/\$OSTYPE/$2/" "$PROJECT/setup.sh" >setup.sh
}

# A clang whose 32-bit programs do $1; it builds all else as ever.
clang_of_32_bits() {
    stub ./clang-of-32-bits <<END
[[ " \$* " == *" -m32 "* ]] || exec '$(type -P "${CC:-clang}")' "\$@"
while [[ \$1 != -o ]]; do shift; done
{ echo "#!/bin/sh"; echo "$1"; } >"\$2"
chmod +x "\$2"
END
}

@test "test runs the host's tests in 32 bits as well, or says why it does not" {
    with_few_tests
    mkdir bin
    stub bin/apt-get </dev/null
    export PATH=$PATH:$PWD/bin
    pretend_to_be x86_64 linux-gnu
    clang_of_32_bits "exit 0"
    export CC=./clang-of-32-bits
    run ./run.sh test
    ended_with 0
    matches '^build/host32/two\.t \.+ ok'
    NO_CMOCKA32=1 run ./run.sh test
    ended_with 0
    says_line \
        "run.sh: the host tests are not run in 32 bits: there is no cmocka for them, see above"
    says_not "build/host32"
    run ./run.sh test tests/one.bats
    ended_with 0
    says_not "32 bits"
    # What a shell says of a program that its kernel does not know.
    sed -i.before 's/exit 0/exit 126/' clang-of-32-bits
    run ./run.sh test
    ended_with 0
    says_line "run.sh: the host tests are not run in 32 bits: this machine's kernel runs no \
32-bit programs"
    says_not "build/host32"
    pretend_to_be aarch64 linux-gnu
    run ./run.sh test
    ended_with 0
    says_line "run.sh: the host tests are not run in 32 bits: that is for Debian and Ubuntu with \
x86-64"
}

@test "a try of 32 bits that is ended leaves nothing behind" {
    with_few_tests
    mkdir bin temporary
    stub bin/apt-get </dev/null
    export PATH=$PATH:$PWD/bin
    pretend_to_be x86_64 linux-gnu
    # The shell that has made the folder is the one that started clang.
    # shellcheck disable=SC2016 # for clang-of-32-bits
    clang_of_32_bits 'kill -TERM $PPID; sleep 1'
    CC=./clang-of-32-bits TMPDIR=$PWD/temporary run ./run.sh test
    ended_with 0
    says "this machine's kernel runs no"
    run ls temporary
    says_nothing_but ""
}

@test "test names a bash that is too old, and coreutils that are not GNU's" {
    hide_tools
    package_manager brew </dev/null
    rm bin/timeout
    # Removed first: it is a link to the one of the system.
    rm bin/bash
    printf '%s\n' "#!$BASH" '[[ ${2:-} != mapfile* ]] && exec '"$BASH"' "$@"' >bin/bash
    chmod +x bin/bash
    run_hidden test </dev/null
    ended_with 1
    says_line "  bash 4 or later in the PATH"
    says_line "  GNU's coreutils"
    matches '^  brew install bash bats-core .* coreutils '
}

@test "test refuses what is no file" {
    with_few_tests
    run ./run.sh test tests/none.bats
    refuses_with "test: there is no tests/none.bats"
    run ./run.sh test tests/one.bats build/host/none.t
    refuses_with "test: there is no build/host/none.t"
}

@test "test with files runs only these" {
    with_few_tests
    RESULT="not ok" run ./run.sh test tests/one.bats
    ended_with 0
    matches '^Files=1, Tests=1,'
}

@test "test with files builds only what they need" {
    with_few_tests
    run ./run.sh test tests/one.bats
    ended_with 0
    [[ ! -e built ]] || differs "nothing built for a bats file, not: $(<built)"
    run ./run.sh test build/host/four.t
    ended_with 0
    matches '^Files=1, Tests=1,'
    [[ $(<built) == build/host/four.t ]] || differs "build/host/four.t built, not: $(<built)"
    rm built
    run ./run.sh test build/book/three.t
    ended_with 0
    [[ $(<built) == book ]] || differs "the book's scripts written, not: $(<built)"
}

# ---- test quick ----

# A project with few quick tests: one that always passes, and one as good as the file `source`.
with_few_quick_tests() {
    with_few_tests
    cp "$PROJECT"/tests/check.sh tests/
    echo 'echo 1..1; echo "ok 1 - the source"' >source
    stub tests/two.sh <<<'echo "1..1"; echo "ok 1 - always"'
    stub tests/three.sh <<<'. ./source'
    cat >tests/quick.mk <<'END'
quick: build/quick/two build/quick/three
build/quick/two: tests/two.sh
	@tests/check.sh $@ $<
build/quick/three: tests/three.sh source
	@tests/check.sh $@ $<
END
}

@test "quick runs only what is out of date, and says so when nothing is" {
    with_few_quick_tests
    run ./run.sh test quick
    ended_with 0
    matches '^tests/two\.sh +ok +1 tests'
    matches '^tests/three\.sh +ok +1 tests'
    says_line "all quick tests pass"
    run ./run.sh test quick
    ended_with 0
    says_nothing_but "nothing has changed since all quick tests passed"
    touch source
    run ./run.sh test quick
    ended_with 0
    matches '^tests/three\.sh +ok +1 tests'
    says_not tests/two.sh
}

@test "a quick test that fails is shown, and run again until it passes" {
    with_few_quick_tests
    echo 'echo 1..1; echo "not ok 1 - the source"; echo "# line 42"' >source
    for _ in once again; do
        run ./run.sh test quick
        ended_with 1
        matches '^tests/three\.sh +FAILED$'
        says "# line 42"
        says "run.sh: a quick test failed"
    done
    says_not tests/two.sh
    echo 'echo 1..1; echo "ok 1 - the source"' >source
    run ./run.sh test quick
    ended_with 0
    matches '^tests/three\.sh +ok +1 tests'
}

@test "what is edited while its quick test runs is tested again" {
    with_few_quick_tests
    echo 'touch source; echo 1..1; echo "ok 1 - the source"' >source
    run ./run.sh test quick
    ended_with 0
    run ./run.sh test quick
    matches '^tests/three\.sh +ok'
}

@test "quick takes no more words" {
    run ./run.sh test quick tests/run.bats
    refuses_with "test quick takes no more words: 'tests/run.bats' is too much"
}

@test "a chapter that is as it was committed is not played before it changes" {
    with_few_quick_tests
    cp "$PROJECT"/tests/check_chapter.sh tests/
    cat >tests/quick.mk <<'END'
quick: build/quick/five
build/quick/five: tests/two.sh source
	@tests/check_chapter.sh $@ $^
END
    git init -q .
    git add tests source
    git -c user.name=a -c user.email=b commit -q -m all
    run ./run.sh test quick
    ended_with 0
    says "not played, as they are what was committed: 1 chapters"
    says_not "tests/two.sh"
    echo >>source
    run ./run.sh test quick
    matches '^tests/two\.sh +ok'
    git -c user.name=a -c user.email=b commit -q -a -m more
    touch source
    run ./run.sh test quick
    matches '^tests/two\.sh +ok'
}

# ---- tools that are missing ----

# A folder `bin` with what any system has: the PATH of these tests holds nothing else.
hide_tools() {
    local tool
    unset CC LD NM OBJDUMP SYMBOLIZER QEMU BIOS
    for tool in {/opt/homebrew,/usr/local,/home/linuxbrew/.linuxbrew}/opt/{llvm,lld}/bin; do
        [[ ! -d $tool ]] || skip "the tools in $tool cannot be hidden"
    done
    mkdir bin
    for tool in bash env basename cat chmod cp diff dirname grep head ln mkdir mkfifo mktemp mv \
        rm sed sleep sort timeout tr uname; do
        ln -s "$(type -P $tool)" bin/
    done
    stub bin/sudo <<<'echo "sudo $*" >>commands; exec "$@"'
    SUDO=""
    ((EUID == 0)) || SUDO="sudo "
}

COMPILER=(clang ld.lld llvm-nm llvm-objdump llvm-symbolizer)
EMULATOR="qemu-system-riscv64"
INSTALL_APT="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"

# These tools are there after all.
unhide() {
    local tool
    for tool in "$@"; do ln -s "$(type -P "$tool")" bin/; done
}

# A package manager that notes what it was told, does what standard input says, and ends with $2.
# It has a PATH of its own again.
package_manager() {
    stub "bin/$1" <<END
echo "$1 \$*" >>commands
export PATH='$PATH'
$(cat)
END
}

# One that brings the tools when it is told to install.
working_package_manager() {
    local tool
    {
        echo 'case " $* " in *" install "*) ;; *) exit 0 ;; esac'
        for tool in "${COMPILER[@]}" $EMULATOR; do echo "ln -s '$(type -P "$tool")' bin/"; done
    } | package_manager "$1"
}

run_hidden() {
    PATH=$PWD/bin run ./run.sh "$@"
}

# All that a boot needs is named, and the command that installs it.
names_all_with() {
    ended_with 1
    says_line "run.sh: missing here:"
    says_line "  clang 14 or later with a RISC-V target"
    says_line "  ld.lld"
    says_line "  llvm-nm"
    says_line "  llvm-objdump"
    says_line "  llvm-symbolizer"
    matches '^  qemu-system-riscv64 [0-9.]+ or later$'
    says_line "  OpenSBI's fw_dynamic for QEMU"
    says_line "run.sh: this installs them:"
    says_line "  $1"
    says_line "run.sh: run that, or run.sh with -y to have it done"
    [[ ! -e commands ]] || differs "nothing is installed unasked"
}

# names_all_with for a system that has this package manager and nothing else, and the command that
# it installs with, its packages included. More words are for run.sh.
misses_all_with() {
    local manager=$1 command=$2
    shift 2
    hide_tools
    package_manager "$manager" </dev/null
    run_hidden "$@" </dev/null
    [[ $manager == brew ]] || command=$SUDO$command
    names_all_with "$command"
}

@test "without tools all that is missing is named, with the command for apt" {
    misses_all_with apt-get "$INSTALL_APT clang lld llvm opensbi qemu-system-misc"
    says_line "  ${SUDO}apt-get -qq update"
}

@test "where apt has a package for RISC-V alone, that is the one for QEMU" {
    hide_tools
    package_manager apt-get </dev/null
    stub bin/apt-cache <<<'[[ $* != "madison qemu-system-riscv" ]] || echo "$2 | 1:11.0 | main"'
    run_hidden </dev/null
    names_all_with "$SUDO$INSTALL_APT clang lld llvm opensbi qemu-system-riscv"
}

@test "the tests install clang-format and clang-tidy of the version that the sources are held to" {
    hide_tools
    package_manager apt-get </dev/null
    stub bin/apt-cache <<<'[[ $2 != clang-*-14 ]] || echo "$2 | 14.0.6 | main"'
    run_hidden test </dev/null
    ended_with 1
    matches "^  $SUDO$INSTALL_APT .* clang clang-format-14 clang-tidy-14 "
    # Under these names they are enough.
    stub bin/clang-format-14 </dev/null
    stub bin/clang-tidy-14 </dev/null
    run_hidden test </dev/null
    ended_with 1
    says_not clang-format
    says_not clang-tidy
}

@test "what apt knows only after its refresh is what -y installs" {
    hide_tools
    working_package_manager apt-get
    stub bin/apt-cache <<<'! grep -qs "update$" commands || echo "$2 | 1:11.0 | main"'
    run_hidden -y bump </dev/null
    ended_with 0
    run grep -v ^sudo commands
    says_nothing_but "apt-get -qq update
apt-get install -y --no-install-recommends clang lld llvm opensbi qemu-system-riscv"
}

# A site is asked for where there is all but node, and apt has this one.
asks_apt_for_node() {
    hide_tools
    unhide perl patch "${COMPILER[@]}" $EMULATOR
    package_manager apt-get </dev/null
    stub bin/apt-cache <<<"[[ \$* != 'madison nodejs' ]] || echo '    nodejs | $1 | main'"
    run_hidden site </dev/null
    ended_with 1
    says_line "  node 20 or later (where no package brings it: https://nodejs.org)"
}

@test "the site is told where node is to be had if apt has an older one, and none is installed" {
    asks_apt_for_node 18.20.4+dfsg-1~deb12u3
    says_line "run.sh: apt has node 18, which is too old: have a later one from \
https://nodejs.org, and its folder in the PATH"
    stub bin/node <<<"echo v18.20.4"
    run_hidden -y site </dev/null
    ended_with 1
    says "apt has node 18, which is too old"
    run ! grep " install " commands
}

@test "the site installs node if apt has one that is new enough" {
    asks_apt_for_node 20.19.2+dfsg-1
    matches "^  $SUDO$INSTALL_APT .*chromium .*nodejs npm pandoc\$"
}

@test "a node that is new enough is found wherever it is in the PATH, and npm beside it" {
    find_tools
    mkdir old new
    stub old/node <<<"echo v18.20.4"
    stub old/npm <<<"echo old"
    stub new/node <<<"echo v20.0.0"
    stub new/npm <<<"echo new"
    PATH=$PWD/old:$PWD/new:$PATH
    missing=()
    find_node
    ((${#missing[@]} == 0))
    [[ $(node --version) == v20.0.0 && $(npm) == new ]]
}

@test "without tools all that is missing is named, with the command for dnf" {
    misses_all_with dnf "dnf install -y clang lld llvm qemu-system-riscv-core" all
}

@test "without tools all that is missing is named, with the command for pacman" {
    misses_all_with pacman "pacman -Syu --needed --noconfirm clang lld llvm qemu-system-riscv \
qemu-system-riscv-firmware" bump
}

@test "without tools all that is missing is named, with the command for Homebrew" {
    misses_all_with brew "brew install lld llvm qemu" bump
}

@test "a user who is not root is shown the command with sudo, but for Homebrew" {
    ((EUID == 0)) || skip "the other tests are run by such a user"
    type -P setpriv >/dev/null || skip "no setpriv(1) to become another user with"
    hide_tools
    package_manager brew </dev/null
    # The folder of bats is for root alone, so this needs one that is not.
    local folder
    folder=$(mktemp -d)
    cp -R . "$folder/"
    chmod -R a+rX "$folder"
    cd "$folder"
    run_as_nobody
    says_line "  brew install lld llvm qemu"
    mv bin/brew bin/apt-get
    run_as_nobody
    says_line "  sudo apt-get -qq update"
    says_line "  sudo $INSTALL_APT clang lld llvm opensbi qemu-system-misc"
    rm -rf "$folder"
}

run_as_nobody() {
    local setpriv
    setpriv=$(type -P setpriv)
    PATH=$PWD/bin run "$setpriv" --reuid=65534 --regid=65534 --clear-groups ./run.sh
    ended_with 1
}

@test "without a package manager that is known what is missing is named all the same" {
    hide_tools
    run_hidden </dev/null
    ended_with 1
    says_line "  clang 14 or later with a RISC-V target"
    says_line "run.sh: no apt, dnf, pacman or Homebrew found: install them as your system does"
}

@test "only what is missing is named" {
    hide_tools
    package_manager apt-get </dev/null
    unhide "${COMPILER[@]}"
    run_hidden </dev/null
    ended_with 1
    says_line "  $SUDO$INSTALL_APT opensbi qemu-system-misc"
    says_not clang
    unhide $EMULATOR
    rm bin/ld.lld
    run_hidden </dev/null
    ended_with 1
    says_line "  $SUDO$INSTALL_APT lld"
    says_not qemu
}

@test "a QEMU without firmware misses only the firmware" {
    hide_tools
    package_manager apt-get </dev/null
    unhide "${COMPILER[@]}"
    stub bin/qemu-system-riscv64 <<<'[[ $1 != --version ]] || echo "QEMU emulator version 9.9.9"'
    run_hidden </dev/null
    ended_with 1
    says_line "  OpenSBI's fw_dynamic for QEMU (opensbi-riscv64-generic-fw_dynamic.bin)"
    says_line "  $SUDO$INSTALL_APT opensbi"
}

@test "gdb names the debugger that is missing" {
    hide_tools
    package_manager apt-get </dev/null
    unhide "${COMPILER[@]}" $EMULATOR
    run_hidden gdb </dev/null
    ended_with 1
    says_line "  a debugger for RISC-V: gdb-multiarch, riscv64-*-gdb or lldb"
    says_line "  $SUDO$INSTALL_APT gdb-multiarch"
}

@test "test names what only the tests need, all at once" {
    hide_tools
    package_manager apt-get </dev/null
    run_hidden test </dev/null
    ended_with 1
    local tool
    for tool in prove bats shellcheck clang-format clang-tidy dtc cmocka patch make relacy zsh; do
        says_line "  $tool"
    done
    says_line "  perl's IO::Pty (where no package brings it: cpan IO::Pty)"
    local libc=libc6-dev
    [[ "$HOSTTYPE $OSTYPE" != "x86_64 linux-gnu" ]] ||
        libc="lib32gcc-s1 libc6-dev libc6-dev-i386"
    says_line "  $SUDO$INSTALL_APT bats clang clang-format clang-tidy device-tree-compiler \
gdb-multiarch $libc libclang-rt-dev libcmocka-dev libio-pty-perl lld llvm make opensbi patch perl \
qemu-system-misc relacy-dev shellcheck zsh"
}

@test "cmocka for 32 bits that cannot be fetched is reported, and nothing of it is left" {
    mkdir bin
    package_manager apt-get <<<'echo "E: no network" >&2; exit 100'
    PATH=$PWD/bin:$PATH run tests/host/cmocka32.sh build/cmocka32
    ended_with 1
    says_nothing_but "E: no network
E: no network
cmocka32.sh: cmocka for 32 bits could not be fetched, see above"
    [[ ! $(ls build) ]] || differs "an empty folder build"
}

@test "diff, --help and --version need no tools" {
    hide_tools
    run_hidden --version
    ended_with 0
    run_hidden --help
    ended_with 0
    run_hidden diff bump bitmap
    ended_with 0
    matches '^\+'
}

@test "-y installs what is missing, and then the kernel boots" {
    hide_tools
    working_package_manager apt-get
    run_hidden -y bump </dev/null
    ended_with 0
    matches '^[0-9]+ passed, 0 failed'
    run grep -v ^sudo commands
    says_nothing_but "apt-get -qq update
apt-get install -y --no-install-recommends clang lld llvm opensbi qemu-system-misc"
}

@test "-y installs with Homebrew without sudo, and may stand after the command" {
    hide_tools
    working_package_manager brew
    run_hidden bump -y </dev/null
    ended_with 0
    run cat commands
    says_nothing_but "brew install lld llvm qemu"
}

@test "an installation that fails is reported" {
    hide_tools
    package_manager apt-get <<<'echo "E: no network"; exit 100'
    run_hidden -y </dev/null
    ended_with 1
    says_line "E: no network"
    says_line "run.sh: the installation failed, see above"
}

@test "an installation that brings nothing is reported" {
    hide_tools
    package_manager apt-get </dev/null
    run_hidden -y </dev/null
    ended_with 1
    says_line "run.sh: still missing: clang 14 or later with a RISC-V target"
}

@test "what an installation prints is not on standard output" {
    hide_tools
    package_manager apt-get <<<'echo "Get:1 clang"'
    PATH=$PWD/bin run --separate-stderr ./run.sh -y </dev/null
    [[ ! $output && $stderr == *"Get:1 clang"* ]] || differs "Get:1 clang on standard error only"
}

@test "on a terminal run.sh asks, and y installs and boots" {
    needs_terminal
    hide_tools
    working_package_manager apt-get
    run on_terminal "PATH=\$PWD/bin ./run.sh bump" "do it now? [y/N] " 'y\n'
    ended_with 0
    matches '^[0-9]+ passed, 0 failed'
    grep -q 'apt-get install' commands
}

@test "on a terminal run.sh asks, and n or no answer installs nothing" {
    needs_terminal
    hide_tools
    working_package_manager apt-get
    local answer
    for answer in 'n\n' '\n'; do
        run on_terminal "PATH=\$PWD/bin ./run.sh bump" "do it now? [y/N] " "$answer"
        ended_with 1
        says_line "run.sh: nothing was installed"
        [[ ! -e commands ]] || differs "nothing is installed"
    done
}

# ---- tools that are somewhere else, or no good ----

# A command that is another one of version $3: versioned NAME TOOL VERSION.
versioned() {
    stub "$1" <<END
[[ \$1 != -dumpversion ]] || { echo $3; exit; }
exec '$(type -P "$2")' "\$@"
END
}

@test "versioned names such as clang-19 are found" {
    hide_tools
    local tool
    for tool in "${COMPILER[@]}"; do versioned "bin/$tool-19" "$tool" 19.1.7; done
    unhide $EMULATOR
    run_hidden -v bump
    ended_with 0
    says "/bin/clang-19 "
    says "/bin/ld.lld-19 "
}

@test "of several clangs the newest name is used, and one that is too old is not" {
    hide_tools
    local tool
    for tool in "${COMPILER[@]}"; do
        versioned "bin/$tool-15" "$tool" 15.0.6
        versioned "bin/$tool-18" "$tool" 18.1.8
    done
    versioned bin/clang clang 13.0.1
    unhide $EMULATOR
    run_hidden -v bump
    ended_with 0
    says "/bin/clang-18 "
    says "/bin/ld.lld-18 "
}

@test "the tools beside the compiler are preferred, then those of its version" {
    hide_tools
    local tool
    for tool in "${COMPILER[@]}"; do
        versioned "bin/$tool-15" "$tool" 15.0.6
        versioned "bin/$tool-18" "$tool" 18.1.8
    done
    pretend </dev/null
    CC=bin/clang-15 run_hidden -v bump
    says "/bin/ld.lld-15 "
    mkdir beside
    cp bin/clang-15 beside/clang
    cp bin/ld.lld-18 beside/ld.lld
    CC=beside/clang run_hidden -v bump
    says "--ld-path=beside/ld.lld "
}

@test "a clang without RISC-V is passed over for one behind it in the PATH" {
    hide_tools
    mkdir first
    stub first/clang <<<'case $1 in
-dumpversion) echo 15.0.0 ;;
*) echo "  x86-64" ;;
esac'
    unhide "${COMPILER[@]}" $EMULATOR
    PATH=$PWD/first:$PWD/bin run ./run.sh -v bump
    ended_with 0
    says "/bin/clang "
    says_not "/first/clang "
}

@test "Homebrew's llvm and lld are found outside the PATH" {
    hide_tools
    local brew=$BATS_TEST_TMPDIR/homebrew tool
    mkdir -p "$brew"/opt/{llvm,lld}/bin
    for tool in "${COMPILER[@]}"; do ln -s "$(type -P "$tool")" "$brew/opt/llvm/bin/"; done
    mv "$brew/opt/llvm/bin/ld.lld" "$brew/opt/lld/bin/"
    unhide $EMULATOR
    sed -i.before "s|/opt/homebrew|$brew|" setup.sh
    run_hidden -v bump
    ended_with 0
    says "$brew/opt/llvm/bin/clang "
    says "$brew/opt/lld/bin/ld.lld "
}

@test "CC that is no good clang is refused" {
    local message="not a clang of version 14 or later with a RISC-V target"
    CC=gcc run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: CC=gcc: $message"
    CC=nonexistent run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: CC=nonexistent: $message"
    versioned ./clang-13 clang 13.0.1
    CC=./clang-13 run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: CC=./clang-13: $message"
}

@test "CC, LD and QEMU may be given with a path" {
    versioned ./my-clang "${CC:-clang}" 16.0.0
    stub ./ld.lld <<<"exec '$(type -P "${LD:-ld.lld}")' \"\$@\""
    note_qemu
    CC=./my-clang LD=$PWD/ld.lld run ./run.sh -v bump
    ended_with 0
    matches '^\+ \./my-clang '
    starts_qemu_with "-machine virt"
    [[ -s qemu.pids ]]
}

@test "a tool that is given and does not exist is refused" {
    local name
    for name in LD NM OBJDUMP SYMBOLIZER QEMU; do
        run env $name=nonexistent ./run.sh
        ended_with 1
        says_nothing_but "run.sh: $name=nonexistent: no such command"
    done
    GDB=nonexistent run ./run.sh gdb
    ended_with 1
    says_nothing_but "run.sh: GDB=nonexistent: no such command"
}

@test "a QEMU that is too old is refused with its version" {
    stub ./old-qemu <<<'echo "QEMU emulator version 5.2.0 (Debian 1:5.2+dfsg-11)"'
    QEMU=./old-qemu run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: ./old-qemu is version 5.2, and too old: 6.1 or later is needed"
    # 6.1 is the first that will do, and 10 is more than 6.
    stub ./old-qemu <<<'echo "QEMU emulator version 6.0.1"'
    QEMU=./old-qemu run ./run.sh
    says "is version 6.0, and too old"
    local version
    pretend </dev/null
    for version in 6.1.0 10.0.2; do
        sed -i.before "s/version .*\"/version $version\"/" pretended-qemu
        run ./run.sh
        says_not "too old"
        says "QEMU ended with status 0"
    done
}

@test "a QEMU that is none is refused" {
    QEMU=false run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: QEMU=false: not a QEMU that runs here"
    QEMU=true run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: QEMU=true: not a QEMU that runs here"
}

@test "BIOS may be a file, and is refused if there is none" {
    BIOS=nowhere.bin run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: BIOS=nowhere.bin: no such file"
    pretend </dev/null
    local bios
    echo >my-firmware.bin
    for bios in my-firmware.bin none default; do
        BIOS=$bios run ./run.sh -v bump
        starts_qemu_with "-bios $bios"
    done
}

@test "without 32-bit firmware run.sh says what is missing and where it comes from" {
    local name=opensbi-riscv32-generic-fw_dynamic.bin
    unset BIOS
    stub ./qemu32 <<<'[[ $1 != --version ]] || echo "QEMU emulator version 9.9.9"'
    QEMU=./qemu32 XLEN=32 run ./run.sh
    ended_with 1
    says_nothing_but "run.sh: no 32-bit OpenSBI here ($name). Debian and Ubuntu package none; \
QEMU's own releases bring it (https://www.qemu.org/download, folder pc-bios): \
BIOS=path/to/$name XLEN=32 ./run.sh"
}

@test "32-bit firmware that QEMU brings is used" {
    find_tools
    use_rv32
    local qemu
    qemu=$(type -P "${QEMU:-qemu-system-riscv32}")
    mkdir bundled
    mv shim.elf bundled/opensbi-riscv32-generic-fw_dynamic.bin
    stub ./qemu32 <<END
case \$1 in
-L) echo nowhere; echo bundled ;;
*) exec '$qemu' "\$@" ;;
esac
END
    unset BIOS
    QEMU=./qemu32 run ./run.sh
    passes
    matches '^freeram: rv32, '
}

# ---- signals and the terminal ----

@test "Ctrl-C ends QEMU with status 130 and leaves the terminal as it was" {
    needs_terminal
    note_qemu
    export PROGRAM=tests/crash.c CFLAGS=-DCRASH=hang
    run on_terminal 'trap : INT; stty -a >before; ./run.sh; echo "status $?"; stty -a >after' \
        "__free_ram " '\003'
    says "status 130"
    no_qemu_is_left
    diff before after
    says_not "terminating on signal"
}

@test "Ctrl-\\ ends QEMU with status 131 and leaves the terminal as it was" {
    needs_terminal
    note_qemu
    export PROGRAM=tests/crash.c CFLAGS=-DCRASH=hang
    run on_terminal 'trap : QUIT; stty -a >before; ./run.sh; echo "status $?"; stty -a >after' \
        "__free_ram " '\034'
    says "status 131"
    no_qemu_is_left
    diff before after
}

@test "Ctrl-C while all runs ends all" {
    needs_terminal
    note_qemu
    export PROGRAM=tests/crash.c CFLAGS=-DCRASH=hang
    run on_terminal 'trap : INT; ./run.sh all; echo "status $?"' qemu.pids '\003'
    says "status 130"
    says_not FAILED
    no_qemu_is_left
}

@test "a passing run leaves the terminal as it was" {
    needs_terminal
    run on_terminal 'stty -a >before; ./run.sh bump; echo "status $?"; stty -a >after'
    says_line "status 0"
    diff before after
}

@test "SIGTERM, SIGHUP and SIGQUIT end run.sh with status 143 or 131, and QEMU with it" {
    local signal pid
    pretend <<<'echo "freeram: here"; trap "" TERM HUP QUIT; while true; do sleep 0.1; done'
    for signal in TERM HUP QUIT; do
        # What runs in the background is deaf to SIGQUIT by itself, and under nohup(1) to SIGHUP.
        env --default-signal=HUP,QUIT ./run.sh >out 2>&1 3>&- &
        pid=$!
        wait_for "freeram: here" out
        kill -$signal $pid
        wait_to_end $pid out
        ended_with "$([[ $signal == QUIT ]] && echo 131 || echo 143)"
        no_qemu_is_left
        rm out
    done
}

# Kill run.sh with SIGKILL after a time, and wait until what it has started is gone.
kill_after() {
    local tenths
    ./run.sh "${@:2}" >out 2>&1 3>&- &
    timeout "$1" tail --pid=$! -f /dev/null || kill -KILL $!
    wait $! || true
    # A compiler goes on to its end.
    for ((tenths = 0; tenths < 600; tenths++)); do
        [[ $(ls temporary) || $(qemus_left) ]] || return 0
        sleep 0.1
    done
    differs "no process and no folder after $1 seconds: $(qemus_left) $(ls temporary)"
}

# Run run.sh and kill it with SIGKILL before command $1 of those that name the kernel's file and
# boot it. No clock is in it: bash reads the file BASH_ENV first, and that counts.
kill_before() {
    cat >count.bash <<'END'
[[ $0 == ./run.sh ]] || return 0
set -T
commands=0
trap 'case ${FUNCNAME[0]:-}:$BASH_COMMAND in
build_kernel:cp* | build_kernel:mv* | make_scratch:* | start_qemu:* | boot:*)
    [[ $BASHPID != "$$" ]] || ((++commands != KILL_BEFORE)) || kill -KILL $$ ;; esac' DEBUG
END
    status=0
    KILL_BEFORE=$1 BASH_ENV=$PWD/count.bash ./run.sh bump >out 2>&1 3>&- || status=$?
}

@test "run.sh killed before any command leaves no QEMU, and nothing that the next run trips over" {
    local command tenths
    # After its lines nothing comes, and QEMU would not notice by itself that run.sh is gone.
    pretend <<'END'
printf 'freeram: here\n1 passed, 0 failed\n'
[[ ${ENDS:-} ]] || exec sleep 1000
END
    mkdir temporary
    export TMPDIR=$PWD/temporary TIME_LIMIT=3
    for ((command = 1; command < 200; command++)); do
        kill_before $command
        ((status == 137)) || break
        for ((tenths = 0; tenths < 600; tenths++)); do
            [[ $(ls temporary) || $(qemus_left) ]] || continue 2
            sleep 0.1
        done
        differs "nothing left of a run killed before command $command: $(qemus_left) \
$(ls temporary)"
    done
    # That one was not killed: there are no more commands.
    ((status == 1 && command > 20)) || differs "all of at least 20 commands, not $command"
    # That limit is for what hangs on purpose: a busy machine may take longer to begin.
    TIME_LIMIT=60 ENDS=yes run ./run.sh bump
    ended_with 0
    run ls . build/*
    says_not kernel.elf.
    says_not console.log.
}

@test "run.sh killed while it debugs leaves no QEMU behind" {
    note_qemu
    mkdir temporary
    # The debugger. QEMU has been started by then, but need not have come as far as to be noted.
    stub ./killer <<<'until [[ -s qemu.pids ]]; do sleep 0.05; done; kill -KILL $PPID'
    export TMPDIR=$PWD/temporary GDB=./killer GDB_PORT=$((20000 + BASHPID % 20000))
    kill_after 120 gdb bump
    [[ -s qemu.pids ]] || differs "a QEMU was started"
}

@test "a reader that goes away ends QEMU" {
    note_qemu
    # More than a pipe holds, and then nothing.
    sed 's/^    CRASH();$/    for (int i = 0; i < 20000; i++)\
        printf("line %d\\n", i);\
    hang();/' tests/crash.c >tests/endless.c
    PROGRAM=tests/endless.c TIME_LIMIT=20 ./run.sh 2>/dev/null | head -n 1 >first
    grep "^freeram: " first
    # run.sh is gone at once, and the watcher ends QEMU.
    qemu_goes
}

@test "Ctrl-C in gdb stops the kernel, and run.sh ends well when gdb quits" {
    needs_terminal
    type -P gdb-multiarch >/dev/null || skip "no gdb-multiarch here"
    note_qemu
    # While it prints it is in the firmware most of the time.
    sed 's/^    CRASH();$/    printf("nothing more");\
    hang();/' tests/crash.c >tests/endless.c
    export PROGRAM=tests/endless.c GDB_PORT=$((20000 + BASHPID % 20000))
    # Newer ones write names and numbers in colours.
    TERM=dumb run on_terminal './run.sh gdb; echo "status $?"' \
        "(gdb) " 'delete\ncontinue\n' "nothing more" '\003' "received signal SIGINT" 'quit\n'
    matches 'tests/endless\.c.*:[0-9]+$'
    says_line "status 0"
    no_qemu_is_left
}
