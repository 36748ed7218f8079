#!/usr/bin/env bash
# build32.sh FOLDER [PROGRAM]...: build the host tests for 32 bits, or some of them, into a folder
# of the project. setup.sh tells where that can be done; cmocka32.sh must have filled
# build/cmocka32. Left out is the search for all states: it takes a minute, and its words have the
# same width here.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=setup.sh
source ./setup.sh
cmocka=build/cmocka32/usr library=build/cmocka32/usr/lib/i386-linux-gnu
unset HOST_CC # the options are clang's
exec make -f tests/Makefile --no-print-directory -j 2 OUT="$1" \
    WITHOUT="test_states test_states_narrow" \
    MORE="${FLAGS_32[*]} -isystem $cmocka/include -L$library '-Wl,-rpath,$PWD/$library'" "${@:2}"
