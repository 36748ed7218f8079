/* Every error of every function, provoked under every stage. That a refusal changes nothing is
 * checked by the try_ functions, byte by byte. */
#include "trial.h"

#include <string.h>

/* 100 pages from RAM, absent before page 10 and behind page 89, and pages 20 to 29 allocated. */
static struct trial *a_span(void **state) {
    struct trial *t = *state;
    manage(t, RAM, 100 * PAGE_SIZE);
    assert_error(try_add(t, after(RAM, 10), 80 * PAGE_SIZE), ALLOC_OK);
    assert_error(try_alloc_at(t, after(RAM, 20), 10), ALLOC_OK);
    return t;
}

/* ---- page_meta_size and page_init ---- */

static void expect_no_span(struct trial *t, paddr_t start, size_t size) {
    static _Alignas(64) unsigned char meta[4096];
    struct page_allocator before;
    memset(&t->a, 0x5a, sizeof(t->a));
    memset(meta, 0x5a, sizeof(meta));
    before = t->a;
    assert_int_equal(page_meta_size(t->candidate->stage, start, size), 0);
    assert_error(page_init(&t->a, t->candidate->stage, start, size, meta, sizeof(meta)),
                 ALLOC_INVALID);
    assert_memory_equal(&t->a, &before, sizeof(before));
    for (size_t i = 0; i < sizeof(meta); i++)
        assert_int_equal(meta[i], 0x5a);
}

static void a_span_without_a_whole_page_is_refused(void **state) {
    expect_no_span(*state, RAM, 0);
    expect_no_span(*state, 0, 0);
    expect_no_span(*state, RAM, PAGE_SIZE - 1);
    expect_no_span(*state, RAM + 1, PAGE_SIZE);
    expect_no_span(*state, RAM + 1, 2 * PAGE_SIZE - 2);
    expect_no_span(*state, RAM - 1, PAGE_SIZE);
    expect_no_span(*state, UINTPTR_MAX, 1);
}

static void a_span_past_the_end_of_the_address_space_is_refused(void **state) {
    paddr_t last_page = (paddr_t) 0 - PAGE_SIZE;
    expect_no_span(*state, last_page, PAGE_SIZE + 1);
    expect_no_span(*state, last_page, 2 * PAGE_SIZE);
    expect_no_span(*state, RAM, SIZE_MAX);
    expect_no_span(*state, RAM, SIZE_MAX - RAM + 2);
    expect_no_span(*state, 2, SIZE_MAX);
    expect_no_span(*state, UINTPTR_MAX, 2);
    expect_no_span(*state, UINTPTR_MAX, SIZE_MAX);
}

static void a_span_too_large_for_the_stage_is_refused(void **state) {
    struct trial *t = *state;
    bool is_bounded = t->candidate->stage == &stack_stage; /* alloc.h: above 1 PiB */
    size_t most = 1024 * 1024 * GIB - GIB;
    assert_int_not_equal(page_meta_size(t->candidate->stage, RAM, most), 0);
    if (is_bounded)
        expect_no_span(t, 0, 1024 * 1024 * GIB + GIB);
    else
        assert_int_not_equal(page_meta_size(t->candidate->stage, 0, SIZE_MAX), 0);
}

static void metadata_misaligned_or_a_byte_too_small_is_refused(void **state) {
    static _Alignas(64) unsigned char meta[16384];
    struct trial *t = *state;
    const struct alloc_stage *stage = t->candidate->stage;
    size_t size = 100 * PAGE_SIZE, needed = page_meta_size(stage, RAM, size);
    struct page_allocator before = t->a;
    assert_in_range(needed, 1, sizeof(meta) - 64);
    memset(meta, 0x5a, sizeof(meta));

    assert_error(page_init(&t->a, stage, RAM, size, meta, needed - 1), ALLOC_INVALID);
    assert_error(page_init(&t->a, stage, RAM, size, meta, 0), ALLOC_INVALID);
    for (size_t offset = 1; offset < 64; offset++)
        assert_error(page_init(&t->a, stage, RAM, size, meta + offset, sizeof(meta) - offset),
                     ALLOC_INVALID);
    assert_memory_equal(&t->a, &before, sizeof(before));
    for (size_t i = 0; i < sizeof(meta); i++)
        assert_int_equal(meta[i], 0x5a);
    assert_error(page_init(&t->a, stage, RAM, size, meta, needed), ALLOC_OK);
}

