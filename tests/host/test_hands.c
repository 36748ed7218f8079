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

static void what_is_wrong_with_a_hand_is_told(void **state) {
    char text[PROBLEM_SIZE];
    paddr_t out;
    (void) state;
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_null(harts_problem_text(&s, text));
    struct hand before = hand;
    hand.held = HAND + 1;
    assert_non_null(harts_problem(&s));
    hand = before;
    hand.high = HAND;
    assert_non_null(harts_problem(&s));
    hand = before;
    hand.pages[0] = PAGES;
    assert_non_null(harts_problem(&s));
    hand.pages[0] = 0; /* it was allocated */
    assert_non_null(harts_problem(&s));
    hand = before;
    hand.pages[hand.held++] = before.pages[0];
    assert_non_null(harts_problem(&s));
    hand = before;
    hand.held--;
    assert_non_null(harts_problem(&s));
    hand = before;
    other.held = 1;
    other.pages[0] = before.pages[before.held - 1];
    assert_non_null(harts_problem_text(&s, text));
    other.held = 0;
    s.lock = 1;
    assert_non_null(harts_problem(&s));
    s.lock = 0;
    assert_null(harts_problem(&s));
    harts_put_down(&s, &hand);
    s.water = 64;
    assert_non_null(harts_problem(&s));
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
        cmocka_unit_test_setup(what_is_wrong_with_a_hand_is_told, begin),
        cmocka_unit_test(a_hand_that_is_full_gives_half_to_the_nodes),
        cmocka_unit_test(what_is_above_the_water_goes_to_the_nodes),
        cmocka_unit_test_setup(the_lock_is_waited_for, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
