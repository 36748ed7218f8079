/* From the device tree to maps. */
#include "machine.h"

#include "common.h"

/* The last address that a map can have as an end. */
#define TOP (UINTPTR_MAX / PAGE_SIZE * PAGE_SIZE)

/* A byte range of 64 bits as a paddr_t range; what lies beyond is cut off. */
static struct memory_range clip(uint64_t start, uint64_t size) {
    uint64_t end = start + size;
    return (struct memory_range){start < TOP ? (paddr_t) start : TOP,
                                 end < TOP ? (paddr_t) end : TOP};
}

static paddr_t page_below(paddr_t paddr) {
    return paddr / PAGE_SIZE * PAGE_SIZE;
}

static paddr_t page_above(paddr_t paddr) {
    return page_below(paddr + (PAGE_SIZE - 1));
}

static void add_memory(struct machine *machine, const struct fdt_item *item) {
    struct memory_range range = clip(item->start, item->size);
    paddr_t first = page_above(range.start), end = page_below(range.end);
    if (map_add(&machine->memory, first, end))
        map_add(&machine->usable, first, end);
}

static void reserve(struct machine *machine, uint64_t start, uint64_t size) {
    struct memory_range range = clip(start, size);
    paddr_t first = page_below(range.start), end = page_above(range.end);
    map_add(&machine->reserved, first, end); /* the next line holds even if this map is full */
    map_remove(&machine->usable, first, end);
}

enum fdt_error machine_read(struct machine *machine, const void *fdt, size_t limit) {
    struct fdt tree;
    struct fdt_item item;
    memset(machine, 0, sizeof(*machine));
    enum fdt_error error = fdt_open(&tree, fdt, limit);
    if (error != FDT_OK)
        return error;

    while (fdt_next(&tree, &item) == FDT_OK) {
        if (item.kind == FDT_MEMORY)
            add_memory(machine, &item);
        else if (item.kind == FDT_HART)
            machine->harts++;
        else if (item.kind == FDT_TIMEBASE)
            machine->timebase = item.frequency;
    }
    /* Reservations may stand before the memory that they are in, so they wait for all of it. */
    while (fdt_next(&tree, &item) == FDT_OK)
        if (item.kind == FDT_RESERVED)
            reserve(machine, item.start, item.size);
    reserve(machine, (uintptr_t) fdt, tree.size);
    return FDT_OK;
}
