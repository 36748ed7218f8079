/* What only a stage of aligned blocks does: split, merge, give back what was rounded up, and check
 * that its blocks are what they should be. */
#include "trial.h"

#include "../../alloc/bits.h"
#include "../../alloc/stage.h"

enum {
    MAX_ORDER = 18 /* 1 GiB */
};

static const size_t GIB_PAGES = (size_t) 1 << MAX_ORDER;

static bool stage_of_blocks(const struct candidate *candidate) {
    return !candidate->rules.exact_runs;
}

/* One block of the largest order can only be had if all of its pages have merged. */
static void expect_whole(struct trial *t) {
    assert_int_equal(page_used(&t->a), 0);
    assert_true(page_check(&t->a));
    paddr_t block = must_alloc(t, GIB_PAGES, GIB);
    assert_error(try_free(t, block, GIB_PAGES), ALLOC_OK);
}

static void a_block_of_each_order_merges_up_to_1_GiB(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, GIB);
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        size_t n = (size_t) 1 << order;
        assert_int_equal(must_alloc(t, n, n * PAGE_SIZE), RAM);
        assert_error(try_free(t, RAM, n), ALLOC_OK);
        expect_whole(t);
    }
}

static void what_was_rounded_up_goes_back_at_once(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, GIB);
    for (size_t n = 1; n < 300; n++) {
        paddr_t run = must_alloc(t, n, PAGE_SIZE);
        assert_int_equal(page_used(&t->a), n);
        assert_error(try_alloc_at(t, after(run, n), 1), ALLOC_OK);
        assert_error(try_free(t, run, n + 1), ALLOC_OK);
    }
    for (unsigned order = 9; order < MAX_ORDER; order++) {
        size_t n = ((size_t) 1 << order) + 1;
        paddr_t run = must_alloc(t, n, PAGE_SIZE);
        assert_int_equal(page_available(&t->a), GIB_PAGES - n);
        assert_error(try_alloc_at(t, after(run, n), GIB_PAGES - n), ALLOC_OK);
        assert_error(try_free(t, RAM, GIB_PAGES), ALLOC_OK);
    }
    expect_whole(t);
}

static void single_pages_freed_in_random_order_merge_to_1_GiB(void **state) {
    struct trial *t = *state;
    t->is_watched = false;
    manage_all(t, RAM, GIB);
    for (size_t i = 0; i < GIB_PAGES; i++)
        must_alloc(t, 1, PAGE_SIZE);
    uint32_t page = 0;
    for (size_t i = 0; i < GIB_PAGES; i++) {
        /* A generator (Hull and Dobell) that comes to each number below 2^18 once. */
        page = (page * 1664525U + 1013904223U) % (uint32_t) GIB_PAGES;
        assert_error(try_free(t, after(RAM, page), 1), ALLOC_OK);
    }
    expect_whole(t);
}

static void the_smallest_block_that_fits_is_split(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, GIB);
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), RAM); /* leaves blocks of 1, 2, 4, 8 pages … */
    assert_int_equal(must_alloc(t, 4, PAGE_SIZE), after(RAM, 4));
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), after(RAM, 1));
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), after(RAM, 2));
    assert_int_equal(must_alloc(t, 5, PAGE_SIZE), after(RAM, 8));
    assert_int_equal(must_alloc(t, 2, PAGE_SIZE), after(RAM, 14));
    assert_int_equal(must_alloc(t, 1000, PAGE_SIZE), after(RAM, 1024));
    look_at_all(t);
}

static void the_lowest_block_of_its_order_is_taken(void **state) {
    struct trial *t = *state;
    manage_taken(t, RAM, 64 * MIB);
    for (size_t place = 16000; place > 0; place -= 64)
        assert_error(try_free(t, after(RAM, place), 8), ALLOC_OK);
    for (size_t place = 64; place <= 16000; place += 64)
        assert_int_equal(must_alloc(t, 8, PAGE_SIZE), after(RAM, place));
}

