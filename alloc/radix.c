/* Radix: the tree asks one question of each word, radix asks seven.
 *
 *   rows     one bit for each word, seven times: has it a free page, two aligned, four, … 64?
 *   hand     words 9, 4, 7, which the rows know nothing of: single pages come from here
 *   water    word 12: below it every word is in the hand, or has no free page
 *
 * A block of 2^k pages is found as the tree finds a page, in row k (rows.h), and in its word by
 * shifts and masks. Nothing is split or merged: bits change, and the rows follow.
 *
 * Hand: a word under water that gets its first free page goes there, hidden from the rows, and the
 * last in is the first out. When the hand is empty it gets the lowest word that the rows know, and
 * the water rises above that.
 *
 * Hints: a run whose size is no power of two is tried first where one was freed, or where the rest
 * of one begins, and else begins as far before its block as pages are free. A hint that misleads is
 * taken away.
 *
 * Refusal: the size of the last run that was refused is remembered, until pages come free that have
 * a free neighbour.
 *
 * Remembers: 1 bit per page, 1.13 with the rows.
 * Cost: one page O(levels), and most often O(1). A run O(levels * rows + words), and O(all words)
 * where no aligned block is as large.
 * Flaw: the first refusal looks at all of the memory, and runs of many sizes scatter. */
#include "bitmap.h"
#include "rows.h"

#define BITMAP_AT header_size(sizeof(struct radix))
#define HAND 64  /* words */
#define PROBES 4 /* hints that one call tries */
_Static_assert(PAGE_SIZE << ROWS_MAX_ORDER >= MAX_ALIGN, "a block must have every alignment");

struct radix {
    struct rows rows;
    size_t refused;    /* no run is as long; NONE: nobody knows */
    uint64_t watch;    /* all 1 while that is known, else 0 */
    size_t water;      /* a word */
    size_t held;       /* words in the hand */
    size_t hand[HAND]; /* the last in is the first out */
};

static size_t stage_meta_size(size_t pages) {
    return BITMAP_AT + rows_words(pages) * sizeof(uint64_t);
}

static uint64_t *words_of(const struct page_allocator *a) {
    return bitmap_words(a, BITMAP_AT);
}

static void stage_init(struct page_allocator *a) {
    struct radix *t = a->meta;
    rows_init(&t->rows, words_of(a), a->span.end);
    t->refused = NONE;
    t->watch = 0;
    t->water = 0;
    t->held = 0;
}

/* ---- the hand ---- */

/* Show the rows all that is in the hand. */
static SELDOM void put_down(struct radix *t) {
    while (t->held > 0) {
        size_t i = t->hand[--t->held];
        t->water = i < t->water ? i : t->water;
        rows_toggle(&t->rows, i);
    }
}

/* Word i is in the hand and has no free page any more. */
static SELDOM void drop(struct radix *t, size_t i) {
    size_t at = 0;
    while (t->hand[at] != i)
        at++;
    t->hand[at] = t->hand[--t->held];
}

static bool touches_hand(const struct radix *t, size_t first, size_t last) {
    for (size_t i = first; i <= last; i++)
        if (t->rows.level[0][i] != 0 && rows_is_hidden(&t->rows, i))
            return true;
    return false;
}

/* ---- ranges change ---- */

/* Pages of word i are to be free, or taken, as they are not now. */
INLINED void change_word(struct radix *t, size_t i, uint64_t pages) {
    uint64_t before = t->rows.level[0][i], after = before ^ pages;
    t->rows.level[0][i] = after;
    if (before == 0 || !rows_is_hidden(&t->rows, i))
        rows_note(&t->rows, i, after, i, after, 0);
    else if (after == 0)
        drop(t, i);
}

/* The same with the pages [from, end) of more than one word, which get `value`. */
static SELDOM void change_words(struct radix *t, size_t from, size_t end, uint64_t value) {
    uint64_t *words = t->rows.level[0];
    size_t first = from / WORD_BITS, last = (end - 1) / WORD_BITS;
    if (t->held > 0 && touches_hand(t, first, last))
        put_down(t);
    words[first] ^= word_range(from, end);
    words[last] ^= word_range(last * WORD_BITS, end);
    for (size_t i = first + 1; i < last; i++)
        words[i] = value;
    while (first / WORD_BITS != last / WORD_BITS) {
        size_t node_last = first | (WORD_BITS - 1);
        rows_note(&t->rows, first, words[first], node_last, words[node_last], value);
        first = node_last + 1;
    }
    rows_note(&t->rows, first, words[first], last, words[last], value);
}

