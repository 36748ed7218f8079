/* What page_free takes back and what it refuses, under every stage that frees. */
#include "trial.h"

static void a_page_freed_twice_is_refused(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 64 * MIB);
    paddr_t page = must_alloc(t, 1, PAGE_SIZE);
    assert_error(try_free(t, page, 1), ALLOC_OK);
    assert_error(try_free(t, page, 1), ALLOC_NOT_ALLOCATED);
    assert_int_equal(page_used(&t->a), 0);
}

static void a_page_never_handed_out_cannot_be_freed(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 1000 * PAGE_SIZE);
    assert_error(try_alloc_at(t, RAM, 10), ALLOC_OK);
    for (size_t page = 10; page < 1000; page++)
        assert_error(try_free(t, after(RAM, page), 1), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, RAM, 1000), ALLOC_NOT_ALLOCATED);
}

static void an_absent_page_cannot_be_freed(void **state) {
    struct trial *t = *state;
    manage(t, RAM, 300 * PAGE_SIZE);
    assert_error(try_free(t, RAM, 300), ALLOC_NOT_ALLOCATED);
    assert_error(try_add(t, after(RAM, 50), 70 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 121), 70 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 50), 70), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 121), 70), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 49), 1), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 49), 2), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 120), 1), ALLOC_NOT_ALLOCATED); /* the hole */
    assert_error(try_free(t, after(RAM, 119), 2), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 50), 141), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 190), 2), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 299), 1), ALLOC_NOT_ALLOCATED);
    look_at_all(t);
}

/* One free page anywhere in a long range makes the whole range unfit. */
static void a_half_allocated_range_is_refused(void **state) {
    struct trial *t = *state;
    manage_all(t, after(RAM, 3), 300 * PAGE_SIZE);
    assert_error(try_alloc_at(t, after(RAM, 3), 300), ALLOC_OK);
    for (size_t page = 3; page < 303; page++) {
        assert_error(try_free(t, after(RAM, page), 1), ALLOC_OK);
        assert_error(try_free(t, after(RAM, 3), 300), ALLOC_NOT_ALLOCATED);
        assert_error(try_free(t, after(RAM, page), 303 - page), ALLOC_NOT_ALLOCATED);
        assert_error(try_free(t, after(RAM, 3), page - 2), ALLOC_NOT_ALLOCATED);
        assert_error(try_alloc_at(t, after(RAM, page), 1), ALLOC_OK);
    }
    look_at_all(t);
}

/* Freeing n pages must set n bits, not one of them n times. */
static void every_run_of_a_small_span_can_be_freed(void **state) {
    struct trial *t = *state;
    manage_all(t, after(RAM, 3), 130 * PAGE_SIZE);
    assert_error(try_alloc_at(t, after(RAM, 3), 130), ALLOC_OK);
    for (size_t first = 0; first < 130; first++) {
        for (size_t n = 1; n <= 130 - first; n++) {
            assert_error(try_free(t, after(RAM, 3 + first), n), ALLOC_OK);
            look_at_all(t);
            assert_error(try_free(t, after(RAM, 3 + first), n), ALLOC_NOT_ALLOCATED);
            assert_error(try_alloc_at(t, after(RAM, 3 + first), n), ALLOC_OK);
        }
    }
    look_at_all(t);
}

static void part_of_an_allocation_can_be_freed(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 64 * MIB);
    paddr_t run = must_alloc(t, 1000, PAGE_SIZE);
    assert_error(try_free(t, after(run, 1), 1), ALLOC_OK);
    assert_error(try_free(t, after(run, 100), 500), ALLOC_OK);
    assert_error(try_free(t, after(run, 999), 1), ALLOC_OK);
    assert_int_equal(page_used(&t->a), 498);
    look_at_all(t);
    assert_error(try_free(t, after(run, 2), 98), ALLOC_OK);
    assert_error(try_free(t, run, 1), ALLOC_OK);
    assert_error(try_free(t, after(run, 600), 399), ALLOC_OK);
    look_at_all(t);
}

static void neighbours_can_be_freed_together(void **state) {
    struct trial *t = *state;
    static const size_t sizes[] = {1, 3, 10, 64, 100, 63, 65, 7};
    size_t sum = 0;
    manage_all(t, RAM, 64 * MIB);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_error(try_alloc_at(t, after(RAM, 100 + sum), sizes[i]), ALLOC_OK);
        sum += sizes[i];
    }
    assert_error(try_free(t, after(RAM, 100), sum + 1), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 99), sum + 1), ALLOC_NOT_ALLOCATED);
    assert_error(try_free(t, after(RAM, 102), sum - 4), ALLOC_OK); /* begins and ends within one */
    assert_int_equal(page_used(&t->a), 4);
    look_at_all(t);
}

