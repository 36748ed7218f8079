/* A number for each index, and the first index whose number is large enough.
 *
 *   level 1   512               0                  at least the largest of the 64 below
 *   level 0   3  0  512  7 …    0  0  0  0 …
 *
 * Numbers are upper bounds: it is right for one to be too large, and wrong to be too small. So
 * raising one is all that a change must do at once; a search that finds nothing lowers what misled
 * it, and the next search is not misled again. */
#pragma once

#include "bits.h"

#define BOUNDS_FANOUT ((size_t) 64)

struct bounds {
    unsigned levels;
    size_t size; /* indices are below */
    uint16_t *level[BITS_MAX_LEVELS];
};

/* Numbers that bounds for `size` indices take, rounded up to whole cache lines. `size` is not 0. */
size_t bounds_numbers(size_t size);

/* Lay bounds out in bounds_numbers(size) numbers, all 0. O(size). */
void bounds_init(struct bounds *b, uint16_t *numbers, size_t size);

/* Are they laid out like that? O(levels). */
bool bounds_is_at(const struct bounds *b, const uint16_t *numbers, size_t size);

/* Make the numbers of the indices [from, end) at least `value`. O(end - from + levels): above a
 * level where nothing changes, nothing is looked at. */
void bounds_raise(struct bounds *b, size_t from, size_t end, uint16_t value);

/* Make the number of index i at most `value`. O(1): what is then too large above is lowered when it
 * misleads a search. */
void bounds_lower(struct bounds *b, size_t i, uint16_t value);

/* The lowest index at or after `from` whose number is at least `value`, which is not 0 and below
 * 2^15; NONE if there is none. O(levels), 192 numbers on each at most, and 128 more for each number
 * above that was too large, which it lowers. */
size_t bounds_next(struct bounds *b, size_t from, uint16_t value);

/* Is each number of a higher level at least the largest below it, and is none above `most`? Behind
 * the last number of a level, up to a multiple of 64, there must be zeroes. O(size). */
bool bounds_check(const struct bounds *b, uint16_t most);
