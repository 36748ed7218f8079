/* alloc/harts.c called directly, by one thread: what the stage of harts_stage.c never asks of it,
 * since alloc.c has refused it before, and what is told of tables that are broken. */
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../alloc/harts.h"

#include <signal.h>
#include <sys/time.h>

enum {
    PAGES = 200
};

static struct harts s;
static struct hand hand, other;
static _Alignas(64) unsigned char meta[8192];

static int begin(void **state) {
    (void) state;
    if (harts_begin(&s, 0, PAGES * PAGE_SIZE, meta, sizeof(meta), NULL, NULL) != ALLOC_OK)
        return 1;
    harts_join(&s, &hand);
    harts_join(&s, &other);
    return harts_add_memory(&s, &hand, 0, 100 * PAGE_SIZE) != ALLOC_OK;
}

static void a_span_has_its_whole_pages_and_needs_room_for_them(void **state) {
    static _Alignas(64) unsigned char room[8192];
    static const size_t size = 4096 * PAGE_SIZE;
    size_t needed = harts_meta_size(0, size);
    (void) state;
    assert_int_equal(needed, rows_words(4096) * sizeof(uint64_t) + 17 * sizeof(struct page_range));
    assert_int_equal(harts_meta_size(0, size - 1), harts_meta_size(0, size - PAGE_SIZE));
    assert_int_equal(harts_meta_size(1, size), harts_meta_size(0, size - PAGE_SIZE));
    assert_int_equal(harts_begin(&s, 0, size, room, needed - 1, NULL, NULL), ALLOC_INVALID);
    assert_int_equal(harts_begin(&s, 0, size, room, needed, NULL, NULL), ALLOC_OK);
    harts_join(&s, &hand);
    assert_int_equal(harts_add_memory(&s, &hand, 0, size + PAGE_SIZE), ALLOC_INVALID);
    assert_int_equal(harts_add_memory(&s, &hand, 1, PAGE_SIZE), ALLOC_INVALID);
    assert_int_equal(harts_add_memory(&s, &hand, 1, 2 * PAGE_SIZE - 2), ALLOC_INVALID);
    assert_int_equal(harts_add_memory(&s, &hand, 0, size), ALLOC_OK);
    assert_int_equal(harts_total(&s, &hand), 4096);
    assert_null(harts_problem(&s));
    assert_int_equal(harts_begin(&s, 1, size - 2, room, sizeof(room), NULL, NULL), ALLOC_OK);
    assert_int_equal(s.a.span.first, 1);
    assert_int_equal(s.a.span.end, 4095);
}

