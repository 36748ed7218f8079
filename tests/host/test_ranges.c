/* Adding memory: in pieces, in any order, up to and past the room for separate ranges. */
#include "trial.h"

static void a_range_is_rounded_inwards_to_whole_pages(void **state) {
    struct trial *t = *state;
    manage(t, RAM, 100 * PAGE_SIZE);
    assert_error(try_add(t, after(RAM, 10) + 1, 5 * PAGE_SIZE), ALLOC_OK);
    assert_int_equal(page_total(&t->a), 4);
    assert_true(page_is_free(&t->a, after(RAM, 11)));
    assert_error(try_add(t, after(RAM, 20), 5 * PAGE_SIZE - 1), ALLOC_OK);
    assert_int_equal(page_total(&t->a), 8);
    assert_error(try_add(t, after(RAM, 30) - 1, PAGE_SIZE + 1), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 40) - 1, PAGE_SIZE + 2), ALLOC_OK);
    assert_int_equal(page_total(&t->a), 10);
    look_at_all(t);
}

static void a_span_is_rounded_inwards_to_whole_pages(void **state) {
    struct trial *t = *state;
    manage(t, RAM + 1, 102 * PAGE_SIZE - 2);
    assert_error(try_add(t, RAM, PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, after(RAM, 101), PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, RAM + 1, 102 * PAGE_SIZE - 2), ALLOC_OK);
    assert_int_equal(page_total(&t->a), 100);
    look_at_all(t);
}

/* Ten pieces of `size` pages `step` pages apart, the i-th at place i * 7 modulo 10. */
static void add_pieces(struct trial *t, size_t size, size_t step) {
    manage(t, after(RAM, 5), 10 * step * PAGE_SIZE);
    for (size_t i = 0; i < 10; i++)
        assert_error(try_add(t, after(RAM, 5 + i * 7 % 10 * step), size * PAGE_SIZE), ALLOC_OK);
    assert_int_equal(page_total(&t->a), 10 * size);
    look_at_all(t);
}

static void separate_ranges_can_be_added_in_any_order(void **state) {
    struct trial *t = *state;
    for (size_t size = 1; size < 130; size++) {
        add_pieces(t, size, size + 1);
        assert_int_equal(page_largest_run(&t->a), size);
    }
}

static void ranges_that_touch_become_one(void **state) {
    struct trial *t = *state;
    for (size_t size = 1; size < 130; size++) {
        add_pieces(t, size, size);
        assert_int_equal(page_largest_run(&t->a), 10 * size);
        assert_error(try_alloc_at(t, after(RAM, 5), 10 * size), ALLOC_OK);
    }
}

static void a_range_between_two_joins_them(void **state) {
    struct trial *t = *state;
    manage(t, RAM, 90 * PAGE_SIZE);
    assert_error(try_add(t, RAM, 30 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 60), 30 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 29), 32), ALLOC_OVERLAP);
    assert_error(try_add(t, after(RAM, 30), 30 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 29), 32), ALLOC_OK);
    look_at_all(t);
}

static void no_run_reaches_across_a_hole(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t hole = 1; hole < 130; hole++) {
        manage(t, RAM, 131 * PAGE_SIZE);
        assert_error(try_add(t, RAM, hole * PAGE_SIZE), ALLOC_OK);
        assert_error(try_add(t, after(RAM, hole + 1), (130 - hole) * PAGE_SIZE), ALLOC_OK);
        assert_error(try_alloc_at(t, after(RAM, hole - 1), 2), ALLOC_OVERLAP);
        assert_error(try_alloc_at(t, after(RAM, hole - 1), 3), ALLOC_OVERLAP);
        assert_error(try_alloc_at(t, after(RAM, hole), 1), ALLOC_OVERLAP);
        assert_error(try_alloc(t, 130, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        while (try_alloc(t, 2, PAGE_SIZE, &out) == ALLOC_OK)
            assert_false(out <= after(RAM, hole) && after(RAM, hole) < after(out, 2));
        look_at_all(t);
    }
}

static void a_hole_can_be_filled_later(void **state) {
    struct trial *t = *state;
    bool may_fill = !t->candidate->rules.loses_gaps;
    manage(t, RAM, 131 * PAGE_SIZE);
    assert_error(try_add(t, RAM, 60 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 70), 61 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 71), 2), ALLOC_OK);
    assert_int_equal(try_add(t, after(RAM, 60), 10 * PAGE_SIZE),
                     may_fill ? ALLOC_OK : ALLOC_UNSUPPORTED);
    assert_int_equal(page_total(&t->a), may_fill ? 131 : 121);
    look_at_all(t);
}

static void memory_can_be_added_above_what_is_handed_out(void **state) {
    struct trial *t = *state;
    paddr_t out;
    manage(t, RAM, 300 * PAGE_SIZE);
    for (size_t page = 0; page < 300; page += 30) {
        assert_error(try_add(t, after(RAM, page), 30 * PAGE_SIZE), ALLOC_OK);
        while (try_alloc(t, 7, PAGE_SIZE, &out) == ALLOC_OK)
            continue;
    }
    look_at_all(t);
}

/* ---- the room for ranges ---- */

/* Add single pages with absent ones between, from the top down, until there is no room. */
static void fill_the_room(struct trial *t, size_t span_pages) {
    size_t room = 16 + span_pages / 4096 + t->extra_ranges;
    manage(t, after(RAM, 1), span_pages * PAGE_SIZE);
    for (size_t i = 0; i < room; i++)
        assert_error(try_add(t, after(RAM, span_pages - 2 * i), PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 3), PAGE_SIZE), ALLOC_NO_MEMORY);
    assert_error(try_add(t, after(RAM, 5), 4 * PAGE_SIZE), ALLOC_NO_MEMORY);
    assert_int_equal(page_total(&t->a), room);
    look_at_all(t);
}

