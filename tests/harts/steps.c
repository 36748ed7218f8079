/* Every interleaving of two or three harts' steps, on the real alloc/harts.c.
 *
 * The allocator is compiled with -fsanitize=thread, which puts a call before each access to memory
 * and in the place of each atomic one. Here these calls are ours: a hart is a coroutine that stops
 * before each atomic step, and what is plain runs on to the next. All harts, their stacks and the
 * allocator are one block of memory, the world: it is copied before a step, and copied back to try
 * the step of another hart. A world that was seen before is not gone on from.
 *
 * What tells two worlds apart, beside the allocator's bytes, is what each hart has read so far: all
 * that it does follows from that. Order is sequentially consistent here; tests/harts/orders.cpp
 * looks at weaker ones.
 *
 * At the end of each way the answers are judged: there must be an order of the calls, in which none
 * comes after one that began when it had ended, in which one hart alone would have got them.
 *
 * Without arguments all scripts are explored. The exit status is 1 if something is wrong; the way
 * that leads there is printed. */
#define _GNU_SOURCE
#include "../../alloc/harts.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum {
    HARTS = 3,
    STACK = 16384,
    PAGES = 192, /* of the span: three words */
    ITEMS = 8,   /* that a hart may hold, or the stock */
    CALLS = 12,  /* in all scripts together */
    DEPTH = 400, /* steps of a way */
    SLOTS = 1 << 21
};

/* ---- the world ---- */

struct item {
    size_t page, n;
};

struct call {
    char kind; /* the letter of the script */
    size_t page, n;
    enum alloc_error answer;
    unsigned before; /* which calls had ended when it began, a bit each */
};

struct coroutine {
    jmp_buf at;
    char *low; /* of its stack, what is in use begins here */
    bool is_started, is_finished;
    const char *next; /* of its script */
    uint64_t read;    /* all that it has read in this call, as one number */
    uint64_t told;    /* all that it was answered before */
    bool is_asked;    /* to put its hand down */
    bool has_news;    /* another hart has heard of a recall since this one had the lock */
    bool waits;       /* for such news, in a recall */
    const void *lock; /* it waits for */
    struct item items[ITEMS];
    size_t first_item, last_item;
};

static struct world {
    struct harts s;
    struct hand hands[HARTS];
    _Alignas(64) unsigned char meta[2048];
    struct coroutine harts[HARTS];
    struct item stock[ITEMS];
    size_t stock_count;
    struct call calls[CALLS];
    size_t call_count;
    unsigned ended; /* calls, a bit each */
    const char *wrong;
} w;

static char stacks[HARTS][STACK] __attribute__((aligned(64)));
/* What coverage.sh counts, where it is counted: the section of clang's counters. It goes with the
 * world, since a step that is tried again would seem to come from nowhere; ways that have come to
 * their end are added up. */
extern uint64_t counters[] __asm__("__start___llvm_prf_cnts") __attribute__((weak));
extern uint64_t counters_end[] __asm__("__stop___llvm_prf_cnts") __attribute__((weak));
static uint64_t *counted; /* the sum */

static size_t counters_size(void) {
    return (size_t) ((char *) counters_end - (char *) counters);
}

static jmp_buf scheduler;
static int current = -1; /* the hart that runs; -1: none, steps are not stops */

/* ---- steps ---- */

static void mix(uint64_t *sum, uint64_t value) {
    *sum = ((*sum ^ value) + 0x632be59bd9b4e019) * 0x9e3779b97f4a7c15;
    *sum ^= *sum >> 29;
}

static void stop(void) {
    char here;
    if (current < 0)
        return;
    w.harts[current].low = &here - 256; /* room for what the compiler and setjmp keep below */
    mix(&w.harts[current].read, 1);     /* where it has come to */
    if (_setjmp(w.harts[current].at) == 0)
        _longjmp(scheduler, 1);
}

