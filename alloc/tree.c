/* Tree: the bitmap, and above it a summary bit for each word that has a free page, and above that
 * one for each word of summaries, up to a single word (bits.h).
 *
 *   summaries   1 . . …                one ctz a level leads from the top to the lowest free page
 *   bits        0011… 0000… 1000… …
 *   bounds      2 (a chunk of 512 pages)
 *
 * For runs, each chunk has a bound (bounds.h): no run that begins in it is longer. Allocating
 * leaves it right, freeing raises it, and a search that finds no run lowers it to what it saw.
 *
 * Remembers: 1 bit a page, 1.05 with summaries and bounds.
 * Cost: one page O(levels) to allocate and to free, 3 levels at 1 GiB and 4 at 64 GiB; a run, in
 * addition one step for each free run of the chunks that may have one, and one a word of the run.
 * Flaw: a long run is still searched for. */
#include "stage.h"
#include "bits.h"
#include "bounds.h"

#define CHUNK ((size_t) 512) /* pages; also the largest bound, so it stands for longer runs too */

struct tree {
    struct bits free;
    struct bounds bounds;
};

#define WORDS_OFFSET ((sizeof(struct tree) + 63) / 64 * 64)

static size_t chunks_for(size_t pages) {
    return (pages + CHUNK - 1) / CHUNK;
}

static size_t stage_meta_size(size_t pages) {
    return WORDS_OFFSET + bits_words(pages) * sizeof(uint64_t) +
           bounds_numbers(chunks_for(pages)) * sizeof(uint16_t);
}

/* Where the words begin; the bounds stand behind them. */
static uint64_t *words_of(const struct page_allocator *a) {
    return (void *) ((char *) a->meta + WORDS_OFFSET);
}

static uint16_t *bounds_of(const struct page_allocator *a) {
    return (void *) (words_of(a) + bits_words(a->span.end));
}

