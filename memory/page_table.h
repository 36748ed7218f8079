/* Page tables: what a virtual address means, and what may be done with it. They take their frames
 * from `frames`, and give them back.
 *
 * Numbers of sections here and in page_table.c and vm.c: The RISC-V Instruction Set Manual,
 * Volume II: Privileged Architecture, document version 20211203. */
#pragma once

#include "../alloc/alloc.h"

typedef uintptr_t vaddr_t;

/* What may be done with a page. The bits are those of an entry (section 4.3.1). */
enum vm_flags {
    VM_READ = 1 << 1,
    VM_WRITE = 1 << 2, /* only together with VM_READ */
    VM_EXECUTE = 1 << 3,
    VM_USER = 1 << 4,   /* in U-mode, and then as a rule not in S-mode */
    VM_GLOBAL = 1 << 5, /* the page is the same in every table */
};

/* One node of the tree that the hart walks. The root stands for the whole; a cleared page is the
 * root of an empty tree. */
struct page_table {
    uintptr_t entries[PAGE_SIZE / sizeof(uintptr_t)];
};

/* The levels of every tree: 2 for Sv32, 3 for Sv39, 4 for Sv48, 5 for Sv57. vm_init chooses. */
extern unsigned vm_levels;

/* Of the harts that use one table, one at a time may change it, and none calls vm_translate for it
 * meanwhile. */

/* Let vaddr be paddr, for one page.
 * ALLOC_INVALID: misaligned, no address of so many levels, or flags that no page can have.
 * ALLOC_OVERLAP: something is there already. ALLOC_NO_MEMORY: no frame for a table; those that
 * were made for it are given back. Steps: one a level, and clearing each new table. */
enum alloc_error vm_map(struct page_table *table, vaddr_t vaddr, paddr_t paddr, unsigned flags);

/* Let vaddr be nothing, and give back the tables that are empty then. The page that was there stays
 * allocated.
 * ALLOC_INVALID: misaligned, no address of so many levels. ALLOC_NOT_ALLOCATED: nothing is there.
 * ALLOC_UNSUPPORTED: it is part of a large page, and these are not split. Steps: one a level, and
 * for each level at most one an entry of its table. */
enum alloc_error vm_unmap(struct page_table *table, vaddr_t vaddr);

/* Store in *paddr where the byte at vaddr is, and in *flags what may be done with it.
 * ALLOC_INVALID: no address of so many levels. ALLOC_NOT_ALLOCATED: nothing is there. Steps: one a
 * level. */
enum alloc_error vm_translate(struct page_table *table, vaddr_t vaddr, paddr_t *paddr,
                              unsigned *flags);

/* ---- what else vm.c needs ---- */

/* vm_map for a page of this level, unchecked: both addresses are multiples of vm_page_size. */
enum alloc_error vm_map_large(struct page_table *table, unsigned level, vaddr_t vaddr,
                              paddr_t paddr, unsigned flags);

/* Bytes of a page of this level: 4 KiB at level 0, then 2 MiB, 1 GiB, 512 GiB, or 4 MiB in Sv32. */
size_t vm_page_size(unsigned level);

/* Bits of an address that so many levels and the offset look at. */
unsigned vm_address_bits(unsigned levels);

/* Make the hart forget all that it remembers of page tables. */
void vm_fence(void);
