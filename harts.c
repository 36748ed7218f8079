/* What a hart has for itself, and what it says to the others.
 *
 *   tp ──► ┌─ struct hart ───────────────┐
 *          │  id, state, what others ask │
 *          │  trap stack                 │
 *          └─ tp ────────────────────────┘ ◄── sscratch, outside of a trap
 *
 * A hart cannot do anything on another. It sets a bit there, through the firmware: the software
 * interrupt. The other one traps, if it lets interrupts in, and looks what it was asked to do. */
#include "harts.h"

#include "common.h"
#include "image.h"
#include "riscv.h"

/* Between two stacks is a guard, as kernel.ld lays them out. No frame is larger: run.sh. */
#define STACK_GUARD ((size_t) 64 * 1024)

struct hart harts[HARTS];

void harts_init(unsigned long id) {
    __asm__ volatile("mv tp, %0" ::"r"(harts));
    harts[0].id = id;
    for (size_t at = 0; at < HARTS; at++) {
        struct hart *hart = &harts[at];
        hart->stack_top = __stack_top + at * (STACK_GUARD + STACK_SIZE);
        hart->trap_stack_top = hart->trap_stack + sizeof(hart->trap_stack);
        hart->tp = hart;
    }
    atomic_store_explicit(&harts[0].state, HART_UP, memory_order_relaxed);
}

void print_hart(const struct hart *hart) {
    if (HARTS > 1)
        printf("hart %lu: ", hart->id);
}

/* ---- interrupts ---- */

enum {
    SOFTWARE_INTERRUPT = 1 << 1, /* in sie and sip */
};

void hart_wake(const struct hart *hart) {
    sbi_interrupt((struct sbi_harts){1, hart->id});
}

void harts_listen(void) {
    __asm__ volatile("csrc sip, %0" ::"r"(SOFTWARE_INTERRUPT)); /* one that was there before */
    WRITE_CSR(sie, SOFTWARE_INTERRUPT); /* whatever the firmware has left there */
    interrupts_on();
}

/* ---- to stand still ---- */

void hart_stand_still(void) {
    WRITE_CSR(sie, 0);
    atomic_store_explicit(&this_hart()->state, HART_STILL, memory_order_release);
    for (;;)
        __asm__ volatile("wfi");
}

#define STOP_TICKS 10000000 /* how long a hart may take to do so: a second on QEMU */

/* Who ends the machine, once somebody does. */
static _Atomic(struct hart *) stopper;

/* A hart that does not hear is left alone after a while: what is to be printed matters more. */
static void wait_until_still(const struct hart *hart) {
    uintptr_t start = READ_CSR(time);
    unsigned looks = 0;
    while (!hart_is(hart, HART_STILL) &&
           (looks++ < LEAST_LOOKS || READ_CSR(time) - start < STOP_TICKS))
        continue;
}

void harts_stop_others(void) {
    struct hart *first = NULL;
    WRITE_CSR(sie, 0); /* an interrupt would have whoever is the stopper stand still */
    if (!atomic_compare_exchange_strong(&stopper, &first, this_hart())) {
        if (first == this_hart())
            return;
        hart_stand_still();
    }
    for (size_t at = 0; at < HARTS; at++)
        if (&harts[at] != this_hart() && hart_is(&harts[at], HART_UP))
            hart_wake(&harts[at]);
    for (size_t at = 0; at < HARTS; at++)
        if (&harts[at] != this_hart() && hart_is(&harts[at], HART_UP))
            wait_until_still(&harts[at]);
    if (console_break())
        printf("\n"); /* whoever stood still amid a line */
}

/* ---- to be asked ---- */

void (*_Atomic harts_answer)(void);

void harts_interrupted(void) {
    struct hart *hart = this_hart();
    /* First the bit, then the look: whoever asks in between sets it again. To write sip is output
       (o), and C's fences are for memory alone. */
    __asm__ volatile("csrc sip, %0\n fence o, r" ::"r"(SOFTWARE_INTERRUPT) : "memory");
    if (atomic_load_explicit(&stopper, memory_order_acquire))
        hart_stand_still();
    unsigned asked = atomic_load_explicit(&hart->fences_asked, memory_order_acquire);
    __asm__ volatile("sfence.vma zero, zero" ::: "memory");
    atomic_store_explicit(&hart->fences, asked, memory_order_release);
    void (*answer)(void) = atomic_load_explicit(&harts_answer, memory_order_acquire);
    if (answer != NULL)
        answer();
}

/* ---- page tables ---- */

/* Where the firmware does not do it, the other hart does it itself. The number says when it has. */
static void fence_by_interrupt(struct hart *hart) {
    unsigned number = atomic_fetch_add_explicit(&hart->fences_asked, 1, memory_order_acq_rel) + 1;
    hart_wake(hart);
    while ((int) (atomic_load_explicit(&hart->fences, memory_order_acquire) - number) < 0)
        continue;
}

static bool is_other_with_paging(const struct hart *hart) {
    return hart != this_hart() && atomic_load_explicit(&hart->has_paging, memory_order_relaxed);
}

/* From harts[*at] on, those with paging whose ids fit into one mask; *at is then behind them. */
static struct sbi_harts next_with_paging(size_t *at) {
    struct sbi_harts group = {0, 0};
    for (; *at < HARTS; ++*at) {
        const struct hart *hart = &harts[*at];
        if (!is_other_with_paging(hart))
            continue;
        if (group.mask == 0)
            group.base = hart->id;
        unsigned long bit = hart->id - group.base;
        if (bit >= sizeof(group.mask) * 8)
            break;
        group.mask |= 1UL << bit;
    }
    return group;
}

void harts_fence_others(uintptr_t vaddr, size_t size) {
    /* A hart that turns paging on says so first, and then reads the tables (vm.c). So either it is
       seen here, or it sees what was changed. */
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t at = 0, first = 0; at < HARTS; first = at) {
        struct sbi_harts group = next_with_paging(&at);
        if (group.mask == 0 || sbi_remote_fence(group, vaddr, size))
            continue;
        for (; first < at; first++)
            if (is_other_with_paging(&harts[first]))
                fence_by_interrupt(&harts[first]);
    }
}