INLINED void take_range(struct radix *t, size_t from, size_t end) {
    if (in_one_word(from, end))
        change_word(t, from / WORD_BITS, word_range(from, end));
    else
        change_words(t, from, end, 0);
}

INLINED void free_range(struct radix *t, size_t from, size_t end) {
    size_t first = from / WORD_BITS;
    t->water = first < t->water ? first : t->water;
    t->refused = NONE;
    t->watch = 0;
    if (in_one_word(from, end))
        change_word(t, first, word_range(from, end));
    else
        change_words(t, from, end, UINT64_MAX);
}

/* ---- finding a run ---- */

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
    uint64_t begins = word_run_starts(word, next, n);
    return begins != 0 ? i * WORD_BITS + word_lowest(begins) : NONE;
}

INLINED size_t find_hinted(const struct page_allocator *a, size_t n) {
    struct radix *t = a->meta;
    for (int probe = 0; probe < PROBES && rows_has_hints(&t->rows); probe++) {
        size_t i = rows_first(&t->rows, 0, HINTS), first = run_in(a, i, n);
        /* A run of more than a word leaves nothing to begin in this one. */
        if (first == NONE || n > WORD_BITS)
            rows_unhint(&t->rows, i);
        if (first != NONE)
            return first;
    }
    return NONE;
}

/* What hints and rows lead to. */
INLINED size_t find_run(const struct page_allocator *a, size_t n, size_t align, bool is_odd) {
    const struct radix *t = a->meta;
    size_t pages = n > align ? n : align, first = is_odd ? find_hinted(a, n) : NONE;
    unsigned order = (unsigned) word_highest(pages - 1) + 1;
    if (first != NONE || order > ROWS_MAX_ORDER)
        return first;
    first = rows_find_block(&t->rows, order);
    return is_odd && first != NONE ? words_run_begin(words_of(a), first, n) : first;
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

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    free_range(a->meta, first, first + n);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    return bitmap_next_free(a, BITMAP_AT, from);
}

/* The lowest word that the rows know comes into the hand, which is empty. While a refusal is
 * remembered the water stays low: then no page that comes free goes unnoticed. */
static SELDOM void refill(struct radix *t) {
    size_t i = rows_first(&t->rows, 0, ROW(0));
    rows_toggle(&t->rows, i);
    t->water = (i + 1) & ~(size_t) t->watch;
    t->hand[0] = i;
    t->held = 1;
}

static enum alloc_error alloc_page(struct page_allocator *a, paddr_t *out) {
    struct radix *t = a->meta;
    if (t->held == 0)
        refill(t);
    size_t i = t->hand[t->held - 1];
    uint64_t word = t->rows.level[0][i], rest = word & (word - 1);
    t->rows.level[0][i] = rest;
    t->held -= rest == 0;
    return hand_out(a, i * WORD_BITS + word_lowest(word), 1, out);
}

/* Remember it, if a search would find nothing again. A block is looked up, and costs no more. */
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
    size_t first;
    while ((first = find_run(a, n, align, is_odd)) == NONE && t->held > 0)
        put_down(t);
    /* A block is in the rows or nowhere. */
    if (first == NONE && n != align)
        first = find_anywhere(a, n, align);
    if (first == NONE)
        return refuse(t, n, align);

    take_range(t, first, first + n);
    size_t end = first + n;
    if (is_odd && end < a->span.end && words_test(words_of(a), end) &&
        !rows_is_hinted(&t->rows, end / WORD_BITS))
        rows_hint(&t->rows, end / WORD_BITS);
    return hand_out(a, first, n, out);
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    return n == 1 && align == 1 ? alloc_page(a, out) : alloc_run(a, n, align, out);
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_set(words_of(a), first, first + n))
        return ALLOC_OVERLAP;
    take_range(a->meta, first, first + n);
    return count_taken(a, n);
}

/* A page beside a free one: what was refused may be there now. */
static void watch_page(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    const uint64_t *words = words_of(a);
    if ((page > 0 && words_test(words, page - 1)) ||
        (page + 1 < a->span.end && words_test(words, page + 1))) {
        t->refused = NONE;
        t->watch = 0;
    }
}

