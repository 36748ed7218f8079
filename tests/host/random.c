/* Random calls, recorded where both the process that makes them and its parent can see them. */
#define _DEFAULT_SOURCE
#include "random.h"
#include "../xorshift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    RECENT = 256,
    PHASE = 500, /* operations of filling up, then as many of giving back */
    PIECES_ADDED = 8,
    MAX_RECORDED = 1 << 18,
    MAX_TRIES = 5000,
    MAX_SECONDS = 300, /* for a run; a hundredth where calls are tried that fail */
};

/* ---- chance ---- */

static uint64_t random_state;

static size_t random_below(size_t bound) {
    random_state = xorshift64(random_state);
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

/* ---- the record ---- */

static struct record {
    size_t count;
    struct call calls[MAX_RECORDED];
} * record;

/* Make a call, recorded first: it may be the last one. */
static enum alloc_error record_call(struct trial *t, struct call call, paddr_t *out) {
    assert_true(record->count < MAX_RECORDED);
    record->calls[record->count++] = call;
    return make_call(t, &call, out);
}

static void record_manage(struct trial *t, paddr_t start, size_t size) {
    record->count = 0;
    record_call(t, (struct call){.kind = CALL_MANAGE, .paddr = start, .size = size}, NULL);
}

static void record_add(struct trial *t, paddr_t start, size_t size) {
    record_call(t, (struct call){.kind = CALL_ADD, .paddr = start, .size = size}, NULL);
}

static void record_free(struct trial *t, paddr_t paddr, size_t n) {
    record_call(t, (struct call){.kind = CALL_FREE, .paddr = paddr, .n = n}, NULL);
}

/* ---- the operations ---- */

/* Where the last allocations were: what is freed is looked for there. */
static paddr_t recent[RECENT];

static paddr_t random_page(const struct trial *t) {
    return (t->oracle.first + random_below(t->oracle.count)) * PAGE_SIZE;
}

static void random_alloc(struct trial *t, const struct run *run) {
    size_t align = PAGE_SIZE << (rarely(4) ? random_below(run->align_order + 1) : 0);
    size_t n = random_length(run->max_order);
    paddr_t out;
    if (record_call(t, (struct call){.kind = CALL_ALLOC, .n = n, .align = align}, &out) == ALLOC_OK)
        recent[random_below(RECENT)] = out;
}

static void random_alloc_at(struct trial *t, const struct run *run) {
    paddr_t paddr = rarely(2) ? random_page(t) : after(recent[random_below(RECENT)], 3);
    size_t n = random_length(run->max_order);
    struct call call = {.kind = CALL_ALLOC_AT, .paddr = paddr, .n = n};
    if (record_call(t, call, NULL) == ALLOC_OK)
        recent[random_below(RECENT)] = paddr;
}

/* Free some of what is allocated at a place, or all of it, now and then a page too much. */
static void random_free(struct trial *t, const struct run *run) {
    paddr_t paddr = rarely(3) ? random_page(t) : recent[random_below(RECENT)];
    if (rarely(4))
        paddr = after(paddr, random_length(4));
    size_t most = rarely(2) ? random_length(run->max_order) : (size_t) 1 << run->max_order;
    size_t n = t->candidate->rules.frees ? oracle_used_run(&t->oracle, paddr, most) : 1;
    record_free(t, paddr, n > 0 && !rarely(16) ? n : n + 1);
}

/* Add anything, its ends in the middle of pages. Most of it is there already. */
static void random_add(struct trial *t, const struct run *run) {
    size_t size = random_length(run->max_order) * PAGE_SIZE;
    record_add(t, random_page(t) + (rarely(2) ? 0 : random_below(PAGE_SIZE)), size);
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

/* Begin with three quarters of the span: in two pieces from the top down, or in up to eight in any
 * order, with holes where one is left out. */
static void begin_run(struct trial *t, const struct run *run) {
    record_manage(t, run->start, run->size);
    if (rarely(2)) {
        record_add(t, run->start + run->size / 2, run->size / 2);
        record_add(t, run->start, run->size / 4);
    } else {
        size_t size = run->size / PIECES_ADDED, first = random_below(PIECES_ADDED);
        for (size_t i = 0; i < PIECES_ADDED; i++) /* 5 and 8 share no factor: each piece once */
            if (!rarely(4))
                record_add(t, run->start + (first + 5 * i) % PIECES_ADDED * size, size);
    }
    for (size_t i = 0; i < RECENT; i++)
        recent[i] = random_page(t);
}

static void free_everything(struct trial *t, bool looks) {
    paddr_t start = t->oracle.first * PAGE_SIZE;
    for (size_t page = 0; t->oracle.used > 0 && page < t->oracle.count; page++) {
        size_t n = oracle_used_run(&t->oracle, after(start, page), t->oracle.count);
        if (n > 0)
            record_free(t, after(start, page), n);
        page += n;
    }
    look_at(t, start, looks ? t->oracle.count : 1);
}

/* The child's part. */
static void make_run(struct trial *t, const struct run *run) {
    bool frees = t->candidate->rules.frees, looks = run->look_every != 0;
    t->is_watched = looks;
    random_state = t->seed;
    begin_run(t, run);
    for (t->operation = 0; t->operation < run->operations; t->operation++) {
        one_operation(t, run);
        if (looks && t->operation % run->look_every == 0)
            look_at_all(t);
        if (frees && t->operation % (2 * PHASE) == 2 * PHASE - 1)
            free_everything(t, looks);
        if (!frees && looks && page_available(&t->a) == 0)
            begin_run(t, run);
    }
    if (frees)
        free_everything(t, looks);
}

/* It ends with exit, which writes what it has covered if that is measured; a failure does not. */
static _Noreturn void child(const struct trial *parent, const struct run *run, uint64_t seed) {
    static struct trial t;
    jmp_buf trap;
    t = (struct trial){.candidate = parent->candidate,
                       .garbage = 0xaa,
                       .seed = seed,
                       .trap = &trap,
                       .is_quiet = parent->is_quiet};
    let_crashes_end();
    if (t.is_quiet && freopen("/dev/null", "w", stderr) == NULL)
        _exit(1);
    alarm(MAX_SECONDS);
    if (setjmp(trap) != 0)
        _exit(1);
    make_run(&t, run);
    exit(0);
}

static void shrink_record(const struct trial *t, const struct run *run, struct failure *failure) {
    const struct judge judge = {fails_when_made, t->candidate, run->look_every, MAX_SECONDS / 100};
    *failure = (struct failure){.count = record->count, .count_before = record->count};
    failure->calls = calloc(record->count, sizeof(struct call));
    assert_non_null(failure->calls);
    memcpy(failure->calls, record->calls, record->count * sizeof(struct call));
    if (judge.fails(&judge, failure->calls, failure->count))
        failure->count = shrink(failure->calls, failure->count, &judge, MAX_TRIES, &failure->tries);
}

bool random_run(const struct trial *t, const struct run *run, uint64_t seed,
                struct failure *failure) {
    record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    fflush(NULL); /* or the child's end prints it once more */
    pid_t process = fork();
    if (process == 0)
        child(t, run, seed);
    bool is_right = !has_failed(process);
    if (!is_right)
        shrink_record(t, run, failure);
    munmap(record, sizeof(*record));
    return is_right;
}

void print_failure(const struct failure *failure, uint64_t seed) {
    print_error("# FREERAM_SEED=%llu: %zu calls, shrunk to %zu in %zu tries:\n",
                (unsigned long long) seed, failure->count_before, failure->count, failure->tries);
    if (failure->tries == 0)
        print_error("# made once more, these calls are right: there must be something else\n");
    for (size_t i = 0; i < failure->count; i++)
        print_call(&failure->calls[i]);
    print_error("#     look_at_all(t);\n");
}
