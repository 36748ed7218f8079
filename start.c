/* How the other harts begin: the firmware has them jump to hart_entry with their struct hart, which
 * brings stack, trap stack and name. Then each sleeps until it is given work. */
#include "start.h"

#include "common.h"
#include "harts.h"
#include "riscv.h"

/* ---- a hart's life ---- */

/* Sleep until there is work. An interrupt that comes between the look and the sleep would be done
 * with before the sleep begins, and nothing would end it. So none is let in until the sleep
 * is over: one that is pending ends it all the same, and is taken then. */
static void wait_for_work(struct hart *hart) {
    for (;;) {
        interrupts_off();
        bool has_work = atomic_load_explicit(&hart->work, memory_order_acquire) != NULL;
        if (!has_work)
            __asm__ volatile("wfi");
        interrupts_on();
        if (has_work)
            return;
    }
}

__attribute__((used)) static _Noreturn void hart_main(struct hart *hart) {
    enum hart_state state = HART_STARTING;
    trap_init();
    harts_listen(); /* whoever sees it up may interrupt it */
    if (!atomic_compare_exchange_strong(&hart->state, &state, HART_UP))
        hart_stand_still();
    for (;;) {
        wait_for_work(hart);
        atomic_load_explicit(&hart->work, memory_order_relaxed)(hart->argument);
        atomic_store_explicit(&hart->work, NULL, memory_order_release);
    }
}

/* Where a hart begins, with its id in a0 and its struct hart in a1, and nothing else. */
__attribute__((naked, used)) static void hart_entry(void) {
    __asm__ volatile("    mv    tp, a1            # who it is\n"
                     "    " LOAD "sp, " REG_SIZE "(tp)  # its stack_top\n"
                     "    mv    a0, tp\n"
                     "    j     hart_main\n");
}

/* ---- a hart that comes the wrong way ---- */

/* The hart that was asked for last. In .data: others may look before .bss is cleared. */
__attribute__((used, section(".data"))) static struct hart *_Atomic asked_for;

/* A hart that finds the kernel booted, with its id in a0: is it the one that was asked for? OpenSBI
 * 1.1 may let it go an instant before it has written down where to, and then it comes by where all
 * begins. */
__attribute__((naked)) void hart_astray(void) {
    __asm__ volatile("    la    t0, asked_for\n"
                     "    " LOAD "a1, (t0)\n"
                     "    beqz  a1, 1f            # none was\n"
                     "    " LOAD "t0, 6 * " REG_SIZE "(a1)  # its id\n"
                     "    bne   t0, a0, 1f\n"
                     "    j     hart_entry\n"
                     "1:  ret\n");
}

/* ---- to start them ---- */

static unsigned count = 1;

static bool comes_within(struct hart *hart, uint64_t ticks) {
    enum hart_state state = HART_STARTING;
    uintptr_t start = READ_CSR(time);
    for (unsigned looks = 0; looks < LEAST_LOOKS || READ_CSR(time) - start < ticks; looks++)
        if (hart_is(hart, HART_UP))
            return true;
    /* From here on it is too late, unless it was at the last moment. */
    return !atomic_compare_exchange_strong(&hart->state, &state, HART_LATE);
}

/* Is the hart's place taken? One that is late may still come, and has its stack there. */
static bool start(struct hart *hart, unsigned long id, uint64_t second) {
    hart->id = id;
    atomic_store_explicit(&hart->state, HART_STARTING, memory_order_release);
    atomic_store_explicit(&asked_for, hart, memory_order_release);
    long error = sbi_hart_start(id, hart_entry, hart);
    if (error != 0) {
        atomic_store_explicit(&hart->state, HART_ABSENT, memory_order_relaxed);
        printf("hart %lu cannot be started: error %ld of the firmware\n", id, error);
        return false;
    }
    if (comes_within(hart, second))
        count++;
    else
        printf("hart %lu has not come within a second, and is left out\n", id);
    return true;
}

/* The device tree's, in its order, but for the one that booted, as long as there is room: for how
 * many was there none? */
static size_t start_all(struct fdt *tree, uint64_t second) {
    struct fdt_item item;
    size_t used = 1, left = 0;
    while (fdt_next(tree, &item) == FDT_OK) {
        if (item.kind != FDT_HART || item.hart == harts[0].id)
            continue;
        if (used < HARTS)
            used += start(&harts[used], (unsigned long) item.hart, second);
        else
            left++;
    }
    return left;
}

void harts_start(const struct machine *machine, const void *fdt) {
    struct fdt tree;
    size_t left = 0;
    if (HARTS == 1)
        return;
    harts_listen();
    if (!sbi_has_harts())
        printf("this firmware starts no harts, or interrupts none\n");
    else if (machine->harts > 0 && fdt_open(&tree, fdt, SIZE_MAX) == FDT_OK)
        left = start_all(&tree, machine->timebase ? machine->timebase : 10000000);
    printf("%u of %d harts run\n", count, HARTS);
    if (left > 0)
        printf("the machine has %zu more, for which this kernel is not built\n", left);
}

unsigned harts_count(void) {
    return count;
}

/* ---- to give them work ---- */

void harts_run(void (*work)(uintptr_t), uintptr_t argument) {
    for (size_t at = 1; at < HARTS; at++) {
        if (!hart_is(&harts[at], HART_UP))
            continue;
        harts[at].argument = argument;
        atomic_store_explicit(&harts[at].work, work, memory_order_release);
        hart_wake(&harts[at]);
    }
    work(argument);
    for (size_t at = 1; at < HARTS; at++)
        while (hart_is(&harts[at], HART_UP) &&
               atomic_load_explicit(&harts[at].work, memory_order_acquire) != NULL)
            continue;
}
