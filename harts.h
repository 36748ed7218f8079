/* Harts: what each has for itself, and what one says to the others. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "sbi.h"
#include "trap.h"

#define STACK_SIZE ((size_t) 128 * 1024) /* of every hart's stack; kernel.ld has the same */

/* A wait for another hart ends after some time, but not before so many looks: where a busy machine
 * emulates harts the clock goes on while none of them runs, and none looks. */
#define LEAST_LOOKS 100000000

enum hart_state {
    HART_ABSENT,
    HART_STARTING, /* the firmware was asked to start it */
    HART_UP,
    HART_LATE,  /* it took too long: should it come, it is to stand still */
    HART_STILL, /* for good, because another is printing why the kernel ends */
};

/* What a hart has for itself. Its register tp points here as long as it runs. */
struct hart {
    uintptr_t guarded_sp; /* trap.c's, while a trap is expected, otherwise 0; at offset 0 */
    char *stack_top;      /* where its stack begins; at offset REG_SIZE */
    char *trap_stack_top; /* the same of trap_stack; at offset 2 * REG_SIZE */
    struct trap caught;   /* the last trap that was expected */
    unsigned long id;     /* what firmware and device tree call it; at offset 6 * REG_SIZE */

    _Atomic(enum hart_state) state;
    void (*_Atomic work)(uintptr_t); /* what it is to run, NULL for nothing */
    uintptr_t argument;              /* of `work` */

    atomic_bool has_paging;           /* does it translate addresses by the kernel's table? */
    atomic_uint fences_asked, fences; /* it has done those up to `fences` */

    /* Traps have a stack of their own: the usual one may be what is broken. sscratch holds its top,
       where trap_entry finds what tp is to be. */
    char trap_stack[4096] __attribute__((aligned(16)));
    struct hart *tp;
} __attribute__((aligned(64)));

/* The first is the one that boots. */
extern struct hart harts[HARTS];

/* The hart that asks. */
static inline struct hart *this_hart(void) {
    struct hart *hart;
    if (HARTS == 1)
        return harts;
    __asm__ volatile("mv %0, tp" : "=r"(hart));
    return hart;
}

static inline bool hart_is(const struct hart *hart, enum hart_state state) {
    return atomic_load_explicit(&hart->state, memory_order_acquire) == state;
}

/* Let the hart that boots be harts[0], and the only one; `id` is what the firmware calls it. */
void harts_init(unsigned long id);

/* Print whose the line is that follows: "hart 2: ". Nothing in a kernel for one hart. */
void print_hart(const struct hart *hart);

/* Interrupt a hart, be it asleep or not. */
void hart_wake(const struct hart *hart);

/* Let interrupts from other harts come, on this one. */
void harts_listen(void);

/* What trap.c calls for a software interrupt: do what the others ask of this hart. */
void harts_interrupted(void);

/* What else a hart does then: called on each that is interrupted, in the trap; NULL is nothing. It
 * waits for no lock under which a hart may wait for this one. */
extern void (*_Atomic harts_answer)(void);

/* Do nothing more, ever. */
_Noreturn void hart_stand_still(void);

/* Have all others stand still for good: the caller alone prints from now on, and ends the machine.
 * Of several harts that want that at once one goes on; for the others this does not return.
 */
void harts_stop_others(void);

static inline void harts_stop(void) {
    if (HARTS > 1)
        harts_stop_others();
}

/* Have every other hart that has paging on forget what it remembers of page tables, for the page at
 * vaddr, or with size SIZE_MAX for all. Tables must have been changed before, and none of these
 * harts uses the old entries when this returns. Interrupts are on: others may be waiting for this
 * hart to do the same. */
void harts_fence_others(uintptr_t vaddr, size_t size);

static inline void harts_fence(uintptr_t vaddr, size_t size) {
    if (HARTS > 1)
        harts_fence_others(vaddr, size);
}
