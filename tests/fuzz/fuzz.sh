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
for file in "$@"; do
    [[ -f $file ]] || {
        echo "run.sh: no such file: $file" >&2
        exit 2
    }
done

# For flags, and kernel_flags: the kernel's functions have other names, so that the C library's
# stand beside them.
# shellcheck source=tests/host/build.sh
source "$project/tests/host/build.sh" "$project/build/fuzz/$target"
out=build/fuzz/$target
mkdir -p "$out/learned"
compile=("${CC:-clang}" "${flags[@]}")
sources=()
case $target in
alloc) sources=(tests/host/oracle.c alloc/*.c) ;;
fdt) sources=(memory/fdt.c) ;;
printf)
    "${compile[@]}" "${kernel_flags[@]}" -fsanitize=fuzzer-no-link -c common.c -o "$out/common.o"
    sources=("$out/common.o")
    ;;
esac
"${compile[@]}" -fsanitize=fuzzer "tests/fuzz/fuzz_$target.c" "${sources[@]}" -o "$out/$target.$$"
mv -f "$out/$target.$$" "$out/$target"

if (($# > 0)); then
    exec "$out/$target" "$@"
fi
status=0
# shellcheck disable=SC2086 # FUZZ_FLAGS is several words
"$out/$target" -max_len=4096 -artifact_prefix="$out/" ${FUZZ_FLAGS:-} "$out/learned" \
    "tests/fuzz/corpus/$target" 2>&1 | tee "$out/log" || status=$?
found=$(sed -n 's/.*Test unit written to //p' "$out/log" | tail -n 1)
if [[ $found ]]; then
    echo "run.sh: the input that shows it is $found; again with: ./run.sh fuzz $target $found" >&2
    exit 1
fi
exit "$status"
