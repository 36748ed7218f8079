/* Harts: radix, shared. Nearly all calls change one word of the bitmap, in one step, and nothing
 * else that another hart sees.
 *
 *   word 4   0 0 1 0 1 1 0 0 …     in the hand of hart 0, which alone clears bits in it
 *              ▲                    a free by hart 1: it sets a bit, and that is all
 *
 * Holders: every word that is not 0 has one holder, the nodes (under the lock) or one hart's hand.
 * Who makes it not 0 holds it; who makes it 0 lets it go. Only the holder clears bits, everybody
 * sets them. Both are one atomic step, whose answer is what the word was before: so exactly one
 * hart sees the word come, one sees it go, and one of two frees of a page sees that it was the
 * second. Never look at the word again to learn that: by then it may be another's.
 *
 * A word in a hand, or on its way from one holder to the next, is hidden from the rows; one that
 * the nodes hold is shown. A free that makes a block, larger than any that its word had, takes the
 * lock, since the rows are to know: for a moment they may say less than there is, and never more.
 *
 * Water: the number of a word. A freed word below it goes into the hand's low end, where single
 * pages come from. Any other lies at the high end until the low one is filled again, or the hand is
 * full, and goes to the nodes then. So high words come to have all their pages free.
 *
 * Runs: from the words that the nodes hold. If there is none, all hands are recalled. While a
 * recall is under way no word goes into a hand: what appears goes to the nodes, and single pages
 * come from there. A hart has heard of it when it has come by the lock.
 *
 * Remembers: radix's bits, and a hand for each hart.
 * Cost: one page O(1), without the lock but once in many calls. The rest as radix, under the lock.
 * Flaw: a hand keeps from runs what it holds, until it is recalled. */
#include "harts.h"
#include "bitmap.h"

#define REFILL 8 /* words that come into an empty hand at once */
_Static_assert(REFILL <= HAND, "it has room for them");

/* ---- words ---- */

/* A machine of 32 bits may have no atomic step for 64. There each is made under a lock of its own,
 * which is taken last and for nothing else. */
#ifndef WORDS_ARE_ATOMIC
#define WORDS_ARE_ATOMIC (ATOMIC_LLONG_LOCK_FREE == 2)
#endif

#if WORDS_ARE_ATOMIC

_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "the nodes' words and ours are one");

static inline _Atomic uint64_t *word_at(struct harts *s, size_t i) {
    return (_Atomic uint64_t *) &s->rows.level[0][i];
}

/* Relaxed: it is for the holder, who knows which bits are set since nobody else clears them, and
 * for guesses that a step below confirms. */
static inline uint64_t look_at(struct harts *s, size_t i) {
    return atomic_load_explicit(word_at(s, i), memory_order_relaxed);
}

/* Free these pages: the word as it was. Release: what was written to a page by its old owner comes
 * before what the next one does. */
static inline uint64_t set_pages(struct harts *s, size_t i, uint64_t pages) {
    return atomic_fetch_or_explicit(word_at(s, i), pages, memory_order_release);
}

/* Take these pages, which are free: the word as it was. The word's holder does that. Acquire: it is
 * the other side of set_pages. Steps of other harts that came between are atomic too, so what they
 * leave still carries the release. */
static inline uint64_t clear_pages(struct harts *s, size_t i, uint64_t pages) {
    return atomic_fetch_and_explicit(word_at(s, i), ~pages, memory_order_acquire);
}

/* The same with one page. As its bit is set the difference clears it, and leaves the others alone;
 * that is one instruction on x86, too, where fetch_and, if its answer is wanted, is a loop. */
static inline uint64_t clear_page(struct harts *s, size_t page) {
    return atomic_fetch_sub_explicit(word_at(s, page / WORD_BITS), word_bit(page),
                                     memory_order_acquire);
}

/* Free these pages if none of them is free: were they? *before is the word as it was. */
static inline bool set_all_pages(struct harts *s, size_t i, uint64_t pages, uint64_t *before) {
    *before = look_at(s, i);
    while ((*before & pages) == 0)
        if (atomic_compare_exchange_weak_explicit(word_at(s, i), before, *before | pages,
                                                  memory_order_release, memory_order_relaxed))
            return true;
    return false;
}

