#!/usr/bin/env bash
# narrow.sh FILE: print a file of alloc/ with words of 8 bits and all else as small, so that few
# pages have borders of every kind.
# narrow.sh check FILE...: is each line that this changes still in one of the files?
set -euo pipefail

# What these lines say instead.
DEFINES=(
    "WORD_BITS ((size_t) 8)"
    "BOUNDS_FANOUT ((size_t) 4)"
    "CHUNK ((size_t) 16)"
    "DIGIT 3U"
    "TOP 2U"
    "HAND 2"
    "REFILL 1"
    "MAX_ORDER 2U"
    "MAX_ALIGN (PAGE_SIZE << 2)"
)

# And these words, wherever they stand.
WORDS=(
    "uint64_t=uint8_t"
    "UINT64_MAX=UINT8_MAX"
    "__builtin_clzll(word)=(& - 56)"
)

# Where what is sought has gone: say what to edit.
is_gone() {
    echo "tests/host/narrow.sh: nothing in alloc/ says '$1' any more. The tests with narrow words" \
        "need another line in its place: edit $2 in tests/host/narrow.sh" >&2
    exit 1
}

if [[ ${1:-} == check ]]; then
    shift
    for define in "${DEFINES[@]}"; do
        grep -qh "^#define ${define%% *} " "$@" || is_gone "#define ${define%% *}" DEFINES
    done
    for word in "${WORDS[@]}"; do
        grep -qhF -- "${word%%=*}" "$@" || is_gone "${word%%=*}" WORDS
    done
    exit
fi

edits=()
for word in "${WORDS[@]}"; do
    edits+=(-e "s/${word%%=*}/${word#*=}/g")
done
for define in "${DEFINES[@]}"; do
    edits+=(-e "s/^#define ${define%% *} .*/#define $define/")
done
sed "${edits[@]}" "$1"
