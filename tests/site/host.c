/* The host's own run of the calls that the page Watch plays:
 *
 *     host STAGE PAGES [CALL] < calls
 *
 * Calls are lines as in site/watch/calls.mjs. For each it prints the line, what came of it, and
 * then the pages in use and the longest free run. Built with coverage it is told a call: it ends
 * with that one, and leaves a profile of nothing else. */
#include "../../alloc/alloc.h"
#include "../../alloc/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START ((paddr_t) 0x80000000)
#define MOST_CALLS 20000

static const struct alloc_stage *const stages[] = {
#define STAGE(name) &name##_stage,
#include "../../alloc/stages.h"
};

/* What a call got. */
struct held {
    bool is_there;
    unsigned page, n;
};

static struct page_allocator a;
static struct held held[MOST_CALLS + 1];

static paddr_t address(unsigned page) {
    return START + (paddr_t) page * PAGE_SIZE;
}

/* Does a line free what no call got? */
static bool is_idle(const char *line, unsigned call) {
    unsigned of;
    return sscanf(line, "free #%u", &of) == 1 && (of >= call || !held[of].is_there);
}

/* Do what a line says that is not idle. */
static enum alloc_error call_of(const char *line, unsigned call) {
    unsigned x, y = 1;
    struct held *got = &held[call];
    if (sscanf(line, "free #%u", &x) == 1)
        return page_free(&a, address(held[x].page), held[x].n);
    if (sscanf(line, "free %u %u", &x, &y) == 2)
        return page_free(&a, address(x), y);
    if (sscanf(line, "add %u %u", &x, &y) == 2)
        return page_add_memory(&a, address(x), y * PAGE_SIZE);
    if (sscanf(line, "alloc_at %u %u", &x, &y) == 2) {
        enum alloc_error error = page_alloc_at(&a, address(x), y);
        *got = (struct held){error == ALLOC_OK, x, y};
        return error;
    }
    if (sscanf(line, "alloc %u align %u", &x, &y) >= 1) {
        paddr_t paddr = 0;
        enum alloc_error error = page_alloc(&a, x, y * PAGE_SIZE, &paddr);
        *got = (struct held){error == ALLOC_OK, (unsigned) ((paddr - START) / PAGE_SIZE), x};
        return error;
    }
    fprintf(stderr, "host: no call: %s\n", line);
    exit(2);
}

static void play(const char *line, unsigned call) {
    const struct held *got = &held[call];
    const char *outcome =
        is_idle(line, call) ? "nothing to free" : alloc_error_name(call_of(line, call));
    printf("%s: %s", line, outcome);
    if (got->is_there)
        printf(" %u", got->page);
    printf(" | %zu %zu\n", page_used(&a), page_largest_run(&a));
}

#ifdef COVERAGE
void __llvm_profile_reset_counters(void);

/* The profile is written when the program ends: it has this call, and none before. */
static void play_last(const char *line, unsigned call) {
    __llvm_profile_reset_counters();
    if (!is_idle(line, call))
        call_of(line, call);
    exit(0);
}
#else
static void play_last(const char *line, unsigned call) {
    play(line, call);
}
#endif

int main(int argc, char **argv) {
    char line[100];
    unsigned call = 0, last = 0;
    const struct alloc_stage *stage = NULL;
    if (argc != 3 && argc != 4)
        return 2;
    if (argc == 4)
        last = (unsigned) atoi(argv[3]);
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        if (strcmp(alloc_stage_name(stages[i]), argv[1]) == 0)
            stage = stages[i];
    size_t size = (size_t) atoi(argv[2]) * PAGE_SIZE;
    if (!stage || size == 0)
        return 2;
    size_t meta_size = page_meta_size(stage, START, size);
    void *meta = aligned_alloc(64, (meta_size + 63) / 64 * 64);
    if (!meta || page_init(&a, stage, START, size, meta, meta_size) != ALLOC_OK)
        return 2;
    while (fgets(line, sizeof(line), stdin) && call < MOST_CALLS) {
        line[strcspn(line, "\n")] = '\0';
        call++;
        (call == last ? play_last : play)(line, call);
    }
    free(meta);
    return 0;
}
