/* How a call is compared with the oracle, and a test run for each stage. */
#define _POSIX_C_SOURCE 200809L
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TESTS = 512,
    NAME_SIZE = 160,
};

/* ---- failures ---- */

/* Fail the test, and print to where prove lets it pass: what was called, with which two arguments,
 * and what is wrong with the answer. */
static void fail_call(const struct trial *t, const char *call, size_t arg0, size_t arg1,
                      const char *answer, const char *wrong) {
    if (t->is_quiet) /* there is a trap then */
        longjmp(*t->trap, 1);
    if (t->seed != 0)
        print_error("# FREERAM_SEED=%llu, operation %zu:\n", (unsigned long long) t->seed,
                    t->operation);
    print_error("# %s: %s(0x%zx, 0x%zx) is %s, %s\n", alloc_stage_name(t->candidate->stage), call,
                arg0, arg1, answer, wrong);
    if (t->trap != NULL)
        longjmp(*t->trap, 1);
    fail();
}

static void expect_count(const struct trial *t, const char *call, size_t found, size_t expected) {
    char answer[32], wrong[64];
    if (found == expected)
        return;
    snprintf(answer, sizeof(answer), "%zu", found);
    snprintf(wrong, sizeof(wrong), "expected %zu, total %zu", expected, t->oracle.total);
    fail_call(t, call, 0, 0, answer, wrong);
}

static void expect_page(const struct trial *t, paddr_t paddr) {
    bool is_free = page_is_free(&t->a, paddr);
    if (is_free != oracle_is_free(&t->oracle, paddr))
        fail_call(t, "page_is_free", paddr, 1, is_free ? "true" : "false", "expected the other");
}

/* ---- before and after each call ---- */

static void remember(struct trial *t) {
    if (!t->is_watched)
        return;
    t->a_before = t->a;
    memcpy(t->meta_before, t->meta, t->meta_size);
}

static void expect_unchanged(const struct trial *t, const char *call, size_t arg0, size_t arg1,
                             enum alloc_error answer) {
    const char *name = alloc_error_name(answer);
    bool may_learn = t->candidate->learns && answer == ALLOC_NO_MEMORY;
    if (memcmp(&t->a_before, &t->a, sizeof(t->a)) != 0)
        fail_call(t, call, arg0, arg1, name, "and the struct has changed");
    if (!may_learn && memcmp(t->meta_before, t->meta, t->meta_size) != 0)
        fail_call(t, call, arg0, arg1, name, "and the metadata has changed");
}

static void expect_sound(const struct trial *t, paddr_t paddr, size_t n) {
    char text[PROBLEM_SIZE];
    if (page_problem_text(&t->a, text) != NULL)
        fail_call(t, "page_check", paddr, n, "false", text);
}

/* The counts, and the pages at both borders of a range. */
static void compare(const struct trial *t, paddr_t paddr, size_t n) {
    expect_count(t, "page_total", page_total(&t->a), t->oracle.total);
    expect_count(t, "page_used", page_used(&t->a), t->oracle.used);
    expect_count(t, "page_available", page_available(&t->a), t->oracle.total - t->oracle.used);
    expect_page(t, after(paddr, (size_t) -1));
    expect_page(t, paddr);
    expect_page(t, after(paddr, n - 1));
    expect_page(t, after(paddr, n));
    if (t->is_watched)
        expect_sound(t, paddr, n);
}

static enum alloc_error conclude(const struct trial *t, const char *call, paddr_t paddr, size_t n,
                                 enum alloc_error answer, enum alloc_error expected) {
    char wrong[64];
    snprintf(wrong, sizeof(wrong), "expected %s", alloc_error_name(expected));
    if (answer != expected)
        fail_call(t, call, paddr, n, alloc_error_name(answer), wrong);
    if (answer != ALLOC_OK && t->is_watched)
        expect_unchanged(t, call, paddr, n, answer);
    compare(t, paddr, n);
    return answer;
}

/* ---- the calls ---- */

enum alloc_error try_add(struct trial *t, paddr_t start, size_t size) {
    remember(t);
    enum alloc_error answer = page_add_memory(&t->a, start, size);
    enum alloc_error expected = oracle_add(&t->oracle, start, size);
    conclude(t, "page_add_memory", start, size, answer, expected);
    compare(t, start, size / PAGE_SIZE);
    return answer;
}

enum alloc_error try_alloc(struct trial *t, size_t n, size_t align, paddr_t *out) {
    static const paddr_t UNTOUCHED = 0x5eed;
    remember(t);
    *out = UNTOUCHED;
    enum alloc_error answer = page_alloc(&t->a, n, align, out);
    const char *wrong = oracle_judge_alloc(&t->oracle, n, align, answer, *out);
    if (wrong != NULL) {
        char name_at[64];
        snprintf(name_at, sizeof(name_at), "%s at 0x%zx", alloc_error_name(answer), (size_t) *out);
        fail_call(t, "page_alloc", n, align, name_at, wrong);
    }
    if (answer != ALLOC_OK && *out != UNTOUCHED)
        fail_call(t, "page_alloc", n, align, alloc_error_name(answer), "and *out has changed");
    if (answer != ALLOC_OK && t->is_watched)
        expect_unchanged(t, "page_alloc", n, align, answer);
    compare(t, *out, answer == ALLOC_OK ? n : 1);
    return answer;
}

enum alloc_error try_alloc_at(struct trial *t, paddr_t paddr, size_t n) {
    remember(t);
    enum alloc_error answer = page_alloc_at(&t->a, paddr, n);
    return conclude(t, "page_alloc_at", paddr, n, answer, oracle_alloc_at(&t->oracle, paddr, n));
}

