#!/usr/bin/env bats
# The player of the book: what run.sh writes and compares, and that it notices what drifts apart.
# The chapters themselves are played by build/book/*.t.

load helpers

setup() {
    enter_copy
}

@test "chapter 1 is written into a folder, and its kernel boots" {
    run ./run.sh chapter 1
    ended_with 0
    says_nothing_but "$PWD/build/chapter-1: the kernel as it is after chapter 1"
    run build/chapter-1/run.sh
    ended_with 0
    matches '^Domain0 Next Address *: 0x0000000080200000'
}

@test "a folder that is not empty is not written to" {
    mkdir mine
    echo "precious" >mine/kernel.c
    run ./run.sh chapter 1 mine
    ended_with 1
    says_nothing_but "run.sh: $PWD/mine is not empty: nothing was written"
    [[ $(ls mine) == kernel.c && $(<mine/kernel.c) == precious ]]
}

@test "a folder is the caller's, wherever run.sh is" {
    mkdir elsewhere
    cd elsewhere
    run ../run.sh chapter 1 mine
    ended_with 0
    [[ -x mine/run.sh ]]
    run ../run.sh chapter 1 mine --diff
    says_nothing_but "$PWD/mine is as it is after chapter 1"
}

@test "--diff shows what differs, what is missing and what is too much" {
    ./run.sh chapter 1 mine
    sed -i.before 's/0x5555/0x5556/' mine/kernel.c
    rm mine/run.sh
    echo "int extra;" >mine/extra.c
    run ./run.sh chapter 1 mine --diff
    ended_with 0
    says_line "-    *(volatile uint32_t *) 0x100000 = 0x5555;"
    says_line "+    *(volatile uint32_t *) 0x100000 = 0x5556;"
    says_line "only in chapter 1: run.sh"
    says_line "only in yours: extra.c"
}

@test "wrong words for chapter are refused" {
    run ./run.sh chapter
    refuses_with "chapter needs a number, as in: chapter 6"
    run ./run.sh chapter 1 mine yours
    refuses_with "chapter takes a number and a folder: 'yours' is too much"
    run ./run.sh chapter 99
    ended_with 2
    matches '^run.sh: chapter 99: there are 1 to [0-9]+$'
    run ./run.sh --diff all
    refuses_with "--diff is for chapter"
}

# ---- what drifts apart is noticed ----

# The line of a chapter that has some text: chapters/FILE:LINE.
place_in() {
    grep -nF -- "$2" "chapters/$1" | sed -n "1s/^\([0-9]*\):.*/chapters\/${1//\//\\/}:\1/p"
}

# Playing chapter $1 fails and says so at this place.
fails_at() {
    run chapters/play test "$1"
    ended_with 1
    says "# $2: "
}

@test "one character changed in a code block fails the chapter at the command that fails" {
    sed -i.before 's/__bss_end = \./__bss_emd = ./' chapters/02-boot.md
    fails_at 2 "$(place_in 02-boot.md '$ ./run.sh >/dev/null')"
    says_line "#     ld.lld: error: undefined symbol: __bss_end"
}

@test "one character changed in a comment fails the chapter that completes its file" {
    sed -i.before 's/behind the names/behind the namex/' chapters/05-panics-and-traps.md
    fails_at 6 "$(place_in 05-panics-and-traps.md 'read behind the namex')"
    matches '^# the repository:  \* read behind the names\.'
}

@test "one character changed in an expected output fails the chapter, with each such line" {
    sed -i.before -e 's/^QEMU emulator version …/QEMU simulator version …/' \
        -e 's/^Domain0 Next Address      : 0x0000000080200000/&1/' chapters/01-set-up.md
    fails_at 1 "$(place_in 01-set-up.md 0x00000000802000001)"
    says_line "#     Domain0 Next Address      : 0x00000000802000001"
    says "# $(place_in 01-set-up.md 'QEMU simulator'): "
}

@test "one character changed in a source file fails the chapter that completes it, at each place" {
    sed -i.before -e 's/read behind the names/read behind the namex/' \
        -e 's/__data\[\], __free_ram/__data[], __free_rom/' image.h
    fails_at 6 "$(place_in 06-pages.md '__data[], __free_ram[]')"
    says_line '# the repository:     __data[], __free_rom[], __free_ram_end[];'
    says "# $(place_in 05-panics-and-traps.md 'read behind the names'): "
}

