/* The benchmark on the host: time, as a multiple of what the floor takes. `./run.sh bench --host`
 * builds it and runs it: bench_host MIB WORKLOADS STAGE..., where only the workloads are run whose
 * names begin so.
 *
 * Every workload is run in ROUNDS rounds, in each of them on the floor and on every stage, so that
 * what else the machine does meets all alike. Each figure is a line: "workload; figure; stage;
 * value; ratio; least; most": the median, then the median and the extremes of the ratios to
 * the floor within a round. */
#define _GNU_SOURCE
#include "workload.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define ROUNDS 5
#define PAIRS 1000000
#define MAX_FIGURES 8             /* that a workload has */
#define START ((paddr_t) 1 << 30) /* of the span: no memory is there, and none is needed */
#define MAX_PAGES_FOR_ALL ((size_t) 1 << 24) /* 64 GiB. Above, only some workloads are run */

/* ---- clocks ---- */

/* Of this program's own time: what else the machine does is not in it. */
static double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

/* The counter of cycles, or what the machine has in its place. Nothing before or after it may be
 * in progress while it is read. */
INLINE uint64_t tick(void) {
#if defined(__x86_64__)
    __builtin_ia32_lfence();
    uint64_t now = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return now;
#elif defined(__aarch64__)
    uint64_t now;
    __asm__ volatile("isb\n mrs %0, cntvct_el0\n isb" : "=r"(now));
    return now;
#else
    return (uint64_t) nanoseconds();
#endif
}

/* ---- the figures of one run ---- */

struct figure {
    const char *workload, *name;
    bool has_ratio;
    double value;
};

static struct figure figures[MAX_FIGURES];
static int figure_count;

static void add_figure(const char *workload, const char *name, bool has_ratio, double value) {
    figures[figure_count++] = (struct figure){workload, name, has_ratio, value};
}

static double cost_begin;

/* The floor refuses nothing. */
static bool is_refusal(const char *what) {
    return strncmp(what, "refuse", strlen("refuse")) == 0;
}

INLINE void begin_cost(void) {
    cost_begin = nanoseconds();
}

INLINE void end_cost(const char *what, uint64_t operations) {
    if (what != worst.name)
        add_figure(what, "ns", !is_refusal(what),
                   (nanoseconds() - cost_begin) / (double) operations);
}

static uint32_t *samples[2];
static size_t sample_count[2];

INLINE void record(enum call call, uint64_t ticks) {
    if (sample_count[call] < PAIRS)
        samples[call][sample_count[call]++] = ticks < UINT32_MAX ? (uint32_t) ticks : UINT32_MAX;
}