#else

/* The word as it was; if none of `unless` was set, `clear` is taken from it and `set` is added. */
static uint64_t change_word(struct harts *s, size_t i, uint64_t unless, uint64_t clear,
                            uint64_t set) {
    while (atomic_exchange_explicit(&s->word_lock, 1, memory_order_acquire) != 0)
        ;
    uint64_t *word = &s->rows.level[0][i], before = *word;
    if ((before & unless) == 0)
        *word = (before & ~clear) | set;
    atomic_store_explicit(&s->word_lock, 0, memory_order_release);
    return before;
}

static inline uint64_t look_at(struct harts *s, size_t i) {
    return change_word(s, i, 0, 0, 0);
}

static inline uint64_t set_pages(struct harts *s, size_t i, uint64_t pages) {
    return change_word(s, i, 0, 0, pages);
}

static inline uint64_t clear_pages(struct harts *s, size_t i, uint64_t pages) {
    return change_word(s, i, 0, pages, 0);
}

static inline uint64_t clear_page(struct harts *s, size_t page) {
    return clear_pages(s, page / WORD_BITS, word_bit(page));
}

static inline bool set_all_pages(struct harts *s, size_t i, uint64_t pages, uint64_t *before) {
    *before = change_word(s, i, pages, 0, pages);
    return (*before & pages) == 0;
}

#endif

/* Only the hart itself writes it: it is atomic for those who add all up. */
static inline void count(struct hand *h, size_t taken) {
    size_t used = atomic_load_explicit(&h->used, memory_order_relaxed) + taken;
    atomic_store_explicit(&h->used, used, memory_order_relaxed);
}

/* ---- the nodes: the lock is held ---- */

/* Words have changed: first and last are x and y now, or 0 if hidden, and all between `between`. */
static SELDOM void note(struct harts *s, size_t first, uint64_t x, size_t last, uint64_t y,
                        uint64_t between) {
    for (size_t end = first; end < last; first = end + 1, x = between) {
        end = first | (WORD_BITS - 1); /* the last word of the node */
        if (end >= last)
            break;
        rows_note(&s->rows, first, x, end, end == first ? x : between, between);
    }
    rows_note(&s->rows, first, first == last ? y : x, last, y, between);
}

static SELDOM void note_word(struct harts *s, size_t i, uint64_t word) {
    rows_note(&s->rows, i, word, i, word, 0);
}

static inline bool is_held_by_nodes(const struct harts *s, size_t i) {
    return !rows_is_hidden(&s->rows, i);
}

/* Relaxed: whichever value a hart sees, the word goes to somebody. */
static inline bool is_under_water(const struct harts *s, size_t i) {
    return i < atomic_load_explicit(&s->water, memory_order_relaxed);
}

static void set_water(struct harts *s, size_t i) {
    atomic_store_explicit(&s->water, i, memory_order_relaxed);
}

static void lower_water(struct harts *s, size_t i) {
    if (is_under_water(s, i))
        set_water(s, i);
}

/* The hart's word i is the nodes' now. Whoever makes a larger block in it later shows it again. */
static void show(struct harts *s, size_t i) {
    note_word(s, i, look_at(s, i));
    lower_water(s, i);
}

/* Take the pages [from, end), of words that the nodes hold. */
static void take(struct harts *s, size_t from, size_t end) {
    size_t first = from / WORD_BITS, i = first;
    uint64_t pages = word_range(from, end), rest = clear_pages(s, i, pages) & ~pages, x = rest;
    while (++i <= (end - 1) / WORD_BITS) {
        pages = word_range(i * WORD_BITS, end);
        rest = clear_pages(s, i, pages) & ~pages;
    }
    note(s, first, x, i - 1, rest, 0);
}

/* Free the pages [from, end), word by word, as long as none of a word's is free: how many. */
static size_t give(struct harts *s, size_t from, size_t end) {
    size_t first = from / WORD_BITS, i = first, page = from;
    uint64_t before, x = 0, y = 0;
    while (page < end && set_all_pages(s, i, word_range(page, end), &before)) {
        /* It was 0, and is the nodes' now; or theirs already; or in a hand, and stays there. */
        y = before == 0 || is_held_by_nodes(s, i) ? look_at(s, i) : 0;
        x = i == first ? y : x;
        page = ++i * WORD_BITS;
    }
    if (i > first)
        note(s, first, x, i - 1, y, UINT64_MAX);
    lower_water(s, first);
    return (page < end ? page : end) - from;
}

