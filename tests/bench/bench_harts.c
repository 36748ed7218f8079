/* The benchmark of several harts: instructions a pair, and how often a lock is taken for it.
 *
 * All harts free random pages and allocate as many, at 90 % of the memory. They take turns, one
 * burst each: QEMU counts the instructions of all harts together, so while one is measured the
 * others sleep. What it costs to wait for each other is not in these figures, and cannot be had on
 * an emulator; the locks tell how often there is something to wait for.
 *
 * Each figure is a line: "bench: workload; figure; value". */
#include "../../alloc/harts.h"
#include "../../common.h"
#include "../../harts.h"
#include "../../kernel.h"
#include "../../lock.h"
#include "../../memory/frames.h"
#include "../../panic.h"
#include "../../riscv.h"
#include "../../start.h"
#include "../xorshift.h"

enum {
    PAIRS = 40000, /* of all harts together, */
    TURNS = 10000, /* but in no more turns: each begins with an interrupt */
    BURST = 64,    /* pages, at most */
    MAGAZINE = 64, /* pages, at most */
};

#define UNIT ((size_t) 2 * 1024 * 1024)

/* What stands between the harts and the pages. */
enum kind {
    ONE_LOCK,  /* around each call of the stage */
    MAGAZINES, /* half of one goes over that lock at once */
    HANDS,     /* alloc/harts.h */
};
static const char *const names[] = {"one lock", "magazines", "hands"};

/* A row of the table; share: so many percent of what a hart frees were allocated by another. */
static struct row {
    enum kind kind;
    unsigned burst, share;
} row;

/* ---- what each hart has ---- */

static struct worker {
    struct hand hand;
    paddr_t magazine[MAGAZINE];
    size_t in_magazine;
    paddr_t *pages; /* those that it holds */
    size_t held;
    paddr_t inbox[BURST]; /* what the hart before leaves it to free */
    size_t in_inbox;
    uint32_t random;
    uint64_t instructions;
    size_t pairs;
} workers[HARTS];

static struct harts shared;
static struct page_allocator locked;
static struct lock lock = {.name = "the benchmark"};
static size_t locks, magazine_size;

/* ---- one page ---- */

static void take_lock(void) {
    lock_take(&lock);
    locks++;
}

static paddr_t from_stage(void) {
    paddr_t page;
    if (page_alloc(&locked, 1, PAGE_SIZE, &page) != ALLOC_OK)
        PANIC("no memory: %zu pages are free", page_available(&locked));
    return page;
}

static void to_stage(paddr_t page) {
    if (page_free(&locked, page, 1) != ALLOC_OK)
        PANIC("the page %p cannot be freed", (void *) page);
}

static paddr_t from_lock(void) {
    take_lock();
    paddr_t page = from_stage();
    lock_give(&lock);
    return page;
}

static void to_lock(paddr_t page) {
    take_lock();
    to_stage(page);
    lock_give(&lock);
}

static paddr_t from_magazine(struct worker *w) {
    if (w->in_magazine == 0) {
        take_lock();
        while (w->in_magazine < magazine_size / 2)
            w->magazine[w->in_magazine++] = from_stage();
        lock_give(&lock);
    }
    return w->magazine[--w->in_magazine];
}

static void to_magazine(struct worker *w, paddr_t page) {
    if (w->in_magazine == magazine_size) {
        take_lock();
        while (w->in_magazine > magazine_size / 2)
            to_stage(w->magazine[--w->in_magazine]);
        lock_give(&lock);
    }
    w->magazine[w->in_magazine++] = page;
}

static void to_hand(struct worker *w, paddr_t page) {
    if (harts_free(&shared, &w->hand, page, 1) != ALLOC_OK)
        PANIC("the page %p cannot be freed", (void *) page);
}

/* The other harts sleep, so whoever recalls their hands can put them down itself. But not the hand
 * that is in use. */
static const struct worker *at_work;

static bool put_others_down(void *context) {
    (void) context;
    for (size_t at = 0; at < HARTS; at++)
        if (&workers[at] != at_work && hart_is(&harts[at], HART_UP))
            harts_put_down(&shared, &workers[at].hand);
    return true;
}

static paddr_t from_hand(struct worker *w) {
    paddr_t page;
    at_work = w;
    if (harts_alloc(&shared, &w->hand, 1, PAGE_SIZE, &page) != ALLOC_OK)
        PANIC("no memory");
    return page;
}

