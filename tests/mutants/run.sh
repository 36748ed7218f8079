#!/usr/bin/env bash
# Mutation testing of the kernel: would the tests notice a fault? Makes mutants of the sources, each
# with one fault (mutate.pl), and runs the tests on each, until one fails.
#
#   tests/mutants/run.sh [-n N] [FILE...]     every Nth mutant of some sources, default all: alloc/
#                                             with its headers, *.c and memory/*.c
#
# A mutant that compiles to the same code as the original is no mutant, and one that compiles to the
# same code as another is that one: neither is counted. One of alloc/ meets the self-test, built for
# the host, the host's quick tests, all these with sanitizers, and then, unless it is listed as
# equivalent, the slow tests. Those of the other files are for kernel.sh. On one core alloc/ takes
# 45 minutes, and the rest about an hour and a half, most of it in boots; runs in clones of their
# own, each with some files, do not disturb each other.
#
# A mutant that nothing notices is printed. Either a test is missing, or it means the same: then its
# line belongs into the file `equivalent`, with the reason. Ends with 0 if all others were killed,
# and, unless this is a sample, 90 % or more of those of alloc/ by the self-test alone. What became
# of each mutant is in build/mutants/report; mutant N is build/mutants/made/N.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=$PWD/tests/mutants work=$PWD/build/mutants

wrong_usage() {
    echo "mutants: $*" >&2
    exit 2
}

every=1
if [[ ${1:-} == -n ]]; then
    [[ ${2:-} =~ ^[1-9][0-9]{0,5}$ ]] || wrong_usage "-n needs a number"
    every=$2
    shift 2
fi
(($# > 0)) || set -- alloc/*.[ch] ./*.c memory/*.c
alloc_files=() kernel_files=()
for file in "${@#./}"; do
    case $file in
    alloc/*.[ch]) alloc_files+=("$file") ;;
    memory/*.c) kernel_files+=("$file") ;;
    */* | *[!c]) wrong_usage "no source of the kernel: $file" ;;
    *.c) kernel_files+=("$file") ;;
    *) wrong_usage "no source of the kernel: $file" ;;
    esac
    [[ -f $file ]] || wrong_usage "no source of the kernel: $file"
done
set -- ${alloc_files[@]+"${alloc_files[@]}"} ${kernel_files[@]+"${kernel_files[@]}"}
read -r -a stages < <(sed -n 's/^STAGE(\(.*\))$/\1/p' alloc/stages.h | paste -s -d ' ' -)
quick="test_alloc test_bits test_borders test_bounds test_buddy test_bump test_errors test_free
    test_hands test_hands_locked test_ranges test_recall test_stack test_tree test_words"
slow="test_states_narrow test_harts test_explore test_shrink test_random test_states"
copies="test_states_narrow test_harts test_hands_locked" # that are built of a copy of alloc/

# Mutants take the place of the originals in a copy.
rm -rf "$work"
mkdir -p "$work"/{made,tree}
for entry in *; do
    [[ $entry == build || $entry == kernel.elf* ]] || cp -R "$entry" "$work/tree"
done
"$here/mutate.pl" --check "$@"
"$here/mutate.pl" "$work/made" "$@" | awk -v every="$every" 'NR % every == 0' >"$work/list"

cd "$work/tree"
compiler=${HOST_CC:-${CC:-clang}}
"$compiler" -O1 "$here/limit.c" -o "$work/limit"
ulimit -c 0

# Without sanitizers, and built quickly. `out` is seen from the copy.
use_plain() {
    out=../plain
    flags=(-std=c11 -O0 -w -fPIC)
    ulimit -S -v $((4 * 1024 * 1024))
}

use_sanitizers() {
    out=../sanitized
    read -r -a flags < <(make -s -f tests/Makefile options)
    flags+=(-w -fPIC)
    ulimit -S -v unlimited # they map terabytes, and touch few
}

# ---- building ----

# Some of the Makefile's programs, but with alloc/ as a library beside them: a mutant is another
# library, and nothing is linked again. The programs that were built with a mutated header, or a
# copy of a mutated source, are out of date with each mutant, and so are built anew.
build_programs() {
    make -s -f tests/Makefile OUT="$out" FLAGS="${flags[*]}" LIBRARY=yes HARTS=steps "${@/#/$out/}"
}

# objects FOLDER SOURCE...: compile some of alloc/ into a folder of `out`; alloc/harts.c once more
# for machines without atomic words, which nothing is linked with.
objects() {
    local folder=$out/$1 source
    shift
    mkdir -p "$folder"
    for source in "$@"; do
        "$compiler" "${flags[@]}" -c "$source" -o "$folder/$(basename "$source" .c).o" || return
        [[ $source != *alloc/harts.c ]] || "$compiler" "${flags[@]}" -DWORDS_ARE_ATOMIC=0 \
            -c "$source" -o "$folder/harts.locked" || return
    done
}