/* ---- page_alloc ---- */

static void no_pages_or_more_than_addresses_are_refused(void **state) {
    struct trial *t = a_span(state);
    paddr_t out;
    assert_error(try_alloc(t, 0, PAGE_SIZE, &out), ALLOC_INVALID);
    /* n * PAGE_SIZE is 0, or 4096, if it may wrap. */
    assert_error(try_alloc(t, SIZE_MAX / PAGE_SIZE + 1, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_error(try_alloc(t, SIZE_MAX / PAGE_SIZE + 2, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_error(try_alloc(t, SIZE_MAX, PAGE_SIZE, &out), ALLOC_INVALID);
    assert_error(try_alloc(t, SIZE_MAX / PAGE_SIZE, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
}

static void an_alignment_that_is_no_power_of_two_is_refused(void **state) {
    struct trial *t = a_span(state);
    paddr_t out;
    static const size_t wrong[] = {0,       3,       4095,    4097,     3 * PAGE_SIZE,
                                   MIB + 1, GIB - 1, 3 * GIB, SIZE_MAX, SIZE_MAX - PAGE_SIZE + 1};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_error(try_alloc(t, 1, wrong[i], &out), ALLOC_INVALID);
}

static void an_alignment_over_1_GiB_is_refused(void **state) {
    struct trial *t = a_span(state);
    paddr_t out;
    for (size_t align = 2 * GIB; align != 0; align *= 2)
        assert_error(try_alloc(t, 1, align, &out), ALLOC_INVALID);
}

static void an_alignment_below_a_page_means_a_page(void **state) {
    struct trial *t = a_span(state);
    for (size_t align = 1; align < PAGE_SIZE; align *= 2)
        assert_int_equal(must_alloc(t, 1, align) % PAGE_SIZE, 0);
}

static void more_than_there_is_cannot_be_had(void **state) {
    struct trial *t = a_span(state);
    paddr_t out;
    assert_error(try_alloc(t, 61, PAGE_SIZE, &out), ALLOC_NO_MEMORY); /* the rest is 60 pages */
    assert_error(try_alloc(t, 80, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_error(try_alloc(t, 1, GIB, &out), ALLOC_NO_MEMORY); /* RAM is absent */
    while (page_available(&t->a) > 0)
        must_alloc(t, 1, PAGE_SIZE);
    assert_error(try_alloc(t, 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
}

static void an_empty_allocator_has_nothing(void **state) {
    struct trial *t = *state;
    paddr_t out;
    manage(t, RAM, 100 * PAGE_SIZE);
    assert_error(try_alloc(t, 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    assert_error(try_alloc_at(t, RAM, 1), ALLOC_OVERLAP);
    assert_int_equal(page_largest_run(&t->a), 0);
    look_at_all(t);
}

/* ---- page_alloc_at and page_free ---- */

typedef enum alloc_error (*range_call)(struct trial *t, paddr_t paddr, size_t n);

/* What is refused alike, whatever is to be done with the range. */
static void expect_wrong_ranges_refused(struct trial *t, range_call call) {
    paddr_t end = after(RAM, 100);
    assert_error(call(t, after(RAM, 20), 0), ALLOC_INVALID);
    assert_error(call(t, after(RAM, 20) + 1, 1), ALLOC_INVALID);
    assert_error(call(t, after(RAM, 20) + PAGE_SIZE / 2, 1), ALLOC_INVALID);
    assert_error(call(t, after(RAM, 20) - 1, 1), ALLOC_INVALID);
    assert_error(call(t, RAM - PAGE_SIZE, 1), ALLOC_INVALID);
    assert_error(call(t, RAM - PAGE_SIZE, 2), ALLOC_INVALID);
    assert_error(call(t, end, 1), ALLOC_INVALID);
    assert_error(call(t, after(RAM, 99), 2), ALLOC_INVALID);
    assert_error(call(t, RAM, 101), ALLOC_INVALID);
    assert_error(call(t, 0, 1), ALLOC_INVALID);
    assert_error(call(t, 0 - PAGE_SIZE, 1), ALLOC_INVALID);
    /* Lengths that wrap to something short. */
    assert_error(call(t, after(RAM, 20), SIZE_MAX), ALLOC_INVALID);
    assert_error(call(t, after(RAM, 20), SIZE_MAX / PAGE_SIZE + 2), ALLOC_INVALID);
    assert_error(call(t, after(RAM, 20), SIZE_MAX - 19), ALLOC_INVALID);
}

static void a_wrong_range_cannot_be_allocated(void **state) {
    expect_wrong_ranges_refused(a_span(state), try_alloc_at);
}

static void a_wrong_range_cannot_be_freed(void **state) {
    expect_wrong_ranges_refused(a_span(state), try_free);
}

static void pages_that_are_not_free_cannot_be_had_at_their_address(void **state) {
    struct trial *t = a_span(state);
    assert_error(try_alloc_at(t, after(RAM, 20), 1), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 29), 1), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 29), 2), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 19), 2), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 15), 60), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 9), 1), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 9), 2), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 90), 1), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, after(RAM, 89), 2), ALLOC_OVERLAP);
    assert_error(try_alloc_at(t, RAM, 100), ALLOC_OVERLAP);
}

