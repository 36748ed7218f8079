/* The end of the kernel: what it says before, and the status that it leaves. */
#include "panic.h"

#include "common.h"
#include "harts.h"
#include "riscv.h"
#include "sbi.h"

/* ---- the end of the stack ---- */

/* The lowest word of every stack holds this until the stack grows over it. */
static const uintptr_t STACK_CANARY = 0x57ac0ca7;

static volatile uintptr_t *lowest_of_stack(const struct hart *hart) {
    return (volatile uintptr_t *) (void *) (hart->stack_top - STACK_SIZE);
}

void canary_init(void) {
    for (size_t at = 0; at < HARTS; at++)
        *lowest_of_stack(&harts[at]) = STACK_CANARY;
}

static bool stack_overran(const struct hart *hart) {
    if (*lowest_of_stack(hart) == STACK_CANARY)
        return false;
    print_hart(hart);
    printf("stack overrun: the canary at %p is gone\n", (void *) (hart->stack_top - STACK_SIZE));
    return true;
}

static bool some_stack_overran(void) {
    bool overran = false;
    for (size_t at = 0; at < HARTS; at++)
        overran |= stack_overran(&harts[at]);
    return overran;
}

/* ---- shutdown ---- */

/* QEMU's test device ends QEMU with an exit status. SBI's System Reset has a reason for failure,
 * but OpenSBI 1.1 ends QEMU with 0 all the same. */
enum {
    TEST_DEVICE_PASS = 0x5555,
    TEST_DEVICE_FAIL_1 = 0x13333, /* exit status 1 in the upper half */
    TEST_DEVICE_TICKS = 10000000, /* a second of QEMU's timer */
};

static bool shutdown_ok;

_Noreturn __attribute__((aligned(4))) void shutdown_through_sbi(void) {
    sbi_shutdown(shutdown_ok);
}

/* QEMU 10 only notes that it is to end, and lets the hart run on for a moment. If the firmware were
 * asked meanwhile, its answer would take the place of the status. */
static void wait_for_the_end(void) {
    uintptr_t start = READ_CSR(time), now = start;
    while (now - start < TEST_DEVICE_TICKS)
        now = READ_CSR(time);
}

_Noreturn void shutdown(bool ok) {
    harts_stop();
    bool overran = some_stack_overran();
    shutdown_ok = ok && !overran;
    /* Without a test device this store traps, and goes on there. */
    WRITE_CSR(stvec, shutdown_through_sbi);
    *(volatile uint32_t *) TEST_DEVICE = shutdown_ok ? TEST_DEVICE_PASS : TEST_DEVICE_FAIL_1;
    wait_for_the_end();
    shutdown_through_sbi();
}

/* ---- panic ---- */

void panic(const char *file, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    harts_stop();
    print_hart(this_hart());
    printf("PANIC: %s:%d: ", file, line);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    shutdown(false);
}
