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

static void what_is_no_request_is_refused(void **state) {
    paddr_t out = 42;
    (void) state;
    assert_int_equal(harts_alloc(&s, &hand, 0, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, SIZE_MAX, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, 0, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, 3 * PAGE_SIZE, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, 1, 2 * MAX_ALIGN, &out), ALLOC_INVALID);
    assert_int_equal(harts_alloc(&s, &hand, PAGES + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
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
    assert_null(harts_problem(&s));
}

/* One word more than a hand has room for, and each has a page that comes free. */
static void a_hand_that_is_full_gives_half_to_the_nodes(void **state) {
    static _Alignas(64) unsigned char large[65536];
    static const size_t words = HAND + 1;
    paddr_t out;
    (void) state;
    size_t needed = harts_meta_size(0, words * 64 * PAGE_SIZE);
    assert_in_range(needed, 1, sizeof(large));
    assert_int_equal(harts_begin(&s, 0, words * 64 * PAGE_SIZE, large, sizeof(large), NULL, NULL),
                     ALLOC_OK);
    harts_join(&s, &hand);
    assert_int_equal(harts_add_memory(&s, &hand, 0, words * 64 * PAGE_SIZE), ALLOC_OK);
    for (size_t page = 0; page < words * 64; page++)
        assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    size_t locks = hand.locks;
    for (size_t word = 0; word < words; word++)
        assert_int_equal(harts_free(&s, &hand, word * 64 * PAGE_SIZE, 1), ALLOC_OK);
    assert_in_range(hand.locks - locks, 1, 2); /* to know the range, and once for all */
    assert_int_equal(hand.held, HAND / 2);
    assert_true(page_is_free(&s.a, 0));
    assert_int_equal(harts_largest_run(&s), 1);
    assert_null(harts_problem(&s));
}

/* Nothing was under water: all of it waits at the high end, and goes. */
static void what_is_above_the_water_goes_to_the_nodes(void **state) {
    static _Alignas(64) unsigned char large[65536];
    static const size_t pages = (HAND + 1) * 64;
    paddr_t out;
    (void) state;
    assert_int_equal(harts_begin(&s, 0, pages * PAGE_SIZE, large, sizeof(large), NULL, NULL),
                     ALLOC_OK);
    harts_join(&s, &hand);
    assert_int_equal(harts_add_memory(&s, &hand, 0, pages * PAGE_SIZE), ALLOC_OK);
    assert_int_equal(harts_alloc(&s, &hand, pages, PAGE_SIZE, &out), ALLOC_OK);
    for (size_t page = 0; page < pages - 64; page += 64)
        assert_int_equal(harts_free(&s, &hand, page * PAGE_SIZE, 1), ALLOC_OK);
    assert_int_equal(hand.high, HAND);
    assert_int_equal(harts_free(&s, &hand, (pages - 64) * PAGE_SIZE, 1), ALLOC_OK);
    assert_int_equal(hand.high, 0);
    assert_null(harts_problem(&s));
}

static void let_go(int signal) {
    (void) signal;
    atomic_store(&s.lock, 0);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_no_request_is_refused, begin),
        cmocka_unit_test_setup(less_alignment_than_a_page_is_a_page, begin),
        cmocka_unit_test_setup(pages_are_counted_whoever_frees_them, begin),
        cmocka_unit_test_setup(a_page_that_was_never_added_cannot_be_freed, begin),
        cmocka_unit_test_setup(a_hand_that_seems_to_hold_too_much_is_told, hold_words),
        cmocka_unit_test_setup(what_a_hand_may_not_hold_is_told, hold_words),
        cmocka_unit_test_setup(a_word_in_two_hands_or_in_none_is_told, hold_words),
        cmocka_unit_test_setup(what_is_under_way_is_told, hold_words),
        cmocka_unit_test_setup(a_word_under_water_is_told, hold_words),
        cmocka_unit_test_setup(tables_that_disagree_are_told, hold_words),
        cmocka_unit_test(a_hand_that_is_full_gives_half_to_the_nodes),
        cmocka_unit_test(what_is_above_the_water_goes_to_the_nodes),
        cmocka_unit_test_setup(the_lock_is_waited_for, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
