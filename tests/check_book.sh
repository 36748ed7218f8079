#!/usr/bin/env bash
# Do the chapters make the files that are here? Prints what differs: the quick question, before any
# chapter is played. What a chapter writes to try out is its own.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
last=$(find chapters -name '[0-9][0-9]-*.md' | sed 's/.*\/\([0-9]*\)-[^/]*$/\1/' | sort -n |
    tail -n 1)
differences=$(chapters/play diff "$last" . |
    sed -e '/^only in chapter [0-9]*: try\//d' -e '/ is as it is after chapter /d')
[[ ! $differences ]] || {
    printf '%s\n' "$differences"
    exit 1
}
