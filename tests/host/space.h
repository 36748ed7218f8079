/* A set of states, each an image of the same number of words, numbered in the order they came in.
 *
 * States of one allocator differ in few words, so only what differs from the first is kept:
 *
 *   first     a  b  c  d  e  f
 *   state     a  b  x  d  y  f     kept as  (2, x) (4, y) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A word that is not as in the first state. */
struct difference {
    uint64_t at;
    uint64_t word;
};

struct space {
    size_t words;    /* of an image */
    uint64_t *first; /* the first state's image */
    size_t count;    /* states */
    size_t room;     /* states that there is room for */
    size_t *begin;   /* where each state's differences begin; behind the last, where they end */
    struct difference *kept;
    size_t kept_room;
    size_t *slots; /* of the hash table: states, NO_STATE where there is none */
    size_t slot_count;
};

#define NO_STATE SIZE_MAX

/* Begin with the first state, number 0. */
void space_init(struct space *s, const uint64_t *image, size_t words);

void space_end(struct space *s);

/* The number of the state with that image, NO_STATE if it is not in the set. */
size_t space_find(struct space *s, const uint64_t *image);

/* The same, and add it if it is not in the set. */
size_t space_add(struct space *s, const uint64_t *image);

/* The image of a state. */
void space_get(const struct space *s, size_t state, uint64_t *image);
