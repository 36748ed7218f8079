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

@test "mutants refuses what is no file of alloc/ and no number" {
    cd "$PROJECT"
    run tests/mutants/run.sh fdt.c
    ended_with 2
    says_nothing_but "mutants: no file of alloc/: fdt.c"
    run tests/mutants/run.sh -n none
    ended_with 2
    says_nothing_but "mutants: -n needs a number"
}
