/* What every file of the kernel may use. Pages and physical addresses come from alloc/alloc.h,
 * which stands alone so that alloc/ can be copied out whole. */
#pragma once

#include <stdarg.h>

#include "alloc/alloc.h"

/* As in C's string.h. A compiler may call the first four by itself. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);

/* Formatted output to the console. Conversions: %c %s %d %u %x %p %%, with a width, `0` and `-`
 * before it, and the lengths l, ll and z. Anything else is printed as it stands. */
__attribute__((format(printf, 1, 2))) void printf(const char *format, ...);

/* The same with the arguments that another function was given. */
__attribute__((format(printf, 1, 0))) void vprintf(const char *format, va_list args);
