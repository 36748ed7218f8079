/* Radix: the tree asks one question of each word, radix asks seven.
 *
 *   height 1   row 0   1 1 0 …    has the word a free page?            a node: for each of its 64
 *              row 1   1 0 0 …    … two, side by side and aligned?     children one bit in each
 * row; row 2   1 0 0 …    … four?                              eight words, one cache line … row 6
 * 0 0 0 …    … are all its 64 pages free? hints   0 1 0 …    does a run begin in it that was freed
 * a short time ago? height 0           0110100…  0100…  0000…    the bitmap: 1 is free
 *
 * Row 6 is a bitmap again, of free blocks of 64 pages, and is treated like the one of pages: a node
 * of height 2 has rows 0 to 6, where a bit says that the child has something in that row, and rows
 * 7 to 12, which ask row 6 of the child the questions of row 1 to 6. Height 3 has rows up to 18,
 * blocks of 1 GiB; what is higher has the same.
 *
 * A bit in row k says: there is a free aligned block of 2^k pages down there. So the lowest one is
 * found as the tree finds a page, and in its word by shifts and masks. No block is ever split or
 * merged: bits are set and cleared, and the answers follow. Who has a block of order k has one of
 * each order below, so what a child answers is a number, its class: how many rows it stands in.
 *
 * Three things stand beside the rows:
 * - The hand: words with a free page that the nodes do not know of. A word that gets its first free
 *   page goes there, if it is below the water line, under which the nodes have nothing; single
 * pages come from there. What is in the hand has no bit in row 0, and so needs no mark of its own.
 * - Hints, for sizes that are no power of two: a run of them is tried first where one was freed,
 * and else begins as far before the block as pages are free. A hint that misleads is cleared.
 * - The size of the last run that was refused, until pages come free that have a free neighbour.
 *
 * Remembers: 1 bit per page, 1.16 with the nodes.
 * Cost: one page O(levels), and most often O(1). A block of 2^k pages O(levels * rows). Other runs
 * the same and O(words); O(all words) only if no aligned block is as large, and refused once.
 * Flaw: one lock for all harts. */
#include "stage.h"
#include "words.h"

#define DIGIT 6U /* a word has 2^DIGIT bits */
#define TOP 3U   /* what a node of this height has for children are the largest blocks */
#define MAX_ORDER (TOP * DIGIT)
#define MAX_LEVELS ((sizeof(size_t) * 8 - 12 + DIGIT - 1) / DIGIT + 1)
#define HAND 64
#define PROBES 4 /* hints that one call tries */
#define INLINED static inline __attribute__((always_inline))
_Static_assert(PAGE_SIZE << MAX_ORDER == MAX_ALIGN, "a block must have every alignment");

struct radix {
    unsigned height; /* of the root: 1 or more */
    uint64_t *level[MAX_LEVELS];
    size_t refused;    /* no run is as long; NONE: nobody knows */
    uint64_t watch;    /* all 1 while that is known, else 0 */
    size_t water;      /* words below are 0, or in the hand */
    size_t held;       /* words in the hand */
    size_t hand[HAND]; /* the last in is the first out */
};

/* ---- where a node is ---- */

INLINED unsigned rows_at(unsigned h) {
    return (h < TOP ? h : TOP) * DIGIT + 1;
}

/* Words from one node to the next. A node has its hints and then its rows, 8, 14 or 20 words, and
 * takes whole cache lines. */
INLINED size_t stride_at(unsigned h) {
    return h == 0 ? 1 : (h < TOP ? h : TOP) * 8;
}

INLINED uint64_t *hints_at(const struct radix *t, unsigned h, size_t i) {
    return t->level[h] + i * stride_at(h);
}

/* The rows of a node; at height 0, the word. */
INLINED uint64_t *node_at(const struct radix *t, unsigned h, size_t i) {
    return hints_at(t, h, i) + (h > 0);
}