static void ranges_added_apart_can_be_freed_together(void **state) {
    struct trial *t = *state;
    manage(t, RAM, 300 * PAGE_SIZE);
    assert_error(try_add(t, RAM, 100 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 200), 100 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, RAM, 100), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 200), 100), ALLOC_OK);
    assert_error(try_free(t, RAM, 300), ALLOC_NOT_ALLOCATED);
    assert_error(try_add(t, after(RAM, 100), 100 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 100), 100), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 50), 200), ALLOC_OK);
    look_at_all(t);
}

static void freed_pages_are_handed_out_again(void **state) {
    struct trial *t = *state;
    manage_all(t, after(RAM, 13), 4097 * PAGE_SIZE);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4097; i++)
            must_alloc(t, 1, PAGE_SIZE);
        assert_int_equal(page_available(&t->a), 0);
        assert_error(try_free(t, after(RAM, 13), 4097), ALLOC_OK);
        assert_int_equal(page_largest_run(&t->a), 4097);
    }
}

static void freeing_in_any_order_leaves_memory_whole(void **state) {
    struct trial *t = *state;
    static const size_t steps[] = {1, 2, 3, 1009, 2048, 4096};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        manage_all(t, after(RAM, 64), 4097 * PAGE_SIZE);
        assert_error(try_alloc_at(t, after(RAM, 64), 4097), ALLOC_OK);
        for (size_t page = 0; page < 4097; page++) /* 4097 = 17 * 241, so each page once */
            assert_error(try_free(t, after(RAM, 64 + page * steps[i] % 4097), 1), ALLOC_OK);
        assert_int_equal(page_largest_run(&t->a), 4097);
        assert_int_equal(must_alloc(t, 2048, PAGE_SIZE) % (64 * PAGE_SIZE), 0);
    }
}

static void at_either_end_of_the_address_space_pages_can_be_freed(void **state) {
    struct trial *t = *state;
    paddr_t starts[] = {0, (paddr_t) 0 - 16 * MIB};
    for (size_t i = 0; i < 2; i++) {
        paddr_t last_page = starts[i] + 16 * MIB - PAGE_SIZE;
        manage_all(t, starts[i], 16 * MIB);
        must_alloc(t, 4096, PAGE_SIZE);
        assert_error(try_free(t, last_page, 2), ALLOC_INVALID);
        assert_error(try_free(t, last_page, 1), ALLOC_OK);
        assert_error(try_free(t, last_page, 1), ALLOC_NOT_ALLOCATED);
        assert_error(try_free(t, starts[i], 4096), ALLOC_NOT_ALLOCATED);
        assert_error(try_free(t, starts[i], 4095), ALLOC_OK);
        look_at_all(t);
    }
}

/* The counts are right, and the range is as long as the free run: but it begins a page too low, or
 * too high, so that one of the free pages is absent. */
static void page_check_notices_a_free_page_that_is_absent(void **state) {
    struct trial *t = *state;
    for (int by = -1; by <= 1; by += 2) {
        manage(t, after(RAM, 5), 95 * PAGE_SIZE);
        assert_error(try_add(t, after(RAM, 10), 10 * PAGE_SIZE), ALLOC_OK);
        t->a.ranges[0].first += (size_t) by;
        t->a.ranges[0].end += (size_t) by;
        t->a.largest = t->a.ranges[0];
        expect_problem(t, "pages 10 to 19 are free, and not all were added");
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_freed_twice_is_refused),
        cmocka_unit_test(a_page_never_handed_out_cannot_be_freed),
        cmocka_unit_test(an_absent_page_cannot_be_freed),
        cmocka_unit_test(a_half_allocated_range_is_refused),
        cmocka_unit_test(every_run_of_a_small_span_can_be_freed),
        cmocka_unit_test(part_of_an_allocation_can_be_freed),
        cmocka_unit_test(neighbours_can_be_freed_together),
        cmocka_unit_test(ranges_added_apart_can_be_freed_together),
        cmocka_unit_test(freed_pages_are_handed_out_again),
        cmocka_unit_test(freeing_in_any_order_leaves_memory_whole),
        cmocka_unit_test(at_either_end_of_the_address_space_pages_can_be_freed),
        cmocka_unit_test(page_check_notices_a_free_page_that_is_absent),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), stage_that_frees);
}
