/* The kernel's self-test as a program of the host: under the stage that the build names, on memory
 * from the host. No hart, no traps, no MMU; its exit status is the verdict. With the argument
 * `--first` it ends at the first failure.
 *
 *   memory   │   64 MiB: the window   │ reserved │ 8 MiB │
 *            └ 37 * 64 KiB behind a multiple of 1 GiB, whatever else the host's addresses are:
 *              all runs are alike */
#define _POSIX_C_SOURCE 200809L
#include "../../panic.h"
#include "../../sbi.h"
#include "../selftest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB ((size_t) 1024)
#define MIB (1024 * KIB)

static bool ends_at_first_failure;

/* A line at a time. What a test says first when it fails begins with the line of the source. */
void putchar(char c) {
    static const char failure[] = "# line ";
    static char line[256];
    static size_t length;
    line[length++] = c;
    if (c != '\n' && length < sizeof(line))
        return;
    if (write(STDOUT_FILENO, line, length) != (ssize_t) length)
        _exit(2);
    if (ends_at_first_failure && memcmp(line, failure, sizeof(failure) - 1) == 0)
        _exit(1);
    length = 0;
}

_Noreturn void shutdown(bool ok) {
    exit(ok ? 0 : 1);
}

void panic(const char *file, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("PANIC: %s:%d: ", file, line);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    shutdown(false);
}

const struct test_list vm_tests = {0}; /* they need an MMU */

static struct machine machine;

int main(int argc, char **argv) {
    void *block;
    ends_at_first_failure = argc == 2 && strcmp(argv[1], "--first") == 0;
    if (posix_memalign(&block, MAX_ALIGN, 76 * MIB) != 0)
        return 2;
    paddr_t start = (paddr_t) block + (size_t) 37 * 64 * KIB;
    paddr_t hole = start + 64 * MIB, rest = hole + MIB, end = rest + 8 * MIB;
    map_add(&machine.memory, start, end);
    map_add(&machine.reserved, hole, rest);
    map_add(&machine.usable, start, hole);
    map_add(&machine.usable, rest, end);

    frames_init(&ALLOC, &machine.usable);
    frames_add(0, UINTPTR_MAX);
    bool ok = program(&ALLOC, &machine, (struct memory_range){start, hole});
    free(block);
    shutdown(ok);
}