/* What only the hart itself writes is no step of interest. */
static bool is_own(const volatile void *address) {
    const char *at = (const char *) (uintptr_t) address;
    return at >= (const char *) w.hands && at < (const char *) (w.hands + HARTS);
}

static void before_step(const volatile void *address) {
    if (!is_own(address))
        stop();
}

static void have_read(uint64_t value) {
    if (current >= 0)
        mix(&w.harts[current].read, value);
}

static void have_read_at(const void *address, size_t size) {
    const char *at = address;
    uint64_t value = 0;
    if (at < (const char *) &w || at >= (const char *) w.harts)
        return;
    memcpy(&value, address, size < 8 ? size : 8);
    have_read(value);
}

static void have_locked(void) {
    if (current < 0)
        return;
    bool hears = w.hands[current].recall < w.s.last_recall;
    for (int i = 0; i < HARTS && hears; i++) {
        w.harts[i].has_news = true;
        w.harts[i].waits = false;
    }
    w.harts[current].has_news = false;
}

/* A hart that waits for a lock does not run until it is free. */
static unsigned take_lock(volatile unsigned *lock, unsigned value) {
    if (current >= 0) {
        w.harts[current].lock = (const void *) (uintptr_t) lock;
        stop();
        w.harts[current].lock = NULL;
    }
    unsigned before = *lock;
    *lock = value;
    if ((const void *) (uintptr_t) lock == (const void *) &w.s.lock)
        have_locked();
    return before;
}

/* What -fsanitize=thread calls. Prototypes, as nobody else declares them. */
#define FUNCTION(type, name, ...) \
    type name(__VA_ARGS__);       \
    type name(__VA_ARGS__)

#define PLAIN(size)                                          \
    FUNCTION(void, __tsan_read##size, void *at) {            \
        have_read_at(at, size);                              \
    }                                                        \
    FUNCTION(void, __tsan_write##size, void *at) {           \
        (void) at;                                           \
    }                                                        \
    FUNCTION(void, __tsan_unaligned_read##size, void *at) {  \
        have_read_at(at, size);                              \
    }                                                        \
    FUNCTION(void, __tsan_unaligned_write##size, void *at) { \
        (void) at;                                           \
    }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

#define ATOMIC(bits)                                                                               \
    FUNCTION(uint##bits##_t, __tsan_atomic##bits##_load, const volatile uint##bits##_t *at,        \
             int order) {                                                                          \
        (void) order;                                                                              \
        before_step(at);                                                                           \
        have_read(*at);                                                                            \
        return *at;                                                                                \
    }                                                                                              \
    FUNCTION(void, __tsan_atomic##bits##_store, volatile uint##bits##_t *at, uint##bits##_t value, \
             int order) {                                                                          \
        (void) order;                                                                              \
        before_step(at);                                                                           \
        *at = value;                                                                               \
    }                                                                                              \
    FUNCTION(uint##bits##_t, __tsan_atomic##bits##_fetch_or, volatile uint##bits##_t *at,          \
             uint##bits##_t value, int order) {                                                    \
        (void) order;                                                                              \
        before_step(at);                                                                           \
        uint##bits##_t before = *at;                                                               \
        *at |= value;                                                                              \
        have_read(before);                                                                         \
        return before;                                                                             \
    }                                                                                              \
    FUNCTION(uint##bits##_t, __tsan_atomic##bits##_fetch_and, volatile uint##bits##_t *at,         \
             uint##bits##_t value, int order) {                                                    \
        (void) order;                                                                              \
        before_step(at);                                                                           \
        uint##bits##_t before = *at;                                                               \
        *at &= value;                                                                              \
        have_read(before);                                                                         \
        return before;                                                                             \
    }                                                                                              \
    FUNCTION(uint##bits##_t, __tsan_atomic##bits##_fetch_sub, volatile uint##bits##_t *at,         \
             uint##bits##_t value, int order) {                                                    \
        (void) order;                                                                              \
        before_step(at);                                                                           \
        uint##bits##_t before = *at;                                                               \
        *at -= value;                                                                              \
        have_read(before);                                                                         \
        return before;                                                                             \
    }                                                                                              \
    FUNCTION(uint##bits##_t, __tsan_atomic##bits##_compare_exchange_val,                           \
             volatile uint##bits##_t *at, uint##bits##_t expected, uint##bits##_t value,           \
             int order, int fail_order) {                                                          \
        (void) order, (void) fail_order;                                                           \
        before_step(at);                                                                           \
        uint##bits##_t before = *at;                                                               \
        if (before == expected)                                                                    \
            *at = value;                                                                           \
        have_read(before);                                                                         \
        return before;                                                                             \
    }
