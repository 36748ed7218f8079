/* Recalls of alloc/harts.c, by one thread: what the other harts do meanwhile they do in the
 * callback. How their steps mix is for tests/harts/steps.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../alloc/harts.h"

enum {
    PAGES = 128,
    CONTEXT = 42
};

static struct harts s;
static struct hand hand, other, third;
static _Alignas(64) unsigned char meta[8192];

static int called, context = CONTEXT;
static bool (*answer)(void);
static const struct hand *caller;

/* It comes without the lock, while a recall is under way that the caller has heard of. */
static bool called_back(void *context_) {
    called++;
    assert_int_equal(*(int *) context_, CONTEXT);
    assert_int_equal(s.lock, 0);
    assert_int_not_equal(s.recalls, 0);
    assert_int_equal(caller->held + caller->high, 0);
    assert_int_equal(caller->recall, s.last_recall);
    return answer();
}

/* Both words are in the other's hand, and page 0 is allocated. */
static int begin_with(harts_recall *recall) {
    paddr_t out;
    called = 0;
    caller = &hand;
    if (harts_begin(&s, 0, PAGES * PAGE_SIZE, meta, sizeof(meta), recall, &context) != ALLOC_OK)
        return 1;
    harts_join(&s, &hand);
    harts_join(&s, &other);
    harts_add_memory(&s, &hand, 0, PAGES * PAGE_SIZE);
    return harts_alloc(&s, &other, 1, PAGE_SIZE, &out) != ALLOC_OK || other.held != 2;
}

static int begin(void **state) {
    (void) state;
    return begin_with(called_back);
}

static int begin_without(void **state) {
    (void) state;
    return begin_with(NULL);
}

static void expect_end_of_recalls(void) {
    assert_int_equal(s.recalls, 0);
    assert_int_equal(s.lock, 0);
    assert_null(harts_problem(&s));
}

static bool give_up(void) {
    return false;
}

static bool put_others_down(void) {
    harts_put_down(&s, &other);
    return true;
}

/* The first time nobody comes. */
static bool put_others_down_late(void) {
    return called < 3 || put_others_down();
}

