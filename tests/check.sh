#!/usr/bin/env bash
# check.sh STAMP TEST: run a test that speaks TAP, and say in a line whether it passed; if not, all
# that it says. Only when it has passed is there the file STAMP, as old as the beginning of the run:
# what is edited during it is newer. quick.mk calls this.
set -euo pipefail

stamp=$1 test=$2
mkdir -p "${stamp%/*}"
rm -f "$stamp"
: >"$stamp.begun"
echo "$test" >>"${stamp%/*}/ran"
started=$SECONDS
if CMOCKA_MESSAGE_OUTPUT=TAP prove --norc -v "$test" >"$stamp.log" 2>&1; then
    mv "$stamp.begun" "$stamp"
    printf '%-45s ok  %3d tests %3d s\n' "$test" \
        "$(sed -n 's/^Files=.* Tests=\([0-9]*\),.*/\1/p' "$stamp.log")" $((SECONDS - started))
else
    # In one piece: others run beside it.
    printf '%-45s FAILED\n%s\n' "$test" "$(grep -v '^ok ' "$stamp.log" | sed 's/^/    /')"
    exit 1
fi
