/* What all stages share of taking a guest's allocator over. */
#include "guest.h"

LIES_AS_IN_64(page_allocator, stage);
LIES_AS_IN_64(page_allocator, base);
LIES_AS_IN_64(page_allocator, span);
LIES_AS_IN_64(page_allocator, total);
LIES_AS_IN_64(page_allocator, used);
LIES_AS_IN_64(page_allocator, meta);
LIES_AS_IN_64(page_allocator, ranges);
LIES_AS_IN_64(page_allocator, range_count);
LIES_AS_IN_64(page_allocator, range_room);
LIES_AS_IN_64(page_allocator, largest);
LIES_AS_IN_64(bits, levels);
LIES_AS_IN_64(bits, size);
LIES_AS_IN_64(bits, level);

bool take_tables(struct page_allocator *a, struct guest *guest, size_t size, size_t size64) {
    size_t head = header_size(size), head64 = header_size(size64);
    size_t bytes = (size_t) ((char *) a->ranges - (char *) a->meta) - head;
    if (guest->a.ranges - guest->a.meta != head64 + bytes || head64 + bytes > guest->size)
        return false;
    __builtin_memcpy((char *) a->meta + head, guest->meta + head64, bytes);
    guest->shift = guest->a.meta + head64 - ((uintptr_t) a->meta + head);
    return true;
}

bool bits_are_alike(const struct guest *guest, const struct bits *ours,
                    const struct bits64 *theirs) {
    bool are_alike = theirs->levels == ours->levels && theirs->size == ours->size;
    for (unsigned l = 0; l < ours->levels; l++)
        are_alike = are_alike && points_alike(guest, ours->level[l], theirs->level[l]);
    return are_alike;
}

/* Those that were added. One that cannot be would lead us out of our memory. */
static bool take_ranges(struct page_allocator *a, const struct guest *guest) {
    uint64_t before = guest->a.ranges - guest->a.meta, least = a->span.first;
    const struct range64 *ranges = (const void *) (guest->meta + before);
    if (guest->a.range_count > a->range_room ||
        guest->size - before < guest->a.range_count * sizeof(*ranges))
        return false;
    for (size_t i = 0; i < guest->a.range_count; i++) {
        if (ranges[i].first < least || ranges[i].end <= ranges[i].first ||
            ranges[i].end > a->span.end)
            return false;
        a->ranges[i] = (struct page_range){(size_t) ranges[i].first, (size_t) ranges[i].end};
        least = ranges[i].end;
    }
    a->range_count = (size_t) guest->a.range_count;
    return true;
}

bool guest_take_all(struct page_allocator *a, struct guest *guest, guest_take *take) {
    if (!take(a, guest) || !take_ranges(a, guest))
        return false;
    a->total = (size_t) guest->a.total;
    a->used = (size_t) guest->a.used;
    a->largest =
        (struct page_range){(size_t) guest->a.largest.first, (size_t) guest->a.largest.end};
    return true;
}