@test "one character changed in a diff's old line fails the chapter, with its line" {
    sed -i.before 's/^-.*-Wl,-N.*/&x/' chapters/02-boot.md
    fails_at 2 "$(place_in 02-boot.md '-Wl,-N')"
    says "run.sh has no such line here"
}

@test "a block whose label names another file, or another place in it, fails the chapter" {
    sed -i.before -e 's/^\*\*`run.sh`\*\*, new:/**`build.sh`**, new:/' chapters/01-set-up.md
    run chapters/play test 1
    ended_with 1
    says "$(place_in 01-set-up.md '```bash [run.sh]'): the label above says build.sh, and the block"
    mv chapters/01-set-up.md.before chapters/01-set-up.md
    sed -i.before -e 's/^\*\*`run.sh`\*\*, new:/**`run.sh`**, at the end:/' chapters/01-set-up.md
    fails_at 1 "$(place_in 01-set-up.md '```bash [run.sh]')"
    says "the label above says 'at the end', and has to say 'new'"
}

@test "a block without a label is refused, and told what its label is" {
    sed -i.before '/^\*\*`run.sh`\*\*, new:/d' chapters/01-set-up.md
    run chapters/play test 1
    ended_with 1
    says "$(place_in 01-set-up.md '```bash [run.sh]'): the line above this block has to be its"
    says '**`run.sh`**, new: or, at the end: or, changed:'
}

@test "a label that is wrong in a solution is noticed by carry" {
    sed -i.before 's/^\*\*`kernel.c`\*\*, changed:/**`kernel.c`**, new:/' chapters/solutions/01-1.md
    run chapters/play carry
    ended_with 1
    says "$(place_in solutions/01-1.md '```diff [kernel.c]'): left to you: the label above says"
}

@test "a hunk that begins inside of a function and does not name it fails the chapter" {
    sed -i.before 's/^@@ clang --target$/@@/' chapters/02-boot.md
    fails_at 2 "$(grep -n '^@@$' chapters/02-boot.md | sed -n '2s/:.*//p' |
        sed 's/^/chapters\/02-boot.md:/')"
    says "this hunk is behind another line: @@ clang --target=riscv64-unknown-elf"
}

@test "a hunk that names another function than the one it is in fails the chapter" {
    sed -i.before 's/^@@ static _Noreturn void kernel_main(.*/@@ void boot(void)/' \
        chapters/03-a-console.md
    fails_at 3 "$(place_in 03-a-console.md '@@ void boot(void)')"
    matches 'this hunk is behind another line: @@ .*void kernel_main\('
}

@test "a diff that does not begin with @@ is refused" {
    sed -i.before '/^@@ clang --target$/d' chapters/02-boot.md
    fails_at 2 "$(place_in 02-boot.md '-    -std=c11 -ffreestanding')"
    says "a hunk begins with @@"
}

@test "a file in a folder that no command has made fails the chapter" {
    sed -i.before 's/^\$ mkdir alloc/$ mkdir other/' chapters/06-pages.md
    fails_at 6 "$(place_in 06-pages.md '```c [alloc/alloc.h]')"
    says "no command has made the folder alloc"
}

@test "an end with another status than 0 fails the chapter" {
    sed -i.before 's/ = 0x5555;/ = 0x13333;/' chapters/01-set-up.md
    run chapters/play test 1
    ended_with 1
    says "not ok 2 - after chapters/01-set-up.md the kernel builds without a warning"
}

@test "a chapter behind one that is missing is skipped, and says so" {
    rm chapters/02-boot.md
    run chapters/play test 3
    ended_with 0
    says_nothing_but "1..0 # SKIP a chapter up to 3 is not there yet"
}

@test "when the last chapter is there every file must be the repository's" {
    # A book of two chapters makes no kernel.
    sed -i.before '/^[3-9]\. \|^[12][0-9]\. /d' chapters/README.md
    rm -f chapters/0[3-9]-* chapters/[12]*
    run chapters/play test 2
    ended_with 1
    matches '^not ok [0-9]+ - after the last chapter every file is the repository'
    says "the book makes no alloc/alloc.c"
}

