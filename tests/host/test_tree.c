/* What only the tree has: bounds on runs. They are never too small, which page_check sees; here
 * they are as small as they can be known to be, for the sake of the searches. */
#include "trial.h"

#include "../../alloc/bits.h"
#include "../../alloc/bounds.h"
#include "../../alloc/stage.h"

/* What tree.c has at the start of its metadata. */
struct tree {
    struct bits free;
    struct bounds bounds;
};

static bool tree_alone(const struct candidate *candidate) {
    return candidate->stage == &tree_stage;
}

static uint16_t bound_of(const struct trial *t, size_t chunk) {
    const struct tree *tree = t->a.meta;
    uint64_t *words = (void *) ((char *) t->a.meta + header_size(sizeof(*tree)));
    assert_true(bits_is_at(&tree->free, words, t->a.span.end)); /* as in tree.c */
    return tree->bounds.level[0][chunk];
}

static void expect_bounds(const struct trial *t, uint16_t first, uint16_t second, uint16_t third,
                          uint16_t fourth) {
    assert_int_equal(bound_of(t, 0), first);
    assert_int_equal(bound_of(t, 1), second);
    assert_int_equal(bound_of(t, 2), third);
    assert_int_equal(bound_of(t, 3), fourth);
}

/* Four chunks of 512 pages, all of them taken but pages 0 and 2, which a search has seen. */
static void four_chunks(struct trial *t) {
    paddr_t out;
    manage_taken(t, RAM, 2048 * PAGE_SIZE);
    assert_error(try_free(t, RAM, 1), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 2), 1), ALLOC_OK);
    assert_error(try_alloc(t, 2, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    expect_bounds(t, 1, 0, 0, 0);
}

static void a_page_that_is_alone_raises_no_bound(void **state) {
    struct trial *t = *state;
    four_chunks(t);
    assert_error(try_free(t, after(RAM, 1024 + 40), 1), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 1024 + 4), 1), ALLOC_OK);
    expect_bounds(t, 1, 0, 0, 0);
}

static void a_page_that_may_be_beside_one_of_another_word_raises_its_bound(void **state) {
    struct trial *t = *state;
    four_chunks(t);
    assert_error(try_free(t, after(RAM, 1024 + 63), 1), ALLOC_OK);
    expect_bounds(t, 1, 512, 512, 0); /* how far it goes on, and from where, is not looked at */
}

static void a_run_inside_a_word_raises_a_bound_to_its_length(void **state) {
    struct trial *t = *state;
    four_chunks(t);
    assert_error(try_free(t, after(RAM, 512 + 5), 3), ALLOC_OK);
    expect_bounds(t, 1, 3, 0, 0);
    assert_error(try_free(t, after(RAM, 512 + 4), 1), ALLOC_OK);
    expect_bounds(t, 1, 4, 0, 0);
    assert_error(try_free(t, after(RAM, 512 + 8), 1), ALLOC_OK);
    expect_bounds(t, 1, 5, 0, 0);
    assert_error(try_free(t, after(RAM, 512 + 15), 47), ALLOC_OK);
    expect_bounds(t, 1, 47, 0, 0);
}

static void a_run_across_words_raises_the_bound_of_the_chunk_before_as_well(void **state) {
    struct trial *t = *state;
    four_chunks(t);
    assert_error(try_free(t, after(RAM, 1024 + 60), 10), ALLOC_OK);
    expect_bounds(t, 1, 512, 512, 0);
}

static void a_search_in_vain_lowers_bounds_to_what_is_there(void **state) {
    struct trial *t = *state;
    paddr_t out;
    four_chunks(t);
    for (size_t page = 1538; page < 1560; page += 2) /* for 20 pages to be free at all */
        assert_error(try_free(t, after(RAM, page), 1), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 1020), 10), ALLOC_OK);
    expect_bounds(t, 512, 512, 512, 0);
    assert_error(try_alloc(t, 20, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    expect_bounds(t, 1, 10, 6, 0); /* six of the ten lie in the third chunk */
}

static void a_search_in_vain_for_64_pages_sees_a_run_of_63_across_words(void **state) {
    struct trial *t = *state;
    paddr_t out;
    four_chunks(t);
    assert_error(try_free(t, after(RAM, 512 + 40), 63), ALLOC_OK);
    expect_bounds(t, 512, 512, 0, 0); /* how far it goes on, and from where, is not looked at */
    assert_error(try_alloc(t, 64, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    expect_bounds(t, 1, 63, 0, 0);
    assert_error(try_alloc(t, 63, PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, after(RAM, 512 + 40));
}

static void a_search_that_fails_for_alignment_lowers_no_bound(void **state) {
    struct trial *t = *state;
    paddr_t out;
    four_chunks(t);
    assert_error(try_free(t, after(RAM, 512 + 9), 3), ALLOC_OK);
    assert_error(try_alloc(t, 2, 4 * PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    expect_bounds(t, 1, 3, 0, 0);
    assert_error(try_alloc(t, 2, 2 * PAGE_SIZE, &out), ALLOC_OK);
    assert_int_equal(out, after(RAM, 512 + 10));
}

static void page_check_notices_bounds_and_summaries_that_are_wrong(void **state) {
    struct trial *t = *state;
    four_chunks(t);
    struct tree *tree = t->a.meta;
    tree->free.levels--;
    expect_problem(t, "the bits or their summaries are not in their place");
    tree->free.levels++;
    tree->bounds.size++;
    expect_problem(t, "the bounds are not in their place");
    tree->bounds.size--;
    tree->free.level[1][0] ^= 2;
    expect_problem(t, "a summary is wrong, or a page behind page 2047 is free");
    tree->free.level[1][0] ^= 2;
    tree->bounds.level[0][1] = 513;
    expect_problem(t, "a bound is above 512, or above that of its 64");
    tree->bounds.level[0][1] = 0;
    assert_error(try_free(t, after(RAM, 512 + 5), 3), ALLOC_OK);
    tree->bounds.level[0][1] = 2;
    expect_problem(t, "chunk 1 has a run of 3 pages, and its bound is lower");
    tree->bounds.level[0][1] = 3;
    assert_true(page_check(&t->a));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_is_alone_raises_no_bound),
        cmocka_unit_test(a_page_that_may_be_beside_one_of_another_word_raises_its_bound),
        cmocka_unit_test(a_run_inside_a_word_raises_a_bound_to_its_length),
        cmocka_unit_test(a_run_across_words_raises_the_bound_of_the_chunk_before_as_well),
        cmocka_unit_test(a_search_in_vain_lowers_bounds_to_what_is_there),
        cmocka_unit_test(a_search_in_vain_for_64_pages_sees_a_run_of_63_across_words),
        cmocka_unit_test(a_search_that_fails_for_alignment_lowers_no_bound),
        cmocka_unit_test(page_check_notices_bounds_and_summaries_that_are_wrong),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), tree_alone);
}
