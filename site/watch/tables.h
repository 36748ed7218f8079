/* What a stage remembers, told as tables: where they lie in the metadata, and what is in them. The
 * page draws them without knowing the stage.
 *
 * The file of each stage here includes the stage's own, unchanged, because its struct is private;
 * what is in alloc/ is what runs. */
#pragma once

#include "../../alloc/alloc.h"

enum table_kind {
    TABLE_NUMBERS, /* each element is a number */
    TABLE_BITS,    /* each element is a word, and of all of them `bits` bits mean something */
    TABLE_LINKS,   /* each element is the index of another, or more than there are */
};

/* Numbers of 32 bits, for the page to read without knowing more of C than that. */
struct table {
    const char *name; /* a # in it stands for the next of the numbers */
    uint32_t numbers[2];
    uint32_t kind;
    const void *at;
    uint32_t count;  /* elements */
    uint32_t size;   /* bytes that each has */
    uint32_t stride; /* bytes from one to the next */
    uint32_t bits;
};

/* Tell of one more table. */
void tell(struct table table);

/* Words side by side, of which so many bits are in use. */
static inline void tell_bits(const char *name, uint32_t x, uint32_t y, const uint64_t *words,
                             size_t bits) {
    tell((struct table){name,
                        {x, y},
                        TABLE_BITS,
                        words,
                        (uint32_t) ((bits + 63) / 64),
                        sizeof(uint64_t),
                        sizeof(uint64_t),
                        (uint32_t) bits});
}

static inline void tell_numbers(const char *name, uint32_t x, const void *at, size_t count,
                                size_t size) {
    tell((struct table){
        name, {x, 0}, TABLE_NUMBERS, at, (uint32_t) count, (uint32_t) size, (uint32_t) size, 0});
}

/* A struct of numbers and pointers, as so many of them. */
static inline void tell_struct(const char *name, const void *at, size_t bytes) {
    tell_numbers(name, 0, at, bytes / sizeof(size_t), sizeof(size_t));
}

/* The tables of each stage, from what it looks at first to what it looks at last. */
#define STAGE(name) void tell_##name(const struct page_allocator *a);
#include "../../alloc/stages.h"
