# Set-up, sourced by run.sh: find the tools that a command needs, name what is missing together with
# the command that installs it here, and run that command with -y or when the user agrees.
# shellcheck shell=bash

MIN_CLANG=14
MIN_QEMU=6.1 # memory-backend-ram with reserve=off
MIN_NODE=20

# Another clang-format writes other lines, and another clang-tidy has other opinions: the sources
# are held to those of one version. It is installed where apt has it; where it is not, these tests
# say so and are skipped.
FORM_VERSION=14

# Homebrew keeps these out of the PATH.
for keg in {/opt/homebrew,/usr/local,/home/linuxbrew/.linuxbrew}/opt/{llvm,lld}/bin; do
    [[ ! -d $keg ]] || PATH=$PATH:$keg
done

# `missing` has one line for each thing that was not found: its key below, a tab, what to print.
missing=()
misses() {
    missing+=("$1"$'\t'"$2")
}

# Which package brings a tool.
PACKAGES="
tool         apt                  dnf                    pacman                     brew
clang        clang                clang                  clang                      llvm
lld          lld                  lld                    lld                        lld
llvm         llvm                 llvm                   llvm                       llvm
qemu         qemu-system-misc     qemu-system-riscv-core qemu-system-riscv          qemu
opensbi      opensbi              qemu-system-riscv-core qemu-system-riscv-firmware qemu
gdb          gdb-multiarch        gdb                    riscv64-elf-gdb            riscv64-elf-gdb
gnuplot      gnuplot-nox          gnuplot                gnuplot                    gnuplot
bash         bash                 bash                   bash                       bash
coreutils    coreutils            coreutils              coreutils                  coreutils
make         make                 make                   make                       make
prove        perl                 perl-Test-Harness      perl                       perl
perl         perl                 perl                   perl                   perl
bats         bats                 bats                   bash-bats                  bats-core
shellcheck   shellcheck           ShellCheck             shellcheck                 shellcheck
clang-format clang-format         clang-tools-extra      clang                      clang-format
clang-tidy   clang-tidy           clang-tools-extra      clang                      llvm
libc         libc6-dev            glibc-devel            glibc                      llvm
dtc          device-tree-compiler dtc                    dtc                        dtc
patch        patch                patch                  patch                  gpatch
cmocka       libcmocka-dev        libcmocka-devel        cmocka                     cmocka
iopty        libio-pty-perl       perl-IO-Tty            perl-io-tty                perl
zsh          zsh                  zsh                    zsh                        zsh
sanitizers   libclang-rt-dev      compiler-rt            compiler-rt                llvm
relacy       relacy-dev           -                      -                          -
libc32       libc6-dev-i386       -                      -                          -
libgcc32     lib32gcc-s1          -                      -                          -
node         nodejs               nodejs                 nodejs                     node
npm          npm                  nodejs-npm             npm                        node
wasm         lld                  lld                    lld                        lld
pandoc       pandoc               pandoc                 pandoc-cli                 pandoc
browser      chromium             chromium               chromium                   chromium
pdftotext    poppler-utils        poppler-utils          poppler                    poppler
"

package_of() {
    local tool apt dnf pacman brew
    while read -r tool apt dnf pacman brew; do
        [[ $tool != "$2" ]] || printf '%s\n' "${!1}"
    done <<<"$PACKAGES"
    : "$apt$dnf$pacman$brew" # used by name
}

# Exchange what has another name in some releases: from QEMU 11 on Debian has a package for RISC-V
# alone, and the other does not bring it; and of two versions the one of FORM_VERSION is wanted.
for_this_apt() {
    local usual here offered
    while read -r usual here; do
        [[ ! $(apt-cache madison "$here" 2>/dev/null) ]] ||
            packages=("${packages[@]/#$usual/$here}")
    done <<END
qemu-system-misc qemu-system-riscv
clang-format clang-format-$FORM_VERSION
clang-tidy clang-tidy-$FORM_VERSION
END
    # An older node would come with hundreds of packages for its npm, and not be used.
    offered=$(apt-cache madison nodejs 2>/dev/null |
        sed -n 's/^ *nodejs | \([0-9]*:\)*\([0-9]*\).*/\2/p' | sort -rn | head -n 1)
    [[ " ${packages[*]} " != *" nodejs "* || ! $offered ]] || ((offered >= MIN_NODE)) ||
        fail "apt has node $offered, which is too old: have a later one from \
https://nodejs.org, and its folder in the PATH"
}

