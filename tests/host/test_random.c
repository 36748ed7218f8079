/* Random operations, each compared with the oracle. A failure prints the seed and the operation;
 * FREERAM_SEED=that repeats it. Set to other numbers it makes other runs. */
#include "trial.h"

#include <stdlib.h>

/* What a run is like. */
struct run {
    paddr_t start;
    size_t size;
    size_t operations;
    unsigned max_order;   /* runs are of up to 2^max_order pages */
    unsigned align_order; /* and aligned to up to 2^align_order */
    size_t look_every;    /* operations between two looks at every page; 0: not at every page */
};

enum {
    RECENT = 256,
    PHASE = 500, /* operations of filling up, then as many of giving back */
};

/* ---- chance: Marsaglia's xorshift with 64 bits ---- */

static uint64_t random_state;

static size_t random_below(size_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t) (random_state % bound);
}

/* One time in `times`. */
static bool rarely(size_t times) {
    return random_below(times) == 0;
}

/* Small numbers as often as large ones: 1 to 2^max_order. */
static size_t random_length(unsigned max_order) {
    return 1 + random_below((size_t) 1 << random_below(max_order + 1));
}

static uint64_t seed_of_run(void) {
    const char *seed = getenv("FREERAM_SEED");
    uint64_t number = seed != NULL ? strtoull(seed, NULL, 0) : 0;
    return number != 0 ? number : 88172645463325252;
}

/* ---- the operations ---- */

/* Where the last allocations were: what is freed is looked for there. */
static paddr_t recent[RECENT];

static paddr_t random_page(const struct trial *t) {
    return (t->oracle.first + random_below(t->oracle.count)) * PAGE_SIZE;
}

static void random_alloc(struct trial *t, const struct run *run) {
    size_t align = PAGE_SIZE << (rarely(4) ? random_below(run->align_order + 1) : 0);
    paddr_t out;
    if (try_alloc(t, random_length(run->max_order), align, &out) == ALLOC_OK)
        recent[random_below(RECENT)] = out;
}

static void random_alloc_at(struct trial *t, const struct run *run) {
    paddr_t paddr = rarely(2) ? random_page(t) : after(recent[random_below(RECENT)], 3);
    if (try_alloc_at(t, paddr, random_length(run->max_order)) == ALLOC_OK)
        recent[random_below(RECENT)] = paddr;
}

/* Free some of what is allocated at a place, or all of it, now and then a page too much. */
static void random_free(struct trial *t, const struct run *run) {
    paddr_t paddr = rarely(3) ? random_page(t) : recent[random_below(RECENT)];
    if (rarely(4))
        paddr = after(paddr, random_length(4));
    size_t most = rarely(2) ? random_length(run->max_order) : (size_t) 1 << run->max_order;
    size_t n = t->candidate->rules.frees ? oracle_used_run(&t->oracle, paddr, most) : 1;
    try_free(t, paddr, n > 0 && !rarely(16) ? n : n + 1);
}

/* Add anything, its ends in the middle of pages. Most of it is there already. */
static void random_add(struct trial *t, const struct run *run) {
    size_t size = random_length(run->max_order) * PAGE_SIZE;
    try_add(t, random_page(t) + (rarely(2) ? 0 : random_below(PAGE_SIZE)), size);
}

static void one_operation(struct trial *t, const struct run *run) {
    bool fills_up = t->operation / PHASE % 2 == 0;
    size_t choice = random_below(16);
    if (choice == 0)
        random_add(t, run);
    else if (choice < 3)
        random_alloc_at(t, run);
    else if (choice < (fills_up ? 13 : 5))
        random_alloc(t, run);
    else
        random_free(t, run);
}

/* ---- the runs ---- */

/* Begin with three quarters of the span, in two pieces and from the top down. */
static void begin_run(struct trial *t, const struct run *run) {
    manage(t, run->start, run->size);
    try_add(t, run->start + run->size / 2, run->size / 2);
    try_add(t, run->start, run->size / 4);
    for (size_t i = 0; i < RECENT; i++)
        recent[i] = random_page(t);
}

static void free_everything(struct trial *t) {
    paddr_t start = t->oracle.first * PAGE_SIZE;
    for (size_t page = 0; t->oracle.used > 0 && page < t->oracle.count; page++) {
        size_t n = oracle_used_run(&t->oracle, after(start, page), t->oracle.count);
        if (n > 0)
            assert_error(try_free(t, after(start, page), n), ALLOC_OK);
        page += n;
    }
    assert_int_equal(page_used(&t->a), 0);
    assert_int_equal(page_largest_run(&t->a), oracle_largest_run(&t->oracle));
    assert_true(page_check(&t->a));
}

static void random_run(struct trial *t, const struct run *run) {
    bool frees = t->candidate->rules.frees;
    t->seed = seed_of_run();
    random_state = t->seed;
    t->is_watched = run->look_every != 0;
    begin_run(t, run);
    for (t->operation = 0; t->operation < run->operations; t->operation++) {
        one_operation(t, run);
        if (run->look_every != 0 && t->operation % run->look_every == 0)
            look_at_all(t);
        if (frees && t->operation % (2 * PHASE) == 2 * PHASE - 1)
            free_everything(t);
        if (!frees && t->is_watched && page_available(&t->a) == 0)
            begin_run(t, run);
    }
    if (frees)
        free_everything(t);
}

/* Around the sizes of words and of their summaries, where everything has an end. */
static void random_operations_on_few_pages_match_the_oracle(void **state) {
    for (size_t pages = 1; pages < 400; pages += pages < 140 ? 1 : 37) {
        struct run run = {after(RAM, pages * 7919 % 262144), pages * PAGE_SIZE, 300, 6, 5, 10};
        random_run(*state, &run);
    }
}

static void random_operations_on_64_MiB_match_the_oracle(void **state) {
    random_run(*state, &(struct run){RAM, 64 * MIB, 20000, 11, 9, 1000});
}

static void random_operations_on_an_odd_span_match_the_oracle(void **state) {
    struct run run = {RAM + 37 * PAGE_SIZE + 123, 64 * MIB + 12345, 20000, 11, 9, 1000};
    random_run(*state, &run);
}

static void random_operations_at_address_0_match_the_oracle(void **state) {
    random_run(*state, &(struct run){0, 17 * MIB, 3000, 9, 9, 1000});
}

static void random_operations_at_the_last_address_match_the_oracle(void **state) {
    paddr_t start = (paddr_t) 0 - 17 * MIB;
    random_run(*state, &(struct run){start, 17 * MIB, 3000, 9, 9, 1000});
}

static void random_operations_on_64_GiB_match_the_oracle(void **state) {
    random_run(*state, &(struct run){RAM, 64 * GIB, 3000, 20, 18, 0});
}

static void random_operations_on_an_odd_span_of_64_GiB_match_the_oracle(void **state) {
    struct run run = {RAM + 37 * PAGE_SIZE + 123, 64 * GIB + 12345, 3000, 22, 18, 0};
    random_run(*state, &run);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_on_few_pages_match_the_oracle),
        cmocka_unit_test(random_operations_on_64_MiB_match_the_oracle),
        cmocka_unit_test(random_operations_on_an_odd_span_match_the_oracle),
        cmocka_unit_test(random_operations_at_address_0_match_the_oracle),
        cmocka_unit_test(random_operations_at_the_last_address_match_the_oracle),
        cmocka_unit_test(random_operations_on_64_GiB_match_the_oracle),
        cmocka_unit_test(random_operations_on_an_odd_span_of_64_GiB_match_the_oracle),
    };
    return run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
}
