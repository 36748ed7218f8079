/* Upper bounds, against an array of numbers that are exact on the lowest level. */
#include "../../alloc/bounds.h"
#include "../xorshift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const size_t SIZES[] = {1, 2, 63, 64, 65, 128, 1000, 4095, 4096, 4097, 10000};
#define SIZE_COUNT (sizeof(SIZES) / sizeof(SIZES[0]))

struct sample {
    struct bounds b;
    size_t size;
    uint16_t *numbers;
    uint16_t *exact; /* what should be on the lowest level */
};

static size_t random_below(size_t bound) {
    static uint64_t state = XORSHIFT64_SEED;
    state = xorshift64(state);
    return (size_t) (state % bound);
}

static struct sample begin(size_t size) {
    struct sample s = {.size = size};
    s.exact = calloc(size, sizeof(uint16_t));
    s.numbers = malloc(bounds_numbers(size) * sizeof(uint16_t));
    assert_non_null(s.exact);
    assert_non_null(s.numbers);
    memset(s.numbers, 0xaa, bounds_numbers(size) * sizeof(uint16_t));
    bounds_init(&s.b, s.numbers, size);
    return s;
}

static void end(struct sample *s) {
    free(s->numbers);
    free(s->exact);
}

static void raise_range(struct sample *s, size_t from, size_t to, uint16_t value) {
    bounds_raise(&s->b, from, to, value);
    for (size_t i = from; i < to; i++)
        if (s->exact[i] < value)
            s->exact[i] = value;
}

static void expect_next(struct sample *s, size_t from, uint16_t value) {
    size_t expected = from;
    while (expected < s->size && s->exact[expected] < value)
        expected++;
    if (expected >= s->size)
        expected = SIZE_MAX;
    size_t found = bounds_next(&s->b, from, value);
    if (found != expected)
        fail_msg("size %zu, from %zu, value %u: found %zu, expected %zu", s->size, from,
                 (unsigned) value, found, expected);
}

static void the_levels_fill_the_numbers(void **state) {
    (void) state;
    assert_int_equal(bounds_numbers(1), 64);
    assert_int_equal(bounds_numbers(64), 64);
    assert_int_equal(bounds_numbers(65), 128 + 64);
    assert_int_equal(bounds_numbers(4096), 4096 + 64);
    assert_int_equal(bounds_numbers(4097), 4096 + 64 + 128 + 64);
}

static void a_layout_is_known_by_its_numbers_and_its_size(void **state) {
    (void) state;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        struct sample s = begin(SIZES[k]);
        assert_true(bounds_is_at(&s.b, s.numbers, SIZES[k]));
        assert_false(bounds_is_at(&s.b, s.numbers + 1, SIZES[k]));
        assert_false(bounds_is_at(&s.b, s.numbers, SIZES[k] + 1));
        end(&s);
    }
}

static void nothing_is_found_where_all_is_0(void **state) {
    (void) state;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        struct sample s = begin(SIZES[k]);
        for (size_t from = 0; from <= SIZES[k] + 1; from += from < 200 ? 1 : 97)
            expect_next(&s, from, 1);
        expect_next(&s, SIZES[k], 1);
        end(&s);
    }
}

static void a_single_number_is_found_from_everywhere(void **state) {
    (void) state;
    for (size_t i = 0; i < 4200; i += i < 130 || i > 4030 ? 1 : 61) {
        struct sample s = begin(4200);
        raise_range(&s, i, i + 1, 5);
        for (size_t from = 0; from <= 4200; from += 41) {
            expect_next(&s, from, 5);
            expect_next(&s, from, 6);
        }
        expect_next(&s, i, 5);
        expect_next(&s, i + 1, 5);
        assert_true(bounds_check(&s.b, 512));
        end(&s);
    }
}

static void random_changes_keep_the_search_right(void **state) {
    (void) state;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        struct sample s = begin(SIZES[k]);
        for (size_t step = 0; step < 3000; step++) {
            size_t i = random_below(s.size);
            if (random_below(3) == 0) {
                size_t to = i + 1 + random_below(s.size - i) / (1 + random_below(200));
                raise_range(&s, i, to, (uint16_t) (1 + random_below(512)));
            } else if (s.exact[i] > 0) {
                s.exact[i] = (uint16_t) random_below(s.exact[i]);
                bounds_lower(&s.b, i, s.exact[i]);
            }
            expect_next(&s, random_below(s.size + 1), (uint16_t) (1 + random_below(600)));
        }
        assert_true(bounds_check(&s.b, 512));
        end(&s);
    }
}