# Sets `installer` to the command that installs what is missing; fails where there is no package
# manager that we know.
find_installer() {
    local manager entry sudo=() packages=()
    for manager in apt-get dnf pacman brew ""; do
        [[ ! $manager ]] || ! command -v "$manager" >/dev/null || break
    done
    [[ $manager ]] || return 1
    for entry in "${missing[@]}"; do
        # shellcheck disable=SC2207 # one word each
        packages+=($(package_of "${manager%-get}" "${entry%%$'\t'*}"))
    done
    [[ $manager != apt-get ]] || for_this_apt
    # shellcheck disable=SC2207
    packages=($(printf '%s\n' "${packages[@]}" | sort -u))
    ((EUID == 0)) || [[ $manager == brew ]] || sudo=(sudo)
    case $manager in
    apt-get) installer=(env DEBIAN_FRONTEND=noninteractive apt-get install -y
        --no-install-recommends "${packages[@]}") ;;
    dnf) installer=(dnf install -y "${packages[@]}") ;;
    # With all else: a package that is newer than what it needs may not run.
    pacman) installer=(pacman -Syu --needed --noconfirm "${packages[@]}") ;;
    brew) installer=(brew install "${packages[@]}") ;;
    esac
    installer=(${sudo[@]+"${sudo[@]}"} "${installer[@]}")
    refresh=(true)
    [[ $manager != apt-get ]] || refresh=(${sudo[@]+"${sudo[@]}"} apt-get -qq update)
}

