/* Does a long sequence that fails become the short one that is known to be enough? */
#include "faulty.h"
#include "random.h"

#include <stdlib.h>

enum {
    MANY = 10000,
    TRIES = 5000,
};

/* ---- with judges that only look at the calls ---- */

static size_t places_of(const struct call *calls, size_t count, const size_t *wanted, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < count && found < n; i++)
        found += calls[i].paddr == wanted[found];
    return found;
}

/* Three calls, in this order, whatever is between them. */
static const size_t NEEDED[] = {17, 401, 9998};

static bool has_the_needed_calls(const struct judge *judge, const struct call *calls,
                                 size_t count) {
    (void) judge;
    assert_int_equal(calls[0].kind, CALL_MANAGE);
    return places_of(calls, count, NEEDED, 3) == 3;
}

static bool has_seven_aligned_to_four(const struct judge *judge, const struct call *calls,
                                      size_t count) {
    (void) judge;
    for (size_t i = 0; i < count; i++)
        if (calls[i].kind == CALL_ALLOC && calls[i].n >= 7 && calls[i].align >= 4 * PAGE_SIZE)
            return true;
    return false;
}

static size_t shrink_many(struct call *calls, const struct judge *judge) {
    size_t tries;
    calls[0] = (struct call){.kind = CALL_MANAGE, .paddr = RAM, .size = MIB};
    size_t count = shrink(calls, MANY, judge, TRIES, &tries);
    assert_in_range(tries, 1, TRIES - 1);
    assert_true(judge->fails(judge, calls, count));
    return count;
}

static void calls_that_are_not_needed_go(void **state) {
    static struct call calls[MANY];
    (void) state;
    for (size_t i = 0; i < MANY; i++)
        calls[i] = (struct call){.kind = CALL_FREE, .paddr = i, .n = 1};
    assert_int_equal(shrink_many(calls, &(struct judge){.fails = has_the_needed_calls}), 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(calls[1 + i].paddr, NEEDED[i]);
}

static void numbers_become_as_small_as_they_can(void **state) {
    static struct call calls[MANY];
    (void) state;
    for (size_t i = 0; i < MANY; i++)
        calls[i] =
            (struct call){.kind = CALL_ALLOC, .n = 1 + i % 1000, .align = PAGE_SIZE << i % 13};
    assert_int_equal(shrink_many(calls, &(struct judge){.fails = has_seven_aligned_to_four}), 2);
    assert_int_equal(calls[0].size, 2 * PAGE_SIZE); /* one of them is whole, wherever it is */
    assert_int_equal(calls[1].n, 7);
    assert_int_equal(calls[1].align, 4 * PAGE_SIZE);
}

static void it_gives_up_after_so_many_tries_with_what_it_has(void **state) {
    static struct call calls[MANY];
    const struct judge judge = {.fails = has_the_needed_calls};
    size_t tries;
    (void) state;
    for (size_t i = 0; i < MANY; i++)
        calls[i] = (struct call){.kind = CALL_FREE, .paddr = i, .n = 1};
    calls[0].kind = CALL_MANAGE;
    size_t count = shrink(calls, MANY, &judge, 20, &tries);
    assert_int_equal(tries, 20);
    assert_in_range(count, 5, MANY);
    assert_true(judge.fails(&judge, calls, count));
}

/* ---- with stages that go wrong ---- */

static struct candidate a_bitmap_with(enum fault fault) {
    return (struct candidate){.stage = faulty_stage(fault),
                              .rules = {.frees = true, .lowest_first = true, .exact_runs = true}};
}

/* Random calls of a stage with the fault: how many of them are left, 0 if all answers are right. */
static size_t shrunk_length(enum fault fault, uint64_t seed) {
    const struct candidate candidate = a_bitmap_with(fault);
    const struct trial trial = {.candidate = &candidate, .is_quiet = true};
    const struct run run = {RAM, 40 * PAGE_SIZE, 3000, 3, 2, 10};
    struct failure failure;
    if (random_run(&trial, &run, seed, &failure))
        return 0;
    free(failure.calls);
    return failure.count;
}

static void without_a_fault_there_is_nothing_to_shrink(void **state) {
    (void) state;
    assert_int_equal(shrunk_length(NO_FAULT, 1), 0);
}

static void wrong_answers_shrink_to_the_calls_that_are_needed(void **state) {
    (void) state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        /* manage, add, take one page, take another, give one of them back */
        assert_int_equal(shrunk_length(FORGETS, seed), 5);
        /* manage, add, take four pages, take three */
        assert_int_equal(shrunk_length(MISCOUNTS, seed), 4);
    }
}

static void a_crash_shrinks_to_the_calls_that_are_needed(void **state) {
    (void) state;
    assert_int_equal(shrunk_length(ABORTS, 1), 5);
    assert_int_equal(shrunk_length(CRASHES, 1), 5);
}

static const struct call *calls_of_the_fault(void) {
    static const struct call calls[] = {
        {.kind = CALL_MANAGE, .paddr = RAM, .size = 9 * PAGE_SIZE},
        {.kind = CALL_ADD, .paddr = RAM, .size = 9 * PAGE_SIZE},
        {.kind = CALL_ALLOC_AT, .paddr = RAM + 3 * PAGE_SIZE, .n = 1},
        {.kind = CALL_ALLOC_AT, .paddr = RAM + 5 * PAGE_SIZE, .n = 1},
        {.kind = CALL_FREE, .paddr = RAM + 5 * PAGE_SIZE, .n = 1},
    };
    return calls;
}

static void a_wrong_answer_a_crash_and_a_hang_are_failures(void **state) {
    static const enum fault faults[] = {FORGETS, ABORTS, CRASHES, HANGS};
    (void) state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const struct candidate candidate = a_bitmap_with(faults[i]);
        const struct judge judge = {fails_when_made, &candidate, 1, 1};
        assert_true(judge.fails(&judge, calls_of_the_fault(), 5));
        assert_false(judge.fails(&judge, calls_of_the_fault(), 4));
    }
    const struct candidate candidate = a_bitmap_with(NO_FAULT);
    const struct judge judge = {fails_when_made, &candidate, 1, 1};
    assert_false(judge.fails(&judge, calls_of_the_fault(), 5));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_are_not_needed_go),
        cmocka_unit_test(numbers_become_as_small_as_they_can),
        cmocka_unit_test(it_gives_up_after_so_many_tries_with_what_it_has),
        cmocka_unit_test(without_a_fault_there_is_nothing_to_shrink),
        cmocka_unit_test(wrong_answers_shrink_to_the_calls_that_are_needed),
        cmocka_unit_test(a_crash_shrinks_to_the_calls_that_are_needed),
        cmocka_unit_test(a_wrong_answer_a_crash_and_a_hang_are_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
