#!/usr/bin/env bash
# Which lines and branches of alloc/ and of the device tree reader no host test reaches: prints
# each, and ends with 0 if there is none. Works in build/coverage, or in the directory that is
# named.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-build/coverage}
compiler=${HOST_CC:-${CC:-clang}}
make=(make -f tests/Makefile --no-print-directory OUT="$out"
    FLAGS="-std=c11 -O1 -w -fprofile-instr-generate -fcoverage-mapping") # and no sanitizers
fdt=$(make -s -f tests/Makefile path_of_fdt)
covered=(alloc/*.[ch] "${fdt%.c}".[ch])
# The list of stages has no code.
read -r -a covered <<<"${covered[*]/alloc\/stages.h/}"
export FILES=${#covered[@]}

# A tool of the compiler's version: they must agree on the format.
tool() {
    local name=$1 version path
    shift
    version=$("$compiler" -dumpversion)
    for path in "$(dirname "$(command -v "$compiler")")/$name" "$name-${version%%.*}" "$name"; do
        ! command -v "$path" >/dev/null || break
    done
    "$path" "$@"
}

"${make[@]}" -j 2
rm -f "$out"/*.profraw
programs=()
for program in $("${make[@]}" list); do
    programs+=(-object "$program")
    LLVM_PROFILE_FILE=${program%.t}.profraw "$program" </dev/null >"$out/output" 2>&1 || {
        cat "$out/output"
        echo "coverage: $program fails"
        exit 1
    }
done
tool llvm-profdata merge -sparse -o "$out/profile" "$out"/*.profraw
tool llvm-cov export -skip-functions -instr-profile="$out/profile" \
    "${programs[@]:1}" "${covered[@]/#/$PWD/}" >"$out/coverage.json"

# A file has its branches first, then its name, then its segments: from where code runs how often.
# The branches of an inline function are there once for each file that has it: they are added up.
perl -0777 -ne '
    while (/"branches":\[(.*?)\],("expansions".*?)?"filename":"(.*?)".*?"segments":\[(.*?)\],"s/g) {
        my ($branches, $file, $segments, %true, %false) = ($1, $3, $4);
        $file =~ s|^\Q$ENV{PWD}\E/||;
        while ($branches =~ /\[(\d+),(\d+),(\d+,\d+),(\d+),(\d+),/g) {
            $true{sprintf "%05d:%03d:%s", $1, $2, $3} += $4;
            $false{sprintf "%05d:%03d:%s", $1, $2, $3} += $5;
        }
        while ($segments =~ /\[(\d+),(\d+),(\d+),(true|false),(true|false)/g) {
            next if $4 eq "false" || $5 eq "false";
            $regions++;
            push @missed, "$file:$1:$2: no test gets here" if $3 == 0;
        }
        for (sort keys %true) {
            my ($line, $column) = map { $_ + 0 } split /:/;

            push @missed, "$file:$line:$column: no test finds this true" if $true{$_} == 0;
            push @missed, "$file:$line:$column: no test finds this false" if $false{$_} == 0;
            $sides += 2;
        }
        $files++;
    }
    print "$_\n" for @missed;
    printf "%d of %d files, %d pieces of code, %d sides of branches: %d not covered\n",
        $files, $ENV{FILES}, $regions, $sides, scalar @missed;
    exit(@missed > 0 || !$sides || $files != $ENV{FILES});
' "$out/coverage.json"
