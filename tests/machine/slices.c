/* Runs the machine in slices of SLICE steps, and prints what it has come to after each thousand,
 * and its memory at the end:
 *
 *   slices FIRMWARE KERNEL MOST SLICE
 *
 * KERNEL may be "-": none. lockstep compares single steps with QEMU. Two runs of this with
 * different SLICEs print the same if many steps in a row do what single ones do. */
#include "../../site/machine/device.h"
#include "../../site/machine/refuse.h"
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIB = 32,
    MARK = 1000,
};

/* FNV-1a, of words instead of bytes. */
static uint64_t hash(const void *bytes, size_t size) {
    uint64_t sum = 0xcbf29ce484222325, word;
    for (size_t i = 0; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, (const uint8_t *) bytes + i, sizeof word);
        sum = (sum ^ word) * 0x100000001b3;
        sum ^= sum >> 32;
    }
    return sum;
}

/* All of the hart, but that somebody has called: the loop takes note of that at a slice's end. */
static uint64_t hart_hash(void) {
    static struct hart copy;
    memcpy(&copy, &hart, sizeof copy);
    copy.is_called = false;
    return hash(&copy, sizeof copy);
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    uint64_t most = strtoull(argv[3], NULL, 0), slice = strtoull(argv[4], NULL, 0), mark = MARK;
    host_boot(argv[1], strcmp(argv[2], "-") ? argv[2] : NULL, NULL, MIB);
    traps_instead = true;
    enum stop stop = RUNNING;
    while (stop == RUNNING && hart.steps < most) {
        uint64_t left = (mark < most ? mark : most) - hart.steps;
        stop = machine_run(left < slice ? left : slice);
        uart_output_size = 0;
        if (hart.steps < mark)
            continue;
        printf("%" PRIu64 " steps, pc %#" PRIx64 ", hart %" PRIx64 "\n", hart.steps, hart.pc,
               hart_hash());
        mark = hart.steps + MARK;
    }
    printf("%" PRIu64 " steps, stop %d, pc %#" PRIx64 ", hart %" PRIx64 ", memory %" PRIx64 "\n",
           hart.steps, stop, hart.pc, hart_hash(), hash(ram, ram_size));
    return 0;
}
