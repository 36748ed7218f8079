/* What kernel_main hands over to when all is set up. */
#pragma once

#include "memory/machine.h"

/* The file that the build names as PROGRAM, the self-test if it names none. `free_ram` is the
 * usable part of __free_ram. True: all is well. */
bool program(const struct alloc_stage *stage, const struct machine *machine,
             struct memory_range free_ram);
