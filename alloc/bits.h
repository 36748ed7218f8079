/* A set of indices that finds its lowest member in a few steps, however many there could be.
 *
 *   level 2   1                                     one word: the top
 *   level 1   1 0 1 …                               bit i: word i of level 0 is not 0
 *   level 0   0100… 0000… 0010… …                   bit i: i is in the set
 *
 * Each level has a 64th of the bits of the one below, so all summaries together add 1/63 to it.
 * Steps below are in levels: the number of times 64 divides the size, rounded up. */
#pragma once

#include "words.h"

/* Levels that any number of pages may need, 9 on 64-bit machines and 4 on 32-bit ones: the number
 * of a page has 12 bits less than an address, and each level looks at 6 of them. */
#define BITS_MAX_LEVELS ((sizeof(size_t) * 8 - 12 + 5) / 6)

struct bits {
    unsigned levels;
    size_t size; /* indices are below */
    uint64_t *level[BITS_MAX_LEVELS];
};

/* Words that a set of `size` indices takes. `size` is not 0. */
size_t bits_words(size_t size);

/* Lay the set out in bits_words(size) words, and make it empty. One step a word. */
void bits_init(struct bits *b, uint64_t *words, size_t size);

/* Is the set laid out like that? One step a level. */
bool bits_is_at(const struct bits *b, const uint64_t *words, size_t size);

/* Is it empty? One step. */
static inline bool bits_is_empty(const struct bits *b) {
    return b->level[b->levels - 1][0] == 0;
}

/* Is i a member? One step. */
static inline bool bits_test(const struct bits *b, size_t i) {
    return words_test(b->level[0], i);
}

/* Put i in. One step a level. */
static inline void bits_set(struct bits *b, size_t i) {
    for (unsigned l = 0; l < b->levels; l++) {
        b->level[l][i / WORD_BITS] |= word_bit(i);
        i /= WORD_BITS;
    }
}

/* Take i out, be it a member or not. One step a level.
 *
 * The bit above may stay only while this word has another. No branch: whether it has is a coin
 * toss, and a wrong guess costs more than the stores of all levels. */
static inline void bits_clear(struct bits *b, size_t i) {
    uint64_t stays = 0;
    for (unsigned l = 0; l < b->levels; l++) {
        uint64_t *word = &b->level[l][i / WORD_BITS];
        *word = (*word & ~word_bit(i)) | stays << (i % WORD_BITS);
        stays = *word != 0;
        i /= WORD_BITS;
    }
}

/* Put all of [from, end) in, take all out. One step a word of the range, and two a level. */
void bits_set_range(struct bits *b, size_t from, size_t end);
void bits_clear_range(struct bits *b, size_t from, size_t end);

/* The lowest member at or after `from`, NONE if there is none. Two steps a level. */
size_t bits_next(const struct bits *b, size_t from);

/* The lowest member of a set that is not empty. One step a level. */
static inline size_t bits_first(const struct bits *b) {
    size_t first = 0;
    for (unsigned l = b->levels; l-- > 0;)
        first = first * WORD_BITS + word_lowest(b->level[l][first]);
    return first;
}

/* Does each summary bit say what it should, and is no bit set at or behind the size? One step a
 * word. */
bool bits_check(const struct bits *b);
