/* The workloads of both benchmarks, in the kernel and on the host.
 *
 * They come from one seeded generator, so that every stage gets the same ones. Beside the stages
 * stands the floor: an array of page numbers, used as a stack. It finds no run, no given page and
 * no mistake; nothing that answers more can be faster.
 *
 * Whoever includes this says how a cost is taken, by defining the four functions below. */
#pragma once

#include "../../alloc/alloc.h"
#include "../../alloc/words.h"
#include "../xorshift.h"

/* All that is measured is inlined, so that `struct way` is known at compile time and costs nothing.
 */
#define INLINE static inline __attribute__((always_inline))

enum call {
    CALL_ALLOC,
    CALL_FREE
};

INLINE uint64_t tick(void);                         /* a clock, read around a single call */
INLINE void record(enum call call, uint64_t ticks); /* what the call took */
INLINE void begin_cost(void);                       /* these two stand around many calls, */
INLINE void end_cost(const char *what, uint64_t operations); /* and what they do together */

#define NO_PAGE UINT32_MAX
#define BLOCK_PAGES ((uint32_t) 512) /* a block of 2 MiB */
#define BLOCK_SIZE (BLOCK_PAGES * PAGE_SIZE)

/* How a workload is run. */
struct way {
    bool is_floor; /* on the floor, not on a stage */
    bool is_each;  /* take the cost of each call, not of all together */
};

struct bench {
    struct page_allocator a;
    paddr_t start; /* of the span, a multiple of BLOCK_SIZE */
    uint32_t page_count;
    uint32_t *floor, *pages, *sizes; /* room for that many numbers each, see below */
    uint64_t requests, failures;     /* of runs, in the last workload */
};

/* What a workload has in its hands. It is a local variable, and nothing that is called knows its
 * address: a compiler keeps it in registers. */
struct hands {
    struct bench *b;
    uint64_t random;

    uint32_t *floor; /* the free pages on the floor */
    uint32_t floor_count;

    /* What is held: the first page of each run, its size, and all their pages. */
    uint32_t *pages, *sizes;
    uint32_t held, used;
    uint64_t requests, failures;
};

/* ---- what there is to do ---- */

struct workload {
    enum {
        FILL,   /* all memory taken, freed in three orders, taken again */
        CHURN,  /* random pages freed and as many allocated */
        GATHER, /* the same for long, from random occupancy: do the free pages gather? */
        MIXED,  /* random runs freed, and one of some order allocated for each */
        ODD,    /* runs of `size` allocated up to `high`, freed down to `low` */
        REFUSE, /* every other page taken: `size` pages together are not to be had */
    } kind;
    const char *name;
    uint32_t low, high; /* occupancy in percent */
    uint32_t burst;     /* pages freed one after the other */
    uint32_t size;      /* pages */
};

#define UP_TO_1000 UINT32_MAX /* a size: 1 to 1000, all as likely */

static const struct workload workloads[] = {
    {FILL, "fill", 0, 100, 0, 1},
    {CHURN, "churn 50 % burst 1", 50, 50, 1, 1},
    {CHURN, "churn 50 % burst 64", 50, 50, 64, 1},
    {CHURN, "churn 90 % burst 1", 90, 90, 1, 1},
    {CHURN, "churn 90 % burst 64", 90, 90, 64, 1},
    {CHURN, "churn 99 % burst 1", 99, 99, 1, 1},
    {CHURN, "churn 99 % burst 64", 99, 99, 64, 1},
    {GATHER, "churn from random 50 %", 50, 50, 1, 1},
    {MIXED, "mixed", 75, 75, 0, 0},
    {ODD, "odd n=3", 50, 70, 0, 3},
    {ODD, "odd n=5", 50, 70, 0, 5},
    {ODD, "odd n=100", 50, 70, 0, 100},
    {ODD, "odd n=1000", 50, 70, 0, 1000},
    {ODD, "odd n=1 to 1000", 50, 70, 0, UP_TO_1000},
    {REFUSE, "refuse", 50, 50, 0, 2},
};

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

/* The workload whose single calls show what the dearest costs. */
static const struct workload worst = {CHURN, "worst", 90, 90, 1, 1};

/* ---- the calls ---- */

/* A compiler sees that the floor copies from one array to another, and would copy many pages at
 * once. Here one call is to end before the next begins. */
INLINE void one_by_one(uint32_t page) {
    __asm__ volatile("" : : "r"(page));
}

INLINE uint32_t take(struct hands *h, struct way way, uint32_t n, size_t align) {
    struct bench *b = h->b;
    uint64_t before = way.is_each ? tick() : 0;
    uint32_t page = NO_PAGE;
    paddr_t paddr;
    if (way.is_floor)
        page = h->floor_count > 0 ? h->floor[--h->floor_count] : NO_PAGE;
    else if (page_alloc(&b->a, n, align, &paddr) == ALLOC_OK)
        page = (uint32_t) ((paddr - b->start) / PAGE_SIZE);
    if (way.is_each)
        record(CALL_ALLOC, tick() - before);
    one_by_one(page);
    return page;
}

