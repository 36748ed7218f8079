/* The benchmark in the kernel: instructions, one by one. `./run.sh bench` boots it so that QEMU
 * counts them exactly: they are the same in every run, given the same compiler.
 *
 * Each figure is a line: "bench: workload; figure; value". */
#include "../../common.h"
#include "../../kernel.h"
#include "../../memory/frames.h"
#include "../../panic.h"
#include "../../riscv.h"
#include "workload.h"

#define PAIRS 200000
#define MIXED_PAIRS 1000000
#define KIB ((uint64_t) 1024)
#define GIB (KIB * KIB * KIB)

/* ---- counting ---- */

/* On rv32 it is the counter's lower half: record and find_own_cost take differences as wide. */
INLINE uint64_t tick(void) {
    return READ_CSR(instret);
}

static uintptr_t own_cost; /* instructions between two ticks around nothing */
static uint64_t sum;
static uintptr_t dearest[2];

static void find_own_cost(void) {
    uint64_t before = tick();
    own_cost = (uintptr_t) (tick() - before);
}

INLINE void record(enum call call, uint64_t ticks) {
    uintptr_t cost = (uintptr_t) ticks - own_cost;
    sum += cost;
    dearest[call] = cost > dearest[call] ? cost : dearest[call];
}

INLINE void begin_cost(void) {
    sum = dearest[CALL_ALLOC] = dearest[CALL_FREE] = 0;
}

/* ---- printing ---- */

static void print_figure(const char *what, const char *figure, uint64_t value) {
    printf("bench: %s; %s; %llu\n", what, figure, (unsigned long long) value);
}

static void print_hundredths(const char *what, const char *figure, uint64_t value) {
    printf("bench: %s; %s; %llu.%02llu\n", what, figure, (unsigned long long) value / 100,
           (unsigned long long) value % 100);
}

INLINE void end_cost(const char *what, uint64_t operations) {
    if (what != worst.name) {
        print_hundredths(what, "instructions", sum * 100 / operations);
        return;
    }
    print_figure(what, "instructions to allocate", dearest[CALL_ALLOC]);
    print_figure(what, "instructions to free", dearest[CALL_FREE]);
}

static void print_wholeness(const struct bench *b, const struct workload *w) {
    if (w->kind == MIXED || w->kind == ODD) {
        print_hundredths(w->name, "% of requests failed", b->failures * 10000 / b->requests);
        print_figure(w->name, "longest free run", page_largest_run(&b->a));
    }
    if (w->kind == MIXED || w->kind == ODD || w->kind == GATHER) {
        print_figure(w->name, "free 2 MiB blocks", whole_blocks(b));
        print_figure(w->name, "of at most", ideal_blocks(b));
    }
}

/* ---- running ---- */

/* Metadata for a span of memory that need not be there, and what it costs to make. */
static void run_boot(const struct alloc_stage *stage, struct memory_range room, uint64_t size,
                     const char *name) {
    if (size > SIZE_MAX)
        return;
    size_t meta_size = page_meta_size(stage, 0, (size_t) size);
    uint64_t pages = size / PAGE_SIZE;
    print_hundredths(name, "bits of metadata a page", (meta_size * 800 + pages / 2) / pages);
    if (meta_size > room.end - room.start)
        return;

    struct page_allocator a;
    uint64_t before = tick();
    enum alloc_error error = page_init(&a, stage, 0, (size_t) size, (void *) room.start, meta_size);
    if (error == ALLOC_OK)
        error = page_add_memory(&a, 0, (size_t) size);
    uint64_t cost = (uintptr_t) (tick() - before) - own_cost;
    if (error == ALLOC_OK)
        print_figure(name, "instructions", cost);
}

static struct memory_range largest_range(const struct memory_map *map) {
    struct memory_range largest = map->ranges[0];
    for (size_t i = 1; i < map->count; i++)
        if (map->ranges[i].end - map->ranges[i].start > largest.end - largest.start)
            largest = map->ranges[i];
    return largest;
}

/* Divide the room: pages from a multiple of 2 MiB on, and behind them what the bench and the
 * allocator remember of them. Returns where the metadata begins. */
static paddr_t lay_out(struct bench *b, const struct alloc_stage *stage, struct memory_range room) {
    b->start = (room.start + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
    size_t size = (room.end - b->start) / BLOCK_SIZE * BLOCK_SIZE, tables;
    do {
        size -= BLOCK_SIZE;
        b->page_count = (uint32_t) (size / PAGE_SIZE);
        tables = page_meta_size(stage, b->start, size) + 2 * b->page_count * sizeof(uint32_t);
    } while (size + tables > room.end - b->start);
    b->pages = (uint32_t *) (b->start + size);
    b->sizes = b->pages + b->page_count;
    return (paddr_t) (b->sizes + b->page_count);
}

/* Run one workload from fresh memory. True: it left the allocator whole. */
static bool run(struct bench *b, const struct alloc_stage *stage, const struct workload *w,
                paddr_t meta, bool frees) {
    size_t size = b->page_count * PAGE_SIZE;
    if (page_init(&b->a, stage, b->start, size, (void *) meta,
                  page_meta_size(stage, b->start, size)) != ALLOC_OK ||
        page_add_memory(&b->a, b->start, size) != ALLOC_OK)
        PANIC("cannot manage %p to %p", (void *) b->start, (void *) (b->start + size));

    run_workload(b, (struct way){.is_each = true}, w, frees,
                 w->kind == MIXED ? MIXED_PAIRS : PAIRS);
    print_wholeness(b, w);
    return page_check(&b->a);
}

bool program(const struct alloc_stage *stage, const struct machine *machine,
             struct memory_range free_ram) {
    static struct bench b;
    struct memory_range room = largest_range(&machine->usable);
    bool frees = page_free(&frames, free_ram.start, 1) != ALLOC_UNSUPPORTED;
    size_t passed = 0, failed = 0;

    find_own_cost();
    run_boot(stage, room, GIB, "boot 1 GiB");
    run_boot(stage, room, 64 * GIB, "boot 64 GiB");
    run_boot(stage, room, KIB * GIB, "boot 1 TiB");

    paddr_t meta = lay_out(&b, stage, room);
    for (size_t i = 0; i < WORKLOADS; i++) {
        if (!frees && workloads[i].kind != FILL)
            continue;
        bool ok = run(&b, stage, &workloads[i], meta, frees);
        passed += ok;
        failed += !ok;
    }
    if (frees) {
        bool ok = run(&b, stage, &worst, meta, frees);
        passed += ok;
        failed += !ok;
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0;
}
