#!/usr/bin/env bash
# break.sh FAULT: put a fault into a source, for the test that the fuzzer finds it.
# break.sh check: is there still a line for each of them?
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Where a file of the kernel is.
path_of() {
    make -s -f tests/Makefile "path_of_$1"
}

# Sets the file of a fault, and the substitution that makes it.
find_fault() {
    case $1 in
    fdt) # the check that a property ends inside the structure block
        file=$(path_of fdt)
        change='/return FDT_BAD_PROPERTY;/s/return FDT_BAD_PROPERTY;/{}/'
        ;;
    alloc) # a double free is not refused
        file=alloc/bitmap.c
        change='s/if (!words_all_clear(words_of(a), first, first + n))/if (false)/'
        ;;
    printf) # padding on the right is forgotten
        file=$(path_of common)
        change='s/    if (layout.left)$/    if (false)/'
        ;;
    *)
        echo "break.sh: no fault '$1': there are fdt, alloc and printf" >&2
        exit 2
        ;;
    esac
}

# Prints the broken file.
broken() {
    find_fault "$1"
    if sed "$change" "$file" | cmp -s - "$file"; then
        echo "tests/fuzz/break.sh: $file has no line for '$1' any more, as in $change:" \
            "edit tests/fuzz/break.sh" >&2
        exit 1
    fi
    sed "$change" "$file"
}

if [[ ${1:-} == check ]]; then
    for fault in fdt alloc printf; do
        broken "$fault" >/dev/null
    done
else
    find_fault "${1:-}"
    broken "$1" >"$file.broken"
    mv "$file.broken" "$file"
fi
