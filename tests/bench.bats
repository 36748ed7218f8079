#!/usr/bin/env bats
# The benchmarks run, and what they print can be relied on. The figures themselves are not tested.

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

@test "stages need as little metadata as they promise" {
    run --separate-stderr ./run.sh -m 32M bench --csv stack tree buddy
    ended_with 0
    local stage bits
    for stage in stack:1.6 tree:1.1 buddy:2.2; do
        bits=$(csv_value "boot 64 GiB" "bits of metadata a page" "${stage%:*}")
        awk -v bits="$bits" -v most="${stage#*:}" 'BEGIN { exit !(bits > 0 && bits <= most) }' ||
            differs "at most ${stage#*:} bits a page under ${stage%:*}, not $bits"
    done
}

@test "with Zbb a tree takes fewer instructions" {
    run --separate-stderr ./run.sh -m 32M bench --csv tree
    ended_with 0
    local without
    without=$(csv_value fill instructions tree)
    MARCH=rv64gc_zbb run --separate-stderr ./run.sh -m 32M bench --csv tree
    ended_with 0
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
    run ./run.sh -m 32M bench --plot stack tree
    ended_with 0
    local picture
    for picture in memory occupancy wholeness; do
        grep -q '^<svg' "build/bench/$picture.svg" || differs "$picture.svg"
        grep -q '>tree<' "build/bench/$picture.svg" || differs "the tree in $picture.svg"
    done
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
