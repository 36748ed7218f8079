/* What bump remembers. */
#include "../../alloc/bump.c"
#include "tables.h"

void tell_bump(const struct page_allocator *a) {
    const struct bump *bump = a->meta;
    tell_numbers("next", 0, &bump->next, 1, sizeof(bump->next));
}
