#!/usr/bin/env bats
# A sample of the mutants of alloc/: the tests kill each, or it is listed as equivalent. For all of
# them: tests/mutants/run.sh

load helpers

@test "the tests kill a sample of the mutants of alloc/" {
    enter_copy
    find_tools
    run tests/mutants/run.sh -n 149
    ended_with 0
    matches '^ +[1-9][0-9]+ are left$'
    says_not survivor
}

@test "a fault that no test looks for is a survivor, and is named" {
    enter_copy
    find_tools
    # Of all tests, only the one of errors, and a self-test that does nothing.
    sed -i.bak 's/for name in random alloc errors free ranges buddy/for name in errors/' \
        tests/host/build.sh
    ! cmp -s tests/host/build.sh tests/host/build.sh.bak || differs "a change of tests/host/build.sh"
    sed -i.bak 's/bool ok = program(.*/bool ok = true; (void) program;/' tests/host/selftest_host.c
    printf '%s\n' 'alloc/bump.c: lost pages are not counted: s/a->used \+= bump->next - gap\.first;/a->used += 0;/' \
        >tests/mutants/faults
    number=$(($(mkdir made && tests/mutants/mutate.pl made alloc/bump.c | wc -l)))
    run tests/mutants/run.sh -n "$number" alloc/bump.c
    ended_with 1
    matches '^survivor: alloc/bump\.c:[0-9]+: lost pages are not counted: '
}

@test "mutants refuses what is no file of alloc/ and no number" {
    cd "$PROJECT"
    run tests/mutants/run.sh fdt.c
    ended_with 2
    says_nothing_but "mutants: no file of alloc/: fdt.c"
    run tests/mutants/run.sh -n none
    ended_with 2
    says_nothing_but "mutants: -n needs a number"
}
