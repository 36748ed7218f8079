# The site, sourced by run.sh: the book, the allocators alive, and the machine that boots the
# kernel, as files that any web server can serve. All is made in build/web; site/README.md tells
# what is what.
# shellcheck shell=bash disable=SC2154 # what run.sh knows

web=$PWD/build/web

# ---- pages ----

# The list of all solutions, which is a folder on GitHub.
solutions_page() {
    local file
    printf '# Solutions\n\n'
    for file in chapters/solutions/*.md; do
        printf -- '- [%s](%s)\n' "$(sed -n '1s/^# //p' "$file")" "${file##*/}"
    done
}

make_pages() {
    local pages=$web/pages
    rm -rf "$web"/{pages,.vitepress,watch,machine}
    mkdir -p "$web"
    cp -R site/.vitepress site/pages site/watch site/machine "$web/"
    mkdir -p "$pages/chapters/solutions" "$pages/public"
    mv "$pages/icon.svg" "$pages/public/"
    cp site/package*.json site/.npmrc site/{trees,figures,listing}.mjs "$web/"
    cp chapters/*.md "$pages/chapters/"
    cp chapters/solutions/*.md "$pages/chapters/solutions/"
    solutions_page >"$pages/chapters/solutions/index.md"
}

# The kernel after each chapter: a folder, an archive, and pages; with pages of what the chapters
# link to, and of two stages side by side.
make_trees() {
    local chapter name pages=$web/pages
    rm -rf "$web/trees"
    for chapter in chapters/[0-9]*.md; do
        name=$(basename "$chapter")
        name=${name%%-*}
        chapters/play tree "$((10#$name))" "$web/trees/$name" >/dev/null
        mkdir -p "$pages/public/after/$name"
        tar -C "$web/trees/$name" -czf "$pages/public/after/$name/freeram-$name.tar.gz" .
    done
    # shellcheck disable=SC2086 # a word each
    run node "$web/trees.mjs" "$web/trees" "$pages" $STAGES
}

# The whole book in one file: EPUB, and PDF of the same text. Chromium refuses to run as root in its
# sandbox, and what it reads here is our own.
make_book() {
    local to=$web/pages/public form=(--from gfm+attributes --standalone --number-sections
        --toc --toc-depth=1 --css book.css --metadata title=freeram --metadata lang=en
        --metadata subtitle="A kernel for RISC-V about one thing: memory that is free"
        --metadata rights="CC BY 4.0")
    cp site/book.css "$web/"
    node site/whole.mjs >"$web/book.md"
    (
        cd "$web" || exit
        run pandoc "${form[@]}" --to html5 --output book.html book.md
        run pandoc "${form[@]}" --to epub3 --epub-chapter-level=1 --output "$to/freeram.epub" \
            book.md
        run "$CHROMIUM" --headless --no-sandbox --disable-gpu --no-pdf-header-footer \
            --generate-pdf-document-outline --print-to-pdf="$to/freeram.pdf" \
            "file://$web/book.html" >printed 2>&1
    )
    [[ -s $to/freeram.pdf ]] || fail "site: $CHROMIUM made no PDF: $(<"$web/printed")"
}

# ---- the allocators ----

WASM=(--target=wasm32 -std=c11 -O2 -ffreestanding -nostdlib)

# build_watch FILE.wasm FOLDER [OPTION]...: alloc/ of a folder with what tells of it. The options
# are for alloc/ alone: watch.c is what they make it call.
build_watch() {
    local wasm=$1 folder=$2 stage
    local sources=("$2"/alloc/{alloc,bits,bounds,rows,words}.c "$2/site/watch/guest.c")
    for stage in $STAGES; do sources+=("$folder/site/watch/$stage.c"); done
    run "$CC" "${WASM[@]}" -c "$folder/site/watch/watch.c" -o "$web/watch.o"
    run "$CC" "${WASM[@]}" "${@:3}" -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--strip-all \
        -o "$wasm" "$web/watch.o" "${sources[@]}"
}

# build_counted FILE FOLDER: FILE.wasm counts what runs, and FILE.json is its sources with what
# counts each line. What calls constructors is exported: else the linker would call them each time.
build_counted() {
    local mapping=$web/mapping
    run "$CC" "${WASM[@]}" -c "$2/site/watch/counted.c" -o "$web/counted.o"
    build_watch "$1.wasm" "$2" -fprofile-instr-generate -fcoverage-mapping \
        -Xclang -dump-coverage-mapping -Wl,--export=__wasm_call_ctors "$web/counted.o" >"$mapping"
    run node "$web/listing.mjs" "$2" "$1.wasm" "$mapping" >"$1.json"
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

# What a struct of the kernel's is in 64 bits is said again in watch/: the compiler compares.
check_guest() {
    local stage sources=(site/watch/guest.c)
    for stage in $STAGES; do sources+=("site/watch/$stage.c"); done
    run "$CC" --target=riscv64-unknown-elf -std=c11 -ffreestanding -fsyntax-only "${sources[@]}"
}

make_watch() {
    local name file entry to=$web/pages/public/watch
    mkdir -p "$to"
    check_guest
    build_watch "$to/fast.wasm" .
    build_watch "$to/traced.wasm" . "$TRACED"
    build_counted "$to/counted" .
    while IFS=$'\t' read -r name file entry; do
        rm -rf "$web/faulty"
        mkdir -p "$web/faulty/site"
        cp -R alloc "$web/faulty/"
        cp -R site/watch "$web/faulty/site/"
        plant "$file" "$entry"
        build_watch "$to/$name.wasm" "$web/faulty" "$TRACED"
        build_counted "$to/$name-counted" "$web/faulty"
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
        gzip -9n <"$kernel" >"$to/kernels/$stage.elf.gz"
    done
    printf '{"default": "%s", "stages": [%s]}\n' "$DEFAULT_STAGE" \
        "$(sed 's/[a-z]*/"&"/g; s/ /, /g' <<<"$STAGES")" >"$to/kernels/stages.json"
}

