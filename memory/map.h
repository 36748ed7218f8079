/* A map: which addresses belong to something, as ranges of whole pages. */
#pragma once

#include "../alloc/alloc.h"

/* The addresses from start to end - 1, both multiples of PAGE_SIZE. */
struct memory_range {
    paddr_t start;
    paddr_t end;
};

#define MAP_RANGES 128

/* Sorted, and apart from each other. Where one more range would not fit, the smallest of all is
 * left out: a map may forget memory, but never claim what was taken out, and it forgets what is
 * missed least. Of several that are as small it is the newest, or else the highest. */
struct memory_map {
    size_t count;
    size_t left_out; /* bytes that were forgotten in this way, added up */
    struct memory_range ranges[MAP_RANGES];
};

/* Add the addresses from start to end - 1. Steps: one a range. */
void map_add(struct memory_map *map, paddr_t start, paddr_t end);

/* Take out the addresses from start to end - 1, be they in or not. Steps: one a range. */
void map_remove(struct memory_map *map, paddr_t start, paddr_t end);

/* Bytes in all. */
size_t map_size(const struct memory_map *map);

/* What of a range is in the map from its start on, up to the first hole; empty if its start is not
 * in. O(ranges). */
struct memory_range map_from(const struct memory_map *map, struct memory_range range);

/* Print each range on a line that begins with `name`, and what was left out on one more. */
void map_print(const char *name, const struct memory_map *map);