/* ---- the lock ---- */

static void put_high_down(struct harts *s, struct hand *h) {
    for (; h->high > 0; h->high--)
        show(s, h->pages[HAND - h->high] / WORD_BITS);
}

static void put_low_down(struct harts *s, struct hand *h, size_t most) {
    while (h->held > most)
        show(s, h->pages[--h->held] / WORD_BITS);
}

static void put_all_down(struct harts *s, struct hand *h) {
    put_high_down(s, h);
    put_low_down(s, h, 0);
}

/* Acquire and release: what stands behind the lock is seen as who had it before left it. The
 * waiting between may see anything, since the exchange looks again. */
static void lock(struct harts *s, struct hand *h) {
    h->locks++;
    while (atomic_exchange_explicit(&s->lock, 1, memory_order_acquire) != 0)
        while (atomic_load_explicit(&s->lock, memory_order_relaxed) != 0)
            ;
    /* Recalls begin and end under the lock: no other order is needed to hear of one here, and who
       has heard of it here knows of it in hold, until it ends. */
    if (atomic_load_explicit(&s->recalls, memory_order_relaxed) != 0)
        put_all_down(s, h);
    h->recall = s->last_recall;
}

static void unlock(struct harts *s) {
    atomic_store_explicit(&s->lock, 0, memory_order_release);
}

static bool all_have_heard(const struct harts *s, uint64_t recall) {
    for (const struct hand *h = s->first; h != NULL; h = h->next)
        if (h->recall < recall)
            return false;
    return true;
}

static void add_recalls(struct harts *s, unsigned n) {
    unsigned recalls = atomic_load_explicit(&s->recalls, memory_order_relaxed) + n;
    atomic_store_explicit(&s->recalls, recalls, memory_order_relaxed);
}

/* Empty all hands, unless the caller's recall gives up. The lock is held before and after, and not
 * all of the time between. Each hart that comes by it puts its hand down, with what was on its way
 * there by then, and puts nothing into it until the recall is over. */
static SELDOM void recall(struct harts *s, struct hand *h) {
    uint64_t number = ++s->last_recall;
    bool goes_on = true;
    add_recalls(s, 1);
    put_all_down(s, h);
    h->recall = number;
    while (goes_on && !all_have_heard(s, number)) {
        unlock(s);
        goes_on = s->recall != NULL && s->recall(s->context);
        lock(s, h);
    }
    add_recalls(s, -1U);
}

/* ---- the hand ---- */

/* The lowest words that the nodes hold come into the hand, whose low end is empty. There may be
 * none. */
static SELDOM void refill(struct harts *s, struct hand *h) {
    size_t got[REFILL], n = 0;
    lock(s, h);
    put_high_down(s, h);
    bool may = atomic_load_explicit(&s->recalls, memory_order_relaxed) == 0;
    while (may && n < REFILL && *rows_at(&s->rows, s->rows.height, 0) != 0) {
        got[n] = rows_first(&s->rows, 0, ROW(0));
        note_word(s, got[n], 0);
        set_water(s, got[n] + 1);
        n++;
    }
    unlock(s);
    while (n-- > 0) /* the lowest on top */
        h->pages[h->held++] = got[n] * WORD_BITS + word_lowest(look_at(s, got[n]));
}

/* Word i, which the hart holds, finds no place in the hand. If that is full, what is high goes to
 * the nodes, or if nothing is, half of it. If a recall is under way, taking the lock has emptied it
 * already. */
static SELDOM void hold_elsewhere(struct harts *s, struct hand *h, size_t i) {
    lock(s, h);
    put_low_down(s, h, h->high > 0 ? HAND : HAND / 2);
    put_high_down(s, h);
    show(s, i);
    unlock(s);
}

/* The page's word was 0 before the hart freed it. Relaxed: a hart that has come by the lock since a
 * recall began sees it here, and the recall waits for any other to come by. */
