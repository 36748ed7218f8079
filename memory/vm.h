/* The kernel's virtual memory: everything at its own address, under protection, and pages that lie
 * side by side only virtually.
 *
 *                         rv64                              rv32
 *   memory                at its own address                at its own address
 *   what vm_alloc gives   the upper half of the addresses   0x40000000 to 0x7fffffff
 *
 * All of it comes from `frames`, so frames_init and frames_add stand before vm_init. Under a stage
 * that cannot free (bump) nothing returns to `frames`: neither what vm_free frees nor what a
 * vm_alloc that fails had taken. */
#pragma once

#include "map.h"
#include "page_table.h"

/* The kernel's table, and the addresses that vm_alloc hands out. Both are vm_init's work. */
extern struct page_table *kernel_table;
extern struct page_allocator virtual_pages;

/* Build the kernel's table and turn paging on. The memory of the map and the kernel are at their
 * own addresses then, in the largest pages that fit; only the kernel's code can be executed, and it
 * cannot be written. Not mapped: address 0 (where it is no memory), what lies below the stack, and
 * what is not in the map, but for the test device. Panics if `frames` is too small, or if the hart
 * has no paging for addresses that high. Steps: one a page, large or small, and those of page_init.
 */
void vm_init(const struct memory_map *usable);

/* Turn paging on for another hart, with the table that vm_init has built. From then on a hart calls
 * vm_alloc and vm_free with interrupts on: others may be waiting for its fence (harts_fence). */
void vm_enter(void);

/* Turn paging off for this hart. What vm_alloc has given is out of reach, and its frames stay
 * allocated. */
void vm_leave(void);

/* Store in *out the address of n pages side by side, filled with zeroes, each in whatever frame
 * there is.
 * ALLOC_INVALID: n == 0, n * PAGE_SIZE overflows. ALLOC_NO_MEMORY: too few frames for the pages and
 * their tables, or too few addresses side by side. ALLOC_OVERLAP: on rv32, the machine has memory
 * among the addresses. What was taken by then is given back. Steps: for each page those of
 * page_alloc and vm_map, and clearing it. */
enum alloc_error vm_alloc(size_t n, vaddr_t *out);

/* Free n pages, be they part of what one vm_alloc gave or neighbours from several: whoever touches
 * them from now on traps. All of them or none.
 * ALLOC_INVALID: n == 0, misaligned, outside vm_alloc's addresses. ALLOC_NOT_ALLOCATED: some page
 * is free. Steps: for each page those of vm_unmap and page_free. */
enum alloc_error vm_free(vaddr_t vaddr, size_t n);
