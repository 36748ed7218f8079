/* What the tree remembers. */
#include "../../alloc/tree.c"
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
