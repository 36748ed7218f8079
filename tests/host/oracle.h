/* An oracle for page allocators: one byte a page, and loops.
 *
 * It knows what every call of alloc/alloc.h must answer. page_alloc alone has a choice of pages:
 * there the oracle is a judge of the answer. Slow, and meant to be too simple to be wrong. */
#pragma once

#include "../../alloc/alloc.h"

/* What a page can be. */
enum {
    ABSENT,
    FREE,
    USED
};

/* What a stage promises of its own. */
struct stage_rules {
    bool frees;
    bool loses_gaps;   /* free pages below one that is handed out are lost: they count as used */
    bool lowest_first; /* page_alloc returns the lowest run that fits */
    bool exact_runs;   /* it finds every run that fits; if not, every aligned block that does */
};

struct oracle {
    struct stage_rules rules;
    size_t first;         /* page number of the span's first page */
    size_t count;         /* pages of the span */
    unsigned char *pages; /* the state of each */
    size_t total;
    size_t used;
    size_t next;        /* behind the highest page handed out, if gaps are lost */
    size_t range_count; /* separate ranges added */
    size_t range_room;
};

/* Begin with every page of the span absent. False if the span is none. */
bool oracle_init(struct oracle *o, const struct stage_rules *rules, paddr_t start, size_t size);

void oracle_end(struct oracle *o);

/* What page_add_memory, page_alloc_at and page_free must return. */
enum alloc_error oracle_add(struct oracle *o, paddr_t start, size_t size);
enum alloc_error oracle_alloc_at(struct oracle *o, paddr_t paddr, size_t n);
enum alloc_error oracle_free(struct oracle *o, paddr_t paddr, size_t n);

/* Judge the answer of page_alloc: what is wrong with it, NULL if nothing is. `paddr` counts only
 * with ALLOC_OK. */
const char *oracle_judge_alloc(struct oracle *o, size_t n, size_t align, enum alloc_error answer,
                               paddr_t paddr);

bool oracle_is_free(const struct oracle *o, paddr_t paddr);

/* Allocated pages side by side from paddr on, counted up to `most`. */
size_t oracle_used_run(const struct oracle *o, paddr_t paddr, size_t most);

size_t oracle_largest_run(const struct oracle *o);
