/* Sets with summaries, against an array of bool. The words lie in a block of exactly their size, so
 * that AddressSanitizer sees every access beside it. */
#include "../../alloc/bits.h"
#include "../xorshift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Sizes where a level begins to need one more word, or where there begins to be one more level. */
static const size_t SIZES[] = {1,    2,    63,   64,    65,    127,    128,    129,   1000,
                               4095, 4096, 4097, 10000, 65537, 262143, 262144, 262145};
#define SIZE_COUNT (sizeof(SIZES) / sizeof(SIZES[0]))

struct sample {
    struct bits b;
    size_t size;
    uint64_t *words;
    bool *members; /* what should be in the set */
};

static size_t random_below(size_t bound) {
    static uint64_t state = XORSHIFT64_SEED;
    state = xorshift64(state);
    return (size_t) (state % bound);
}

static struct sample begin(size_t size) {
    struct sample s = {.size = size};
    s.members = calloc(size, sizeof(bool));
    s.words = malloc(bits_words(size) * sizeof(uint64_t));
    assert_non_null(s.members);
    assert_non_null(s.words);
    memset(s.words, 0xaa, bits_words(size) * sizeof(uint64_t));
    bits_init(&s.b, s.words, size);
    return s;
}

static void end(struct sample *s) {
    free(s->words);
    free(s->members);
}

static void put(struct sample *s, size_t i) {
    bits_set(&s->b, i);
    s->members[i] = true;
}

static void take_out(struct sample *s, size_t i) {
    bits_clear(&s->b, i);
    s->members[i] = false;
}

static size_t next_slowly(const struct sample *s, size_t from) {
    while (from < s->size && !s->members[from])
        from++;
    return from < s->size ? from : SIZE_MAX;
}

static void expect_next(const struct sample *s, size_t from) {
    size_t found = bits_next(&s->b, from), expected = next_slowly(s, from);
    if (found != expected)
        fail_msg("size %zu, from %zu: found %zu, expected %zu", s->size, from, found, expected);
}

static void expect_first(const struct sample *s) {
    size_t expected = next_slowly(s, 0);
    if (expected != SIZE_MAX)
        assert_int_equal(bits_first(&s->b), expected);
}

static void expect_same(const struct sample *s) {
    for (size_t i = 0; i < s->size; i++)
        if (bits_test(&s->b, i) != s->members[i])
            fail_msg("size %zu: %zu should be %d", s->size, i, s->members[i]);
    assert_int_equal(bits_is_empty(&s->b), next_slowly(s, 0) == SIZE_MAX);
    expect_first(s);
    assert_true(bits_check(&s->b));
}

static void a_set_takes_as_many_words_as_its_levels(void **state) {
    (void) state;
    assert_int_equal(bits_words(1), 1);
    assert_int_equal(bits_words(64), 1);
    assert_int_equal(bits_words(65), 2 + 1);
    assert_int_equal(bits_words(4096), 64 + 1);
    assert_int_equal(bits_words(4097), 65 + 2 + 1);
    assert_int_equal(bits_words(262144), 4096 + 64 + 1);
    assert_int_equal(bits_words(262145), 4097 + 65 + 2 + 1);
}

static void the_levels_lie_one_behind_the_other(void **state) {
    (void) state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct sample s = begin(SIZES[i]);
        size_t bits = SIZES[i];
        uint64_t *at = s.words;
        for (unsigned l = 0; l < s.b.levels; l++) {
            assert_ptr_equal(s.b.level[l], at);
            bits = words_for(bits);
            at += bits;
        }
        assert_int_equal(bits, 1);
        assert_ptr_equal(at, s.words + bits_words(SIZES[i]));
        end(&s);
    }
}

static void there_are_levels_enough_for_every_page_of_the_address_space(void **state) {
    (void) state;
    size_t levels = 0, size = SIZE_MAX / 4096 + 1;
    for (; size > 1; size = words_for(size))
        levels++;
    assert_int_equal(levels, BITS_MAX_LEVELS);
}

static void a_layout_is_known_by_its_words_and_its_size(void **state) {
    (void) state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct sample s = begin(SIZES[i]);
        assert_true(bits_is_at(&s.b, s.words, SIZES[i]));
        assert_false(bits_is_at(&s.b, s.words + 1, SIZES[i]));
        assert_false(bits_is_at(&s.b, s.words, SIZES[i] + 1));
        s.b.level[s.b.levels - 1]++;
        assert_false(bits_is_at(&s.b, s.words, SIZES[i]));
        end(&s);
    }
}

