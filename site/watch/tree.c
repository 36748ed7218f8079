/* What the tree remembers, and how a kernel's own is taken over. */
#include "../../alloc/tree.c"
#include "guest.h"
#include "tables.h"

void tell_tree(const struct page_allocator *a) {
    const struct tree *t = a->meta;
    size_t bits[BITS_MAX_LEVELS] = {a->span.end};
    for (unsigned l = 1; l < t->free.levels; l++)
        bits[l] = words_for(bits[l - 1]);
    for (unsigned l = t->free.levels; l-- > 1;)
        tell_bits("summary, level #", l, 0, t->free.level[l], bits[l]);
    tell_bits("bitmap, level 0: 1 is free", 0, 0, t->free.level[0], bits[0]);

    size_t numbers = chunks_for(a->span.end);
    for (unsigned l = 0; l < t->bounds.levels; l++) {
        tell_numbers("bounds, level #: no run is longer", l, t->bounds.level[l], numbers,
                     sizeof(uint16_t));
        numbers = (numbers + BOUNDS_FANOUT - 1) / BOUNDS_FANOUT;
    }
    tell_struct("levels, and where they are", t, sizeof(*t));
}

struct tree64 {
    struct bits64 free;
    struct bounds64 bounds;
};

LIES_AS_IN_64(tree, free);
LIES_AS_IN_64(tree, bounds);
LIES_AS_IN_64(bounds, levels);
LIES_AS_IN_64(bounds, size);
LIES_AS_IN_64(bounds, level);

static bool bounds_are_alike(const struct guest *guest, const struct bounds *ours,
                             const struct bounds64 *theirs) {
    bool are_alike = theirs->levels == ours->levels && theirs->size == ours->size;
    for (unsigned l = 0; l < ours->levels; l++)
        are_alike = are_alike && points_alike(guest, ours->level[l], theirs->level[l]);
    return are_alike;
}

bool take_tree(struct page_allocator *a, struct guest *guest) {
    struct tree *t = a->meta;
    const struct tree64 *theirs = (const void *) guest->meta;
    return take_tables(a, guest, sizeof(*t), sizeof(*theirs)) &&
           bits_are_alike(guest, &t->free, &theirs->free) &&
           bounds_are_alike(guest, &t->bounds, &theirs->bounds);
}
