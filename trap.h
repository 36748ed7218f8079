/* Traps: reported, or survived where one is expected. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* From here on every trap of this hart is reported, and ends the machine. */
void trap_init(void);

/* What the trap is called: "load page fault" and so on. */
const char *trap_name(uintptr_t scause);

enum trap_cause {
    TRAP_ILLEGAL_INSTRUCTION = 2,
    TRAP_INSTRUCTION_PAGE_FAULT = 12,
    TRAP_LOAD_PAGE_FAULT = 13,
    TRAP_STORE_PAGE_FAULT = 15,
};

/* A trap as the hart tells of it, in the registers of these names. */
struct trap {
    uintptr_t scause; /* an enum trap_cause, or another */
    uintptr_t sepc;   /* the address of the instruction that trapped */
    uintptr_t stval;  /* for a page fault: the address that it wanted to reach */
};

/* Call run(argument). True if it trapped: *trap says how, and what was left of it is not run. Any
 * trap that is not expected in this way is reported and ends the machine. `run` must not expect
 * a trap itself. */
bool trap_expect(void (*run)(uintptr_t), uintptr_t argument, struct trap *trap);
