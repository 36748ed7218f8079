/* Bump: hand out memory from one end, never take it back.
 *
 *   start ──────────── next ──────────── end
 *     │   handed out    │      free       │
 *
 * Remembers: one index. Pages skipped for an alignment or for a hole are lost, and count as used.
 * Cost: O(log ranges), and once more for each range that is stepped over.
 * Flaw: nothing comes back. */
#include "stage.h"

struct bump {
    size_t next; /* the lowest index that may still be handed out */
};

static size_t stage_meta_size(size_t pages) {
    (void) pages; /* the one stage whose table does not grow */
    return sizeof(struct bump);
}

static void stage_init(struct page_allocator *a) {
    struct bump *bump = a->meta;
    bump->next = 0;
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    const struct bump *bump = a->meta;
    (void) n;
    return first < bump->next ? ALLOC_UNSUPPORTED : ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    const struct bump *bump = a->meta;
    size_t at = range_after(a, page);
    return page >= bump->next && at < a->range_count && page >= a->ranges[at].first;
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
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
static void advance(struct page_allocator *a, size_t first, size_t n) {
    struct bump *bump = a->meta;
    ALLOC_ASSERT(first >= bump->next);
    struct page_range gap;
    while (gap = stage_next_free(a, bump->next), gap.first < first) {
        bump->next = gap.end < first ? gap.end : first;
        a->used += bump->next - gap.first;
    }
    bump->next = first + n;
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    const struct bump *bump = a->meta;
    struct page_range rest = {0, bump->next};
    while ((rest = stage_next_free(a, rest.end)).first != NONE) {
        size_t first = (rest.first + align - 1) / align * align;
        if (first < rest.end && n <= rest.end - first) {
            advance(a, first, n);
            return hand_out(a, first, n, out);
        }
    }
    return ALLOC_NO_MEMORY;
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    const struct bump *bump = a->meta;
    if (first < bump->next)
        return ALLOC_OVERLAP;
    advance(a, first, n);
    return count_taken(a, n);
}

/* Nothing was handed out, or `next` lies behind a page that was: in a range, not in a hole. */
static struct problem stage_problem(const struct page_allocator *a) {
    const struct bump *bump = a->meta;
    if (bump->next == 0)
        return SOUND;
    size_t last = bump->next - 1, at = range_after(a, last);
    if (at == a->range_count || a->ranges[at].first > last)
        return (struct problem){"page # was handed out, and never added", {last}};
    return SOUND;
}

const struct alloc_stage bump_stage = {
    .name = "bump",
    .meta_size = stage_meta_size,
    .init = stage_init,
    .add = stage_add,
    .is_free = stage_is_free,
    .next_free = stage_next_free,
    .alloc = stage_alloc,
    .alloc_at = stage_alloc_at,
    .free = NULL,
    .problem = stage_problem,
};
