/* A set of indices with summaries. */
#include "bits.h"

size_t bits_words(size_t size) {
    size_t words = words_for(size), sum = words;
    while (words > 1) {
        words = words_for(words);
        sum += words;
    }
    return sum;
}

void bits_init(struct bits *b, uint64_t *words, size_t size) {
    words_clear(words, 0, bits_words(size) * WORD_BITS);
    b->size = size;
    b->levels = 0;
    do {
        size = words_for(size);
        b->level[b->levels++] = words;
        words += size;
    } while (size > 1);
}

bool bits_is_at(const struct bits *b, const uint64_t *words, size_t size) {
    if (b->size != size)
        return false;
    unsigned l = 0;
    do {
        size = words_for(size);
        if (b->level[l] != words)
            return false;
        words += size;
        l++;
    } while (size > 1);
    return l == b->levels;
}

/* Most ranges stand in one word. Its summaries change only if it was, or gets, empty. */
static void set_in_word(struct bits *b, size_t from, size_t end) {
    uint64_t *word = &b->level[0][from / WORD_BITS], before = *word;
    *word = before | word_range(from, end);
    if (before == 0)
        bits_summarize(b, from / WORD_BITS);
}

void bits_set_range(struct bits *b, size_t from, size_t end) {
    if (from < end && in_one_word(from, end)) {
        set_in_word(b, from, end);
        return;
    }
    for (unsigned l = 0; l < b->levels && from < end; l++) {
        words_set(b->level[l], from, end);
        from /= WORD_BITS;
        end = words_for(end);
    }
}

static void clear_in_word(struct bits *b, size_t from, size_t end) {
    uint64_t *word = &b->level[0][from / WORD_BITS];
    *word &= ~word_range(from, end);
    if (*word == 0)
        bits_unsummarize(b, from / WORD_BITS);
}

void bits_clear_range(struct bits *b, size_t from, size_t end) {
    if (from >= end)
        return;
    if (in_one_word(from, end)) {
        clear_in_word(b, from, end);
        return;
    }
    words_clear(b->level[0], from, end);
    for (unsigned l = 1; l < b->levels; l++) {
        /* Words inside the range are 0 now. Its first and its last may have bits beside it. */
        from /= WORD_BITS;
        end = words_for(end);
        words_clear(b->level[l], from, end);
        b->level[l][from / WORD_BITS] |= (uint64_t) (b->level[l - 1][from] != 0)
                                         << (from % WORD_BITS);
        b->level[l][(end - 1) / WORD_BITS] |= (uint64_t) (b->level[l - 1][end - 1] != 0)
                                              << ((end - 1) % WORD_BITS);
    }
}

size_t bits_next(const struct bits *b, size_t from) {
    /* Up, until a word has a bit at or after `from`. A word that has none is done with, and so is
       its own bit in the level above: go on behind it. */
    unsigned l = 0;
    uint64_t rest = 0;
    for (size_t size = b->size; from < size; size = words_for(size)) {
        rest = b->level[l][from / WORD_BITS] >> (from % WORD_BITS);
        if (rest != 0)
            break;
        from = from / WORD_BITS + 1;
        l++;
    }
    if (rest == 0)
        return NONE;

    /* And down again, along the lowest bits. A summary bit says that there is one. */
    from += word_lowest(rest);
    while (l-- > 0)
        from = from * WORD_BITS + word_lowest(b->level[l][from]);
    return from;
}

bool bits_check(const struct bits *b) {
    size_t size = b->size;
    for (unsigned l = 0; l < b->levels; l++) {
        size_t words = words_for(size), bits = words * WORD_BITS;
        if (words_next_set(b->level[l], size, bits) != bits)
            return false;
        for (size_t i = 0; l + 1 < b->levels && i < words; i++)
            if (words_test(b->level[l + 1], i) != (b->level[l][i] != 0))
                return false;
        size = words;
    }
    return true;
}