INLINE void give(struct hands *h, struct way way, uint32_t page, uint32_t n) {
    struct bench *b = h->b;
    one_by_one(page);
    uint64_t before = way.is_each ? tick() : 0;
    if (way.is_floor)
        h->floor[h->floor_count++] = page;
    else
        page_free(&b->a, b->start + (paddr_t) page * PAGE_SIZE, n);
    if (way.is_each)
        record(CALL_FREE, tick() - before);
}

/* ---- chance ---- */

INLINE uint32_t next_random(struct hands *h) {
    h->random = xorshift64(h->random);
    return (uint32_t) (h->random >> 32);
}

/* A number below `bound`. By a multiplication: a division costs more than some allocators. */
INLINE uint32_t random_below(struct hands *h, uint32_t bound) {
    return (uint32_t) ((uint64_t) next_random(h) * bound >> 32);
}

INLINE void swap_pages(struct hands *h, uint32_t i, uint32_t j) {
    uint32_t page = h->pages[i];
    h->pages[i] = h->pages[j];
    h->pages[j] = page;
}

INLINE void shuffle(struct hands *h) {
    for (uint32_t left = h->held; left > 1; left--)
        swap_pages(h, random_below(h, left), left - 1);
}

INLINE void reverse(struct hands *h) {
    for (uint32_t i = 0; i < h->held / 2; i++)
        swap_pages(h, i, h->held - 1 - i);
}

/* ---- single pages ---- */

INLINE void hold_pages(struct hands *h, struct way way, uint32_t until) {
    while (h->held < until) {
        uint32_t page = take(h, way, 1, PAGE_SIZE);
        if (page == NO_PAGE)
            return;
        h->pages[h->held++] = page;
    }
}

INLINE void release_random_page(struct hands *h, struct way way) {
    uint32_t i = random_below(h, h->held), page = h->pages[i];
    h->pages[i] = h->pages[--h->held];
    give(h, way, page, 1);
}

INLINE void release_all(struct hands *h, struct way way) {
    while (h->held > 0)
        give(h, way, h->pages[--h->held], 1);
}

INLINE uint32_t pages_of(const struct hands *h, uint32_t percent) {
    return (uint32_t) ((uint64_t) h->b->page_count * percent / 100);
}

INLINE void run_fill(struct hands *h, struct way way, bool frees) {
    static const char *const freeing[] = {"free LIFO", "free FIFO", "free random"};
    static const char *const filling[] = {"fill after LIFO", "fill after FIFO",
                                          "fill after random"};
    begin_cost();
    hold_pages(h, way, pages_of(h, 100));
    end_cost("fill", h->held);
    for (int order = 0; order < 3 && frees; order++) {
        uint32_t held = h->held;
        if (order == 1)
            reverse(h);
        else if (order == 2)
            shuffle(h);
        begin_cost();
        release_all(h, way);
        end_cost(freeing[order], held);
        begin_cost();
        hold_pages(h, way, pages_of(h, 100));
        end_cost(filling[order], h->held);
    }
}

INLINE void churn(struct hands *h, struct way way, uint32_t burst, uint64_t pairs) {
    uint32_t held = h->held;
    for (uint64_t done = 0; done < pairs; done += burst) {
        for (uint32_t i = 0; i < burst; i++)
            release_random_page(h, way);
        hold_pages(h, way, held);
    }
}

/* A random third is freed and taken again before anything is measured: memory with a past. */
INLINE void run_churn(struct hands *h, struct way way, const struct workload *w, uint64_t pairs) {
    uint32_t held = pages_of(h, w->high);
    hold_pages(h, way, held);
    while (h->held > held - held / 3)
        release_random_page(h, way);
    hold_pages(h, way, held);

    begin_cost();
    churn(h, way, w->burst, pairs);
    end_cost(w->name, pairs);
}

/* From full memory, a random part is freed. After 8 pairs a page, hardly any page is where it was.
 */
INLINE void run_gather(struct hands *h, struct way way, const struct workload *w) {
    hold_pages(h, way, pages_of(h, 100));
    while (h->held > pages_of(h, w->high))
        release_random_page(h, way);
    churn(h, way, w->burst, (uint64_t) h->b->page_count * 8);
}

/* ---- runs ---- */

/* One request for a run; true if it was granted. */
INLINE bool hold_run(struct hands *h, struct way way, uint32_t n, size_t align) {
    uint32_t page = take(h, way, n, align);
    h->requests++;
    if (page == NO_PAGE) {
        h->failures++;
        return false;
    }
    h->pages[h->held] = page;
    h->sizes[h->held++] = n;
    h->used += n;
    return true;
}

