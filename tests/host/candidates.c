#include "candidates.h"
#include "harts_stage.h"

static const struct alloc_stage *const stages[CANDIDATES] = {
#define STAGE(name) &name##_stage,
#include "../../alloc/stages.h"
    &harts_pair_stage,
};

/* The stages with other rules than these. A new stage is held to them until it stands here. */
static const struct candidate usual = {
    .rules = {.frees = true, .lowest_first = true, .exact_runs = true},
    .meta_bits = 1.1,
};

static const struct candidate special[] = {
    {&bump_stage,
     {.loses_gaps = true, .lowest_first = true, .exact_runs = true},
     0.05,
     false,
     0,
     0},
    {&stack_stage, {.frees = true, .exact_runs = true}, 1.6, false, 0, 0},
    {&tree_stage, {.frees = true, .lowest_first = true, .exact_runs = true}, 1.1, true, 0, 0},
    {&buddy_stage, {.frees = true}, 2.2, false, 0, 0},
    {&radix_stage, {.frees = true, .exact_runs = true}, 1.25, true, 4, 0},
    {&harts_pair_stage, {.frees = true, .exact_runs = true}, 1.25, true, 6, sizeof(struct pair)},
};

struct candidate candidate_of(size_t number) {
    struct candidate c = usual;
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (special[i].stage == stages[number])
            c = special[i];
    c.stage = stages[number];
    return c;
}
