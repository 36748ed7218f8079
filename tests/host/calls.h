/* Calls as data: they can be recorded, made again, and printed as C to paste into a test. */
#pragma once

#include "trial.h"

enum call_kind {
    CALL_MANAGE,
    CALL_ADD,
    CALL_ALLOC,
    CALL_ALLOC_AT,
    CALL_FREE,
};

/* What a kind of call does not take is 0. */
struct call {
    enum call_kind kind;
    paddr_t paddr;
    size_t size; /* bytes: manage and add */
    size_t n;    /* pages: the others */
    size_t align;
};

/* Make the call of the allocator and of the oracle; it fails where they differ. *out is what
 * page_alloc stores. */
enum alloc_error make_call(struct trial *t, const struct call *call, paddr_t *out);

/* Print it to where prove lets it pass, as a statement of a test that has `t` and `out`. */
void print_call(const struct call *call);
