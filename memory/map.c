/* Maps: sorted lists of address ranges. */
#include "map.h"

#include "../common.h"

/* Put one range before position `at`, or, if it is empty, nothing. */
static void insert(struct memory_map *map, size_t at, struct memory_range range) {
    if (range.start >= range.end)
        return;
    memmove(&map->ranges[at + 1], &map->ranges[at], (map->count - at) * sizeof(range));
    map->ranges[at] = range;
    map->count++;
}

static void remove_ranges(struct memory_map *map, size_t at, size_t count) {
    map->count -= count;
    memmove(&map->ranges[at], &map->ranges[at + count],
            (map->count - at) * sizeof(struct memory_range));
}

bool map_add(struct memory_map *map, paddr_t start, paddr_t end) {
    if (start >= end)
        return true;

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
    if (joined == 0 && map->count == MAP_RANGES)
        return false;
    remove_ranges(map, at, joined);
    insert(map, at, (struct memory_range){start, end});
    return true;
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
        /* Neither piece overlaps what is taken out: the loop passes them. */
        remove_ranges(map, at, 1);
        if (map->count + 1 < MAP_RANGES || below.start == below.end)
            insert(map, at, above);
        insert(map, at, below);
    }
}

size_t map_size(const struct memory_map *map) {
    size_t size = 0;
    for (size_t at = 0; at < map->count; at++)
        size += map->ranges[at].end - map->ranges[at].start;
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
               (range.end - range.start) / 1024);
    }
}