static inline void hold(struct harts *s, struct hand *h, size_t page) {
    if (h->held + h->high == HAND || atomic_load_explicit(&s->recalls, memory_order_relaxed) != 0)
        hold_elsewhere(s, h, page / WORD_BITS);
    else if (is_under_water(s, page / WORD_BITS))
        h->pages[h->held++] = page;
    else
        h->pages[HAND - ++h->high] = page;
}

/* The page and its buddy are free, in a word that was `before`. If it has a larger block now than
 * it had, the rows are to know: unless a hand holds it, or is about to. */
static SELDOM void grow(struct harts *s, struct hand *h, size_t page, uint64_t before) {
    size_t i = page / WORD_BITS;
    uint64_t had = before, has = before | word_bit(page);
    for (unsigned k = 1; k <= DIGIT && had != 0; k++) {
        had = pairs_in(had, k);
        has = pairs_in(has, k);
    }
    if (had == has)
        return;
    lock(s, h);
    if (is_held_by_nodes(s, i))
        show(s, i);
    unlock(s);
}

/* ---- finding a run: the lock is held ---- */

/* Word i as far as runs may come from it. */
static inline uint64_t shown(struct harts *s, size_t i) {
    return is_held_by_nodes(s, i) ? look_at(s, i) : 0;
}

/* Lowest page of [from, end) that is shown, or with `flip` all 1, that is not; `end` if there is
 * none. */
static size_t next_page(struct harts *s, size_t from, size_t end, uint64_t flip) {
    size_t i = from / WORD_BITS;
    uint64_t word = from < end ? (shown(s, i) ^ flip) & word_range(from, end) : 0;
    while (word == 0) {
        if (++i * WORD_BITS >= end)
            return end;
        word = (shown(s, i) ^ flip) & word_range(i * WORD_BITS, end);
    }
    return i * WORD_BITS + word_lowest(word);
}

/* The lowest block of order k. Rows below DIGIT are of single words, which are ours to look at. */
static size_t find_block(struct harts *s, unsigned k) {
    if (k >= DIGIT)
        return rows_find_block(&s->rows, k);
    if (rows_at(&s->rows, s->rows.height, 0)[k] == 0)
        return NONE;
    size_t i = rows_first(&s->rows, 0, ROW(k));
    uint64_t blocks = look_at(s, i);
    for (unsigned j = 1; j <= k; j++)
        blocks = pairs_in(blocks, j);
    return i * WORD_BITS + word_lowest(blocks);
}

/* The lowest run of n pages at a multiple of `align`, wherever it is. */
static SELDOM size_t find_anywhere(struct harts *s, size_t n, size_t align) {
    size_t first = 0, end = s->a.span.end;
    for (;;) {
        first = next_page(s, first, end, 0);
        first = (first + align - 1) / align * align;
        if (first >= end || n > end - first)
            return NONE;
        size_t taken = next_page(s, first, first + n, UINT64_MAX);
        if (taken == first + n)
            return first;
        first = taken + 1;
    }
}

static size_t find_run(struct harts *s, size_t n, size_t align) {
    size_t pages = n > align ? n : align;
    unsigned order = pages == 1 ? 0 : (unsigned) word_highest(pages - 1) + 1;
    size_t first = order <= ROWS_MAX_ORDER ? find_block(s, order) : NONE;
    /* A block is in the rows or nowhere. */
    return first != NONE || n == align ? first : find_anywhere(s, n, align);
}

/* Are all pages of [from, end) as `value` says, all 1 for free and all 0 for not, whoever holds
 * them? */
static bool are_all(struct harts *s, size_t from, size_t end, uint64_t value) {
    uint64_t wrong = 0;
    for (size_t page = from; page < end && wrong == 0; page = (page / WORD_BITS + 1) * WORD_BITS)
        wrong = (look_at(s, page / WORD_BITS) ^ value) & word_range(page, end);
    return wrong == 0;
}

/* ---- the calls ---- */

static bool is_alignment(size_t align) {
    return align != 0 && (align & (align - 1)) == 0 && align <= MAX_ALIGN;
}

/* Do n pages, one or more, lie in the range? */
static inline bool lies_in(struct page_range range, size_t first, size_t n) {
    size_t pages = range.end - range.first, skipped = first - range.first;
    return skipped < pages && n - 1 < pages - skipped;
}

