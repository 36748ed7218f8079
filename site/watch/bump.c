/* What bump remembers, and how a kernel's own is taken over. */
#include "../../alloc/bump.c"
#include "guest.h"
#include "tables.h"

void tell_bump(const struct page_allocator *a) {
    const struct bump *bump = a->meta;
    tell_numbers("next", 0, &bump->next, 1, sizeof(bump->next));
}

struct bump64 {
    uint64_t next;
};

LIES_AS_IN_64(bump, next);

bool take_bump(struct page_allocator *a, struct guest *guest) {
    struct bump *bump = a->meta;
    const struct bump64 *theirs = (const void *) guest->meta;
    bump->next = (size_t) theirs->next;
    return take_tables(a, guest, sizeof(*bump), sizeof(*theirs));
}
