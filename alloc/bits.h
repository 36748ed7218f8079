/* A set of indices that finds its lowest member in O(levels), however many there could be.
 *
 *   level 2   1                                     one word: the top
 *   level 1   1 0 1 …                               bit i: word i of level 0 is not 0
 *   level 0   0100… 0000… 0010… …                   bit i: i is in the set
 *
 * Each level has a 64th of the bits of the one below, so all summaries together add 1/63 to it.
 * How many levels there are: how often 64 divides the size, rounded up. */
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

/* Lay the set out in bits_words(size) words, and make it empty. O(words). */
void bits_init(struct bits *b, uint64_t *words, size_t size);

/* Is the set laid out like that? O(levels). */
bool bits_is_at(const struct bits *b, const uint64_t *words, size_t size);

/* Is it empty? O(1). */
static inline bool bits_is_empty(const struct bits *b) {
    return b->level[b->levels - 1][0] == 0;
}

/* Is i a member? O(1). */
static inline bool bits_test(const struct bits *b, size_t i) {
    return words_test(b->level[0], i);
}

/* Word i of level 0 has a member now, or has none any more: set, clear its bits in the summaries.
 * O(levels), and without a branch: whether a word keeps another member is a coin toss, and a wrong
 * guess costs more than the stores of all levels. */
static inline void bits_summarize(struct bits *b, size_t i) {
    for (unsigned l = 1; l < b->levels; l++) {
        b->level[l][i / WORD_BITS] |= word_bit(i);
        i /= WORD_BITS;
    }
}

static inline void bits_unsummarize(struct bits *b, size_t i) {
    uint64_t stays = 0;
    for (unsigned l = 1; l < b->levels; l++) {
        uint64_t word = (b->level[l][i / WORD_BITS] & ~word_bit(i)) | stays << (i % WORD_BITS);
        b->level[l][i / WORD_BITS] = word;
        stays = word != 0;
        i /= WORD_BITS;
    }
}

/* Put i in, take it out, be it a member or not. O(1), or O(levels) if the word of level 0 was or
 * gets empty. */
static inline void bits_set(struct bits *b, size_t i) {
    ALLOC_ASSERT(i < b->size);
    uint64_t word = b->level[0][i / WORD_BITS];
    b->level[0][i / WORD_BITS] = word | word_bit(i);
    if (word == 0)
        bits_summarize(b, i / WORD_BITS);
}

static inline void bits_clear(struct bits *b, size_t i) {
    ALLOC_ASSERT(i < b->size);
    uint64_t word = b->level[0][i / WORD_BITS] & ~word_bit(i);
    b->level[0][i / WORD_BITS] = word;
    if (word == 0)
        bits_unsummarize(b, i / WORD_BITS);
}

/* Put all of [from, end) in, take all out. O(words + levels). */
void bits_set_range(struct bits *b, size_t from, size_t end);
void bits_clear_range(struct bits *b, size_t from, size_t end);

/* The lowest member at or after `from`, NONE if there is none. O(levels). */
size_t bits_next(const struct bits *b, size_t from);

/* Does each summary bit say what it should, and is no bit set at or behind the size? O(words). */
bool bits_check(const struct bits *b);

/* The next two stand twice: the one whose name ends in _of takes the number of levels, and the
 * other calls it with a constant for the sizes that are usual, 16 MiB to 64 GiB of pages. The
 * compiler then keeps the way through the levels in registers. From memory, each step would wait
 * until the store of the step before has arrived. */
#define BITS_INLINE static inline __attribute__((always_inline))

BITS_INLINE size_t bits_first_of(const struct bits *b, unsigned levels) {
    size_t first = 0;
    for (unsigned l = levels; l-- > 0;)
        first = first * WORD_BITS + word_lowest(b->level[l][first]);
    return first;
}

/* The lowest member of a set that is not empty. O(levels). */
static inline size_t bits_first(const struct bits *b) {
    switch (b->levels) {
    case 2:
        return bits_first_of(b, 2);
    case 3:
        return bits_first_of(b, 3);
    case 4:
        return bits_first_of(b, 4);
    default:
        return bits_first_of(b, b->levels);
    }
}

BITS_INLINE size_t bits_take_first_of(struct bits *b, unsigned levels) {
    size_t path[BITS_MAX_LEVELS], at = 0;
    uint64_t words[BITS_MAX_LEVELS];
    for (unsigned l = levels - 1; l > 0; l--) {
        path[l] = at;
        words[l] = b->level[l][at];
        at = at * WORD_BITS + word_lowest(words[l]);
    }
    uint64_t word = b->level[0][at];
    size_t first = at * WORD_BITS + word_lowest(word);

    /* The lowest member of all is the lowest bit of its word on every level. */
    word &= word - 1;
    b->level[0][at] = word;
    if (word != 0)
        return first;
    for (unsigned l = 1; l < levels; l++) {
        word = words[l] & (words[l] - (word == 0));
        b->level[l][path[l]] = word;
    }
    return first;
}

/* Take the lowest member out of a set that is not empty: which it was. O(levels). */
static inline size_t bits_take_first(struct bits *b) {
    switch (b->levels) {
    case 2:
        return bits_take_first_of(b, 2);
    case 3:
        return bits_take_first_of(b, 3);
    case 4:
        return bits_take_first_of(b, 4);
    default:
        return bits_take_first_of(b, b->levels);
    }
}

/* Put i in or take it out, as `is_in` says. O(levels), and without a branch. */
static inline void bits_assign(struct bits *b, size_t i, bool is_in) {
    ALLOC_ASSERT(i < b->size);
    for (unsigned l = 0; l < b->levels; l++) {
        uint64_t word = b->level[l][i / WORD_BITS] & ~word_bit(i);
        word |= (uint64_t) is_in << (i % WORD_BITS);
        b->level[l][i / WORD_BITS] = word;
        is_in = word != 0;
        i /= WORD_BITS;
    }
}
