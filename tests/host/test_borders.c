/* The last page before a border, the first behind it, and the next: of words, of chunks, of words
 * of summaries on two levels, the upper one of which is also that of the largest blocks. */
#include "trial.h"

static const size_t BORDERS[] = {
    64,
    512,
    4096,
#if SIZE_MAX > UINT32_MAX /* four times as much is all that 32 bits can address */
    262144,
#endif
};

enum {
    BORDER_COUNT = sizeof(BORDERS) / sizeof(BORDERS[0])
};

static void spans_that_end_at_a_border_are_used_whole(void **state) {
    struct trial *t = *state;
    for (size_t i = 0; i < 3 * BORDER_COUNT; i++) {
        size_t pages = BORDERS[i / 3] - 1 + i % 3;
        paddr_t out;
        manage_all(t, RAM, pages * PAGE_SIZE);
        assert_int_equal(page_largest_run(&t->a), pages);
        assert_error(try_alloc_at(t, RAM, pages + 1), ALLOC_INVALID);
        assert_error(try_alloc_at(t, RAM, pages), ALLOC_OK);
        assert_error(try_alloc(t, 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        if (!t->candidate->rules.frees)
            continue;
        assert_error(try_free(t, after(RAM, pages - 1), 1), ALLOC_OK);
        assert_int_equal(must_alloc(t, 1, PAGE_SIZE), after(RAM, pages - 1));
        assert_error(try_free(t, RAM, pages), ALLOC_OK);
        look_at_all(t);
    }
}

static void the_only_free_page_is_found_on_either_side_of_a_border(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        manage(t, RAM, (BORDERS[i] + 100) * PAGE_SIZE);
        for (size_t page = BORDERS[i] - 1; page <= BORDERS[i] + 1; page++) {
            assert_error(try_add(t, after(RAM, page), PAGE_SIZE), ALLOC_OK);
            assert_int_equal(must_alloc(t, 1, PAGE_SIZE), after(RAM, page));
            assert_error(try_alloc(t, 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        }
        assert_error(try_alloc_at(t, after(RAM, BORDERS[i]), 1), ALLOC_OVERLAP);
        look_at_all(t);
    }
}

static void a_run_across_a_border_is_found_and_given_back(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        paddr_t run = after(RAM, BORDERS[i] - 2);
        manage(t, RAM, (BORDERS[i] + 100) * PAGE_SIZE);
        assert_error(try_add(t, run, 5 * PAGE_SIZE), ALLOC_OK);
        assert_error(try_alloc(t, 6, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        if (t->candidate->rules.exact_runs)
            assert_int_equal(must_alloc(t, 5, PAGE_SIZE), run);
        else
            assert_error(try_alloc_at(t, run, 5), ALLOC_OK);
        if (!t->candidate->rules.frees)
            continue;
        assert_error(try_free(t, after(run, 1), 2), ALLOC_OK);
        assert_error(try_free(t, after(run, 1), 3), ALLOC_NOT_ALLOCATED);
        assert_error(try_free(t, after(run, 3), 2), ALLOC_OK);
        assert_error(try_free(t, run, 1), ALLOC_OK);
        assert_int_equal(page_largest_run(&t->a), 5);
        look_at_all(t);
    }
}

/* The page before the border, then the one behind it, is the only one in use. */
static void a_page_freed_at_a_border_joins_the_runs_on_either_side(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t i = 0; i < 2 * BORDER_COUNT; i++) {
        size_t border = BORDERS[i / 2], pages = 2 * border;
        paddr_t page = after(RAM, border - i % 2);
        if (!t->candidate->rules.frees)
            continue;
        manage_all(t, RAM, pages * PAGE_SIZE);
        assert_error(try_alloc_at(t, page, 1), ALLOC_OK);
        assert_error(try_alloc(t, pages, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        assert_error(try_alloc(t, border + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        assert_error(try_free(t, page, 1), ALLOC_OK);
        assert_int_equal(must_alloc(t, pages, PAGE_SIZE), RAM);
    }
}

/* Runs as long as the border, one shorter and one longer, that end and that begin there. */
static void runs_as_long_as_what_has_the_border_can_be_had_and_freed(void **state) {
    struct trial *t = *state;
    for (size_t i = 0; i < 6 * BORDER_COUNT; i++) {
        size_t border = BORDERS[i / 6], n = border - 1 + i % 3;
        paddr_t run = after(RAM, i / 3 % 2 == 0 ? 2 * border - n : 2 * border);
        manage_all(t, RAM, 4 * border * PAGE_SIZE);
        assert_error(try_alloc_at(t, run, n), ALLOC_OK);
        assert_error(try_alloc_at(t, after(run, n - 1), 2), ALLOC_OVERLAP);
        if (!t->candidate->rules.frees)
            continue;
        assert_error(try_free(t, run, n + 1), ALLOC_NOT_ALLOCATED);
        assert_error(try_free(t, run, n), ALLOC_OK);
        assert_int_equal(page_largest_run(&t->a), 4 * border);
    }
}

static void an_aligned_run_begins_at_the_border_and_not_beside_it(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        size_t align = BORDERS[i] * PAGE_SIZE;
        manage(t, after(RAM, 1), 3 * align);
        assert_error(try_add(t, after(RAM, 1), align - PAGE_SIZE), ALLOC_OK);
        assert_error(try_alloc(t, 1, align, &out), ALLOC_NO_MEMORY);
        assert_error(try_add(t, RAM + align + PAGE_SIZE, align - PAGE_SIZE), ALLOC_OK);
        assert_error(try_alloc(t, 1, align, &out), ALLOC_NO_MEMORY);
        assert_error(try_add(t, RAM + align, PAGE_SIZE), ALLOC_OK);
        assert_int_equal(must_alloc(t, 2, align), RAM + align);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_that_end_at_a_border_are_used_whole),
        cmocka_unit_test(the_only_free_page_is_found_on_either_side_of_a_border),
        cmocka_unit_test(a_run_across_a_border_is_found_and_given_back),
        cmocka_unit_test(a_page_freed_at_a_border_joins_the_runs_on_either_side),
        cmocka_unit_test(runs_as_long_as_what_has_the_border_can_be_had_and_freed),
        cmocka_unit_test(an_aligned_run_begins_at_the_border_and_not_beside_it),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
}
