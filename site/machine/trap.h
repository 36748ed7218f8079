/* Exceptions and interrupts: how the hart comes to its handlers, and back. */
#pragma once

#include "machine.h"

enum exception {
    FETCH_ACCESS = 1,
    ILLEGAL = 2,
    BREAKPOINT = 3,
    LOAD_MISALIGNED = 4,
    LOAD_ACCESS = 5,
    STORE_MISALIGNED = 6,
    STORE_ACCESS = 7,
    CALL_FROM_USER = 8, /* + privilege */
    FETCH_PAGE = 12,
    LOAD_PAGE = 13,
    STORE_PAGE = 15,
};

enum interrupt {
    SUPERVISOR_SOFTWARE = 1,
    MACHINE_SOFTWARE = 3,
    SUPERVISOR_TIMER = 5,
    MACHINE_TIMER = 7,
    SUPERVISOR_EXTERNAL = 9,
    MACHINE_EXTERNAL = 11,
};

enum mstatus_bit {
    MSTATUS_SIE = 1 << 1,
    MSTATUS_MIE = 1 << 3,
    MSTATUS_SPIE = 1 << 5,
    MSTATUS_MPIE = 1 << 7,
    MSTATUS_SPP = 1 << 8,
    MSTATUS_MPP = 3 << 11,
    MSTATUS_MPRV = 1 << 17,
    MSTATUS_SUM = 1 << 18,
    MSTATUS_MXR = 1 << 19,
    MSTATUS_TVM = 1 << 20,
    MSTATUS_TW = 1 << 21,
    MSTATUS_TSR = 1 << 22,
};
enum {
    MPP_SHIFT = 11,
    SPP_SHIFT = 8
};
/* U and S have 64 bits for good. */
static const uint64_t MSTATUS_UXL = 2ULL << 32, MSTATUS_SXL = 2ULL << 34;

/* Notes why the instruction cannot be done. Always false, to be returned. */
bool raise_trap(uint64_t cause, uint64_t value);

/* Goes to the handler of what raise_trap has noted, from hart.pc. */
void trap_enter(void);

/* mret and sret: where the hart goes on. */
uint64_t trap_return_machine(void);
uint64_t trap_return_supervisor(void);

/* Which interrupts are pending: brings mip up to date with the CLINT, and returns it. */
uint64_t mip_update(void);

/* Goes to the handler of an interrupt, if one is pending and enabled. */
void interrupt_take(void);
