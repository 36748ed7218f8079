/* What the host's programs share: files, and a boot of them. */
#pragma once

#include "../../site/machine/machine.h"

struct bytes {
    uint8_t *at;
    size_t size;
};

/* A file's bytes. Ends the program with a message if it cannot be read. */
struct bytes host_read(const char *path);

/* The machine with these files loaded; kernel and tree may be NULL. Ends the program with a message
   if one of them is refused. */
void host_boot(const char *firmware, const char *kernel, const char *tree, uint64_t mib);
