/* Writes the device tree that the machine has with so many MiB of RAM to standard output. */
#include "../../site/machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    static uint8_t tree[DEVICE_TREE_ROOM];
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 0) : 128;
    size_t size = device_tree_write(tree, mib << 20);
    return fwrite(tree, 1, size, stdout) != size;
}
