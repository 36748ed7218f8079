/* What the buddy remembers, and how a kernel's own is taken over. */
#include "../../alloc/buddy.c"
#include "guest.h"
#include "tables.h"

void tell_buddy(const struct page_allocator *a) {
    const struct buddy *b = a->meta;
    tell_bits("orders that have a free block", 0, 0, &b->orders, ORDERS);
    for (unsigned order = ORDERS; order-- > 0;) {
        const struct bits *set = &b->blocks[order];
        size_t bits[BITS_MAX_LEVELS] = {set->size};
        for (unsigned l = 1; l < set->levels; l++)
            bits[l] = words_for(bits[l - 1]);
        for (unsigned l = set->levels; l-- > 1;)
            tell_bits("order #, summary of level #", order, l, set->level[l], bits[l]);
        tell_bits(order > 0 ? "order #: free blocks" : "order #: words with a lone page", order, 0,
                  set->level[0], bits[0]);
    }
    tell_bits("bitmap: 1 is free", 0, 0, words_of(a), a->span.end);
    tell_struct("where each order's set is", b->blocks, sizeof(b->blocks));
}

struct buddy64 {
    uint64_t orders;
    struct bits64 blocks[ORDERS];
};

LIES_AS_IN_64(buddy, orders);
LIES_AS_IN_64(buddy, blocks);

bool take_buddy(struct page_allocator *a, struct guest *guest) {
    struct buddy *b = a->meta;
    const struct buddy64 *theirs = (const void *) guest->meta;
    bool are_alike = take_tables(a, guest, sizeof(*b), sizeof(*theirs));
    for (unsigned order = 0; order < ORDERS; order++)
        are_alike = are_alike && bits_are_alike(guest, &b->blocks[order], &theirs->blocks[order]);
    b->orders = theirs->orders;
    return are_alike;
}
