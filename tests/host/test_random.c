/* Random operations, each compared with the oracle. A failure prints the seed and the fewest calls
 * that show it. FREERAM_SEED=that repeats it; set to other numbers it makes other runs, and
 * FREERAM_LONG=n makes n more with the numbers that follow. */
#include "random.h"
#include "../xorshift.h"

#include <stdlib.h>

static uint64_t number_in(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);
    uint64_t number = text != NULL ? strtoull(text, NULL, 0) : 0;
    return number != 0 ? number : otherwise;
}

static void run_randomly(const struct trial *t, const struct run *run) {
    uint64_t seed = number_in("FREERAM_SEED", XORSHIFT64_SEED);
    uint64_t last = seed + number_in("FREERAM_LONG", 0);
    for (; seed <= last; seed++) {
        struct failure failure;
        if (random_run(t, run, seed, &failure))
            continue;
        print_failure(&failure, seed);
        free(failure.calls);
        fail();
    }
}

/* Around the sizes of words and of their summaries, where everything has an end. */
static void random_operations_on_few_pages_match_the_oracle(void **state) {
    for (size_t pages = 1; pages < 400; pages += pages < 140 ? 1 : 37) {
        struct run run = {after(RAM, pages * 7919 % 262144), pages * PAGE_SIZE, 300, 6, 5, 10};
        run_randomly(*state, &run);
    }
}

static void random_operations_on_64_MiB_match_the_oracle(void **state) {
    run_randomly(*state, &(struct run){RAM, 64 * MIB, 20000, 11, 9, 1000});
}

static void random_operations_on_an_odd_span_match_the_oracle(void **state) {
    struct run run = {RAM + 37 * PAGE_SIZE + 123, 64 * MIB + 12345, 20000, 11, 9, 1000};
    run_randomly(*state, &run);
}

static void random_operations_at_address_0_match_the_oracle(void **state) {
    run_randomly(*state, &(struct run){0, 17 * MIB, 3000, 9, 9, 1000});
}

static void random_operations_at_the_last_address_match_the_oracle(void **state) {
    paddr_t start = (paddr_t) 0 - 17 * MIB;
    run_randomly(*state, &(struct run){start, 17 * MIB, 3000, 9, 9, 1000});
}

static void random_operations_on_64_GiB_match_the_oracle(void **state) {
    run_randomly(*state, &(struct run){RAM, 64 * GIB, 3000, 20, 18, 0});
}

static void random_operations_on_an_odd_span_of_64_GiB_match_the_oracle(void **state) {
    struct run run = {RAM + 37 * PAGE_SIZE + 123, 64 * GIB + 12345, 3000, 22, 18, 0};
    run_randomly(*state, &run);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_on_few_pages_match_the_oracle),
        cmocka_unit_test(random_operations_on_64_MiB_match_the_oracle),
        cmocka_unit_test(random_operations_on_an_odd_span_match_the_oracle),
        cmocka_unit_test(random_operations_at_address_0_match_the_oracle),
        cmocka_unit_test(random_operations_at_the_last_address_match_the_oracle),
        test_beyond_4_GiB(random_operations_on_64_GiB_match_the_oracle),
        test_beyond_4_GiB(random_operations_on_an_odd_span_of_64_GiB_match_the_oracle),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
}
