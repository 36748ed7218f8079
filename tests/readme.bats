#!/usr/bin/env bats
# The README's transcripts are what the commands print.

load helpers

# Does the output match the expected lines of a transcript? A line of one … stands for any number of
# lines, and a … within a line for anything.
matches_transcript() {
    local -a wanted printed
    local line i=0 skipping=""
    mapfile -t wanted <<<"$1"
    mapfile -t printed <<<"$output"
    for line in "${wanted[@]}"; do
        if [[ $line == … ]]; then
            skipping=yes
            continue
        fi
        while [[ $skipping && $i -lt ${#printed[@]} ]] && ! is_line "${printed[i]}" "$line"; do
            i=$((i + 1))
        done
        skipping=""
        is_line "${printed[i]-}" "$line" || differs "line $((i + 1)): $line" || return
        i=$((i + 1))
    done
    [[ $skipping ]] || ((i == ${#printed[@]})) || differs "no more lines than $i"
}

# is_line FOUND EXPECTED
is_line() {
    local pattern
    printf -v pattern %q "$2"
    pattern=${pattern//…/*}
    # shellcheck disable=SC2053 # a pattern is what it is
    eval "[[ \$1 == $pattern ]]"
}

@test "every console block of the README shows what its command prints" {
    enter_copy
    local line inside="" command="" expected="" blocks=0
    while IFS= read -r line; do
        if [[ $line == '```console' ]]; then
            inside=yes command="" expected=""
        elif [[ $inside && $line == '```' ]]; then
            inside=""
            run bash -c "$command"
            ended_with 0
            matches_transcript "$expected"
            blocks=$((blocks + 1))
        elif [[ $inside && $line == '$ '* ]]; then
            command=${line#'$ '}
        elif [[ $inside ]]; then
            expected+=${expected:+$'\n'}$line
        fi
    done <README.md
    ((blocks >= 2))
}

@test "every file that the README names is there" {
    local file
    while read -r file; do
        [[ -e $PROJECT/$file ]] || differs "$file to exist"
    done < <(grep -oE '\]\([a-zA-Z][^):]*\)' "$PROJECT/README.md" | tr -d '])(')
}
