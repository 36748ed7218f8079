/* The self-test of alloc/harts.h in a kernel for several harts: pages that come and go without a
 * lock around the calls, on all harts at once. The pages are a run of the window. What lies in the
 * hands is recalled by interrupts, so each call is made with interrupts off. */
#include "selftest.h"

#include "../alloc/harts.h"
#include "../harts.h"
#include "../lock.h"
#include "../riscv.h"
#include "../start.h"
#include "xorshift.h"

enum {
    STEPS = 20000, /* of all harts together */
    SLOTS = 256,   /* where harts leave pages for each other */
    FREES = 800,   /* of all harts together, of pages that all free at once */
};

/* ---- the allocator, and the hart's hand ---- */

static struct harts shared;
static struct hand hands[HARTS];
static paddr_t first;
static size_t pages;

static struct hand *my_hand(void) {
    return &hands[this_hart() - harts];
}

/* A hart's hand is put down in the middle of whatever else it does, but for a call with it. */
static void put_down(void) {
    harts_put_down(&shared, my_hand());
}

#define PAUSE 10000 /* ticks: a millisecond on QEMU */

/* Whoever does not answer in 20 seconds of a busy machine never will: then the test fails. */
static bool interrupt_others(void *context) {
    static atomic_uint pauses;
    uintptr_t start = READ_CSR(time);
    (void) context;
    if (atomic_fetch_add_explicit(&pauses, 1, memory_order_relaxed) > 20000)
        return false;
    for (size_t at = 0; at < HARTS; at++)
        if (&harts[at] != this_hart() && hart_is(&harts[at], HART_UP))
            hart_wake(&harts[at]);
    for (uintptr_t now = start; now - start < PAUSE; now = READ_CSR(time))
        continue;
    return true;
}

/* 0 if there is none. */
static paddr_t take_run(size_t n) {
    paddr_t run = 0;
    interrupts_off();
    harts_alloc(&shared, my_hand(), n, PAGE_SIZE, &run);
    interrupts_on();
    return run;
}

static enum alloc_error give_run(paddr_t run, size_t n) {
    interrupts_off();
    enum alloc_error error = harts_free(&shared, my_hand(), run, n);
    interrupts_on();
    return error;
}

/* ---- before and after each test ---- */

static void begin(const struct machine *machine) {
    (void) machine;
    /* A power of two, since a buddy has a block of twice the size for anything more. */
    for (pages = 1; pages * 2 <= page_largest_run(&frames) / 2;)
        pages *= 2;
    first = alloc_pages(pages);
    size_t meta_size = harts_meta_size(first, pages * PAGE_SIZE);
    size_t meta_pages = (meta_size + PAGE_SIZE - 1) / PAGE_SIZE;
    void *meta = (void *) alloc_pages(meta_pages);
    EXPECT_EQUAL(harts_begin(&shared, first, pages * PAGE_SIZE, meta, meta_pages * PAGE_SIZE,
                             interrupt_others, NULL),
                 ALLOC_OK);
    for (size_t at = 0; at < HARTS; at++)
        if (hart_is(&harts[at], HART_UP))
            harts_join(&shared, &hands[at]);
    EXPECT_EQUAL(harts_add_memory(&shared, my_hand(), first, pages * PAGE_SIZE), ALLOC_OK);
    atomic_store(&harts_answer, put_down);
}

static void do_nothing(uintptr_t unused) {
    (void) unused;
}

/* A hart that has done its work is no longer in an answer: the next test has other pages. */
static void end(void) {
    atomic_store(&harts_answer, NULL);
    harts_run(do_nothing, 0);
}

static atomic_ulong mistakes;
static struct barrier barrier;

static void wait_for_all(void) {
    barrier_wait(&barrier, harts_count());
}

static void run_on_all(void (*work)(uintptr_t), uintptr_t argument) {
    mistakes = 0;
    harts_run(work, argument);
    EXPECT_EQUAL(mistakes, 0);
}

