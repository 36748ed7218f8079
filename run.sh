#!/usr/bin/env bash
# The one front door: build, boot, test, diff, debug. Works with bash 3.2 and later.
[ -n "${BASH_VERSION:-}" ] || {
    echo "run.sh: this is for bash: ./run.sh, or bash run.sh" >&2
    exit 2
}
set +o posix # as which bash begins where it is called sh
set -euo pipefail

# To the project, wherever a symbolic link to this file is, and whatever CDPATH says.
unset CDPATH
self=${BASH_SOURCE[0]}
while [[ -L $self ]]; do
    link=$(readlink "$self")
    [[ $link == /* ]] || link=$(dirname "$self")/$link
    self=$link
done
cd "$(dirname "$self")"

# The newest in CHANGELOG.md. It stands here because run.sh is also used where that is not.
VERSION=0.6.3

# Those of the list whose file is there: where the book is followed the later ones are not yet. The
# default then is the last that is.
STAGES="" DEFAULT_STAGE=radix
while read -r stage; do
    [[ ! -f alloc/$stage.c ]] || STAGES+=${STAGES:+ }$stage
done < <(sed -n 's/^STAGE(\(.*\))$/\1/p' alloc/stages.h)
[[ -f alloc/$DEFAULT_STAGE.c ]] || DEFAULT_STAGE=${STAGES##* }

usage() {
    cat <<EOF
Usage: ./run.sh [OPTION]... [COMMAND]

Commands:
  [STAGE]        build, boot and self-test one stage ($STAGES);
                 without a name: $DEFAULT_STAGE            ./run.sh bitmap
  all            every stage in turn, one line each   ./run.sh all
  diff A B       what changes from stage A to B       ./run.sh diff bump bitmap
  test [FILE]... every test of the project, or some   ./run.sh test tests/run.bats
  test quick     in a minute, what a change may have broken: form, host tests, a boot,
                 the chapters that changed; again only what is out of date
                                                      ./run.sh test quick
  test site      what site makes, looked at in Chromium
                                                      ./run.sh test site
  bench [STAGE]...
                 instructions of every stage, counted in the kernel: a table; with --csv
                 as data; with --harts of several harts, and how often they take a lock;
                 with --host times instead, on this machine; with --plot pictures of
                 these                           ./run.sh bench tree buddy
  fuzz TARGET [FILE]...
                 look for inputs that break alloc, fdt or printf, until stopped; with
                 FILE only try these inputs           ./run.sh fuzz alloc
  gdb [STAGE]    boot halted, with gdb or lldb on it  ./run.sh gdb buddy
  chapter N [FOLDER]
                 the kernel as it is after a chapter of the book, written into a new
                 folder, or with --diff how the one in FOLDER differs from it;
                 without FOLDER: build/chapter-N    ./run.sh chapter 6
  site           the book, the allocators and the kernel as pages: built into build/site
                 and served on this machine; with --out FOLDER only built, into that
                                                      ./run.sh site

Options, before or after the command:
  -m SIZE        guest memory, default 128M           ./run.sh -m 1G buddy
  --harts N      boot with so many harts, 1 to 64; with more than one the kernel
                 starts them all, and they share one allocator ./run.sh --harts 4
  -y             install what is missing, unasked     ./run.sh -y
  -v             show every command that is run, and all that the firmware prints
  -h, --help     this text
  --version      which freeram this is

Environment:
  CC, LD         clang and ld.lld                     CC=clang-19 ./run.sh
  NM, OBJDUMP, SYMBOLIZER                             the tools of llvm
  HOST_CC        what compiles programs of this machine, default CC
  CFLAGS         more options for the compiler        CFLAGS=-O0 ./run.sh
  XLEN           64 or 32, default 64                 XLEN=32 ./run.sh
  MARCH          default rv64gc or rv32gc             MARCH=rv64gc_zbb ./run.sh
  QEMU, BIOS     QEMU, and the firmware to start with
  QEMU_FLAGS     more options for QEMU                QEMU_FLAGS='-smp 4' ./run.sh
  GDB, GDB_PORT  the debugger, and the port that it uses, default 1234
  PROGRAM        what the kernel runs, one file or more, default
                 tests/selftest*.c
  TIME_LIMIT     seconds of silence until a boot is ended, default 60. A kernel that still
                 prints is left alone, and ended by Ctrl-C
  FUZZ_FLAGS     more options for libFuzzer           FUZZ_FLAGS=-runs=9999
  TMPDIR         where scratch files are put, default /tmp

Exit status: 0 all is well, 1 a test or a tool failed, 2 the command line is wrong.
EOF
}

# ---- messages ----

say() {
    printf 'run.sh: %s\n' "$*" >&2
}

fail() {
    say "$@"
    exit 1
}

wrong_usage() {
    say "$@"
    exit 2
}

# With -v, show a command in a form that can be pasted.
show() {
    [[ $verbose ]] || return 0
    printf '+' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
}

run() {
    show "$@"
    "$@"
}

# ---- the command line ----

is_stage() {
    [[ $1 != *" "* && " $STAGES " == *" $1 "* ]]
}

check_stage() {
    is_stage "$1" || wrong_usage "no stage '$1': there are $STAGES"
}

# -m SIZE in MiB. Sizes are written as for QEMU: a number is MiB, or has M, G or T behind it.
check_memory_size() {
    [[ $1 =~ ^([1-9][0-9]{0,6})([MGT]?)$ ]] ||
        wrong_usage "-m $1: not a memory size: a number with M, G or T, as in 128M"
    memory_mib=${BASH_REMATCH[1]}
    case ${BASH_REMATCH[2]} in
    G) memory_mib=$((memory_mib * 1024)) ;;
    T) memory_mib=$((memory_mib * 1024 * 1024)) ;;
    esac
    ((memory_mib >= MIN_MIB)) ||
        wrong_usage "-m $1: too small: the kernel and its free memory need ${MIN_MIB}M or more"
    ((memory_mib <= MAX_MIB)) || wrong_usage "-m $1: too large: 1T is the most"
}
MIN_MIB=32
MAX_MIB=$((1024 * 1024))

check_harts() {
    if [[ ! $1 =~ ^[1-9][0-9]?$ ]] || (($1 > MAX_HARTS)); then
        wrong_usage "--harts $1: there are 1 to $MAX_HARTS"
    fi
    harts=$1
}
MAX_HARTS=64
MANY_HARTS=16 # more than these, with their stacks, leave too little of the least memory

memory_mib="" harts="" verbose="" assume_yes="" as_diff="" bench_kind="" bench_format="" site_out=""
arguments=()
while (($# > 0)); do
    case $1 in
    -m)
        (($# >= 2)) || wrong_usage "-m needs a memory size, as in -m 128M"
        check_memory_size "$2"
        shift
        ;;
    -m*) check_memory_size "${1#-m}" ;;
    --harts)
        (($# >= 2)) ||
            wrong_usage "--harts needs a number, as in --harts 4: there are 1 to $MAX_HARTS"
        check_harts "$2"
        shift
        ;;
    --harts=*) check_harts "${1#--harts=}" ;;
    -y) assume_yes=yes ;;
    -v) verbose=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    --version)
        echo "freeram $VERSION"
        exit 0
        ;;
    --diff) as_diff=yes ;;
    --out)
        [[ ${2:-} ]] || wrong_usage "--out needs a folder, as in --out pages"
        site_out=$2
        # A relative one is the caller's.
        [[ $site_out == /* ]] || site_out=$OLDPWD/$site_out
        shift
        ;;
    --host) bench_kind=host ;;
    --csv | --plot)
        [[ ! $bench_format || $bench_format == "${1#--}" ]] ||
            wrong_usage "--$bench_format and $1: there can be only one of them"
        bench_format=${1#--}
        ;;
    -*) wrong_usage "no option '$1': there are -m SIZE, --harts N, -y, -v and --help" ;;
    *) arguments+=("$1") ;;
    esac
    shift
done
memory_given=$memory_mib time_limit_given=${TIME_LIMIT:-}
: "${memory_mib:=128}"
((${harts:-1} <= MANY_HARTS || memory_mib >= 2 * MIN_MIB)) ||
    wrong_usage "-m ${memory_mib}M: too small for $harts harts: they need $((2 * MIN_MIB))M or more"
: "${XLEN:=64}" "${TIME_LIMIT:=60}" "${QEMU_FLAGS:=}" "${CFLAGS:=}"
: "${PROGRAM:=$(echo tests/selftest*.c)}"
: "${MARCH:=rv${XLEN}gc}"
[[ $XLEN == 64 || $XLEN == 32 ]] || wrong_usage "XLEN=$XLEN: there are 64 and 32"
[[ $MARCH == rv$XLEN?* ]] || wrong_usage "MARCH=$MARCH: does not begin with rv$XLEN, as XLEN says"
extensions=${MARCH#rv"$XLEN"}
[[ ${extensions%%_*} != *v* && $extensions != *_zv* ]] ||
    wrong_usage "MARCH=$MARCH: the kernel turns no vector unit on, and code that has one traps"
[[ $TIME_LIMIT =~ ^[1-9][0-9]{0,5}$ ]] ||
    wrong_usage "TIME_LIMIT=$TIME_LIMIT: not a number of seconds"
read -r -a program <<<"$PROGRAM"
((${#program[@]} > 0)) || wrong_usage "PROGRAM names no file"
for file in "${program[@]}"; do
    [[ -f $file ]] || wrong_usage "PROGRAM=$PROGRAM: no such file: $file"
done

# shellcheck source=setup.sh
source ./setup.sh
# shellcheck source=qemu.sh
source ./qemu.sh

# ---- building ----

# The kernel's, and the benchmark's for the host; tests/Makefile and alloc.bats read them here.
WARNINGS=(
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wundef
    -Wstrict-prototypes -Wmissing-prototypes -Werror
)

# No function takes more of the stack than this, or an amount that nobody can know before: kernel.ld
# says what for.
FRAME_WARNINGS=(-Wframe-larger-than=65536 -Wvla -Walloca)

# Stop with one line where nothing can be written: compilers say much more of it. What is written
# here is larger than a kernel.
check_room() {
    local error place tmp=${TMPDIR:-/tmp}
    for place in "$tmp" . "$PWD/build"; do
        litter+=("$place/freeram.$$")
        # One that is not there is not made, but for build.
        if error=$({ [[ $place == "$tmp" ]] || mkdir -p "$place"; } 2>&1) &&
            error=$({ head -c 4194304 /dev/zero >"$place/freeram.$$"; } 2>&1); then
            rm -f "$place/freeram.$$"
            continue
        fi
        [[ $place != . ]] || place=$PWD
        [[ ! ${TMPDIR:-} || $place != "$tmp" ]] || place=TMPDIR=$tmp
        fail "cannot write to $place: ${error##*: }"
    done
}

# What is not to stay when run.sh ends, however it does.
litter=()
drop_litter() {
    ((${#litter[@]} == 0)) || rm -rf "${litter[@]}"
}

# Build the kernel with a stage into a folder of its own; sets `kernel`. The result appears under
# its name only when it is complete.
build_kernel() {
    local stage=$1 name sources=(*.c memory/*.c alloc/*.c)
    name=$(basename "${program[0]}" .c)
    folder=build/$MARCH-$stage-$name
    # A kernel for one hart is without what several need, and the same as without the option.
    local several=()
    if ((${harts:-1} > 1)); then
        folder+=-harts-$harts
        several=("-DHARTS=$harts" "-Wl,--defsym=HARTS=$harts")
    fi
    kernel=$folder/kernel.elf
    check_room
    mkdir -p "$folder"
    remove_litter
    litter+=("$kernel.$$" "kernel.elf.$$")
    # shellcheck disable=SC2086 # CFLAGS is several words
    run "$CC" --target="riscv$XLEN-unknown-elf" -march="$MARCH" \
        -mabi="$([[ $XLEN == 64 ]] && echo lp64 || echo ilp32)" -mcmodel=medany -mno-relax \
        -std=c11 -ffreestanding -fno-pic -fno-stack-protector -fno-omit-frame-pointer \
        -O2 -g -ffunction-sections -fdata-sections \
        "${WARNINGS[@]}" "${FRAME_WARNINGS[@]}" \
        -DALLOC="${stage}_stage" ${several[@]+"${several[@]}"} -ffile-prefix-map="$PWD"=. $CFLAGS \
        --ld-path="$LD" -nostdlib -static -Wl,--fatal-warnings -Wl,--gc-sections \
        -Wl,--build-id=none -Wl,-T,kernel.ld -o "$kernel.$$" \
        "${sources[@]}" "${program[@]}"
    [[ -s $kernel.$$ ]] || fail "$LD wrote no kernel: is it ld.lld?"
    mv -f "$kernel.$$" "$kernel"
    cp "$kernel" "kernel.elf.$$"
    mv -f "kernel.elf.$$" kernel.elf
}

# What a run that was killed has left half written. Its process number is at the end.
remove_litter() {
    local file
    for file in "$folder"/*.[1-9]* kernel.elf.[1-9]* build/{objects,said}.[1-9]*; do
        kill -0 "${file##*.}" 2>/dev/null || rm -rf "$file"
    done
}

# ---- commands ----

run_stage() {
    need compiler emulator
    build_kernel "$1"
    boot
}

run_all() {
    local stage passed=0 count=0
    need compiler emulator
    for stage in $STAGES; do
        build_kernel "$stage"
        count=$((count + 1))
        if boot >"$folder/output"; then
            printf '%-8s ok      %s\n' "$stage" "$verdict"
            passed=$((passed + 1))
        else
            printf '%-8s FAILED  %s\n' "$stage" "${verdict:-no verdict}"
            sed -n '/^ok /!s/^/    /p' "$folder/output"
        fi
    done
    printf '%d of %d stages passed\n' "$passed" "$count"
    ((passed == count))
}

show_diff() {
    local color=()
    if [[ -t 1 ]] && diff --color=always /dev/null /dev/null 2>/dev/null; then
        color=(--color=always)
    fi
    # A difference is what was asked for: only 2, trouble, is a failure.
    run diff -u ${color[@]+"${color[@]}"} "alloc/$1.c" "alloc/$2.c" || (($? == 1))
}

# make_tests TARGET...: of the host's programs, or of what tests/Makefile can tell.
make_tests() {
    make -s -f tests/Makefile --no-print-directory -j 2 "$@"
}

# build_host32 [PROGRAM]...: the host tests in 32 bits, where that can be done and they run.
build_host32() {
    local why
    why=$(why_not_32_bits)
    if [[ $why ]]; then
        say "the host tests are not run in 32 bits: $why"
    elif ! tests/host/cmocka32.sh build/cmocka32; then
        say "the host tests are not run in 32 bits: there is no cmocka for them, see above"
    else
        tests/host/build32.sh build/host32 "$@"
        return
    fi
    rm -f build/host32/*.t
}

# Build what some tests are, where they are built; bats files are there.
build_tests() {
    local test host=() host32=()
    for test in "$@"; do
        case $test in
        build/host/*.t)
            make_tests list | grep -qxF -- "$test" || wrong_usage "test: there is no $test"
            host+=("$test")
            ;;
        build/host32/*.t) host32+=("$test") ;;
        build/book/*.t) chapters/play scripts build/book ;;
        esac
    done
    ((${#host[@]} == 0)) || make_tests "${host[@]}"
    ((${#host32[@]} == 0)) || build_host32 "${host32[@]}"
}

# All tests, with what they need; sets `tests`.
build_all_tests() {
    make_tests all
    chapters/play scripts build/book
    build_host32
    shopt -s nullglob
    # shellcheck disable=SC2207 # names without spaces
    tests=(tests/*.bats $(make_tests list) build/{host32,book}/*.t)
}

# Many tests build a kernel, and few of its files are other than another test's: from here on CC is
# tests/clang, which compiles a file once. The tests' own programs are built by the compiler itself.
share_objects() {
    # A test of this command is in a run of the tests already.
    [[ ! ${CC_OBJECTS:-} ]] || return 0
    CC=$(type -P "$CC")
    export REAL_CC=$CC CC_OBJECTS=$PWD/build/objects.$$ HOST_CC=${HOST_CC:-$CC}
    litter+=("$CC_OBJECTS")
    mkdir -p "$CC_OBJECTS"
    CC=$PWD/tests/clang
}

run_tests() {
    local test tests=("$@")
    for test in "$@"; do
        case $test in
        tests/*.bats | build/host/*.t | build/host32/*.t | build/book/*.t) ;;
        *) wrong_usage "test: '$test' is no test: there are tests/*.bats, build/host/*.t, \
build/host32/*.t and build/book/*.t" ;;
        esac
        [[ -e $test || $test == build/* ]] || wrong_usage "test: there is no $test"
    done
    check_room
    need compiler emulator book tests
    export CC LD NM OBJDUMP SYMBOLIZER QEMU BIOS
    if (($# == 0)); then build_all_tests; else build_tests "$@"; fi
    for test in "${tests[@]}"; do
        [[ -e $test ]] || wrong_usage "test: there is no $test"
    done
    share_objects
    # prove tells only which tests have failed. What they said is shown at the end.
    local said=build/said.$$
    litter+=("$said")
    if ! CMOCKA_MESSAGE_OUTPUT=TAP PERL_TEST_HARNESS_DUMP_TAP=$said \
        run prove --jobs 2 "${tests[@]}"; then
        show_failures "$said" "${tests[@]}"
        return 1
    fi
}

# show_failures FOLDER TEST...: of what each test printed there, that which failed, and why.
show_failures() {
    local said=$1 test what
    shift
    for test in "$@"; do
        what=$(awk '/^ok / { said = 0 } /^not ok / { said = 1 } said' "$said/$test" 2>/dev/null)
        [[ ! $what ]] || printf '\n%s\n%s\n' "$test" "$what" >&2
    done
}

# The quick tests, as far as something has changed since each of them passed.
run_quick_tests() {
    local status=0
    check_room
    need compiler emulator book tests
    export CC LD NM OBJDUMP SYMBOLIZER QEMU BIOS
    rm -f build/quick/{ran,committed}
    make -s -f tests/quick.mk --no-print-directory -k -j 2 quick || status=1
    [[ ! -s build/quick/committed ]] || echo \
        "not played, as they are what was committed: $(wc -l <build/quick/committed) chapters"
    ((status == 0)) || fail "a quick test failed, or what it needs does not build: see above"
    if [[ -s build/quick/ran ]]; then
        echo "all quick tests pass"
    else
        echo "nothing has changed since all quick tests passed"
    fi
}

run_gdb() {
    local port=${GDB_PORT:-1234}
    [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || wrong_usage "GDB_PORT=$port: not the number of a port"
    need compiler emulator debugger
    build_kernel "$1"
    # QEMU would end, and the debugger would be on whatever is there.
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
        fail "gdb: something listens at port $port, another QEMU perhaps: GDB_PORT names another"
    qemu_command
    # Ctrl-C is for the debugger, and run.sh goes on.
    trap : INT
    qemu+=(-S -gdb "tcp:127.0.0.1:$port")
    make_scratch
    start_qemu
    case $(basename "$GDB") in
    *lldb*) run "$GDB" "$kernel" -o "gdb-remote 127.0.0.1:$port" \
        -o "breakpoint set -n kernel_main" ;;
    *) run "$GDB" -q "$kernel" -ex "set confirm off" -ex "target remote 127.0.0.1:$port" \
        -ex "break kernel_main" ;;
    esac
}

# The kernel as it is after chapter $1, in a folder. A relative one is the caller's.
show_chapter() {
    local folder=${2:-$PWD/build/chapter-$1} chapters=(chapters/[0-9]*.md)
    [[ -x chapters/play ]] || fail "chapter: the book is in the repository, and not here"
    if [[ ! $1 =~ ^[1-9][0-9]{0,2}$ ]] || (($1 > ${#chapters[@]})); then
        wrong_usage "chapter $1: there are 1 to ${#chapters[@]}"
    fi
    need book
    [[ $folder == /* ]] || folder=$OLDPWD/$folder
    run chapters/play "$([[ $as_diff ]] && echo diff || echo tree)" "$1" "$folder"
}

load_site() {
    [[ -f site/site.sh ]] || fail "site: it is in the repository, and not here"
    # shellcheck source=site/site.sh
    source site/site.sh
}

main() {
    local command=${1-$DEFAULT_STAGE}
    (($# == 0)) || shift
    case $command in
    all | diff | gdb | test | fuzz | bench | chapter | site) ;;
    *) is_stage "$command" ||
        wrong_usage "no command or stage '$command': there are $STAGES, \
all, diff, test, fuzz, bench, gdb, chapter and site" ;;
    esac
    [[ ! $as_diff || $command == chapter ]] || wrong_usage "--diff is for chapter"
    [[ ! $site_out || $command == site ]] || wrong_usage "--out is for site"
    [[ ! $bench_kind || $command == bench ]] || wrong_usage "--$bench_kind is for bench"
    [[ ! $bench_format || $command == bench ]] || wrong_usage "--$bench_format is for bench"
    case $command in
    diff | test | fuzz | chapter | site)
        local boots="is for stages, all, bench and gdb, and not for $command"
        [[ ! $harts ]] || wrong_usage "--harts $boots"
        [[ ! $memory_given ]] || wrong_usage "-m $boots"
        ;;
    bench)
        [[ ! $harts || (! $bench_kind && $bench_format != plot) ]] ||
            wrong_usage "bench --harts counts in the kernel: it has no --host or --plot"
        ;;
    esac
    case $command in
    diff)
        (($# == 2)) || wrong_usage "diff needs two stages, as in: diff bump bitmap"
        check_stage "$1"
        check_stage "$2"
        show_diff "$1" "$2"
        ;;
    test)
        [[ -f tests/quick.mk ]] || fail "test: the tests are in the repository, and not here"
        if [[ ${1:-} == quick ]]; then
            (($# == 1)) || wrong_usage "test quick takes no more words: '$2' is too much"
            run_quick_tests
        elif [[ ${1:-} == site ]]; then
            (($# == 1)) || wrong_usage "test site takes no more words: '$2' is too much"
            load_site
            test_site
        else
            run_tests "$@"
        fi
        ;;
    bench)
        for stage in "$@"; do check_stage "$stage"; done
        [[ -f tests/bench/bench.sh ]] || fail "bench: it is in the repository, and not here"
        check_room
        # shellcheck source=tests/bench/bench.sh
        source tests/bench/bench.sh
        run_bench "$@"
        ;;
    chapter)
        (($# >= 1)) || wrong_usage "chapter needs a number, as in: chapter 6"
        (($# <= 2)) || wrong_usage "chapter takes a number and a folder: '$3' is too much"
        show_chapter "$@"
        ;;
    site)
        (($# == 0)) || wrong_usage "site takes no more words: '$1' is too much"
        load_site
        run_site
        ;;
    fuzz)
        [[ -f tests/fuzz/fuzz.sh ]] || fail "fuzz: it is in the repository, and not here"
        check_room
        need compiler fuzzer
        CC=$CC CALLED_FROM=$OLDPWD exec tests/fuzz/fuzz.sh "$@"
        ;;
    gdb)
        (($# <= 1)) || wrong_usage "gdb takes one stage: '$2' is too much"
        check_stage "${1-$DEFAULT_STAGE}"
        run_gdb "${1-$DEFAULT_STAGE}"
        ;;
    *)
        (($# == 0)) || wrong_usage "$command takes no more words: '$1' is too much"
        if [[ $command == all ]]; then run_all; else run_stage "$command"; fi
        ;;
    esac
}

main ${arguments[@]+"${arguments[@]}"}
