/* The host's own run of the calls that the page Watch plays:
 *
 *     host STAGE PAGES < calls
 *
 * Calls are lines as in site/watch/calls.mjs. For each it prints the line, what came of it, and
 * then the pages in use and the longest free run. */
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

static void say(const char *line, const char *outcome, const struct held *got) {
    printf("%s: %s", line, outcome);
    if (got && got->is_there)
        printf(" %u", got->page);
    printf(" | %zu %zu\n", page_used(&a), page_largest_run(&a));
}

static void play(const char *line, unsigned call) {
    unsigned x, y = 1;
    struct held *got = &held[call];
    if (sscanf(line, "free #%u", &x) == 1) {
        if (x >= call || !held[x].is_there)
            say(line, "nothing to free", NULL);
        else
            say(line, alloc_error_name(page_free(&a, address(held[x].page), held[x].n)), NULL);
    } else if (sscanf(line, "free %u %u", &x, &y) == 2) {
        say(line, alloc_error_name(page_free(&a, address(x), y)), NULL);
    } else if (sscanf(line, "add %u %u", &x, &y) == 2) {
        say(line, alloc_error_name(page_add_memory(&a, address(x), y * PAGE_SIZE)), NULL);
    } else if (sscanf(line, "alloc_at %u %u", &x, &y) == 2) {
        enum alloc_error error = page_alloc_at(&a, address(x), y);
        *got = (struct held){error == ALLOC_OK, x, y};
        say(line, alloc_error_name(error), got);
    } else if (sscanf(line, "alloc %u align %u", &x, &y) >= 1) {
        paddr_t paddr = 0;
        enum alloc_error error = page_alloc(&a, x, y * PAGE_SIZE, &paddr);
        *got = (struct held){error == ALLOC_OK, (unsigned) ((paddr - START) / PAGE_SIZE), x};
        say(line, alloc_error_name(error), got);
    } else {
        fprintf(stderr, "host: no call: %s\n", line);
        exit(2);
    }
}

int main(int argc, char **argv) {
    char line[100];
    unsigned call = 0;
    const struct alloc_stage *stage = NULL;
    if (argc != 3)
        return 2;
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
        play(line, ++call);
    }
    free(meta);
    return 0;
}