static void without_a_recall_nobody_is_waited_for(void **state) {
    paddr_t out = 42;
    (void) state;
    assert_int_equal(harts_alloc(&s, &hand, 2, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(harts_alloc_at(&s, &hand, 2 * PAGE_SIZE, 2), ALLOC_OVERLAP);
    assert_int_equal(out, 42);
    assert_int_equal(other.held, 2);
    expect_end_of_recalls();
    assert_int_equal(harts_alloc(&s, &other, 2, PAGE_SIZE, &out), ALLOC_OK); /* of its own */
    assert_int_equal(other.held, 0);
    expect_end_of_recalls();
}

static void a_recall_can_be_given_up(void **state) {
    paddr_t out = 42;
    (void) state;
    answer = give_up;
    assert_int_equal(harts_alloc(&s, &hand, 2, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(called, 1);
    assert_int_equal(harts_alloc_at(&s, &hand, 2 * PAGE_SIZE, 2), ALLOC_OVERLAP);
    assert_int_equal(called, 2);
    assert_int_equal(out, 42);
    assert_int_equal(other.held, 2);
    expect_end_of_recalls();
}

/* Each time that it asks costs one look under the lock. */
static void a_run_waits_until_all_hands_are_put_down(void **state) {
    paddr_t out;
    (void) state;
    size_t locks = hand.locks;
    answer = put_others_down_late;
    assert_int_equal(harts_alloc(&s, &hand, 2, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, 2 * PAGE_SIZE);
    assert_int_equal(called, 3);
    assert_int_equal(hand.locks - locks, 4);
    expect_end_of_recalls();
    assert_int_equal(harts_alloc(&s, &hand, 62, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(called, 3); /* nobody holds anything now */
}

static void a_single_page_waits_too(void **state) {
    paddr_t out;
    (void) state;
    answer = put_others_down_late;
    assert_int_equal(harts_alloc(&s, &hand, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, PAGE_SIZE);
    assert_int_equal(called, 3);
    assert_int_equal(hand.held, 0); /* the next fills the hand */
    expect_end_of_recalls();
}

static void pages_at_an_address_are_waited_for_if_a_hand_has_some(void **state) {
    (void) state;
    answer = put_others_down_late;
    assert_int_equal(harts_alloc_at(&s, &hand, 0, 2), ALLOC_OVERLAP);
    assert_int_equal(called, 0); /* one is allocated: it would be for nothing */
    assert_int_equal(harts_alloc_at(&s, &hand, PAGE_SIZE, 2), ALLOC_OK);
    assert_int_equal(called, 3);
    assert_int_equal(harts_alloc_at(&s, &hand, 64 * PAGE_SIZE, 64), ALLOC_OK);
    /* Their neighbours are allocated: that is no reason. */
    assert_int_equal(harts_alloc_at(&s, &hand, 3 * PAGE_SIZE, 2), ALLOC_OK);
    assert_int_equal(harts_alloc_at(&s, &hand, 62 * PAGE_SIZE, 2), ALLOC_OK);
    assert_int_equal(called, 3);
    assert_int_equal(harts_used(&s, &hand), 71);
    expect_end_of_recalls();
}

static void more_pages_than_there_are_are_no_reason_for_a_recall(void **state) {
    paddr_t out;
    (void) state;
    answer = put_others_down;
    assert_int_equal(harts_alloc(&s, &hand, PAGES + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(called, 0);
    assert_int_equal(harts_free(&s, &other, 0, 1), ALLOC_OK);
    assert_int_equal(harts_alloc(&s, &hand, PAGES, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(called, 1);
    expect_end_of_recalls();
}

/* The caller's own hand is no obstacle, and nobody else is asked. */
static void ones_own_hand_is_put_down_first(void **state) {
    paddr_t out;
    (void) state;
    answer = give_up;
    harts_leave(&s, &hand);
    assert_int_equal(harts_alloc(&s, &other, 64, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, 64 * PAGE_SIZE);
    assert_int_equal(called, 0);
    expect_end_of_recalls();
}

/* Who has recalled has heard of that recall, and of no later one. */
static void a_recall_counts_for_itself_alone(void **state) {
    paddr_t out;
    (void) state;
    harts_leave(&s, &other);
    assert_int_equal(harts_alloc(&s, &hand, 128, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(called, 0);
    assert_int_equal(hand.recall, s.last_recall);
    expect_end_of_recalls();
}

/* What is freed while a recall is under way, and where the next page comes from. */
static bool free_and_allocate(void) {
    paddr_t out;
    harts_put_down(&s, &other);
    assert_int_equal(harts_alloc(&s, &other, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, PAGE_SIZE);
    assert_int_equal(harts_free(&s, &other, 2 * PAGE_SIZE, 1),
                     ALLOC_OK); /* its word is the nodes' */
    assert_int_equal(harts_free(&s, &other, 64 * PAGE_SIZE, 1),
                     ALLOC_OK); /* it was all allocated */
    assert_int_equal(other.held + other.high, 0);
    return true;
}

static void no_word_goes_into_a_hand_while_a_recall_is_under_way(void **state) {
    paddr_t out;
    (void) state;
    harts_leave(&s, &hand); /* and nobody is asked */
    assert_int_equal(harts_alloc_at(&s, &other, 2 * PAGE_SIZE, 1), ALLOC_OK);
    assert_int_equal(harts_alloc_at(&s, &other, 64 * PAGE_SIZE, 64), ALLOC_OK);
    assert_int_equal(harts_alloc(&s, &other, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(harts_free(&s, &other, out, 1), ALLOC_OK);
    assert_int_equal(other.held, 1);
    harts_join(&s, &hand);
    answer = free_and_allocate;
    assert_int_equal(harts_alloc(&s, &hand, 64, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(called, 1);
    expect_end_of_recalls();
    assert_true(harts_is_free(&s, 64 * PAGE_SIZE));
    assert_int_equal(harts_largest_run(&s), 63);
}

/* The other wants a run itself, for which it would have to wait for hand: then two recalls are
 * under way, and when that has ended one still is. */
static bool recall_too(void) {
    paddr_t out;
    if (called > 1) {
        assert_int_equal(s.recalls, 2);
        return false;
    }
    caller = &other;
    assert_int_equal(harts_alloc(&s, &other, 128, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(called, 2);
    assert_int_equal(s.recalls, 1);
    assert_int_equal(harts_alloc(&s, &other, 1, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(other.held, 0);
    return true;
}

static void two_recalls_at_once_end_one_after_the_other(void **state) {
    paddr_t out;
    (void) state;
    answer = recall_too;
    assert_int_equal(harts_alloc(&s, &hand, 62, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(called, 2);
    expect_end_of_recalls();
}

/* Of three harts the one that has put nothing down is waited for, wherever it stands. */
static bool put_down_one_by_one(void) {
    harts_put_down(&s, called == 1 ? &third : called == 2 ? &hand : &other);
    return true;
}

static void each_hart_is_waited_for(void **state) {
    paddr_t out;
    (void) state;
    harts_join(&s, &third);
    answer = put_down_one_by_one;
    assert_int_equal(harts_alloc(&s, &hand, 64, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(called, 3);
    expect_end_of_recalls();
}

/* Their number grows for ever, and is compared. */
static void recalls_are_told_apart_however_many_there_were(void **state) {
    static const size_t numbers[] = {UINT16_MAX, UINT32_MAX};
    paddr_t out;
    (void) state;
    answer = put_others_down;
    for (size_t i = 0; i < 2; i++) {
        begin(state);
        s.last_recall = numbers[i];
        hand.recall = other.recall = s.last_recall;
        assert_int_equal(harts_alloc(&s, &hand, 64, PAGE_SIZE, &out), ALLOC_OK);
        assert_int_equal(called, 1);
        expect_end_of_recalls();
    }
}

/* Whoever joins holds nothing, and need not be asked for what was before. */
static bool join(void) {
    if (called == 1)
        harts_join(&s, &third);
    return put_others_down();
}

static void who_joins_while_a_recall_is_under_way_has_heard_of_it(void **state) {
    paddr_t out;
    (void) state;
    answer = join;
    assert_int_equal(harts_alloc(&s, &hand, 64, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(called, 1);
    expect_end_of_recalls();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_recall_nobody_is_waited_for, begin_without),
        cmocka_unit_test_setup(a_recall_can_be_given_up, begin),
        cmocka_unit_test_setup(a_run_waits_until_all_hands_are_put_down, begin),
        cmocka_unit_test_setup(a_single_page_waits_too, begin),
        cmocka_unit_test_setup(pages_at_an_address_are_waited_for_if_a_hand_has_some, begin),
        cmocka_unit_test_setup(more_pages_than_there_are_are_no_reason_for_a_recall, begin),
        cmocka_unit_test_setup(ones_own_hand_is_put_down_first, begin),
        cmocka_unit_test_setup(a_recall_counts_for_itself_alone, begin),
        cmocka_unit_test_setup(no_word_goes_into_a_hand_while_a_recall_is_under_way, begin),
        cmocka_unit_test_setup(two_recalls_at_once_end_one_after_the_other, begin),
        cmocka_unit_test_setup(each_hart_is_waited_for, begin),
        cmocka_unit_test(recalls_are_told_apart_however_many_there_were),
        cmocka_unit_test_setup(who_joins_while_a_recall_is_under_way_has_heard_of_it, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
