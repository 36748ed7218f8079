#!/usr/bin/env bats
# The benchmarks run, and what they print can be relied on: the README's figures are theirs.

load helpers

setup() {
    enter_copy
}

# The value of a row of CSV output: csv_value WORKLOAD FIGURE STAGE
csv_value() {
    awk -F , -v key="$1,$2,$3" '$2 "," $3 "," $4 == key { print $5 }' <<<"$output"
}

# Does every line have as many fields as the first, numbers or nothing from the fifth on?
is_csv() {
    awk -F , 'NR == 1 && $0 != "memory_mib,workload,figure,stage,value,ratio,least,most" { exit 1 }
        NF != 8 { exit 1 }
        NR > 1 && !($1 ~ /^[0-9]+$/ && $5 ~ /^[0-9]+(\.[0-9]+)?$/) { exit 1 }
        NR > 1 && !($6 $7 $8 ~ /^[0-9.]*$/) { exit 1 }' <<<"$output" ||
        differs "comma-separated values"
}

@test "two benchmarks of a stage in the kernel print the same numbers" {
    run --separate-stderr ./run.sh -m 32M bench --csv stack
    ended_with 0
    is_csv
    ((${#lines[@]} > 50)) || differs "more than 50 lines"
    local first=$output
    run --separate-stderr ./run.sh -m 32M bench --csv stack
    ended_with 0
    [[ $output == "$first" ]] || differs "$first"
}

@test "the benchmark's table has a column for each stage, and n/a where one cannot" {
    run --separate-stderr ./run.sh -m 32M bench bump tree
    ended_with 0
    matches '^32 MiB +bump +tree$'
    matches '^fill +[0-9]+\.[0-9]+ +[0-9]+\.[0-9]+$'
    matches '^mixed +n/a +[0-9]+\.[0-9]+$'
    matches '^worst, instructions to free +n/a +[0-9]+$'
    awk '{ length0 = NR == 1 ? length($0) : length0 } length($0) != length0 { exit 1 }' \
        <<<"$output" || differs "lines of one length"
}

# All stages at 128M, without and with Zbb, as the README has them. Some tests look at that, and the
# first of them to come runs it.
measure() {
    if [[ ! -f $BATS_FILE_TMPDIR/measured ]]; then
        tests/figures measure instructions harts
        cp build/figures/* "$BATS_FILE_TMPDIR"
        : >"$BATS_FILE_TMPDIR/measured"
    fi
    mkdir -p build/figures
    cp "$BATS_FILE_TMPDIR"/{*.csv,compiler} build/figures
}

@test "the README's instructions and bits per page are what the benchmark prints" {
    measure
    run tests/figures check --measured instructions
    [[ $output != "not checked: "* ]] || skip "$output"
    ended_with 0
    says_nothing_but ""
}

@test "what can be counted of no stage is said, and no success" {
    run ./run.sh --harts 2 bench bump
    ended_with 1
    says_line "run.sh: bench: there is nothing to count of bump, which frees no page"
    says_not "128 MiB"
}

@test "the README's instructions of four harts are what bench --harts prints, twice the same" {
    measure
    run tests/figures check --measured harts
    [[ $output != "not checked: "* ]] || skip "$output"
    ended_with 0
    says_nothing_but ""
    run --separate-stderr ./run.sh --harts 4 bench --csv radix
    ended_with 0
    is_csv
    run diff <(grep -e stage -e radix build/figures/harts.csv) - <<<"$output"
    says_nothing_but ""
}

@test "a figure of the README that is not so is named, with what was measured" {
    local csv="memory_mib,workload,figure,stage,value,ratio,least,most"
    mkdir -p build/figures
    cat >README.md <<'END'
These are of clang 14.0.6 and 128 MiB.

| stage | bits per page | flaw |
| --- | --- | --- |
| [bump](alloc/bump.c) | 0.03 | none |

| instructions, without / with Zbb | bump | tree |
| --- | ---: | ---: |
| mixed | n/a | 1241 / 940 |
| odd, n = 3 | n/a | 5 / 6 |
END
    cp README.md as_it_was.md
    printf 14.0.6 >build/figures/compiler
    printf '%s\n' "$csv" "128,boot 64 GiB,bits of metadata a page,bump,0.04,,," \
        "128,mixed,instructions,tree,1242.51,,," "128,odd n=3,instructions,tree,4.50,,," \
        >build/figures/instructions.csv
    printf '%s\n' "$csv" "128,mixed,instructions,tree,940.49,,," \
        "128,odd n=3,instructions,tree,6.00,,," >build/figures/zbb.csv
    run tests/figures check --measured instructions
    ended_with 1
    says_nothing_but "README.md:9: mixed, tree: there 1241 / 940, measured 1243 / 940
README.md:5: [bump](alloc/bump.c), bits per page: there 0.03, measured 0.04
again with the figures of today: tests/figures refresh instructions"
    cmp README.md as_it_was.md

    run tests/figures refresh --measured instructions
    ended_with 0
    run diff as_it_was.md README.md
    says_line "> | mixed | n/a | 1243 / 940 |"
    says_line "> | [bump](alloc/bump.c) | 0.04 | none |"
    run grep -c '^[<>]' <<<"$output"
    says_nothing_but 4
    run tests/figures check --measured instructions
    ended_with 0

    printf 15.0.7 >build/figures/compiler
    run tests/figures check --measured instructions
    ended_with 0
    says_nothing_but \
        "not checked: the instructions in README.md are of clang 14.0.6, these of 15.0.7"
}

@test "what the figures cannot be put into is named" {
    sed -i.before -e 's/These are of/They are of/' -e 's/^| mixed | n/| mixture | n/' README.md
    mkdir -p build/figures
    printf 14.0.6 >build/figures/compiler
    : >build/figures/instructions.csv
    : >build/figures/zbb.csv
    run tests/figures check --measured instructions
    ended_with 1
    says "README.md: this is to be there once, and is there 0 times: These are of clang {} and"
    sed -i.before 's/They are of/These are of/' README.md
    run tests/figures check --measured instructions
    ended_with 1
    says_nothing_but "figures: README.md: no workload is known for the row: mixture"
    run tests/figures check --measured everything
    ended_with 2
    matches '^ +tests/figures refresh'
}

@test "stages need as little metadata as they promise" {
    measure
    output=$(<build/figures/instructions.csv)
    is_csv
    local stage bits
    for stage in stack:1.6 tree:1.1 buddy:2.2 radix:1.2; do
        bits=$(csv_value "boot 64 GiB" "bits of metadata a page" "${stage%:*}")
        awk -v bits="$bits" -v most="${stage#*:}" 'BEGIN { exit !(bits > 0 && bits <= most) }' ||
            differs "at most ${stage#*:} bits per page under ${stage%:*}, not $bits"
    done
}

@test "with Zbb a tree takes fewer instructions" {
    local without
    measure
    output=$(<build/figures/instructions.csv)
    without=$(csv_value fill instructions tree)
    output=$(<build/figures/zbb.csv)
    awk -v with="$(csv_value fill instructions tree)" -v without="$without" \
        'BEGIN { exit !(with > 0 && with < without) }' || differs "less than $without"
}

@test "a benchmark on the host prints a time and its ratio to the floor's for each stage" {
    run --separate-stderr ./run.sh -m 32M bench --host --csv bump stack
    ended_with 0
    is_csv
    [[ $output == *$'\n32,fill,ns,bump,'*$'\n32,churn 90 % burst 64,ns,stack,'* ]] ||
        differs "rows of both stages"
    awk -F , '$3 == "ns" && !($7 <= $6 && $6 <= $8 && $5 > 0) { exit 1 }' <<<"$output" ||
        differs "ratios between their least and most"
    [[ $output != *$'\n32,mixed,ns,bump,'* ]] || differs "nothing of bump that it cannot do"
}

@test "the benchmark's pictures are drawn where gnuplot is" {
    command -v gnuplot >/dev/null || skip "gnuplot is installed only when pictures are asked for"
    run ./run.sh -m 32M bench --plot bump tree
    ended_with 0
    local picture
    for picture in memory occupancy wholeness; do
        grep -q '^<svg' "build/bench/$picture.svg" || differs "$picture.svg"
        grep -q '>tree<' "build/bench/$picture.svg" || differs "the tree in $picture.svg"
        ! grep -q '>bump<' "build/bench/$picture.svg" || differs "no bump, which frees nothing"
    done
    run ./run.sh -m 32M bench --plot bump
    ended_with 1
    says "there is nothing to draw of bump, which frees no page"
}

@test "the options of bench are refused elsewhere, together, and with no such stage" {
    run ./run.sh --csv tree
    ended_with 2
    says "--csv is for bench"
    run ./run.sh --host all
    ended_with 2
    says "--host is for bench"
    run ./run.sh bench --csv --plot
    ended_with 2
    says "--csv and --plot: there can be only one of them"
    run ./run.sh bench heap
    ended_with 2
    says "no stage 'heap'"
}