ATOMIC(32)
ATOMIC(64)

FUNCTION(unsigned, __tsan_atomic32_exchange, volatile unsigned *at, unsigned value, int order) {
    (void) order;
    return take_lock(at, value);
}
/* What coverage.sh counts with: no step. */
FUNCTION(uint64_t, __tsan_atomic64_fetch_add, volatile uint64_t *at, uint64_t value, int order) {
    (void) order;
    uint64_t before = *at;
    *at += value;
    return before;
}

FUNCTION(void, __tsan_init, void) {
}

/* ---- what harts do ---- */

struct script {
    size_t first, n;          /* pages that are added */
    const char *stock;        /* what hart 0 allocates before: digits, how many pages each */
    bool puts_down;           /* then its hand */
    const char *harts[HARTS]; /* NULL: there is none */
};

static const struct script *script;

static paddr_t address_of(size_t page) {
    return page * PAGE_SIZE;
}

static size_t begin_call(char kind, size_t page, size_t n) {
    size_t number = w.call_count++;
    w.calls[number] = (struct call){kind, page, n, ALLOC_OK, w.ended};
    mix(&w.harts[current].told, w.ended);
    return number;
}

static void end_call(size_t number, enum alloc_error answer, size_t page) {
    w.calls[number].answer = answer;
    w.calls[number].page = page;
    w.ended |= 1U << number;
    mix(&w.harts[current].told, answer);
    mix(&w.harts[current].told, page);
}

static void allocate(int me, char kind, size_t n, size_t align) {
    paddr_t out = 0;
    size_t number = begin_call(kind, 0, n);
    enum alloc_error answer = harts_alloc(&w.s, &w.hands[me], n, align * PAGE_SIZE, &out);
    end_call(number, answer, out / PAGE_SIZE);
    if (answer == ALLOC_OK)
        w.harts[me].items[w.harts[me].last_item++] = (struct item){out / PAGE_SIZE, n};
}

static void give_back(int me, char kind, struct item item) {
    size_t number = begin_call(kind, item.page, item.n);
    enum alloc_error answer = harts_free(&w.s, &w.hands[me], address_of(item.page), item.n);
    end_call(number, answer, item.page);
}

static void allocate_at(int me, char kind, size_t page) {
    size_t number = begin_call(kind, page, 1);
    end_call(number, harts_alloc_at(&w.s, &w.hands[me], address_of(page), 1), page);
}

/* a, b, q: a page, two, four aligned. f: free what was got first. s, t, u: free the stock's first,
 * second, third. S: the first two together. v: a page of the first. @: take the first page added.
 * p: put the hand down. */
static void make_call(int me, char kind) {
    struct coroutine *c = &w.harts[me];
    if (kind == 'a')
        allocate(me, kind, 1, 1);
    else if (kind == 'b')
        allocate(me, kind, 2, 1);
    else if (kind == 'q')
        allocate(me, kind, 4, 4);
    else if (kind == 'f' && c->first_item < c->last_item)
        give_back(me, kind, c->items[c->first_item++]);
    else if (kind >= 's' && kind <= 'u')
        give_back(me, kind, w.stock[kind - 's']);
    else if (kind == 'v')
        give_back(me, kind, (struct item){w.stock[0].page, 1});
    else if (kind == 'S')
        give_back(me, kind, (struct item){w.stock[0].page, w.stock[0].n + w.stock[1].n});
    else if (kind == '@')
        allocate_at(me, kind, script->first);
    else if (kind == 'p')
        harts_put_down(&w.s, &w.hands[me]);
}