@test "every chapter and solution that is there is one of the contents page" {
    local file
    for file in "$PROJECT"/chapters/*.md; do
        file=${file##*/}
        [[ $file == README.md ]] || grep -q "^${file%%-*}\. \[.*\]($file)" \
            <(sed 's/^\([0-9]\)\. /0\1. /' "$PROJECT/chapters/README.md") || differs "$file listed"
    done
    for file in "$PROJECT"/chapters/solutions/*.md; do
        file=${file##*/}
        compgen -G "$PROJECT/chapters/${file%-*}-*.md" >/dev/null || differs "a chapter of $file"
    done
}

# ---- a reader's terminal ----

# Make mine.md, with a console block of these lines.
typed() {
    printf '%s\n' '```console' "$@" '```' >>mine.md
}

# mine.md prints what it shows in both shells.
plays_in_both() {
    local shell
    for shell in bash zsh; do
        BOOK_SHELL=$shell run chapters/play transcripts mine.md
        ended_with 0
    done
}

# In shell $1 it does not, and $2 says how.
fails_in() {
    BOOK_SHELL=$1 run chapters/play transcripts mine.md
    ended_with 1
    says "$2"
}

@test "consoles are played at a terminal of 80 columns, in an interactive shell, in bash and zsh" {
    typed '$ test -t 0 && test -t 1 && test -t 2; echo $?' 0 \
        '$ stty size' '24 80' \
        '$ case $- in *i*) echo interactive ;; esac' interactive \
        '$ cd / && pwd' / '$ echo $? $(exit 3) $?' '0 3' \
        '$ for i in 1 2; do' '>     echo $i' '> done' 1 2 \
        '$ printf "no new line"' 'no new line'
    plays_in_both
}

@test "colours, returns and what a shell says of jobs that end are no output" {
    typed '$ printf "\033[1;31mred\033[0m \r\n"' red \
        '$ sleep 0 &' '$ wait; sleep 1000 & sleep 2000 &' '$ kill %%; sleep 0.1; echo done' 'done'
    plays_in_both
}

@test "what a block leaves running ends with it, whatever process group it is in" {
    local running
    typed '$ (trap "" HUP TERM; sleep 4321.5) &' '$ sleep 4321.5 | cat &'
    plays_in_both
    running=$(pgrep -fx 'sleep 4321.5') || true
    [[ ! $running ]] || differs "no sleep to be left"
}

@test "a program in the background that the terminal stops fails its block in both shells" {
    typed '$ cat &' '$ until jobs | grep -q -e Stopped -e suspended; do :; done' \
        '$ kill -KILL %1'
    fails_in bash "Stopped"
    fails_in zsh "suspended (tty input)"
}

@test "the first run.sh of the book runs in the background of a terminal" {
    ./run.sh chapter 1 mine
    typed '$ (mine/run.sh >/dev/null 2>&1; echo $? >ended) &' \
        '$ until [ -s ended ] || jobs | grep -q -e Stopped -e suspended; do sleep 0.1; done' \
        '$ cat ended; rm ended' 0
    plays_in_both
    sed -i.before 's# </dev/null$##' mine/run.sh
    fails_in bash "Stopped"
    fails_in zsh "suspended (tty output)"
}

@test "what only one of the two shells knows fails in the other" {
    typed '$ false | true' '$ echo ${PIPESTATUS[0]}' 1
    BOOK_SHELL=bash run chapters/play transcripts mine.md
    ended_with 0
    fails_in zsh "mine.md:4: this is not what is printed"
}

@test "of two blocks the first is played in bash and the second in zsh, unless BOOK_SHELL says" {
    typed '$ echo ${ZSH_VERSION:+zsh}bash' bash
    typed '$ echo ${BASH_VERSION:+bash}zsh' zsh
    run chapters/play transcripts mine.md
    ended_with 0
    fails_in zsh "mine.md:3: this is not what is printed"
    BOOK_SHELL=fish run chapters/play transcripts mine.md
    ended_with 1
    says_line "run.sh: BOOK_SHELL=fish: the book is played in bash or in zsh"
}

