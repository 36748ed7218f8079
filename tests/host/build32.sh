#!/usr/bin/env bash
# build32.sh [FOLDER]: build the host tests for 32 bits into build/host32, or another folder. Where
# that can be done, setup.sh tells, and cmocka32.sh has fetched cmocka into build/cmocka32. There is
# no search for all states among them: it needs a minute, and words of its own width.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-build/host32}
# shellcheck source=setup.sh
source ./setup.sh
cmocka=$PWD/build/cmocka32/usr
library=$cmocka/lib/i386-linux-gnu
tests/host/build.sh "$out" "${FLAGS_32[@]}" -isystem "$cmocka/include" -L"$library" \
    -Wl,-rpath,"$library"
rm "$out"/test_states*.t
