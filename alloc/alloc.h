/* One interface to every page allocator of this folder.
 *
 * A page_allocator manages one *span* of addresses. Each page of the span is free, allocated or
 * absent: absent pages were never added (holes, firmware, the kernel image) and can be neither
 * allocated nor freed. What it knows stands in the *metadata*, a block that the caller hands in;
 * the managed memory itself is never read or written, so it need not even exist.
 *
 * Addresses, sizes and alignments are in bytes; n and all counts are in pages. Address 0 is an
 * address like any other, and a span that holds it hands it out. No function takes a lock: callers
 * on several harts serialise their calls. A failed call changes nothing that a caller can see.
 *
 * What a call costs is said in these:
 *   n         the pages that the call is about
 *   words     64-bit words of the bitmap, one for each 64 pages: of the n pages, or all
 *   levels    of summaries of the bitmap: how often 64 divides the pages of the span, rounded up;
 *             3 at 1 GiB, 4 at 64 GiB
 *   ranges    added ranges that do not touch each other: most often one or a few */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uintptr_t paddr_t;

#define PAGE_SIZE ((size_t) 4096)
#define MAX_ALIGN ((size_t) 1 << 30) /* the largest alignment that page_alloc takes: 1 GiB */

enum alloc_error {
    ALLOC_OK,
    ALLOC_INVALID,       /* n == 0, misaligned address, alignment no power of two or over 1 GiB,
                            overflow, outside the span */
    ALLOC_NO_MEMORY,     /* no run of n free pages with that alignment;
                            page_add_memory: no room to remember one more separate range */
    ALLOC_OVERLAP,       /* page_add_memory: some page was added before;
                            page_alloc_at: some page is not free */
    ALLOC_NOT_ALLOCATED, /* page_free: some page is free already, or was never added */
    ALLOC_UNSUPPORTED,   /* this stage cannot do that (bump cannot free) */
};

struct alloc_stage; /* a stage's functions, see stage.h; stages.h declares bump_stage and so on */
#include "stages.h"

/* The pages first to end - 1. */
struct page_range {
    size_t first;
    size_t end;
};

/* One span under management. Callers provide the room and read nothing in it. */
struct page_allocator {
    const struct alloc_stage *stage;
    size_t base;               /* page number of index 0: a multiple of 1 GiB, in pages */
    struct page_range span;    /* the indices that the span covers */
    size_t total;              /* pages added */
    size_t used;               /* pages allocated */
    void *meta;                /* the stage's tables */
    struct page_range *ranges; /* what was added: sorted, apart from each other */
    size_t range_count;
    size_t range_room;
    struct page_range largest; /* of the ranges: nearly every page that is freed lies in it */
};

/* Bytes of metadata that a span of `size` bytes from `start` needs under `stage`; 0 if the span
 * holds no whole page, passes the end of the address space, or is too large for the stage (stack:
 * 1 PiB or more, counted from `start` aligned down to 1 GiB). It includes room to remember 16 added
 * ranges that lie apart, and one more for every 16 MiB of the span. */
size_t page_meta_size(const struct alloc_stage *stage, paddr_t start, size_t size);

/* Begin to manage the span, every page absent. `meta` is aligned to 64 bytes, may hold anything
 * and belongs to the allocator from now on; what it has beyond page_meta_size serves to remember
 * more separate ranges, two size_t each.
 * ALLOC_INVALID: page_meta_size is 0, meta misaligned or too small. O(all words). */
enum alloc_error page_init(struct page_allocator *a, const struct alloc_stage *stage, paddr_t start,
                           size_t size, void *meta, size_t meta_size);

/* Make the whole pages between start and start + size free. Calls may come at any time and in any
 * order; ranges that touch become one.
 * ALLOC_INVALID: no whole page, overflow, outside the span. ALLOC_OVERLAP: some page was added
 * before. ALLOC_NO_MEMORY: too many separate ranges for the metadata. ALLOC_UNSUPPORTED: bump, for
 * memory below an address that it has handed out. O(words + levels + ranges). */
enum alloc_error page_add_memory(struct page_allocator *a, paddr_t start, size_t size);

/* Allocate n consecutive pages at a multiple of `align`, a power of two (one below PAGE_SIZE means
 * PAGE_SIZE), and store their address in *out. The lowest fit that the stage finds without a
 * search; on fresh memory page_alloc(2) then page_alloc(1) return the first and the third page
 * (buddy: where the first block of the memory is its smallest and has four pages or more).
 * ALLOC_INVALID: n == 0, n * PAGE_SIZE overflows, bad alignment. ALLOC_NO_MEMORY: no such run
 * (buddy: no free aligned block of n or `align`, the larger, rounded up to a power of two; above
 * 1 GiB, no row of free blocks of 1 GiB for n rounded up to whole ones). Costs: see each stage. */
enum alloc_error page_alloc(struct page_allocator *a, size_t n, size_t align, paddr_t *out);

/* Allocate the n pages at paddr.
 * ALLOC_INVALID: n == 0, misaligned, outside the span. ALLOC_OVERLAP: some page is not free
 * (bump: or lies below one that it has handed out). O(words + levels); bump: O(ranges); buddy: that
 * for every block that it takes or leaves. */
enum alloc_error page_alloc_at(struct page_allocator *a, paddr_t paddr, size_t n);

/* Free the n pages at paddr, all of them or none: any range of allocated pages, be it part of what
 * one call returned or several neighbours together.
 * ALLOC_INVALID: n == 0, misaligned, outside the span. ALLOC_NOT_ALLOCATED: some page is free or
 * absent. ALLOC_UNSUPPORTED: bump. To refuse: O(words); to free: see each stage. */
enum alloc_error page_free(struct page_allocator *a, paddr_t paddr, size_t n);

/* Is the page that holds paddr free? No for absent pages and outside the span. */
bool page_is_free(const struct page_allocator *a, paddr_t paddr);

/* Pages added; allocated (under bump, also those lost to a gap); free. O(1). */
size_t page_total(const struct page_allocator *a);
size_t page_used(const struct page_allocator *a);
size_t page_available(const struct page_allocator *a);

/* Pages in the longest run of free pages. At any speed: it walks all free runs. */
size_t page_largest_run(const struct page_allocator *a);

/* The first invariant of the metadata that does not hold, in words, with a # where a number
 * belongs: "word # has a free page and is not on the stack". NULL if all do. At any speed. */
const char *page_problem(const struct page_allocator *a);

/* The same with the numbers, which needs room: `text` is returned, or NULL. */
#define PROBLEM_SIZE 128
const char *page_problem_text(const struct page_allocator *a, char text[PROBLEM_SIZE]);

/* Does every invariant of the metadata hold? At any speed. */
bool page_check(const struct page_allocator *a);

/* The error's name as it stands above, "ALLOC_OK" and so on. */
const char *alloc_error_name(enum alloc_error error);

/* The stage's name: "bump" and so on. */
const char *alloc_stage_name(const struct alloc_stage *stage);