/* Set where each level is, from `words` on. Returns how many words they take together. */
static size_t lay_out(struct radix *t, uint64_t *words, size_t pages) {
    size_t sum = 0, nodes = pages;
    unsigned h = 0;
    do {
        nodes = words_for(nodes);
        t->height = h;
        t->level[h] = words ? words + sum : NULL;
        sum += (nodes * stride_at(h) + 7) / 8 * 8;
        h++;
    } while (nodes > 1 || h == 1);
    return sum;
}

static size_t stage_meta_size(size_t pages) {
    struct radix t;
    return header_size(sizeof(t)) + lay_out(&t, NULL, pages) * sizeof(uint64_t);
}

static uint64_t *words_of(const struct page_allocator *a) {
    return (void *) ((char *) a->meta + header_size(sizeof(struct radix)));
}

static void stage_init(struct page_allocator *a) {
    struct radix *t = a->meta;
    words_clear(words_of(a), 0, lay_out(t, words_of(a), a->span.end) * WORD_BITS);
    t->refused = NONE;
    t->watch = 0;
    t->water = 0;
    t->held = 0;
}

/* ---- blocks in a word ---- */

/* Where blocks of order r may begin: the bits 0, 2^r, 2 * 2^r, … */
static const uint64_t starts[DIGIT + 1] = {
    UINT64_MAX,
    UINT64_MAX / 0x3,
    UINT64_MAX / 0xf,
    UINT64_MAX / 0xff,
    UINT64_MAX / 0xffff,
    UINT64_MAX / 0xffffffff,
    1,
};

/* Where blocks of order r begin, given where those of order r - 1 do. */
INLINED uint64_t pairs_in(uint64_t blocks, unsigned r) {
    return blocks & blocks >> (1U << (r - 1)) & starts[r];
}

/* How many of the orders 0 to DIGIT the word has a block of: 0 for none, DIGIT + 1 if it is full.
 */
INLINED unsigned class_of_word(uint64_t word) {
    unsigned class = word != 0;
    for (unsigned r = 1; r <= DIGIT; r++) {
        word = pairs_in(word, r);
        class += word != 0;
    }
    return class;
}

/* Where blocks of order r begin in the word. */
INLINED uint64_t blocks_in(uint64_t word, unsigned r) {
    for (unsigned j = 1; j <= r; j++)
        word = pairs_in(word, j);
    return word;
}

/* ---- what nodes know ---- */

static unsigned class_of_node(const uint64_t *rows, unsigned h) {
    if (h < TOP && rows[h * DIGIT] != 0)
        return h * DIGIT + class_of_word(rows[h * DIGIT]);
    unsigned class = 0;
    while (class < rows_at(h) && rows[class] != 0)
        class ++;
    return class;
}

/* A child of a node of height h had one class, and has another. */
static SELDOM void change_class(struct radix *t, unsigned h, size_t child, unsigned from,
                                unsigned to) {
    for (; h <= t->height && from != to; h++) {
        uint64_t *rows = node_at(t, h, child / WORD_BITS);
        unsigned before = class_of_node(rows, h);
        for (unsigned k = from; k < to; k++)
            rows[k] |= word_bit(child);
        for (unsigned k = to; k < from; k++)
            rows[k] &= ~word_bit(child);
        from = before;
        to = class_of_node(rows, h);
        child /= WORD_BITS;
    }
}

/* The words first to last, children of one node, have changed to x and y, and those between them to
 * `between`, all 0 or all 1. No branch but the last: all rows are written, changed or not. */
INLINED void note_words(struct radix *t, size_t first, uint64_t x, size_t last, uint64_t y,
                        uint64_t between) {
    uint64_t *rows = node_at(t, 1, first / WORD_BITS), full = rows[DIGIT];
    uint64_t range = word_range(first, last + 1);
    between &= range & ~word_bit(first) & ~word_bit(last);
    unsigned from = 0, to = 0;
    for (unsigned r = 0; r <= DIGIT; r++) {
        x = r > 0 ? pairs_in(x, r) : x;
        y = r > 0 ? pairs_in(y, r) : y;
        from += rows[r] != 0;
        rows[r] = (rows[r] & ~range) | between | (uint64_t) (x != 0) << (first % WORD_BITS) |
                  (uint64_t) (y != 0) << (last % WORD_BITS);
        to += rows[r] != 0;
    }
    /* A row 6 that is not empty stands for as many classes as its blocks have. */
    if (full != rows[DIGIT]) {
        from = full != 0 ? DIGIT + class_of_word(full) : from;
        to = rows[DIGIT] != 0 ? DIGIT + class_of_word(rows[DIGIT]) : to;
    }
    if (from != to && t->height > 1)
        change_class(t, 2, first / WORD_BITS, from, to);
}

