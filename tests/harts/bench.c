/* Harts on the host: bench PAIRS. Threads free random pages and allocate as many, at 90 % of
 * 1 GiB, in bursts; a share of what is freed was allocated by the other thread.
 *
 * tests/harts/build.sh build/harts bench makes it build/harts/bench. Beside harts: radix with one
 * hart and no lock, radix behind one spinlock, and magazines of single pages in front of the tree
 * behind one. A line for each: what; threads; burst; % of the other's; ns a pair of a thread's own
 * time, median of ROUNDS; pairs in a microsecond of all threads; locks a pair. */
#define _GNU_SOURCE
#include "../../alloc/harts.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    ROUNDS = 5,
    THREADS = 2,
    PAGES = 1 << 18,
    MAGAZINE = 64, /* pages: half of it goes over the lock at once */
    BURST = 64,
    ROOM = 1024 /* pages on their way to the other thread */
};

static const char *const names[] = {"radix, one hart", "harts", "radix, one lock",
                                    "tree, magazines"};
enum kind {
    ALONE, /* without a lock: one thread */
    SHARED,
    LOCKED,
    MAGAZINES,
    KINDS
};

static struct harts s;
static struct page_allocator locked;
static atomic_uint lock_word;
static void *meta;
static size_t meta_size;

/* From the one thread to the other. */
struct inbox {
    _Alignas(64) _Atomic uint32_t from; /* counts what was received */
    _Alignas(64) _Atomic uint32_t to;   /* and sent */
    uint32_t pages[ROOM];
};

static struct thread {
    struct hand hand;
    pthread_t id;
    enum kind kind;
    uint32_t *pages; /* what it holds */
    uint32_t held;
    uint32_t magazine[MAGAZINE], in_magazine;
    size_t locks;
    unsigned burst, share;
    uint64_t random, pairs;
    double nanoseconds;
    struct inbox inbox;
} threads[THREADS];
static unsigned thread_count;
static atomic_uint ready;

static void fail(const char *what) {
    fprintf(stderr, "harts/bench: %s\n", what);
    exit(1);
}

/* ---- the three ---- */

static void take_lock(struct thread *t) {
    t->locks++;
    while (atomic_exchange_explicit(&lock_word, 1, memory_order_acquire) != 0)
        while (atomic_load_explicit(&lock_word, memory_order_relaxed) != 0)
            ;
}

static void let_go(void) {
    atomic_store_explicit(&lock_word, 0, memory_order_release);
}

static uint32_t locked_alloc(void) {
    paddr_t out;
    if (page_alloc(&locked, 1, PAGE_SIZE, &out) != ALLOC_OK)
        fail("no memory");
    return (uint32_t) (out / PAGE_SIZE);
}

static inline uint32_t take(struct thread *t) {
    paddr_t out;
    if (t->kind == SHARED) {
        if (harts_alloc(&s, &t->hand, 1, PAGE_SIZE, &out) != ALLOC_OK)
            fail("no memory");
        return (uint32_t) (out / PAGE_SIZE);
    }
    if (t->kind == ALONE)
        return locked_alloc();
    if (t->kind == LOCKED || t->in_magazine == 0)
        take_lock(t);
    if (t->kind == LOCKED) {
        uint32_t page = locked_alloc();
        let_go();
        return page;
    }
    if (t->in_magazine == 0) {
        while (t->in_magazine < MAGAZINE / 2)
            t->magazine[t->in_magazine++] = locked_alloc();
        let_go();
    }
    return t->magazine[--t->in_magazine];
}

static inline void give(struct thread *t, uint32_t page) {
    if (t->kind == SHARED) {
        if (harts_free(&s, &t->hand, page * PAGE_SIZE, 1) != ALLOC_OK)
            fail("a page cannot be freed");
        return;
    }
    if (t->kind == ALONE) {
        page_free(&locked, page * PAGE_SIZE, 1);
        return;
    }
    if (t->kind == LOCKED) {
        take_lock(t);
        page_free(&locked, page * PAGE_SIZE, 1);
        let_go();
        return;
    }
    if (t->in_magazine == MAGAZINE) {
        take_lock(t);
        while (t->in_magazine > MAGAZINE / 2)
            page_free(&locked, t->magazine[--t->in_magazine] * PAGE_SIZE, 1);
        let_go();
    }
    t->magazine[t->in_magazine++] = page;
}

/* ---- the workload ---- */

static uint32_t random_below(struct thread *t, uint32_t bound) {
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return (uint32_t) ((t->random >> 32) * bound >> 32);
}

static inline bool send(struct inbox *in, uint32_t page) {
    uint32_t to = atomic_load_explicit(&in->to, memory_order_relaxed);
    if (to - atomic_load_explicit(&in->from, memory_order_acquire) == ROOM)
        return false;
    in->pages[to % ROOM] = page;
    atomic_store_explicit(&in->to, to + 1, memory_order_release);
    return true;
}

static inline bool receive(struct inbox *in, uint32_t *page) {
    uint32_t from = atomic_load_explicit(&in->from, memory_order_relaxed);
    if (from == atomic_load_explicit(&in->to, memory_order_acquire))
        return false;
    *page = in->pages[from % ROOM];
    atomic_store_explicit(&in->from, from + 1, memory_order_release);
    return true;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double) time.tv_sec * 1e9 + (double) time.tv_nsec;
}

