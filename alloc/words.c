/* Bits in an array of words, ranges of them at a time. */
#include "words.h"

/* Lowest bit of [from, end) that differs from its bit in `flip`, which is all 0 or all 1. */
static size_t next_different(const uint64_t *words, size_t from, size_t end, uint64_t flip) {
    if (from >= end)
        return end;

    size_t at = from / WORD_BITS, last = (end - 1) / WORD_BITS;
    uint64_t word = (words[at] ^ flip) & (UINT64_MAX << (from % WORD_BITS));
    while (word == 0 && at < last)
        word = words[++at] ^ flip;
    if (word == 0)
        return end;

    /* The last word may reach beyond the end. */
    size_t found = at * WORD_BITS + word_lowest(word);
    return found < end ? found : end;
}

size_t words_next_set(const uint64_t *words, size_t from, size_t end) {
    return next_different(words, from, end, 0);
}

size_t words_next_clear(const uint64_t *words, size_t from, size_t end) {
    return next_different(words, from, end, UINT64_MAX);
}

static void fill_masked(uint64_t *word, uint64_t mask, uint64_t value) {
    *word = (*word & ~mask) | (value & mask);
}

/* Two loops, each with a constant: a compiler may know a faster way to do that. */
static void fill_whole(uint64_t *words, size_t from, size_t end, uint64_t value) {
    if (value == 0)
        for (size_t at = from; at < end; at++)
            words[at] = 0;
    else
        for (size_t at = from; at < end; at++)
            words[at] = UINT64_MAX;
}

void words_fill(uint64_t *words, size_t from, size_t end, uint64_t value) {
    if (from >= end)
        return;

    size_t first = from / WORD_BITS, last = (end - 1) / WORD_BITS;
    fill_masked(&words[first], word_range(from, end), value);
    fill_whole(words, first + 1, last, value);
    if (first < last)
        fill_masked(&words[last], word_range(last * WORD_BITS, end), value);
}

size_t words_find_run(const uint64_t *words, size_t end, size_t n, size_t align) {
    size_t first = 0;
    for (;;) {
        first = words_next_set(words, first, end);
        first = (first + align - 1) / align * align;
        if (first >= end || n > end - first)
            return NONE;

        /* The first clear bit ends this run. No run with it can fit: go on behind it. */
        size_t run_end = words_next_clear(words, first, first + n);
        if (run_end == first + n)
            return first;
        first = run_end + 1;
    }
}

size_t words_run_begin(const uint64_t *words, size_t i, size_t n) {
    size_t lowest = i < n ? 0 : i - (n - 1), begin = i;
    while (begin > lowest) {
        size_t at = (begin - 1) / WORD_BITS;
        uint64_t clear = ~words[at] & word_range(at * WORD_BITS, begin);
        begin = at * WORD_BITS + (clear != 0 ? word_highest(clear) + 1 : 0);
        if (clear != 0)
            break;
    }
    return begin > lowest ? begin : lowest;
}
