/* What every file of the kernel may use. Pages and physical addresses come from alloc/alloc.h,
 * which stands alone so that alloc/ can be copied out whole. */
#pragma once

#include "alloc/alloc.h"

/* Write one character to the console. */
void putchar(char c);

/* End the machine. `ok` becomes the exit status of QEMU: 0 or 1. */
_Noreturn void shutdown(bool ok);

/* As in C's string.h. A compiler may call the first four by itself. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);

/* Formatted output to the console. Conversions: %c %s %d %u %x %p %%, with a width, `0` and `-`
 * before it, and the lengths l, ll and z. Anything else is printed as it stands. */
__attribute__((format(printf, 1, 2))) void printf(const char *format, ...);

/* Print where and why the kernel cannot go on, and shut down with failure. */
#define PANIC(...) panic(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn __attribute__((format(printf, 3, 4))) void panic(const char *file, int line,
                                                           const char *format, ...);