enum alloc_error try_free(struct trial *t, paddr_t paddr, size_t n) {
    remember(t);
    enum alloc_error answer = page_free(&t->a, paddr, n);
    return conclude(t, "page_free", paddr, n, answer, oracle_free(&t->oracle, paddr, n));
}

paddr_t must_alloc(struct trial *t, size_t n, size_t align) {
    paddr_t paddr;
    enum alloc_error answer = try_alloc(t, n, align, &paddr);
    if (answer != ALLOC_OK)
        fail_call(t, "page_alloc", n, align, alloc_error_name(answer), "expected ALLOC_OK");
    return paddr;
}

/* The words are those of page_problem, with a # for each number. */
static bool are_alike(const char *words, const char *text) {
    while (*words != '\0') {
        if (*words == '#' && *text >= '0' && *text <= '9') {
            words++;
            while (*text >= '0' && *text <= '9')
                text++;
        } else if (*words++ != *text++) {
            return false;
        }
    }
    return *text == '\0';
}

void expect_problem(const struct trial *t, const char *text) {
    char found[PROBLEM_SIZE];
    assert_false(page_check(&t->a));
    assert_ptr_equal(page_problem_text(&t->a, found), found);
    assert_string_equal(found, text);
    assert_true(are_alike(page_problem(&t->a), found));
}

void look_at(struct trial *t, paddr_t paddr, size_t n) {
    for (size_t i = 0; i < n + 2; i++)
        expect_page(t, after(paddr, i - 1));
    expect_count(t, "page_largest_run", page_largest_run(&t->a), oracle_largest_run(&t->oracle));
    compare(t, paddr, n);
    expect_sound(t, 0, 0);
}

void look_at_all(struct trial *t) {
    look_at(t, t->oracle.first * PAGE_SIZE, t->oracle.count);
}

/* ---- the span ---- */

static void forget(struct trial *t) {
    oracle_end(&t->oracle);
    free(t->meta);
    free(t->meta_before);
    t->meta = t->meta_before = NULL;
}

/* The allocator and the oracle, on metadata that is there. */
static void init(struct trial *t, paddr_t start, size_t size) {
    assert_true(oracle_init(&t->oracle, &t->candidate->rules, start, size));
    t->oracle.range_room += t->extra_ranges;
    enum alloc_error answer =
        page_init(&t->a, t->candidate->stage, start, size, t->meta, t->meta_size);
    if (answer != ALLOC_OK)
        fail_call(t, "page_init", start, size, alloc_error_name(answer), "expected ALLOC_OK");
}

void manage(struct trial *t, paddr_t start, size_t size) {
    forget(t);
    t->meta_size = page_meta_size(t->candidate->stage, start, size);
    assert_int_not_equal(t->meta_size, 0);
    t->meta_size += t->extra_ranges * 2 * sizeof(size_t);
    assert_int_equal(posix_memalign(&t->meta, 64, t->meta_size), 0);
    t->meta_before = malloc(t->meta_size);
    assert_non_null(t->meta_before);
    memset(t->meta, t->garbage, t->meta_size);
    memset(&t->a, t->garbage, sizeof(t->a));
    init(t, start, size);
}

void manage_again(struct trial *t) {
    paddr_t start = t->oracle.first * PAGE_SIZE;
    size_t size = t->oracle.count * PAGE_SIZE;
    oracle_end(&t->oracle);
    init(t, start, size);
}

void manage_all(struct trial *t, paddr_t start, size_t size) {
    manage(t, start, size);
    assert_error(try_add(t, start, size), ALLOC_OK);
}

void manage_taken(struct trial *t, paddr_t start, size_t size) {
    manage_all(t, start, size);
    assert_error(try_alloc_at(t, start, size / PAGE_SIZE), ALLOC_OK);
}

/* ---- running ---- */

bool any_stage(const struct candidate *candidate) {
    (void) candidate;
    return true;
}

bool stage_that_frees(const struct candidate *candidate) {
    return candidate->rules.frees;
}

static int begin_trial(void **state) {
    struct trial *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return -1;
    t->candidate = *state;
    t->is_watched = true;
    t->garbage = 0xaa;
    *state = t;
    return 0;
}

static int end_trial(void **state) {
    forget(*state);
    free(*state);
    return 0;
}

int run_trials(const struct CMUnitTest *tests, size_t count,
               bool (*fits)(const struct candidate *candidate)) {
    static struct candidate candidates[CANDIDATES];
    static struct CMUnitTest trials[MAX_TESTS]; /* cmocka passes over those without a name */
    static char names[MAX_TESTS][NAME_SIZE];
    const char *only = getenv("FREERAM_ONLY"); /* for mutants: the one stage that is concerned */
    size_t run = 0;
    for (size_t c = 0; c < CANDIDATES; c++) {
        candidates[c] = candidate_of(c);
        if (only != NULL && strcmp(only, alloc_stage_name(candidates[c].stage)) != 0)
            continue;
        for (size_t i = 0; i < count && fits(&candidates[c]); i++) {
            if (tests[i].name == NULL)
                continue;
            assert_true(run < MAX_TESTS);
            snprintf(names[run], NAME_SIZE, "%s: %s", alloc_stage_name(candidates[c].stage),
                     tests[i].name);
            trials[run] = (struct CMUnitTest){names[run], tests[i].test_func, begin_trial,
                                              end_trial, &candidates[c]};
            run++;
        }
    }
    return cmocka_run_group_tests(trials, NULL, NULL);
}
