/* The kernel's virtual memory: two page allocators and a page table between them.
 *
 *   virtual_pages   │ a0 a1 a2 │ b0 b1 │ ...            ranges of addresses, from a buddy
 *   kernel_table    a0 is frame 3, a1 is frame 7, ...
 *   frames          │ b1 ## ## a0 b0 ## a2 a1 ## ...    single frames, from the stage of the build
 *
 * Any frame will do for any page, however scattered the free ones are. It costs an entry of a table
 * for each page, and a walk through the tables whenever the hart has forgotten where a page is.
 *
 * An address costs the buddy's two bits. There are twice as many as there is memory, so that half
 * of them may lie scattered between ranges, and a power of two, because the buddy finds n pages in
 * an aligned block of a power of two: all memory can be had in one range. The metadata takes 8 KiB
 * with 32 MiB of memory and 132 MiB with 1 TiB. */
#include "vm.h"

#include "../common.h"
#include "../harts.h"
#include "../image.h"
#include "../lock.h"
#include "../panic.h"
#include "../riscv.h"
#include "frames.h"

struct page_table *kernel_table;
struct page_allocator virtual_pages;

enum {
    IS_RV32 = sizeof(vaddr_t) == 4,

    CODE = VM_READ | VM_EXECUTE | VM_GLOBAL,
    CONSTANTS = VM_READ | VM_GLOBAL,
    DATA = VM_READ | VM_WRITE | VM_GLOBAL,
};

/* ---- everything at its own address ---- */

/* As many levels as it takes to have the addresses up to `last` in the lower half: the upper half
 * is vm_alloc's. On rv32 there are two, which is enough for all 32 bits. */
static unsigned levels_for(paddr_t last) {
    if (IS_RV32)
        return 2;
    unsigned levels = 3;
    while (last >> (vm_address_bits(levels) - 1) != 0) {
        if (levels == 5)
            PANIC("no paging reaches memory up to %p", (void *) last);
        levels++;
    }
    return levels;
}

/* Map what lies from start to end - 1 with the largest pages that fit. */
static void map_identity(paddr_t start, paddr_t end, unsigned flags) {
    while (start < end) {
        unsigned level = vm_levels - 1;
        while (start % vm_page_size(level) != 0 || end - start < vm_page_size(level))
            level--;
        enum alloc_error error = vm_map_large(kernel_table, level, start, start, flags);
        if (error != ALLOC_OK)
            PANIC("cannot map %p: %s", (void *) start, alloc_error_name(error));
        start += vm_page_size(level);
    }
}

static void map_kernel(void) {
    /* Nothing below a stack: that is its guard, no narrower than the largest frame (kernel.ld). */
    for (size_t at = 0; at < HARTS; at++) {
        paddr_t top = (paddr_t) harts[at].stack_top;
        map_identity(top - STACK_SIZE, top, DATA);
    }
    map_identity((paddr_t) __text, (paddr_t) __rodata, CODE);
    map_identity((paddr_t) __rodata, (paddr_t) __data, CONSTANTS);
    map_identity((paddr_t) __data, (paddr_t) __image_end, DATA);
    map_identity(TEST_DEVICE, TEST_DEVICE + PAGE_SIZE, DATA);
}

/* ---- addresses for vm_alloc ---- */

/* On rv32 they are where QEMU's virt and many other machines have devices that this kernel does not
 * use. Were memory there, vm_alloc would refuse with ALLOC_OVERLAP. */
static void init_virtual_pages(void) {
    size_t room = (size_t) 1 << (IS_RV32 ? 30 : vm_address_bits(vm_levels) - 1);
    vaddr_t start = IS_RV32 ? 0x40000000 : 0 - room;
    size_t size = PAGE_SIZE;
    while (size < room && size / PAGE_SIZE < 2 * page_total(&frames))
        size *= 2;

    paddr_t meta;
    size_t meta_pages = page_meta_size(&buddy_stage, start, size) / PAGE_SIZE + 1;
    enum alloc_error error = page_alloc(&frames, meta_pages, PAGE_SIZE, &meta);
    if (error == ALLOC_OK)
        error = page_init(&virtual_pages, &buddy_stage, start, size, (void *) meta,
                          meta_pages * PAGE_SIZE);
    if (error == ALLOC_OK)
        error = page_add_memory(&virtual_pages, start, size);
    if (error != ALLOC_OK)
        PANIC("cannot manage %zu MiB of addresses: %s", size >> 20, alloc_error_name(error));
}

/* ---- on and off ---- */