static void stage_init(struct page_allocator *a) {
    struct tree *t = a->meta;
    bits_init(&t->free, words_of(a), a->span.end);
    bounds_init(&t->bounds, bounds_of(a), chunks_for(a->span.end));
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    const struct tree *t = a->meta;
    return bits_test(&t->free, page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    const struct tree *t = a->meta;
    size_t first = bits_next(&t->free, from);
    if (first == NONE)
        return (struct page_range){NONE, NONE};
    return (struct page_range){first, words_next_clear(t->free.level[0], first, a->span.end)};
}

/* Length of the run of free pages around bit i of a word; CHUNK if it may go on in the next. */
static size_t run_around(uint64_t word, size_t i) {
    if (word == UINT64_MAX)
        return CHUNK;
    size_t from_i = word_lowest(~(word >> i));
    size_t up_to_i = WORD_BITS - 1 - word_highest(~(word << (WORD_BITS - 1 - i)));
    if (i + from_i == WORD_BITS || up_to_i == i + 1)
        return CHUNK;
    return from_i + up_to_i - 1;
}

/* Make the pages [first, end) free, and raise the bounds that would be too small now. */
static void give(struct tree *t, size_t first, size_t end) {
    if (end - first == 1)
        bits_set(&t->free, first);
    else
        bits_set_range(&t->free, first, end);

    size_t word = first / WORD_BITS, run = CHUNK;
    if (word == (end - 1) / WORD_BITS)
        run = run_around(t->free.level[0][word], first % WORD_BITS);
    /* What goes beyond the word may begin in the chunk before. */
    size_t from = first / CHUNK;
    if (run == CHUNK && from > 0)
        from--;
    bounds_raise(&t->bounds, from, chunks_for(end), (uint16_t) run);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    give(a->meta, first, first + n);
    return ALLOC_OK;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* The lowest fit among the runs that begin in a chunk, or NONE: then *longest becomes the length
 * of the longest of them, at most CHUNK. `align` is at most CHUNK. */
static size_t find_in_chunk(const struct page_allocator *a, size_t chunk, size_t n, size_t align,
                            size_t *longest) {
    const struct tree *t = a->meta;
    const uint64_t *words = t->free.level[0];
    size_t chunk_end = smaller((chunk + 1) * CHUNK, a->span.end);
    size_t page = words_next_set(words, chunk * CHUNK, chunk_end);
    *longest = 0;
    while (page < chunk_end) {
        /* Look as far as the fit or the bound needs, and no further. */
        size_t first = (page + align - 1) / align * align;
        size_t needed = first + n > page + CHUNK ? first + n : page + CHUNK;
        size_t run_end = words_next_clear(words, page, smaller(needed, a->span.end));
        if (first < run_end && n <= run_end - first)
            return first;
        if (run_end - page > *longest)
            *longest = smaller(run_end - page, CHUNK);
        page = words_next_set(words, run_end, chunk_end);
    }
    return NONE;
}

/* Chunk by chunk, past those whose bound says that no run fits. */
static size_t find_run(const struct page_allocator *a, size_t n, size_t align) {
    struct tree *t = a->meta;
    uint16_t wanted = (uint16_t) smaller(n, CHUNK);
    size_t chunk = bounds_next(&t->bounds, 0, wanted);
    for (; chunk != NONE; chunk = bounds_next(&t->bounds, chunk + 1, wanted)) {
        size_t longest, first = find_in_chunk(a, chunk, n, align, &longest);
        if (first != NONE)
            return first;
        bounds_lower(&t->bounds, chunk, (uint16_t) longest);
    }
    return NONE;
}

/* Alignments above a chunk: few addresses have them, so each is looked at. */
static size_t find_aligned(const struct page_allocator *a, size_t n, size_t align) {
    const struct tree *t = a->meta;
    for (size_t first = 0; first < a->span.end && n <= a->span.end - first; first += align)
        if (words_all_set(t->free.level[0], first, first + n))
            return first;
    return NONE;
}

static size_t stage_alloc(struct page_allocator *a, size_t n, size_t align) {
    struct tree *t = a->meta;
    if (n == 1 && align == 1) {
        size_t first = bits_first(&t->free);
        bits_clear(&t->free, first);
        return first;
    }

    size_t first = align > CHUNK ? find_aligned(a, n, align) : find_run(a, n, align);
    if (first != NONE)
        bits_clear_range(&t->free, first, first + n);
    return first;
}

static bool stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    struct tree *t = a->meta;
    if (!words_all_set(t->free.level[0], first, first + n))
        return false;
    bits_clear_range(&t->free, first, first + n);
    return true;
}

static bool stage_free(struct page_allocator *a, size_t first, size_t n) {
    struct tree *t = a->meta;
    if (!words_all_clear(t->free.level[0], first, first + n))
        return false;
    give(t, first, first + n);
    return true;
}

/* Are the tables in their place, the summaries right, and the bounds not below what is there? */
static bool stage_check(const struct page_allocator *a) {
    const struct tree *t = a->meta;
    if (!bits_is_at(&t->free, words_of(a), a->span.end) ||
        !bounds_is_at(&t->bounds, bounds_of(a), chunks_for(a->span.end)))
        return false;
    if (!bits_check(&t->free) || !bounds_check(&t->bounds))
        return false;

    for (size_t chunk = 0; chunk < chunks_for(a->span.end); chunk++) {
        size_t longest;
        if (find_in_chunk(a, chunk, CHUNK, 1, &longest) != NONE)
            longest = CHUNK;
        if (longest > t->bounds.level[0][chunk])
            return false;
    }
    return true;
}

const struct alloc_stage tree_stage = {
    .name = "tree",
    .meta_size = stage_meta_size,
    .init = stage_init,
    .add = stage_add,
    .is_free = stage_is_free,
    .next_free = stage_next_free,
    .alloc = stage_alloc,
    .alloc_at = stage_alloc_at,
    .free = stage_free,
    .check = stage_check,
};
