#!/usr/bin/env bash
# Mutation testing of alloc/: would the tests notice a fault? Makes mutants of the sources, each
# with one fault (mutate.pl), and on each runs the kernel's self-test, built for the host, and then
# the host's tests, until one fails.
#
#   tests/mutants/run.sh [-n N] [FILE...]     every Nth mutant of some files of alloc/, default all
#
# A mutant that nothing notices is printed. Either a test is missing, or it means the same: then its
# line belongs into the file `equivalent`, with the reason. Ends with 0 if all others were killed,
# and, unless this is a sample, 90 % or more by the self-test alone. What became of each mutant is
# in build/mutants/report; mutant N is build/mutants/made/N.
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
(($# > 0)) || set -- alloc/*.c alloc/{bits,stage,words}.h
for file in "$@"; do
    [[ $file == alloc/*.[ch] && -f $file ]] || wrong_usage "no file of alloc/: $file"
done
read -r -a stages < <(sed -n 's/^STAGES="\(.*\)"$/\1/p' run.sh)

# Mutants take the place of the originals in a copy.
rm -rf "$work"
mkdir -p "$work"/{made,tree}
cp -R alloc tests ./*.[ch] "$work/tree"
"$here/mutate.pl" "$work/made" "$@" >"$work/list"

# shellcheck source=tests/host/build.sh
source "$work/tree/tests/host/build.sh" "$work/plain"
sanitizing=("${flags[@]}" -w -fPIC)

# Like the kernel, without sanitizers. What survives is built again with them.
use_plain() {
    out=$work/plain
    flags=(-std=c11 -O2 -w -fPIC)
}

use_sanitizers() {
    out=$work/sanitized
    flags=("${sanitizing[@]}")
}

# ---- building ----

# build.sh's programs, but with alloc/ as a library beside them: a mutant is another library, and
# nothing is linked again. Programs without alloc/ are none of ours; `only` may name a single one.
only=""
# shellcheck disable=SC2317 # build.sh calls it
program() {
    local name=$1 argument arguments=()
    shift
    [[ ! $only || $name == "$only" ]] || return 0
    for argument in "$@"; do
        [[ $argument == "$out"/alloc/* ]] || arguments+=("$argument")
    done
    ((${#arguments[@]} < $#)) || return 0
    "$compiler" "${flags[@]}" "${arguments[@]}" -o "$out/$name.t" \
        -L"$out" -lalloc -Wl,-rpath,"$out" -lcmocka
}

# shellcheck disable=SC2317
make_trees() {
    : # for a program without alloc/
}

build_library() {
    "$compiler" "${flags[@]}" -shared -o "$out/liballoc.so" "$@"
}

build_originals() {
    mkdir -p "$out"
    shared_alloc
    shared_rest
    build_library "$out"/alloc/*.o
    programs_of_trials
    programs_of_parts
    mkdir "$out/original"
    cp "$out"/*.t "$out/original"
}

# Build library and programs with the mutant of $file. 1: it does not compile. 2: it compiles to
# what the original does, or to what another mutant did.
declare -A seen
build_mutant() {
    local sum test sources
    rm -rf "$out/mutant"
    cp -R "$out/alloc" "$out/mutant"
    mapfile -t sources <<<"${sources_of[$file]}"
    objects mutant "${sources[@]}" 2>/dev/null || return 1
    sum="$file $(cat "$out"/mutant/*.o | cksum)"
    if [[ $out == "$work/plain" ]]; then
        [[ ! ${seen[$sum]:-} && $sum != "$file $original" ]] || return 2
        seen[$sum]=yes
    fi
    build_library "$out"/mutant/*.o 2>/dev/null || return 1
    for test in ${tests_of[$file]}; do
        only=$test
        { programs_of_trials && programs_of_parts; } 2>/dev/null || return 1
    done
    only=""
}

# The files among some that include a file of alloc/, or are it.
users_of() {
    local file=$1 user
    shift
    for user in "$@"; do
        if [[ $user == "$file" ]] || "$compiler" -MM "$user" | grep -qE "\<${file##*/}( |\$)"; then
            printf '%s\n' "$user"
        fi
    done
}

# What a mutant of $1 changes: objects, tests, and the self-tests of which stages.
declare -A sources_of tests_of selftests_of
find_users() {
    local file=$1 header=${1%.c}.h stage test
    sources_of[$file]=$(users_of "$file" alloc/*.c | sed "s|^|$PWD/|")
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
}

# ---- running ----

# Run a program of $out, within limits. A mutant may run for ever, or ask for all memory.
declare -A limits
passes() {
    (
        ulimit -c 0 -t "${limits[$out/$1]:-600}"
        [[ $out != "$work/plain" ]] || ulimit -v $((4 * 1024 * 1024))
        ASAN_OPTIONS=hard_rss_limit_mb=2000 exec "$out/$1.t" </dev/null >/dev/null
    )
} 2>/dev/null # and what the shell says of a program that crashes

# Run all programs of $out on the original. Sets the limits, four times the processor time that each
# needs, and prints their names, the quickest first.
measure() {
    local path name seconds TIMEFORMAT='%U'
    for path in "$out"/*.t; do
        name=$(basename "$path" .t)
        { time passes "$name"; } 2>"$out/time" || {
            echo "mutants: $name fails without a mutant" >&2
            exit 1
        }
        seconds=$(<"$out/time")
        limits[$out/$name]=$((${seconds%.*} * 4 + 2))
        printf '%s %s\n' "$seconds" "$name" >>"$out/times"
    done
    sort -n "$out/times" | cut -d' ' -f2 >"$out/order"
}

# The first of some programs that fails, in `killer`; returns 1 if none does.
find_killer() {
    for killer in "$@"; do
        passes "$killer" || return 0
    done
    killer=""
    return 1
}

# What becomes of a mutant, in `result` and `killer`.
judge() {
    local status=0 selftests tests
    killer=""
    mapfile -t selftests < <(grep ^selftest_ "$work/plain/order" |
        grep -xE "$(tr -s ' ' '|' <<<"${selftests_of[$file]# }")")
    mapfile -t tests < <(grep -v ^selftest_ "$work/plain/order")
    use_plain
    build_mutant || status=$?
    case $status in
    0) ;;
    1) result="does not compile" && return ;;
    2) result="same code" && return ;;
    esac
    result="killed by self-test"
    ! find_killer "${selftests[@]}" || return 0
    result="killed by test"
    ! find_killer "${tests[@]}" || return 0
    use_sanitizers
    mapfile -t tests <"$out/order"
    result="killed by sanitizer"
    ! build_mutant || find_killer "${tests[@]}" || result=survived
}

# ---- all of them ----

use_sanitizers
build_originals
measure
use_plain
build_originals
measure
original=$(cat "$out"/alloc/*.o | cksum)
for file in "$@"; do find_users "$file"; done

total=$(awk -v every="$every" 'NR % every == 0' "$work/list" | wc -l)
count=0
: >"$work/report"
while IFS=$'\t' read -r number place what; do
    file=${place%:*}
    cp "$work/made/$number" "$file"
    judge
    printf '%s\t%s\t%s\t%s\t%s\n' "$result" "$killer" "$number" "$place" "$what" >>"$work/report"
    cp "$here/../../$file" "$file"
    if [[ ${tests_of[$file]} ]]; then
        cp "$work"/plain/original/*.t "$work/plain"
        cp "$work"/sanitized/original/*.t "$work/sanitized"
    fi
    count=$((count + 1))
    [[ ! -t 2 ]] || printf '\r%d of %d ' "$count" "$total" >&2
done < <(awk -v every="$every" 'NR % every == 0' "$work/list")

"$here/summary.pl" "$work/report" "$here/equivalent" "$every"