static void two_neighbours_that_are_no_buddies_do_not_merge(void **state) {
    struct trial *t = *state;
    paddr_t out;
    manage_all(t, RAM, 4 * PAGE_SIZE);
    assert_error(try_alloc_at(t, RAM, 1), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 3), 1), ALLOC_OK);
    assert_int_equal(page_largest_run(&t->a), 2);
    assert_error(try_alloc(t, 2, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_error(try_alloc_at(t, after(RAM, 1), 2), ALLOC_OK);
    look_at_all(t);
}

static void blocks_do_not_merge_with_a_hole(void **state) {
    struct trial *t = *state;
    for (size_t hole = 0; hole < 16; hole++) {
        manage(t, RAM, 16 * PAGE_SIZE);
        if (hole > 0)
            assert_error(try_add(t, RAM, hole * PAGE_SIZE), ALLOC_OK);
        if (hole < 15)
            assert_error(try_add(t, after(RAM, hole + 1), (15 - hole) * PAGE_SIZE), ALLOC_OK);
        paddr_t out;
        assert_error(try_alloc(t, 16, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        assert_int_equal(must_alloc(t, 8, PAGE_SIZE), hole < 8 ? after(RAM, 8) : RAM);
        look_at_all(t);
        assert_error(try_add(t, after(RAM, hole), PAGE_SIZE), ALLOC_OK);
        assert_error(try_free(t, hole < 8 ? after(RAM, 8) : RAM, 8), ALLOC_OK);
        assert_int_equal(must_alloc(t, 16, PAGE_SIZE), RAM);
    }
}

/* At the ends of an odd span there are blocks whose buddy is no part of it. */
static void odd_spans_merge_and_split_up_to_their_ends(void **state) {
    struct trial *t = *state;
    for (size_t first = 0; first < 17; first++) {
        for (size_t n = 1; n < 70; n++) {
            manage_all(t, after(RAM, first), n * PAGE_SIZE);
            paddr_t out;
            while (try_alloc(t, 3, PAGE_SIZE, &out) == ALLOC_OK)
                continue;
            while (try_alloc(t, 1, PAGE_SIZE, &out) == ALLOC_OK)
                continue;
            assert_int_equal(page_available(&t->a), 0);
            assert_error(try_free(t, after(RAM, first), n), ALLOC_OK);
            look_at_all(t);
        }
    }
}

/* ---- above 1 GiB ---- */

static void a_run_above_1_GiB_takes_whole_blocks_and_gives_back_the_rest(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM + 64 * KIB, 6 * GIB);
    paddr_t run = must_alloc(t, 2 * GIB_PAGES + 1, PAGE_SIZE);
    assert_int_equal(run, RAM + GIB); /* the GiB before it is not whole */
    assert_int_equal(page_used(&t->a), 2 * GIB_PAGES + 1);
    assert_int_equal(must_alloc(t, GIB_PAGES / 2, PAGE_SIZE), RAM + GIB / 2);
    assert_int_equal(must_alloc(t, GIB_PAGES / 2, PAGE_SIZE), RAM + 3 * GIB + GIB / 2);
    assert_int_equal(must_alloc(t, 2 * GIB_PAGES, GIB), RAM + 4 * GIB);
    assert_error(try_free(t, RAM + 4 * GIB, 2 * GIB_PAGES), ALLOC_OK);
    assert_error(try_free(t, run + GIB, 10), ALLOC_OK);
    assert_error(try_free(t, run + GIB + 10 * PAGE_SIZE, GIB_PAGES - 9), ALLOC_OK);
    assert_error(try_free(t, run, GIB_PAGES), ALLOC_OK);
    assert_int_equal(page_used(&t->a), GIB_PAGES);
    assert_true(page_check(&t->a));
}

static void a_run_above_1_GiB_needs_blocks_side_by_side(void **state) {
    struct trial *t = *state;
    paddr_t out;
    manage_all(t, RAM, 7 * GIB);
    assert_error(try_alloc_at(t, RAM + 2 * GIB + 5 * PAGE_SIZE, 1), ALLOC_OK);
    assert_error(try_alloc_at(t, RAM + 5 * GIB, 3), ALLOC_OK);
    assert_error(try_alloc(t, 3 * GIB_PAGES, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_error(try_alloc(t, 2 * GIB_PAGES + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_error(try_alloc(t, 7 * GIB_PAGES, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_int_equal(must_alloc(t, 2 * GIB_PAGES, GIB), RAM);
    assert_int_equal(must_alloc(t, GIB_PAGES + 1, PAGE_SIZE), RAM + 3 * GIB);
    assert_error(try_alloc(t, GIB_PAGES + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_true(page_check(&t->a));
}

static void a_long_run_at_an_address_leaves_its_blocks_ends(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 4 * GIB);
    assert_error(try_alloc_at(t, RAM + GIB - 3 * PAGE_SIZE, 2 * GIB_PAGES + 7), ALLOC_OK);
    assert_int_equal(page_largest_run(&t->a), GIB_PAGES - 3);
    assert_error(try_alloc_at(t, RAM, GIB_PAGES - 3), ALLOC_OK);
    assert_error(try_free(t, RAM, 3 * GIB_PAGES + 4), ALLOC_OK);
    assert_int_equal(must_alloc(t, 4 * GIB_PAGES, GIB), RAM);
}

/* ---- blocks that are wrong, although they add up ---- */

/* What buddy.c has at the start of its metadata. */
struct buddy {
    uint64_t orders;
    struct bits blocks[MAX_ORDER + 1];
};

static struct buddy *buddy_of(const struct trial *t) {
    struct buddy *b = t->a.meta;
    uint64_t *words = (void *) ((char *) t->a.meta + header_size(sizeof(*b)));
    size_t count = words_for(t->a.span.end);
    assert_true(bits_is_at(&b->blocks[0], words + count, count)); /* as in buddy.c */
    return b;
}

static void put(struct trial *t, unsigned order, size_t block) {
    struct buddy *b = buddy_of(t);
    bits_set(&b->blocks[order], block);
    if (order > 0)
        b->orders |= word_bit(order);
}

static void drop(struct trial *t, unsigned order, size_t block) {
    struct buddy *b = buddy_of(t);
    assert_true(bits_test(&b->blocks[order], block));
    bits_clear(&b->blocks[order], block);
    if (bits_is_empty(&b->blocks[order]))
        b->orders &= ~word_bit(order);
}

/* Three free blocks, of orders 1, 3 and 4, among pages that are taken. */
static void three_blocks(struct trial *t) {
    manage_taken(t, RAM, 1024 * PAGE_SIZE);
    assert_error(try_free(t, after(RAM, 34), 2), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 136), 8), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 256), 16), ALLOC_OK);
    assert_true(page_check(&t->a));
}

static void page_check_notices_buddies_that_have_not_merged(void **state) {
    struct trial *t = *state;
    three_blocks(t);
    drop(t, 3, 136 / 8);
    put(t, 2, 136 / 4);
    put(t, 2, 136 / 4 + 1);
    expect_problem(t, "block 34 of order 2 and its buddy are both free");
}

static void page_check_notices_a_block_that_is_not_free(void **state) {
    struct trial *t = *state;
    three_blocks(t);
    drop(t, 3, 136 / 8);
    put(t, 3, 200 / 8);
    expect_problem(t, "block 25 of order 3 has a page that is not free");
    three_blocks(t);
    put(t, 5, 320 / 32); /* and there is no other of its order */
    expect_problem(t, "block 10 of order 5 has a page that is not free");
}

static void page_check_notices_a_block_inside_another(void **state) {
    struct trial *t = *state;
    three_blocks(t);
    drop(t, 1, 34 / 2);
    put(t, 1, 260 / 2);
    expect_problem(t, "block 16 of order 4 has a smaller one in it");
}

static void page_check_notices_words_of_single_pages_that_are_not_in_their_set(void **state) {
    struct trial *t = *state;
    manage_taken(t, RAM, 1024 * PAGE_SIZE);
    assert_error(try_free(t, after(RAM, 5), 1), ALLOC_OK);
    assert_error(try_free(t, after(RAM, 100), 1), ALLOC_OK);
    drop(t, 0, 100 / 64);
    expect_problem(t, "the set of order 0 is wrong about word 1");
    put(t, 0, 100 / 64);
    assert_true(page_check(&t->a));
    put(t, 0, 7);
    expect_problem(t, "the set of order 0 is wrong about word 7");
}

static void page_check_notices_free_pages_in_no_block(void **state) {
    struct trial *t = *state;
    three_blocks(t);
    drop(t, 3, 136 / 8);
    expect_problem(t, "26 pages are free, 18 are in blocks");
}

static void page_check_notices_sets_that_are_spoilt(void **state) {
    struct trial *t = *state;
    three_blocks(t);
    struct buddy *b = buddy_of(t);
    b->blocks[2].size++;
    expect_problem(t, "the set of order 2 is not in its place");
    b->blocks[2].size--;
    b->blocks[1].level[1][0] ^= 2;
    expect_problem(t, "the set of order 1 has a wrong summary, or a block too many");
    b->blocks[1].level[1][0] ^= 2;
    b->orders ^= word_bit(4);
    expect_problem(t, "whether order 4 has a block is noted wrong");
    b->orders ^= word_bit(4) | word_bit(0);
    expect_problem(t, "whether order 0 has a block is noted wrong");
    b->orders ^= word_bit(0) | word_bit(MAX_ORDER + 1);
    expect_problem(t, "an order above 18 is noted to have a block");
    b->orders ^= word_bit(MAX_ORDER + 1);
    assert_true(page_check(&t->a));
}

static void page_check_notices_a_page_behind_the_last(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 100 * PAGE_SIZE);
    uint64_t *words = (void *) ((char *) t->a.meta + header_size(sizeof(struct buddy)));
    words[1] |= word_bit(101);
    expect_problem(t, "page 101 is free, and the last one is page 99");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_of_each_order_merges_up_to_1_GiB),
        cmocka_unit_test(what_was_rounded_up_goes_back_at_once),
        cmocka_unit_test(single_pages_freed_in_random_order_merge_to_1_GiB),
        cmocka_unit_test(the_smallest_block_that_fits_is_split),
        cmocka_unit_test(the_lowest_block_of_its_order_is_taken),
        cmocka_unit_test(two_neighbours_that_are_no_buddies_do_not_merge),
        cmocka_unit_test(blocks_do_not_merge_with_a_hole),
        cmocka_unit_test(odd_spans_merge_and_split_up_to_their_ends),
        cmocka_unit_test(page_check_notices_buddies_that_have_not_merged),
        cmocka_unit_test(page_check_notices_a_block_that_is_not_free),
        cmocka_unit_test(page_check_notices_a_block_inside_another),
        cmocka_unit_test(page_check_notices_words_of_single_pages_that_are_not_in_their_set),
        cmocka_unit_test(page_check_notices_free_pages_in_no_block),
        cmocka_unit_test(page_check_notices_sets_that_are_spoilt),
        cmocka_unit_test(page_check_notices_a_page_behind_the_last),
        test_beyond_4_GiB(a_run_above_1_GiB_takes_whole_blocks_and_gives_back_the_rest),
        test_beyond_4_GiB(a_run_above_1_GiB_needs_blocks_side_by_side),
        test_beyond_4_GiB(a_long_run_at_an_address_leaves_its_blocks_ends),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), stage_of_blocks);
}