build_library() {
    ld -shared -o "$out/liballoc.so" "$@"
}

build_originals() {
    local file
    objects alloc alloc/*.c
    build_library "$out"/alloc/*.o
    build_programs "${@/%/.t}"
    rm -rf "$out/original"
    mkdir "$out/original"
    cp "$out"/*.t "$out/original"
    for file in "${!sources_of[@]}"; do
        seen[$file $(original_objects "$file" | cksum)]=yes
    done
}

original_objects() {
    local source
    while read -r source; do
        cat "$out/alloc/$(basename "$source" .c)".*
    done <<<"${sources_of[$1]}"
}

# Build the library with the mutant of $file. 1: it does not compile. 2: it compiles to what the
# original does, or to what another mutant did.
declare -A seen
build_mutant() {
    local sources code object library=()
    rm -rf "$out/mutant"
    mapfile -t sources <<<"${sources_of[$file]}"
    objects mutant "${sources[@]}" 2>/dev/null || return 1
    if [[ $round == "${first_round_of[$file]}" ]]; then
        code=$(cat "$out"/mutant/* | cksum)
        [[ ! ${seen[$file $code]:-} ]] || return 2
        seen[$file $code]=yes
    fi
    for object in "$out"/alloc/*.o; do
        [[ ! -f $out/mutant/${object##*/} ]] || object=$out/mutant/${object##*/}
        library+=("$object")
    done
    build_library "${library[@]}"
}

# Does the mutant of $file compile to what the original does if the compiler looks closely, as for
# the kernel?
means_the_same() {
    local source object out=../optimized flags=(-std=c11 -O2 -w)
    for source in ${sources_of[$file]}; do
        objects mutant "$source"
        [[ -f $out/alloc/$(basename "$source" .c).o ]] ||
            objects alloc "$here/../../$source"
        for object in "$out/mutant/$(basename "$source" .c)".*; do
            cmp -s "$object" "$out/alloc/${object##*/}" || return 1
        done
    done
}

# What each file includes, as the compiler says it. It is asked once for each: this is for some six
# hundred pairs of files.
declare -A includes_of
find_includes() {
    local user
    for user in "$@"; do includes_of[$user]=$("$compiler" -MM "$user"); done
}

# The files among some that include a file of alloc/, or are it.
users_of() {
    local file=$1 user name
    shift
    name="[ /]${file##*/}([[:space:]]|$)"
    for user in "$@"; do
        if [[ $user == "$file" || ${includes_of[$user]} =~ ${name/./[.]} ]]; then
            printf '%s\n' "$user"
        fi
    done
}

