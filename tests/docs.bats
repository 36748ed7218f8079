#!/usr/bin/env bats
# What is written for those who come to help, to read the code, or to take an allocator along: what
# it names is there, and its program runs. README.md has readme.bats.

load helpers

setup() {
    cd "$PROJECT" || return
}

DOCUMENTS=(CONTRIBUTING.md ARCHITECTURE.md CHANGELOG.md alloc/README.md)

# Every file or folder that a document names: behind a link, or between backquotes with a slash or
# an ending in it. Links are from the document's own folder. NAME and NN in a name stand for any.
paths_in() {
    local path
    while read -r path; do
        echo "$(dirname "$1")/$path"
    done < <(grep -oE '\]\([a-zA-Z.][^):]*\)' "$1" | tr -d '])(' | sed 's/#.*//')
    grep -oE '`[a-zA-Z0-9_./*{},-]+`' "$1" | tr -d '`' |
        LC_ALL=C grep -E '^[a-z0-9_./*{},-]+(/|/[a-z0-9_.-]+|\.(c|h|sh|bats|ld|txt))$|^[A-Z]+\.md$'
}

# Is there something with this path or pattern, from here or in alloc/?
exists() {
    local pattern
    for pattern in $(eval "echo $1"); do
        [[ -e $pattern || -e alloc/$pattern || $pattern == build/* ]] || return 1
    done
}

@test "every file that the documents name is there" {
    local document path count
    for document in "${DOCUMENTS[@]}"; do
        count=0
        while read -r path; do
            exists "$path" || differs "$path to exist: $document names it"
            count=$((count + 1))
        done < <(paths_in "$document")
        ((count > 0)) || differs "files that $document names"
    done
}

@test "a file that a document names and that is not there is noticed" {
    cd "$BATS_TEST_TMPDIR"
    echo 'See [it](gone.c), `gone/`, `tests/{a,b}.c`, `lost.h`; not `size_t`, `make x`.' >it.md
    run paths_in it.md
    says_nothing_but "./gone.c
gone/
tests/{a,b}.c
lost.h"
    mkdir tests
    touch tests/a.c
    run ! exists "tests/{a,b}.c"
    touch tests/b.c
    exists "tests/{a,b}.c"
}

@test "CONTRIBUTING.md is under 80 lines, and no document has a line over 100 columns" {
    (($(wc -l <CONTRIBUTING.md) < 80))
    run env LC_ALL=C.UTF-8 grep -nE '^[^|].{100,}' "${DOCUMENTS[@]}"
    ended_with 1
}

@test "CONTRIBUTING.md tells of the loop, of what quotes what, and of the figures" {
    local word
    run cat CONTRIBUTING.md
    for word in "chapters/play carry" "chapters/play accept" "./run.sh test quick" \
        "alloc/stages.h" "tests/mutants/equivalent" "tests/mutants/faults" "tests/fuzz/break.sh" \
        "tests/host/narrow.sh" "tests/figures refresh"; do
        says "$word"
    done
}

# What runs would leave in build/figures, with numbers that no run gives.
pretend_runs() {
    local size target figures=build/figures
    mkdir -p $figures/build/{host,host32}
    for size in test_states test_states_narrow; do
        echo "# bump, pages 1 to 2, added before: 5 states, 7 transitions, 111.0 s
# 9 bits flipped in 9 states: 9.000 % noticed, 91.000 % lead to other states, 0.000 % harmless
# words of 64 bits, together: 1111 states, 222000000 transitions
# 33300000 bits flipped in 2222 states: 12.300 % noticed, 87.700 % lead on, 0.000 % harmless" |
            tee "$figures/build/host/$size.t" >"$figures/long-$size.t"
    done
    echo 1..4444 | tee $figures/build/host/test_random.t >$figures/build/host32/one.t
    echo "16 of 16 files, 5555 pieces of code, 6666 sides of branches: 0 not covered" \
        >$figures/coverage
    printf '# %s\n' "a     | s     | pages 62 to 65, stock 1: 12345 worlds, 9 steps, 1.0 s" \
        "s     | t     | q       pages 60 to 63, stock 31: 777 worlds, 9999999 steps, 2.0 s" \
        "a fault: wrong: 1" "another: wrong: 2" "an order: DATA RACE" \
        >$figures/build/host/test_harts.t
    for target in alloc fdt printf; do
        echo "Done 77770 runs in 10 second(s)" >$figures/fuzz-$target
    done
    printf %s 3600 | tee $figures/long-seconds >$figures/mutants-seconds
    printf '%s\n' "  8888 mutants made" "  4321 are left" \
        "  1234 12.3 % killed by the self-test alone" >$figures/mutants
    printf %s 99.9.9 >$figures/host-compiler
    printf %s "99 cores (a fast one)" >$figures/cpu
    printf '1024,%s\n' "odd n=3,ns,tree,98.76,5.43,2.10,11.11" \
        "churn 50 % burst 1,ns,tree,66.60,10.00,1,2" "churn 99 % burst 1,ns,tree,77.70,10.00,1,2" \
        >$figures/times.csv
    printf '1024,mixed,%s,,,\n' "free 2 MiB blocks,tree,33" "free 2 MiB blocks,buddy,22" \
        "free 2 MiB blocks,radix,22" "of at most,tree,100" "of at most,buddy,100" \
        "of at most,radix,100" >>$figures/times.csv
}

# How many faults or orders a list of tests/harts has.
entries() {
    grep -c ': s/' "tests/harts/$1"
}

@test "each figure of README and chapter 23 that is not of instructions is found where it belongs" {
    local figure
    enter_copy
    pretend_runs
    run tests/figures refresh --measured states coverage ways host32 fuzz times states-long mutants
    ended_with 0
    says_nothing_but ""
    run cat README.md
    for figure in "| 2,222 states, 444.0 million transitions, 222 s; with" \
        '`FREERAM_LONG=1` 2,222 states, 444.0 million transitions, 60 minutes |' \
        "in 4,444 of the states | 66.6 million bits: 12.3 % noticed" "| 4444 tests; planted" \
        "| 2 scripts of up to 12,345 worlds; 2 of $(entries faults) faults and 1 of \
$(entries orders) weaker orders found |" \
        "x86-64 | 4444 tests |" "| 5555 pieces of code, 6666 sides of branches" \
        "| 7,800 sequences of calls per second, 7,800 trees, 7,800 formats |" \
        'makes 8888 mutants of `alloc/`, in 60 minutes of a core' "of 4321 that are not equal" \
        "the self-test alone kills 1234 (12.3 %)" \
        "| odd, n = 3 | n/a | 98.8 ns, ×5.4 (2.1 to 11.1) |" \
        "99 cores (a fast one), with clang 99.9.9 at -O2" "takes 6.7 to 7.8 ns" \
        "22 and 33 % are free"; do
        says "$figure"
    done
    run cat chapters/23-how-we-know.md
    for figure in "every state      1,111 states, 222,000,000 calls, with words of 64 bits" \
        "                  1,111 states, 222,000,000 calls, with words of 8 bits" \
        "flipped bits     66.6 million in 4,444 states: 12.3 % noticed" \
        "each second: 7,800 sequences of calls, 7,800 device trees, 7,800 formats" \
        "mutants          8,888; of 4,321 that differ, the self-test alone kills 1,234, the"; do
        says "$figure"
    done
    run tests/figures check --measured states coverage ways host32 fuzz times states-long mutants
    ended_with 0
}

# The blocks of C in alloc/README.md that have a file name above them, into a folder.
take_program() {
    awk -v folder="$1" '/^```c \[/ { name = $2; gsub(/[][]/, "", name); next }
        /^```/ { name = "" }
        name != "" { print >(folder "/" name) }' alloc/README.md
}

@test "the program in alloc/README.md compiles beside a copy of alloc/, and prints what it shows" {
    local shown
    find_tools
    take_program "$BATS_TEST_TMPDIR"
    shown=$(sed -n '/^```console/,/^```/p' alloc/README.md | grep -v '^```\|^\$ ')
    cp -R alloc "$BATS_TEST_TMPDIR/"
    cd "$BATS_TEST_TMPDIR"
    run "${HOST_CC:-$CC}" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        -fsanitize=address,undefined -o first first.c alloc/*.c
    ended_with 0
    run ./first
    ended_with 0
    says_nothing_but "$shown"
    [[ $shown ]]
}

@test "clangd has nothing to say about any file, as an editor would open it" {
    type -P clangd >/dev/null || skip "no clangd here"
    local file count=0
    while read -r file; do
        # Without a look at each word of the file: what an editor underlines is known before.
        run clangd --check="$PWD/$file" --check-lines=1-1
        ((status == 0)) || differs "nothing about $file"
        count=$((count + 1))
    done < <(find . -name '*.[ch]' -not -path './build/*' -not -path './.git/*' |
        sed 's,^\./,,' | sort)
    ((count > 50))
}

@test "clangd sees an unknown name in the kernel and in the host's tests" {
    type -P clangd >/dev/null || skip "no clangd here"
    local file
    enter_copy
    # enter_copy leaves out what begins with a dot.
    cp "$PROJECT/.clang-tidy" .
    for file in alloc/bump.c tests/host/test_words.c; do
        echo 'int missed(void); int missed(void) { return unknown; }' >>"$file"
        run clangd --check="$PWD/$file" --check-lines=1-1
        ((status != 0)) || differs "a complaint about $file"
        says "undeclared identifier 'unknown'"
    done
}