static void what_is_no_request_is_refused(void **state) {
    paddr_t out = 42;
    (void) state;
    assert_int_equal(harts_alloc(&s, &hand, 0, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, SIZE_MAX, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, 0, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, 3 * PAGE_SIZE, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, 2 * MAX_ALIGN, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, PAGES + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(harts_alloc(&s, &hand, SIZE_MAX / PAGE_SIZE, PAGE_SIZE, &out),
                     ALLOC_NO_MEMORY);
    assert_int_equal(harts_alloc(&s, &hand, SIZE_MAX / PAGE_SIZE + 1, PAGE_SIZE, &out),
                     ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, MAX_ALIGN, &out), ALLOC_OK);
    assert_int_equal(harts_free(&s, &hand, out, 1), ALLOC_OK);
    out = 42;
    assert_int_equal(out, 42);
    assert_int_equal(harts_alloc_at(&s, &hand, 1, 1), ALLOC_INVALID);
    assert_int_equal(harts_alloc_at(&s, &hand, PAGES * PAGE_SIZE, 1), ALLOC_INVALID);
    assert_int_equal(harts_alloc_at(&s, &hand, 150 * PAGE_SIZE, 1), ALLOC_OVERLAP);
    assert_int_equal(harts_free(&s, &hand, 1, 1), ALLOC_INVALID);
    assert_int_equal(harts_free(&s, &hand, PAGES * PAGE_SIZE, 1), ALLOC_INVALID);
    assert_int_equal(harts_free(&s, &hand, 0, 0), ALLOC_INVALID);
    assert_int_equal(harts_free(&s, &hand, 150 * PAGE_SIZE, 1), ALLOC_NOT_ALLOCATED);
    assert_false(harts_is_free(&s, PAGES * PAGE_SIZE));
    assert_null(harts_problem(&s));
}

static void less_alignment_than_a_page_is_a_page(void **state) {
    paddr_t out;
    (void) state;
    assert_int_equal(harts_alloc(&s, &hand, 1, 1, &out), ALLOC_OK);
    assert_int_equal(out, 0);
    assert_int_equal(harts_alloc(&s, &hand, 2, 8, &out), ALLOC_OK);
    assert_int_equal(harts_free(&s, &other, 0, 1), ALLOC_OK);
    assert_null(harts_problem(&s));
}

static void pages_are_counted_whoever_frees_them(void **state) {
    paddr_t out;
    (void) state;
    assert_int_equal(harts_total(&s, &hand), 100);
    assert_int_equal(harts_alloc(&s, &hand, 3, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(harts_free(&s, &other, out, 2), ALLOC_OK);
    assert_int_equal(harts_used(&s, &hand), 1);
    assert_int_equal(harts_available(&s, &other), 99);
    harts_leave(&s, &hand);
    assert_int_equal(harts_used(&s, &other), 1);
    assert_null(harts_problem(&s));
}

/* While hands are counted others allocate with one and free with another. */
static void as_many_are_counted_as_there_are_at_most(void **state) {
    (void) state;
    atomic_store(&hand.used, (size_t) -3);
    assert_int_equal(harts_used(&s, &other), 0);
    assert_int_equal(harts_available(&s, &other), 100);
    atomic_store(&hand.used, 103);
    assert_int_equal(harts_used(&s, &other), 100);
    assert_int_equal(harts_available(&s, &other), 0);
    atomic_store(&hand.used, 0);
}

static void a_page_that_was_never_added_cannot_be_freed(void **state) {
    paddr_t out;
    (void) state;
    assert_int_equal(harts_add_memory(&s, &hand, 110 * PAGE_SIZE, 4 * PAGE_SIZE), ALLOC_OK);
    assert_int_equal(harts_alloc_at(&s, &hand, 96 * PAGE_SIZE, 4), ALLOC_OK);
    assert_int_equal(harts_alloc_at(&s, &hand, 110 * PAGE_SIZE, 4), ALLOC_OK);
    assert_int_equal(harts_free(&s, &other, 105 * PAGE_SIZE, 1), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_free(&s, &other, 109 * PAGE_SIZE, 2), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_free(&s, &other, 99 * PAGE_SIZE, 2), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_free(&s, &other, 113 * PAGE_SIZE, 2), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_free(&s, &other, 114 * PAGE_SIZE, 1), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_used(&s, &other), 8);
    assert_int_equal(harts_free(&s, &other, 113 * PAGE_SIZE, 1), ALLOC_OK);
    assert_int_equal(harts_free(&s, &other, 99 * PAGE_SIZE, 1), ALLOC_OK);
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_null(harts_problem(&s));
}

/* Words 0 and 1 in the hand, at 1 and 64; word 2 is the nodes', whose lowest it is. */
static int hold_words(void **state) {
    paddr_t out;
    return begin(state) != 0 || harts_alloc(&s, &hand, 1, PAGE_SIZE, &out) != ALLOC_OK ||
           harts_add_memory(&s, &hand, 128 * PAGE_SIZE, 8 * PAGE_SIZE) != ALLOC_OK;
}

static void expect_problem(const char *expected) {
    char text[PROBLEM_SIZE] = "";
    assert_ptr_equal(harts_problem_text(&s, text), text);
    assert_string_equal(text, expected);
    assert_non_null(harts_problem(&s));
}

/* A place of the hand has this page for a moment. */
static void expect_problem_with(size_t place, size_t page, const char *expected) {
    size_t before = hand.pages[place];
    hand.pages[place] = page;
    expect_problem(expected);
    hand.pages[place] = before;
}

static void a_hand_that_seems_to_hold_too_much_is_told(void **state) {
    (void) state;
    assert_null(harts_problem(&s));
    hand.held = HAND + 1;
    expect_problem("a hand has 257 words at its low end and 0 at the high one: too many");
    hand.held = 2;
    hand.high = HAND - 1;
    expect_problem("a hand has 2 words at its low end and 255 at the high one: too many");
    hand.high = HAND - 2; /* it is full, and all but two are page 192 */
    for (size_t i = 2; i < HAND; i++)
        hand.pages[i] = 192;
    expect_problem("page 192 is in a hand and is not free, or its word is the nodes'");
    hand.held = 0;
    hand.high = HAND;
    expect_problem("page 192 is in a hand and is not free, or its word is the nodes'");
}

static void what_a_hand_may_not_hold_is_told(void **state) {
    (void) state;
    expect_problem_with(0, PAGES,
                        "page 200 is in a hand and is not free, or its word is the nodes'");
    expect_problem_with(0, 0, "page 0 is in a hand and is not free, or its word is the nodes'");
    expect_problem_with(1, 128, "page 128 is in a hand and is not free, or its word is the nodes'");
    expect_problem_with(1, 65, "word 1 is in two hands, or in one twice");
    hand.high = 1;
    expect_problem_with(HAND - 1, 65, "word 1 is in two hands, or in one twice");
    expect_problem_with(HAND - 1, 192,
                        "page 192 is in a hand and is not free, or its word is the nodes'");
    hand.high = 0;
    assert_null(harts_problem(&s));
}

static void a_word_in_two_hands_or_in_none_is_told(void **state) {
    (void) state;
    other.held = 1;
    other.pages[0] = 70; /* of the word of the first place */
    expect_problem("word 1 is in two hands, or in one twice");
    other.pages[0] = 7; /* and of the last one */
    expect_problem("word 0 is in two hands, or in one twice");
    other.held = 2; /* the first of two hands has a word twice, and the other has none of it */
    other.pages[1] = 8;
    hand.held = 0;
    expect_problem("word 0 is in two hands, or in one twice");
    other.held = 0;
    expect_problem("2 words are hidden, 0 are in hands");
    hand.held = 1;
    expect_problem("2 words are hidden, 1 are in hands");
    hand.held = 2;
    assert_null(harts_problem(&s));
}

static void what_is_under_way_is_told(void **state) {
    static const char words[] = "the lock is taken, or a recall is under way";
    (void) state;
    s.lock = 1;
    expect_problem(words);
    s.lock = 0;
    s.word_lock = 1;
    expect_problem(words);
    s.word_lock = 0;
    s.recalls = 1;
    expect_problem(words);
    s.recalls = 0;
    assert_null(harts_problem(&s));
    words_set(s.rows.level[0], PAGES, PAGES + 1); /* worse comes first */
    s.lock = 1;
    expect_problem("page 200 is free, and the last one is page 199");
}

static void a_word_under_water_is_told(void **state) {
    (void) state;
    s.water = 2;
    assert_null(harts_problem(&s));
    s.water = 3;
    expect_problem("word 2 is the nodes', and under water");
}

static void tables_that_disagree_are_told(void **state) {
    (void) state;
    words_set(s.rows.level[0], PAGES, PAGES + 1);
    expect_problem("page 200 is free, and the last one is page 199");
    words_clear(s.rows.level[0], PAGES, PAGES + 1);
    *rows_at(&s.rows, 1, 0) ^= 2; /* the word is in a hand, and seems to be the nodes', too */
    expect_problem("row 1 is wrong about child 1 of its height");
    *rows_at(&s.rows, 1, 0) ^= 2;
    rows_hint(&s.rows, 2);
    expect_problem("a word has a hint, and harts gives none");
    rows_unhint(&s.rows, 2);
    assert_null(harts_problem(&s));
}

/* ---- what goes where ---- */

enum {
    WORDS = 300,
    MANY = WORDS * 64
};

/* Many words, all free. */
static int begin_large(void **state) {
    static _Alignas(64) unsigned char large[65536];
    (void) state;
    size_t needed = harts_meta_size(0, MANY * PAGE_SIZE);
    assert_in_range(needed, 1, sizeof(large));
    assert_int_equal(harts_begin(&s, 0, MANY * PAGE_SIZE, large, sizeof(large), NULL, NULL),
                     ALLOC_OK);
    harts_join(&s, &hand);
    harts_join(&s, &other);
    return harts_add_memory(&s, &hand, 0, MANY * PAGE_SIZE) != ALLOC_OK;
}

/* Allocate pages one by one, and make both hands know the range. */
static void take_pages(size_t n) {
    paddr_t out = 0;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(harts_free(&s, &hand, out, 1), ALLOC_OK);
    assert_int_equal(harts_free(&s, &other, out, 1), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
}

static int take_all(void **state) {
    if (begin_large(state) != 0)
        return 1;
    take_pages(MANY);
    return hand.held + hand.high + other.held + other.high != 0;
}

/* Free the first page of these words. */
static void free_of_words(size_t first, size_t words) {
    for (size_t i = first; i < first + words; i++)
        assert_int_equal(harts_free(&s, &hand, i * 64 * PAGE_SIZE, 1), ALLOC_OK);
}

static bool is_nodes_word(size_t i) {
    return !rows_is_hidden(&s.rows, i);
}

static void an_empty_hand_takes_the_lowest_eight_words(void **state) {
    paddr_t out;
    (void) state;
    size_t locks = hand.locks;
    for (size_t page = 0; page < 8 * 64; page++) {
        assert_int_equal(hand.held, page == 0 ? 0 : 8 - page / 64);
        assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
        assert_int_equal(out, page * PAGE_SIZE);
    }
    assert_int_equal(hand.held, 0);
    assert_int_equal(hand.locks - locks, 1);
    assert_int_equal(s.water, 8);
    assert_true(is_nodes_word(8));
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(hand.locks - locks, 2);
    assert_int_equal(s.water, 16);
    assert_null(harts_problem(&s));
}

/* Words 0 to 7 were under water: the rest waits at the high end until the lock is taken anyway. */
static void words_below_the_water_go_to_the_low_end(void **state) {
    paddr_t out;
    (void) state;
    take_pages(1);
    assert_int_equal(harts_alloc_at(&s, &hand, 9 * 64 * PAGE_SIZE, 64), ALLOC_OK);
    assert_int_equal(harts_alloc_at(&s, &hand, 8 * 64 * PAGE_SIZE, 64), ALLOC_OK);
    for (size_t page = 1; page < 8 * 64; page++)
        assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(s.water, 8);
    free_of_words(7, 3);
    assert_int_equal(hand.held, 1);
    assert_int_equal(hand.pages[0], 7 * 64);
    assert_int_equal(hand.high, 2);
    assert_int_equal(hand.pages[HAND - 1], 8 * 64);
    assert_int_equal(hand.pages[HAND - 2], 9 * 64);
    assert_null(harts_problem(&s));
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, 7 * 64 * PAGE_SIZE);
    assert_int_equal(hand.high, 2);
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, 8 * 64 * PAGE_SIZE); /* it went to the nodes, and is the lowest there */
    assert_int_equal(hand.high, 0);
    assert_int_equal(s.water, 16);
    assert_null(harts_problem(&s));
}

static void the_water_falls_to_what_comes_to_the_nodes(void **state) {
    (void) state;
    free_of_words(20, 1);
    assert_int_equal(s.water, WORDS);
    harts_put_down(&s, &hand);
    assert_int_equal(s.water, 20);
    free_of_words(19, 1);
    free_of_words(30, 1);
    assert_int_equal(hand.held, 1);
    assert_int_equal(hand.high, 1);
    harts_put_down(&s, &hand);
    assert_int_equal(s.water, 19);
    assert_int_equal(harts_free(&s, &hand, 10 * 64 * PAGE_SIZE, 2), ALLOC_OK);
    assert_int_equal(s.water, 10);
    assert_int_equal(harts_free(&s, &hand, 11 * 64 * PAGE_SIZE, 2), ALLOC_OK);
    assert_int_equal(s.water, 10);
    assert_null(harts_problem(&s));
}

static void a_hand_that_is_full_gives_half_to_the_nodes(void **state) {
    (void) state;
    size_t locks = hand.locks;
    free_of_words(0, 256);
    assert_int_equal(hand.held, 256);
    assert_int_equal(hand.locks, locks);
    free_of_words(256, 1);
    assert_int_equal(hand.locks - locks, 1);
    assert_int_equal(hand.held, 128);
    assert_int_equal(s.water, 128);
    for (size_t i = 0; i < 257; i++)
        assert_int_equal(is_nodes_word(i), i >= 128);
    assert_null(harts_problem(&s));
}

/* Nothing is under water: all of it waits at the high end, and goes. */
static void what_is_above_the_water_goes_to_the_nodes(void **state) {
    (void) state;
    s.water = 0;
    free_of_words(0, 256);
    assert_int_equal(hand.high, 256);
    free_of_words(256, 1);
    assert_int_equal(hand.held + hand.high, 0);
    for (size_t i = 0; i < 257; i++)
        assert_true(is_nodes_word(i));
    assert_null(harts_problem(&s));
}

/* One word is above the water, and all others are below it and stay. */
static void what_is_above_the_water_goes_first(void **state) {
    (void) state;
    s.water = 255;
    free_of_words(0, 256);
    assert_int_equal(hand.held, 255);
    assert_int_equal(hand.high, 1);
    free_of_words(256, 1);
    assert_int_equal(hand.held, 255);
    assert_int_equal(hand.high, 0);
    assert_true(is_nodes_word(255));
    assert_true(is_nodes_word(256));
    assert_null(harts_problem(&s));
}

/* ---- when the lock is taken ---- */

/* Free a page of word 8, which is the nodes': is the lock taken? */
static size_t locks_to_free(size_t page) {
    size_t locks = hand.locks;
    assert_int_equal(harts_free(&s, &hand, (8 * 64 + page) * PAGE_SIZE, 1), ALLOC_OK);
    assert_null(harts_problem(&s));
    return hand.locks - locks;
}

static void a_page_that_makes_a_larger_block_of_its_word_takes_the_lock(void **state) {
    paddr_t out;
    (void) state;
    assert_int_equal(locks_to_free(63), 0); /* the hand's: that is no concern of the rows */
    assert_int_equal(locks_to_free(62), 1);
    harts_put_down(&s, &hand);
    assert_int_equal(locks_to_free(0), 0);
    assert_int_equal(locks_to_free(1), 0);
    assert_int_equal(locks_to_free(4), 0);
    assert_int_equal(locks_to_free(5), 0); /* one of two pages there was */
    assert_int_equal(locks_to_free(7), 0);
    assert_int_equal(locks_to_free(6), 1); /* and none of four */
    assert_int_equal(locks_to_free(9), 0);
    assert_int_equal(locks_to_free(8), 0);
    assert_int_equal(harts_alloc(&s, &other, 4, 4 * PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, (8 * 64 + 4) * PAGE_SIZE);
    assert_null(harts_problem(&s));
}

static void the_first_pair_at_the_beginning_of_a_word_takes_the_lock(void **state) {
    paddr_t out;
    (void) state;
    assert_int_equal(locks_to_free(0), 0);
    harts_put_down(&s, &hand);
    assert_int_equal(locks_to_free(2), 0);
    assert_int_equal(locks_to_free(1), 1);
    assert_int_equal(locks_to_free(4), 0);
    assert_int_equal(locks_to_free(5), 0); /* there was one at the beginning */
    assert_int_equal(harts_alloc(&s, &other, 2, 2 * PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, 8 * 64 * PAGE_SIZE);
}

/* 32 pages, and 64. */
static void the_last_page_of_a_word_takes_the_lock(void **state) {
    paddr_t out;
    (void) state;
    assert_int_equal(locks_to_free(0), 0);
    harts_put_down(&s, &hand);
    for (size_t page = 1; page < 63; page++)
        locks_to_free(page);
    assert_int_equal(locks_to_free(63), 1);
    assert_int_equal(harts_alloc(&s, &other, 64, 64 * PAGE_SIZE, &out), ALLOC_OK);
}

#define LOCKS(h, times, call)                         \
    do {                                              \
        size_t before = (h)->locks;                   \
        call;                                         \
        assert_int_equal((h)->locks - before, times); \
        assert_int_equal(s.lock, 0);                  \
    } while (0)

static void calls_take_the_lock_once_or_not_at_all(void **state) {
    struct hand new;
    paddr_t out;
    (void) state;
    harts_join(&s, &new);
    assert_int_equal(new.locks, 1);
    LOCKS(&new, 1, harts_leave(&s, &new));
    LOCKS(&hand, 1, harts_put_down(&s, &hand));
    LOCKS(&hand, 1, harts_total(&s, &hand));
    LOCKS(&hand, 1, harts_used(&s, &hand));
    LOCKS(&hand, 1, harts_available(&s, &hand));
    LOCKS(&hand, 1, harts_add_memory(&s, &hand, 0, PAGE_SIZE)); /* which is refused */
    LOCKS(&hand, 1, harts_alloc(&s, &hand, 1, PAGE_SIZE, &out));
    LOCKS(&hand, 0, harts_alloc(&s, &hand, 1, PAGE_SIZE, &out));
    LOCKS(&hand, 0, harts_alloc(&s, &hand, 1, 1, &out));
    LOCKS(&hand, 1, harts_alloc(&s, &hand, 2, PAGE_SIZE, &out));
    LOCKS(&hand, 1, harts_alloc(&s, &hand, 1, 2 * PAGE_SIZE, &out));
    LOCKS(&hand, 1, harts_alloc_at(&s, &hand, 9 * 64 * PAGE_SIZE, 2));
    LOCKS(&hand, 2, harts_free(&s, &hand, 9 * 64 * PAGE_SIZE, 2)); /* and to know the range */
    LOCKS(&hand, 0, harts_free(&s, &hand, 0, 1));
    LOCKS(&hand, 0, harts_free(&s, &hand, 0, 1)); /* which is refused */
    LOCKS(&hand, 1, harts_free(&s, &hand, 0, 2)); /* so is this, but it is to see */
    assert_null(harts_problem(&s));
}

/* Six ranges of two pages. */
static int begin_ranges(void **state) {
    (void) state;
    if (harts_begin(&s, 0, PAGES * PAGE_SIZE, meta, sizeof(meta), NULL, NULL) != ALLOC_OK)
        return 1;
    harts_join(&s, &hand);
    for (size_t page = 0; page < 24; page += 4)
        if (harts_add_memory(&s, &hand, page * PAGE_SIZE, 2 * PAGE_SIZE) != ALLOC_OK ||
            harts_alloc_at(&s, &hand, page * PAGE_SIZE, 2) != ALLOC_OK)
            return 1;
    return 0;
}

/* Free a page and take it again: how often was the lock taken to free it? */
static size_t locks_of_range(size_t page) {
    size_t locks = hand.locks;
    assert_int_equal(harts_free(&s, &hand, page * PAGE_SIZE, 1), ALLOC_OK);
    locks = hand.locks - locks;
    assert_int_equal(harts_alloc_at(&s, &hand, page * PAGE_SIZE, 1), ALLOC_OK);
    return locks;
}

static void four_ranges_are_known_without_the_lock(void **state) {
    (void) state;
    for (size_t page = 0; page < 16; page += 4)
        assert_int_equal(locks_of_range(page), 1);
    for (size_t page = 0; page < 16; page += 4) {
        assert_int_equal(locks_of_range(page), 0);
        assert_int_equal(locks_of_range(page + 1), 0);
    }
    assert_int_equal(harts_free(&s, &hand, 3 * PAGE_SIZE, 1), ALLOC_NOT_ALLOCATED);
    assert_int_equal(harts_free(&s, &hand, 2 * PAGE_SIZE, 1), ALLOC_NOT_ALLOCATED);
    for (size_t page = 0; page < 16; page += 4)
        assert_int_equal(locks_of_range(page), 0);
    assert_int_equal(locks_of_range(16), 1); /* the fifth, for the first */
    for (size_t page = 16; page > 0; page -= 4)
        assert_int_equal(locks_of_range(page), 0);
    assert_int_equal(locks_of_range(0), 1); /* and that for the second */
    assert_int_equal(locks_of_range(8), 0);
    assert_int_equal(locks_of_range(4), 1);
    assert_null(harts_problem(&s));
}

/* ---- numbers ---- */

/* More than fits into 16 bits. */
static void many_pages_are_counted(void **state) {
    static _Alignas(64) unsigned char larger[1 << 17];
    static const size_t pages = 140000;
    paddr_t out;
    (void) state;
    assert_int_equal(harts_begin(&s, 0, pages * PAGE_SIZE, larger, sizeof(larger), NULL, NULL),
                     ALLOC_OK);
    harts_join(&s, &hand);
    harts_join(&s, &other);
    assert_int_equal(harts_add_memory(&s, &hand, 0, pages * PAGE_SIZE), ALLOC_OK);
    assert_int_equal(harts_total(&s, &hand), pages);
    assert_int_equal(harts_alloc(&s, &hand, 70000, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(harts_used(&s, &other), 70000);
    assert_int_equal(harts_available(&s, &other), 70000);
    harts_leave(&s, &hand);
    assert_int_equal(harts_used(&s, &other), 70000);
    assert_int_equal(harts_free(&s, &other, out, 70000), ALLOC_OK);
    assert_int_equal(harts_used(&s, &other), 0);
    assert_null(harts_problem(&s));
    size_t locks = other.locks;
    for (size_t i = 0; i < 70000; i++)
        harts_put_down(&s, &other);
    assert_int_equal(other.locks - locks, 70000);
}

/* More words than fit into 16 bits: the nodes' lowest is one behind them. */
static void a_word_far_away_is_told_apart(void **state) {
    static _Alignas(64) unsigned char far[1 << 20];
    static const size_t word = UINT16_MAX + 3, pages = (UINT16_MAX + 4) * 64;
    paddr_t out;
    (void) state;
    if (sizeof(paddr_t) < 8)
        return; /* no address is as far away */
    assert_int_equal(harts_begin(&s, 0, pages * PAGE_SIZE, far, sizeof(far), NULL, NULL), ALLOC_OK);
    harts_join(&s, &hand);
    assert_int_equal(harts_add_memory(&s, &hand, word * 64 * PAGE_SIZE, 64 * PAGE_SIZE), ALLOC_OK);
    s.water = 100;
    assert_null(harts_problem(&s));
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, word * 64 * PAGE_SIZE);
    assert_int_equal(s.water, word + 1);
    assert_int_equal(harts_free(&s, &hand, out, 1), ALLOC_OK);
    assert_int_equal(harts_alloc(&s, &hand, 64, 64 * PAGE_SIZE, &out), ALLOC_OK);
    assert_null(harts_problem(&s));
}

/* ---- the lock ---- */

static volatile sig_atomic_t times_let_go;

static void let_go(int signal) {
    (void) signal;
    times_let_go++;
    atomic_store(&s.lock, 0);
    atomic_store(&s.word_lock, 0);
}

/* Whoever has it lets it go when this thread has spent some of its own time, however busy the
 * machine is: not before it waits. */
static void the_lock_is_waited_for(void **state) {
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    (void) state;
    assert_true(signal(SIGVTALRM, let_go) != SIG_ERR);
    atomic_store(&s.lock, 1);
    assert_int_equal(setitimer(ITIMER_VIRTUAL, &soon, NULL), 0);
    assert_int_equal(harts_total(&s, &hand), 100);
    assert_null(harts_problem(&s));
}

/* Where words have a lock. Where they are atomic nobody touches it. */
static void the_lock_of_words_is_waited_for(void **state) {
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}}, never = {.it_value = {0}};
    (void) state;
    assert_true(signal(SIGVTALRM, let_go) != SIG_ERR);
    times_let_go = 0;
    atomic_store(&s.word_lock, 1);
    assert_int_equal(setitimer(ITIMER_VIRTUAL, &soon, NULL), 0);
    assert_true(harts_is_free(&s, 0));
    bool is_untouched = atomic_load(&s.word_lock) == 1;
    assert_true(is_untouched || times_let_go == 1);
    assert_int_equal(setitimer(ITIMER_VIRTUAL, &never, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_has_its_whole_pages_and_needs_room_for_them),
        cmocka_unit_test_setup(what_is_no_request_is_refused, begin),
        cmocka_unit_test_setup(less_alignment_than_a_page_is_a_page, begin),
        cmocka_unit_test_setup(pages_are_counted_whoever_frees_them, begin),
        cmocka_unit_test_setup(as_many_are_counted_as_there_are_at_most, begin),
        cmocka_unit_test_setup(a_page_that_was_never_added_cannot_be_freed, begin),
        cmocka_unit_test_setup(a_hand_that_seems_to_hold_too_much_is_told, hold_words),
        cmocka_unit_test_setup(what_a_hand_may_not_hold_is_told, hold_words),
        cmocka_unit_test_setup(a_word_in_two_hands_or_in_none_is_told, hold_words),
        cmocka_unit_test_setup(what_is_under_way_is_told, hold_words),
        cmocka_unit_test_setup(a_word_under_water_is_told, hold_words),
        cmocka_unit_test_setup(tables_that_disagree_are_told, hold_words),
        cmocka_unit_test_setup(an_empty_hand_takes_the_lowest_eight_words, begin_large),
        cmocka_unit_test_setup(words_below_the_water_go_to_the_low_end, begin_large),
        cmocka_unit_test_setup(the_water_falls_to_what_comes_to_the_nodes, take_all),
        cmocka_unit_test_setup(a_hand_that_is_full_gives_half_to_the_nodes, take_all),
        cmocka_unit_test_setup(what_is_above_the_water_goes_to_the_nodes, take_all),
        cmocka_unit_test_setup(what_is_above_the_water_goes_first, take_all),
        cmocka_unit_test_setup(a_page_that_makes_a_larger_block_of_its_word_takes_the_lock,
                               take_all),
        cmocka_unit_test_setup(the_first_pair_at_the_beginning_of_a_word_takes_the_lock, take_all),
        cmocka_unit_test_setup(the_last_page_of_a_word_takes_the_lock, take_all),
        cmocka_unit_test_setup(calls_take_the_lock_once_or_not_at_all, begin_large),
        cmocka_unit_test_setup(four_ranges_are_known_without_the_lock, begin_ranges),
        cmocka_unit_test(many_pages_are_counted),
        cmocka_unit_test(a_word_far_away_is_told_apart),
        cmocka_unit_test_setup(the_lock_is_waited_for, begin),
        cmocka_unit_test_setup(the_lock_of_words_is_waited_for, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
