/* The kernel's page allocator.
 *
 *   start ──────────────────────────────┬────────── end
 *     │            pages                │  metadata  │
 *
 * The metadata is carved from the end as the bump stage would, so that the first page is `start`
 * under every stage. Its size is rounded up to 64 KiB: odd pages at the end would be a buddy's
 * smallest blocks, and it would begin with them. */
#include "memory.h"

#define META_UNIT ((size_t) 64 * 1024)

struct page_allocator frames;

static size_t meta_size;

void memory_init(const struct alloc_stage *stage, paddr_t start, paddr_t end) {
    size_t needed = page_meta_size(stage, start, end - start);
    meta_size = (needed + META_UNIT - 1) / META_UNIT * META_UNIT;
    if (needed == 0 || meta_size >= end - start)
        PANIC("no room for pages between %p and %p", (void *) start, (void *) end);

    paddr_t meta = end - meta_size;
    enum alloc_error error =
        page_init(&frames, stage, start, meta - start, (void *) meta, meta_size);
    if (error == ALLOC_OK)
        error = page_add_memory(&frames, start, meta - start);
    if (error != ALLOC_OK)
        PANIC("cannot manage %p to %p: %s", (void *) start, (void *) meta, alloc_error_name(error));
}

size_t memory_meta_size(void) {
    return meta_size;
}

paddr_t alloc_pages(size_t n) {
    paddr_t paddr;
    enum alloc_error error = page_alloc(&frames, n, PAGE_SIZE, &paddr);
    if (error == ALLOC_NO_MEMORY)
        PANIC("out of memory: %zu pages wanted, %zu free, called from %p", n,
              page_available(&frames), __builtin_return_address(0));
    if (error != ALLOC_OK)
        PANIC("alloc_pages(%zu): %s, called from %p", n, alloc_error_name(error),
              __builtin_return_address(0));
    memset((void *) paddr, 0, n * PAGE_SIZE);
    return paddr;
}

void free_pages(paddr_t paddr, size_t n) {
    enum alloc_error error = page_free(&frames, paddr, n);
    if (error != ALLOC_OK)
        PANIC("free_pages(%p, %zu): %s, called from %p", (void *) paddr, n, alloc_error_name(error),
              __builtin_return_address(0));
}