# ---- an edit of the sources is carried into the book ----

# The book makes the repository's files again, and there is nothing more to carry.
is_carried() {
    run chapters/play carry
    ended_with 0
    says_nothing_but ""
}

@test "carry says nothing where the book makes what the repository has" {
    cp -R chapters before
    is_carried
    run diff -r before chapters
    says_nothing_but ""
}

@test "a comment that changed is carried to the block that it comes from" {
    sed -i.before 's/What C cannot say of RISC-V/What B cannot say of RISC-V/' riscv.h
    run chapters/play carry
    ended_with 0
    says_nothing_but "riscv.h: 1 line, 1 place (02-boot.md)"
    [[ $(place_in 02-boot.md 'What B cannot say') ]] || differs "the new line in chapter 2"
    is_carried
}

@test "a line that is new between two of a block is carried, also where a solution quotes both" {
    sed -i.before '/^    bool touches = /i\    /* One more. */' alloc/alloc.c
    run chapters/play carry
    ended_with 0
    says_nothing_but "alloc/alloc.c: 1 line, 3 places (07-bump.md, solutions/08-3.md)"
    is_carried
}

@test "a line that is gone is taken out of its block and of what quotes it" {
    sed -i.before '/^    bool touches = /i\    /* Gone soon. */' alloc/alloc.c
    run chapters/play carry
    ended_with 0
    grep -rqF 'Gone soon' chapters || differs "the line in the book"
    mv alloc/alloc.c.before alloc/alloc.c
    run chapters/play carry
    ended_with 0
    says_nothing_but "alloc/alloc.c: 1 line, 3 places (07-bump.md, solutions/08-3.md)"
    run diff -r -x '*.before' "$PROJECT/chapters" chapters
    says_nothing_but ""
}

@test "a function that was renamed is renamed in every chapter and solution, and prose is named" {
    sed -i.before 's/\balloc_pages\b/fetch_pages/g' ./*.[ch] memory/*.[ch] alloc/*.[ch] \
        tests/selftest*.[ch] tests/bench/*.[ch]
    run chapters/play carry
    ended_with 0
    matches '^alloc_pages is fetch_pages now: [0-9]+ lines of blocks, diffs and commands$'
    says_line "$(place_in 06-pages.md 'The names `__free_ram` and')"': prose mentions `alloc_pages`'
    grep -qF '+static paddr_t fetch_pages(size_t n) {' chapters/06-pages.md ||
        differs "the name in a line that a later chapter takes away"
    grep -qF 'fetch_pages' chapters/solutions/06-2.md || differs "the name in a solution"
    is_carried
}

@test "new lines between lines of two chapters are left to the author, who may choose" {
    local early
    sed -i.before 's|^    console_init();|&\n    /* Now. */|' kernel.c
    early=$(place_in 03-a-console.md '+    console_init();')
    cp -R chapters before
    run chapters/play carry
    ended_with 1
    matches "^$early: left to you: kernel.c:[0-9]+: the new lines may stand in several places\$"
    says_line "    behind $early: chapters/play carry $early"
    says "before chapters/04-printf.md:"
    run diff -r before chapters
    says_nothing_but ""
    run chapters/play carry "$early"
    ended_with 0
    is_carried
}

@test "a function goes to no chapter that does not have yet what it calls" {
    sed -i.before '/^__attribute__((used)) static _Noreturn void kernel_main(/i\
static void print_both(void) {\
    map_print("memory", \&machine.memory);\
}\
' kernel.c
    cp -R chapters before
    run chapters/play carry
    ended_with 1
    says ": map_print comes up only in chapter 17: a diff has to bring the new lines"
    run diff -r before chapters
    says_nothing_but ""
}

@test "what a solution puts in the place of a line that changed is left to the author" {
    sed -i.before 's/^    \. += 64M;/    . += 32M;/' kernel.ld
    run chapters/play carry
    ended_with 1
    says_line "kernel.ld: 1 line, 2 places (06-pages.md, solutions/15-2.md)"
    matches '^chapters/solutions/15-2.md:[0-9]+: left to you: it replaces a line that has changed'
    is_carried
}