static void a_stage_that_cannot_free_says_so(void **state) {
    struct trial *t = a_span(state);
    enum alloc_error expected = t->candidate->rules.frees ? ALLOC_OK : ALLOC_UNSUPPORTED;
    assert_int_equal(try_free(t, after(RAM, 20), 10), expected);
}

/* ---- page_add_memory ---- */

static void a_range_without_a_whole_page_cannot_be_added(void **state) {
    struct trial *t = a_span(state);
    assert_error(try_add(t, RAM, 0), ALLOC_INVALID);
    assert_error(try_add(t, RAM, PAGE_SIZE - 1), ALLOC_INVALID);
    assert_error(try_add(t, RAM + 1, PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, RAM + 1, 2 * PAGE_SIZE - 2), ALLOC_INVALID);
    assert_error(try_add(t, UINTPTR_MAX, 1), ALLOC_INVALID);
}

static void a_range_outside_the_span_cannot_be_added(void **state) {
    struct trial *t = a_span(state);
    assert_error(try_add(t, RAM - PAGE_SIZE, PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, RAM - PAGE_SIZE, 2 * PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, after(RAM, 100), PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, after(RAM, 99), 2 * PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, RAM - PAGE_SIZE, 102 * PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, after(RAM, 90), SIZE_MAX), ALLOC_INVALID);
    assert_error(try_add(t, after(RAM, 90), 0 - after(RAM, 90)), ALLOC_INVALID);
    assert_error(try_add(t, 0 - PAGE_SIZE, PAGE_SIZE), ALLOC_INVALID);
    assert_error(try_add(t, 0, PAGE_SIZE), ALLOC_INVALID);
}

static void memory_cannot_be_added_twice(void **state) {
    struct trial *t = a_span(state);
    assert_error(try_add(t, after(RAM, 10), 80 * PAGE_SIZE), ALLOC_OVERLAP);
    assert_error(try_add(t, RAM, 100 * PAGE_SIZE), ALLOC_OVERLAP);
    assert_error(try_add(t, after(RAM, 20), 10 * PAGE_SIZE), ALLOC_OVERLAP); /* allocated */
    assert_error(try_add(t, after(RAM, 25), PAGE_SIZE), ALLOC_OVERLAP);
    assert_error(try_add(t, after(RAM, 50), PAGE_SIZE), ALLOC_OVERLAP);
    assert_error(try_add(t, after(RAM, 5), 6 * PAGE_SIZE), ALLOC_OVERLAP);
    assert_error(try_add(t, after(RAM, 89), 2 * PAGE_SIZE), ALLOC_OVERLAP);
}

