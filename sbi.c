/* What the firmware does for the kernel: a console, and the end. Its interface is SBI (Supervisor
 * Binary Interface), here as OpenSBI provides it. */
#include "kernel.h"
#include "riscv.h"

enum {
    SBI_LEGACY_PUTCHAR = 0x01,
    SBI_LEGACY_SHUTDOWN = 0x08,
    SBI_BASE = 0x10,
    SBI_BASE_PROBE_EXTENSION = 3,
    SBI_DEBUG_CONSOLE = 0x4442434e, /* "DBCN" */
    SBI_DEBUG_CONSOLE_WRITE_BYTE = 2,
    SBI_SYSTEM_RESET = 0x53525354, /* "SRST" */
};

struct sbi_result {
    long error;
    unsigned long value;
};

static struct sbi_result sbi_call(unsigned long extension, unsigned long function,
                                  unsigned long arg0, unsigned long arg1) {
    register unsigned long a0 __asm__("a0") = arg0;
    register unsigned long a1 __asm__("a1") = arg1;
    register unsigned long a6 __asm__("a6") = function;
    register unsigned long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(long) a0, a1};
}

/* ---- console ---- */

/* Old firmware has only the legacy call, and new firmware may have dropped it. */
static bool has_debug_console;

void console_init(void) {
    struct sbi_result probe = sbi_call(SBI_BASE, SBI_BASE_PROBE_EXTENSION, SBI_DEBUG_CONSOLE, 0);
    has_debug_console = probe.error == 0 && probe.value != 0;
}

void putchar(char c) {
    unsigned char byte = (unsigned char) c;
    if (has_debug_console)
        sbi_call(SBI_DEBUG_CONSOLE, SBI_DEBUG_CONSOLE_WRITE_BYTE, byte, 0);
    else
        sbi_call(SBI_LEGACY_PUTCHAR, 0, byte, 0);
}

/* ---- shutdown ---- */

/* QEMU's test device ends QEMU with an exit status. SBI's System Reset has a reason for failure,
 * but OpenSBI 1.1 ends QEMU with 0 all the same. */
enum {
    TEST_DEVICE_PASS = 0x5555,
    TEST_DEVICE_FAIL_1 = 0x13333, /* exit status 1 in the upper half */
};

static bool shutdown_ok;

/* Aligned, because it serves as a trap vector. */
_Noreturn __attribute__((aligned(4))) void shutdown_through_sbi(void) {
    sbi_call(SBI_SYSTEM_RESET, 0, 0, shutdown_ok ? 0 : 1);
    sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

_Noreturn void shutdown(bool ok) {
    bool overran = stack_overran();
    shutdown_ok = ok && !overran;
    /* Without a test device this store traps, and goes on there. */
    WRITE_CSR(stvec, shutdown_through_sbi);
    *(volatile uint32_t *) TEST_DEVICE = shutdown_ok ? TEST_DEVICE_PASS : TEST_DEVICE_FAIL_1;
    shutdown_through_sbi();
}
