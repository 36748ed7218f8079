/* The kernel's page allocator: one span of real memory under the stage of the build. */
#pragma once

#include "common.h"

/* The pages that alloc_pages hands out. */
extern struct page_allocator frames;

/* Give the memory from start to end to `frames`, less the metadata at its end. Called again, it
 * forgets all that was allocated. Panics if the memory cannot be managed. */
void memory_init(const struct alloc_stage *stage, paddr_t start, paddr_t end);

/* Bytes at the end of the memory that hold the metadata. */
size_t memory_meta_size(void);

/* n consecutive pages, filled with zeroes. Panics with "out of memory" if there are none. */
paddr_t alloc_pages(size_t n);

/* Give back n pages. Panics with the error's name, the address and the caller if they are not all
 * allocated. */
void free_pages(paddr_t paddr, size_t n);
