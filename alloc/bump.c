/* Bump: hand out memory from one end, never take it back.
 *
 *   start ──────────── next ──────────── end
 *     │   handed out    │      free       │
 *
 * Remembers: one index. Pages skipped for an alignment or for a hole are lost, and count as used.
 * Cost: one step, and one for each added range that is stepped over.
 * Flaw: nothing comes back. */
#include "stage.h"

struct bump {
    size_t next; /* the lowest index that may still be handed out */
};

static size_t bump_meta_size(size_t pages) {
    (void) pages; /* the one stage whose table does not grow */
    return sizeof(struct bump);
}

static void bump_init(struct page_allocator *a) {
    struct bump *bump = a->meta;
    bump->next = 0;
}

static enum alloc_error bump_add(struct page_allocator *a, size_t first, size_t n) {
    const struct bump *bump = a->meta;
    (void) n;
    return first < bump->next ? ALLOC_UNSUPPORTED : ALLOC_OK;
}

static bool bump_is_free(const struct page_allocator *a, size_t page) {
    const struct bump *bump = a->meta;
    size_t at = range_after(a, page);
    return page >= bump->next && at < a->range_count && page >= a->ranges[at].first;
}

static struct page_range bump_next_free(const struct page_allocator *a, size_t from) {
    const struct bump *bump = a->meta;
    if (from < bump->next)
        from = bump->next;
    size_t at = range_after(a, from);
    if (at == a->range_count)
        return (struct page_range){NONE, NONE};
    struct page_range rest = a->ranges[at];
    return (struct page_range){rest.first > from ? rest.first : from, rest.end};
}

/* Hand out the n pages at `first`. The added pages between `next` and there are lost. */
static void bump_take(struct page_allocator *a, size_t first, size_t n) {
    struct bump *bump = a->meta;
    struct page_range gap;
    while (gap = bump_next_free(a, bump->next), gap.first < first) {
        bump->next = gap.end < first ? gap.end : first;
        a->used += bump->next - gap.first;
    }
    bump->next = first + n;
}

static size_t bump_alloc(struct page_allocator *a, size_t n, size_t align) {
    const struct bump *bump = a->meta;
    struct page_range rest = {0, bump->next};
    while ((rest = bump_next_free(a, rest.end)).first != NONE) {
        size_t first = (rest.first + align - 1) / align * align;
        if (first < rest.end && n <= rest.end - first) {
            bump_take(a, first, n);
            return first;
        }
    }
    return NONE;
}

static bool bump_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    const struct bump *bump = a->meta;
    if (first < bump->next)
        return false;
    bump_take(a, first, n);
    return true;
}

static bool bump_check(const struct page_allocator *a) {
    const struct bump *bump = a->meta;
    return bump->next <= a->span.end;
}

const struct alloc_stage bump_stage = {
    .name = "bump",
    .meta_size = bump_meta_size,
    .init = bump_init,
    .add = bump_add,
    .is_free = bump_is_free,
    .next_free = bump_next_free,
    .alloc = bump_alloc,
    .alloc_at = bump_alloc_at,
    .free = NULL,
    .check = bump_check,
};
