/* The kernel's page allocator: all usable memory under the stage of the build. */
#pragma once

#include "map.h"

/* The pages that alloc_pages hands out. */
extern struct page_allocator frames;

/* Take out of the map what lies so far from `home`, one end of the map after the other, that the
 * metadata for all in between would be more than an eighth of the memory. Each range that is taken
 * out is printed. O(ranges squared). */
void frames_leave_out_far(const struct alloc_stage *stage, struct memory_map *usable, paddr_t home);

/* Get `frames` ready for the memory of a map, with no page in it yet, and put its metadata at the
 * end of that memory. Called again, it forgets all that was added and allocated. Panics if no range
 * has room for the metadata. */
void frames_init(const struct alloc_stage *stage, const struct memory_map *usable);

/* Let `frames` have what of the map lies between start and end - 1, is not the metadata, and was
 * not added yet. */
void frames_add(paddr_t start, paddr_t end);

/* Where the metadata lies. */
struct memory_range frames_metadata(void);

/* How many pages are free. By the time that it is said another hart may have taken some. */
size_t frames_available(void);

/* n consecutive pages, filled with zeroes. Panics with "out of memory" if there are none. */
paddr_t alloc_pages(size_t n);

/* Give back n pages. Panics with the error's name, the address and the caller if they are not all
 * allocated. */
void free_pages(paddr_t paddr, size_t n);

/* Store in *frame the address of a page filled with zeroes. ALLOC_NO_MEMORY: there is none. */
enum alloc_error frame_alloc(paddr_t *frame);

/* Give one back. Under a stage that cannot free it is lost. */
void frame_free(paddr_t frame);