/* An interrupt comes between two calls: it is looked for there. */
static void answer_recall(int me) {
    if (w.harts[me].is_asked) {
        w.harts[me].is_asked = false;
        harts_put_down(&w.s, &w.hands[me]);
    }
}

/* When its script is done a hart is idle, and still answers. */
static void run_hart(void) {
    int me = current;
    struct coroutine *c = &w.harts[me];
    for (; *c->next != '\0'; c->next++) {
        stop();
        answer_recall(me);
        make_call(me, *c->next);
        c->read = 0;
    }
    for (;;) {
        c->is_finished = true;
        stop();
        c->is_finished = false;
        answer_recall(me);
        c->read = 0;
    }
}

/* Ask the others that have not heard of it, and wait until one more of them has come by the lock:
 * before that there is nothing new to see. */
static bool ask_others(void *context) {
    (void) context;
    stop();
    for (int i = 0; i < HARTS; i++)
        if (i != current && script->harts[i] != NULL && w.hands[i].recall < w.s.last_recall)
            w.harts[i].is_asked = true;
    w.harts[current].waits = !w.harts[current].has_news;
    stop();
    return true;
}

/* ---- judging ---- */

static bool is_sound_order(unsigned made, bool *is_free, const bool *free_at_end);

static bool all_are(const bool *is_free, size_t page, size_t n, bool value) {
    for (size_t i = 0; i < n; i++)
        if (page + i >= PAGES || is_free[page + i] != value)
            return false;
    return true;
}

static bool fits_somewhere(const bool *is_free, size_t n, size_t align) {
    for (size_t page = 0; page + n <= PAGES; page += align)
        if (all_are(is_free, page, n, true))
            return true;
    return false;
}

/* Could this be the answer in that state? It is changed as the call changes it. */
static bool follows(const struct call *c, bool *is_free) {
    bool allocates = strchr("abq@", c->kind) != NULL, is_right = false;
    if (c->answer == ALLOC_OK) {
        is_right = all_are(is_free, c->page, c->n, allocates);
        for (size_t i = 0; i < c->n && is_right; i++)
            is_free[c->page + i] = !allocates;
    } else if (c->answer == ALLOC_NO_MEMORY) {
        is_right = !fits_somewhere(is_free, c->n, c->kind == 'q' ? c->n : 1);
    } else if (c->answer == ALLOC_OVERLAP) {
        is_right = !all_are(is_free, c->page, c->n, true);
    } else if (c->answer == ALLOC_NOT_ALLOCATED) {
        is_right = !all_are(is_free, c->page, c->n, false);
    }
    return is_right;
}

static bool is_sound_order(unsigned made, bool *is_free, const bool *free_at_end) {
    if (made == (1U << w.call_count) - 1)
        return memcmp(is_free, free_at_end, PAGES) == 0;
    for (size_t i = 0; i < w.call_count; i++) {
        bool next[PAGES];
        if ((made >> i & 1) != 0 || (w.calls[i].before & ~made) != 0)
            continue;
        memcpy(next, is_free, PAGES);
        if (follows(&w.calls[i], next) && is_sound_order(made | 1U << i, next, free_at_end))
            return true;
    }
    return false;
}

/* All harts are idle: the answers, then the tables, as they are and with all hands down. */
static void judge(void) {
    bool is_free[PAGES] = {false}, free_at_end[PAGES];
    size_t free = 0;
    for (size_t i = 0; i < script->n; i++)
        is_free[script->first + i] = true;
    for (size_t i = 0; i < w.stock_count; i++)
        memset(is_free + w.stock[i].page, false, w.stock[i].n);
    for (size_t page = 0; page < PAGES; page++) {
        free_at_end[page] = harts_is_free(&w.s, address_of(page));
        free += free_at_end[page];
    }
    if (!is_sound_order(0, is_free, free_at_end))
        w.wrong = "no order of the calls explains the answers";
    else
        w.wrong = harts_problem(&w.s);
    for (int i = 0; i < HARTS && w.wrong == NULL; i++)
        if (script->harts[i] != NULL)
            harts_put_down(&w.s, &w.hands[i]);
    if (w.wrong == NULL)
        w.wrong = harts_problem(&w.s);
    if (w.wrong == NULL && harts_available(&w.s, &w.hands[0]) != free)
        w.wrong = "pages are not counted right";
}

