/* What page_alloc and page_alloc_at hand out, under every stage. */
#include "trial.h"

/* Sizes where a bitmap's words, and the words of its summaries, begin and end. */
static const size_t BORDERS[] = {1,   2,   3,   31,  32,  33,   63,   64,   65,   66,  127,
                                 128, 129, 255, 256, 257, 1000, 4095, 4096, 4097, 4159};
#define BORDER_COUNT (sizeof(BORDERS) / sizeof(BORDERS[0]))

static void the_first_two_pages_are_followed_by_the_third(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 64 * MIB);
    assert_int_equal(must_alloc(t, 2, PAGE_SIZE), RAM);
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), RAM + 8 * KIB);
    assert_int_equal(page_used(&t->a), 3);
}

static void a_fresh_start_needs_no_aligned_memory(void **state) {
    struct trial *t = *state;
    paddr_t start = RAM + 123 * 64 * KIB; /* of 4 pages or more, as alloc.h wants it for a buddy */
    manage_all(t, start, 3 * MIB);
    assert_int_equal(must_alloc(t, 2, PAGE_SIZE), start);
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), start + 8 * KIB);
}

static void n_pages_are_counted_as_n(void **state) {
    struct trial *t = *state;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        manage_all(t, RAM, 64 * MIB);
        assert_int_equal(must_alloc(t, BORDERS[i], PAGE_SIZE), RAM);
        assert_int_equal(page_used(&t->a), BORDERS[i]);
        assert_int_equal(page_available(&t->a), 64 * MIB / PAGE_SIZE - BORDERS[i]);
        look_at_all(t);
    }
}

/* Take single pages until there are none, then look. */
static void expect_all_pages_once(struct trial *t) {
    paddr_t out;
    size_t count = 0;
    while (try_alloc(t, 1, PAGE_SIZE, &out) == ALLOC_OK)
        count++;
    assert_int_equal(count, page_total(&t->a));
    assert_int_equal(page_available(&t->a), 0);
    look_at_all(t);
}

static void every_page_of_a_span_is_handed_out_once(void **state) {
    struct trial *t = *state;
    static const size_t offsets[] = {0, 1, 37, 63, 64, 65, 4095, 4096 * 64 - 1};
    t->is_watched = false;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        for (size_t j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++) {
            manage_all(t, after(RAM, offsets[j]), BORDERS[i] * PAGE_SIZE);
            expect_all_pages_once(t);
        }
    }
}

