/* Random calls, each compared with the oracle, in a process of its own: whatever goes wrong there,
 * the calls that led to it are known here, and are shrunk. */
#pragma once

#include "shrink.h"

/* What a run is like. */
struct run {
    paddr_t start;
    size_t size;
    size_t operations;
    unsigned max_order;   /* runs are of up to 2^max_order pages */
    unsigned align_order; /* and aligned to up to 2^align_order */
    size_t look_every;    /* operations between two looks at every page; 0: not at every page */
};

/* The calls that led to a failure. */
struct failure {
    struct call *calls; /* shrunk; the caller frees them */
    size_t count;
    size_t count_before; /* they were shrunk */
    size_t tries;        /* that it took */
};

/* Are all answers right? If not, and *failure tells how that can be seen. `t` is not used but for
 * its candidate and is_quiet: if it is quiet, the failure prints nothing. */
bool random_run(const struct trial *t, const struct run *run, uint64_t seed,
                struct failure *failure);

/* Print the calls as statements of a test. */
void print_failure(const struct failure *failure, uint64_t seed);
