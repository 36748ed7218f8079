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
headers=$(cat ./*.h ./*/*.h | cksum)
# Where the project lies is all that may differ in the options for the same object.
common=$(printf '%s\n' "${options[@]}" | grep -v '^-ffile-prefix-map=')
objects=()
for source in "${sources[@]}"; do
    own=() # only the definitions that the source asks for, or a header might
    for define in ${defines[@]+"${defines[@]}"}; do
        name=${define#-D}
        ! grep -qw -- "${name%%=*}" "$source" ./*.h ./*/*.h || own+=("$define")
    done
    key=$({ cat "$source" && printf '%s\n' "$source" "$headers" "$common" "${own[@]-}"; } |
        sha256sum | cut -c 1-32)
    object=$MUTANTS_OBJECTS/$key.o
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