/* All is free, and nothing is lost between the hands. */
static void expect_whole(void) {
    char text[PROBLEM_SIZE];
    interrupts_off();
    size_t used = harts_used(&shared, my_hand());
    interrupts_on();
    EXPECT_EQUAL(used, 0);
    EXPECT_EQUAL(take_run(pages), first);
    EXPECT_EQUAL(give_run(first, pages), ALLOC_OK);
    end(); /* a hart that was interrupted twice would take the lock while nobody may */
    const char *problem = harts_problem_text(&shared, text);
    if (problem != NULL)
        printf("# %s\n", problem);
    EXPECT(problem == NULL);
    EXPECT_EQUAL(harts_largest_run(&shared), pages);
}

/* ---- the tests ---- */

/* What stands at both ends of the page must be `before`, and is `now` from now on: its address if a
 * hart has allocated it, 0 if it is free. */
static void expect_and_write(paddr_t page, uintptr_t before, uintptr_t now) {
    mistakes += *word_of(page, 0) != before || *word_of(page, LAST_WORD) != before;
    *word_of(page, 0) = *word_of(page, LAST_WORD) = now;
}

static _Atomic(paddr_t) slots[SLOTS];

/* A page into a slot; what lay there, mostly another hart's, is freed. */
static void exchange_pages(uintptr_t steps) {
    uint32_t random = XORSHIFT32_SEED + (uint32_t) this_hart()->id;
    wait_for_all();
    for (uintptr_t i = 0; i < steps; i++) {
        paddr_t page = take_run(1);
        if (page == 0) {
            mistakes++;
            continue;
        }
        expect_and_write(page, 0, page);
        random = xorshift32(random);
        page = atomic_exchange(&slots[random % SLOTS], page);
        if (page != 0) {
            expect_and_write(page, page, 0);
            mistakes += give_run(page, 1) != ALLOC_OK;
        }
    }
}

static void no_page_has_two_owners(void) {
    run_on_all(exchange_pages, STEPS / harts_count());
    for (size_t i = 0; i < SLOTS; i++) {
        paddr_t page = atomic_exchange(&slots[i], 0);
        if (page != 0)
            EXPECT_EQUAL(give_run(page, 1), ALLOC_OK);
    }
    expect_whole();
}

static atomic_ulong freed;
static paddr_t at_once;

static void free_what_all_free(uintptr_t n) {
    for (uintptr_t i = 0; i < n; i++) {
        wait_for_all();
        freed += give_run(after(at_once, i), 1) == ALLOC_OK;
    }
}

static void of_all_harts_that_free_a_page_at_once_one_does(void) {
    size_t n = FREES / harts_count();
    freed = 0;
    at_once = take_run(n);
    run_on_all(free_what_all_free, n);
    EXPECT_EQUAL(freed, n);
    expect_whole();
}

/* Each has pages of several words, and frees them: these words lie in its hand. Then the first
 * wants all pages in one piece, while the others do something else. */
static void fill_hands(uintptr_t unused) {
    static paddr_t mine[HARTS][SLOTS];
    paddr_t *taken = mine[this_hart() - harts];
    size_t share = pages / 2 / harts_count(), n = share < SLOTS ? share : SLOTS;
    (void) unused;
    for (size_t i = 0; i < n; i++)
        taken[i] = take_run(1);
    wait_for_all();
    for (size_t i = 0; i < n; i++)
        mistakes += give_run(taken[i], 1) != ALLOC_OK;
    wait_for_all();
    if (this_hart() == harts) {
        mistakes += take_run(pages) != first;
        mistakes += give_run(first, pages) != ALLOC_OK;
    }
    wait_for_all();
}

static void what_others_hold_is_recalled_by_an_interrupt(void) {
    run_on_all(fill_hands, 0);
    expect_whole();
}

/* ---- the list ---- */

static const struct test tests[] = {
    {"without a lock no page has two owners, whichever hart frees it", no_page_has_two_owners,
     ALWAYS},
    {"of all harts that free a page at once one does, and the others are told",
     of_all_harts_that_free_a_page_at_once_one_does, ALWAYS},
    {"what other harts hold is recalled by an interrupt, and is whole again",
     what_others_hold_is_recalled_by_an_interrupt, ALWAYS},
};

const struct test_list hands_tests = {
    .tests = tests,
    .count = sizeof(tests) / sizeof(tests[0]),
    .begin = begin,
    .end = end,
};
