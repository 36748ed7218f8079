# The benchmarks, sourced by run.sh: in the kernel (bench.c), on the host (bench_host.c), and the
# table, the CSV and the pictures of what they print.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of run.sh

# Both print rows: workload; figure; stage; value; ratio; least; most. The last three are empty but
# for the host's times. `rows` is the file that they are gathered in, behind the memory in MiB.
rows=""

# bench_kernel STAGE...: instructions, counted by QEMU.
bench_kernel() {
    local stage
    need compiler emulator
    program=(tests/bench/bench.c)
    ((${harts:-1} == 1)) || program=(tests/bench/bench_harts.c)
    QEMU_FLAGS+=" -icount shift=0"
    TIME_LIMIT=${time_limit_given:-600}
    for stage in "$@"; do
        echo "$stage: counting instructions" >&2
        build_kernel "$stage"
        if ! boot >"$folder/output"; then
            cat "$folder/output"
            fail "bench: the kernel failed under $stage"
        fi
        sed -n "s/^bench: \(.*; .*\); \(.*\)/$memory_mib; \1; $stage; \2; ; ; /p" \
            "$folder/output" >>"$rows"
    done
}

build_bench_host() {
    local bench=build/bench_host
    mkdir -p build
    run "${HOST_CC:-$CC}" -std=c11 -O2 "${WARNINGS[@]}" -o "$bench.$$" \
        tests/bench/bench_host.c alloc/*.c || fail "bench: the host's program does not compile"
    mv -f "$bench.$$" "$bench"
}

# bench_host MIB WORKLOADS STAGE...: times, of the workloads whose names begin so.
bench_host() {
    echo "$(size_name "$1"): ${2:-all workloads}" >&2
    build/bench_host "$@" >"$rows.part" || fail "bench: the host's program failed"
    sed "s/^/$1; /" "$rows.part" >>"$rows"
}

size_name() {
    if (($1 % 1048576 == 0)); then
        echo "$(($1 / 1048576)) TiB"
    elif (($1 % 1024 == 0)); then
        echo "$(($1 / 1024)) GiB"
    else
        echo "$1 MiB"
    fi
}

print_csv() {
    echo "memory_mib,workload,figure,stage,value,ratio,least,most"
    sed 's/; */,/g' "$rows"
}

# A row for each figure, a column for each stage. Times stand behind their ratios.
print_table() {
    awk -F '; *' -v stages="$*" '
        function cell(value, ratio, least, most) {
            return ratio == "" ? value : sprintf("%s (%s to %s) %s", ratio, least, most, value)
        }
        {
            label = $3 ~ /^(instructions|ns)$/ ? $2 : $2 ", " $3
            key = $1 ";" label
            if (!(key in seen)) {
                seen[key] = 1
                order[++count] = key
            }
            cells[key, $4] = cell($5, $6, $7, $8)
            if (length(label) > widest)
                widest = length(label)
            if (length(cells[key, $4]) > width[$4])
                width[$4] = length(cells[key, $4])
        }
        END {
            n = split(stages, stage, " ")
            for (i = 1; i <= count; i++) {
                split(order[i], part, ";")
                if (part[1] != memory) {
                    memory = part[1]
                    name = memory % 1048576 == 0 ? memory / 1048576 " TiB" : \
                           memory % 1024 == 0 ? memory / 1024 " GiB" : memory " MiB"
                    line = sprintf("%s%-*s", i > 1 ? "\n" : "", widest, name)
                    for (s = 1; s <= n; s++) {
                        if (width[stage[s]] < length(stage[s]))
                            width[stage[s]] = length(stage[s])
                        line = line sprintf("  %*s", width[stage[s]], stage[s])
                    }
                    print line
                }
                line = sprintf("%-*s", widest, part[2])
                for (s = 1; s <= n; s++) {
                    value = (order[i], stage[s]) in cells ? cells[order[i], stage[s]] : "n/a"
                    line = line sprintf("  %*s", width[stage[s]], value)
                }
                print line
            }
        }' "$rows"
}

# The values of some figures for gnuplot: a row for each x, a column for each stage, ? for none.
# `x` is an awk expression, `pattern` matches workload and figure.
plot_data() {
    local x=$1 pattern=$2
    shift 2
    awk -F '; *' -v pattern="$pattern" -v stages="$*" '
        $2 "; " $3 ~ pattern {
            x = '"$x"'
            if (!(x in seen)) {
                seen[x] = 1
                order[++count] = x
            }
            values[x, $4] = $5
        }
        END {
            n = split(stages, stage, " ")
            line = "x"
            for (s = 1; s <= n; s++)
                line = line " " stage[s]
            print line
            for (i = 1; i <= count; i++) {
                line = order[i]
                for (s = 1; s <= n; s++)
                    line = line " " ((order[i], stage[s]) in values ? \
                        values[order[i], stage[s]] : "?")
                print line
            }
        }' "$rows"
}