INLINED void note_word(struct radix *t, size_t i) {
    uint64_t word = t->level[0][i];
    note_words(t, i, word, i, word, 0);
}

/* ---- the hand ---- */

/* Is a word that is not 0 in the hand? */
INLINED bool is_held(const struct radix *t, size_t i) {
    return !words_test(node_at(t, 1, i / WORD_BITS), i % WORD_BITS);
}

static SELDOM bool touches_hand(const struct radix *t, size_t first, size_t last) {
    for (size_t i = first; i <= last; i++)
        if (t->level[0][i] != 0 && is_held(t, i))
            return true;
    return false;
}

INLINED void lower_water(struct radix *t, size_t i) {
    t->water = i < t->water ? i : t->water;
}

/* Tell the nodes of what is in the hand. */
static SELDOM void put_down(struct radix *t) {
    while (t->held > 0) {
        size_t i = t->hand[--t->held];
        lower_water(t, i);
        change_class(t, 1, i, 0, class_of_word(t->level[0][i]));
    }
}

/* The pages [from, end) are to be free, or taken, as `value` says. */
INLINED void change(struct page_allocator *a, size_t from, size_t end, uint64_t value) {
    struct radix *t = a->meta;
    uint64_t *words = t->level[0];
    size_t first = from / WORD_BITS, last = (end - 1) / WORD_BITS;
    if (t->held > 0 && touches_hand(t, first, last))
        put_down(t);
    if (value != 0)
        lower_water(t, first);
    if (first == last) {
        words[first] ^= word_range(from, end);
        note_word(t, first);
        return;
    }
    words_fill(words, from, end, value);
    while (first <= last) {
        size_t node_last = first | (WORD_BITS - 1), to = last < node_last ? last : node_last;
        note_words(t, first, words[first], to, words[to], value);
        first = to + 1;
    }
}

/* ---- hints ---- */

static SELDOM void set_hint(struct radix *t, size_t i) {
    for (unsigned h = 1; h <= t->height; h++) {
        *hints_at(t, h, i / WORD_BITS) |= word_bit(i);
        i /= WORD_BITS;
    }
}

/* `page` is one of a run that a request may fit into. */
INLINED void hint(struct radix *t, size_t page) {
    size_t i = page / WORD_BITS;
    if ((*hints_at(t, 1, i / WORD_BITS) & word_bit(i)) == 0)
        set_hint(t, i);
}

static SELDOM void clear_hint(struct radix *t, size_t i) {
    for (unsigned h = 1; h <= t->height; h++) {
        uint64_t *hints = hints_at(t, h, i / WORD_BITS);
        *hints &= ~word_bit(i);
        if (*hints != 0)
            return;
        i /= WORD_BITS;
    }
}

/* The lowest run of n pages that begins in word i; NONE if there is none. */
INLINED size_t run_in(const struct page_allocator *a, size_t i, size_t n) {
    const uint64_t *words = words_of(a);
    uint64_t word = words[i];
    if (n > WORD_BITS) {
        /* It begins where the free pages at the end of the word do. */
        size_t first = i * WORD_BITS + (word == UINT64_MAX ? 0 : word_highest(~word) + 1);
        bool fits = first / WORD_BITS == i && n <= a->span.end - first &&
                    words_all_set(words, first, first + n);
        return fits ? first : NONE;
    }
    uint64_t next = i < (a->span.end - 1) / WORD_BITS ? words[i + 1] : 0;
    /* Bits that begin a run of `length`; each step up to doubles it. */
    for (size_t length = 1, step; length < n; length += step) {
        step = length < n - length ? length : n - length;
        word &= word >> step | next << (WORD_BITS - step);
        next &= next >> step;
    }
    return word != 0 ? i * WORD_BITS + word_lowest(word) : NONE;
}

