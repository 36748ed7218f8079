/* Maps: sorted lists of address ranges. */
#include "map.h"

#include "../common.h"

static size_t size_of(struct memory_range range) {
    return range.end - range.start;
}

/* Of several, the highest. */
static size_t smallest(const struct memory_map *map) {
    size_t least = 0;
    for (size_t at = 1; at < map->count; at++)
        if (size_of(map->ranges[at]) <= size_of(map->ranges[least]))
            least = at;
    return least;
}

static void remove_ranges(struct memory_map *map, size_t at, size_t count) {
    map->count -= count;
    memmove(&map->ranges[at], &map->ranges[at + count],
            (map->count - at) * sizeof(struct memory_range));
}

/* Put one range in its place, or, if it is empty, nothing. A full map leaves out the smallest, be
 * it this one. */
static void insert(struct memory_map *map, struct memory_range range) {
    if (range.start >= range.end)
        return;
    if (map->count == MAP_RANGES) {
        size_t least = smallest(map), size = size_of(map->ranges[least]);
        if (size_of(range) <= size) {
            map->left_out += size_of(range);
            return;
        }
        map->left_out += size;
        remove_ranges(map, least, 1);
    }
    size_t at = 0;
    while (at < map->count && map->ranges[at].start < range.start)
        at++;
    memmove(&map->ranges[at + 1], &map->ranges[at], (map->count - at) * sizeof(range));
    map->ranges[at] = range;
    map->count++;
}

void map_add(struct memory_map *map, paddr_t start, paddr_t end) {
    if (start >= end)
        return;

    /* All ranges that the new one overlaps or touches become one with it. */
    size_t at = 0;
    while (at < map->count && map->ranges[at].end < start)
        at++;
    size_t joined = 0;
    for (; at + joined < map->count && map->ranges[at + joined].start <= end; joined++) {
        struct memory_range other = map->ranges[at + joined];
        start = other.start < start ? other.start : start;
        end = other.end > end ? other.end : end;
    }
    remove_ranges(map, at, joined);
    insert(map, (struct memory_range){start, end});
}

void map_remove(struct memory_map *map, paddr_t start, paddr_t end) {
    for (size_t at = 0; at < map->count && start < end;) {
        struct memory_range range = map->ranges[at];
        if (range.end <= start || range.start >= end) {
            at++;
            continue;
        }
        struct memory_range below = {range.start, range.start > start ? range.start : start};
        struct memory_range above = {range.end < end ? range.end : end, range.end};
        /* Neither piece overlaps what is taken out: the loop passes them. Where there are two, a
           full map may move, but then no other range overlaps it either. */
        remove_ranges(map, at, 1);
        insert(map, below);
        insert(map, above);
    }
}

size_t map_size(const struct memory_map *map) {
    size_t size = 0;
    for (size_t at = 0; at < map->count; at++)
        size += size_of(map->ranges[at]);
    return size;
}

struct memory_range map_from(const struct memory_map *map, struct memory_range range) {
    for (size_t at = 0; at < map->count; at++) {
        struct memory_range part = map->ranges[at];
        if (part.start <= range.start && range.start < part.end)
            return (struct memory_range){range.start, part.end < range.end ? part.end : range.end};
    }
    return (struct memory_range){range.start, range.start};
}

void map_print(const char *name, const struct memory_map *map) {
    for (size_t at = 0; at < map->count; at++) {
        struct memory_range range = map->ranges[at];
        printf("%-9s %p to %p, %zu KiB\n", name, (void *) range.start, (void *) range.end,
               size_of(range) / 1024);
    }
    if (map->left_out > 0)
        printf("%-9s and %zu KiB that are left out: a map has room for %d ranges\n", name,
               map->left_out / 1024, MAP_RANGES);
}
