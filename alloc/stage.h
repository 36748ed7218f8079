/* What a stage is made of, and what alloc.c lends to the stages.
 *
 * Stages deal in page indices. Index 0 is the span's start aligned down to 1 GiB, so an aligned
 * index is an aligned address. Arguments are checked before a stage sees them: ranges are not
 * empty and lie in the span, `align` is a power of two in pages. */
#pragma once

#include "alloc.h"
#include "words.h"

/* What page_problem says: a sentence, and the numbers that its # stand for. Numbers apart from the
 * words need no room, and nothing that formats them. */
struct problem {
    const char *words; /* NULL: there is none */
    size_t numbers[2];
};

#define SOUND ((struct problem){NULL, {0, 0}})

struct alloc_stage {
    const char *name;

    /* Bytes of tables for the indices 0 to pages - 1; 0 if the stage cannot manage so many. */
    size_t (*meta_size)(size_t pages);

    /* Make the tables at a->meta those of an empty allocator. */
    void (*init)(struct page_allocator *a);

    /* Make absent pages free. Fails only with ALLOC_UNSUPPORTED. */
    enum alloc_error (*add)(struct page_allocator *a, size_t first, size_t n);

    bool (*is_free)(const struct page_allocator *a, size_t page);

    /* The lowest free pages at or after `from`, as many together as the stage sees at once;
     * first == NONE if there are none. */
    struct page_range (*next_free)(const struct page_allocator *a, size_t from);

    /* The next three are the last that a call of the interface does: they return its answer, and
     * count with the functions below what they took or gave back. */

    /* Take n free pages from a multiple of align; their address goes to *out. There are at least
     * n free pages, somewhere. Fails only with ALLOC_NO_MEMORY. */
    enum alloc_error (*alloc)(struct page_allocator *a, size_t n, size_t align, paddr_t *out);

    /* Take just these pages, none of them absent. ALLOC_OVERLAP: one of them is not free. */
    enum alloc_error (*alloc_at)(struct page_allocator *a, size_t first, size_t n);

    /* Give pages back, none of them absent. ALLOC_NOT_ALLOCATED: one of them is free. Null if the
     * stage cannot free. */
    enum alloc_error (*free)(struct page_allocator *a, size_t first, size_t n);

    /* The first invariant of the stage's own tables that does not hold, or SOUND. */
    struct problem (*problem)(const struct page_allocator *a);
};

/* Bytes that a stage's struct takes at the start of a->meta: its tables begin on a cache line. */
static inline size_t header_size(size_t struct_size) {
    return (struct_size + 63) / 64 * 64;
}

/* For what happens seldom: called and not inlined, it does not cost the common path the registers
 * that it needs. */
#define SELDOM __attribute__((noinline))

/* n pages were taken. */
static inline enum alloc_error count_taken(struct page_allocator *a, size_t n) {
    ALLOC_ASSERT(n <= a->total - a->used);
    a->used += n;
    return ALLOC_OK;
}

/* The same, and the caller learns where they are. */
static inline enum alloc_error hand_out(struct page_allocator *a, size_t first, size_t n,
                                        paddr_t *out) {
    *out = (a->base + first) * PAGE_SIZE;
    return count_taken(a, n);
}

/* n pages were given back. */
static inline enum alloc_error count_given(struct page_allocator *a, size_t n) {
    ALLOC_ASSERT(n <= a->used);
    a->used -= n;
    return ALLOC_OK;
}

/* Position in a->ranges of the first range that ends after `page`; range_count if none does.
 * O(log ranges). */
size_t range_after(const struct page_allocator *a, size_t page);
