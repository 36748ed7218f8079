/* The allocator of a kernel that runs in the machine, taken over from a copy of its memory.
 *
 * That kernel has 64 bits, and what runs in the page has 32, so a struct lies otherwise there. What
 * is in the tables is as wide in both:
 *
 *   there   │ struct, 64 bits │ tables │ ranges, 64 bits │
 *   here    │ struct │ tables │ ranges │
 *
 * So the tables are copied as they are, and of a struct the numbers are taken. Its pointers have to
 * point where ours do: then both were laid out alike. site.sh compiles this for riscv64, too: there
 * the structs below are compared with those of alloc/. */
#pragma once

#include "../../alloc/bounds.h"
#include "../../alloc/rows.h"
#include "../../alloc/stage.h"

#define LEVELS_64 9 /* BITS_MAX_LEVELS there */

struct range64 {
    uint64_t first;
    uint64_t end;
};

struct page_allocator64 {
    uint64_t stage;
    uint64_t base;
    struct range64 span;
    uint64_t total;
    uint64_t used;
    uint64_t meta;
    uint64_t ranges;
    uint64_t range_count;
    uint64_t range_room;
    struct range64 largest;
};

struct bits64 {
    uint32_t levels;
    uint64_t size;
    uint64_t level[LEVELS_64];
};

struct bounds64 {
    uint32_t levels;
    uint64_t size;
    uint64_t level[LEVELS_64];
};

struct rows64 {
    uint32_t height;
    uint64_t level[LEVELS_64 + 1];
};

/* Does the struct whose name has a 64 behind it say where the field is in 64 bits? */
#define LIES_AS_IN_64(name, field)                                                         \
    _Static_assert(sizeof(void *) != 8 ||                                                  \
                       (sizeof(struct name) == sizeof(struct name##64) &&                  \
                        offsetof(struct name, field) == offsetof(struct name##64, field)), \
                   "struct " #name "64 is not struct " #name ", at " #field)

/* What is here of it. The page copies it in. */
struct guest {
    struct page_allocator64 a;
    uint64_t size;  /* bytes of its metadata */
    uint64_t shift; /* from an address in our tables to the same place in its own */
    char meta[1 << 17] __attribute__((aligned(64)));
};

/* What take_NAME of each stage does: makes the tables of `a`, which is empty, those of the guest.
 * False: they are laid out otherwise there. */
typedef bool guest_take(struct page_allocator *a, struct guest *guest);

#define STAGE(name) guest_take take_##name;
#include "../../alloc/stages.h"

/* Take over all of it. False: it is laid out otherwise. */
bool guest_take_all(struct page_allocator *a, struct guest *guest, guest_take *take);

/* What lies behind the structs of those sizes, up to the ranges. First of all: the others below
 * want to know the shift. */
bool take_tables(struct page_allocator *a, struct guest *guest, size_t size, size_t size64);

bool bits_are_alike(const struct guest *guest, const struct bits *ours,
                    const struct bits64 *theirs);

static inline bool points_alike(const struct guest *guest, const void *ours, uint64_t theirs) {
    return theirs == (uintptr_t) ours + guest->shift;
}
