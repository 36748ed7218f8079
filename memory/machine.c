/* From the device tree to maps. */
#include "machine.h"

#include "../common.h"

/* A device tree has no reason to be longer. */
#ifndef FDT_LIMIT
#define FDT_LIMIT ((size_t) 1024 * 1024)
#endif

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
    map_add(&machine->memory, first, end);
    map_add(&machine->usable, first, end);
}

/* The second line holds even if the first map is full. */
static void reserve_pages(struct machine *machine, paddr_t first, paddr_t end) {
    map_add(&machine->reserved, first, end);
    map_remove(&machine->usable, first, end);
}

static void reserve(struct machine *machine, uint64_t start, uint64_t size) {
    struct memory_range range = clip(start, size);
    reserve_pages(machine, page_below(range.start), page_above(range.end));
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

/* Nothing below the kernel is handed out, of the memory that the kernel is in. Firmware lies there,
 * and not all of it says so in the device tree; and it is where a stack that overruns writes. */
static void reserve_image(struct machine *machine, struct memory_range image) {
    paddr_t start = image.start;
    for (size_t at = 0; at < machine->memory.count; at++) {
        struct memory_range range = machine->memory.ranges[at];
        if (range.start <= image.start && image.start < range.end)
            start = range.start;
    }
    reserve_pages(machine, start, image.end);
}

void machine_find(struct machine *machine, const void *fdt, struct memory_range image,
                  struct memory_range free_ram) {
    enum fdt_error error = machine_read(machine, fdt, FDT_LIMIT);
    if (error != FDT_OK) {
        printf("warning: the device tree cannot be used (%s): no memory but __free_ram\n",
               fdt_error_name(error));
        map_add(&machine->memory, image.start, free_ram.end);
        map_add(&machine->usable, image.start, free_ram.end);
    }
    reserve_image(machine, image);
    if (machine->usable.left_out > 0)
        printf("warning: %zu KiB of memory are not used: a map has room for %d ranges\n",
               machine->usable.left_out / 1024, MAP_RANGES);
}
