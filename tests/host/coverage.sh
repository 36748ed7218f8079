#!/usr/bin/env bash
# Which lines and branches of alloc/ and of the device tree reader no host test reaches: prints
# each, and ends with 0 if there is none. Works in build/coverage, or in the directory that is
# named.
#
# What only a second hart meets is reached by tests/harts/steps, which is built of a copy: what it
# reaches of the copy counts.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-build/coverage}
compiler=${HOST_CC:-${CC:-clang}}
export COVERAGE="-fprofile-instr-generate -fcoverage-mapping"
# test_states takes as long as all others together, and reaches nothing that they do not.
make=(make -f tests/Makefile --no-print-directory OUT="$out" HARTS=steps WITHOUT=test_states
    FLAGS="-std=c11 -O1 -w $COVERAGE") # and no sanitizers
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
for program in $("${make[@]}" list) "$out/harts/steps"; do
    programs+=(-object "$program")
    LLVM_PROFILE_FILE=${program%.t}.profraw "$program" </dev/null >"$out/output" 2>&1 || {
        cat "$out/output"
        echo "coverage: $program fails"
        exit 1
    }
done
tool llvm-profdata merge -sparse -o "$out/profile" "$out"/*.profraw
tool llvm-cov export -skip-functions -instr-profile="$out/profile" \
    "${programs[@]:1}" "${covered[@]/#/$PWD/}" "$PWD/$out/harts/copy/alloc/harts.c" \
    >"$out/coverage.json"

# A file has its branches first, then its name, then its segments: from where code runs how often.
# The branches of an inline function are there once for each file that has it: they are added up,
# and so is a copy to what it is of.
perl -0777 -ne '
    while (/"branches":\[(.*?)\],("expansions".*?)?"filename":"(.*?)".*?"segments":\[(.*?)\],"s/g) {
        my ($branches, $file, $segments) = ($1, $3, $4);
        $file =~ s{^\Q$ENV{PWD}\E/(.*/copy/)?}{};
        while ($branches =~ /\[(\d+),(\d+),(\d+,\d+),(\d+),(\d+),/g) {
            my $place = sprintf "%s:%05d:%03d:%s", $file, $1, $2, $3;
            $true{$place} += $4;
            $false{$place} += $5;
        }
        while ($segments =~ /\[(\d+),(\d+),(\d+),(true|false),(true|false)/g) {
            next if $4 eq "false" || $5 eq "false";
            $runs{sprintf "%s:%05d:%03d", $file, $1, $2} += $3;
        }
        $files{$file} = 1;
    }
    sub miss {
        my ($file, $line, $column) = split /:/, shift;
        push @missed, sprintf "%s:%d:%d: no test %s", $file, $line, $column, shift;
    }
    $runs{$_} || miss($_, "gets here") for sort keys %runs;
    for (sort keys %true) {
        $true{$_} || miss($_, "finds this true");
        $false{$_} || miss($_, "finds this false");
    }
    print "$_\n" for @missed;
    printf "%d of %d files, %d pieces of code, %d sides of branches: %d not covered\n",
        scalar keys %files, $ENV{FILES}, scalar keys %runs, 2 * keys %true, scalar @missed;
    exit(@missed > 0 || !%true || keys %files != $ENV{FILES});
' "$out/coverage.json"
