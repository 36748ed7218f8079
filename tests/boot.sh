#!/usr/bin/env bash
# The default stage builds, boots and passes its self-test, which speaks TAP.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
exec ./run.sh
