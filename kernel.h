/* What sbi.c, kernel.ld and trap.c lend to others: a console and an end, where things lie, and
 * traps that are survived. */
#pragma once

#include "common.h"

/* The page of QEMU's test device, through which shutdown ends QEMU. */
#ifndef TEST_DEVICE
#define TEST_DEVICE 0x100000
#endif

/* Find out how this firmware prints. */
void console_init(void);

/* End the machine on which there is no test device. The exit status is lost: run.sh reads the
 * verdict instead. */
_Noreturn void shutdown_through_sbi(void);

/* Addresses that kernel.ld exports. Only their addresses mean anything. All are multiples of
 * PAGE_SIZE. */
extern char __image[], __image_end[], __stack_bottom[], __stack_top[], __text[], __rodata[],
    __data[], __free_ram[], __free_ram_end[];

/* From here on every trap is reported, and ends the machine. */
void trap_init(void);

/* Has the stack grown over its end since trap_init? Prints so if it has. */
bool stack_overran(void);

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
