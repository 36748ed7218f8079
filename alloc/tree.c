/* Tree: the bitmap, and above it a summary bit for each word that has a free page, and above that
 * one for each word of summaries, up to a single word (bits.h).
 *
 *   summaries    110…
 *   bits         001100…  100000…  000000…    one ctz per level leads from the top to a free page
 *   bounds       2                            of the first 512 pages: no run there is longer
 *
 * To find runs, memory is divided into chunks of 512 pages, and each chunk has a bound (bounds.h):
 * no run of free pages that starts in the chunk is longer. A run may end in a later chunk, and
 * there its rest counts as a run that starts with the chunk. A bound of 512 stands for all longer
 * runs as well, and 0 and 1 both say that no two free pages stand together.
 *
 * A bound may be too large, never too small. So allocating leaves it alone, and freeing raises it,
 * unless the page has no free neighbour. A search that was sent to a chunk and finds no run there
 * lowers its bound to the longest run that it saw.
 *
 * Remembers: 1 bit per page, 1.05 with summaries and bounds.
 * Cost: one page O(levels). A run, O(levels + words + runs) of the chunks that may have one; if it
 * is aligned to more than 2 MiB, or one page that is aligned, O(levels + words) for each address
 * that is aligned so.
 * Flaw: a long run is still searched for. */
#include "stage.h"
#include "bits.h"
#include "bounds.h"

#define CHUNK ((size_t) 512) /* pages; also the largest bound, so it stands for longer runs too */

struct tree {
    struct bits free;
    struct bounds bounds;
};

static size_t chunks_for(size_t pages) {
    return (pages + CHUNK - 1) / CHUNK;
}

static size_t stage_meta_size(size_t pages) {
    return header_size(sizeof(struct tree)) + bits_words(pages) * sizeof(uint64_t) +
           bounds_numbers(chunks_for(pages)) * sizeof(uint16_t);
}

static uint64_t *words_of(const struct page_allocator *a) {
    return (void *) ((char *) a->meta + header_size(sizeof(struct tree)));
}

static uint16_t *bounds_of(const struct page_allocator *a) {
    return (void *) (words_of(a) + bits_words(a->span.end));
}

static void stage_init(struct page_allocator *a) {
    struct tree *t = a->meta;
    bits_init(&t->free, words_of(a), a->span.end);
    bounds_init(&t->bounds, bounds_of(a), chunks_for(a->span.end));
}

/* Length of the run of free pages around bit i of a word; CHUNK if it may go on in the next. */
static size_t run_around(uint64_t word, size_t i) {
    ALLOC_ASSERT(word & word_bit(i));
    if (word == UINT64_MAX)
        return CHUNK;
    size_t from_i = word_lowest(~(word >> i));
    size_t up_to_i = WORD_BITS - 1 - word_highest(~(word << (WORD_BITS - 1 - i)));
    if (i + from_i == WORD_BITS || up_to_i == i + 1)
        return CHUNK;
    return from_i + up_to_i - 1;
}

/* The pages [first, end) are free now: raise the bounds that are too small. */
static SELDOM void raise_bounds(struct tree *t, size_t first, size_t end) {
    size_t word = first / WORD_BITS, run = CHUNK;
    if (word == (end - 1) / WORD_BITS)
        run = run_around(t->free.level[0][word], first % WORD_BITS);
    /* What goes beyond the word may begin in the chunk before. */
    size_t from = first / CHUNK;
    if (run == CHUNK && from > 0)
        from--;
    bounds_raise(&t->bounds, from, chunks_for(end), (uint16_t) run);
}