# Where the lines of plot_data's table in $1 end: x; y; where the name goes, so far from the next
# that both can be read; name; its number. The y axis is logarithmic.
line_ends() {
    awk '
        NR == 1 { for (c = 2; c <= NF; c++) name[c] = $c; columns = NF }
        NR > 1 {
            for (c = 2; c <= NF; c++)
                if ($c != "?") {
                    x[c] = $1
                    y[c] = $c
                }
        }
        END {
            for (c = 2; c <= columns; c++) {
                if (!(c in y))
                    continue
                for (i = ++count; i > 1 && y[order[i - 1]] > y[c]; i--)
                    order[i] = order[i - 1]
                order[i] = c
            }
            for (i = 1; i <= count; i++) {
                c = order[i]
                at = i > 1 && x[c] == x[order[i - 1]] && y[c] < at * 1.4 ? at * 1.4 : y[c]
                print x[c], y[c], at, name[c], c - 1
            }
        }' "$1"
}

# Of the 2 MiB blocks that there could be, how many are free: a row for each stage.
wholeness_data() {
    awk -F '; *' -v stages="$*" '
        $3 == "free 2 MiB blocks" { whole[$2, $4] = $5 }
        $3 == "of at most" { share[$2, $4] = 100 * whole[$2, $4] / $5 }
        END {
            n = split(stages, stage, " ")
            for (s = 1; s <= n; s++)
                if (("mixed", stage[s]) in share)
                    print stage[s], share["mixed", stage[s]], \
                        share["churn from random 50 %", stage[s]]
        }' "$rows"
}

# draw_plots STAGE...: cost by memory and by occupancy, and what is left whole, as SVG.
draw_plots() {
    local size picture stage drawn=() out=build/bench largest=${memory_given:-65536} middle=1024
    for size in 32 128 512 2048 8192 32768 65536; do
        ((size > largest)) || bench_host "$size" "churn 90 % burst 64" "$@"
    done
    ((middle <= largest)) || middle=$largest
    # bump frees nothing, so it has no line.
    for stage; do
        ! grep -q "; ns; $stage; " "$rows" || drawn+=("$stage")
    done
    ((${#drawn[@]} > 0)) || fail "bench --plot: there is nothing to draw of $*, which frees no page"
    set -- "${drawn[@]}"
    # shellcheck disable=SC2016 # awk's $1 and $2
    plot_data '$1' '^churn 90 % burst 64; ns' "$@" >"$out/memory.data"
    : >"$rows"
    bench_host "$middle" "churn" "$@"
    bench_host "$middle" "mixed" "$@"
    # shellcheck disable=SC2016
    plot_data 'substr($2, 7, 2)' '^churn .. % burst 64; ns' "$@" >"$out/occupancy.data"
    wholeness_data "$@" >"$out/wholeness.data"
    for picture in memory occupancy; do
        line_ends "$out/$picture.data" >"$out/$picture.ends"
    done
    (cd "$out" && gnuplot -c ../../tests/bench/plot.gp "$#") || fail "bench: gnuplot failed"
    echo "drawn: $out/memory.svg $out/occupancy.svg $out/wholeness.svg"
}

# run_bench STAGE...: as --host, --csv and --plot say; without a stage, all.
run_bench() {
    local size sizes="1024 65536 1048576"
    # shellcheck disable=SC2086 # STAGES is several words
    (($# > 0)) || set -- $STAGES
    [[ ! $memory_given ]] || sizes=$memory_mib
    mkdir -p build/bench
    rows=build/bench/rows.$$
    litter+=("$rows" "$rows.part")
    : >"$rows"
    if [[ $bench_format == plot ]]; then
        need compiler plotter
        build_bench_host
        draw_plots "$@"
    elif [[ $bench_kind == host ]]; then
        need compiler
        build_bench_host
        for size in $sizes; do
            bench_host "$size" "" "$@"
        done
    else
        bench_kernel "$@"
    fi
    [[ -s $rows || $bench_format == plot ]] ||
        fail "bench: there is nothing to count of $*, which frees no page"
    case $bench_format in
    plot) ;;
    csv) print_csv ;;
    *) print_table "$@" ;;
    esac
}
