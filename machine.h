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

/* What kernel_main runs when all is set up: the file that the build names as PROGRAM, the self-test
 * if it names none. `free_ram` is the usable part of __free_ram. True: all is well. */
bool program(const struct alloc_stage *stage, const struct machine *machine,
             struct memory_range free_ram);
