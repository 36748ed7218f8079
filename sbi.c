/* What the firmware does for the kernel: a console, and the end of the machine. Its interface is
 * SBI (Supervisor Binary Interface), here as OpenSBI provides it. */
#include "sbi.h"

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

/* ---- the end ---- */

_Noreturn void sbi_shutdown(bool ok) {
    sbi_call(SBI_SYSTEM_RESET, 0, 0, ok ? 0 : 1);
    sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}