static void a_search_in_vain_lowers_what_misled_it(void **state) {
    (void) state;
    struct sample s = begin(4097);
    raise_range(&s, 0, 4097, 512);
    for (size_t i = 0; i < 4097; i++) {
        s.exact[i] = 3;
        bounds_lower(&s.b, i, 3);
    }
    expect_next(&s, 0, 4);
    for (size_t i = 0; i < 65; i++)
        assert_int_equal(s.b.level[1][i], 3);
    expect_next(&s, 0, 3);
    end(&s);
}

static void a_search_lowers_a_bound_to_what_its_own_group_has(void **state) {
    (void) state;
    struct sample s = begin(4097);
    raise_range(&s, 0, 64, 5);
    raise_range(&s, 64, 4097, 9);
    for (size_t i = 0; i < 64; i++) {
        s.exact[i] = 0;
        bounds_lower(&s.b, i, 0);
    }
    expect_next(&s, 0, 4);
    assert_int_equal(s.b.level[1][0], 0);
    assert_int_equal(s.b.level[1][1], 9);
    end(&s);
}

static void a_bound_below_what_it_covers_is_noticed(void **state) {
    (void) state;
    struct sample s = begin(4097);
    raise_range(&s, 100, 101, 7);
    raise_range(&s, 4096, 4097, 9);
    assert_true(bounds_check(&s.b, 512));
    s.b.level[0][3000] = 1;
    assert_false(bounds_check(&s.b, 512));
    s.b.level[0][3000] = 0;
    s.b.level[1][1] = 6;
    assert_false(bounds_check(&s.b, 512));
    s.b.level[1][1] = 500; /* too large is right */
    s.b.level[2][0] = 500;
    assert_true(bounds_check(&s.b, 512));
    end(&s);
}

static void a_bound_above_the_largest_is_noticed_on_each_level(void **state) {
    (void) state;
    struct sample s = begin(4097);
    raise_range(&s, 4000, 4001, 512);
    assert_true(bounds_check(&s.b, 512));
    assert_false(bounds_check(&s.b, 511));
    for (unsigned l = 0; l < s.b.levels; l++) {
        uint16_t before = s.b.level[l][0];
        s.b.level[l][0] = 513;
        assert_false(bounds_check(&s.b, 512));
        s.b.level[l][0] = before;
    }
    end(&s);
}

/* They would be found by a search, and name indices that do not exist. */
static void a_number_behind_the_last_index_of_a_level_is_noticed(void **state) {
    (void) state;
    static const size_t sizes[] = {4097, 65, 2};
    struct sample s = begin(4097);
    raise_range(&s, 0, 4097, 512);
    for (unsigned l = 0; l < s.b.levels; l++) {
        for (size_t i = sizes[l]; i % 64 != 0; i++) {
            s.b.level[l][i] = 1;
            assert_false(bounds_check(&s.b, 512));
            s.b.level[l][i] = 0;
        }
    }
    assert_true(bounds_check(&s.b, 512));
    end(&s);
}

static void the_last_of_more_than_65536_groups_is_checked(void **state) {
    (void) state;
    struct sample s = begin(65537 * 64);
    assert_true(bounds_check(&s.b, 512));
    s.b.level[0][65537 * 64 - 1] = 1;
    assert_false(bounds_check(&s.b, 512));
    end(&s);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_levels_fill_the_numbers),
        cmocka_unit_test(a_layout_is_known_by_its_numbers_and_its_size),
        cmocka_unit_test(nothing_is_found_where_all_is_0),
        cmocka_unit_test(a_single_number_is_found_from_everywhere),
        cmocka_unit_test(random_changes_keep_the_search_right),
        cmocka_unit_test(a_search_in_vain_lowers_what_misled_it),
        cmocka_unit_test(a_search_lowers_a_bound_to_what_its_own_group_has),
        cmocka_unit_test(a_bound_below_what_it_covers_is_noticed),
        cmocka_unit_test(a_bound_above_the_largest_is_noticed_on_each_level),
        cmocka_unit_test(a_number_behind_the_last_index_of_a_level_is_noticed),
        cmocka_unit_test(the_last_of_more_than_65536_groups_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