/* ---- all ways ---- */

static uint64_t *seen; /* a hash table of the worlds, as one number each */
static size_t worlds, ways, steps, deepest;
static char way[DEPTH + 1]; /* which hart took each step */

/* The world as one number. How often a lock was taken does not matter. */
static uint64_t number_of_world(void) {
    uint64_t sum = 1;
    for (int i = 0; i < HARTS; i++) {
        const struct coroutine *c = &w.harts[i];
        w.hands[i].locks = 0;
        mix(&sum, c->read);
        mix(&sum, c->told);
        mix(&sum, c->is_started * 1U | c->is_finished * 2U | c->is_asked * 4U | c->waits * 8U |
                      c->has_news * 16U);
        mix(&sum, (uintptr_t) c->next);
        mix(&sum, (uintptr_t) c->lock);
    }
    for (const uint64_t *at = (const void *) &w; at < (const uint64_t *) (const void *) w.harts;
         at++)
        mix(&sum, *at);
    return sum != 0 ? sum : 1;
}

static bool is_new(void) {
    uint64_t number = number_of_world();
    size_t slot = number % SLOTS;
    while (seen[slot] != 0 && seen[slot] != number)
        slot = (slot + 1) % SLOTS;
    bool is_new_ = seen[slot] == 0;
    seen[slot] = number;
    worlds += is_new_;
    if (worlds > SLOTS / 2)
        w.wrong = "there are more worlds than slots";
    return is_new_;
}

static bool can_run(int i) {
    const struct coroutine *c = &w.harts[i];
    if (script->harts[i] == NULL || c->waits || (c->is_finished && !c->is_asked))
        return false;
    return c->lock == NULL || *(const unsigned *) c->lock == 0;
}

static void start_hart(int i) {
    static ucontext_t context;
    w.harts[i].is_started = true;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks[i];
    context.uc_stack.ss_size = STACK;
    makecontext(&context, run_hart, 0);
    setcontext(&context);
}

static void take_step(int i) {
    current = i;
    steps++;
    if (_setjmp(scheduler) == 0) {
        if (w.harts[i].is_started)
            _longjmp(w.harts[i].at, 1);
        start_hart(i);
    }
    current = -1;
}

/* A copy of the world, of what the stacks hold, and of the counters. */
struct copy {
    struct world w;
    char stacks[HARTS][STACK];
    uint64_t counters[];
};

static void copy_stack(int i, char *to, const char *from) {
    if (!w.harts[i].is_started)
        return;
    size_t low = (size_t) (w.harts[i].low - stacks[i]);
    memcpy(to + low, from + low, STACK - low);
}

static void save(struct copy *copy) {
    copy->w = w;
    for (int i = 0; i < HARTS; i++)
        copy_stack(i, copy->stacks[i], stacks[i]);
    memcpy(copy->counters, counters, counters_size());
}

static void restore(const struct copy *copy) {
    w = copy->w;
    for (int i = 0; i < HARTS; i++)
        copy_stack(i, stacks[i], copy->stacks[i]);
    memcpy(counters, copy->counters, counters_size());
}

static void count_way(void) {
    for (size_t i = 0; i < counters_size() / sizeof(counters[0]); i++)
        counted[i] += counters[i];
}