/* The index of the page at paddr; NONE if n pages from there are no pages of the span. */
static size_t index_of(const struct harts *s, paddr_t paddr, size_t n) {
    size_t first = paddr / PAGE_SIZE - s->a.base;
    return paddr % PAGE_SIZE == 0 && lies_in(s->a.span, first, n) ? first : NONE;
}

static inline enum alloc_error hand_over(const struct harts *s, struct hand *h, size_t first,
                                         size_t n, paddr_t *out) {
    *out = (s->a.base + first) * PAGE_SIZE;
    count(h, n);
    return ALLOC_OK;
}

static SELDOM enum alloc_error alloc_run(struct harts *s, struct hand *h, size_t n, size_t align,
                                         paddr_t *out) {
    lock(s, h);
    size_t first = n <= s->a.total ? find_run(s, n, align) : NONE;
    if (first == NONE && n <= s->a.total) {
        recall(s, h);
        first = find_run(s, n, align);
    }
    if (first != NONE)
        take(s, first, first + n);
    unlock(s);
    return first != NONE ? hand_over(s, h, first, n, out) : ALLOC_NO_MEMORY;
}

static inline enum alloc_error alloc_page(struct harts *s, struct hand *h, paddr_t *out) {
    if (h->held == 0)
        refill(s, h);
    if (h->held == 0)
        return alloc_run(s, h, 1, 1, out);
    size_t page = h->pages[h->held - 1];
    uint64_t rest = clear_page(s, page) - word_bit(page);
    /* The next of the word; if there is none, its place is the hand's no more, and any will do. */
    h->pages[h->held - 1] =
        page / WORD_BITS * WORD_BITS + word_lowest(rest | word_bit(WORD_BITS - 1));
    h->held -= rest == 0;
    return hand_over(s, h, page, 1, out);
}

enum alloc_error harts_alloc(struct harts *s, struct hand *h, size_t n, size_t align,
                             paddr_t *out) {
    if (n == 1 && align == PAGE_SIZE)
        return alloc_page(s, h, out);
    if (n == 0 || n > SIZE_MAX / PAGE_SIZE || !is_alignment(align))
        return ALLOC_INVALID;
    if (n == 1 && align < PAGE_SIZE)
        return alloc_page(s, h, out);
    return alloc_run(s, h, n, (align + PAGE_SIZE - 1) / PAGE_SIZE, out);
}

/* Are all free, and held by the nodes? Before it says no because of a hand, all are recalled. */
static bool are_free(struct harts *s, struct hand *h, size_t first, size_t end) {
    if (!are_all(s, first, end, UINT64_MAX))
        return false;
    if (next_page(s, first, end, UINT64_MAX) != end)
        recall(s, h);
    return next_page(s, first, end, UINT64_MAX) == end;
}

enum alloc_error harts_alloc_at(struct harts *s, struct hand *h, paddr_t paddr, size_t n) {
    size_t first = index_of(s, paddr, n);
    if (first == NONE)
        return ALLOC_INVALID;
    lock(s, h);
    bool fits = are_free(s, h, first, first + n);
    if (fits)
        take(s, first, first + n);
    unlock(s);
    if (fits)
        count(h, n);
    return fits ? ALLOC_OK : ALLOC_OVERLAP;
}

/* Pages of a range that the hart did not know: all present? */
static SELDOM enum alloc_error learn_range(struct harts *s, struct hand *h, paddr_t paddr,
                                           size_t n) {
    size_t first = index_of(s, paddr, n);
    if (first == NONE)
        return ALLOC_INVALID;
    for (size_t i = 1; i < KNOWN_RANGES; i++)
        if (lies_in(h->known[i], first, n))
            return ALLOC_OK;
    lock(s, h);
    size_t at = range_after(&s->a, first);
    bool is_present = at < s->a.range_count && lies_in(s->a.ranges[at], first, n);
    for (size_t i = KNOWN_RANGES - 1; i > 0 && is_present; i--)
        h->known[i] = h->known[i - 1];
    if (is_present)
        h->known[0] = s->a.ranges[at];
    unlock(s);
    return is_present ? ALLOC_OK : ALLOC_NOT_ALLOCATED;
}

