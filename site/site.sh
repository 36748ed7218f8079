# The site, sourced by run.sh: the book, the allocators alive, and the machine that boots the
# kernel, as files that any web server can serve. All is made in build/web; site/README.md tells
# what is what.
# shellcheck shell=bash disable=SC2154 # what run.sh knows

web=build/web

# ---- pages ----

# The files that the chapters link to, a line each.
linked_sources() {
    grep -ohE '\]\(\.\./[^)#]+\)' chapters/*.md | sed 's,^](\.\./\(.*\))$,\1,' | sort -u
}

# A page that shows a file. It must not be read as Vue's template, and no fence may end early.
source_page() {
    local language=text
    case $1 in
    *.[ch] | *.ld) language=c ;;
    *.sh) language=bash ;;
    esac
    printf '# %s\n\n~~~~~~%s\n' "${1##*/}" "$language"
    cat "$1"
    printf '~~~~~~\n'
}

# The list of all solutions, which is a folder on GitHub.
solutions_page() {
    local file
    printf '# Solutions\n\n'
    for file in chapters/solutions/*.md; do
        printf -- '- [%s](%s)\n' "$(sed -n '1s/^# //p' "$file")" "${file##*/}"
    done
}

make_pages() {
    local file pages=$web/pages
    rm -rf "$web"/{pages,.vitepress,watch,machine}
    mkdir -p "$web"
    cp -R site/.vitepress site/pages site/watch site/machine "$web/"
    mkdir -p "$pages/chapters/solutions" "$pages/public"
    mv "$pages/icon.svg" "$pages/public/"
    cp site/package*.json site/.npmrc "$web/"
    cp chapters/*.md "$pages/chapters/"
    cp chapters/solutions/*.md "$pages/chapters/solutions/"
    solutions_page >"$pages/chapters/solutions/index.md"
    linked_sources | while read -r file; do
        [[ -f $file ]] || fail "site: a chapter links to $file, which is not there"
        mkdir -p "$(dirname "$pages/$file")"
        source_page "$file" >"$pages/$file.md"
    done
}

# ---- the allocators ----

# build_watch FILE.wasm FOLDER [OPTION]...: alloc/ of a folder with what tells of it. The options
# are for alloc/ alone: watch.c is what they make it call.
build_watch() {
    local wasm=$1 folder=$2 options=(--target=wasm32 -std=c11 -O2 -ffreestanding -nostdlib)
    local stage sources=("$folder"/alloc/{alloc,bits,bounds,rows,words}.c)
    for stage in $STAGES; do sources+=("$folder/site/watch/$stage.c"); done
    run "$CC" "${options[@]}" -c "$folder/site/watch/watch.c" -o "$web/watch.o"
    run "$CC" "${options[@]}" "${@:3}" -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--strip-all \
        -o "$wasm" "$web/watch.o" "${sources[@]}"
}

# "func" alone would do nothing: it is what has the others looked at.
TRACED="-fsanitize-coverage=func,trace-loads,trace-stores"

# plant FILE ENTRY: in the copy in build/web/faulty, the fault of that name of tests/mutants/faults.
plant() {
    local substitution
    substitution=$(awk -v begin="$1: $2: " \
        'index($0, begin) == 1 { print substr($0, length(begin) + 1) }' tests/mutants/faults)
    [[ $substitution ]] || fail "site: tests/mutants/faults has no '$1: $2'"
    perl -0777 -pi -e "$substitution" "$web/faulty/$1"
    ! cmp -s "$1" "$web/faulty/$1" || fail "site: nothing in $1 is changed by $substitution"
}

make_watch() {
    local name file entry to=$web/pages/public/watch
    mkdir -p "$to"
    build_watch "$to/fast.wasm" .
    build_watch "$to/traced.wasm" . "$TRACED"
    while IFS=$'\t' read -r name file entry; do
        rm -rf "$web/faulty"
        mkdir -p "$web/faulty/site"
        cp -R alloc "$web/faulty/"
        cp -R site/watch "$web/faulty/site/"
        plant "$file" "$entry"
        build_watch "$to/$name.wasm" "$web/faulty" "$TRACED"
    done < <(node --input-type=module -e "import {faults} from '$PWD/site/watch/faults.mjs';
        for (const [name, {file, entry}] of Object.entries(faults))
            console.log([name, file, entry].join('\\t'));")
}

# ---- the machine ----

make_machine() {
    local stage to=$web/pages/public
    [[ -f $BIOS ]] || fail "site: BIOS=$BIOS is no file, and the page needs one"
    mkdir -p "$to/kernels"
    CC=$CC site/machine/build.sh "$to/machine.wasm"
    cp "$BIOS" "$to/opensbi.bin"
    cp site/opensbi-licence.txt "$to/"
    for stage in $STAGES; do
        build_kernel "$stage"
        cp "$kernel" "$to/kernels/$stage.elf"
    done
    printf '{"default": "%s", "stages": [%s]}\n' "$DEFAULT_STAGE" \
        "$(sed 's/[a-z]*/"&"/g; s/ /, /g' <<<"$STAGES")" >"$to/kernels/stages.json"
}

# ---- all of it ----

# What package-lock.json names, and nothing that these packages would like to run.
install_packages() {
    ! cmp -s "$web/package-lock.json" "$web/node_modules/installed" || return 0
    (cd "$web" && run npm ci --ignore-scripts) >&2 ||
        fail "site: npm could not install the packages"
    cp "$web/package-lock.json" "$web/node_modules/installed"
}

# Build the site into folder $1.
build_site() {
    local out=$1
    [[ ! -e $out || -f $out/404.html || ! $(ls -A "$out") ]] ||
        fail "site: $out holds something else"
    need compiler emulator site
    check_room
    make_pages
    make_watch
    make_machine
    install_packages
    (cd "$web" && SITE_OUT=$out run node_modules/.bin/vitepress build) >&2
}

run_site() {
    build_site "${site_out:-$PWD/build/site}"
    [[ $site_out ]] || run node site/serve.mjs build/site
}

# The tests, with the site that they look at.
test_site() {
    need compiler emulator site browser
    build_site "$PWD/build/site"
    export CHROMIUM CC
    run prove --exec "node --test-reporter=tap" --timer tests/site/*.test.mjs
}