/* The first free page of a word that does not go into the hand. */
static SELDOM enum alloc_error free_first(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    size_t i = page / WORD_BITS;
    watch_page(a, page);
    t->water = i < t->water ? i : t->water;
    rows_note_page(&t->rows, i);
    return count_given(a, 1);
}

static SELDOM enum alloc_error free_beside(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    size_t i = page / WORD_BITS;
    uint64_t word = t->rows.level[0][i];
    watch_page(a, page);
    if (!rows_is_hidden(&t->rows, i))
        rows_note(&t->rows, i, word, i, word, 0);
    return count_given(a, 1);
}

static enum alloc_error free_page(struct page_allocator *a, size_t page) {
    struct radix *t = a->meta;
    size_t i = page / WORD_BITS;
    uint64_t before = t->rows.level[0][i];
    if (before & word_bit(page))
        return ALLOC_NOT_ALLOCATED;
    t->rows.level[0][i] = before | word_bit(page);
    /* Only with its buddy does a page make a block that there was not. */
    if (before & (word_bit(page ^ 1) | t->watch))
        return free_beside(a, page);
    if (before == 0 && (i >= t->water || t->held == HAND))
        return free_first(a, page);
    if (before == 0)
        t->hand[t->held++] = i;
    return count_given(a, 1);
}

static SELDOM enum alloc_error free_run(struct page_allocator *a, size_t first, size_t n) {
    struct radix *t = a->meta;
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    free_range(t, first, first + n);
    if ((n & (n - 1)) != 0 && !rows_is_hinted(&t->rows, first / WORD_BITS))
        rows_hint(&t->rows, first / WORD_BITS);
    return count_given(a, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    return n == 1 ? free_page(a, first) : free_run(a, first, n);
}

/* ---- what must hold ---- */

/* Words with free pages that the rows do not know. */
static size_t count_hidden(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    size_t hidden = 0;
    for (size_t i = 0; i < words_for(a->span.end); i++)
        hidden += words_of(a)[i] != 0 && rows_is_hidden(&t->rows, i);
    return hidden;
}

/* In the hand are the words that are hidden, each of them once. */
static struct problem hand_problem(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    if (t->held > HAND)
        return (struct problem){"# words are in the hand, which has room for #", {t->held, HAND}};
    for (size_t at = 0; at < t->held; at++) {
        size_t i = t->hand[at];
        if (i >= words_for(a->span.end) || words_of(a)[i] == 0 || !rows_is_hidden(&t->rows, i))
            return (
                struct problem){"word # is in the hand and has no free page, or the rows know it",
                                {i}};
        for (size_t below = 0; below < at; below++)
            if (t->hand[below] == i)
                return (struct problem){"word # is in the hand twice", {i}};
    }
    size_t hidden = count_hidden(a);
    if (hidden != t->held)
        return (struct problem){"# words are hidden, # are in the hand", {hidden, t->held}};
    return SOUND;
}

static struct problem refusal_problem(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    if (t->watch != (t->refused == NONE ? 0 : UINT64_MAX))
        return (struct problem){"a refusal is remembered and nobody watches, or none is", {0}};
    if (t->watch != 0 && t->water != 0)
        return (struct problem){"a refusal is remembered, and the water is at word #", {t->water}};
    if (t->refused < 2)
        return (struct problem){"a refusal of # pages is never remembered", {t->refused}};
    if (words_find_run(words_of(a), a->span.end, t->refused, 1) != NONE)
        return (struct problem){"a run of # pages is remembered as refused, and is there",
                                {t->refused}};
    return SOUND;
}

static struct problem stage_problem(const struct page_allocator *a) {
    const struct radix *t = a->meta;
    struct problem problem = bitmap_problem(a, BITMAP_AT);
    if (problem.words == NULL)
        problem = rows_problem(&t->rows, words_of(a), a->span.end);
    if (problem.words != NULL)
        return problem;
    if (*rows_at(&t->rows, t->rows.height, 0) != 0 && rows_first(&t->rows, 0, ROW(0)) < t->water)
        return (struct problem){"word # has a free page and is under water",
                                {rows_first(&t->rows, 0, ROW(0))}};
    problem = refusal_problem(a);
    return problem.words != NULL ? problem : hand_problem(a);
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