/* ---- finding a run ---- */

/* What words of a node there are: its hints, and row k. */
#define HINTS 0U
#define ROW(k) ((k) + 1U)

/* From the root to the lowest node of height `to` that has something there. */
INLINED size_t descend_of(const struct radix *t, unsigned height, unsigned to, unsigned k) {
    size_t at = 0;
    for (unsigned h = height; h > to; h--)
        at = at * WORD_BITS + word_lowest(hints_at(t, h, at)[k]);
    return at;
}

/* With constants the way down stays in registers: see bits.h. */
INLINED size_t descend(const struct radix *t, unsigned to, unsigned k) {
    switch (t->height) {
    case 2:
        return descend_of(t, 2, to, k);
    case 3:
        return descend_of(t, 3, to, k);
    default:
        return descend_of(t, t->height, to, k);
    }
}

static size_t find_hinted(const struct page_allocator *a, size_t n) {
    struct radix *t = a->meta;
    for (int probe = 0; probe < PROBES && *hints_at(t, t->height, 0) != 0; probe++) {
        size_t i = descend(t, 0, HINTS), first = run_in(a, i, n);
        if (first == NONE || n > WORD_BITS)
            clear_hint(t, i);
        if (first != NONE)
            return first;
    }
    return NONE;
}

/* The lowest free block of order k; NONE if there is none. */
INLINED size_t find_block(const struct radix *t, unsigned k) {
    /* Row h * DIGIT of a node of height h is a bitmap of blocks. Nobody is above the root, to ask
       it the questions of the next rows. */
    unsigned h = k / DIGIT < TOP ? k / DIGIT : TOP - 1;
    h = h < t->height ? h : t->height;
    unsigned r = k - h * DIGIT;
    if (r > DIGIT || (h < t->height && node_at(t, t->height, 0)[k] == 0))
        return NONE;
    size_t i = descend(t, h, ROW(k));
    uint64_t blocks = blocks_in(node_at(t, h, i)[h * DIGIT], r);
    return blocks != 0 ? (i * WORD_BITS + word_lowest(blocks)) << (h * DIGIT) : NONE;
}

/* The first page of the run that `page` is in, or n - 1 pages before `page` if it is longer. */
static size_t run_begin(const struct page_allocator *a, size_t page, size_t n) {
    const uint64_t *words = words_of(a);
    size_t begin = page;
    while (begin > 0 && page - begin < n) {
        size_t i = (begin - 1) / WORD_BITS;
        uint64_t taken = ~words[i] & word_range(i * WORD_BITS, begin);
        begin = i * WORD_BITS + (taken != 0 ? word_highest(taken) + 1 : 0);
        if (taken != 0)
            break;
    }
    return page - begin < n ? begin : page - (n - 1);
}

/* What nodes and hints lead to. */
static size_t find_run(const struct page_allocator *a, size_t n, size_t align, bool is_odd) {
    size_t pages = n > align ? n : align, first = is_odd ? find_hinted(a, n) : NONE;
    unsigned order = pages == 1 ? 0 : (unsigned) word_highest(pages - 1) + 1;
    if (first != NONE || order > MAX_ORDER)
        return first;
    first = find_block(a->meta, order);
    return is_odd && first != NONE ? run_begin(a, first, n) : first;
}

/* Any run, wherever it is. */
static SELDOM size_t find_anywhere(const struct page_allocator *a, size_t n, size_t align) {
    if (n > WORD_BITS || align > 1)
        return words_find_run(words_of(a), a->span.end, n, align);
    for (size_t i = 0; i < words_for(a->span.end); i++) {
        size_t first = words_of(a)[i] != 0 ? run_in(a, i, n) : NONE;
        if (first != NONE)
            return first;
    }
    return NONE;
}

/* ---- the stage ---- */

