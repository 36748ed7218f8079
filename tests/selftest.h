/* What the files of the self-test share: the tools of a test, and the lists that the runner in
 * selftest.c goes through. */
#pragma once

#include "../common.h"
#include "../kernel.h"
#include "../memory/frames.h"
#include "../sbi.h"

struct test {
    const char *name; /* a sentence that is true when the test passes */
    void (*run)(void);
    enum {
        ALWAYS,
        IF_IT_FREES,
        UNLESS_IT_FREES
    } when;
};

/* Tests that want the same surroundings. Every test begins with fresh memory, the window, before
 * `begin` is called. */
struct test_list {
    const struct test *tests;
    size_t count;
    void (*begin)(const struct machine *machine); /* before each test */
    void (*end)(void);                            /* after each test */
};

extern const struct test_list span_tests, vm_tests, harts_tests, hands_tests;

/* ---- the tools ---- */

extern bool test_failed;

/* Only a test's first failure is printed: the rest follows from it. */
void expect_equal(uintptr_t found, uintptr_t expected, const char *what, int line);

/* page_check must be true; if not, page_problem says why. */
void expect_sound(const struct page_allocator *a, int line);

#define EXPECT_EQUAL(found, expected) \
    expect_equal((uintptr_t) (found), (uintptr_t) (expected), #found, __LINE__)
#define EXPECT(condition) expect_equal((condition) ? 1 : 0, 1, #condition, __LINE__)
#define EXPECT_SOUND(allocator) expect_sound(allocator, __LINE__)

/* `call` must return `error` and leave the counts and the metadata's shape as they were. */
#define EXPECT_REFUSED(call, error)                                                          \
    do {                                                                                     \
        size_t used_before = page_used(&frames), largest_before = page_largest_run(&frames); \
        EXPECT_EQUAL(call, error);                                                           \
        EXPECT_EQUAL(page_used(&frames), used_before);                                       \
        EXPECT_EQUAL(page_largest_run(&frames), largest_before);                             \
        EXPECT_SOUND(&frames);                                                               \
    } while (0)

/* The same sequence in every run. */
uint32_t random_below(uint32_t bound);

static inline paddr_t after(paddr_t paddr, size_t n) {
    return paddr + n * PAGE_SIZE;
}

/* The n-th word of a page: where tests leave their marks. */
static inline volatile uintptr_t *word_of(paddr_t page, size_t n) {
    return (volatile uintptr_t *) page + n;
}

static const size_t LAST_WORD = PAGE_SIZE / sizeof(uintptr_t) - 1;

/* Allocate without clearing; 0 if there is nothing. */
paddr_t take(size_t n, size_t align);
