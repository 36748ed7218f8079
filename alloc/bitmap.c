/* Bitmap: one bit for each page, and 1 means free.
 *
 *   pages   0      7 8     15
 *   bits    00011111 01110000 …     a hole and an allocated page look alike: 0, not to be had
 *           (the lowest bit is drawn on the left)
 *
 * Remembers: 1 bit a page. The lowest free page is the lowest set bit of the first word that is
 * not 0; a run ends at the first clear bit. Both are found a word, 64 pages, at a time.
 * Cost: to allocate, one step for each word up to the end of the fit, or for all words if there is
 * none; to free, one for each word of the range.
 * Flaw: what lies below is scanned again by every call, so the cost grows with memory. */
#include "stage.h"
#include "words.h"

static size_t stage_meta_size(size_t pages) {
    return words_for(pages) * sizeof(uint64_t);
}

static uint64_t *words_of(const struct page_allocator *a) {
    return a->meta;
}

static void stage_init(struct page_allocator *a) {
    words_clear(words_of(a), 0, words_for(a->span.end) * WORD_BITS);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    words_set(words_of(a), first, first + n);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    size_t first = words_next_set(words_of(a), from, a->span.end);
    if (first == a->span.end)
        return (struct page_range){NONE, NONE};
    return (struct page_range){first, words_next_clear(words_of(a), first, a->span.end)};
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    size_t first = words_find_run(words_of(a), a->span.end, n, align);
    if (first == NONE)
        return ALLOC_NO_MEMORY;
    words_clear(words_of(a), first, first + n);
    return hand_out(a, first, n, out);
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_set(words_of(a), first, first + n))
        return ALLOC_OVERLAP;
    words_clear(words_of(a), first, first + n);
    return count_taken(a, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    words_set(words_of(a), first, first + n);
    return count_given(a, n);
}

/* Bits behind the last page of the last word stay 0: nothing may ever have set them. */
static bool stage_check(const struct page_allocator *a) {
    size_t bits = words_for(a->span.end) * WORD_BITS;
    return words_next_set(words_of(a), a->span.end, bits) == bits;
}

const struct alloc_stage bitmap_stage = {
    .name = "bitmap",
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
