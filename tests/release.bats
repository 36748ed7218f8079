#!/usr/bin/env bats
# release.sh, without another release: what it asks of the machine, and that nothing is left behind.

load helpers

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export RELEASES=$PWD/releases
}

@test "release.sh refuses a wrong command line, and shows how it is used" {
    local words
    for words in "" "-x stable" "../stable"; do
        # shellcheck disable=SC2086 # words
        run "$PROJECT/tests/release.sh" $words
        ended_with 2
        says "release.sh SUITE [COMMAND [WORD]...]: runs README's two commands, or another, in a"
    done
}

@test "where there can be no root release.sh says why, and ends with 77" {
    stub ./unshare <<<"exit 1"
    PATH=$PWD:$PATH run "$PROJECT/tests/release.sh" stable
    ended_with 77
    matches '^release.sh: no root of Debian stable: (.* lets nobody mount|chroot is for root only)$'
    [[ ! -e releases/stable ]]
}

needs_mounts() {
    ((EUID == 0)) || skip "only root may mount"
    unshare --mount --pid --fork true 2>/dev/null || skip "this machine lets nobody mount"
}

@test "release.sh says so where one of its two tools is missing" {
    needs_mounts
    local tool
    mkdir bin
    for tool in bash dirname sed setpriv true unshare; do ln -s "$(type -P $tool)" bin/; done
    for tool in debootstrap wget; do
        stub bin/$tool <<<"exit 1"
        PATH=$PWD/bin run "$PROJECT/tests/release.sh" stable
        ended_with 77
        says "no root of Debian stable: debootstrap or wget is missing: apt-get install"
        rm bin/$tool
    done
}

# A debootstrap that makes a root of this machine's bash and sleep, and a wget that knows a suite.
stub_debootstrap() {
    needs_mounts
    git -C "$PROJECT" rev-parse -q --verify HEAD >/dev/null 2>&1 || skip "no git repository here"
    [[ $OSTYPE == linux-gnu ]] || skip "that is for Linux"
    stub ./wget <<<'echo "Codename: nosuch"'
    stub ./debootstrap <<'END'
echo "$@" >>made
root=${*: -3:1}
mkdir -p "$root"/{dev,proc,sys,etc,tmp}
for program in bash sleep; do
    program=$(command -v $program)
    cp -L --parents "$program" $(ldd "$program" | grep -o '/[^ )]*') "$root"
done
END
    PATH=$PWD:$PATH
}

@test "a command runs in a clean clone in the root, which is made once, and no mount is left" {
    stub_debootstrap
    local words=(bash -c 'echo "in $PWD"; [[ -x run.sh && -c /dev/null && -d /proc/1 ]] && exit 3')
    run "$PROJECT/tests/release.sh" testing "${words[@]}"
    ended_with 3
    says_line "in /freeram"
    run "$PROJECT/tests/release.sh" nosuch "${words[@]}"
    ended_with 3
    [[ $(wc -l <made) == 1 ]] || differs "a root that is made once"
    # debootstrap itself may know no script for the release.
    [[ $(<made) == *" nosuch $PWD/releases/nosuch.part "*/scripts/sid ]] || differs "a script"
    run grep -F "$PWD/releases" /proc/self/mountinfo
    says_nothing_but ""
}

@test "when release.sh is killed, all that it started ends" {
    local signal
    stub_debootstrap
    for signal in TERM KILL; do
        rm -f releases/nosuch/begun
        "$PROJECT/tests/release.sh" testing bash -c 'echo yes >/begun; sleep 1000; sleep 1000' &
        wait_for yes releases/nosuch/begun
        kill -"$signal" $!
        # What runs in it holds this lock.
        flock -w 30 releases/nosuch.lock true || differs "an end of its processes, after $signal"
        wait $! || true
    done
}