/* Of what it frees, a share goes to the other, which frees it: as long as there is room between. */
static inline void one_burst(struct thread *t, struct thread *other) {
    for (unsigned i = 0; i < t->burst; i++) {
        uint32_t at = random_below(t, t->held), page = t->pages[at];
        t->pages[at] = t->pages[--t->held];
        if (thread_count > 1 && random_below(t, 100) < t->share && send(&other->inbox, page))
            continue;
        give(t, page);
    }
    for (uint32_t page; receive(&t->inbox, &page);)
        give(t, page);
    for (unsigned i = 0; i < t->burst; i++)
        t->pages[t->held++] = take(t);
}

static void *run(void *argument) {
    struct thread *t = argument, *other = &threads[t == threads];
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < thread_count)
        sched_yield();
    double begin = now();
    for (uint64_t done = 0; done < t->pairs; done += t->burst)
        one_burst(t, other);
    t->nanoseconds = now() - begin;
    return NULL;
}

/* ---- a round ---- */

static void make_fresh(enum kind kind) {
    if (kind == SHARED) {
        harts_begin(&s, 0, PAGES * PAGE_SIZE, meta, meta_size, NULL, NULL);
        for (int i = 0; i < THREADS; i++)
            harts_join(&s, &threads[i].hand);
        harts_add_memory(&s, &threads[0].hand, 0, PAGES * PAGE_SIZE);
    } else {
        page_init(&locked, kind == MAGAZINES ? &tree_stage : &radix_stage, 0, PAGES * PAGE_SIZE,
                  meta, meta_size);
        page_add_memory(&locked, 0, PAGES * PAGE_SIZE);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        struct thread *t = &threads[i];
        t->kind = kind;
        t->held = t->in_magazine = 0;
        t->random = 88172645463325252U + i;
        atomic_store(&t->inbox.from, 0);
        atomic_store(&t->inbox.to, 0);
    }
    for (uint32_t i = 0; i < PAGES / 10 * 9 / thread_count * thread_count; i++) {
        struct thread *t = &threads[i % thread_count];
        t->pages[t->held++] = take(t);
    }
}

/* Wall time cannot be had where others run; a thread's own time can. */
static double round_of(enum kind kind, unsigned burst, unsigned share, uint64_t pairs,
                       double *locks) {
    double nanoseconds = 0, all_locks = 0;
    make_fresh(kind);
    atomic_store(&ready, 0);
    for (unsigned i = 0; i < thread_count; i++) {
        struct thread *t = &threads[i];
        t->burst = burst;
        t->share = share;
        t->pairs = pairs;
        t->locks = t->hand.locks = 0;
        pthread_create(&t->id, NULL, run, t);
    }
    for (unsigned i = 0; i < thread_count; i++) {
        pthread_join(threads[i].id, NULL);
        nanoseconds += threads[i].nanoseconds;
        all_locks += (double) (kind == SHARED ? threads[i].hand.locks : threads[i].locks);
    }
    *locks = all_locks / (double) (pairs * thread_count);
    return nanoseconds / (double) (pairs * thread_count);
}

static int compare(const void *a, const void *b) {
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_row(enum kind kind, unsigned burst, unsigned share, uint64_t pairs) {
    double times[ROUNDS], locks = 0;
    for (int i = 0; i < ROUNDS; i++)
        times[i] = round_of(kind, burst, share, pairs, &locks);
    qsort(times, ROUNDS, sizeof(double), compare);
    printf("%s; %u; %u; %u; %.1f; %.1f; %.5f\n", names[kind], thread_count, burst, share,
           times[ROUNDS / 2], thread_count * 1000 / times[ROUNDS / 2], locks);
    fflush(stdout);
}

/* All freed but one page in 512 of a random half: how many blocks of 2 MiB can be had? */
static void print_wholeness(void) {
    size_t blocks = 0;
    paddr_t out;
    for (unsigned i = 0; i < thread_count; i++) {
        struct thread *t = &threads[i];
        while (t->held > PAGES / 2 / thread_count) {
            uint32_t at = random_below(t, t->held);
            give(t, t->pages[at]);
            t->pages[at] = t->pages[--t->held];
        }
        t->pairs = (uint64_t) PAGES * 8 / thread_count;
        t->burst = 1;
        t->share = 0;
    }
    atomic_store(&ready, 0);
    for (unsigned i = 0; i < thread_count; i++)
        pthread_create(&threads[i].id, NULL, run, &threads[i]);
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i].id, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        harts_put_down(&s, &threads[i].hand);
    while (harts_alloc(&s, &threads[0].hand, 512, 512 * PAGE_SIZE, &out) == ALLOC_OK)
        blocks++;
    printf("blocks of 2 MiB after churn from random 50 %%; %zu of 256\n", blocks);
}

int main(int argc, char **argv) {
    uint64_t pairs = argc == 2 ? strtoull(argv[1], NULL, 10) : 1000000;
    meta_size = 1 << 20;
    meta = aligned_alloc(64, meta_size);
    for (int i = 0; i < THREADS; i++)
        threads[i].pages = malloc(PAGES * sizeof(uint32_t));
    if (meta == NULL || threads[0].pages == NULL || threads[1].pages == NULL)
        fail("not enough memory");
    for (unsigned burst = 1; burst <= BURST; burst *= BURST)
        for (enum kind kind = ALONE; kind < KINDS; kind++) {
            thread_count = 1;
            print_row(kind, burst, 0, pairs);
            thread_count = 2;
            for (unsigned share = 0; share <= 100 && kind != ALONE; share += 50)
                print_row(kind, burst, share, pairs);
        }
    double locks;
    thread_count = 2;
    round_of(SHARED, 1, 0, 64, &locks);
    print_wholeness();
    return 0;
}