static inline enum alloc_error free_page(struct harts *s, struct hand *h, size_t page) {
    size_t i = page / WORD_BITS;
    uint64_t before = set_pages(s, i, word_bit(page));
    if ((before & word_bit(page)) != 0)
        return ALLOC_NOT_ALLOCATED; /* the bit was set: nothing has changed */
    count(h, -(size_t) 1);
    if (before == 0)
        hold(s, h, page);
    else if ((before & word_bit(page ^ 1)) != 0)
        grow(s, h, page, before);
    return ALLOC_OK;
}

static SELDOM enum alloc_error free_run(struct harts *s, struct hand *h, size_t first, size_t n) {
    size_t end = first + n, given = 0;
    lock(s, h);
    if (are_all(s, first, end, 0))
        given = give(s, first, end);
    unlock(s);
    count(h, -given);
    return given == n ? ALLOC_OK : ALLOC_NOT_ALLOCATED;
}

enum alloc_error harts_free(struct harts *s, struct hand *h, paddr_t paddr, size_t n) {
    size_t first = paddr / PAGE_SIZE - s->a.base;
    if (paddr % PAGE_SIZE != 0 || !lies_in(h->known[0], first, n)) {
        enum alloc_error error = learn_range(s, h, paddr, n);
        if (error != ALLOC_OK)
            return error;
    }
    return n == 1 ? free_page(s, h, first) : free_run(s, h, first, n);
}

void harts_put_down(struct harts *s, struct hand *h) {
    lock(s, h);
    put_all_down(s, h);
    unlock(s);
}

/* ---- what alloc.c wants of it ---- */

static size_t stage_meta_size(size_t pages) {
    return rows_words(pages) * sizeof(uint64_t);
}

/* `a` is the first member of a struct harts, and the rows are in that, not in the metadata. */
static void stage_init(struct page_allocator *a) {
    struct harts *s = (struct harts *) a;
    rows_init(&s->rows, a->meta, a->span.end);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    give((struct harts *) a, first, first + n);
    return ALLOC_OK;
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    return bitmap_next_free(a, 0, from);
}

/* The first place of the hand from `at` on where something lies; HAND if nothing does. */
static size_t next_held(const struct hand *h, size_t at) {
    return at < h->held || at > HAND - h->high ? at : HAND - h->high;
}

/* Has the hand, from this place on, a page of word i? */
static bool has_word(const struct hand *h, size_t at, size_t i) {
    for (at = next_held(h, at); at < HAND; at = next_held(h, at + 1))
        if (h->pages[at] / WORD_BITS == i)
            return true;
    return false;
}

/* In a hand is what is hidden, each word once: as many as there are, and none twice. */
static struct problem hand_problem(const struct harts *s, const struct hand *h) {
    if (h->held > HAND || h->high > HAND - h->held)
        return (struct problem){"a hand has # words at its low end and # at the high one: too many",
                                {h->held, h->high}};
    for (size_t at = next_held(h, 0); at < HAND; at = next_held(h, at + 1)) {
        size_t page = h->pages[at], i = page / WORD_BITS;
        if (page >= s->a.span.end || !words_test(s->rows.level[0], page) || is_held_by_nodes(s, i))
            return (
                struct problem){"page # is in a hand and is not free, or its word is the nodes'",
                                {page}};
        bool is_twice = has_word(h, at + 1, i);
        for (const struct hand *o = h->next; o != NULL; o = o->next)
            is_twice = is_twice || has_word(o, 0, i);
        if (is_twice)
            return (struct problem){"word # is in two hands, or in one twice", {i}};
    }
    return SOUND;
}

static struct problem hands_problem(const struct harts *s) {
    size_t hidden = 0, held = 0;
    for (const struct hand *h = s->first; h != NULL; h = h->next) {
        struct problem problem = hand_problem(s, h);
        if (problem.words != NULL)
            return problem;
        held += h->held + h->high;
    }
    for (size_t i = 0; i < words_for(s->a.span.end); i++)
        hidden += s->rows.level[0][i] != 0 && !is_held_by_nodes(s, i);
    if (hidden != held)
        return (struct problem){"# words are hidden, # are in hands", {hidden, held}};
    return SOUND;
}

