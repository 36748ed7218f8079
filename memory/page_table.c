/* Page tables: a tree, and each level of it looks at some bits of the address.
 *
 *            level 2    level 1    level 0    offset
 *   Sv39    │ 9 bits   │ 9 bits   │ 9 bits   │ 12 bits │
 *              │          │          │
 *   root ──► entry ───► entry ───► entry ───► page
 *
 * An entry names the table of the next level, or a page. Above level 0 that is a large page: all
 * the bits below are its offset. Sv32, Sv39, Sv48 and Sv57 differ only in the number of levels and
 * in the size of an entry, so there is one walk for all of them (sections 4.3 to 4.6).
 *
 * A table other than the root is never empty: what makes one so also gives it back. */
#include "page_table.h"

#include "../harts.h"
#include "frames.h"

enum {
    ENTRIES = PAGE_SIZE / sizeof(uintptr_t),
    INDEX_BITS = ENTRIES == 512 ? 9 : 10,
    OFFSET_BITS = 12,

    /* An entry (section 4.3.1): these bits, those of enum vm_flags, and from NUMBER_SHIFT on the
       number of the page or table. It is a table's if it has none of PERMISSIONS. */
    VALID = 1 << 0,
    ACCESSED = 1 << 6,
    DIRTY = 1 << 7,
    NUMBER_SHIFT = 10,
    PERMISSIONS = VM_READ | VM_WRITE | VM_EXECUTE,
    FLAGS = PERMISSIONS | VM_USER | VM_GLOBAL,
};

unsigned vm_levels;

size_t vm_page_size(unsigned level) {
    return PAGE_SIZE << (INDEX_BITS * level);
}

unsigned vm_address_bits(unsigned levels) {
    return OFFSET_BITS + INDEX_BITS * levels;
}

/* Are the bits that no level looks at all equal to the highest that one does (section 4.4.1)? */
static bool is_canonical(vaddr_t vaddr) {
    unsigned unused = sizeof(vaddr) * 8 - vm_address_bits(vm_levels);
    return (vaddr_t) ((intptr_t) (vaddr << unused) >> unused) == vaddr;
}

/* ---- entries ---- */

static uintptr_t entry_for(paddr_t paddr, unsigned flags) {
    return (paddr >> OFFSET_BITS << NUMBER_SHIFT) | flags | VALID;
}

static paddr_t paddr_of(uintptr_t entry) {
    return entry >> NUMBER_SHIFT << OFFSET_BITS;
}

static bool is_table(uintptr_t entry) {
    return (entry & (VALID | PERMISSIONS)) == VALID;
}

static struct page_table *table_of(uintptr_t entry) {
    return (struct page_table *) paddr_of(entry);
}

/* ---- the tree ---- */

/* A hart may keep what it has read of the tables, and use it until a fence; it may have read an
 * entry long before it was needed, and may keep even that there was none (section 4.2.1). Every
 * change is therefore followed by a fence, for all address spaces: some pages are global. */
void vm_fence(void) {
    __asm__ volatile("sfence.vma zero, zero" ::: "memory");
}

/* A fence is for the hart that has it. So the others are asked for theirs: a shootdown. */
static void fence_tables(void) {
    vm_fence();
    harts_fence(0, SIZE_MAX);
}

/* Enough if only the entry of the page at vaddr has changed, and no table. */
static void fence_page(vaddr_t vaddr) {
    __asm__ volatile("sfence.vma %0, zero" ::"r"(vaddr) : "memory");
    harts_fence(vaddr, PAGE_SIZE);
}

/* Where a walk ends: at an entry in a table of this level. */
struct place {
    uintptr_t *entry;
    unsigned level;
};

static size_t entry_index(vaddr_t vaddr, unsigned level) {
    return vaddr >> (OFFSET_BITS + INDEX_BITS * level) & (ENTRIES - 1);
}

/* Walk from the root to the entry for vaddr at `level`, or to the first above that names no table.
 * (Section 4.3.2 has the hart's own walk.) */
