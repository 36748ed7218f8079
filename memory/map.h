/* A map: which addresses belong to something, as ranges of whole pages. */
#pragma once

#include "../alloc/alloc.h"

/* The addresses from start to end - 1, both multiples of PAGE_SIZE. */
struct memory_range {
    paddr_t start;
    paddr_t end;
};

#define MAP_RANGES 128

/* Sorted, and apart from each other. */
struct memory_map {
    size_t count;
    struct memory_range ranges[MAP_RANGES];
};

/* Add the addresses from start to end - 1. False: no room for one more range, nothing added.
 * Steps: one a range. */
bool map_add(struct memory_map *map, paddr_t start, paddr_t end);

/* Take out the addresses from start to end - 1, be they in or not. Where that leaves two pieces of
 * a range and there is no room for one more, the upper piece goes as well: a map may forget memory,
 * but never claim what was taken out. Steps: one a range. */
void map_remove(struct memory_map *map, paddr_t start, paddr_t end);

/* Bytes in all. */
size_t map_size(const struct memory_map *map);

/* What of a range is in the map from its start on, up to the first hole; empty if its start is not
 * in. O(ranges). */
struct memory_range map_from(const struct memory_map *map, struct memory_range range);

/* Print each range on a line that begins with `name`. */
void map_print(const char *name, const struct memory_map *map);
