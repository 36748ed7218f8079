/* What the kernel asks of the firmware. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For how many harts the kernel is built: ./run.sh --harts. What only several need is behind
 * HARTS > 1, and a kernel for one has not an instruction of it. */
#ifndef HARTS
#define HARTS 1
#endif

/* Find out how this firmware prints. Until then, and without a word from it, it is the old way. */
void console_init(void);

/* Write one character to the console. */
void putchar(char c);

/* The console is one hart's from take to give, and what it prints between them is in one piece. */
void console_wait_and_take(void);
void console_give_back(void);

static inline void console_take(void) {
    if (HARTS > 1)
        console_wait_and_take();
}

static inline void console_give(void) {
    if (HARTS > 1)
        console_give_back();
}

/* From here on the console is anybody's: whoever had it stands still and will not give it back.
 * True if somebody had. */
bool console_break(void);

/* End the machine by System Reset, or as old firmware does. `ok` is for the firmware to tell, and
 * OpenSBI 1.1 tells nobody. */
_Noreturn void sbi_shutdown(bool ok);

/* ---- several harts ---- */

/* Has the firmware what starts harts, and what interrupts them? */
bool sbi_has_harts(void);

/* Have a hart begin at `entry`, in S-mode, with its id in a0 and `argument` in a1. 0, or the
 * firmware's error. */
long sbi_hart_start(unsigned long hart, void (*entry)(void), void *argument);

/* Harts whose ids are base, for bit 0 of the mask, base + 1 for bit 1, and so on. */
struct sbi_harts {
    unsigned long mask;
    unsigned long base;
};

/* Set the bit of the software interrupt in sip on each of these harts. */
void sbi_interrupt(struct sbi_harts harts);

/* Have each of these harts forget what it remembers of page tables: for the page at vaddr, or with
 * size SIZE_MAX for all. It has when this returns. False: this firmware cannot do that. */
bool sbi_remote_fence(struct sbi_harts harts, uintptr_t vaddr, size_t size);
