/* A trial: an allocator and the oracle side by side.
 *
 * The try_ functions make the same call of both and fail the running test where they differ. They
 * also see to it that a refusal leaves every byte of the allocator and its metadata as it was. */
#pragma once

#include "candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define KIB ((size_t) 1 << 10)
#define MIB ((size_t) 1 << 20)
#define GIB ((size_t) 1 << 30)

/* Where tests put memory if it may be anywhere: as RISC-V boards do. */
#define RAM ((paddr_t) 0x80000000)

struct trial {
    const struct candidate *candidate;
    struct page_allocator a;
    struct oracle oracle;
    void *meta; /* of exactly this size, so that AddressSanitizer sees whatever passes its end */
    size_t meta_size;
    struct page_allocator a_before;
    void *meta_before;
    bool is_watched;       /* compare all bytes and check all invariants after each call */
    size_t extra_ranges;   /* more separate ranges than the metadata must have room for */
    unsigned char garbage; /* what is in the metadata at first */
    uint64_t seed;         /* if not 0, failures name it, and the operation */
    size_t operation;
    jmp_buf *trap; /* if not NULL, where failures go instead of failing the test */
    bool is_quiet; /* failures print nothing: they are looked for */
};

/* Manage the span, every page absent. Forgets the span managed before. */
void manage(struct trial *t, paddr_t start, size_t size);

/* Manage the same span anew, with whatever the metadata holds by now. */
void manage_again(struct trial *t);

/* Manage the span, and add all of it. */
void manage_all(struct trial *t, paddr_t start, size_t size);

/* The same, and take all of it. */
void manage_taken(struct trial *t, paddr_t start, size_t size);

enum alloc_error try_add(struct trial *t, paddr_t start, size_t size);
enum alloc_error try_alloc(struct trial *t, size_t n, size_t align, paddr_t *out);
enum alloc_error try_alloc_at(struct trial *t, paddr_t paddr, size_t n);
enum alloc_error try_free(struct trial *t, paddr_t paddr, size_t n);

/* Allocate where there must be memory. */
paddr_t must_alloc(struct trial *t, size_t n, size_t align);

/* page_check must say false, and page_problem_text must say why in these words. */
void expect_problem(const struct trial *t, const char *text);

/* Compare n pages from paddr on and one on either side, the counts and the largest run. */
void look_at(struct trial *t, paddr_t paddr, size_t n);

/* The same with every page of the span. */
void look_at_all(struct trial *t);

static inline paddr_t after(paddr_t paddr, size_t n) {
    return paddr + n * PAGE_SIZE;
}

/* A macro for the line number of the call in the failure. */
#define assert_error(call, expected) assert_string_equal(alloc_error_name(call), #expected)

/* An entry for a test that needs more addresses than 32 bits have: left out where they are all. */
#define test_beyond_4_GiB(test) \
    { SIZE_MAX > UINT32_MAX ? #test : NULL, test, NULL, NULL, NULL }

/* Run each of the tests for each candidate whose rules fit, as one TAP stream: the program's exit
 * status. A test finds its struct trial in *state, watched and without a span. */
int run_trials(const struct CMUnitTest *tests, size_t count,
               bool (*fits)(const struct candidate *candidate));

bool any_stage(const struct candidate *candidate);
bool stage_that_frees(const struct candidate *candidate);