# ---- the kernels of the book ----

# keep_kernel TREE COMMAND NAME: in that folder does what a reader types, but boots nothing: keeps
# the kernel. Is there one? What the command prints without a machine is of no interest.
keep_kernel() {
    rm -f "$web/kept.elf"
    (cd "$1" && env PATH="$web/bin:$PATH" KEPT="$web/kept.elf" REAL_QEMU="$QEMU" \
        QEMU="$web/bin/qemu-system-riscv64" bash -c "$2") >"$web/printed" 2>&1 </dev/null || true
    [[ -f $web/kept.elf ]] || return
    gzip -9n <"$web/kept.elf" >"$web/pages/public/kernels/book/$3.elf.gz"
    printf '%s\n' "$2" >"$web/pages/public/kernels/book/$3.txt"
}

# For each chapter the kernel at its end, and those that its blocks boot on the way. The first two
# end before they print anything.
make_book_kernels() {
    local folder name command
    rm -rf "${web:?}"/{boots,bin}
    mkdir -p "$web/bin" "$web/pages/public/kernels/book"
    ln -s "$PWD/site/keep-kernel.sh" "$web/bin/qemu-system-riscv64"
    ln -s "$CC" "$web/bin/clang"
    for folder in "$web"/trees/*; do
        name=${folder##*/}
        ((10#$name < 3)) || keep_kernel "$folder" ./run.sh "after-$name" ||
            fail "site: there is no kernel after chapter $name: $(<"$web/printed")"
    done
    chapters/play boots "$web/boots"
    for folder in "$web"/boots/*; do
        command=$(<"$folder/command")
        keep_kernel "$folder/tree" "$command" "${folder##*/}" ||
            grep -q 'error:' "$folder/block.md" ||
            fail "site: chapter ${folder##*/}: no kernel of $command: $(<"$web/printed")"
    done
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
    share_objects
    make_pages
    install_packages
    make_trees
    make_book
    make_watch
    make_machine
    make_book_kernels
    (cd "$web" && SITE_OUT=$out run node_modules/.bin/vitepress build) >&2
}

run_site() {
    build_site "${site_out:-$PWD/build/site}"
    [[ $site_out ]] || run node site/serve.mjs build/site
}

# The tests, with the site that they look at.
test_site() {
    need compiler emulator site site_tests
    build_site "$PWD/build/site"
    export CHROMIUM CC QEMU
    run node --test --test-reporter=spec --test-concurrency=1 tests/site/*.test.mjs
}
