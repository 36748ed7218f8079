#!/usr/bin/env bash
# build32.sh [FOLDER]: build the host tests for 32 bits into build/host32, or into another folder of
# the project. setup.sh tells where that can be done; cmocka32.sh must have filled build/cmocka32.
# Left out is the search for all states: it takes a minute, and its words have the same width here.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=setup.sh
source ./setup.sh
cmocka=$PWD/build/cmocka32/usr
library=$cmocka/lib/i386-linux-gnu
HOST_CC="" # the options are clang's
# shellcheck source=tests/host/build.sh
source tests/host/build.sh "${1:-build/host32}" "${FLAGS_32[@]}" -isystem "$cmocka/include" \
    -L"$library" -Wl,-rpath,"$library"
programs_of_states() {
    :
}
build_all
