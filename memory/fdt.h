/* What memory management needs to know from the flattened device tree.
 *
 *   0                                                                  size
 *   │ header │ reservations │ structure: nodes and properties │ names │
 *
 * Firmware describes the machine in one block of memory, the blob, and passes its address to the
 * kernel in a1. The blob is read where it lies, as a stream of tokens: no copy, no allocation, no
 * recursion. Nothing in it is believed: every offset and length is checked before it is used.
 *
 * The format: Devicetree Specification v0.4, chapter 5; the nodes: chapter 3.
 * https://www.devicetree.org/specifications/ */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fdt_error {
    FDT_OK,
    FDT_DONE,         /* fdt_next: there is no further item */
    FDT_BAD_ADDRESS,  /* the blob is NULL or not aligned to 8 bytes */
    FDT_TRUNCATED,    /* the blob is longer than the limit */
    FDT_BAD_MAGIC,    /* it does not begin with 0xd00dfeed */
    FDT_BAD_VERSION,  /* older than version 16, or not compatible with version 17 */
    FDT_BAD_LAYOUT,   /* a block outside the blob, in another one, or out of order */
    FDT_MISALIGNED,   /* a block at an odd offset, or a structure block of an odd length */
    FDT_UNTERMINATED, /* the list of reservations has no end */
    FDT_BAD_STRING,   /* a property's name outside the block of names, or without an end */
    FDT_NO_END,       /* the structure block has no end token */
    FDT_BAD_TOKEN,    /* an unknown token */
    FDT_BAD_NAME,     /* a node's name without an end */
    FDT_BAD_PROPERTY, /* a property goes on after the end of the structure block */
    FDT_BAD_ORDER,    /* a property in no node, or after a child of its node */
    FDT_UNBALANCED,   /* a node without an end, an end without a node, not exactly one root */
    FDT_BAD_CELLS,    /* a number that is neither one nor two cells long */
    FDT_BAD_LENGTH,   /* a list that ends within an entry */
    FDT_OVERFLOW,     /* a range that passes the end of the 64-bit address space */
};

enum fdt_kind {
    FDT_MEMORY,   /* `size` bytes from `start` are memory */
    FDT_RESERVED, /* `size` bytes from `start` are somebody else's, be they memory or not */
    FDT_HART,     /* there is a hart with the id `hart` */
    FDT_TIMEBASE, /* the timer counts `frequency` steps a second */
};

/* One thing that the tree says. */
struct fdt_item {
    enum fdt_kind kind;
    union {
        uint64_t start;
        uint64_t hart;
        uint64_t frequency;
    };
    uint64_t size; /* not 0 for a range, and start + size fits in 64 bits */
};

/* Bytes of the blob. */
struct fdt_bytes {
    const unsigned char *at;
    uint32_t size;
};

/* A node that the walk is in: its name and the properties that matter here. */
struct fdt_node {
    const char *name;
    struct fdt_bytes address_cells, size_cells, device_type, status, reg;
};

/* All that matters stands in the root, its children and their children. */
#define FDT_LEVELS 3

/* A tree and how far it has been walked. Callers provide the room and read only the first two. */
struct fdt {
    const unsigned char *blob;
    uint32_t size; /* bytes of the whole blob: memory that the kernel must not hand out */
    struct fdt_bytes reservations, structure, names;

    struct fdt_bytes rest; /* of the structure block: what has not been read */
    uint32_t depth;        /* nodes begun and not ended */
    bool takes_properties; /* no child of the innermost node has been seen */
    struct fdt_node path[FDT_LEVELS];
    struct {
        struct fdt_bytes rest;
        enum fdt_kind kind;
        uint32_t first_cells, size_cells;
    } list; /* of items: read to its end before the structure block goes on */
};

/* Check all of the blob and get ready for fdt_next. No more than `limit` bytes are read. If it
 * fails, with any of the errors above but FDT_DONE, the tree is not to be used. Steps: one a byte
 * of the blob. */
enum fdt_error fdt_open(struct fdt *tree, const void *blob, size_t limit);

/* Store the next item in *item: first the list of reservations, then what the nodes say, in the
 * order in which they stand. FDT_DONE: there are no more; the next call begins anew. It reports no
 * other error as long as the blob is as fdt_open saw it. Steps: for all items, one a byte.
 *
 * FDT_MEMORY: the reg of each child of the root whose device_type is "memory", or which has none
 * and is named memory. FDT_RESERVED: the reg of each child of /reserved-memory; those with only a
 * size have no place yet. FDT_HART: the reg of each child of /cpus whose device_type is "cpu".
 * FDT_TIMEBASE: timebase-frequency in /cpus and in its children. Empty ranges are left out, and all
 * nodes whose status is neither "okay" nor "ok". Ranges may overlap: nothing is merged. */
enum fdt_error fdt_next(struct fdt *tree, struct fdt_item *item);

/* The error's name as it stands above, "FDT_OK" and so on. */
const char *fdt_error_name(enum fdt_error error);
