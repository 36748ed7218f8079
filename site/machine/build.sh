#!/usr/bin/env bash
# Compiles the machine to WebAssembly, in one file that needs nothing else:
#
#   site/machine/build.sh FILE.wasm
#
# CC is clang, and wasm-ld, which comes with lld, lies where clang finds it.
set -euo pipefail

(($# == 1)) || {
    echo "usage: site/machine/build.sh FILE.wasm" >&2
    exit 2
}
folder=$(dirname "${BASH_SOURCE[0]}")
# All files as one, or the loop could not take the caches of mmu.c into itself. WebAssembly's own
# instructions copy and fill memory: there is no C library. The stack is small: nothing recurses.
"${CC:-clang}" --target=wasm32 -mbulk-memory -std=c11 -O3 -flto -ffreestanding -nostdlib \
    -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--strip-all -Wl,--lto-O3 \
    -o "$1.$$" "$folder"/*.c
mv -f "$1.$$" "$1"
