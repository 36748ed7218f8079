/* How the other harts begin, and what they do. */
#pragma once

#include "memory/machine.h"

/* Where boot sends a hart that is not the first, and has no stack: if it is one that was to be
 * started this does not return. */
void hart_astray(void);

/* Start the harts of the device tree at `fdt`, one after the other, and say how many run then. One
 * that the firmware will not start, or that has not come after a second, is named and left out. */
void harts_start(const struct machine *machine, const void *fdt);

/* How many run, with the one that booted. */
unsigned harts_count(void);

/* Run work(argument) on all of them at once, on this one, too. It returns when all have. For the
 * hart that booted, and `work` does not call it. */
void harts_run(void (*work)(uintptr_t), uintptr_t argument);