/* ---- counted ---- */

static uintptr_t own_cost; /* instructions between two looks at the counter */

static void find_own_cost(void) {
    uintptr_t before = READ_CSR(instret);
    own_cost = READ_CSR(instret) - before;
}

static paddr_t take(struct worker *w) {
    uintptr_t before = READ_CSR(instret);
    paddr_t page = row.kind == ONE_LOCK    ? from_lock()
                   : row.kind == MAGAZINES ? from_magazine(w)
                                           : from_hand(w);
    w->instructions += READ_CSR(instret) - before - own_cost;
    return page;
}

static void give(struct worker *w, paddr_t page) {
    uintptr_t before = READ_CSR(instret);
    if (row.kind == ONE_LOCK)
        to_lock(page);
    else if (row.kind == MAGAZINES)
        to_magazine(w, page);
    else
        to_hand(w, page);
    w->instructions += READ_CSR(instret) - before - own_cost;
}

/* ---- a turn ---- */

static uint32_t random_below(struct worker *w, uint32_t bound) {
    w->random = xorshift32(w->random);
    return w->random % bound;
}

static struct worker *next_worker(const struct worker *w) {
    size_t at = (size_t) (w - workers);
    do {
        at = (at + 1) % HARTS;
    } while (!hart_is(&harts[at], HART_UP));
    return &workers[at];
}

static void one_burst(struct worker *w, struct worker *next) {
    for (unsigned i = 0; i < row.burst; i++) {
        size_t at = random_below(w, (uint32_t) w->held);
        paddr_t page = w->pages[at];
        w->pages[at] = w->pages[--w->held];
        if (random_below(w, 100) < row.share)
            next->inbox[next->in_inbox++] = page;
        else
            give(w, page);
    }
    while (w->in_inbox > 0)
        give(w, w->inbox[--w->in_inbox]);
    for (unsigned i = 0; i < row.burst; i++)
        w->pages[w->held++] = take(w);
    w->pairs += row.burst;
}

/* ---- the turns ---- */

static _Atomic(struct worker *) turn;

/* As in start.c: an interrupt that comes between the look and the sleep ends it. None comes in a
 * turn, where it would be counted. */
static void wait_for_turn(struct worker *w) {
    while (atomic_load_explicit(&turn, memory_order_acquire) != w) {
        interrupts_off();
        if (atomic_load_explicit(&turn, memory_order_acquire) != w)
            __asm__ volatile("wfi");
        interrupts_on();
    }
    interrupts_off();
}

static void pass_turn(struct worker *to) {
    atomic_store_explicit(&turn, to, memory_order_release);
    hart_wake(&harts[to - workers]);
    interrupts_on();
}

/* The hart that booted has the last turn, in which it does nothing: then all are done. */
static void take_turns(uintptr_t turns) {
    struct worker *w = &workers[this_hart() - harts], *next = next_worker(w);
    for (uintptr_t i = 0; i < turns; i++) {
        wait_for_turn(w);
        one_burst(w, next);
        pass_turn(next);
    }
    if (w == workers) {
        wait_for_turn(w);
        interrupts_on();
    }
}

/* ---- a row ---- */

static struct memory_range room; /* the pages, and behind them the metadata */
static void *meta;
static size_t meta_size;

static void make_fresh(const struct alloc_stage *stage) {
    size_t size = room.end - room.start;
    enum alloc_error error;
    if (row.kind == HANDS)
        error = harts_begin(&shared, room.start, size, meta, meta_size, put_others_down, NULL);
    else
        error = page_init(&locked, stage, room.start, size, meta, meta_size);
    for (size_t at = 0; at < HARTS; at++) {
        workers[at].held = workers[at].in_magazine = workers[at].in_inbox = 0;
        workers[at].random = XORSHIFT32_SEED + (uint32_t) at;
        if (row.kind == HANDS && hart_is(&harts[at], HART_UP))
            harts_join(&shared, &workers[at].hand);
    }
    if (error == ALLOC_OK)
        error = row.kind == HANDS ? harts_add_memory(&shared, &workers[0].hand, room.start, size)
                                  : page_add_memory(&locked, room.start, size);
    if (error != ALLOC_OK)
        PANIC("cannot manage %p to %p: %s", (void *) room.start, (void *) room.end,
              alloc_error_name(error));
}

