#!/usr/bin/env bash
# chapter_files.sh CHAPTER: what playing a chapter reads beside itself: its solutions, and the files
# that it takes over or says to be complete.
set -euo pipefail

number=${1##*/}
for file in chapters/solutions/"${number%%-*}"-*.md; do
    [[ ! -f $file ]] || echo "$file"
done
sed -n -e '/^> \*\*Take over\*\*/p' -e '/^> \*\*Complete\*\*/p' "$1" | grep -oE '\]\([^)]*' |
    sed 's/^](\(\.\.\/\)*//' || true
