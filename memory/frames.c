/* The kernel's page allocator.
 *
 *   memory ──┬── hole ──┬───────────────┬─────────────┬── end of the last range
 *     pages  │          │     pages     │  metadata   │
 *
 * Nothing can allocate yet, so the metadata is carved out by hand: from the end, in nobody's way.
 * With only __free_ram added, the first page is there under every stage. Its start is rounded down
 * to 64 KiB: odd pages at the end would be a buddy's smallest blocks, and it would begin with them.
 */
#include "frames.h"

#include "../common.h"
#include "../lock.h"
#include "../panic.h"

#define META_UNIT ((size_t) 64 * 1024)

/* Of the memory, at most one part in so many is for metadata. */
#define META_SHARE 8

struct page_allocator frames;

/* The stages take no lock, so whoever calls them does: one hart at a time. */
static struct lock frames_lock = {.name = "frames"};

static struct memory_range metadata;
static struct memory_map rest; /* usable, not the metadata, and not added */

/* The end of the highest range with room for `size` bytes. */
static struct memory_range carve(const struct memory_map *map, size_t size) {
    for (size_t at = map->count; at-- > 0;) {
        struct memory_range range = map->ranges[at];
        if (range.end - range.start < size)
            continue;
        paddr_t start = (range.end - size) / META_UNIT * META_UNIT;
        return (struct memory_range){start > range.start ? start : range.start, range.end};
    }
    PANIC("no room for %zu KiB of metadata in any of %zu ranges of usable memory", size / 1024,
          map->count);
}

/* Would the metadata for all from the first address of the map to the last take too much of it? 0
 * is a stage's word for more pages than it can count. */
static bool is_too_wide(const struct alloc_stage *stage, const struct memory_map *map) {
    paddr_t start = map->ranges[0].start, end = map->ranges[map->count - 1].end;
    size_t size = page_meta_size(stage, start, end - start);
    return size == 0 || size > map_size(map) / META_SHARE;
}

void frames_leave_out_far(const struct alloc_stage *stage, struct memory_map *usable,
                          paddr_t home) {
    while (usable->count > 1 && is_too_wide(stage, usable)) {
        struct memory_range low = usable->ranges[0], high = usable->ranges[usable->count - 1];
        size_t below = home > low.start ? home - low.start : 0;
        size_t above = high.end > home ? high.end - home : 0;
        struct memory_range far = below > above ? low : high;
        printf("warning: %p to %p is not used: the metadata for all memory from here to there "
               "would be more than 1/%d of it\n",
               (void *) far.start, (void *) far.end, META_SHARE);
        map_remove(usable, far.start, far.end);
    }
}

void frames_init(const struct alloc_stage *stage, const struct memory_map *usable) {
    if (usable->count == 0)
        PANIC("there is no usable memory");
    paddr_t start = usable->ranges[0].start, end = usable->ranges[usable->count - 1].end;
    /* Room for as many ranges as the map can have, whatever the allocator thinks is usual. */
    size_t ranges_size = MAP_RANGES * sizeof(struct page_range);
    metadata = carve(usable, page_meta_size(stage, start, end - start) + ranges_size);
    enum alloc_error error = page_init(&frames, stage, start, end - start, (void *) metadata.start,
                                       metadata.end - metadata.start);
    if (error != ALLOC_OK)
        PANIC("cannot manage %p to %p: %s", (void *) start, (void *) end, alloc_error_name(error));
    rest = *usable;
    map_remove(&rest, metadata.start, metadata.end);
}

void frames_add(paddr_t start, paddr_t end) {
    for (size_t at = 0; at < rest.count; at++) {
        struct memory_range range = rest.ranges[at];
        paddr_t from = range.start > start ? range.start : start;
        paddr_t to = range.end < end ? range.end : end;
        if (from >= to)
            continue;
        enum alloc_error error = page_add_memory(&frames, from, to - from);
        if (error != ALLOC_OK)
            PANIC("cannot add %p to %p: %s", (void *) from, (void *) to, alloc_error_name(error));
    }
    map_remove(&rest, start, end);
}

struct memory_range frames_metadata(void) {
    return metadata;
}

size_t frames_available(void) {
    lock_take(&frames_lock);
    size_t available = page_available(&frames);
    lock_give(&frames_lock);
    return available;
}

/* run.sh looks for the words "called from" in these panics, and for the address behind them. */

paddr_t alloc_pages(size_t n) {
    paddr_t paddr;
    lock_take(&frames_lock);
    enum alloc_error error = page_alloc(&frames, n, PAGE_SIZE, &paddr);
    lock_give(&frames_lock);
    if (error == ALLOC_NO_MEMORY)
        PANIC("out of memory: %zu pages wanted, %zu free, called from %p", n, frames_available(),
              __builtin_return_address(0));
    if (error != ALLOC_OK)
        PANIC("alloc_pages(%zu): %s, called from %p", n, alloc_error_name(error),
              __builtin_return_address(0));
    memset((void *) paddr, 0, n * PAGE_SIZE);
    return paddr;
}

void free_pages(paddr_t paddr, size_t n) {
    lock_take(&frames_lock);
    enum alloc_error error = page_free(&frames, paddr, n);
    lock_give(&frames_lock);
    if (error != ALLOC_OK)
        PANIC("free_pages(%p, %zu): %s, called from %p", (void *) paddr, n, alloc_error_name(error),
              __builtin_return_address(0));
}

/* ---- where no memory is no panic ---- */

enum alloc_error frame_alloc(paddr_t *frame) {
    lock_take(&frames_lock);
    enum alloc_error error = page_alloc(&frames, 1, PAGE_SIZE, frame);
    lock_give(&frames_lock);
    if (error == ALLOC_OK)
        memset((void *) *frame, 0, PAGE_SIZE);
    return error;
}

void frame_free(paddr_t frame) {
    lock_take(&frames_lock);
    enum alloc_error error = page_free(&frames, frame, 1);
    lock_give(&frames_lock);
    if (error != ALLOC_OK && error != ALLOC_UNSUPPORTED)
        PANIC("frame %p: %s", (void *) frame, alloc_error_name(error));
}
