#!/usr/bin/env bash
# The compiler for kernels with a mutant in them: to run.sh it is $MUTANTS_CC, but an object that
# was made before, of the same source, headers and options, comes from the folder $MUTANTS_OBJECTS.
# So a kernel takes the compilation of one file, and every test that builds one can be run as it is.
# Warnings are off: a mutant may leave a variable unused, and shall be judged by what it does.
set -euo pipefail

sources=() options=() defines=() target=""
while (($# > 0)); do
    case $1 in
    *.c) sources+=("$1") ;;
    -D*) defines+=("$1") ;;
    -o)
        target=$2
        shift
        ;;
    *) options+=("$1") ;;
    esac
    shift
done
if ((${#sources[@]} == 0)); then
    exec "$MUTANTS_CC" "${options[@]}" ${defines[@]+"${defines[@]}"} ${target:+-o "$target"}
fi

mkdir -p "$MUTANTS_OBJECTS"
# Where the project lies is all that may differ in the options for the same object.
common=$({ cat ./*.h ./*/*.h && printf '%s\n' "${options[@]}" | grep -v '^-ffile-prefix-map='; } |
    sha256sum)
mapfile -t sums < <(sha256sum "${sources[@]}")
users=() # of each definition, the files with its name in them: only they are told
for define in ${defines[@]+"${defines[@]}"}; do
    name=${define#-D}
    users+=(" $(grep -lw -- "${name%%=*}" "${sources[@]}" ./*.h ./*/*.h | paste -s -d ' ' -) ")
done
objects=()
for i in "${!sources[@]}"; do
    source=${sources[i]} own=()
    for j in "${!users[@]}"; do
        [[ ${users[j]} != *" $source "* && ${users[j]} != *".h "* ]] || own+=("${defines[j]}")
    done
    key=${common:0:16}-${sums[i]:0:16}-${source//\//_}-${own[*]-}
    object=$MUTANTS_OBJECTS/${key//[!A-Za-z0-9_.=-]/_}.o
    [[ -f $object ]] || {
        "$MUTANTS_CC" "${options[@]}" ${own[@]+"${own[@]}"} -Qunused-arguments -w -c "$source" \
            -o "$object.$$"
        mv "$object.$$" "$object"
    }
    objects+=("$object")
done
# For who wants to compile a file as the kernel's are.
[[ ! ${MUTANTS_OPTIONS:-} ]] ||
    printf '%s\n' "${options[@]}" ${defines[@]+"${defines[@]}"} >"$MUTANTS_OPTIONS"
exec "$MUTANTS_CC" "${options[@]}" "${objects[@]}" -o "$target"
