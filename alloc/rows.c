/* Nodes over a bitmap: where they lie, how a change rises in them, and how a block is found. */
#include "rows.h"

/* Set where each level is, from `words` on. Returns how many words they take together. */
static size_t lay_out(struct rows *r, uint64_t *words, size_t pages) {
    size_t sum = 0, nodes = pages;
    unsigned h = 0;
    do {
        nodes = words_for(nodes);
        r->height = h;
        r->level[h] = words ? words + sum : NULL;
        sum += (nodes * rows_stride(h) + 7) / 8 * 8;
        h++;
    } while (nodes > 1 || h == 1);
    return sum;
}

size_t rows_words(size_t pages) {
    struct rows r;
    return lay_out(&r, NULL, pages);
}

void rows_init(struct rows *r, uint64_t *words, size_t pages) {
    words_clear(words, 0, lay_out(r, words, pages) * WORD_BITS);
}

/* ---- ranks ---- */

/* The row of a node of height h that says which children are one whole block. */
static inline size_t whole_row(unsigned h) {
    return (size_t) h * DIGIT;
}

/* Of how many orders the word has a block: 0 for none, DIGIT + 1 if it is full. */
static inline unsigned rank_of_word(uint64_t word) {
    unsigned rank = word != 0;
    for (unsigned k = 1; k <= DIGIT; k++) {
        word = pairs_in(word, k);
        rank += word != 0;
    }
    return rank;
}

/* A child of a node of height h had rank `low` and has `high`, or the other way round: its bit
 * changes in the rows between them, here and above. */
INLINED void change_rank(struct rows *r, unsigned h, size_t child, unsigned low, unsigned high) {
    for (; low < high && h <= r->height; h++) {
        uint64_t *rows = rows_at(r, h, child / WORD_BITS), bit = word_bit(child);
        /* Rows are nested: from the lowest on that has no other child, the node's rank is ours. */
        unsigned alone = high, full = h * DIGIT;
        for (unsigned k = high; k-- > low;) {
            rows[k] ^= bit;
            alone = (rows[k] & ~bit) == 0 ? k : alone;
        }
        /* The row of whole blocks has a rank of its own. */
        if (h < TOP && high > full) {
            uint64_t others = rows[full] & ~bit;
            high = full + rank_of_word(others | bit);
            alone = others != 0 ? full + rank_of_word(others) : alone;
        }
        low = alone;
        child /= WORD_BITS;
    }
}

void rows_climb(struct rows *r, size_t node, unsigned from, unsigned to, uint64_t full) {
    uint64_t full_now = rows_at(r, 1, node)[DIGIT];
    if (full != full_now) {
        from = full != 0 ? DIGIT + rank_of_word(full) : from;
        to = full_now != 0 ? DIGIT + rank_of_word(full_now) : to;
    }
    change_rank(r, 2, node, from < to ? from : to, from < to ? to : from);
}

void rows_toggle(struct rows *r, size_t i) {
    change_rank(r, 1, i, 0, rank_of_word(r->level[0][i]));
}

/* ---- finding ---- */

/* Where blocks of order k begin in the word. */
static inline uint64_t blocks_in(uint64_t word, unsigned k) {
    for (unsigned j = 1; j <= k; j++)
        word = pairs_in(word, j);
    return word;
}

/* Blocks of 64 pages and more: row h * DIGIT of a node of height h is a bitmap of them. Nobody is
 * above the root, to ask it the questions of the next rows. */
static size_t find_large(const struct rows *r, unsigned k) {
    unsigned h = k / DIGIT < TOP ? k / DIGIT : TOP - 1;
    h = h < r->height ? h : r->height;
    unsigned order = k - h * DIGIT;
    if (order > DIGIT || (h < r->height && rows_at(r, r->height, 0)[k] == 0))
        return NONE;
    size_t node = rows_first(r, h, ROW(k));
    uint64_t blocks = blocks_in(rows_at(r, h, node)[whole_row(h)], order);
    return blocks != 0 ? (node * WORD_BITS + word_lowest(blocks)) << (h * DIGIT) : NONE;
}

size_t rows_find_block(const struct rows *r, unsigned k) {
    if (k >= DIGIT)
        return find_large(r, k);
    if (rows_at(r, r->height, 0)[k] == 0)
        return NONE;
    size_t i = rows_first(r, 0, ROW(k));
    return i * WORD_BITS + word_lowest(blocks_in(r->level[0][i], k));
}

/* ---- hints ---- */

void rows_hint(struct rows *r, size_t i) {
    uint64_t before = 0;
    for (unsigned h = 1; h <= r->height && before == 0; h++) {
        uint64_t *hints = hints_at(r, h, i / WORD_BITS);
        before = *hints;
        *hints = before | word_bit(i);
        i /= WORD_BITS;
    }
}

void rows_unhint(struct rows *r, size_t i) {
    uint64_t rest = 0;
    for (unsigned h = 1; h <= r->height && rest == 0; h++) {
        uint64_t *hints = hints_at(r, h, i / WORD_BITS);
        rest = *hints & ~word_bit(i);
        *hints = rest;
        i /= WORD_BITS;
    }
}

/* ---- what must hold ---- */

static unsigned rank_of_node(const uint64_t *rows, unsigned h) {
    if (h < TOP && rows[whole_row(h)] != 0)
        return h * DIGIT + rank_of_word(rows[whole_row(h)]);
    unsigned rank = 0;
    while (rank < rows_count(h) && rows[rank] != 0)
        rank++;
    return rank;
}

/* What child i of the nodes of height h answers. A word that has no bit in row 0 is hidden. */
static unsigned rank_of_child(const struct rows *r, unsigned h, size_t i) {
    if (h > 1)
        return rank_of_node(rows_at(r, h - 1, i), h - 1);
    return rows_is_hidden(r, i) ? 0 : rank_of_word(r->level[0][i]);
}

/* Of the nodes of height h, which have so many children. */
static struct problem nodes_problem(const struct rows *r, unsigned h, size_t children) {
    for (size_t i = 0; i < words_for(children) * WORD_BITS; i++) {
        const uint64_t *rows = rows_at(r, h, i / WORD_BITS);
        unsigned rank = i < children ? rank_of_child(r, h, i) : 0;
        for (unsigned k = 0; k < rows_count(h); k++)
            if (words_test(&rows[k], i % WORD_BITS) != (k < rank))
                return (struct problem){"row # is wrong about child # of its height", {k, i}};
        bool is_hinted = words_test(hints_at(r, h, i / WORD_BITS), i % WORD_BITS);
        if (i >= children ? is_hinted : h > 1 && is_hinted != (*hints_at(r, h - 1, i) != 0))
            return (struct problem){"the hint for child # at height # is wrong", {i, h}};
    }
    return SOUND;
}

struct problem rows_problem(const struct rows *r, uint64_t *words, size_t pages) {
    struct rows expected;
    lay_out(&expected, words, pages);
    if (r->height != expected.height)
        return (struct problem){"the root has height #, expected #", {r->height, expected.height}};
    for (unsigned h = 0; h <= r->height; h++)
        if (r->level[h] != expected.level[h])
            return (struct problem){"height # is not in its place", {h}};

    size_t children = words_for(pages);
    struct problem problem = SOUND;
    for (unsigned h = 1; h <= r->height && problem.words == NULL; h++) {
        problem = nodes_problem(r, h, children);
        children = words_for(children);
    }
    return problem;
}
