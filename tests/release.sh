#!/usr/bin/env bash
# release.sh SUITE [COMMAND [WORD]...]: runs README's two commands, or another, in a clean clone
# under another release of Debian, with the tools that are packaged there.
#
#   tests/release.sh stable                                   the newest stable release
#   tests/release.sh trixie chapters/play test 5              one chapter, under Debian 13
#   RELEASES=~/roots tests/release.sh --fresh forky           a root made anew, kept in ~/roots
#
# The clone has what git knows of this folder, as it is now, committed or not. The release's root is
# made by debootstrap and kept in build/releases, or in the folder RELEASES, with what a run has
# installed: a second run is quick, and with --fresh the root is made anew. All mounts are in a
# namespace of its own, and so are all processes: they end with it, however it ends. Only one run at
# a time is in a root: others wait.
#
# With -y debootstrap is installed where it is missing. Exit status: the command's; 77 where there
# can be no root here, and the last line says why; 2 for a wrong command line.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# How a root is made: the same for all releases, and debootstrap need not have heard of this one.
script=/usr/share/debootstrap/scripts/sid
assume_yes="" fresh=""

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

say() {
    printf 'release.sh: %s\n' "$*" >&2
}

# There can be no root here. That is no fault of what would have been tested in it.
no_root() {
    say "no root of Debian $suite: $*"
    exit 77
}

# ---- the root ----

check_machine() {
    ((EUID == 0)) || no_root "chroot is for root only"
    inside true 2>/dev/null || no_root "this machine lets nobody mount"
    # One at a time: of several names `command -v` is content with one.
    command -v debootstrap >/dev/null && command -v wget >/dev/null && return
    [[ $assume_yes ]] ||
        no_root "debootstrap or wget is missing: apt-get install debootstrap wget, or -y"
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends debootstrap wget; } \
        >&2 || no_root "debootstrap could not be installed, see above"
}

# Where this machine, a Debian, gets its own packages from; MIRROR in the environment says another.
find_mirror() {
    mirror=${MIRROR:-}
    [[ ! $mirror ]] || return 0
    mirror=$(apt-get indextargets --format "\$(SITE)" "Created-By: Packages" "Label: Debian" \
        2>/dev/null | head -n 1) || mirror=""
    [[ $mirror ]] || no_root "apt names no mirror of Debian here: MIRROR=ADDRESS says one"
}

# The suite's own name: what is stable today will be something else. A root that is there has it.
find_codename() {
    codename=$suite
    [[ ! -d $releases/$suite || $fresh ]] || return 0
    codename=$(wget -q -T 30 -t 2 -O - "$mirror/dists/$suite/Release" |
        sed -n 's/^Codename: \([a-z]*\)$/\1/p') || codename=""
    [[ $codename ]] || no_root "its Release file cannot be fetched"
}

make_root() {
    local trust=("--keyring=$keyring") log=$root.log
    [[ -f $keyring ]] || {
        say "nothing says that the packages are Debian's: there is no $keyring"
        trust=(--no-check-gpg)
    }
    say "making a root of Debian $codename in $root, in a minute or several"
    remove_tree "$root.part"
    inside debootstrap --variant=minbase --include=ca-certificates,git "${trust[@]}" \
        "$codename" "$root.part" "$mirror" "$script" >"$log" 2>&1 ||
        no_root "debootstrap failed, $log has: $(tail -n 1 "$log")"
    remove_tree "$root"
    mv "$root.part" "$root"
}

# Never across a mount: what is behind one is not ours.
remove_tree() {
    [[ ! -e $1 ]] || rm -rf --one-file-system "$1"
}

# ---- the clone ----

make_clone() {
    local commit
    commit=$(git -C "$project" stash create)
    remove_tree "$root/freeram"
    git clone -q --no-checkout "$project" "$root/freeram"
    git -C "$root/freeram" checkout -q --detach \
        "${commit:-$(git -C "$project" rev-parse HEAD)}"
}

# ---- the command ----

# Run a command where what it mounts and starts is gone when it or this script ends, even by KILL.
# The first process of a namespace takes no other signal that it does not wait for.
inside() {
    local status=0
    setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child "$@" \
        <&0 &
    trap 'kill -KILL $!; exit 130' INT TERM HUP
    wait $! || status=$?
    trap - INT TERM HUP
    return "$status"
}

# Run by this script itself, in the namespaces: enter ROOT COMMAND [WORD]...
enter() {
    local root=$1
    shift
    mount --bind /dev "$root/dev"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    # The caller's tools and options are not the release's.
    # shellcheck disable=SC2016 # the inner shell's
    exec env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${CI:+CI="$CI"} chroot "$root" bash -c 'cd /freeram && exec "$@"' bash "$@"
}

main() {
    while [[ ${1:-} == -* ]]; do
        case $1 in
        -y) assume_yes=yes ;;
        --fresh) fresh=yes ;;
        *) usage ;;
        esac
        shift
    done
    [[ ${1:-} =~ ^[a-z]+$ ]] || usage
    suite=$1
    shift
    (($# > 0)) || set -- bash -ec './run.sh -y; ./run.sh -y test'
    releases=${RELEASES:-$project/build/releases}
    check_machine
    find_mirror
    find_codename
    root=$releases/$codename
    mkdir -p "$releases"
    exec 9>"$root.lock"
    flock 9
    [[ ! $fresh && -d $root ]] || make_root
    make_clone
    say "Debian $codename: $*"
    inside "$BASH" "${BASH_SOURCE[0]}" --enter "$root" "$@"
}

if [[ ${1:-} == --enter ]]; then
    shift
    enter "$@"
else
    main "$@"
fi
