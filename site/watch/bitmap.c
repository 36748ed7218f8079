/* What the bitmap stage remembers. */
#include "../../alloc/bitmap.c"
#include "tables.h"

void tell_bitmap(const struct page_allocator *a) {
    tell_bits("bitmap: 1 is free", 0, 0, words_of(a), a->span.end);
}
