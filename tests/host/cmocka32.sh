#!/usr/bin/env bash
# cmocka32.sh FOLDER: fetch Debian's or Ubuntu's cmocka for 32 bits and unpack it there, unless it
# is there. It is not installed, which would want a second architecture of the whole system.
set -euo pipefail

(($# == 1)) || {
    echo "cmocka32.sh: one folder is needed, as in: cmocka32.sh build/cmocka32" >&2
    exit 2
}
target=$1
[[ $target == /* ]] || target=$PWD/$target
is_there() {
    [[ -f $target/usr/include/cmocka.h ]]
}
! is_there || exit 0

# It appears under its name only when it is complete.
folder=$target.$$
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/apt/{lists,archives}/partial "$folder/usr"
of_32_bits=(-o APT::Architecture=i386 -o APT::Architectures=i386 -o APT::Sandbox::User=root
    -o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache="$folder/apt")
{
    # A mirror that lacks some of the indices may yet have what is needed.
    apt-get -qq "${of_32_bits[@]}" update || true
    (cd "$folder/apt" && apt-get -qq "${of_32_bits[@]}" download libcmocka0 libcmocka-dev)
} >"$folder/log" 2>&1 || {
    cat "$folder/log" >&2
    echo "cmocka32.sh: cmocka for 32 bits could not be fetched, see above" >&2
    exit 1
}
for package in "$folder"/apt/*.deb; do
    dpkg-deb -x "$package" "$folder"
done
rm -rf "$folder"/{apt,log}
# Where another run was quicker, its folder is as good.
is_there || rm -rf "$target"
mv -T "$folder" "$target" 2>/dev/null || is_there
