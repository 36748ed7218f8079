/* What the kernel knows of the machine that it runs on: the device tree's word, checked. */
#pragma once

#include "fdt.h"
#include "map.h"

struct machine {
    struct memory_map memory; /* all that is memory; pages that are so only in part are left out */
    struct memory_map reserved; /* what is somebody else's, memory or not; whole pages around it */
    struct memory_map usable;   /* memory that is not reserved */
    size_t harts;
    uint64_t timebase; /* steps of the timer in a second, 0 if unknown */
};

/* Read the device tree at `fdt`, of which at most `limit` bytes are touched. On an error `machine`
 * knows nothing: no memory, no hart. The tree itself counts as reserved. Addresses that a paddr_t
 * cannot hold are left out, and so is the last page of those that it can. Steps: one a byte of the
 * tree, and one a range for each range. */
enum fdt_error machine_read(struct machine *machine, const void *fdt, size_t limit);

/* Find out what is memory, and what of it is nobody's: what the device tree says, less the kernel's
 * image and all that lies below it in the same range of memory. Where the tree cannot be used, that
 * is printed, and image and free_ram are all the memory that there is; and so is how much memory is
 * not used because a map is full. O(bytes of the tree, ranges squared). */
void machine_find(struct machine *machine, const void *fdt, struct memory_range image,
                  struct memory_range free_ram);