@test "a file that no chapter makes is named, with what to do" {
    echo "int extra;" >extra.c
    run chapters/play carry
    ended_with 1
    says "extra.c: left to you: the book makes no extra.c. Give it a block, \`\`\`c [extra.c], in "
}

@test "a file that was moved is renamed in fences and links" {
    mv memory/map.h map.h
    run chapters/play rename memory/map.h map.h
    ended_with 0
    run grep -nE '\[memory/map\.h\]' chapters/*.md
    says_nothing_but ""
    run chapters/play carry
    ended_with 0
}

# ---- what other tools print otherwise ----

# Play the text on standard input with tools that are, or are not, those of the contents page.
plays_with() {
    cat >mine.md
    run env BOOK_TOOLS="$1" chapters/play transcripts mine.md
}

console() {
    printf '```console%s\n' "${1:+ $1}"
    shift
    printf '%s\n' "$@" '```'
}

@test "a value that varies is what was printed for it, wherever it recurs" {
    plays_with other < <(console 'varies 0x80001234' '$ echo at 0x8000abcd, at 8000abcd' \
        'at 0x80001234, at 80001234'; console '' '$ echo 0x000000008000abcd' 0x0000000080001234)
    ended_with 0
    plays_with other < <(console 'varies 0x80001234' '$ echo at 0x8000abcd, at 8000abce' \
        'at 0x80001234, at 80001234')
    ended_with 1
    says_line "mine.md:3: this is not what is printed:"
    plays_with other < <(console 'varies 0x80001234' '$ echo 0x8000abcd' 0x80001234
        console '' '$ echo 0x8000abce' 0x80001234)
    ended_with 1
    says_line "mine.md:7: this is not what is printed:"
}

@test "what was printed for a value is typed in later commands" {
    plays_with other < <(console 'varies 0x80001234 97' '$ echo 0x8000abcd 42' '0x80001234 97'
        console '' '$ echo 0x80001234 97 1097 >typed')
    ended_with 0
    [[ $(<typed) == "0x8000abcd 42 1097" ]] || differs "0x8000abcd 42 1097, not $(<typed)"
}

@test "a value that is computed of another has to fit it" {
    plays_with other < <(console 'varies 0x80001234 0x80001238=0x80001234+4' \
        '$ echo 0x8000abcd, 0x8000abd1' '0x80001234, 0x80001238')
    ended_with 0
    plays_with other < <(console 'varies 0x80001234 0x80001238=0x80001234+4' \
        '$ echo 0x8000abcd, 0x8000abd2' '0x80001234, 0x80001238')
    ended_with 1
    says_line "mine.md:3: this is not what is printed:"
    plays_with other < <(console 'varies 0x80001238=0x80001234+4' '$ true')
    ended_with 1
    says_line "mine.md:1: 0x80001234, which 0x80001238 is computed of, is not named before it"
}

@test "what is shown for a value may vary, and nothing else" {
    plays_with other < <(console 'varies 0x80001234' '$ echo 0x8000abcd in f' '0x80001234 in g')
    ended_with 1
    plays_with other < <(console '' '$ echo 0x8000abcd in f' '0x80001234 in f')
    ended_with 1
}

@test "a block shows each value that it names, and does not type what only it prints" {
    plays_with reference < <(console 'varies 0x80001234' '$ echo 0x80001235' 0x80001235)
    ended_with 1
    says_line "mine.md:1: 0x80001234 varies, and this block does not show it"
    plays_with reference < <(console 'varies 0x80001234' '$ echo 0x80001234' 0x80001234)
    ended_with 1
    says "mine.md:2: 0x80001234 is printed by this block: what is typed then is for a block of its"
    plays_with reference < <(console 'varies 0xgood' '$ true')
    ended_with 1
    says "mine.md:1: '0xgood' is no name:"
}

@test "prose that tells of a value that varies is refused" {
    plays_with reference < <(console 'varies 0x80001234' "$ printf '0x%x\n' 2147488308" 0x80001234
        echo "The address is 0x80001234.")
    ended_with 1
    says_line "mine.md:5: prose tells of 0x80001234, which varies"
}

@test "under the reference tools all is compared as it stands, under others what varies is not" {
    local text
    for text in "$(console '' "$ echo 'a   : b'" 'a : b')" \
        "$(console 'varies 0x12' '$ echo 0x34' 0x12)" \
        "$(console counts '$ echo 99 to free' '98 to free')"; do
        plays_with other <<<"$text"
        ended_with 0
        plays_with reference <<<"$text"
        ended_with 1
        says_line "mine.md:3: this is not what is printed:"
    done
}

@test "counts are compared by their order and by the words between them" {
    local words=("$ echo '16 MiB: 70 to allocate, 63 to free'; echo 1310862 to allocate")
    plays_with other < <(console counts "${words[@]}" '16 MiB: 87 to allocate, 67 to free' \
        '1835183 to allocate')
    ended_with 0
    plays_with other < <(console counts '$ echo 100 pages: 97' '100 pages: 157')
    ended_with 0
    plays_with other < <(console counts "${words[@]}" '16 MiB: 87 to allocate, 167 to free' \
        '1835183 to allocate')
    ended_with 1
    says "mine.md:2: shown are 87 and 167, printed in their places 70 and 63"
    plays_with other < <(console counts "${words[@]}" '16 KiB: 87 to allocate, 67 to free' \
        '1835183 to allocate')
    ended_with 1
    plays_with other < <(console counts "${words[@]}" '16 MiB: 87 to allocate, 67 to free' '' \
        '1835183 to allocate')
    ended_with 1
}

@test "counts of one block are in order from command to command" {
    plays_with other < <(console counts '$ echo 900 instructions' '100 instructions' \
        '$ echo 300 instructions' '200 instructions')
    ended_with 1
    says "mine.md:4: shown are 100 and 200, printed in their places 900 and 300"
}

@test "numbers of a disassembly may be written in the other base, and have to be the same" {
    plays_with other < <(console '' "$ printf '80200002:      \taddi\tsp, sp, -0x10\n'" \
        $'80200002:\taddi\tsp, sp, -16')
    ended_with 0
    plays_with other < <(console '' "$ printf '80200002:      \taddi\tsp, sp, -0x16\n'" \
        $'80200002:\taddi\tsp, sp, -16')
    ended_with 1
}

@test "the reference tools are those that the contents page names" {
    stub "$PWD/clang" <<<'echo 14.0.6'
    stub "$PWD/qemu-system-riscv64" <<'END'
if [[ $1 == --version ]]; then echo "QEMU emulator version 7.2.22"; else echo "OpenSBI v1.1"; fi
END
    console counts '$ echo 99 to free' '98 to free' >mine.md
    PATH=$PWD:$PATH run chapters/play transcripts mine.md
    ended_with 1
    sed -i.before 's/1\.1/1.6/' qemu-system-riscv64
    PATH=$PWD:$PATH run chapters/play transcripts mine.md
    ended_with 0
}

# ---- what is printed is accepted ----

@test "accept puts in what is printed, and keeps every … that still fits" {
    cp chapters/01-set-up.md wanted.md
    sed -i.before -e 's/^    riscv64    - 64-bit/    riscv64    - 63-bit/' \
        -e 's/^QEMU emulator version …/QEMU simulator version …/' \
        -e 's/^Domain0 Next Address      : 0x0000000080200000/&1/' chapters/01-set-up.md
    run chapters/play accept 1
    ended_with 0
    says_line "-QEMU simulator version …"
    says_line "+QEMU emulator version …"
    run diff -b wanted.md chapters/01-set-up.md # -b: tools differ in spaces
    says_nothing_but ""
}

@test "accept renames a value that varies, above its block and in later commands" {
    { console 'varies 0x80001234 0x80001238=0x80001234+4' '$ printf "%s\n" one 0x8000abcd' \
        one 0x80001234; console '' '$ echo 0x80001238, 0x80001234' '0x80001238, 0x80001234'; } \
        >mine.md
    sed -e s/0x80001234/0x8000abcd/g -e s/0x80001238/0x8000abd1/g mine.md >wanted.md
    run env BOOK_TOOLS=reference chapters/play accept mine.md
    ended_with 0
    run diff wanted.md mine.md
    says_nothing_but ""
}

@test "what varies is not accepted with other tools than the reference" {
    console counts '$ echo 99 to free' '98 to allocate' >mine.md
    cp mine.md wanted.md
    run env BOOK_TOOLS=other chapters/play accept mine.md
    ended_with 1
    says "# mine.md:2: what it prints varies, and is accepted with the tools that "
    run diff wanted.md mine.md
    says_nothing_but ""
}

@test "what a command that fails prints is not accepted" {
    printf '%s\n' '```console' '$ echo one' two '$ echo no; false' yes '```' >mine.md
    run chapters/play accept mine.md
    ended_with 1
    says_line "# mine.md:4: the command fails, and nothing is accepted:"
    run cat mine.md
    says_line "one"
    says_line "yes"
}

# ---- what every chapter has ----

# The chapters that are there.
chapters_here() {
    printf '%s\n' "$PROJECT"/chapters/[0-9]*.md
}

@test "every chapter has two to five exercises, each with a solution that is there" {
    local chapter number count exercise file
    while read -r chapter; do
        number=${chapter##*/}
        number=${number%%-*}
        run sed -n '/^## Exercises$/,/^## /p' "$chapter"
        count=$(grep -c '^[1-9]\. ' <<<"$output") || differs "exercises in $chapter"
        ((count >= 2 && count <= 5)) || differs "2 to 5 exercises in $chapter"
        for ((exercise = 1; exercise <= count; exercise++)); do
            file=solutions/$number-$exercise.md
            says "($file)"
            [[ -f $PROJECT/chapters/$file ]] || differs "$file to exist"
        done
    done < <(chapters_here)
}

