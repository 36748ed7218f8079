#!/usr/bin/env bash
# Fuzzing with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer: run.sh fuzz calls this.
#
#   fuzz.sh TARGET            until it is stopped, or something is found
#   fuzz.sh TARGET FILE...    run these inputs only, as when one was found
#
# FUZZ_FLAGS may have more options for libFuzzer. What it learns goes to build/fuzz/TARGET/learned;
# the inputs that it begins with are in tests/fuzz/corpus/TARGET.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
targets="alloc fdt printf"

target=${1:-}
if [[ ! $target || $target == *" "* || " $targets " != *" $target "* ]]; then
    echo "run.sh: fuzz needs a target: there are ${targets// /, }" >&2
    exit 2
fi
shift
files=() # as the caller sees them: CALLED_FROM is the folder where run.sh was called
for file in "$@"; do
    path=$file
    [[ $file == /* ]] || path=${CALLED_FROM:-$PWD}/$file
    [[ -f $path ]] || {
        echo "run.sh: no such file: $file" >&2
        exit 2
    }
    files+=("$path")
done

cd "$project"
out=build/fuzz/$target
mkdir -p "$out/learned"
make -f tests/Makefile --no-print-directory -j 2 OUT="$out" MORE=-fsanitize=fuzzer-no-link \
    HOST_CC="${CC:-clang}" "$out/fuzz_$target"

if (($# > 0)); then
    exec "$out/fuzz_$target" "${files[@]}"
fi
status=0
# shellcheck disable=SC2086 # FUZZ_FLAGS is several words
"$out/fuzz_$target" -max_len=4096 -artifact_prefix="$out/" ${FUZZ_FLAGS:-} "$out/learned" \
    "tests/fuzz/corpus/$target" 2>&1 | tee "$out/log" || status=$?
found=$(sed -n 's/.*Test unit written to //p' "$out/log" | tail -n 1)
if [[ $found ]]; then
    echo "run.sh: the input that shows it is $found; again with: ./run.sh fuzz $target $found" >&2
    exit 1
fi
exit "$status"