static void forget_refusal(struct radix *t) {
    t->refused = NONE;
    t->watch = 0;
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    forget_refusal(a->meta);
    change(a, first, first + n, UINT64_MAX);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    size_t first = words_next_set(words_of(a), from, a->span.end);
    if (first == a->span.end)
        return (struct page_range){NONE, NONE};
    return (struct page_range){first, words_next_clear(words_of(a), first, a->span.end)};
}

/* Take the lowest word that the nodes know of into the hand, which is empty. While a refusal is
 * remembered the water stays low, so that no free page goes unnoticed. */
static SELDOM void refill(struct radix *t) {
    size_t i = descend(t, 0, ROW(0));
    t->water = (i + 1) & ~(size_t) t->watch;
    t->hand[0] = i;
    t->held = 1;
    change_class(t, 1, i, class_of_word(t->level[0][i]), 0);
}

static enum alloc_error alloc_page(struct page_allocator *a, paddr_t *out) {
    struct radix *t = a->meta;
    if (t->held == 0)
        refill(t);
    size_t i = t->hand[t->held - 1];
    uint64_t word = t->level[0][i], rest = word & (word - 1);
    t->level[0][i] = rest;
    t->held -= rest == 0;
    return hand_out(a, i * WORD_BITS + word_lowest(word), 1, out);
}

static enum alloc_error refuse(struct radix *t, size_t n, size_t align) {
    if (align == 1) {
        t->refused = n;
        t->watch = UINT64_MAX;
        t->water = 0;
    }
    return ALLOC_NO_MEMORY;
}

static SELDOM enum alloc_error alloc_run(struct page_allocator *a, size_t n, size_t align,
                                         paddr_t *out) {
    struct radix *t = a->meta;
    if (n >= t->refused)
        return ALLOC_NO_MEMORY;
    bool is_odd = align == 1 && (n & (n - 1)) != 0;
    size_t first = find_run(a, n, align, is_odd);
    if (first == NONE && t->held > 0) {
        put_down(t);
        first = find_run(a, n, align, is_odd);
    }
    /* A block is in the rows or nowhere. */
    if (first == NONE && n != align)
        first = find_anywhere(a, n, align);
    if (first == NONE)
        return refuse(t, n, align);
    change(a, first, first + n, 0);
    if (is_odd && first + n < a->span.end && words_test(words_of(a), first + n))
        hint(t, first + n);
    return hand_out(a, first, n, out);
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    return n == 1 && align == 1 ? alloc_page(a, out) : alloc_run(a, n, align, out);
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_set(words_of(a), first, first + n))
        return ALLOC_OVERLAP;
    change(a, first, first + n, 0);
    return count_taken(a, n);
}

static void watch_page(struct page_allocator *a, size_t page) {
    const uint64_t *words = words_of(a);
    if ((page > 0 && words_test(words, page - 1)) ||
        (page + 1 < a->span.end && words_test(words, page + 1)))
        forget_refusal(a->meta);
}

/* A word has its first free page, and does not go into the hand: row 0 of every height. */
static SELDOM enum alloc_error free_above(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    size_t i = page / WORD_BITS;
    watch_page(a, page);
    lower_water(t, i);
    for (unsigned h = 1; h <= t->height; h++) {
        *node_at(t, h, i / WORD_BITS) |= word_bit(i);
        i /= WORD_BITS;
    }
    return count_given(a, 1);
}

static SELDOM enum alloc_error free_beside(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    watch_page(a, page);
    if (!is_held(t, page / WORD_BITS))
        note_word(t, page / WORD_BITS);
    return count_given(a, 1);
}

static enum alloc_error free_page(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    size_t i = page / WORD_BITS;
    uint64_t before = t->level[0][i];
    if (before & word_bit(page))
        return ALLOC_NOT_ALLOCATED;
    t->level[0][i] = before | word_bit(page);
    /* Only with its buddy does a page make a block that there was not. */
    if (before & (word_bit(page ^ 1) | t->watch))
        return free_beside(a, page);
    if (before == 0 && (i >= t->water || t->held == HAND))
        return free_above(a, page);
    if (before == 0)
        t->hand[t->held++] = i;
    return count_given(a, 1);
}

