#!/usr/bin/env bash
# build.sh FOLDER [PART]...: the programs that tests/host/test_harts.c runs, built into a folder of
# the project: `steps` and `stress` of alloc/ as it is, `steps_locked` where words have a lock, and
# for each line of `faults` and `orders`, in their order, faults_N and orders_N; and `bench`. A part
# is one of steps, faults, stress, bench and orders; without any, all are built.
#
# For steps, hands are small: a copy of alloc/ says so. The compiler has to know -fsanitize=thread,
# as clang and gcc do; CC is another one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$1
wanted=" ${*:2} "
compiler=${HOST_CC:-${CC:-clang}}
copy=$folder/copy
options=(-std=c11 -g -O1 -Wno-unused-function)
parts=(rows alloc words)

wants() {
    [[ $wanted == "  " || $wanted == *" $1 "* ]]
}

is_gone() {
    echo "tests/harts/build.sh: $1 changes nothing in alloc/harts.c: edit it" >&2
    exit 1
}

# Every access calls a function of steps.c, and nothing else does.
traced() {
    local more=(-fsanitize=thread)
    if "$compiler" --version | grep -q clang; then
        more+=(-mllvm -tsan-instrument-func-entry-exit=0 -mllvm -tsan-instrument-memintrinsics=0)
    fi
    "$compiler" "${options[@]}" "${more[@]}" "$@"
}

rm -rf "$folder"
mkdir -p "$copy/alloc" "$copy/tests/harts"
cp tests/harts/{steps,stress}.c tests/harts/scripts "$copy/tests/harts"
for file in alloc/*.[ch]; do
    sed 's/^#define HAND 256 .*/#define HAND 2/; s/^#define REFILL 8 .*/#define REFILL 1/' \
        "$file" >"$copy/$file"
done
grep -q '^#define HAND 2$' "$copy/alloc/harts.h" || is_gone "the size of the hand"
grep -q '^#define REFILL 1$' "$copy/alloc/harts.c" || is_gone "what comes into a hand at once"

objects=()
for part in "${parts[@]}"; do
    traced -c "$copy/alloc/$part.c" -o "$folder/$part.o"
    objects+=("$folder/$part.o")
done
"$compiler" "${options[@]}" -O2 -c "$copy/tests/harts/steps.c" -o "$folder/steps.o"

# link NAME FILE OPTION...: steps with another alloc/harts.c.
# shellcheck disable=SC2086 # coverage.sh's options, several words
link() {
    local name=$1 file=$2
    traced ${COVERAGE:-} "${@:3}" -I"$copy/alloc" -c "$file" -o "$folder/$name.harts.o"
    "$compiler" ${COVERAGE:-} "$folder/$name.harts.o" "${objects[@]}" "$folder/steps.o" \
        -o "$folder/$name"
}

# each LIST FILE COMMAND: FILE with each line of the list done to it, and COMMAND N COPY.
each() {
    local list=$1 file=$2 command=$3 line count=0 changed
    while IFS= read -r line; do
        count=$((count + 1))
        changed=$folder/${list}_$count.c
        cp "$file" "$changed"
        perl -0pi -e "${line#*: }" "$changed"
        ! cmp -s "$file" "$changed" || is_gone "tests/harts/$list: ${line%%: *}"
        "$command" "$count" "$changed"
    done < <(grep -v '^#' "tests/harts/$list" | grep .)
}

fault() {
    link "faults_$1" "$2"
}

# stress FILE NAME: with all that ThreadSanitizer does.
stress() {
    "$compiler" "${options[@]}" -fsanitize=thread -Ialloc tests/harts/stress.c "$1" \
        "${parts[@]/#/alloc/}" -pthread -o "$folder/$2"
}
parts=("${parts[@]/%/.c}")

if wants steps; then
    link steps "$copy/alloc/harts.c"
    link steps_locked "$copy/alloc/harts.c" -DWORDS_ARE_ATOMIC=0
fi
! wants faults || each faults "$copy/alloc/harts.c" fault
! wants stress || stress alloc/harts.c stress
! wants bench || "$compiler" -std=c11 -O2 tests/harts/bench.c alloc/*.c -pthread -o "$folder/bench"

# relacy is headers of C++. Without them these programs are not there, and the test is skipped.
has_relacy() {
    echo '#include <relacy/relacy.hpp>' | clang++ -w -E -x c++ - >/dev/null 2>&1
}
if wants orders && has_relacy; then
    cp tests/harts/orders_world.c "$copy/tests/harts"
    "$compiler" "${options[@]}" -c "$copy/tests/harts/orders_world.c" -o "$folder/orders_world.o"
    clang++ -w -O1 -c tests/harts/orders.cpp -o "$folder/orders.o"
    order() {
        traced -I"$copy/alloc" -c "$2" -o "$folder/orders_$1.harts.o"
        clang++ "$folder/orders_$1.harts.o" "${objects[@]}" "$folder/orders_world.o" \
            "$folder/orders.o" -o "$folder/orders_$1"
    }
    order right "$copy/alloc/harts.c"
    each orders "$copy/alloc/harts.c" order
fi