/* Page after page to hart after hart. */
static void fill(size_t pages) {
    struct worker *w = workers;
    for (size_t i = 0; i < pages; i++) {
        w->pages[w->held++] = take(w);
        w = next_worker(w);
    }
}

static void begin_counting(void) {
    locks = 0;
    for (size_t at = 0; at < HARTS; at++) {
        workers[at].instructions = workers[at].pairs = 0;
        workers[at].hand.locks = 0;
    }
}

static void print_hundredths(const char *figure, uint64_t value) {
    printf("bench: %s burst %u others %u %%; %s; %llu.%02llu\n", names[row.kind], row.burst,
           row.share, figure, (unsigned long long) value / 100, (unsigned long long) value % 100);
}

static void print_row(void) {
    uint64_t instructions = 0, pairs = 0;
    for (size_t at = 0; at < HARTS; at++) {
        instructions += workers[at].instructions;
        pairs += workers[at].pairs;
        locks += row.kind == HANDS ? workers[at].hand.locks : 0;
    }
    print_hundredths("instructions", instructions * 100 / pairs);
    print_hundredths("locks in 1000 pairs", locks * UINT64_C(100000) / pairs);
}

static bool run_row(const struct alloc_stage *stage, struct row row_) {
    row = row_;
    make_fresh(stage);
    fill((room.end - room.start) / PAGE_SIZE / 10 * 9);
    begin_counting();
    atomic_store(&turn, workers);
    unsigned turns = PAIRS / row.burst;
    harts_run(take_turns, (turns < TURNS ? turns : TURNS) / harts_count());
    print_row();
    return row.kind == HANDS ? harts_problem(&shared) == NULL : page_check(&locked);
}

/* ---- all rows ---- */

/* Divide the memory of the machine: pages from a multiple of 2 MiB on, so that a kernel of another
 * size has the same. What a hart holds is in no order with the others, so each has room for all
 * that there can be for it. */
static void lay_out(const struct alloc_stage *stage, const struct memory_map *usable) {
    struct memory_range all = usable->ranges[0];
    for (size_t at = 1; at < usable->count; at++)
        if (usable->ranges[at].end - usable->ranges[at].start > all.end - all.start)
            all = usable->ranges[at];
    all.start = (all.start + UNIT - 1) / UNIT * UNIT;
    size_t size = (all.end - all.start) / UNIT * UNIT, tables, each;
    do {
        size -= UNIT;
        each = size / PAGE_SIZE / harts_count() + 1 + BURST;
        size_t of_stage = page_meta_size(stage, all.start, size);
        meta_size = harts_meta_size(all.start, size);
        meta_size = of_stage > meta_size ? of_stage : meta_size;
        tables = meta_size + each * harts_count() * sizeof(paddr_t);
    } while (size + tables > all.end - all.start);
    room = (struct memory_range){all.start, all.start + size};
    meta = (void *) room.end;
    for (size_t at = 0, used = 0; at < HARTS; at++)
        if (hart_is(&harts[at], HART_UP))
            workers[at].pages = (paddr_t *) (room.end + meta_size) + used++ * each;
    /* No magazine is so large that all together could hold what is free. */
    magazine_size = size / PAGE_SIZE / 10 / harts_count() / 2;
    magazine_size = magazine_size < MAGAZINE ? magazine_size : MAGAZINE;
}

/* alloc/harts.h is radix, shared: its rows stand with radix. */
bool program(const struct alloc_stage *stage, const struct machine *machine,
             struct memory_range free_ram) {
    bool frees = page_free(&frames, free_ram.start, 1) != ALLOC_UNSUPPORTED;
    size_t passed = 0, failed = 0;
    enum kind last = stage == &radix_stage ? HANDS : MAGAZINES;

    find_own_cost();
    lay_out(stage, &machine->usable);
    for (enum kind kind = ONE_LOCK; kind <= last && frees; kind++)
        for (unsigned burst = 1; burst <= BURST; burst *= BURST)
            for (unsigned share = 0; share <= 100; share += 50) {
                bool ok = run_row(stage, (struct row){kind, burst, share});
                passed += ok;
                failed += !ok;
            }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0;
}
