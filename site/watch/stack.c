/* What the stack remembers, and how a kernel's own is taken over. */
#include "../../alloc/stack.c"
#include "guest.h"
#include "tables.h"

void tell_stack(const struct page_allocator *a) {
    const struct stack *s = a->meta;
    uint32_t words = (uint32_t) words_for(a->span.end);
    tell_numbers("top of the stack", 0, &s->top, 1, sizeof(s->top));
    tell_numbers("links is at", 0, &s->links, 1, sizeof(s->links));
    tell((struct table){"link of each word, to the one below",
                        {0},
                        TABLE_LINKS,
                        s->links,
                        words,
                        sizeof(uint32_t),
                        sizeof(uint32_t),
                        0});
    tell_bits("bitmap: 1 is free", 0, 0, words_of(a), a->span.end);
}

struct stack64 {
    uint64_t links;
    uint32_t top;
};

LIES_AS_IN_64(stack, links);
LIES_AS_IN_64(stack, top);

bool take_stack(struct page_allocator *a, struct guest *guest) {
    struct stack *s = a->meta;
    const struct stack64 *theirs = (const void *) guest->meta;
    s->top = theirs->top;
    return take_tables(a, guest, sizeof(*s), sizeof(*theirs)) &&
           points_alike(guest, s->links, theirs->links);
}
