#!/usr/bin/env bats
# The README's transcripts are what the commands print.

load helpers

@test "every console block of the README shows what its command prints" {
    enter_copy
    # A terabyte is dear where page faults are: a busy machine may need minutes to clear its tables.
    TIME_LIMIT=300 run chapters/play transcripts README.md
    ended_with 0
    matches '^README.md: ([2-9]|[1-9][0-9]+) commands print what is shown$'
}

@test "a line of the README's transcripts that is not printed is named" {
    enter_copy
    printf '%s\n' '```console' '$ echo one; echo two' one … three '$ false' '```' >mine.md
    run chapters/play transcripts mine.md
    ended_with 1
    says_line "mine.md:5: this is not what is printed:"
    says_line "mine.md:6: the command ends with status 1"
}

@test "every file that the README names is there" {
    local file
    while read -r file; do
        [[ -e $PROJECT/$file ]] || differs "$file to exist"
    done < <(grep -oE '\]\([a-zA-Z][^):]*\)' "$PROJECT/README.md" | tr -d '])(')
}
