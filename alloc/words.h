/* Bits in an array of 64-bit words: what all stages but bump remember pages in.
 *
 * Bit i stands in word i / 64 at position i % 64. Whatever can be is done with whole words. Ranges
 * are [from, end). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a function relies on. It costs nothing, unless a build says what is to happen where it does
 * not hold: host tests and fuzzers do. */
#ifndef ALLOC_ASSERT
#define ALLOC_ASSERT(condition) ((void) 0)
#endif

#define WORD_BITS ((size_t) 64)
#define NONE SIZE_MAX /* no such index */

/* Words that hold `bits` bits. */
static inline size_t words_for(size_t bits) {
    return bits / WORD_BITS + (bits % WORD_BITS != 0);
}

/* Position of the lowest set bit of a word that is not 0: one instruction, or
 * some fifteen on a machine that has none for it. */
static inline size_t word_lowest(uint64_t word) {
    ALLOC_ASSERT(word != 0);
    return (size_t) __builtin_ctzll(word);
}

/* Position of the highest set bit of a word that is not 0. */
static inline size_t word_highest(uint64_t word) {
    ALLOC_ASSERT(word != 0);
    return WORD_BITS - 1 - (size_t) __builtin_clzll(word);
}

/* The word that holds bit i, all of it 0 but that bit. 64-bit on purpose: `1 << i` is an int and
 * forgets half of the word. */
static inline uint64_t word_bit(size_t i) {
    return (uint64_t) 1 << (i % WORD_BITS);
}

static inline bool words_test(const uint64_t *words, size_t i) {
    return (words[i / WORD_BITS] & word_bit(i)) != 0;
}

/* Do the bits of [from, end) stand in one word? Most ranges do, and are done with in one step. The
 * range is not empty. */
static inline bool in_one_word(size_t from, size_t end) {
    ALLOC_ASSERT(from < end);
    return from / WORD_BITS == (end - 1) / WORD_BITS;
}

/* The bits of [from, end) that stand in the word of `from`; the range is not empty. */
static inline uint64_t word_range(size_t from, size_t end) {
    uint64_t range = UINT64_MAX << (from % WORD_BITS);
    if (in_one_word(from, end))
        range &= UINT64_MAX >> (WORD_BITS - 1 - (end - 1) % WORD_BITS);
    return range;
}

/* Where in the first of two words that stand side by side n set bits begin, n at most 64: each step
 * up to doubles the length that is known. */
static inline uint64_t word_run_starts(uint64_t word, uint64_t next, size_t n) {
    for (size_t length = 1, step; length < n; length += step) {
        step = length < n - length ? length : n - length;
        word &= word >> step | next << (WORD_BITS - step);
        next &= next >> step;
    }
    return word;
}

/* Lowest set, lowest clear bit of [from, end); `end` if there is none. O(words). */
size_t words_next_set(const uint64_t *words, size_t from, size_t end);
size_t words_next_clear(const uint64_t *words, size_t from, size_t end);

/* Make all bits of [from, end) those of `value`, which is all 0 or all 1. O(words). */
void words_fill(uint64_t *words, size_t from, size_t end, uint64_t value);

/* Are all bits of [from, end) clear, are all set? The range is not empty. O(words). */
static inline bool words_all_clear(const uint64_t *words, size_t from, size_t end) {
    if (in_one_word(from, end))
        return (words[from / WORD_BITS] & word_range(from, end)) == 0;
    return words_next_set(words, from, end) == end;
}

static inline bool words_all_set(const uint64_t *words, size_t from, size_t end) {
    if (in_one_word(from, end))
        return (~words[from / WORD_BITS] & word_range(from, end)) == 0;
    return words_next_clear(words, from, end) == end;
}

/* Set, clear all bits of [from, end), which is not empty. O(words). */
static inline void words_set(uint64_t *words, size_t from, size_t end) {
    if (in_one_word(from, end))
        words[from / WORD_BITS] |= word_range(from, end);
    else
        words_fill(words, from, end, UINT64_MAX);
}

static inline void words_clear(uint64_t *words, size_t from, size_t end) {
    if (in_one_word(from, end))
        words[from / WORD_BITS] &= ~word_range(from, end);
    else
        words_fill(words, from, end, 0);
}

/* Lowest multiple of `align` that begins n set bits in [0, end); NONE if there is none. `align`
 * is a power of two and n is not 0. O(words + runs), the runs of set bits that are too short. */
size_t words_find_run(const uint64_t *words, size_t end, size_t n, size_t align);

/* Where the run of set bits begins that bit `i`, which is set, is in; i - (n - 1) if that is more
 * than n - 1 bits below. n is not 0. O(words). */
size_t words_run_begin(const uint64_t *words, size_t i, size_t n);
