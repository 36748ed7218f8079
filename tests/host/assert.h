/* What host tests and fuzzers do where something that alloc/ relies on does not hold:
 * tests/Makefile has every file begin with this one. It includes nothing, so that files can still
 * choose what the C library declares. */
#pragma once

int dprintf(int fd, const char *format, ...);

#define ALLOC_ASSERT(condition)                                                              \
    ((condition) ? (void) 0                                                                  \
                 : (dprintf(2, "%s:%d: ALLOC_ASSERT(%s)\n", __FILE__, __LINE__, #condition), \
                    __builtin_abort()))