static void there_is_room_for_16_ranges_and_no_more(void **state) {
    fill_the_room(*state, 64);
}

static void there_is_room_for_one_more_range_every_16_MiB(void **state) {
    fill_the_room(*state, 4095);
    fill_the_room(*state, 4096);
    fill_the_room(*state, 16384);
}

static void more_metadata_is_room_for_more_ranges(void **state) {
    struct trial *t = *state;
    for (t->extra_ranges = 1; t->extra_ranges < 10; t->extra_ranges++)
        fill_the_room(t, 64);
}

static void without_room_a_range_that_touches_is_still_taken(void **state) {
    struct trial *t = *state;
    fill_the_room(t, 64);
    assert_error(try_add(t, after(RAM, 63), PAGE_SIZE), ALLOC_OK); /* joins two */
    assert_error(try_add(t, after(RAM, 2), PAGE_SIZE), ALLOC_OK);  /* so this one has room */
    assert_error(try_add(t, after(RAM, 3), 2 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 33), PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 10), PAGE_SIZE), ALLOC_NO_MEMORY);
    look_at_all(t);
}

/* What lies before and behind the list of ranges is 0 here, as if a range ended or began at page 0.
 * It must not be read. */
static void without_room_ranges_below_and_above_all_others_are_refused(void **state) {
    struct trial *t = *state;
    t->garbage = 0;
    manage(t, RAM, 64 * PAGE_SIZE);
    for (size_t i = 0; i < 16; i++)
        assert_error(try_add(t, after(RAM, 2 + 2 * i), PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, RAM, PAGE_SIZE), ALLOC_NO_MEMORY);
    assert_error(try_add(t, after(RAM, 40), PAGE_SIZE), ALLOC_NO_MEMORY);
    assert_error(try_alloc_at(t, after(RAM, 40), 1), ALLOC_OVERLAP);
    assert_error(try_add(t, after(RAM, 33), PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 1), PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 32), 2), ALLOC_OK);
    if (t->candidate->rules.frees)
        assert_error(try_free(t, after(RAM, 34), 1), ALLOC_NOT_ALLOCATED);
    look_at_all(t);
}

static void ranges_of_an_earlier_use_of_the_metadata_are_forgotten(void **state) {
    struct trial *t = *state;
    manage(t, RAM, 100 * PAGE_SIZE);
    assert_error(try_add(t, after(RAM, 50), 50 * PAGE_SIZE), ALLOC_OK);
    manage_again(t);
    assert_error(try_add(t, after(RAM, 10), 40 * PAGE_SIZE), ALLOC_OK);
    look_at_all(t);
    assert_error(try_add(t, after(RAM, 50), 50 * PAGE_SIZE), ALLOC_OK);
    look_at_all(t);
}

static void many_ranges_are_all_remembered(void **state) {
    struct trial *t = *state;
    t->extra_ranges = 500;
    manage(t, RAM, 2000 * PAGE_SIZE);
    for (size_t i = 0; i < 500; i++) /* 7 and 500 have no common divisor: each place once */
        assert_error(try_add(t, after(RAM, i * 7 % 500 * 4), 3 * PAGE_SIZE), ALLOC_OK);
    look_at_all(t);
    for (size_t i = 0; i < 500; i++)
        assert_error(try_add(t, after(RAM, i * 4 + 2), 2 * PAGE_SIZE), ALLOC_OVERLAP);
    for (size_t i = 0; i < 500; i++)
        assert_error(try_add(t, after(RAM, i * 7 % 500 * 4 + 3), PAGE_SIZE), ALLOC_OK);
    assert_int_equal(page_largest_run(&t->a), 2000);
    look_at_all(t);
}

static void more_than_65536_ranges_are_all_remembered(void **state) {
    struct trial *t = *state;
    size_t count = 66000;
    t->extra_ranges = count;
    t->is_watched = false;
    manage(t, RAM, 2 * count * PAGE_SIZE);
    for (size_t i = 0; i < count; i++)
        assert_error(try_add(t, after(RAM, 2 * i), PAGE_SIZE), ALLOC_OK);
    look_at(t, after(RAM, 2 * count - 9), 8);
    assert_error(try_alloc_at(t, after(RAM, 2 * count - 2), 1), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 2 * count - 1), 1), ALLOC_OVERLAP);
    look_at(t, after(RAM, 2 * count - 9), 8);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_rounded_inwards_to_whole_pages),
        cmocka_unit_test(a_span_is_rounded_inwards_to_whole_pages),
        cmocka_unit_test(separate_ranges_can_be_added_in_any_order),
        cmocka_unit_test(ranges_that_touch_become_one),
        cmocka_unit_test(a_range_between_two_joins_them),
        cmocka_unit_test(no_run_reaches_across_a_hole),
        cmocka_unit_test(a_hole_can_be_filled_later),
        cmocka_unit_test(memory_can_be_added_above_what_is_handed_out),
        cmocka_unit_test(there_is_room_for_16_ranges_and_no_more),
        cmocka_unit_test(there_is_room_for_one_more_range_every_16_MiB),
        cmocka_unit_test(more_metadata_is_room_for_more_ranges),
        cmocka_unit_test(without_room_a_range_that_touches_is_still_taken),
        cmocka_unit_test(without_room_ranges_below_and_above_all_others_are_refused),
        cmocka_unit_test(ranges_of_an_earlier_use_of_the_metadata_are_forgotten),
        cmocka_unit_test(many_ranges_are_all_remembered),
        cmocka_unit_test(more_than_65536_ranges_are_all_remembered),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
}
