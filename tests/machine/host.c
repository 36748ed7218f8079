/* Files and boots for the programs that run the machine on the host. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static void check(const char *problem, const char *path) {
    if (!problem)
        return;
    fprintf(stderr, "%s: %s\n", path, problem);
    exit(2);
}

struct bytes host_read(const char *path) {
    FILE *file = fopen(path, "rb");
    check(file ? NULL : "cannot be opened", path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    struct bytes bytes = {malloc((size_t) size + 1), (size_t) size};
    check(fread(bytes.at, 1, bytes.size, file) == bytes.size ? NULL : "cannot be read", path);
    fclose(file);
    return bytes;
}

void host_boot(const char *firmware, const char *kernel, const char *tree, uint64_t mib) {
    static uint8_t *memory;
    static uint64_t size;
    struct bytes file;
    if (memory)
        munmap(memory, size);
    size = mib << 20;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory == MAP_FAILED ? "no room for the machine's memory" : NULL, "mmap");
    boot_begin(memory, size);
    file = host_read(firmware);
    check(boot_firmware(file.at, file.size), firmware);
    free(file.at);
    if (kernel) {
        file = host_read(kernel);
        check(boot_kernel(file.at, file.size), kernel);
        free(file.at);
    }
    if (tree) {
        file = host_read(tree);
        check(boot_device_tree(file.at, file.size), tree);
        free(file.at);
    }
    boot_finish();
}