static bool explore(size_t depth) {
    static struct copy *copies[DEPTH];
    bool ends = true;
    if (!is_new())
        return true;
    if (w.wrong != NULL)
        return false;
    deepest = depth > deepest ? depth : deepest;
    if (depth == DEPTH) {
        w.wrong = "it goes on and on";
        return false;
    }
    if (copies[depth] == NULL)
        copies[depth] = malloc(sizeof(struct copy) + counters_size());
    save(copies[depth]);
    for (int i = 0; i < HARTS; i++) {
        if (!can_run(i))
            continue;
        ends = false;
        take_step(i);
        way[depth] = (char) ('0' + i);
        way[depth + 1] = '\0';
        if (!explore(depth + 1))
            return false;
        restore(copies[depth]);
    }
    if (!ends)
        return true;
    ways++;
    for (int i = 0; i < HARTS; i++)
        if (script->harts[i] != NULL && !w.harts[i].is_finished)
            w.wrong = "harts wait for each other";
    if (w.wrong == NULL)
        judge();
    count_way();
    return w.wrong == NULL;
}

/* ---- the scripts ---- */

static void begin(void) {
    paddr_t out;
    memset(&w, 0, sizeof(w));
    harts_begin(&w.s, 0, PAGES * PAGE_SIZE, w.meta, sizeof(w.meta), ask_others, NULL);
    for (int i = 0; i < HARTS; i++) {
        w.harts[i].next = script->harts[i];
        if (script->harts[i] != NULL)
            harts_join(&w.s, &w.hands[i]);
    }
    harts_add_memory(&w.s, &w.hands[0], address_of(script->first), script->n * PAGE_SIZE);
    for (const char *c = script->stock; *c != '\0'; c++) {
        size_t n = (size_t) (*c - '0');
        if (harts_alloc(&w.s, &w.hands[0], n, PAGE_SIZE, &out) != ALLOC_OK)
            abort();
        w.stock[w.stock_count++] = (struct item){out / PAGE_SIZE, n};
    }
    if (script->puts_down)
        harts_put_down(&w.s, &w.hands[0]);
}

static void print_wrong(void) {
    printf("# wrong: %s; the harts' steps: %s\n", w.wrong, way);
    for (size_t i = 0; i < w.call_count; i++)
        printf("#   %c: %zu pages, %zu, %s%s\n", w.calls[i].kind, w.calls[i].n, w.calls[i].page,
               alloc_error_name(w.calls[i].answer),
               (w.ended >> i & 1) != 0 ? "" : ", has not ended");
    for (int i = 0; i < HARTS && script->harts[i] != NULL; i++)
        printf("#   hart %d: holds %zu words, recall %zu%s%s%s\n", i,
               w.hands[i].held + w.hands[i].high, w.hands[i].recall,
               w.harts[i].lock != NULL ? ", wants a lock" : "",
               w.harts[i].is_asked ? ", is asked" : "", w.harts[i].waits ? ", waits" : "");
}

static bool explore_script(void) {
    memset(seen, 0, SLOTS * sizeof(uint64_t));
    worlds = ways = steps = deepest = 0;
    clock_t clock_begin = clock();
    begin();
    bool is_right = explore(0);
    printf("# %-6s| %-6s| %-6s  pages %zu to %zu, stock %s%s: %zu worlds, %zu steps, %zu ends, "
           "longest %zu, %.2f s\n",
           script->harts[0], script->harts[1], script->harts[2] ? script->harts[2] : "",
           script->first, script->first + script->n - 1, script->stock[0] ? script->stock : "none",
           script->puts_down ? " put down" : "", worlds, steps, ways, deepest,
           (double) (clock() - clock_begin) / CLOCKS_PER_SEC);
    if (!is_right)
        print_wrong();
    fflush(stdout);
    return is_right;
}

static const struct script scripts[] = {
#include "scripts"
};

int main(void) {
    seen = malloc(SLOTS * sizeof(uint64_t));
    counted = calloc(1, counters_size() + 1);
    if (seen == NULL || counted == NULL)
        return 2;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        script = &scripts[i];
        if (!explore_script())
            return 1;
    }
    memcpy(counters, counted, counters_size());
    return 0;
}
