/* Bits in an array of words, against an array of bool. The words lie in a block of exactly their
 * size, so that AddressSanitizer sees every access beside it. */
#include "../../alloc/words.h"
#include "../xorshift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct sample {
    size_t size;
    uint64_t *words;
    bool *bits; /* what should be in them */
};

static uint64_t random_word(void) {
    static uint64_t state = XORSHIFT64_SEED;
    return state = xorshift64(state);
}

static struct sample begin(size_t size) {
    struct sample s = {size, NULL, calloc(size + 1, sizeof(bool))};
    s.words = calloc(words_for(size), sizeof(uint64_t));
    assert_non_null(s.bits);
    assert_non_null(s.words);
    return s;
}

static void end(struct sample *s) {
    free(s->words);
    free(s->bits);
}

static void put(struct sample *s, size_t i, bool value) {
    uint64_t *word = &s->words[i / 64];
    s->bits[i] = value;
    *word = value ? *word | UINT64_C(1) << i % 64 : *word & ~(UINT64_C(1) << i % 64);
}

/* One bit in `rarity` is set; 0: fifteen in sixteen, which makes long runs. */
static void fill(struct sample *s, unsigned rarity) {
    for (size_t i = 0; i < s->size; i++)
        put(s, i, rarity == 0 ? random_word() % 16 != 0 : random_word() % rarity == 0);
}

static void expect_same_bits(const struct sample *s) {
    for (size_t i = 0; i < s->size; i++)
        if (words_test(s->words, i) != s->bits[i])
            fail_msg("bit %zu of %zu: expected %d", i, s->size, s->bits[i]);
    for (size_t i = s->size; i < words_for(s->size) * 64; i++)
        assert_false(words_test(s->words, i));
}

static size_t next_with(const struct sample *s, size_t from, size_t end, bool value) {
    while (from < end && s->bits[from] != value)
        from++;
    return from < end ? from : end;
}

/* ---- one word ---- */

static void each_bit_of_a_word_is_found_from_both_ends(void **state) {
    (void) state;
    for (size_t i = 0; i < 64; i++) {
        uint64_t bit = UINT64_C(1) << i;
        assert_true(word_bit(i) == bit);
        assert_true(word_bit(i + 64 * 5) == bit);
        assert_int_equal(word_lowest(bit), i);
        assert_int_equal(word_highest(bit), i);
        assert_int_equal(word_lowest(UINT64_MAX << i), i);
        assert_int_equal(word_highest(UINT64_MAX >> (63 - i)), i);
    }
}

static void the_words_for_bits_are_rounded_up(void **state) {
    (void) state;
    assert_int_equal(words_for(0), 0);
    assert_int_equal(words_for(1), 1);
    assert_int_equal(words_for(63), 1);
    assert_int_equal(words_for(64), 1);
    assert_int_equal(words_for(65), 2);
    assert_int_equal(words_for(SIZE_MAX), SIZE_MAX / 64 + 1);
}

static void a_bit_is_tested_in_its_own_word(void **state) {
    (void) state;
    for (size_t i = 0; i < 130; i++) {
        struct sample s = begin(130);
        put(&s, i, true);
        expect_same_bits(&s);
        end(&s);
    }
}

/* ---- ranges ---- */

static void the_next_bit_is_found_from_everywhere(void **state) {
    (void) state;
    static const unsigned rarities[] = {0, 2, 10, 200};
    for (size_t r = 0; r < sizeof(rarities) / sizeof(rarities[0]); r++) {
        struct sample s = begin(200);
        fill(&s, rarities[r]);
        for (size_t from = 0; from <= 200; from++) {
            for (size_t to = from; to <= 200; to++) {
                assert_int_equal(words_next_set(s.words, from, to), next_with(&s, from, to, true));
                assert_int_equal(words_next_clear(s.words, from, to),
                                 next_with(&s, from, to, false));
            }
        }
        end(&s);
    }
}

static void the_only_bit_is_found_in_every_place(void **state) {
    (void) state;
    for (size_t i = 0; i < 4200; i += i < 200 || i > 4000 ? 1 : 63) {
        struct sample s = begin(4200);
        put(&s, i, true);
        assert_int_equal(words_next_set(s.words, 0, 4200), i);
        assert_int_equal(words_next_set(s.words, i, 4200), i);
        assert_int_equal(words_next_set(s.words, i + 1, 4200), 4200);
        assert_int_equal(words_next_set(s.words, 0, i), i);
        words_set(s.words, 0, 4200);
        words_clear(s.words, i, i + 1);
        assert_int_equal(words_next_clear(s.words, 0, 4200), i);
        end(&s);
    }
}

/* Change a range both ways, in words that are all clear, all set, and mixed. */
static void expect_range_changes(size_t size, size_t from, size_t to) {
    for (unsigned rarity = 1; rarity <= 3; rarity++) {
        struct sample s = begin(size);
        fill(&s, rarity == 3 ? 1000000 : rarity);
        words_set(s.words, from, to);
        for (size_t i = from; i < to; i++)
            s.bits[i] = true;
        expect_same_bits(&s);
        words_clear(s.words, from, to);
        for (size_t i = from; i < to; i++)
            s.bits[i] = false;
        expect_same_bits(&s);
        end(&s);
    }
}

static void every_range_of_140_bits_is_set_and_cleared_and_nothing_else(void **state) {
    (void) state;
    for (size_t from = 0; from <= 140; from++)
        for (size_t to = from + 1; to <= 140; to++)
            expect_range_changes(140, from, to);
}

