#!/usr/bin/env bash
# QEMU for kernels with a mutant in them: it ends after $MUTANTS_LIMIT, milliseconds of processor
# time and seconds without any. A link to this with the name of a QEMU runs that one.
set -euo pipefail

read -r milliseconds seconds <<<"$MUTANTS_LIMIT"
exec "$MUTANTS_RUN" "$milliseconds" "$seconds" "${0##*/}" "$@"