static struct problem water_problem(const struct harts *s) {
    if (*rows_at(&s->rows, s->rows.height, 0) == 0)
        return SOUND;
    size_t i = rows_first(&s->rows, 0, ROW(0));
    if (is_under_water(s, i))
        return (struct problem){"word # is the nodes', and under water", {i}};
    return SOUND;
}

static struct problem stage_problem(const struct page_allocator *a) {
    const struct harts *s = (const struct harts *) a;
    struct problem problem = bitmap_problem(a, 0);
    if (problem.words == NULL)
        problem = rows_problem(&s->rows, a->meta, a->span.end);
    if (problem.words == NULL && rows_has_hints(&s->rows))
        problem = (struct problem){"a word has a hint, and harts gives none", {0}};
    if (problem.words == NULL && (s->lock | s->word_lock | s->recalls) != 0)
        problem = (struct problem){"the lock is taken, or a recall is under way", {0}};
    if (problem.words == NULL)
        problem = water_problem(s);
    return problem.words == NULL ? hands_problem(s) : problem;
}

/* For page_init, page_add_memory, page_problem and page_largest_run. Calls that allocate or free
 * come with a hand, and not through it. */
static const struct alloc_stage harts_stage = {
    .name = "harts",
    .meta_size = stage_meta_size,
    .init = stage_init,
    .add = stage_add,
    .next_free = stage_next_free,
    .problem = stage_problem,
};

/* ---- beginning, and looking ---- */

size_t harts_meta_size(paddr_t start, size_t size) {
    return page_meta_size(&harts_stage, start, size);
}

enum alloc_error harts_begin(struct harts *s, paddr_t start, size_t size, void *meta,
                             size_t meta_size, harts_recall *recall_, void *context) {
    *s = (struct harts){.recall = recall_, .context = context};
    return page_init(&s->a, &harts_stage, start, size, meta, meta_size);
}

void harts_join(struct harts *s, struct hand *h) {
    *h = (struct hand){.held = 0};
    lock(s, h);
    h->next = s->first;
    s->first = h;
    unlock(s);
}

void harts_leave(struct harts *s, struct hand *h) {
    lock(s, h);
    put_all_down(s, h);
    struct hand **at = &s->first;
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    s->used_by_others += h->used;
    unlock(s);
}

enum alloc_error harts_add_memory(struct harts *s, struct hand *h, paddr_t start, size_t size) {
    lock(s, h);
    enum alloc_error error = page_add_memory(&s->a, start, size);
    unlock(s);
    return error;
}

bool harts_is_free(struct harts *s, paddr_t paddr) {
    size_t page = index_of(s, paddr - paddr % PAGE_SIZE, 1);
    return page != NONE && (look_at(s, page / WORD_BITS) & word_bit(page)) != 0;
}

/* Hands that freed more than they allocated count less than nothing: the sum is right. */
static size_t count_used(const struct harts *s) {
    size_t used = s->used_by_others;
    for (const struct hand *h = s->first; h != NULL; h = h->next)
        used += atomic_load_explicit(&h->used, memory_order_relaxed);
    return used;
}

/* The same while others allocate and free. Where a page was taken after its hand was counted, and
 * freed into another before that was, the sum is less than nothing; or it is more than all. */
static size_t count_about(const struct harts *s) {
    size_t used = count_used(s);
    if (used > SIZE_MAX / 2)
        return 0;
    return used < s->a.total ? used : s->a.total;
}

size_t harts_total(struct harts *s, struct hand *h) {
    lock(s, h);
    size_t total = s->a.total;
    unlock(s);
    return total;
}

size_t harts_used(struct harts *s, struct hand *h) {
    lock(s, h);
    size_t used = count_about(s);
    unlock(s);
    return used;
}

size_t harts_available(struct harts *s, struct hand *h) {
    lock(s, h);
    size_t available = s->a.total - count_about(s);
    unlock(s);
    return available;
}

size_t harts_largest_run(const struct harts *s) {
    return page_largest_run(&s->a);
}

const char *harts_problem(struct harts *s) {
    s->a.used = count_used(s);
    return page_problem(&s->a);
}

const char *harts_problem_text(struct harts *s, char text[PROBLEM_SIZE]) {
    s->a.used = count_used(s);
    return page_problem_text(&s->a, text);
}