/* The register satp: the mode of paging, and the number of the root's page (section 4.1.11). */
static uintptr_t satp_for(const struct page_table *root) {
    uintptr_t mode = IS_RV32 ? 1 : vm_levels + 5; /* Sv32 is 1, Sv39 is 8 and so on */
    return (paddr_t) root / PAGE_SIZE | mode << (IS_RV32 ? 31 : 60);
}

static void turn_on(void) {
    uintptr_t satp = satp_for(kernel_table);
    if (HARTS > 1) {
        /* From here on whoever changes the table has this hart forget (harts_fence_others). */
        atomic_store_explicit(&this_hart()->has_paging, true, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
    }
    vm_fence(); /* the very next instruction is fetched through the tables */
    WRITE_CSR(satp, satp);
    /* A hart that lacks the mode leaves satp as it was. */
    if (READ_CSR(satp) != satp)
        PANIC("this hart has no paging with %u-bit addresses (Sv%u)", vm_address_bits(vm_levels),
              vm_address_bits(vm_levels));
    vm_fence();
}

void vm_init(const struct memory_map *usable) {
    vm_levels = levels_for(usable->ranges[usable->count - 1].end - 1);
    paddr_t root;
    if (frame_alloc(&root) != ALLOC_OK)
        PANIC("no frame for the root of the kernel's page table");
    kernel_table = (struct page_table *) root;
    map_kernel();
    for (size_t at = 0; at < usable->count; at++)
        map_identity(usable->ranges[at].start, usable->ranges[at].end, DATA);
    init_virtual_pages();
    turn_on();
}

void vm_enter(void) {
    turn_on();
}

void vm_leave(void) {
    WRITE_CSR(satp, 0);
    vm_fence();
    if (HARTS > 1)
        atomic_store_explicit(&this_hart()->has_paging, false, memory_order_relaxed);
}

/* ---- pages ---- */

/* Put a frame behind one page. */
static enum alloc_error back_page(vaddr_t vaddr) {
    paddr_t frame;
    enum alloc_error error = frame_alloc(&frame);
    if (error != ALLOC_OK)
        return error;
    error = vm_map(kernel_table, vaddr, frame, DATA);
    if (error != ALLOC_OK)
        frame_free(frame);
    return error;
}

/* Take the frames from behind n pages. From the last to the first: then a table that is not empty
 * has an entry near its start, where the search for one begins. */
static void unback(vaddr_t vaddr, size_t n) {
    while (n-- > 0) {
        paddr_t frame = 0;
        unsigned flags;
        vaddr_t page = vaddr + n * PAGE_SIZE;
        vm_translate(kernel_table, page, &frame, &flags);
        enum alloc_error error = vm_unmap(kernel_table, page);
        if (error != ALLOC_OK)
            PANIC("somebody else unmapped %p: %s", (void *) page, alloc_error_name(error));
        frame_free(frame);
    }
}

/* Put a frame behind each of n pages, or behind none. */
static enum alloc_error back(vaddr_t vaddr, size_t n) {
    /* What is far too much is refused before page after page is cleared for nothing. */
    if (n > frames_available())
        return ALLOC_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        enum alloc_error error = back_page(vaddr + i * PAGE_SIZE);
        if (error != ALLOC_OK) {
            unback(vaddr, i);
            return error;
        }
    }
    return ALLOC_OK;
}

/* Of addresses and table. What is done under it takes the lock of `frames`, and never the other way
 * round: so no two harts wait for each other. */
static struct lock vm_lock = {.name = "virtual memory"};

static enum alloc_error alloc_and_back(size_t n, vaddr_t *out) {
    vaddr_t vaddr;
    enum alloc_error error = page_alloc(&virtual_pages, n, PAGE_SIZE, &vaddr);
    if (error != ALLOC_OK)
        return error;
    error = back(vaddr, n);
    if (error == ALLOC_OK)
        *out = vaddr;
    else
        page_free(&virtual_pages, vaddr, n);
    return error;
}

enum alloc_error vm_alloc(size_t n, vaddr_t *out) {
    lock_take(&vm_lock);
    enum alloc_error error = alloc_and_back(n, out);
    lock_give(&vm_lock);
    return error;
}

enum alloc_error vm_free(vaddr_t vaddr, size_t n) {
    lock_take(&vm_lock);
    enum alloc_error error = page_free(&virtual_pages, vaddr, n);
    if (error == ALLOC_OK)
        unback(vaddr, n);
    lock_give(&vm_lock);
    return error;
}