static void a_new_set_is_empty_whatever_was_in_its_words(void **state) {
    (void) state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct sample s = begin(SIZES[i]);
        expect_same(&s);
        expect_next(&s, 0);
        end(&s);
    }
}

static void each_subset_of_10_is_kept_and_searched(void **state) {
    (void) state;
    for (unsigned subset = 0; subset < 1024; subset++) {
        struct sample s = begin(10);
        for (size_t i = 0; i < 10; i++)
            if (subset >> i & 1)
                put(&s, i);
        expect_same(&s);
        for (size_t from = 0; from <= 12; from++)
            expect_next(&s, from);
        end(&s);
    }
}

static void a_single_member_is_found_from_everywhere(void **state) {
    (void) state;
    for (size_t i = 0; i < 4100; i += i < 130 || i > 4030 ? 1 : 61) {
        struct sample s = begin(4100);
        put(&s, i);
        for (size_t from = 0; from <= 4100; from++)
            assert_true(bits_next(&s.b, from) == (from <= i ? i : SIZE_MAX));
        bits_clear(&s.b, i);
        assert_true(bits_is_empty(&s.b));
        assert_true(bits_check(&s.b));
        end(&s);
    }
}

static void no_member_is_found_at_or_behind_the_size(void **state) {
    (void) state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct sample s = begin(SIZES[i]);
        put(&s, SIZES[i] - 1);
        assert_int_equal(bits_next(&s.b, 0), SIZES[i] - 1);
        assert_true(bits_next(&s.b, SIZES[i]) == SIZE_MAX);
        assert_true(bits_next(&s.b, SIZES[i] + 1) == SIZE_MAX);
        assert_true(bits_next(&s.b, SIZE_MAX) == SIZE_MAX);
        end(&s);
    }
}

/* Members come and go at random, from none to many and back. */
static void random_members_come_and_go(void **state) {
    (void) state;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        struct sample s = begin(SIZES[k]);
        for (size_t step = 0; step < 4000; step++) {
            size_t i = random_below(s.size);
            if (random_below(4000) > step)
                put(&s, i);
            else
                take_out(&s, i); /* be it a member or not */
            if (step % 16 == 0)
                expect_next(&s, random_below(s.size + 1));
            if (step % 128 == 0)
                expect_first(&s);
        }
        expect_same(&s);
        end(&s);
    }
}

/* Taken out from below, put in from above: the first member is always another. */
static void the_first_member_is_found_while_members_change(void **state) {
    (void) state;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        struct sample s = begin(SIZES[k]);
        size_t step = SIZES[k] / 100 + 1;
        for (size_t i = SIZES[k]; i-- > 0; i -= i < step ? i : step - 1) {
            put(&s, i);
            assert_int_equal(bits_first(&s.b), i);
        }
        for (size_t i = 0; i < SIZES[k]; i++) {
            if (!s.members[i])
                continue;
            assert_int_equal(bits_first(&s.b), i);
            take_out(&s, i);
        }
        expect_same(&s);
        bits_set_range(&s.b, SIZES[k] / 2, SIZES[k]);
        assert_int_equal(bits_first(&s.b), SIZES[k] / 2);
        bits_set_range(&s.b, 0, 1);
        assert_int_equal(bits_first(&s.b), 0);
        end(&s);
    }
}

/* In or out as chance has it, and now and then the first member is taken. */
static void members_are_assigned_and_taken_from_below(void **state) {
    (void) state;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        struct sample s = begin(SIZES[k]);
        for (size_t step = 0; step < 4000; step++) {
            size_t i = random_below(s.size);
            bool is_in = random_below(4000) > step;
            bits_assign(&s.b, i, is_in);
            s.members[i] = is_in;
            if (step % 3 == 0 && !bits_is_empty(&s.b)) {
                size_t first = next_slowly(&s, 0);
                assert_int_equal(bits_take_first(&s.b), first);
                s.members[first] = false;
            }
            if (step % 128 == 0)
                assert_true(bits_check(&s.b));
        }
        expect_same(&s);
        while (!bits_is_empty(&s.b))
            s.members[bits_take_first(&s.b)] = false;
        expect_same(&s);
        end(&s);
    }
}

static void expect_range_changes(size_t size, size_t from, size_t to, size_t beside) {
    struct sample s = begin(size);
    for (size_t i = 0; i < beside; i++)
        put(&s, random_below(size));
    bits_set_range(&s.b, from, to);
    for (size_t i = from; i < to; i++)
        s.members[i] = true;
    expect_same(&s);
    bits_clear_range(&s.b, from, to);
    for (size_t i = from; i < to; i++)
        s.members[i] = false;
    expect_same(&s);
    end(&s);
}

