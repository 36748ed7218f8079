/* What the firmware does for the kernel: a console, and the end of the machine. With several harts
 * it starts them (HSM), interrupts them (IPI), and has them forget page tables (RFENCE). Its
 * interface is SBI (Supervisor Binary Interface), here as OpenSBI provides it. */
#include "sbi.h"

#include <stdatomic.h>

enum {
    SBI_LEGACY_PUTCHAR = 0x01,
    SBI_LEGACY_SHUTDOWN = 0x08,
    SBI_BASE = 0x10,
    SBI_BASE_PROBE_EXTENSION = 3,
    SBI_DEBUG_CONSOLE = 0x4442434e, /* "DBCN" */
    SBI_DEBUG_CONSOLE_WRITE_BYTE = 2,
    SBI_SYSTEM_RESET = 0x53525354, /* "SRST" */
    SBI_HART_STATE = 0x48534d,     /* "HSM" */
    SBI_HART_START = 0,
    SBI_IPI = 0x735049, /* "sPI" */
    SBI_SEND_IPI = 0,
    SBI_RFENCE = 0x52464e43, /* "RFNC" */
    SBI_REMOTE_SFENCE_VMA = 1,
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

/* The same for calls with more arguments. */
static struct sbi_result sbi_call_4(unsigned long extension, unsigned long function,
                                    const unsigned long arguments[4]) {
    register unsigned long a2 __asm__("a2") = arguments[2];
    register unsigned long a3 __asm__("a3") = arguments[3];
    register unsigned long a0 __asm__("a0") = arguments[0];
    register unsigned long a1 __asm__("a1") = arguments[1];
    register unsigned long a6 __asm__("a6") = function;
    register unsigned long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(long) a0, a1};
}

static bool has_extension(unsigned long extension) {
    struct sbi_result probe = sbi_call(SBI_BASE, SBI_BASE_PROBE_EXTENSION, extension, 0);
    return probe.error == 0 && probe.value != 0;
}

/* ---- console ---- */

/* Old firmware has only the legacy call, and new firmware may have dropped it. */
static bool has_debug_console;

void console_init(void) {
    has_debug_console = has_extension(SBI_DEBUG_CONSOLE);
}

void putchar(char c) {
    unsigned char byte = (unsigned char) c;
    if (has_debug_console)
        sbi_call(SBI_DEBUG_CONSOLE, SBI_DEBUG_CONSOLE_WRITE_BYTE, byte, 0);
    else
        sbi_call(SBI_LEGACY_PUTCHAR, 0, byte, 0);
}

/* A lock of the least kind: nobody asks who has it. */
static atomic_bool console_is_taken, console_is_broken;

void console_wait_and_take(void) {
    while (!atomic_load_explicit(&console_is_broken, memory_order_relaxed) &&
           atomic_exchange_explicit(&console_is_taken, true, memory_order_acquire))
        continue;
}

void console_give_back(void) {
    atomic_store_explicit(&console_is_taken, false, memory_order_release);
}

bool console_break(void) {
    atomic_store_explicit(&console_is_broken, true, memory_order_relaxed);
    return atomic_load_explicit(&console_is_taken, memory_order_relaxed);
}

/* ---- the end ---- */

_Noreturn void sbi_shutdown(bool ok) {
    sbi_call(SBI_SYSTEM_RESET, 0, 0, ok ? 0 : 1);
    sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

/* ---- several harts ---- */

bool sbi_has_harts(void) {
    return has_extension(SBI_HART_STATE) && has_extension(SBI_IPI);
}

long sbi_hart_start(unsigned long hart, void (*entry)(void), void *argument) {
    const unsigned long arguments[4] = {hart, (uintptr_t) entry, (uintptr_t) argument};
    return sbi_call_4(SBI_HART_STATE, SBI_HART_START, arguments).error;
}

void sbi_interrupt(struct sbi_harts harts) {
    sbi_call(SBI_IPI, SBI_SEND_IPI, harts.mask, harts.base);
}

bool sbi_remote_fence(struct sbi_harts harts, uintptr_t vaddr, size_t size) {
    const unsigned long arguments[4] = {harts.mask, harts.base, vaddr, size};
    return sbi_call_4(SBI_RFENCE, SBI_REMOTE_SFENCE_VMA, arguments).error == 0;
}
