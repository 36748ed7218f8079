/* Nodes over a bitmap. Each word of it is asked seven questions where bits.h asks one:
 *
 *   height 2                                … the same of 64 nodes, and of 64 full words
 *   height 1   hints   0 1 0 …              a node: of each of its 64 children, the words,
 *              row 0   1 1 0 …              has it a free page? …
 *              row 1   1 0 0 …              … two, side by side and aligned? …
 *              row 2   1 0 0 …              … four? …
 *              row 6   0 0 0 …              … are all its 64 pages free?
 *   height 0           1111… 0110… 0000…    the bitmap: 1 is free
 *
 * Row 6 is a bitmap again, of blocks of 64 pages, and the next height treats it as one: a node
 * there has the rows 0 to 6, where a bit says that the child has something in that row, and the
 * rows 7 to 12, which ask row 6 of the child the questions of row 1 to 6. Height 3 has rows up to
 * 18, blocks of 1 GiB, and whatever is higher has the same.
 *
 * A bit of row k says: down there is a free aligned block of 2^k pages. Where there is one of order
 * k there is one of each order below, so what a child answers is one number, its rank: how many
 * orders it has a block of. Nothing is split or merged. Bits of the bitmap change, with them the
 * rank of their word, and the rows follow.
 *
 * A word may be hidden: it has free pages and rank 0. The hints are one more bit for each word, and
 * mean what their user says; above, a bit says that the child has some.
 *
 * Remembers: 1 bit per page and 0.13 more. Cost: O(levels) to find a block, O(levels * rows) to
 * change one. */
#pragma once

#include "stage.h"

#define INLINED static inline __attribute__((always_inline))

#define DIGIT 6U /* a word has 2^DIGIT bits */
#define TOP 3U   /* what a node of this height has for children are the largest blocks */
#define ROWS_MAX_ORDER (TOP * DIGIT)
#define ROWS_MAX_LEVELS ((sizeof(size_t) * 8 - 12 + DIGIT - 1) / DIGIT + 1)

struct rows {
    unsigned height; /* of the root: 1 or more */
    uint64_t *level[ROWS_MAX_LEVELS];
};

/* Words that the bitmap and the nodes of `pages` pages take, one page or more. */
size_t rows_words(size_t pages);

/* Lay them out in rows_words(pages) words, all 0. O(words). */
void rows_init(struct rows *r, uint64_t *words, size_t pages);

/* ---- nodes ---- */

INLINED unsigned rows_count(unsigned h) {
    return (h < TOP ? h : TOP) * DIGIT + 1;
}

/* Words from one node to the next: with its hints a node has 8, 14 or 20, and takes whole cache
 * lines. */
INLINED size_t rows_stride(unsigned h) {
    return h == 0 ? 1 : (h < TOP ? h : TOP) * 8;
}

INLINED uint64_t *hints_at(const struct rows *r, unsigned h, size_t node) {
    return r->level[h] + node * rows_stride(h);
}

INLINED uint64_t *rows_at(const struct rows *r, unsigned h, size_t node) {
    return hints_at(r, h, node) + 1;
}

/* Has word i, which is not 0, rank 0? */
INLINED bool rows_is_hidden(const struct rows *r, size_t i) {
    return !words_test(rows_at(r, 1, i / WORD_BITS), i % WORD_BITS);
}

/* ---- ranks ---- */

/* Where a block of order k may begin in a word: at the bits 0, 2^k, 2 * 2^k, … */
static const uint64_t starts[] = {
    UINT64_MAX,
    UINT64_MAX / 0x3,
    UINT64_MAX / 0xf,
    UINT64_MAX / 0xff,
    UINT64_MAX / 0xffff,
    UINT64_MAX / 0xffffffff,
    1,
};

/* Where blocks of order k begin, given where those of order k - 1 do. */
INLINED uint64_t pairs_in(uint64_t blocks, unsigned k) {
    return blocks & blocks >> (1U << (k - 1)) & starts[k];
}

