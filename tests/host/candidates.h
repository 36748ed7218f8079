/* The stages under test: those of alloc/stages.h and harts, each with what it promises of its own.
 */
#pragma once

#include "oracle.h"

/* How many there are. */
enum {
#define STAGE(name) name##_CANDIDATE,
#include "../../alloc/stages.h"
    harts_CANDIDATE, /* see harts_stage.h */
    CANDIDATES
};

/* A stage under test. */
struct candidate {
    const struct alloc_stage *stage;
    struct stage_rules rules;
    double meta_bits; /* the metadata it may use for a page, at 64 GiB */
    bool learns;      /* page_alloc that finds no memory may leave its metadata wiser */
    size_t fewer;     /* pages that the largest windows of test_states.c are smaller by: so much
                         more it remembers, and so many more states have the same pages */
    size_t structs;   /* bytes that its metadata begins with and that are its caller's elsewhere: no
                         bit is flipped there */
};

/* The one with this number, in the order of alloc/stages.h. */
struct candidate candidate_of(size_t number);
