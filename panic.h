/* How the kernel ends. */
#pragma once

#include <stdbool.h>

/* The page of QEMU's test device, through which shutdown ends QEMU. */
#ifndef TEST_DEVICE
#define TEST_DEVICE 0x100000
#endif

/* End the machine, for all its harts. `ok` becomes the exit status of QEMU: 0 or 1. */
_Noreturn void shutdown(bool ok);

/* End the machine on which there is no test device. The exit status is lost: run.sh reads the
 * verdict instead. Aligned, so that it can serve as a trap vector. */
_Noreturn void shutdown_through_sbi(void);

/* From here on a stack that grows over its end, any hart's, makes shutdown say so, and the status
 * 1. */
void canary_init(void);

/* Print where and why the kernel cannot go on, and shut down with failure. */
#define PANIC(...) panic(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn __attribute__((format(printf, 3, 4))) void panic(const char *file, int line,
                                                           const char *format, ...);
