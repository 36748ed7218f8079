/* What the bitmap stage remembers, and how a kernel's own is taken over. */
#include "../../alloc/bitmap.c"
#include "guest.h"
#include "tables.h"

void tell_bitmap(const struct page_allocator *a) {
    tell_bits("bitmap: 1 is free", 0, 0, words_of(a), a->span.end);
}

bool take_bitmap(struct page_allocator *a, struct guest *guest) {
    return take_tables(a, guest, 0, 0);
}
