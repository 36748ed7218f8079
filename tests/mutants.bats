#!/usr/bin/env bats
# Samples of the mutants of the kernel's sources: the tests kill each, or it is listed as
# equivalent. For all of them: tests/mutants/run.sh

load helpers

@test "the tests kill a sample of the mutants of alloc/" {
    enter_copy
    find_tools
    run tests/mutants/run.sh -n 149 alloc/*.[ch]
    ended_with 0
    matches '^ +[1-9][0-9]+ are left$'
    says_not survivor
}

# Every mutant of these files was judged.
@test "the tests kill a sample of the mutants of other files, one of them in a boot" {
    enter_copy
    find_tools
    run tests/mutants/run.sh -n 155 common.c memory/fdt.c sbi.c
    ended_with 0
    matches '^ +[1-9][0-9]* are left$'
    says_not survivor
    # Nothing but a boot has sbi.c in it.
    grep -q $'^killed by .*\tsbi\.c:' build/mutants/report || differs "one killed by a boot"
}

@test "a mutant that no test notices is reported with its file and line" {
    enter_copy
    find_tools
    # The self-test takes nothing for a failure, and few of the other tests are left.
    sed -i -e 's/^    if (found == expected || test_failed)$/    if (true)/' \
        -e 's/^    if (test_failed || page_problem_text(a, text) == NULL)$/    if (true)/' \
        tests/selftest.c
    sed -i -e '/^quick="/,/"$/c quick=test_words' -e 's/^slow=.*/slow=test_explore/' \
        tests/mutants/run.sh
    run tests/mutants/run.sh -n 29 alloc/bump.c
    ended_with 1
    matches '^survivor: alloc/bump\.c:[1-9][0-9]*: .* => '
}

@test "mutants refuses what is no source of the kernel and no number" {
    local file
    cd "$PROJECT"
    for file in fdt.c kernel.h kernel.ld tests/crash.c memory/fdt.h /etc/passwd; do
        run tests/mutants/run.sh "$file"
        ended_with 2
        says_nothing_but "mutants: no source of the kernel: $file"
    done
    run tests/mutants/run.sh -n none
    ended_with 2
    says_nothing_but "mutants: -n needs a number"
}