static void ranges_around_4096_are_set_and_cleared(void **state) {
    (void) state;
    for (size_t from = 4030; from < 4160; from += 13)
        for (size_t to = from + 1; to <= 4161; to += 7)
            expect_range_changes(4161, from, to);
    expect_range_changes(4161, 0, 4161);
    expect_range_changes(4096, 0, 4096);
}

static void a_range_that_is_all_set_or_all_clear_is_known(void **state) {
    (void) state;
    struct sample s = begin(200);
    fill(&s, 0);
    for (size_t from = 0; from < 200; from++) {
        for (size_t to = from + 1; to <= 200; to++) {
            bool all_set = next_with(&s, from, to, false) == to;
            assert_int_equal(words_all_set(s.words, from, to), all_set);
            assert_int_equal(words_all_clear(s.words, from, to),
                             next_with(&s, from, to, true) == to);
            words_clear(s.words, from, to);
            assert_true(words_all_clear(s.words, from, to));
            assert_false(words_all_set(s.words, from, to));
            for (size_t i = from; i < to; i++)
                put(&s, i, s.bits[i]);
        }
    }
    end(&s);
}

/* One bit of the other kind anywhere within makes the range neither. */
static void a_single_bit_in_a_range_counts(void **state) {
    (void) state;
    for (size_t i = 0; i < 200; i++) {
        struct sample s = begin(200);
        put(&s, i, true);
        for (size_t from = 0; from <= i; from++)
            for (size_t to = i + 1; to <= 200; to += 7)
                assert_false(words_all_clear(s.words, from, to));
        words_set(s.words, 0, 200);
        words_clear(s.words, i, i + 1);
        for (size_t from = 0; from <= i; from++)
            for (size_t to = i + 1; to <= 200; to += 7)
                assert_false(words_all_set(s.words, from, to));
        end(&s);
    }
}

/* ---- runs ---- */

static size_t find_run_slowly(const struct sample *s, size_t n, size_t align) {
    for (size_t first = 0; first < s->size; first += align) {
        size_t length = 0;
        while (first + length < s->size && length < n && s->bits[first + length])
            length++;
        if (length == n)
            return first;
    }
    return SIZE_MAX;
}

static void expect_runs_found(struct sample *s) {
    for (size_t align = 1; align <= 256; align *= 2) {
        for (size_t n = 1; n <= s->size + 1; n += n < 70 ? 1 : 61) {
            size_t found = words_find_run(s->words, s->size, n, align);
            size_t expected = find_run_slowly(s, n, align);
            if (found != expected)
                fail_msg("size %zu, n %zu, align %zu: found %zu, expected %zu", s->size, n, align,
                         found, expected);
        }
    }
}

static void the_lowest_run_that_fits_is_found(void **state) {
    (void) state;
    static const size_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 500, 4095, 4096, 4097};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (unsigned rarity = 0; rarity < 4; rarity++) {
            struct sample s = begin(sizes[i]);
            fill(&s, rarity); /* 1 is all set: the last word's rest must not count */
            expect_runs_found(&s);
            end(&s);
        }
    }
}

static void a_run_is_found_wherever_it_lies(void **state) {
    (void) state;
    for (size_t n = 1; n <= 130; n += 3) {
        for (size_t at = 0; at + n <= 260; at++) {
            struct sample s = begin(260);
            for (size_t i = at; i < at + n; i++)
                put(&s, i, true);
            assert_int_equal(words_find_run(s.words, 260, n, 1), at);
            assert_true(words_find_run(s.words, 260, n + 1, 1) == SIZE_MAX);
            assert_true(words_find_run(s.words, at + n - 1, n, 1) == SIZE_MAX);
            assert_true(words_find_run(s.words, 260, n, 64) == (at % 64 == 0 ? at : SIZE_MAX));
            end(&s);
        }
    }
}

static void a_run_longer_than_all_bits_is_not_there(void **state) {
    (void) state;
    struct sample s = begin(200);
    fill(&s, 1);
    assert_true(words_find_run(s.words, 200, 201, 1) == SIZE_MAX);
    assert_true(words_find_run(s.words, 200, SIZE_MAX, 1) == SIZE_MAX);
    assert_true(words_find_run(s.words, 200, SIZE_MAX - 63, 64) == SIZE_MAX);
    assert_int_equal(words_find_run(s.words, 200, 200, 256), 0);
    end(&s);
}

static void filling_none_or_one_word_is_filling_too(void **state) {
    (void) state;
    for (size_t from = 0; from <= 130; from++) {
        for (size_t to = from < 5 ? 0 : from - 5; to <= 130; to++) {
            struct sample s = begin(130);
            words_fill(s.words, from, to, UINT64_MAX);
            for (size_t i = from; i < to; i++)
                s.bits[i] = true;
            expect_same_bits(&s);
            end(&s);
        }
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_of_a_word_is_found_from_both_ends),
        cmocka_unit_test(the_words_for_bits_are_rounded_up),
        cmocka_unit_test(a_bit_is_tested_in_its_own_word),
        cmocka_unit_test(the_next_bit_is_found_from_everywhere),
        cmocka_unit_test(the_only_bit_is_found_in_every_place),
        cmocka_unit_test(every_range_of_140_bits_is_set_and_cleared_and_nothing_else),
        cmocka_unit_test(filling_none_or_one_word_is_filling_too),
        cmocka_unit_test(ranges_around_4096_are_set_and_cleared),
        cmocka_unit_test(a_range_that_is_all_set_or_all_clear_is_known),
        cmocka_unit_test(a_single_bit_in_a_range_counts),
        cmocka_unit_test(the_lowest_run_that_fits_is_found),
        cmocka_unit_test(a_run_is_found_wherever_it_lies),
        cmocka_unit_test(a_run_longer_than_all_bits_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