/* A node of height 1 had `from` rows that are not empty and has `to`, and its row of full words was
 * `full`: what its parent and those above are to know. O(levels * rows). */
void rows_climb(struct rows *r, size_t node, unsigned from, unsigned to, uint64_t full);

/* Words of one node have changed, none of them hidden: first and last are x and y now, and what
 * lies between is `between`, all 0 or all 1. No branch but the last: whether a row changes is a
 * coin toss, and a wrong guess costs more than to write all of them. O(rows), and O(levels * rows)
 * if the node's rank changes. */
INLINED void rows_note(struct rows *r, size_t first, uint64_t x, size_t last, uint64_t y,
                       uint64_t between) {
    uint64_t *rows = rows_at(r, 1, first / WORD_BITS), full = rows[DIGIT];
    uint64_t range = word_range(first, last + 1);
    between &= range & ~word_bit(first) & ~word_bit(last);
    unsigned from = 0, to = 0;
    for (unsigned k = 0; k <= DIGIT; k++) {
        x = k > 0 ? pairs_in(x, k) : x;
        y = k > 0 ? pairs_in(y, k) : y;
        from += rows[k] != 0;
        rows[k] = (rows[k] & ~range) | between | (uint64_t) (x != 0) << (first % WORD_BITS) |
                  (uint64_t) (y != 0) << (last % WORD_BITS);
        to += rows[k] != 0;
    }
    if (from != to || full != rows[DIGIT])
        rows_climb(r, first / WORD_BITS, from, to, full);
}

/* Word i, which was 0, has got one page, or several that are no block of two: row 0 of every
 * height, without a branch. O(levels). */
INLINED void rows_note_page(struct rows *r, size_t i) {
    for (unsigned h = 1; h <= r->height; h++) {
        *rows_at(r, h, i / WORD_BITS) |= word_bit(i);
        i /= WORD_BITS;
    }
}

/* Hide word i, or show it if it is hidden. O(levels * rows). */
void rows_toggle(struct rows *r, size_t i);

/* ---- finding ---- */

/* What a node has: its hints, and row k. */
#define HINTS 0U
#define ROW(k) ((k) + 1U)

INLINED size_t rows_first_of(const struct rows *r, unsigned height, unsigned to, unsigned what) {
    size_t at = 0;
    for (unsigned h = height; h > to; h--)
        at = at * WORD_BITS + word_lowest(hints_at(r, h, at)[what]);
    return at;
}

/* The lowest node of height `to` that has something there; the root says that one has. With
 * constants the way down stays in registers, see bits.h. O(levels). */
INLINED size_t rows_first(const struct rows *r, unsigned to, unsigned what) {
    switch (r->height) {
    case 2:
        return rows_first_of(r, 2, to, what);
    case 3:
        return rows_first_of(r, 3, to, what);
    default:
        return rows_first_of(r, r->height, to, what);
    }
}

/* The first page of the lowest free block of order k, of words that are not hidden; NONE if there
 * is none. k is ROWS_MAX_ORDER at most. O(levels). */
size_t rows_find_block(const struct rows *r, unsigned k);

/* Has any word a hint? Has word i one? Give it one, take it. O(1); O(levels). */
INLINED bool rows_has_hints(const struct rows *r) {
    return *hints_at(r, r->height, 0) != 0;
}

INLINED bool rows_is_hinted(const struct rows *r, size_t i) {
    return words_test(hints_at(r, 1, i / WORD_BITS), i % WORD_BITS);
}

void rows_hint(struct rows *r, size_t i);
void rows_unhint(struct rows *r, size_t i);

/* ---- what must hold ---- */

/* The first thing that is wrong with the nodes over that bitmap, or SOUND. O(words). */
struct problem rows_problem(const struct rows *r, uint64_t *words, size_t pages);