INLINE void release_random_run(struct hands *h, struct way way) {
    uint32_t i = random_below(h, h->held), page = h->pages[i], n = h->sizes[i];
    h->pages[i] = h->pages[--h->held];
    h->sizes[i] = h->sizes[h->held];
    h->used -= n;
    give(h, way, page, n);
}

/* Orders 0 to 9, each half as likely as the one below, and aligned as orders are. */
INLINE bool hold_order(struct hands *h, struct way way) {
    uint32_t n = 1U << word_lowest(next_random(h) | 1U << 9);
    return hold_run(h, way, n, n * PAGE_SIZE);
}

/* One run freed and one asked for, again and again. A request that fails is not repeated. */
INLINE void run_mixed(struct hands *h, struct way way, const struct workload *w, uint64_t pairs) {
    while (h->used < pages_of(h, w->high))
        if (!hold_order(h, way))
            break;
    h->requests = h->failures = 0;

    begin_cost();
    for (uint64_t done = 0; done < pairs; done++) {
        release_random_run(h, way);
        hold_order(h, way);
    }
    end_cost(w->name, pairs);
}

/* Allocate until so many pages are used, or a request fails. */
INLINE void hold_runs(struct hands *h, struct way way, uint32_t size, uint32_t until) {
    while (h->used < until)
        if (!hold_run(h, way, size != UP_TO_1000 ? size : 1 + random_below(h, 1000), PAGE_SIZE))
            return;
}

/* Up and down between two occupancies. */
INLINE void run_odd(struct hands *h, struct way way, const struct workload *w, uint64_t pairs) {
    hold_runs(h, way, w->size, pages_of(h, w->high));
    h->requests = h->failures = 0;

    begin_cost();
    for (uint64_t done = 0; done < pairs;) {
        while (h->used > pages_of(h, w->low)) {
            release_random_run(h, way);
            done++;
        }
        hold_runs(h, way, w->size, pages_of(h, w->high));
    }
    end_cost(w->name, pairs);
}

/* Refused once, again, and each time after a page was allocated and freed: who remembers that there
 * is no run? */
INLINE void run_refuse(struct hands *h, struct way way, const struct workload *w, uint64_t times) {
    hold_pages(h, way, pages_of(h, 100));
    for (uint32_t i = h->held; i-- > 0;)
        if (h->pages[i] % 2 != 0) {
            give(h, way, h->pages[i], 1);
            h->pages[i] = h->pages[--h->held];
        }

    begin_cost();
    take(h, way, w->size, PAGE_SIZE);
    end_cost("refuse first", 1);
    begin_cost();
    for (uint64_t done = 0; done < times; done++)
        take(h, way, w->size, PAGE_SIZE);
    end_cost("refuse again", times);
    begin_cost();
    for (uint64_t done = 0; done < times; done++) {
        give(h, way, take(h, way, 1, PAGE_SIZE), 1);
        take(h, way, w->size, PAGE_SIZE);
    }
    end_cost("refuse after a pair", times);
}

/* ---- all of it ---- */

/* Run a workload on memory that is all free. */
INLINE void run_workload(struct bench *b, struct way way, const struct workload *w, bool frees,
                         uint64_t pairs) {
    struct hands h = {.b = b,
                      .random = XORSHIFT64_SEED,
                      .floor = b->floor,
                      .floor_count = b->page_count,
                      .pages = b->pages,
                      .sizes = b->sizes};
    if (w->kind == FILL)
        run_fill(&h, way, frees);
    else if (w->kind == CHURN)
        run_churn(&h, way, w, pairs);
    else if (w->kind == GATHER)
        run_gather(&h, way, w);
    else if (w->kind == MIXED)
        run_mixed(&h, way, w, pairs);
    else if (w->kind == ODD)
        run_odd(&h, way, w, pairs);
    else
        run_refuse(&h, way, w, pairs / 1000);
    b->requests = h.requests;
    b->failures = h.failures;
}

/* Blocks of 2 MiB that are all free. */
static inline uint32_t whole_blocks(const struct bench *b) {
    uint32_t whole = 0;
    for (uint32_t page = 0; page + BLOCK_PAGES <= b->page_count; page += BLOCK_PAGES) {
        uint32_t i = 0;
        while (i < BLOCK_PAGES && page_is_free(&b->a, b->start + (page + i) * PAGE_SIZE))
            i++;
        whole += i == BLOCK_PAGES;
    }
    return whole;
}

/* As many as there could be: if all free pages lay together. */
static inline uint32_t ideal_blocks(const struct bench *b) {
    return (uint32_t) (page_available(&b->a) / BLOCK_PAGES);
}
