/* Does the exploration find a fault that is known to be there, and the shortest way to it? */
#include "explore.h"
#include "faulty.h"

#include <stdlib.h>

/* What the exploration of a stage with a fault came to. */
struct found {
    bool is_right;
    size_t calls; /* from the first state to what is wrong */
};

static struct found explore_fault(enum fault fault, bool with_flips) {
    const struct candidate candidate = {.stage = faulty_stage(fault),
                                        .rules = {.frees = fault != BLIND,
                                                  .loses_gaps = fault == BLIND,
                                                  .lowest_first = true,
                                                  .exact_runs = true}};
    struct trial t = {.candidate = &candidate, .garbage = 0xaa, .is_quiet = true};
    const struct window window = {.start = after(RAM, 3),
                                  .span_pages = 7,
                                  .pages = 7,
                                  .adds = true};
    struct exploration e;
    struct flips flips = {0};
    struct found found = {.calls = 1};
    explore_begin(&e, &t, &window);
    found.is_right = explore(&e) && (!with_flips || explore_flips(&e, SIZE_MAX / 2, &flips));
    for (size_t at = e.state; !found.is_right && at > 0; at = e.origins[at].parent)
        found.calls++;
    explore_end(&e);
    oracle_end(&t.oracle);
    free(t.meta);
    free(t.meta_before);
    return found;
}

static void nothing_is_found_without_a_fault(void **state) {
    (void) state;
    assert_true(explore_fault(NO_FAULT, true).is_right);
}

static void a_wrong_answer_is_found_in_as_few_calls_as_it_needs(void **state) {
    (void) state;
    struct found found = explore_fault(FORGETS, false);
    assert_false(found.is_right);
    assert_int_equal(found.calls, 4); /* add, take the middle one, take another, free the middle */
    found = explore_fault(MISCOUNTS, false);
    assert_false(found.is_right);
    assert_int_equal(found.calls, 3); /* add, take four, take three */
}

static void a_refused_call_that_writes_is_found(void **state) {
    (void) state;
    struct found found = explore_fault(WRITES, false);
    assert_false(found.is_right);
    assert_int_equal(found.calls, 3); /* add, take four, ask for two of which one is free */
}

static void a_check_that_sees_nothing_is_found_by_flips_alone(void **state) {
    (void) state;
    assert_true(explore_fault(BLIND, false).is_right);
    assert_false(explore_fault(BLIND, true).is_right);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_without_a_fault),
        cmocka_unit_test(a_wrong_answer_is_found_in_as_few_calls_as_it_needs),
        cmocka_unit_test(a_refused_call_that_writes_is_found),
        cmocka_unit_test(a_check_that_sees_nothing_is_found_by_flips_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