static int compare_samples(const void *a, const void *b) {
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Ticks between two readings of the clock with nothing between. */
static uint32_t own_cost(void) {
    static uint32_t own[1001];
    for (size_t i = 0; i < 1001; i++) {
        uint64_t before = tick();
        own[i] = (uint32_t) (tick() - before);
    }
    qsort(own, 1001, sizeof(own[0]), compare_samples);
    return own[500];
}

static void add_percentile(enum call call, const char *name, double share, uint32_t own) {
    uint32_t sample = samples[call][(size_t) (share * (double) (sample_count[call] - 1))];
    add_figure(worst.name, name, false, sample > own ? sample - own : 0);
}

static void add_percentiles(void) {
    uint32_t own = own_cost();
    for (int call = 0; call < 2; call++)
        qsort(samples[call], sample_count[call], sizeof(uint32_t), compare_samples);
    add_percentile(CALL_ALLOC, "cycles to allocate p50", 0.5, own);
    add_percentile(CALL_ALLOC, "cycles to allocate p99", 0.99, own);
    add_percentile(CALL_ALLOC, "cycles to allocate p99.99", 0.9999, own);
    add_percentile(CALL_FREE, "cycles to free p50", 0.5, own);
    add_percentile(CALL_FREE, "cycles to free p99", 0.99, own);
    add_percentile(CALL_FREE, "cycles to free p99.99", 0.9999, own);
}

static void add_wholeness(const struct bench *b, const struct workload *w) {
    if (w->kind == MIXED || w->kind == ODD) {
        add_figure(w->name, "% of requests failed", false,
                   100.0 * (double) b->failures / (double) b->requests);
        add_figure(w->name, "longest free run", false, (double) page_largest_run(&b->a));
    }
    if (w->kind == MIXED || w->kind == ODD || w->kind == GATHER) {
        add_figure(w->name, "free 2 MiB blocks", false, whole_blocks(b));
        add_figure(w->name, "of at most", false, ideal_blocks(b));
    }
}

/* ---- one run ---- */

static const struct alloc_stage *const stages[] = {
#define STAGE(name) &name##_stage,
#include "../../alloc/stages.h"
};
#define STAGES (sizeof(stages) / sizeof(stages[0]))

static struct bench b;
static void *meta;
static size_t meta_size;

static void fail(const char *what) {
    fprintf(stderr, "bench_host: %s\n", what);
    exit(1);
}

/* Memory that has been touched, in large pages if there are any, as a kernel's own memory is. */
static void *touched_memory(size_t size) {
    size_t large = (size_t) 2 << 20;
    void *memory = aligned_alloc(large, (size + large - 1) / large * large);
    if (!memory)
        fail("not enough memory");
    madvise(memory, size, MADV_HUGEPAGE);
    return memset(memory, 1, size);
}

static void make_fresh(const struct alloc_stage *stage) {
    if (page_init(&b.a, stage, START, (size_t) b.page_count * PAGE_SIZE, meta, meta_size) !=
            ALLOC_OK ||
        page_add_memory(&b.a, START, (size_t) b.page_count * PAGE_SIZE) != ALLOC_OK)
        fail("the span cannot be managed");
}

static sigjmp_buf too_slow;

static void give_up(int number) {
    (void) number;
    siglongjmp(too_slow, 1);
}

/* What takes so much longer than the other stages is no figure worth waiting for. */
static void set_time_limit(double seconds) {
    struct itimerval timer = {.it_value = {(time_t) seconds, 0}};
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

/* The program's own time: ten seconds, and for 150 ns for each call that a workload makes for each
 * page. */
static double time_limit(const struct workload *w) {
    double calls = w->kind == FILL ? 7 : w->kind == GATHER ? 20 : 2;
    return 10 + calls * b.page_count * 150e-9;
}

/* Run a workload on a stage: its figures, or none if it cannot do it or was given up. */
static void run_stage(const struct workload *w, const struct alloc_stage *stage) {
    figure_count = 0;
    sample_count[CALL_ALLOC] = sample_count[CALL_FREE] = 0;
    make_fresh(stage);
    bool frees = page_free(&b.a, START, 1) != ALLOC_UNSUPPORTED;
    if (!frees && w->kind != FILL)
        return;
    if (sigsetjmp(too_slow, 1) != 0) {
        figure_count = 0;
        return;
    }
    set_time_limit(time_limit(w));
    if (w == &worst)
        run_workload(&b, (struct way){.is_each = true}, w, frees, PAIRS);
    else
        run_workload(&b, (struct way){.is_each = false}, w, frees, PAIRS);
    set_time_limit(0);
    if (w == &worst)
        add_percentiles();
    add_wholeness(&b, w);
    if (!page_check(&b.a))
        fail("page_check: the allocator is broken");
}

static void run_floor(const struct workload *w) {
    figure_count = 0;
    for (uint32_t i = 0; i < b.page_count; i++)
        b.floor[i] = b.page_count - 1 - i;
    run_workload(&b, (struct way){.is_floor = true}, w, true, PAIRS);
}

/* To make an allocator for the whole span, beside what it takes to fill its metadata once. */
static void run_boot(const struct alloc_stage *stage) {
    double begin = nanoseconds();
    make_fresh(stage);
    add_figure("boot", "ns", true, nanoseconds() - begin);
}

static void run_memset(void) {
    double begin = nanoseconds();
    memset(meta, 0, meta_size);
    __asm__ volatile("" ::: "memory"); /* or it would be left out */
    add_figure("boot", "ns", true, nanoseconds() - begin);
}

/* ---- all rounds ---- */

/* What all rounds found: of each stage, and of the floor as it was just before. */
static struct figure found[STAGES][ROUNDS][MAX_FIGURES], floors[STAGES][ROUNDS][MAX_FIGURES];
static int found_count[STAGES];

static int compare_doubles(const void *a, const void *b_) {
    const double *left = a, *right = b_;
    return (*left > *right) - (*left < *right);
}

static void print_figures(size_t stage, int rounds) {
    for (int i = 0; i < found_count[stage]; i++) {
        const struct figure *figure = &found[stage][0][i];
        double values[ROUNDS], ratios[ROUNDS];
        for (int round = 0; round < rounds; round++) {
            values[round] = found[stage][round][i].value;
            ratios[round] = values[round] / floors[stage][round][i].value;
        }
        qsort(values, (size_t) rounds, sizeof(double), compare_doubles);
        qsort(ratios, (size_t) rounds, sizeof(double), compare_doubles);
        printf("%s; %s; %s; %.2f", figure->workload, figure->name, alloc_stage_name(stages[stage]),
               values[rounds / 2]);
        if (figure->has_ratio)
            printf("; %.2f; %.2f; %.2f", ratios[rounds / 2], ratios[0], ratios[rounds - 1]);
        else
            printf("; ; ; ");
        printf("\n");
    }
    fflush(stdout);
}

static void keep(struct figure *where) {
    memcpy(where, figures, sizeof(figures));
    figure_count = 0;
}

/* Not all figures are times: what is the same in every round is found in one. */
static int rounds_for(const struct workload *w) {
    return w && w->kind == GATHER ? 1 : ROUNDS;
}

/* One workload on all stages; `w` is NULL for boot. What is given up once is not tried again. */
static void run_rounds(const struct workload *w, const bool *wanted) {
    bool active[STAGES];
    memcpy(active, wanted, sizeof(active));
    for (int round = 0; round < rounds_for(w); round++) {
        for (size_t stage = 0; stage < STAGES; stage++) {
            if (!active[stage])
                continue;
            meta_size = page_meta_size(stages[stage], START, (size_t) b.page_count * PAGE_SIZE);
            if (w)
                run_floor(w);
            else
                run_memset();
            keep(floors[stage][round]);
            if (w)
                run_stage(w, stages[stage]);
            else
                run_boot(stages[stage]);
            found_count[stage] = figure_count;
            active[stage] = figure_count > 0;
            keep(found[stage][round]);
        }
    }
    for (size_t stage = 0; stage < STAGES; stage++)
        if (active[stage])
            print_figures(stage, rounds_for(w));
}

/* All workloads whose names begin as they should. */
static void run_all(const char *names, const bool *wanted) {
    size_t length = strlen(names);
    if (strncmp("boot", names, length) == 0)
        run_rounds(NULL, wanted);
    for (size_t i = 0; i <= WORKLOADS; i++) {
        const struct workload *w = i < WORKLOADS ? &workloads[i] : &worst;
        if (strncmp(w->name, names, length) != 0)
            continue;
        if (w->kind != FILL && b.page_count > MAX_PAGES_FOR_ALL)
            continue;
        fprintf(stderr, "  %s\n", w->name);
        run_rounds(w, wanted);
    }
}

static void print_metadata(const bool *wanted) {
    size_t size = (size_t) b.page_count * PAGE_SIZE;
    for (size_t stage = 0; stage < STAGES; stage++)
        if (wanted[stage])
            printf("boot; bits of metadata a page; %s; %.2f; ; ; \n",
                   alloc_stage_name(stages[stage]),
                   (double) page_meta_size(stages[stage], START, size) * 8 / b.page_count);
}

int main(int argc, char **argv) {
    bool wanted[STAGES] = {false};
    size_t largest = 0;
    if (argc < 4)
        fail("usage: bench_host MIB WORKLOADS STAGE...");
    b.start = START;
    b.page_count = (uint32_t) (strtoul(argv[1], NULL, 10) * 256);
    for (size_t stage = 0; stage < STAGES; stage++) {
        for (int i = 3; i < argc; i++)
            wanted[stage] |= strcmp(alloc_stage_name(stages[stage]), argv[i]) == 0;
        size_t size = page_meta_size(stages[stage], START, (size_t) b.page_count * PAGE_SIZE);
        largest = wanted[stage] && size > largest ? size : largest;
    }

    size_t runs = b.page_count <= MAX_PAGES_FOR_ALL ? b.page_count : 1;
    meta = touched_memory(largest);
    b.floor = touched_memory(b.page_count * sizeof(uint32_t));
    b.pages = touched_memory(b.page_count * sizeof(uint32_t));
    b.sizes = touched_memory(runs * sizeof(uint32_t));
    samples[CALL_ALLOC] = touched_memory(PAIRS * 2 * sizeof(uint32_t));
    samples[CALL_FREE] = samples[CALL_ALLOC] + PAIRS;
    signal(SIGVTALRM, give_up);

    print_metadata(wanted);
    run_all(argv[2], wanted);
}
