#!/usr/bin/env bats
# What can be said of the sources without running them: form, and that what quotes a source quotes
# what is there. What alloc/ stands by is in alloc.bats.

load helpers

setup() {
    cd "$PROJECT" || return
}

# The project's files with one of these endings, a line each.
sources() {
    local ending
    for ending in "$@"; do
        find . -name "*.$ending" -not -path './build/*' -not -path './.git/*' \
            -not -path '*/node_modules/*'
    done | sort
}

# Run a command on the files that are named on standard input. They must be some.
run_on_files() {
    local files
    mapfile -t files
    ((${#files[@]} > 0)) || differs "files to run $1 on"
    run "$@" "${files[@]}"
}

@test "shellcheck finds nothing to say about the scripts" {
    run_on_files shellcheck -x < <(sources sh bash)
    ended_with 0
    # Each test is a subshell, and stubs are scripts in quotes.
    run_on_files shellcheck -x -s bats -e SC2030,SC2031,SC2016 < <(sources bats)
    ended_with 0
}

@test "clang-format would change nothing" {
    local form
    needs_form clang-format
    run_on_files "$form" --dry-run -Werror < <(sources c h)
    ended_with 0
}

@test "no line is longer than 100 columns, or ends with a space" {
    run_on_files env LC_ALL=C.UTF-8 grep -nE '^.{101,}|[[:space:]]$' < <(
        sources c h S ld sh bash bats mk mjs
        printf '%s\n' chapters/play chapters/*.pm tests/{clang,figures,Makefile,machine/Makefile}
    )
    # 1: there is none.
    ended_with 1
}

@test "no two scripts of tests/harts are the same" {
    run uniq -d < <(grep '^{' tests/harts/scripts | sort)
    says_nothing_but ""
    grep -q '^{' tests/harts/scripts
}

@test "every bats file and every script that is run can be executed" {
    local file
    for file in run.sh chapters/play tests/{clang,figures} tests/*.bats tests/machine/run.sh \
        site/machine/{build.sh,run.mjs}; do
        [[ -x $file && $(head -n 1 "$file") == '#!/usr/bin/env '* ]] || differs "$file is a program"
    done
}

# ---- what quotes sources ----

@test "each entry of tests/mutants/equivalent and faults is a mutant that can be made" {
    # shellcheck disable=SC2035 # names as they stand in the lists
    run tests/mutants/mutate.pl --check alloc/*.[ch] *.c memory/*.c
    ended_with 0
    says_nothing_but ""
}

@test "an entry of equivalent or faults that quotes no source any more is named with its line" {
    local line
    enter_copy
    sed -i.bak 's/return a < b ? a : b;/return a > b ? b : a;/' alloc/tree.c
    sed -i.bak 's/a->used -= n;/a->used = a->used - n;/' alloc/stage.h
    run tests/mutants/mutate.pl --check alloc/*.[ch]
    ended_with 1
    line=$(grep -n 'return a < b ? a : b; =>' tests/mutants/equivalent)
    says "tests/mutants/equivalent:${line%%:*}: alloc/tree.c has no 'return a < b ? a : b;' any"
    line=$(grep -n 'pages are not counted when they come back' tests/mutants/faults)
    says "tests/mutants/faults:${line%%:*}: nothing in alloc/stage.h is changed by s/a->used -= n;"
    ((${#lines[@]} == 2)) || differs "a line for each"
}

@test "what the narrow words and the fuzzers' tests edit is there" {
    run tests/host/narrow.sh check alloc/*
    ended_with 0
    run tests/fuzz/break.sh check
    ended_with 0
}

@test "a line that narrow words need and that has gone is named with what to edit" {
    enter_copy
    sed -i.bak 's/#define CHUNK /#define PIECE /' alloc/tree.c
    rm alloc/*.bak
    run tests/host/narrow.sh check alloc/*
    ended_with 1
    says "narrow.sh: nothing in alloc/ says '#define CHUNK' any more."
    says "edit DEFINES in tests/host/narrow.sh"
}

@test "a line that a fuzzer's test breaks and that has gone is named with what to edit" {
    enter_copy
    sed -i.bak 's/    if (layout.left)$/    if (is_left)/' common.c
    run tests/fuzz/break.sh check
    ended_with 1
    says "common.c has no line for 'printf'"
    says "edit tests/fuzz/break.sh"
}

@test "the book makes the files that are here" {
    run tests/check_book.sh
    ended_with 0
    says_nothing_but ""
}

@test "no chapter has more than 120 lines to type between two runs, or a file that nobody copies" {
    run chapters/play form
    ended_with 0
    says_nothing_but ""
}

@test "too many lines between two runs are named, and a file that is taken over and not copied" {
    enter_copy
    sed -i.bak '/-fsyntax-only trap.c$/s/^.*$/$ mkdir none/' chapters/05-panics-and-traps.md
    sed -i.bak 's/{workload.h,bench.c,/{workload.h,/' chapters/15-measuring.md
    run chapters/play form
    ended_with 1
    matches '^chapters/05-panics-and-traps.md:[0-9]+: this block ends [0-9]+ lines behind the last'
    matches '^chapters/15-measuring.md:[0-9]+: no cp here copies tests/bench/bench.c, which'
    ((${#lines[@]} == 2)) || differs "a line for each"
}

@test "all stages are those of alloc/stages.h, and each has its file" {
    local stage
    [[ $STAGES == *"bump bitmap"* ]] || differs "stages, not: $STAGES"
    for stage in $STAGES; do
        grep -q "^const struct alloc_stage ${stage}_stage = {" "alloc/$stage.c" ||
            differs "${stage}_stage in alloc/$stage.c"
    done
}