@test "every chapter says what to do if it does not work" {
    local chapters
    mapfile -t chapters < <(chapters_here)
    run grep -L '^## If it does not work$' "${chapters[@]}"
    says_nothing_but ""
}

@test "every chapter ends with links to the one before, the contents and the next" {
    local listed count at before next chapter
    mapfile -t listed < <(sed -n 's/^[0-9]*\. \[\(.*\)\](\(.*\)):.*/\1](\2)/p' \
        "$PROJECT/chapters/README.md")
    count=${#listed[@]}
    ((count == $(chapters_here | wc -l))) || differs "each chapter in the contents"
    for ((at = 0; at < count; at++)); do
        before="" next=""
        ((at == 0)) || before="[← ${listed[at - 1]} · "
        ((at == count - 1)) || next=" · [${listed[at + 1]/]/ →]}"
        chapter=${listed[at]#*](}
        run tail -n 1 "$PROJECT/chapters/${chapter%)}"
        says_nothing_but "${before}[Contents](README.md)$next"
    done
}

@test "every chapter has 800 to 2,500 words beside its blocks" {
    local chapter words
    while read -r chapter; do
        words=$(sed '/^```/,/^```/d' "$chapter" | wc -w)
        ((words >= 800 && words <= 2500)) || differs "800 to 2,500 words in $chapter, not $words"
    done < <(chapters_here)
}

@test "a player that is told to end leaves nothing in the folder for temporary files" {
    local signal pid
    mkdir temporary
    printf '%s\n' '```console' '$ echo begun >begun; sleep 1000' '```' >mine.md
    for signal in INT TERM HUP; do
        rm -f begun
        # What runs in the background is deaf to SIGINT by itself.
        TMPDIR=$PWD/temporary env --default-signal=INT chapters/play transcripts mine.md "$PWD" \
            >out 2>&1 3>&- &
        pid=$!
        wait_for begun begun
        [[ $(ls temporary) ]] || differs "something there while it plays"
        kill -$signal $pid
        wait_to_end $pid out
        ((status != 0)) || differs "no success"
        run ls temporary
        says_nothing_but ""
    done
}

@test "no line of a chapter is longer than 100 columns, but for what commands print" {
    local chapter
    while read -r chapter; do
        # The sign of a diff's line is no part of the line, and the last line is links.
        run env LC_ALL=C.UTF-8 grep -nE '^.{101,}' <(sed -e '/^```console/,/^```/d' -e '$d' \
            -e '/^```diff/,/^```/s/^[-+ ]//' "$chapter")
        says_nothing_but ""
    done < <(chapters_here)
}