static SELDOM enum alloc_error free_run(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    forget_refusal(a->meta);
    change(a, first, first + n, UINT64_MAX);
    if ((n & (n - 1)) != 0)
        hint(a->meta, first);
    return count_given(a, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    return n == 1 ? free_page(a, first) : free_run(a, first, n);
}

/* ---- what must hold ---- */

static bool in_hand(const struct radix *t, size_t i) {
    for (size_t at = 0; at < t->held; at++)
        if (t->hand[at] == i)
            return true;
    return false;
}

/* The hand is not too full, and what is in it are words with a free page, each of them once. */
static struct problem hand_problem(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    if (t->held > HAND)
        return (struct problem){"# words are in the hand, which has room for #", {t->held, HAND}};
    for (size_t at = 0; at < t->held; at++) {
        size_t i = t->hand[at];
        if (i >= words_for(a->span.end) || words_of(a)[i] == 0)
            return (struct problem){"word # is in the hand, and has no free page", {i}};
        for (size_t below = 0; below < at; below++)
            if (t->hand[below] == i)
                return (struct problem){"word # is in the hand twice", {i}};
    }
    return SOUND;
}

/* What child i of the nodes of height h answers, as its parent is to know it. */
static unsigned expected_class(const struct page_allocator *a, unsigned h, size_t i) {
    const struct radix *t = a->meta;
    if (h > 1)
        return class_of_node(node_at(t, h - 1, i), h - 1);
    return in_hand(t, i) ? 0 : class_of_word(words_of(a)[i]);
}

/* The rows and the hints of the nodes of height h, which have so many children. */
static struct problem nodes_problem(const struct page_allocator *a, unsigned h, size_t children) {
    const struct radix *t = a->meta;
    for (size_t i = 0; i < words_for(children) * WORD_BITS; i++) {
        const uint64_t *rows = node_at(t, h, i / WORD_BITS);
        unsigned class = i < children ? expected_class(a, h, i) : 0;
        for (unsigned k = 0; k < rows_at(h); k++)
            if (words_test(&rows[k], i % WORD_BITS) != (k < class))
                return (struct problem){"row # is wrong about child # of its height", {k, i}};
        if (h == 1 && class != 0 && i < t->water)
            return (struct problem){"word # has a free page and is under water", {i}};
        bool is_hinted = words_test(hints_at(t, h, i / WORD_BITS), i % WORD_BITS);
        if (i >= children ? is_hinted : h > 1 && is_hinted != (*hints_at(t, h - 1, i) != 0))
            return (struct problem){"the hint for child # at height # is wrong", {i, h}};
    }
    return SOUND;
}

static struct problem stage_problem(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    struct radix expected;
    size_t children = words_for(a->span.end);
    lay_out(&expected, words_of(a), a->span.end);
    if (t->height != expected.height)
        return (struct problem){"the root has height #, expected #", {t->height, expected.height}};
    for (unsigned h = 0; h <= t->height; h++)
        if (t->level[h] != expected.level[h])
            return (struct problem){"height # is not in its place", {h}};
    if (words_next_set(words_of(a), a->span.end, children * WORD_BITS) != children * WORD_BITS)
        return (struct problem){"a page behind page # is free", {a->span.end - 1}};
    if (t->watch != (t->refused == NONE ? 0 : UINT64_MAX))
        return (struct problem){"a refusal is remembered, and nobody watches", {0}};

    struct problem problem = hand_problem(a);
    for (unsigned h = 1; h <= t->height && problem.words == NULL; h++) {
        problem = nodes_problem(a, h, children);
        children = words_for(children);
    }
    return problem;
}

const struct alloc_stage radix_stage = {
    .name = "radix",
    .meta_size = stage_meta_size,
    .init = stage_init,
    .add = stage_add,
    .is_free = stage_is_free,
    .next_free = stage_next_free,
    .alloc = stage_alloc,
    .alloc_at = stage_alloc_at,
    .free = stage_free,
    .problem = stage_problem,
};
