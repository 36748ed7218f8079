/* Any bytes as a device tree. They lie in a block of exactly their size, so that AddressSanitizer
 * sees every read outside; and what the reader says of them is sound, twice the same. */
#include "../../memory/fdt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void expect(bool is_true) {
    if (!is_true)
        abort();
}

static void expect_sound(const struct fdt_item *item) {
    if (item->kind == FDT_MEMORY || item->kind == FDT_RESERVED)
        expect(item->size > 0 && item->size <= UINT64_MAX - item->start);
    else
        expect((item->kind == FDT_HART || item->kind == FDT_TIMEBASE) && item->size == 0);
}

/* One walk: how many items there are, and a sum over what they say. */
static uint64_t walk(struct fdt *tree, size_t *count) {
    struct fdt_item item;
    enum fdt_error error;
    uint64_t sum = 0;
    for (*count = 0; (error = fdt_next(tree, &item)) == FDT_OK; ++*count) {
        expect_sound(&item);
        sum = sum * 31 + item.kind + item.start * 7 + item.size;
    }
    expect(error == FDT_DONE);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    void *blob = malloc(size);
    expect(blob != NULL);
    if (size > 0)
        memcpy(blob, bytes, size);

    struct fdt tree;
    enum fdt_error error = fdt_open(&tree, blob, size);
    expect(error != FDT_DONE && error != FDT_BAD_ADDRESS);
    expect(strncmp(fdt_error_name(error), "FDT_", 4) == 0);
    if (error == FDT_OK) {
        size_t count, again;
        expect(tree.size <= size);
        expect(walk(&tree, &count) == walk(&tree, &again));
        expect(count == again && count <= size / 4);
    }
    free(blob);
    return 0;
}