static void every_range_of_a_small_set_goes_in_and_out(void **state) {
    (void) state;
    for (size_t from = 0; from <= 140; from++)
        for (size_t to = from + 1; to <= 140; to++)
            for (size_t beside = 0; beside < 3; beside++)
                expect_range_changes(140, from, to, beside);
}

static void ranges_of_a_large_set_go_in_and_out(void **state) {
    (void) state;
    for (size_t i = 0; i < 300; i++) {
        size_t size = SIZES[SIZE_COUNT - 1 - i % 9];
        size_t from = random_below(size), to = from + 1 + random_below(size - from);
        expect_range_changes(size, from / 64 * 64, to, i % 5);
        expect_range_changes(size, from, to, i % 5);
    }
}

/* ---- bits_check ---- */

static void flip(struct sample *s, unsigned level, size_t i) {
    s->b.level[level][i / 64] ^= UINT64_C(1) << i % 64;
}

static void an_empty_range_goes_in_and_out_without_a_trace(void **state) {
    (void) state;
    struct sample s = begin(5000);
    for (size_t i = 0; i <= 5000; i++)
        bits_set_range(&s.b, i, i);
    assert_true(bits_is_empty(&s.b) && bits_check(&s.b));
    put(&s, 0);
    put(&s, 4095);
    put(&s, 4999);
    for (size_t i = 0; i <= 5000; i++)
        bits_clear_range(&s.b, i, i);
    assert_true(bits_test(&s.b, 0) && bits_test(&s.b, 4095) && bits_test(&s.b, 4999));
    assert_true(bits_check(&s.b));
    end(&s);
}

static void a_single_wrong_summary_bit_is_noticed(void **state) {
    (void) state;
    static const size_t sizes[] = {65, 4096, 4097, 10000};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        struct sample s = begin(sizes[k]);
        for (size_t i = 0; i < 30; i++)
            put(&s, random_below(s.size));
        size_t bits = words_for(s.size);
        for (unsigned l = 1; l < s.b.levels; l++, bits = words_for(bits)) {
            for (size_t i = 0; i < words_for(bits) * 64; i++) {
                flip(&s, l, i);
                assert_false(bits_check(&s.b));
                flip(&s, l, i);
            }
        }
        assert_true(bits_check(&s.b));
        end(&s);
    }
}

static void a_bit_behind_the_last_index_is_noticed(void **state) {
    (void) state;
    for (size_t size = 1; size < 200; size++) {
        struct sample s = begin(size);
        for (size_t i = 0; i < size; i++)
            put(&s, i);
        for (size_t i = size; i < words_for(size) * 64; i++) {
            flip(&s, 0, i);
            assert_false(bits_check(&s.b));
            flip(&s, 0, i);
        }
        assert_true(bits_check(&s.b));
        end(&s);
    }
}

static void a_lost_or_unknown_member_of_a_word_is_noticed(void **state) {
    (void) state;
    struct sample s = begin(1000);
    put(&s, 500);
    for (size_t i = 0; i < 1000; i++) {
        flip(&s, 0, i);
        assert_int_equal(bits_check(&s.b), i / 64 == 500 / 64 && i != 500);
        flip(&s, 0, i);
    }
    end(&s);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_takes_as_many_words_as_its_levels),
        cmocka_unit_test(the_levels_lie_one_behind_the_other),
        cmocka_unit_test(there_are_levels_enough_for_every_page_of_the_address_space),
        cmocka_unit_test(a_layout_is_known_by_its_words_and_its_size),
        cmocka_unit_test(a_new_set_is_empty_whatever_was_in_its_words),
        cmocka_unit_test(each_subset_of_10_is_kept_and_searched),
        cmocka_unit_test(a_single_member_is_found_from_everywhere),
        cmocka_unit_test(no_member_is_found_at_or_behind_the_size),
        cmocka_unit_test(random_members_come_and_go),
        cmocka_unit_test(the_first_member_is_found_while_members_change),
        cmocka_unit_test(members_are_assigned_and_taken_from_below),
        cmocka_unit_test(every_range_of_a_small_set_goes_in_and_out),
        cmocka_unit_test(ranges_of_a_large_set_go_in_and_out),
        cmocka_unit_test(an_empty_range_goes_in_and_out_without_a_trace),
        cmocka_unit_test(a_single_wrong_summary_bit_is_noticed),
        cmocka_unit_test(a_bit_behind_the_last_index_is_noticed),
        cmocka_unit_test(a_lost_or_unknown_member_of_a_word_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