static struct place walk(struct page_table *table, vaddr_t vaddr, unsigned level) {
    for (unsigned at = vm_levels - 1;; at--) {
        uintptr_t *entry = &table->entries[entry_index(vaddr, at)];
        if (at == level || !is_table(*entry))
            return (struct place){entry, at};
        table = table_of(*entry);
    }
}

static bool is_empty(const struct page_table *table) {
    for (size_t i = 0; i < ENTRIES; i++)
        if (table->entries[i] != 0)
            return false;
    return true;
}

/* Give back the tables on the way to vaddr that are empty, from the lowest up. */
static void prune(struct page_table *table, vaddr_t vaddr) {
    for (unsigned level = 1; level < vm_levels; level++) {
        struct place place = walk(table, vaddr, level);
        if (place.level != level || !is_table(*place.entry))
            continue;
        if (!is_empty(table_of(*place.entry)))
            return;
        /* In this order: until the fence, the hart may read in the frame what it takes for
           entries. */
        paddr_t frame = paddr_of(*place.entry);
        *place.entry = 0;
        fence_tables();
        frame_free(frame);
    }
}

enum alloc_error vm_map_large(struct page_table *table, unsigned level, vaddr_t vaddr,
                              paddr_t paddr, unsigned flags) {
    for (;;) {
        struct place place = walk(table, vaddr, level);
        if (*place.entry != 0)
            return ALLOC_OVERLAP;
        if (place.level == level) {
            /* Accessed and dirty are set in advance: of the harts that find them clear, some set
               them, and some trap (section 4.3.1). */
            *place.entry = entry_for(paddr, flags | ACCESSED | DIRTY);
            fence_page(vaddr);
            return ALLOC_OK;
        }

        /* A table is missing: make it, and walk again. */
        paddr_t frame;
        enum alloc_error error = frame_alloc(&frame);
        if (error != ALLOC_OK) {
            prune(table, vaddr);
            return error;
        }
        /* No hart may meet the new table before it is all zeros. */
        if (HARTS > 1)
            atomic_thread_fence(memory_order_release);
        *place.entry = entry_for(frame, 0);
        fence_tables();
    }
}

/* ---- the interface ---- */

static bool are_flags_of_a_page(unsigned flags) {
    if ((flags & ~(unsigned) FLAGS) != 0 || (flags & PERMISSIONS) == 0)
        return false;
    return (flags & VM_WRITE) == 0 || (flags & VM_READ) != 0;
}

enum alloc_error vm_map(struct page_table *table, vaddr_t vaddr, paddr_t paddr, unsigned flags) {
    if ((vaddr | paddr) % PAGE_SIZE != 0 || !is_canonical(vaddr) || !are_flags_of_a_page(flags))
        return ALLOC_INVALID;
    return vm_map_large(table, 0, vaddr, paddr, flags);
}

enum alloc_error vm_unmap(struct page_table *table, vaddr_t vaddr) {
    if (vaddr % PAGE_SIZE != 0 || !is_canonical(vaddr))
        return ALLOC_INVALID;
    struct place place = walk(table, vaddr, 0);
    if (*place.entry == 0)
        return ALLOC_NOT_ALLOCATED;
    if (place.level != 0)
        return ALLOC_UNSUPPORTED;

    *place.entry = 0;
    fence_page(vaddr);
    prune(table, vaddr);
    return ALLOC_OK;
}

enum alloc_error vm_translate(struct page_table *table, vaddr_t vaddr, paddr_t *paddr,
                              unsigned *flags) {
    if (!is_canonical(vaddr))
        return ALLOC_INVALID;
    struct place place = walk(table, vaddr, 0);
    if (*place.entry == 0)
        return ALLOC_NOT_ALLOCATED;
    *paddr = paddr_of(*place.entry) | vaddr % vm_page_size(place.level);
    *flags = *place.entry & FLAGS;
    return ALLOC_OK;
}
