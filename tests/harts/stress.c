/* Threads on one span, for ThreadSanitizer: stress THREADS CALLS.
 *
 * Every thread allocates pages and runs, writes its number into each page's mark, and gives what it
 * has to the next thread, or frees it. A page that two threads have at once is a race between their
 * marks, and so is one whose old owner's writing is not before the new one's. A recall is a flag
 * that threads look at between calls. */
#define _GNU_SOURCE
#include "../../alloc/harts.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOST = 8,
    PAGES = 1500,
    HOLDS = 400 /* runs that a thread has at most */
};

struct run {
    size_t page, n;
};

static struct harts s;
static unsigned char marks[PAGES]; /* plain on purpose */
static unsigned threads, calls;
static atomic_uint ready;

/* From a thread to the next: filled by the one, emptied by the other. */
static struct mail {
    _Alignas(64) atomic_bool is_full;
    struct run run;
} mail[MOST];

static struct thread {
    struct hand hand;
    atomic_bool is_asked;
    unsigned number;
    uint64_t random;
    struct run runs[HOLDS];
    size_t held, refused;
} all[MOST];

static void fail(const char *what) {
    fprintf(stderr, "stress: %s\n", what);
    exit(1);
}

static size_t random_below(struct thread *t, size_t bound) {
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return (size_t) (t->random % bound);
}

static void answer_recall(struct thread *t) {
    if (atomic_exchange_explicit(&t->is_asked, false, memory_order_relaxed))
        harts_put_down(&s, &t->hand);
}

/* Who recalls may be asked itself, and need not answer. */
static bool ask_all(void *context) {
    (void) context;
    for (unsigned i = 0; i < threads; i++)
        atomic_store_explicit(&all[i].is_asked, true, memory_order_relaxed);
    sched_yield();
    return true;
}

static void keep(struct thread *t, struct run run) {
    for (size_t i = 0; i < run.n; i++)
        marks[run.page + i] = (unsigned char) t->number;
    t->runs[t->held++] = run;
}

static void allocate(struct thread *t) {
    static const size_t sizes[] = {1, 1, 1, 1, 1, 2, 3, 16, 100};
    size_t n = sizes[random_below(t, 9)];
    paddr_t out;
    if (t->held == HOLDS)
        return;
    if (harts_alloc(&s, &t->hand, n, n == 16 ? 16 * PAGE_SIZE : PAGE_SIZE, &out) == ALLOC_OK)
        keep(t, (struct run){out / PAGE_SIZE, n});
    else
        t->refused++;
}

static struct run drop(struct thread *t) {
    size_t i = random_below(t, t->held);
    struct run run = t->runs[i];
    t->runs[i] = t->runs[--t->held];
    for (size_t page = run.page; page < run.page + run.n; page++)
        if (marks[page] != t->number)
            fail("a page has another owner");
    return run;
}

static void give_back(struct thread *t, struct run run) {
    if (harts_free(&s, &t->hand, run.page * PAGE_SIZE, run.n) != ALLOC_OK)
        fail("what is allocated cannot be freed");
}

static void send(struct thread *t) {
    struct mail *to = &mail[(t->number + 1) % threads];
    if (atomic_load_explicit(&to->is_full, memory_order_acquire))
        return;
    to->run = drop(t);
    atomic_store_explicit(&to->is_full, true, memory_order_release);
}

static void receive(struct thread *t) {
    struct mail *from = &mail[t->number];
    if (t->held == HOLDS || !atomic_load_explicit(&from->is_full, memory_order_acquire))
        return;
    keep(t, from->run);
    atomic_store_explicit(&from->is_full, false, memory_order_release);
}

static void *run_thread(void *argument) {
    struct thread *t = argument;
    harts_join(&s, &t->hand);
    for (unsigned i = 0; i < calls; i++) {
        answer_recall(t);
        bool fills = i / 256 % 2 == 0;
        size_t choice = random_below(t, 8);
        if (choice < (fills ? 5 : 2))
            allocate(t);
        else if (choice == 7)
            receive(t);
        else if (t->held > 0 && choice == 6)
            send(t);
        else if (t->held > 0)
            give_back(t, drop(t));
    }
    while (t->held > 0)
        give_back(t, drop(t));
    /* Others may still recall: this hart is idle until none does. */
    atomic_fetch_add_explicit(&ready, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&ready, memory_order_acquire) < threads) {
        answer_recall(t);
        sched_yield();
    }
    return NULL;
}

int main(int argc, char **argv) {
    static _Alignas(64) unsigned char meta[8192];
    pthread_t ids[MOST];
    struct hand hand;
    threads = argc == 3 ? (unsigned) atoi(argv[1]) : 0;
    calls = argc == 3 ? (unsigned) atoi(argv[2]) : 0;
    if (threads == 0 || threads > MOST)
        fail("usage: stress THREADS CALLS");
    harts_begin(&s, 0, PAGES * PAGE_SIZE, meta, sizeof(meta), ask_all, NULL);
    harts_join(&s, &hand);
    if (harts_add_memory(&s, &hand, 0, PAGES * PAGE_SIZE) != ALLOC_OK)
        fail("no memory to begin with");
    harts_leave(&s, &hand);
    for (unsigned i = 0; i < threads; i++) {
        all[i].number = i;
        all[i].random = 88172645463325252U + i;
        pthread_create(&ids[i], NULL, run_thread, &all[i]);
    }
    size_t refused = 0, locks = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        refused += all[i].refused;
        locks += all[i].hand.locks;
    }
    for (unsigned i = 0; i < threads; i++)
        if (mail[i].is_full)
            harts_free(&s, &all[0].hand, mail[i].run.page * PAGE_SIZE, mail[i].run.n);
    if (harts_problem(&s) != NULL)
        fail(harts_problem(&s));
    for (unsigned i = 0; i < threads; i++)
        harts_leave(&s, &all[i].hand);
    if (harts_problem(&s) != NULL)
        fail(harts_problem(&s));
    if (harts_largest_run(&s) != PAGES)
        fail("the free pages are not in one piece again");
    printf("# %u threads, %u calls each: %zu refused, the lock taken %zu times\n", threads, calls,
           refused, locks);
    return 0;
}
