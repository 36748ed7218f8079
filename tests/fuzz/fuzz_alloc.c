/* Any bytes as calls of alloc/alloc.h: a span, then one call after another, each made of every
 * stage and of an oracle of its own. They must answer alike, keep their counts and their
 * invariants, and change nothing when they refuse. The metadata lies in a block of exactly its
 * size. */
#define _POSIX_C_SOURCE 200809L
#include "../host/candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
    MAX_PAGES = 700,
    MAX_CALLS = 100,
};

struct side {
    struct candidate candidate;
    struct page_allocator a;
    struct oracle oracle;
    void *meta, *meta_before;
    size_t meta_size;
};

/* ---- the bytes ---- */

struct input {
    const uint8_t *at, *end;
};

static size_t next_byte(struct input *in) {
    return in->at < in->end ? *in->at++ : 0;
}

static size_t next_two(struct input *in) {
    size_t low = next_byte(in);
    return low | next_byte(in) << 8;
}

/* A number of pages: mostly one that the span may have, else one near where sums wrap. */
static size_t next_count(struct input *in) {
    static const size_t large[] = {SIZE_MAX / PAGE_SIZE, SIZE_MAX / PAGE_SIZE + 1, SIZE_MAX,
                                   SIZE_MAX / 2, MAX_ALIGN / PAGE_SIZE};
    size_t number = next_two(in);
    if (number >> 12 != 15)
        return number % (MAX_PAGES + 2) >> number / 8192; /* the smaller the more often */
    return large[number % 5] + number / 5 % 8 - 4;
}

/* ---- one call, on one side ---- */

static void fail(const struct side *side, const char *wrong) {
    fprintf(stderr, "%s: %s\n", alloc_stage_name(side->a.stage), wrong);
    abort();
}

static void compare(const struct side *side, paddr_t paddr) {
    const struct oracle *o = &side->oracle;
    if (page_total(&side->a) != o->total || page_used(&side->a) != o->used ||
        page_available(&side->a) != o->total - o->used)
        fail(side, "wrong counts");
    for (size_t i = 0; i < 3; i++)
        if (page_is_free(&side->a, paddr + (i - 1) * PAGE_SIZE) !=
            oracle_is_free(o, paddr + (i - 1) * PAGE_SIZE))
            fail(side, "page_is_free is wrong");
}

static void compare_all(const struct side *side) {
    paddr_t start = side->oracle.first * PAGE_SIZE;
    for (size_t i = 0; i < side->oracle.count; i += 3)
        compare(side, start + i * PAGE_SIZE);
    if (page_largest_run(&side->a) != oracle_largest_run(&side->oracle))
        fail(side, "page_largest_run is wrong");
    if (!page_check(&side->a))
        fail(side, "page_check fails");
}

/* A call, and what its four forms are given. */
struct call {
    size_t kind;
    paddr_t paddr;
    size_t n, size, align;
};

static enum alloc_error make_alloc(struct side *side, const struct call *call) {
    paddr_t paddr = 42;
    enum alloc_error answer = page_alloc(&side->a, call->n, call->align, &paddr);
    const char *wrong = oracle_judge_alloc(&side->oracle, call->n, call->align, answer, paddr);
    if (wrong != NULL)
        fail(side, wrong);
    if (answer != ALLOC_OK && paddr != 42)
        fail(side, "*out has changed");
    return answer;
}

static void make(struct side *side, const struct call *call) {
    struct page_allocator before = side->a;
    memcpy(side->meta_before, side->meta, side->meta_size);
    enum alloc_error answer, expected;
    switch (call->kind) {
    case 0:
        answer = page_add_memory(&side->a, call->paddr, call->size);
        expected = oracle_add(&side->oracle, call->paddr, call->size);
        break;
    case 1:
        answer = page_alloc_at(&side->a, call->paddr, call->n);
        expected = oracle_alloc_at(&side->oracle, call->paddr, call->n);
        break;
    case 2:
        answer = page_free(&side->a, call->paddr, call->n);
        expected = oracle_free(&side->oracle, call->paddr, call->n);
        break;
    default:
        answer = expected = make_alloc(side, call);
    }
    if (answer != expected)
        fail(side, alloc_error_name(answer));
    if (answer != ALLOC_OK && (memcmp(&before, &side->a, sizeof(before)) != 0 ||
                               (!(side->candidate.learns && answer == ALLOC_NO_MEMORY) &&
                                memcmp(side->meta, side->meta_before, side->meta_size) != 0)))
        fail(side, "a refusal has changed something");
    compare(side, call->paddr);
}

/* ---- all of it ---- */

/* Few pages above a multiple of 1 GiB; seldom below one, where the metadata is large. */
static paddr_t next_start(struct input *in) {
    size_t choice = next_byte(in);
    paddr_t place = choice == 255 ? 3 * MAX_ALIGN - 64 * PAGE_SIZE : choice % 3 * MAX_ALIGN;
    return place + choice / 4 * PAGE_SIZE + (choice % 7 == 0 ? choice : 0);
}

static void begin(struct side *side, size_t number, paddr_t start, size_t size, uint8_t garbage) {
    side->candidate = candidate_of(number);
    const struct alloc_stage *stage = side->candidate.stage;
    if (!oracle_init(&side->oracle, &side->candidate.rules, start, size))
        abort();
    side->meta_size = page_meta_size(stage, start, size);
    if (posix_memalign(&side->meta, 64, side->meta_size) != 0)
        abort();
    side->meta_before = malloc(side->meta_size);
    memset(side->meta, garbage, side->meta_size);
    if (side->meta_before == NULL ||
        page_init(&side->a, stage, start, size, side->meta, side->meta_size) != ALLOC_OK)
        abort();
}

static void end(struct side *side) {
    oracle_end(&side->oracle);
    free(side->meta);
    free(side->meta_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct input in = {bytes, bytes + size};
    struct side sides[CANDIDATES];
    paddr_t start = next_start(&in);
    size_t span = (1 + next_two(&in) % MAX_PAGES) * PAGE_SIZE + PAGE_SIZE - 1;
    uint8_t garbage = (uint8_t) next_byte(&in);
    for (size_t i = 0; i < CANDIDATES; i++)
        begin(&sides[i], i, start, span, garbage);

    for (size_t calls = 0; calls < MAX_CALLS && in.at < in.end; calls++) {
        struct call call = {.kind = next_byte(&in)};
        bool is_odd = call.kind >= 240;
        call.paddr = (start + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE +
                     (next_two(&in) % (MAX_PAGES + 4) - 2) * PAGE_SIZE + (is_odd ? call.kind : 0);
        call.n = next_count(&in);
        call.size = call.n * PAGE_SIZE + (is_odd ? call.kind % 3 * 1000 : 0);
        call.align = ((size_t) 1 << call.kind / 8) + (is_odd ? 1 : 0);
        call.kind %= 8;
        for (size_t i = 0; i < CANDIDATES; i++)
            make(&sides[i], &call);
        for (size_t i = 0; i < CANDIDATES && calls % 8 == 0; i++)
            if (!page_check(&sides[i].a))
                fail(&sides[i], "page_check fails");
    }
    for (size_t i = 0; i < CANDIDATES; i++) {
        compare_all(&sides[i]);
        end(&sides[i]);
    }
    return 0;
}