# What a mutant of $1 changes: objects, tests, and the self-tests of which stages, or of which one
# alone; and when it first meets a test: no self-test knows alloc/harts.c.
declare -A sources_of tests_of selftests_of only_of first_round_of
find_users() {
    local file=$1 header=${1%.c}.h stage test
    selftests_of[$file]=""
    sources_of[$file]=$(users_of "$file" alloc/*.c)
    tests_of[$file]=""
    if [[ $file == *.h ]]; then
        for test in $(users_of "$file" tests/host/test_*.c); do
            tests_of[$file]+=" $(basename "$test" .c)"
        done
    fi
    [[ -f $header ]] || header=$file
    for stage in "${stages[@]}"; do
        [[ ! $(users_of "$header" "alloc/$stage.c") ]] || selftests_of[$file]+=" selftest_$stage"
    done
    only_of[$file]=${selftests_of[$file]// selftest_/ }
    [[ ! $(users_of "$header" alloc/harts.c) ]] || only_of[$file]+=" harts"
    [[ ${only_of[$file]} != " "*" "* ]] || only_of[$file]="" # several
    first_round_of[$file]=$((${#selftests_of[$file]} > 0 ? 1 : 2))
}

# ---- running ----

# Run a program of $out, within limits. A mutant may run for ever, or ask for all memory.
declare -A limits
passes() {
    ASAN_OPTIONS=hard_rss_limit_mb=2000 "$work/limit" "${limits[$out/$1]:-600000}" 0 \
        "$out/$1.t" --first </dev/null >/dev/null
} 2>/dev/null # and what the shell says of a program that crashes

# Run programs of $out on the original. Sets the limits, five times the processor time that each
# needs and a little, and `order`: the quickest first.
measure() {
    local name seconds TIMEFORMAT='%U %S'
    for name in "$@"; do
        { time passes "$name"; } 2>"$out/time" || {
            echo "mutants: $name fails without a mutant" >&2
            exit 1
        }
        seconds=$(awk '{ printf "%d", ($1 + $2) * 1000 }' "$out/time")
        limits[$out/$name]=$((seconds * 5 + 200))
        printf '%s %s\n' "$seconds" "$name"
    done >"$out/times"
    mapfile -t order < <(sort -n "$out/times" | cut -d' ' -f2)
}

# The first of some programs that fails, in `killer`; returns 1 if none does. One that was built
# with the mutated header is built anew for it.
find_killer() {
    [[ ! ${only_of[$file]} ]] || local -x FREERAM_ONLY=${only_of[$file]# }
    for killer in "$@"; do
        if [[ " ${tests_of[$file]} $copies " == *" $killer "* ]]; then
            build_programs "$killer.t" >/dev/null 2>&1 || return 0
        fi
        passes "$killer" || return 0
    done
    killer=""
    return 1
}

# What becomes of a mutant, in `result` and `killer`.
judge() {
    local status=0 name programs=()
    killer=""
    for name in "${order[@]}"; do
        case $name in
        selftest_*) [[ " ${selftests_of[$file]} " == *" $name "* ]] || continue ;;
        test_hands_locked) [[ ${sources_of[$file]} == *alloc/harts.c* ]] || continue ;;
        esac
        programs+=("$name")
    done
    build_mutant || status=$?
    case $status in
    0) ;;
    1) result="does not compile" && return ;;
    2) result="same code" && return ;;
    esac
    result="killed by $killers"
    ! find_killer "${programs[@]}" || return 0
    result="same code"
    [[ $round != "${first_round_of[$file]}" ]] || ! means_the_same || return 0
    result=survived
}

# ---- all of them ----

# Is $file with the fault $what in the list of equivalents?
is_listed() {
    grep -qxF -- "$file: $what" "$here/equivalent"
}

# Judge the mutants of the file `left`. Those that survive are left.
judge_all() {
    local count=0 total
    total=$(wc -l <"$work/left")
    mv "$work/left" "$work/todo"
    while IFS=$'\t' read -r number place what; do
        file=${place%:*}
        if [[ $judge == judge ]] && ((round < first_round_of[$file])); then
            printf '%s\t%s\t%s\n' "$number" "$place" "$what" >&3
            continue
        fi
        cp "$work/made/$number" "$file"
        "$judge"
        cp "$here/../../$file" "$file"
        [[ $judge != judge || (! ${tests_of[$file]} && $round -lt 4) ]] ||
            cp "$out"/original/*.t "$out"
        if [[ $result == survived ]]; then
            printf '%s\t%s\t%s\n' "$number" "$place" "$what" >&3
        else
            printf '%s\t%s\t%s\t%s\t%s\n' "$result" "$killer" "$number" "$place" "$what" >&4
        fi
        count=$((count + 1))
        [[ ! -t 2 ]] || printf '\rround %d: %d of %d ' "$round" "$count" "$total" >&2
    done <"$work/todo" 3>"$work/left" 4>>"$work/report"
}

# Put those that no more programs are to meet into the report: all, or the listed ones.
let_survive() {
    local only=${1:-}
    mv "$work/left" "$work/todo"
    while IFS=$'\t' read -r number place what; do
        file=${place%:*}
        if [[ ! $only ]] || is_listed; then
            printf 'survived\t\t%s\t%s\t%s\n' "$number" "$place" "$what" >&4
        else
            printf '%s\t%s\t%s\n' "$number" "$place" "$what" >&3
        fi
    done <"$work/todo" 3>"$work/left" 4>>"$work/report"
}

# play NAME PROGRAM... : a round, with the name of what it kills by.
round=0
play() {
    killers=$1 judge=judge
    round=$((round + 1))
    shift
    build_originals "$@"
    measure "$@"
    judge_all
}

# shellcheck disable=SC2086 # names
judge_alloc() {
    local name selftests=${stages[*]/#/selftest_}
    find_includes alloc/*.c tests/host/test_*.c
    for file in "${alloc_files[@]}"; do find_users "$file"; done
    use_plain
    play "self-test" $selftests
    ((every == 1)) || let_survive listed
    [[ ! -s $work/left ]] || play test $quick
    if [[ -s $work/left ]]; then
        use_sanitizers
        play sanitizer $selftests $quick
    fi
    let_survive listed
    use_plain
    # One at a time: the dearest are not even built where nothing is left for them.
    for name in $slow; do
        [[ ! -s $work/left ]] || play test "$name"
    done
    let_survive
}

# shellcheck source=tests/mutants/kernel.sh
source "$here/kernel.sh"

: >"$work/report"
grep $'\talloc/' "$work/list" >"$work/left" || true
[[ ! -s $work/left ]] || judge_alloc
grep -v $'\talloc/' "$work/list" >"$work/left" || true
[[ ! -s $work/left ]] || judge_kernel

"$here/summary.pl" "$work/report" "$here/equivalent" "$every"
