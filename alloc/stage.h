/* What a stage is made of, and what alloc.c lends to the stages.
 *
 * Stages deal in page indices. Index 0 is the span's start aligned down to 1 GiB, so an aligned
 * index is an aligned address. Arguments are checked before a stage sees them: ranges are not
 * empty and lie in the span, `align` is a power of two in pages. */
#pragma once

#include "alloc.h"
#include "words.h"

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

    /* Take n free pages from a multiple of align: the first one's index, or NONE. There are at
     * least n free pages, somewhere. */
    size_t (*alloc)(struct page_allocator *a, size_t n, size_t align);

    /* Take just these pages, none of them absent: false if one of them is not free. */
    bool (*alloc_at)(struct page_allocator *a, size_t first, size_t n);

    /* Give pages back, none of them absent: false if one of them is free. Null if the stage
     * cannot free. */
    bool (*free)(struct page_allocator *a, size_t first, size_t n);

    /* Do the invariants of the stage's own tables hold? */
    bool (*check)(const struct page_allocator *a);
};

/* Bytes that a stage's struct takes at the start of a->meta: its tables begin on a cache line. */
static inline size_t header_size(size_t struct_size) {
    return (struct_size + 63) / 64 * 64;
}

/* Position in a->ranges of the first range that ends after `page`; range_count if none does.
 * Steps: log2 of the number of ranges. */
size_t range_after(const struct page_allocator *a, size_t page);
