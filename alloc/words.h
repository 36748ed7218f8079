/* Bits in an array of 64-bit words: the bitmap's table, and every level of the buddy's.
 *
 * Bit i stands in word i / 64 at position i % 64. Whatever can be is done with whole words. Ranges
 * are [from, end) and may be empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_BITS ((size_t) 64)

/* Words that hold `bits` bits. */
static inline size_t words_for(size_t bits) {
    return bits / WORD_BITS + (bits % WORD_BITS != 0);
}

/* Position of the lowest set bit of a word that is not 0: one instruction, or some fifteen. */
static inline size_t word_lowest(uint64_t word) {
    return (size_t) __builtin_ctzll(word);
}

/* Position of the highest set bit of a word that is not 0. */
static inline size_t word_highest(uint64_t word) {
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

/* Lowest set, lowest clear bit of [from, end); `end` if there is none. One step a word. */
size_t words_next_set(const uint64_t *words, size_t from, size_t end);
size_t words_next_clear(const uint64_t *words, size_t from, size_t end);

/* Set, clear all bits of [from, end). One step a word. */
void words_set(uint64_t *words, size_t from, size_t end);
void words_clear(uint64_t *words, size_t from, size_t end);

/* Lowest multiple of `align` that begins n set bits in [0, end); SIZE_MAX if there is none. `align`
 * is a power of two and n is not 0. Steps: at most two a word and two a run of set bits. */
size_t words_find_run(const uint64_t *words, size_t end, size_t n, size_t align);
