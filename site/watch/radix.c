/* What radix remembers, and how a kernel's own is taken over. */
#include "../../alloc/radix.c"
#include "guest.h"
#include "tables.h"

/* Row k of all nodes of a height, or their hints. */
static void tell_row(const char *name, unsigned height, unsigned k, const uint64_t *first,
                     size_t children) {
    tell((struct table){name,
                        {height, k},
                        TABLE_BITS,
                        first,
                        (uint32_t) words_for(children),
                        sizeof(uint64_t),
                        (uint32_t) (rows_stride(height) * sizeof(uint64_t)),
                        (uint32_t) children});
}

void tell_radix(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    size_t children[ROWS_MAX_LEVELS] = {a->span.end, words_for(a->span.end)};
    for (unsigned h = 2; h <= t->rows.height; h++)
        children[h] = words_for(children[h - 1]);

    tell_numbers("words in the hand", 0, &t->held, 1, sizeof(t->held));
    tell_numbers("hand, the last in is the first out", 0, t->hand, HAND, sizeof(t->hand[0]));
    tell_numbers("water", 0, &t->water, 1, sizeof(t->water));
    tell_numbers("shortest run that was refused", 0, &t->refused, 1, sizeof(t->refused));
    tell_bits("watch for what was refused", 0, 0, &t->watch, WORD_BITS);
    for (unsigned h = t->rows.height; h >= 1; h--) {
        tell_row("height #, hints", h, 0, hints_at(&t->rows, h, 0), children[h]);
        for (unsigned k = 0; k < rows_count(h); k++)
            tell_row("height #, row #", h, k, rows_at(&t->rows, h, 0) + k, children[h]);
    }
    tell_bits("bitmap, height 0: 1 is free", 0, 0, t->rows.level[0], children[0]);
    tell_struct("height, and where each is", &t->rows, sizeof(t->rows));
}

struct radix64 {
    struct rows64 rows;
    uint64_t refused;
    uint64_t watch;
    uint64_t water;
    uint64_t held;
    uint64_t hand[HAND];
};

LIES_AS_IN_64(rows, height);
LIES_AS_IN_64(rows, level);
LIES_AS_IN_64(radix, rows);
LIES_AS_IN_64(radix, refused);
LIES_AS_IN_64(radix, watch);
LIES_AS_IN_64(radix, water);
LIES_AS_IN_64(radix, held);
LIES_AS_IN_64(radix, hand);

static bool rows_are_alike(const struct guest *guest, const struct rows *ours,
                           const struct rows64 *theirs) {
    bool are_alike = theirs->height == ours->height;
    for (unsigned h = 0; h <= ours->height; h++)
        are_alike = are_alike && points_alike(guest, ours->level[h], theirs->level[h]);
    return are_alike;
}

bool take_radix(struct page_allocator *a, struct guest *guest) {
    struct radix *t = a->meta;
    const struct radix64 *theirs = (const void *) guest->meta;
    t->refused = (size_t) theirs->refused;
    t->watch = theirs->watch;
    t->water = (size_t) theirs->water;
    t->held = (size_t) theirs->held;
    for (size_t i = 0; i < HAND; i++)
        t->hand[i] = (size_t) theirs->hand[i];
    return take_tables(a, guest, sizeof(*t), sizeof(*theirs)) &&
           rows_are_alike(guest, &t->rows, &theirs->rows) && theirs->held <= HAND;
}
