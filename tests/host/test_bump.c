/* What only bump has: one index, and what lies below it is gone. */
#include "trial.h"

static bool stage_that_loses_gaps(const struct candidate *candidate) {
    return candidate->rules.loses_gaps;
}

/* Two ranges of 10 pages with holes around them, and 3 pages of the first handed out. */
static void use_two_ranges(struct trial *t) {
    manage(t, after(RAM, 5), 50 * PAGE_SIZE);
    assert_error(try_add(t, after(RAM, 10), 10 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 30), 10 * PAGE_SIZE), ALLOC_OK);
    must_alloc(t, 3, PAGE_SIZE);
}

/* The index is the first word of the metadata. */
static bool is_right_with_index(struct trial *t, size_t index) {
    size_t *next = t->meta, before = *next;
    *next = index;
    bool is_right = page_check(&t->a);
    *next = before;
    return is_right;
}

/* With the index there, memory added below it would be refused for nothing. */
static void an_index_in_a_hole_is_noticed(void **state) {
    struct trial *t = *state;
    use_two_ranges(t);
    for (size_t index = 0; index < 100; index++)
        assert_int_equal(is_right_with_index(t, index), index == 13);

    must_alloc(t, 7, PAGE_SIZE);
    for (size_t index = 0; index < 100; index++)
        assert_int_equal(is_right_with_index(t, index), index == 20);
}

static void an_index_in_a_hole_is_noticed_before_anything_is_handed_out(void **state) {
    struct trial *t = *state;
    manage(t, after(RAM, 5), 50 * PAGE_SIZE);
    for (size_t index = 0; index < 100; index++)
        assert_int_equal(is_right_with_index(t, index), index == 0);
    assert_error(try_add(t, after(RAM, 10), 10 * PAGE_SIZE), ALLOC_OK);
    for (size_t index = 0; index < 100; index++)
        assert_int_equal(is_right_with_index(t, index), index == 0);
}

static void an_index_in_a_hole_is_named(void **state) {
    struct trial *t = *state;
    use_two_ranges(t);
    size_t *next = t->meta;
    *next = 25;
    expect_problem(t, "page 24 was handed out, and never added");
    *next = 14;
    expect_problem(t, "16 pages are free, 17 were counted");
    *next = 13;
    assert_null(page_problem(&t->a));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_in_a_hole_is_noticed),
        cmocka_unit_test(an_index_in_a_hole_is_noticed_before_anything_is_handed_out),
        cmocka_unit_test(an_index_in_a_hole_is_named),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), stage_that_loses_gaps);
}
