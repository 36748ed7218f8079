/* What stages do with a bitmap that has a bit for each page, 1 if it is free: the bitmap stage, and
 * those that add something to it.
 *
 * `at` is where the bitmap begins in a->meta, a constant of the stage. It is no pointer to it,
 * because a pointer would have to be kept in a register through calls, and a constant need not. */
#pragma once

#include "stage.h"
#include "words.h"

static inline uint64_t *bitmap_words(const struct page_allocator *a, size_t at) {
    return (void *) ((char *) a->meta + at);
}

static inline void bitmap_init(const struct page_allocator *a, size_t at) {
    words_clear(bitmap_words(a, at), 0, words_for(a->span.end) * WORD_BITS);
}

static inline struct page_range bitmap_next_free(const struct page_allocator *a, size_t at,
                                                 size_t from) {
    size_t first = words_next_set(bitmap_words(a, at), from, a->span.end);
    if (first == a->span.end)
        return (struct page_range){NONE, NONE};
    return (struct page_range){first, words_next_clear(bitmap_words(a, at), first, a->span.end)};
}

/* The lowest fit of all. O(all words), or up to the end of the fit. */
static inline enum alloc_error bitmap_alloc(struct page_allocator *a, size_t at, size_t n,
                                            size_t align, paddr_t *out) {
    size_t first = words_find_run(bitmap_words(a, at), a->span.end, n, align);
    if (first == NONE)
        return ALLOC_NO_MEMORY;
    words_clear(bitmap_words(a, at), first, first + n);
    return hand_out(a, first, n, out);
}

static inline enum alloc_error bitmap_alloc_at(struct page_allocator *a, size_t at, size_t first,
                                               size_t n) {
    if (!words_all_set(bitmap_words(a, at), first, first + n))
        return ALLOC_OVERLAP;
    words_clear(bitmap_words(a, at), first, first + n);
    return count_taken(a, n);
}

/* Bits behind the last page of the last word stay 0: nothing may ever have set them. */
static inline struct problem bitmap_problem(const struct page_allocator *a, size_t at) {
    size_t bits = words_for(a->span.end) * WORD_BITS;
    size_t wrong = words_next_set(bitmap_words(a, at), a->span.end, bits);
    if (wrong != bits)
        return (struct problem){"page # is free, and the last one is page #",
                                {wrong, a->span.end - 1}};
    return SOUND;
}