static void free_range(struct tree *t, size_t first, size_t end) {
    bits_set_range(&t->free, first, end);
    raise_bounds(t, first, end);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    free_range(a->meta, first, first + n);
    return ALLOC_OK;
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
    return (struct page_range){first, words_next_clear(words_of(a), first, a->span.end)};
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* What a search of one chunk found. */
struct found {
    size_t first;   /* the lowest fit among the runs in the chunk, or NONE */
    size_t longest; /* if there is none: no run in the chunk is longer, as far as was seen */
    size_t next;    /* the next chunk where a run may begin that was not seen */
};

/* The bits of word `at` that stand for multiples of align. */
static inline uint64_t aligned_bits(size_t at, size_t align) {
    /* Every bit, every second, every fourth, and so on. */
    static const uint64_t every[] = {
        UINT64_MAX,
        UINT64_MAX / 0x3,
        UINT64_MAX / 0xf,
        UINT64_MAX / 0xff,
        UINT64_MAX / 0xffff,
        UINT64_MAX / 0xffffffff,
        1,
    };
    if (align > WORD_BITS)
        return at % (align / WORD_BITS) == 0;
    return every[word_lowest(align)];
}

/* The longest run that begins in the words [at, end), where none of n pages does, n at most 64. */
static size_t longest_below(const struct page_allocator *a, size_t at, size_t end, size_t n) {
    const uint64_t *words = words_of(a);
    size_t count = words_for(a->span.end), longest = 0;
    while (longest < n - 1 && at < end) {
        if (word_run_starts(words[at], at + 1 < count ? words[at + 1] : 0, longest + 1) != 0)
            longest++;
        else
            at++;
    }
    return longest;
}

/* For n up to 64: all runs that begin in a word at once. */
static struct found find_short(const struct page_allocator *a, size_t chunk, size_t n,
                               size_t align) {
    const uint64_t *words = words_of(a);
    size_t count = words_for(a->span.end), begin = chunk * (CHUNK / WORD_BITS);
    size_t end = smaller(begin + CHUNK / WORD_BITS, count);
    struct found found = {NONE, CHUNK, chunk + 1};
    bool has_run = false;
    while (begin < end && words[begin] == 0)
        begin++;
    for (size_t at = begin; at < end; at++) {
        uint64_t starts = word_run_starts(words[at], at + 1 < count ? words[at + 1] : 0, n);
        if (starts == 0)
            continue;
        has_run = true;
        starts &= aligned_bits(at, align);
        if (starts != 0) {
            found.first = at * WORD_BITS + word_lowest(starts);
            return found;
        }
    }
    /* That none is aligned does not make the bound wrong. */
    if (!has_run)
        found.longest = longest_below(a, begin, end, n);
    return found;
}

/* For any n, from run to run. */
static struct found find_long(const struct page_allocator *a, size_t chunk, size_t n,
                              size_t align) {
    const uint64_t *words = words_of(a);
    size_t chunk_end = smaller((chunk + 1) * CHUNK, a->span.end);
    size_t page = words_next_set(words, chunk * CHUNK, chunk_end);
    struct found found = {NONE, 0, chunk + 1};
    while (page < chunk_end) {
        /* Look as far as the fit or the bound needs, and no further. */
        size_t first = (page + align - 1) / align * align;
        size_t needed = first + n > page + CHUNK ? first + n : page + CHUNK;
        size_t run_end = words_next_clear(words, page, smaller(needed, a->span.end));
        if (first < run_end && n <= run_end - first) {
            found.first = first;
            return found;
        }
        if (run_end - page > found.longest)
            found.longest = smaller(run_end - page, CHUNK);
        /* A run too short for the fit is so for every chunk that lies in it. */
        if (run_end / CHUNK > found.next)
            found.next = run_end / CHUNK;
        page = words_next_set(words, run_end, chunk_end);
    }
    return found;
}

/* Chunk by chunk, past those whose bound says that no run fits. `align` is at most CHUNK. */
static size_t find_run(const struct page_allocator *a, size_t n, size_t align) {
    ALLOC_ASSERT(align <= CHUNK);
    struct tree *t = a->meta;
    uint16_t wanted = (uint16_t) smaller(n, CHUNK);
    struct found found = {NONE, 0, 0};
    for (;;) {
        size_t chunk = bounds_next(&t->bounds, found.next, wanted);
        if (chunk == NONE)
            return NONE;
        found = n <= WORD_BITS ? find_short(a, chunk, n, align) : find_long(a, chunk, n, align);
        if (found.first != NONE)
            return found.first;
        /* If no run is as long as wanted, the bound said that one might be: it becomes smaller. */
        bounds_lower(&t->bounds, chunk, (uint16_t) found.longest);
    }
}

/* For alignments above a chunk: from one aligned address to the next that no run ends before. */
static size_t find_aligned(const struct page_allocator *a, size_t n, size_t align) {
    const uint64_t *words = words_of(a);
    size_t first = 0;
    while (first < a->span.end && n <= a->span.end - first) {
        size_t run_end = words_next_clear(words, first, first + n);
        if (run_end == first + n)
            return first;
        first = (run_end / align + 1) * align;
    }
    return NONE;
}

static enum alloc_error alloc_page(struct page_allocator *a, paddr_t *out) {
    struct tree *t = a->meta;
    ALLOC_ASSERT(!bits_is_empty(&t->free));
    return hand_out(a, bits_take_first(&t->free), 1, out);
}

/* From free page to free page, until one is aligned. */
static size_t find_page(const struct page_allocator *a, size_t align) {
    const struct tree *t = a->meta;
    for (size_t from = 0;;) {
        size_t page = bits_next(&t->free, from);
        if (page == NONE || page % align == 0)
            return page;
        from = (page + align - 1) / align * align;
    }
}

static SELDOM enum alloc_error alloc_run(struct page_allocator *a, size_t n, size_t align,
                                         paddr_t *out) {
    struct tree *t = a->meta;
    size_t first = n == 1          ? find_page(a, align)
                   : align > CHUNK ? find_aligned(a, n, align)
                                   : find_run(a, n, align);
    if (first == NONE)
        return ALLOC_NO_MEMORY;
    bits_clear_range(&t->free, first, first + n);
    return hand_out(a, first, n, out);
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    return n == 1 && align == 1 ? alloc_page(a, out) : alloc_run(a, n, align, out);
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    struct tree *t = a->meta;
    if (!words_all_set(words_of(a), first, first + n))
        return ALLOC_OVERLAP;
    bits_clear_range(&t->free, first, first + n);
    return count_taken(a, n);
}

/* Is the page free, and both of its neighbours not? Those in other words count as free. */
static bool is_alone(const struct tree *t, size_t page) {
    uint64_t word = t->free.level[0][page / WORD_BITS];
    uint64_t beside = word << 1 | word >> 1 | word_bit(0) | word_bit(WORD_BITS - 1);
    return (word & ~beside & word_bit(page)) != 0;
}

static SELDOM enum alloc_error free_beside(struct page_allocator *a, size_t page) {
    raise_bounds(a->meta, page, page + 1);
    return count_given(a, 1);
}

static enum alloc_error free_page(struct page_allocator *a, size_t page) {
    struct tree *t = a->meta;
    if (bits_test(&t->free, page))
        return ALLOC_NOT_ALLOCATED;
    bits_set(&t->free, page);
    return is_alone(t, page) ? count_given(a, 1) : free_beside(a, page);
}

/* Kept apart from the single page, as is alloc_run: it costs that no register. */
static SELDOM enum alloc_error free_run(struct page_allocator *a, size_t first, size_t n) {
    struct tree *t = a->meta;
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    free_range(t, first, first + n);
    return count_given(a, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    return n == 1 ? free_page(a, first) : free_run(a, first, n);
}

/* The tables are in their place, the summaries right, and the bounds not below what is there. */
static struct problem stage_problem(const struct page_allocator *a) {
    const struct tree *t = a->meta;
    if (!bits_is_at(&t->free, words_of(a), a->span.end))
        return (struct problem){"the bits or their summaries are not in their place", {0}};
    if (!bounds_is_at(&t->bounds, bounds_of(a), chunks_for(a->span.end)))
        return (struct problem){"the bounds are not in their place", {0}};
    if (!bits_check(&t->free))
        return (struct problem){"a summary is wrong, or a page behind page # is free",
                                {a->span.end - 1}};
    if (!bounds_check(&t->bounds, CHUNK))
        return (struct problem){"a bound is above #, or above that of its 64", {CHUNK}};

    for (size_t chunk = 0; chunk < chunks_for(a->span.end); chunk++) {
        struct found found = find_long(a, chunk, CHUNK, 1);
        size_t longest = found.first != NONE ? CHUNK : found.longest;
        if (longest > 1 && longest > t->bounds.level[0][chunk])
            return (struct problem){"chunk # has a run of # pages, and its bound is lower",
                                    {chunk, longest}};
    }
    return SOUND;
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
    .problem = stage_problem,
};