# Find all tools of some groups: compiler, emulator, debugger, tests. Ends run.sh if one is missing
# and stays so.
need() {
    local group entry answer="" installer refresh
    missing=()
    for group in "$@"; do "find_$group"; done
    ((${#missing[@]} > 0)) || return 0

    say "missing here:"
    for entry in "${missing[@]}"; do printf '  %s\n' "${entry#*$'\t'}" >&2; done
    find_installer || fail "no apt, dnf, pacman or Homebrew found: install them as your system does"
    say "this installs them:"
    [[ ${refresh[0]} == true ]] || printf '  %s\n' "${refresh[*]}" >&2
    printf '  %s\n' "${installer[*]}" >&2
    if [[ ! $assume_yes ]]; then
        [[ -t 0 && -t 2 ]] || fail "run that, or run.sh with -y to have it done"
        read -r -p "run.sh: do it now? [y/N] " answer
        [[ $answer == [yY]* ]] || fail "nothing was installed"
    fi
    # Its progress is worth seeing, but not in a result that is read from standard output. Only
    # after the refresh does the package manager know which names there are.
    { run "${refresh[@]}" && find_installer && run "${installer[@]}"; } >&2 ||
        fail "the installation failed, see above"

    hash -r
    missing=()
    for group in "$@"; do "find_$group"; done
    ((${#missing[@]} == 0)) || fail "still missing: ${missing[0]#*$'\t'}"
}

# ---- compiler ----

# Is this a clang that knows RISC-V, of version MIN_CLANG or later?
is_good_clang() {
    local version
    version=$("$1" -dumpversion 2>/dev/null) || return 1
    [[ $version =~ ^[0-9]+ ]] && ((BASH_REMATCH[0] >= MIN_CLANG)) &&
        "$1" --print-targets 2>/dev/null | grep -q riscv64
}

# Print the first of some commands that exists, in the PATH or beside the compiler.
first_of() {
    local name
    for name in "$@"; do
        command -v "$name" && return 0
    done
    return 1
}

# Newest first, as names are tried in this order after the plain one.
versioned() {
    local version
    echo "$1"
    for version in {30..14}; do echo "$1-$version"; done
}

find_clang() {
    local name path
    if [[ ${CC:-} ]]; then
        is_good_clang "$CC" ||
            fail "CC=$CC: not a clang of version $MIN_CLANG or later with a RISC-V target"
        return
    fi
    # A PATH may hold several: Apple's first, say, and Homebrew's behind it.
    while IFS= read -r path; do
        if is_good_clang "$path"; then
            CC=$path
            return
        fi
    done < <(for name in $(versioned clang); do type -aP "$name" || true; done)
    misses clang "clang $MIN_CLANG or later with a RISC-V target"
}

# Sets variable $1, unless it is set, to the tool $2, preferably of the compiler's version.
find_tool() {
    local version path
    if [[ ${!1:-} ]]; then
        command -v "${!1}" >/dev/null || fail "$1=${!1}: no such command"
        return
    fi
    version=$("${CC:-clang}" -dumpversion 2>/dev/null) || version=""
    # shellcheck disable=SC2046
    if path=$(first_of "$(dirname "${CC:-clang}")/$2" "$2-${version%%.*}" $(versioned "$2")); then
        printf -v "$1" %s "$path"
    else
        misses "$3" "$2"
    fi
}

find_compiler() {
    find_clang
    find_tool LD ld.lld lld
    find_tool NM llvm-nm llvm
    find_tool OBJDUMP llvm-objdump llvm
    find_tool SYMBOLIZER llvm-symbolizer llvm
}

# ---- QEMU and its firmware ----

find_emulator() {
    local version oldest
    if [[ ! ${QEMU:-} ]]; then
        QEMU=$(command -v "qemu-system-riscv$XLEN") || QEMU=""
    elif ! command -v "$QEMU" >/dev/null; then
        fail "QEMU=$QEMU: no such command"
    fi
    if [[ ! $QEMU ]]; then
        misses qemu "qemu-system-riscv$XLEN $MIN_QEMU or later"
        [[ ${BIOS:-} ]] || misses opensbi "OpenSBI's fw_dynamic for QEMU"
        return
    fi
    version=$("$QEMU" --version 2>/dev/null |
        sed -n 's/.*version \([0-9]*\.[0-9]*\).*/\1/p') || version=""
    [[ $version ]] || fail "QEMU=$QEMU: not a QEMU that runs here"
    oldest=$(printf '%s\n' "$MIN_QEMU" "$version" | sort -t. -k1,1n -k2,2n | head -n 1)
    [[ $oldest == "$MIN_QEMU" ]] ||
        fail "$QEMU is version $version, and too old: $MIN_QEMU or later is needed"
    find_firmware
}

find_firmware() {
    local folder file=opensbi-riscv$XLEN-generic-fw_dynamic.bin
    if [[ ${BIOS:-} ]]; then
        [[ $BIOS == none || $BIOS == default || -f $BIOS ]] || fail "BIOS=$BIOS: no such file"
        return
    fi
    while IFS= read -r folder; do
        if [[ -f $folder/$file ]]; then
            BIOS=$folder/$file
            return
        fi
    done < <("$QEMU" -L help)
    [[ $XLEN == 64 ]] || fail "no 32-bit OpenSBI here ($file). Debian and Ubuntu package none; \
QEMU's own releases bring it (https://www.qemu.org/download, folder pc-bios): \
BIOS=path/to/$file XLEN=32 ./run.sh"
    misses opensbi "OpenSBI's fw_dynamic for QEMU ($file)"
}

# ---- debugger ----

find_debugger() {
    if [[ ${GDB:-} ]]; then
        command -v "$GDB" >/dev/null || fail "GDB=$GDB: no such command"
        return
    fi
    GDB=$(first_of gdb-multiarch riscv64-elf-gdb riscv64-unknown-elf-gdb riscv64-linux-gnu-gdb \
        lldb) ||
        misses gdb "a debugger for RISC-V: gdb-multiarch, riscv64-*-gdb or lldb"
}

# ---- what draws the benchmarks' pictures ----

find_plotter() {
    command -v gnuplot >/dev/null || misses gnuplot "gnuplot"
}

# ---- what the book is made with ----

find_book() {
    local tool
    for tool in perl patch; do
        command -v "$tool" >/dev/null || misses "$tool" "$tool"
    done
}

# ---- what the site is made with, and its tests ----

is_good_node() {
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    [[ $version =~ ^v([0-9]+) ]] && ((BASH_REMATCH[1] >= MIN_NODE))
}

# Has the first in the PATH that is new enough be the first of all: what npm installs asks for node
# by its name.
find_node() {
    local path
    while IFS= read -r path; do
        is_good_node "$path" || continue
        [[ $path -ef $(type -P node) ]] || PATH=${path%/*}:$PATH
        return
    done < <(type -aP node || true)
    misses node "node $MIN_NODE or later (where no package brings it: https://nodejs.org)"
}

# wasm-ld comes with lld, but where the compiler looks for it: of its version, or plain.
makes_wasm() {
    echo 'void f(void) {}' | "$CC" --target=wasm32 -nostdlib -Wl,--no-entry -x c - -o /dev/null \
        2>/dev/null
}

find_site() {
    find_book
    [[ ! ${CC:-} ]] || makes_wasm || misses wasm "lld's wasm-ld, where $CC finds it"
    find_node
    command -v npm >/dev/null || misses npm "npm"
    command -v pandoc >/dev/null || misses pandoc "pandoc, which makes the book's EPUB"
    # shellcheck disable=SC2034 # for site.sh
    CHROMIUM=$(first_of chromium chromium-browser google-chrome) ||
        misses browser "Chromium, which makes the book's PDF"
}

find_site_tests() {
    command -v pdftotext >/dev/null || misses pdftotext "pdftotext"
}

# ---- what only the tests need ----

# Can the host's compiler build a program with these options? errno.h needs asm/, too.
builds() {
    printf '#include <errno.h>\nint main(void) { return errno; }\n' |
        "${CC:-clang}" -x c - -o /dev/null "$@" 2>/dev/null
}

# For 32 bits, with clang's own runtime: of gcc's, only what unwinds the stack. Linux's asm/ stands
# only in the folder of 64 bits.
FLAGS_32=(-m32 --rtlib=compiler-rt --unwindlib=none -l:libgcc_s.so.1
    -idirafter /usr/include/x86_64-linux-gnu -Wno-unused-command-line-argument)

# Does the machine run programs of 32 bits? Not every kernel that is 64 bits wide does, whatever
# compiler and libraries there are. Without a compiler nobody knows yet, and that counts as yes.
# A subshell, whose end removes the folder, signals included.
runs_32_bits() (
    command -v "${CC:-clang}" >/dev/null || exit 0
    folder=$(mktemp -d "${TMPDIR:-/tmp}/freeram.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 1' INT QUIT TERM HUP
    # exit(0), as Linux takes it from 32 bits: no library is needed for that.
    # shellcheck disable=SC2016 # the $ is the assembler's
    echo 'void _start(void) { __asm__ volatile("int $0x80" : : "a"(1), "b"(0)); }' |
        "${CC:-clang}" -m32 -x c - -nostdlib -static -o "$folder/exit" 2>/dev/null &&
        "$folder/exit" 2>/dev/null
)

# Why the host tests cannot be built in 32 bits and run as well; nothing if they can be.
why_not_32_bits() {
    # Only there do we know what to install.
    if [[ $HOSTTYPE != x86_64 || $OSTYPE != linux-gnu ]] || ! command -v apt-get >/dev/null; then
        echo "that is for Debian and Ubuntu with x86-64"
    elif ! runs_32_bits; then
        echo "this machine's kernel runs no 32-bit programs"
    fi
}

# Print the name of a tool of version FORM_VERSION, as it is installed here; 1 if there is none.
form_tool() {
    local name
    for name in "$1-$FORM_VERSION" "$1"; do
        if "$name" --version 2>/dev/null | grep -q "version $FORM_VERSION\."; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

# libFuzzer brings its own main.
find_fuzzer() {
    echo "int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }" |
        "${CC:-clang}" -x c - -o /dev/null -fsanitize=fuzzer,address,undefined 2>/dev/null ||
        misses sanitizers "clang's libFuzzer"
}

find_tests() {
    local tool keg
    # macOS has a bash of 2007, and of coreutils only what BSD had. Homebrew's stand apart.
    for keg in {/opt/homebrew,/usr/local}/opt/coreutils/libexec/gnubin; do
        [[ ! -d $keg ]] || PATH=$keg:$PATH
    done
    bash -c 'mapfile -t none </dev/null' 2>/dev/null || misses bash "bash 4 or later in the PATH"
    timeout --version 2>/dev/null | grep -q GNU || misses coreutils "GNU's coreutils"
    for tool in make prove bats shellcheck clang-format clang-tidy dtc zsh; do
        first_of "$tool" "$tool-$FORM_VERSION" >/dev/null || misses "$tool" "$tool"
    done
    # The book is played at a terminal that this makes. Homebrew packages no modules of perl.
    perl -MIO::Pty -e 1 2>/dev/null ||
        misses iopty "perl's IO::Pty (where no package brings it: cpan IO::Pty)"
    command -v gdb-multiarch >/dev/null || GDB="" find_debugger
    builds -O0 || misses libc "the C library's headers"
    builds -fsanitize=address,undefined || misses sanitizers "clang's AddressSanitizer"
    builds -lcmocka || misses cmocka "cmocka"
    # Memory orders are tried where a package brings what tries them.
    if command -v apt-get >/dev/null; then
        echo "#include <relacy/relacy.hpp>" | "${CC:-clang}" -w -E -x c++ - >/dev/null 2>&1 ||
            misses relacy "relacy"
    fi
    if [[ ! $(why_not_32_bits) ]]; then
        builds "${FLAGS_32[@]}" -fsanitize=address,undefined || {
            misses libc32 "the C library for 32 bits"
            misses libgcc32 "libgcc for 32 bits"
        }
    fi
}