/* ---- what only asks ---- */

static void pages_outside_the_span_or_absent_are_not_free(void **state) {
    struct trial *t = a_span(state);
    static const paddr_t not_free[] = {0, 0 - PAGE_SIZE, UINTPTR_MAX, RAM - 1, RAM, RAM + GIB};
    for (size_t i = 0; i < sizeof(not_free) / sizeof(not_free[0]); i++)
        assert_false(page_is_free(&t->a, not_free[i]));
    look_at_all(t);
}

static void any_byte_of_a_page_names_it(void **state) {
    struct trial *t = a_span(state);
    for (size_t offset = 0; offset < PAGE_SIZE; offset += 273) {
        assert_true(page_is_free(&t->a, after(RAM, 89) + offset));
        assert_false(page_is_free(&t->a, after(RAM, 90) + offset));
        assert_false(page_is_free(&t->a, after(RAM, 29) + offset));
    }
}

static void every_error_has_its_name(void **state) {
    (void) state;
    assert_string_equal(alloc_error_name(ALLOC_OK), "ALLOC_OK");
    assert_string_equal(alloc_error_name(ALLOC_INVALID), "ALLOC_INVALID");
    assert_string_equal(alloc_error_name(ALLOC_NO_MEMORY), "ALLOC_NO_MEMORY");
    assert_string_equal(alloc_error_name(ALLOC_OVERLAP), "ALLOC_OVERLAP");
    assert_string_equal(alloc_error_name(ALLOC_NOT_ALLOCATED), "ALLOC_NOT_ALLOCATED");
    assert_string_equal(alloc_error_name(ALLOC_UNSUPPORTED), "ALLOC_UNSUPPORTED");
    assert_non_null(alloc_error_name((enum alloc_error) 6));
}

static void every_stage_has_its_name(void **state) {
    (void) state;
#define STAGE(name) assert_string_equal(alloc_stage_name(&name##_stage), #name);
#include "../../alloc/stages.h"
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_without_a_whole_page_is_refused),
        cmocka_unit_test(a_span_past_the_end_of_the_address_space_is_refused),
        test_beyond_4_GiB(a_span_too_large_for_the_stage_is_refused),
        cmocka_unit_test(metadata_misaligned_or_a_byte_too_small_is_refused),
        cmocka_unit_test(no_pages_or_more_than_addresses_are_refused),
        cmocka_unit_test(an_alignment_that_is_no_power_of_two_is_refused),
        cmocka_unit_test(an_alignment_over_1_GiB_is_refused),
        cmocka_unit_test(an_alignment_below_a_page_means_a_page),
        cmocka_unit_test(more_than_there_is_cannot_be_had),
        cmocka_unit_test(an_empty_allocator_has_nothing),
        cmocka_unit_test(a_wrong_range_cannot_be_allocated),
        cmocka_unit_test(a_wrong_range_cannot_be_freed),
        cmocka_unit_test(pages_that_are_not_free_cannot_be_had_at_their_address),
        cmocka_unit_test(a_stage_that_cannot_free_says_so),
        cmocka_unit_test(a_range_without_a_whole_page_cannot_be_added),
        cmocka_unit_test(a_range_outside_the_span_cannot_be_added),
        cmocka_unit_test(memory_cannot_be_added_twice),
        cmocka_unit_test(pages_outside_the_span_or_absent_are_not_free),
        cmocka_unit_test(any_byte_of_a_page_names_it),
        cmocka_unit_test(every_error_has_its_name),
        cmocka_unit_test(every_stage_has_its_name),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
}
