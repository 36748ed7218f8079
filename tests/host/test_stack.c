/* What only the stack has: words that lie on it, whether they have a free page or not. */
#include "trial.h"

#include "../../alloc/stage.h"

/* What stack.c has at the start of its metadata, before the bitmap. */
struct stack {
    uint32_t *links;
    uint32_t top;
};

static uint64_t *words_of(const struct trial *t) {
    return (void *) ((char *) t->a.meta + header_size(sizeof(struct stack)));
}

static struct stack *stack_of(const struct trial *t) {
    struct stack *s = t->a.meta;
    assert_ptr_equal(s->links, words_of(t) + words_for(t->a.span.end)); /* as in stack.c */
    return s;
}

static bool stack_alone(const struct candidate *candidate) {
    return candidate->stage == &stack_stage;
}

static void page_check_notices_a_free_page_in_a_word_off_the_stack(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 128 * PAGE_SIZE);
    for (size_t i = 0; i < 64; i++)
        must_alloc(t, 1, PAGE_SIZE);
    size_t empty = words_of(t)[0] == 0 ? 0 : 1;
    assert_int_equal(stack_of(t)->links[empty], UINT32_MAX);
    words_of(t)[empty] ^= word_bit(5);
    words_of(t)[1 - empty] ^= word_bit(5);
    expect_problem(t, empty == 0 ? "word 0 has a free page and is not on the stack"
                                 : "word 1 has a free page and is not on the stack");
}

/* Behind the last link there are zeroes here, as if word 0 were next. */
static void page_check_follows_no_link_behind_the_last(void **state) {
    struct trial *t = *state;
    t->garbage = 0;
    manage(t, RAM, 192 * PAGE_SIZE);
    assert_error(try_add(t, RAM, 64 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 64), 64 * PAGE_SIZE), ALLOC_OK);
    struct stack *s = stack_of(t);
    assert_int_equal(s->top, 1);
    s->top = 3;
    expect_problem(t, "2 words have a link, and no way leads to them");
}

static void page_check_notices_a_ring_and_a_word_that_is_lost(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 192 * PAGE_SIZE);
    struct stack *s = stack_of(t);
    assert_int_equal(s->top, 0);
    uint32_t last = s->links[2];
    s->links[2] = 1;
    expect_problem(t, "behind all words with a link, the stack goes on with 1");
    s->links[2] = last;
    s->links[0] = 2;
    expect_problem(t, "1 words have a link, and no way leads to them");
    s->links[0] = 1;
    assert_true(page_check(&t->a));
}

static void page_check_notices_links_that_have_moved_and_pages_behind_the_last(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 190 * PAGE_SIZE);
    struct stack *s = stack_of(t);
    s->links++;
    expect_problem(t, "the links are not behind the bitmap");
    s->links--;
    words_of(t)[2] |= word_bit(191);
    expect_problem(t, "page 191 is free, and the last one is page 189");
}

/* Behind the last link there is garbage, once that of a word off the stack: it is not pushed. */
static void a_span_that_ends_with_a_word_ends_there(void **state) {
    struct trial *t = *state;
    static const unsigned char garbage[] = {0x00, 0xaa, 0xff};
    for (size_t i = 0; i < sizeof(garbage); i++) {
        t->garbage = garbage[i];
        manage(t, RAM, 192 * PAGE_SIZE);
        assert_error(try_add(t, RAM, 192 * PAGE_SIZE), ALLOC_OK);
        for (size_t page = 0; page < 192; page++)
            must_alloc(t, 1, PAGE_SIZE);
        assert_error(try_free(t, after(RAM, 100), 92), ALLOC_OK);
        look_at_all(t);
        for (size_t page = 0; page < 92; page++)
            must_alloc(t, 1, PAGE_SIZE);
        look_at_all(t);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_check_notices_a_free_page_in_a_word_off_the_stack),
        cmocka_unit_test(page_check_follows_no_link_behind_the_last),
        cmocka_unit_test(page_check_notices_a_ring_and_a_word_that_is_lost),
        cmocka_unit_test(page_check_notices_links_that_have_moved_and_pages_behind_the_last),
        cmocka_unit_test(a_span_that_ends_with_a_word_ends_there),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), stack_alone);
}
