/* alloc/harts.c as a stage, so that it is held to all that stages are: two hands over one span, and
 * each call comes with one or the other. */
#pragma once

#include "../../alloc/harts.h"

enum {
    HANDS = 2
};

/* At the start of the metadata; behind it are the tables of harts. What was added stands with the
 * stage's own allocator, and is lent to the shared one for each call. */
struct pair {
    struct harts s;
    struct hand hands[HANDS];
    size_t at_work; /* the hand of the call that is under way */
};

extern const struct alloc_stage harts_pair_stage;