static void the_last_page_of_a_span_is_a_bound(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        size_t n = BORDERS[i];
        manage_all(t, RAM, n * PAGE_SIZE);
        assert_error(try_alloc(t, n + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        assert_error(try_alloc_at(t, after(RAM, n - 1), 1), ALLOC_OK);
        assert_error(try_alloc_at(t, after(RAM, n), 1), ALLOC_INVALID);
        assert_error(try_alloc(t, n, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        look_at_all(t);
    }
}

static void every_page_can_be_had_alone_at_its_address(void **state) {
    struct trial *t = *state;
    for (size_t page = 0; page < 200; page++) {
        manage_all(t, after(RAM, 5), 200 * PAGE_SIZE);
        assert_error(try_alloc_at(t, after(RAM, 5 + page), 1), ALLOC_OK);
        assert_error(try_alloc_at(t, after(RAM, 5 + page), 1), ALLOC_OVERLAP);
        look_at_all(t);
    }
}

static void every_run_of_a_small_span_can_be_had_at_its_address(void **state) {
    struct trial *t = *state;
    for (size_t first = 0; first < 130; first++) {
        for (size_t n = 1; n <= 130 - first; n++) {
            manage_all(t, after(RAM, 3), 130 * PAGE_SIZE);
            assert_error(try_alloc_at(t, after(RAM, 3 + first), n), ALLOC_OK);
            look_at_all(t);
        }
    }
}

static void runs_at_the_borders_of_summaries_can_be_had_at_their_address(void **state) {
    struct trial *t = *state;
    for (size_t i = 0; i < BORDER_COUNT; i++) {
        manage_all(t, after(RAM, 7), 10000 * PAGE_SIZE);
        assert_error(try_alloc_at(t, after(RAM, 4096 - 1), BORDERS[i]), ALLOC_OK);
        look_at_all(t);
    }
}

/* Only every `step`-th page is allocated: what is free between is step - 1 pages. */
static void a_run_needs_n_free_pages_side_by_side(void **state) {
    struct trial *t = *state;
    paddr_t out;
    for (size_t step = 2; step < 140; step++) {
        manage_all(t, RAM, 1000 * PAGE_SIZE);
        for (size_t page = step - 1; page < 1000; page += step)
            assert_error(try_alloc_at(t, after(RAM, page), 1), ALLOC_OK);
        assert_error(try_alloc(t, step, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
        try_alloc(t, step - 1, PAGE_SIZE, &out);
        try_alloc(t, step / 2, PAGE_SIZE, &out);
        look_at_all(t);
    }
}

static void alignments_are_kept_up_to_1_GiB(void **state) {
    struct trial *t = *state;
    t->is_watched = false;
    for (size_t align = PAGE_SIZE; align <= MAX_ALIGN; align *= 2) {
        manage_all(t, 37 * PAGE_SIZE, 3 * GIB);
        paddr_t one = must_alloc(t, 1, align), three = must_alloc(t, 3, align);
        assert_int_equal(one % align, 0);
        assert_int_equal(three % align, 0);
        assert_true(page_check(&t->a));
    }
}

static void an_aligned_run_may_end_with_the_span(void **state) {
    struct trial *t = *state;
    t->is_watched = false;
    for (size_t align = PAGE_SIZE; align <= MAX_ALIGN; align *= 2) {
        manage_all(t, RAM + PAGE_SIZE, 2 * align - PAGE_SIZE);
        assert_int_equal(must_alloc(t, align / PAGE_SIZE, align), RAM + align);
        assert_true(page_check(&t->a));
    }
}

static void aligned_runs_are_counted_exactly_where_no_gap_is_lost(void **state) {
    struct trial *t = *state;
    manage_all(t, after(RAM, 64), 4096 * PAGE_SIZE);
    assert_int_equal(must_alloc(t, 5, 64 * PAGE_SIZE), after(RAM, 64));
    assert_int_equal(page_used(&t->a), 5);
    must_alloc(t, 70, 64 * PAGE_SIZE);
    assert_int_equal(page_used(&t->a), t->candidate->rules.loses_gaps ? 5 + 59 + 70 : 75);
    look_at_all(t);
}

static void the_last_pages_of_the_address_space_can_be_managed(void **state) {
    struct trial *t = *state;
    paddr_t last_page = (paddr_t) 0 - PAGE_SIZE, start = (paddr_t) 0 - 16 * MIB;
    paddr_t out;
    manage_all(t, start, 16 * MIB);
    assert_int_equal(must_alloc(t, 2, PAGE_SIZE), start);
    assert_error(try_alloc(t, 1, GIB, &out), ALLOC_NO_MEMORY);
    assert_error(try_alloc_at(t, last_page, 2), ALLOC_INVALID);
    assert_error(try_alloc_at(t, last_page, 1), ALLOC_OK);
    assert_error(try_alloc(t, 4096, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    look_at_all(t);

    manage_all(t, last_page, PAGE_SIZE);
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), last_page);
    look_at_all(t);
}

static void the_page_at_address_0_can_be_managed(void **state) {
    struct trial *t = *state;
    manage_all(t, 0, GIB);
    assert_int_equal(must_alloc(t, 1, GIB), 0);
    assert_int_equal(must_alloc(t, 1, PAGE_SIZE), PAGE_SIZE);
    assert_true(page_check(&t->a));
    manage_all(t, 0, PAGE_SIZE);
    assert_error(try_alloc_at(t, 0, 1), ALLOC_OK);
    look_at_all(t);
}

static void what_was_in_the_metadata_does_not_matter(void **state) {
    struct trial *t = *state;
    static const unsigned char garbage[] = {0x00, 0x01, 0x55, 0x80, 0xaa, 0xff};
    for (size_t i = 0; i < sizeof(garbage); i++) {
        t->garbage = garbage[i];
        manage(t, after(RAM, 3), 5000 * PAGE_SIZE);
        look_at_all(t);
        assert_error(try_add(t, after(RAM, 3), 5000 * PAGE_SIZE), ALLOC_OK);
        look_at_all(t);
        must_alloc(t, 100, PAGE_SIZE);
        must_alloc(t, 1, 64 * PAGE_SIZE);
        look_at_all(t);
    }
}

static void metadata_is_as_small_as_promised_at_64_GiB(void **state) {
    struct trial *t = *state;
    size_t pages = 64 * GIB / PAGE_SIZE;
    size_t bytes = page_meta_size(t->candidate->stage, RAM, 64 * GIB);
    double bits = (double) bytes * 8 / (double) pages;
    print_message("# %s: %.3f bits a page, %zu KiB at 64 GiB\n",
                  alloc_stage_name(t->candidate->stage), bits, bytes / KIB);
    assert_true(bits <= t->candidate->meta_bits);
}

/* Hand out all that is left, in runs and then page by page, and take everything back. */
static void use_all(struct trial *t) {
    paddr_t out;
    while (try_alloc(t, 3, PAGE_SIZE, &out) == ALLOC_OK)
        continue;
    while (try_alloc(t, 1, PAGE_SIZE, &out) == ALLOC_OK)
        continue;
    assert_int_equal(page_available(&t->a), 0);
    try_free(t, RAM, 100);
    look_at_all(t);
}

static void flip(struct trial *t, size_t bit) {
    ((unsigned char *) t->meta)[bit / 8] ^= (unsigned char) (1U << bit % 8);
}

/* Each bit of the metadata in turn. Not all are in use; those of the one range are, and those of
 * the pages' two words with the rest of the last, or bump's one index. */
static void a_wrong_bit_that_page_check_does_not_notice_does_no_harm(void **state) {
    struct trial *t = *state;
    size_t noticed = 0, index_bits = 8 * sizeof(size_t);
    size_t in_use = 2 * index_bits + (t->candidate->rules.frees ? 128 : index_bits);
    size_t bits = page_meta_size(t->candidate->stage, RAM, 100 * PAGE_SIZE) * 8;
    t->is_watched = false;
    for (size_t bit = 8 * t->candidate->structs; bit < bits; bit++) {
        manage_all(t, RAM, 100 * PAGE_SIZE);
        assert_error(try_alloc_at(t, after(RAM, 20), 10), ALLOC_OK);
        /* Pages 41 and 99 are free and their buddies are not: in each word a block of order 0. */
        assert_error(try_alloc_at(t, after(RAM, 40), 1), ALLOC_OK);
        assert_error(try_alloc_at(t, after(RAM, 98), 1), ALLOC_OK);
        flip(t, bit);
        if (page_check(&t->a))
            use_all(t);
        else
            noticed++;
    }
    assert_in_range(noticed, in_use, bits);
}

/* One bit of each byte in turn. There are more than 65536 pages, and none of them is free, so that
 * every bit of the bitmap matters. */
static void page_check_notices_wrong_bits_of_many_pages(void **state) {
    struct trial *t = *state;
    size_t pages = 70000, bytes = page_meta_size(t->candidate->stage, RAM, pages * PAGE_SIZE);
    size_t noticed = 0, bytes_in_use = (pages / 64 + 1) * 8;
    if (!t->candidate->rules.frees)
        bytes_in_use = sizeof(size_t);
    t->garbage = 0;
    manage_taken(t, RAM, pages * PAGE_SIZE);
    for (size_t byte = t->candidate->structs; byte < bytes; byte++) {
        flip(t, 8 * byte + 7);
        noticed += !page_check(&t->a);
        flip(t, 8 * byte + 7);
    }
    assert_in_range(noticed, bytes_in_use + 2 * sizeof(size_t), bytes);
}

/* Flipped one by one: each would have the check itself read elsewhere. */
static void page_check_follows_no_pointer_that_has_moved(void **state) {
    struct trial *t = *state;
    manage_all(t, RAM, 100 * PAGE_SIZE);
    for (size_t bit = 0; bit < 8 * sizeof(void *); bit++) {
        uintptr_t flipped = (uintptr_t) 1 << bit;
        t->a.meta = (void *) ((uintptr_t) t->a.meta ^ flipped);
        expect_problem(t, "the ranges do not begin where the tables end");
        t->a.meta = (void *) ((uintptr_t) t->a.meta ^ flipped);
        t->a.ranges = (void *) ((uintptr_t) t->a.ranges ^ flipped);
        expect_problem(t, "the ranges do not begin where the tables end");
        t->a.ranges = (void *) ((uintptr_t) t->a.ranges ^ flipped);
    }
    look_at_all(t);
}

/* Pages 5 to 99 are the span: 10 to 19 are free, 30 to 34 are taken, all others are absent. The
 * tests below spoil the ranges or the struct, and with them the counts that would give it away. */
static void two_ranges(struct trial *t) {
    manage(t, after(RAM, 5), 95 * PAGE_SIZE);
    assert_error(try_add(t, after(RAM, 10), 10 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_add(t, after(RAM, 30), 5 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 30), 5), ALLOC_OK);
    assert_true(page_check(&t->a));
}

static void page_check_notices_wrong_ranges(void **state) {
    static const struct {
        struct page_range ranges[2];
        const char *text;
    } wrong[] = {
        {{{10, 20}, {30, 30}}, "range 1 is empty, or not inside the span"}, /* empty */
        {{{10, 20}, {30, 29}},
         "range 1 is empty, or not inside the span"}, /* it ends before it begins */
        {{{10, 20}, {30, 101}},
         "range 1 is empty, or not inside the span"}, /* past the end of the span */
        {{{4, 20}, {30, 35}}, "range 0 is empty, or not inside the span"},   /* before its start */
        {{{10, 20}, {20, 35}}, "range 1 touches range 0, or lies below it"}, /* two that touch */
        {{{30, 35}, {10, 20}}, "range 1 touches range 0, or lies below it"}, /* not in order */
    };
    struct trial *t = *state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        two_ranges(t);
        t->a.total = 0;
        for (size_t j = 0; j < 2; j++) {
            struct page_range range = wrong[i].ranges[j];
            size_t pages = range.end - range.first;
            t->a.ranges[j] = range;
            t->a.total += pages;
            if (pages > t->a.largest.end - t->a.largest.first)
                t->a.largest = range;
        }
        t->a.used = t->a.total - 10;
        expect_problem(t, wrong[i].text);
    }
}

static void page_check_notices_a_wrong_largest_range(void **state) {
    static const char TOO_LONG[] = "range 0 has 10 pages, more than the largest";
    static const char NONE_OF_2[] = "the largest range is none of the 2 ranges";
    static const struct {
        struct page_range largest;
        const char *text;
    } wrong[] = {
        {{0, 0}, TOO_LONG},    {{9, 20}, NONE_OF_2}, {{10, 21}, NONE_OF_2}, {{9, 19}, NONE_OF_2},
        {{11, 21}, NONE_OF_2}, {{9, 21}, NONE_OF_2}, {{30, 35}, TOO_LONG},
    };
    struct trial *t = *state;
    two_ranges(t);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        t->a.largest = wrong[i].largest;
        expect_problem(t, wrong[i].text);
    }
    manage(t, RAM, 100 * PAGE_SIZE);
    assert_true(page_check(&t->a));
    t->a.largest = (struct page_range){3, 4};
    expect_problem(t, "the largest range is none of the 0 ranges");
}

static void page_check_notices_wrong_counts(void **state) {
    struct trial *t = *state;
    two_ranges(t);
    t->a.total++;
    t->a.used++;
    expect_problem(t, "the ranges have 15 pages, 16 were counted");
    two_ranges(t);
    t->a.used--;
    expect_problem(t, t->candidate->rules.loses_gaps ? "0 pages are free, 1 were counted"
                                                     : "10 pages are free, 11 were counted");
    two_ranges(t);
    t->a.range_room = 1;
    expect_problem(t, "there are 2 ranges, and room for 1");
}

static void page_problem_is_null_where_all_is_sound(void **state) {
    struct trial *t = *state;
    char text[PROBLEM_SIZE] = "as before";
    two_ranges(t);
    assert_null(page_problem(&t->a));
    assert_null(page_problem_text(&t->a, text));
    assert_string_equal(text, "as before");
}

static void page_problem_text_has_room_for_large_numbers(void **state) {
    struct trial *t = *state;
    two_ranges(t);
    t->a.total = SIZE_MAX;
    t->a.used = SIZE_MAX - 10;
    expect_problem(t, SIZE_MAX > UINT32_MAX
                          ? "the ranges have 15 pages, 18446744073709551615 were counted"
                          : "the ranges have 15 pages, 4294967295 were counted");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_two_pages_are_followed_by_the_third),
        cmocka_unit_test(a_fresh_start_needs_no_aligned_memory),
        cmocka_unit_test(n_pages_are_counted_as_n),
        cmocka_unit_test(every_page_of_a_span_is_handed_out_once),
        cmocka_unit_test(the_last_page_of_a_span_is_a_bound),
        cmocka_unit_test(every_page_can_be_had_alone_at_its_address),
        cmocka_unit_test(every_run_of_a_small_span_can_be_had_at_its_address),
        cmocka_unit_test(runs_at_the_borders_of_summaries_can_be_had_at_their_address),
        cmocka_unit_test(a_run_needs_n_free_pages_side_by_side),
        cmocka_unit_test(alignments_are_kept_up_to_1_GiB),
        cmocka_unit_test(an_aligned_run_may_end_with_the_span),
        cmocka_unit_test(aligned_runs_are_counted_exactly_where_no_gap_is_lost),
        cmocka_unit_test(the_last_pages_of_the_address_space_can_be_managed),
        cmocka_unit_test(the_page_at_address_0_can_be_managed),
        cmocka_unit_test(what_was_in_the_metadata_does_not_matter),
        cmocka_unit_test(a_wrong_bit_that_page_check_does_not_notice_does_no_harm),
        cmocka_unit_test(page_check_notices_wrong_bits_of_many_pages),
        cmocka_unit_test(page_check_follows_no_pointer_that_has_moved),
        cmocka_unit_test(page_check_notices_wrong_ranges),
        cmocka_unit_test(page_check_notices_a_wrong_largest_range),
        cmocka_unit_test(page_check_notices_wrong_counts),
        cmocka_unit_test(page_problem_is_null_where_all_is_sound),
        cmocka_unit_test(page_problem_text_has_room_for_large_numbers),
        test_beyond_4_GiB(metadata_is_as_small_as_promised_at_64_GiB),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
}
