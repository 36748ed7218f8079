/* Bitmap: one bit for each page, and 1 means free.
 *
 *   pages   0      7 8     15
 *   bits    00011111 01110000 …     a hole and an allocated page look alike: 0, not to be had
 *           (the lowest bit is drawn on the left)
 *
 * Remembers: 1 bit per page. The lowest free page is the lowest set bit of the first word that is
 * not 0; a run ends at the first clear bit. Both are found a word, 64 pages, at a time.
 * Cost: to allocate, O(words) up to the end of the fit, O(all words) if there is none; to free,
 * O(words) of the range.
 * Flaw: what lies below is scanned again by every call, so the cost grows with memory. */
#include "bitmap.h"

#define BITMAP_AT 0

static size_t stage_meta_size(size_t pages) {
    return words_for(pages) * sizeof(uint64_t);
}

static uint64_t *words_of(const struct page_allocator *a) {
    return bitmap_words(a, BITMAP_AT);
}

static void stage_init(struct page_allocator *a) {
    bitmap_init(a, BITMAP_AT);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    words_set(words_of(a), first, first + n);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    return bitmap_next_free(a, BITMAP_AT, from);
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    return bitmap_alloc(a, BITMAP_AT, n, align, out);
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    return bitmap_alloc_at(a, BITMAP_AT, first, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    words_set(words_of(a), first, first + n);
    return count_given(a, n);
}

static struct problem stage_problem(const struct page_allocator *a) {
    return bitmap_problem(a, BITMAP_AT);
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
    .problem = stage_problem,
};
