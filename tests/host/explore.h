/* Every state that an allocator can get into, and every call in each of them.
 *
 * A state is all bytes of the allocator, of its metadata and of the oracle. From the states that
 * are known, breadth first, each call is made with each argument; what it leaves is a state that is
 * known, or one more. When there is no more, every sequence of calls of any length has been seen.
 *
 * Calls name the pages of a window: those that may be added, and one on either side. Elsewhere the
 * span stays absent, so that a few pages can lie wherever something in the tables has a border. */
#pragma once

#include "calls.h"
#include "space.h"

/* Pages of the window, counted from its first. */
struct piece {
    size_t first;
    size_t n;
};

enum {
    PIECES = 4
};

struct window {
    paddr_t start; /* the span's first page, and how many it has */
    size_t span_pages;
    size_t first; /* the window's first page, counted from the start, and how many it has */
    size_t pages;
    struct piece added[PIECES]; /* at first, in this order */
    bool adds;                  /* page_add_memory is one of the calls; if not, no memory comes */
};

/* How a state was come to. */
struct origin {
    size_t parent; /* NO_STATE for the first one */
    size_t step;   /* which of the calls, or behind them: which bit was flipped */
};

struct exploration {
    struct trial *t;
    struct window window;
    struct call *calls; /* those before the first state, then those made in each */
    size_t call_count;
    size_t first_call; /* of those made in each */
    struct space states;
    struct origin *origins;
    size_t origin_room;
    size_t explored;      /* states in which every call was made */
    size_t transitions;   /* calls made */
    uint64_t *image;      /* of the state that calls are made in */
    uint64_t *next_image; /* of the one that a call has led to */
    size_t state, step;   /* where it is: printed with the way there if something is wrong */
};

/* Lay out the window; the first state is known and no other. */
void explore_begin(struct exploration *e, struct trial *t, const struct window *window);

/* Go on until no new state appears: true. False if something is wrong; it has been printed. */
bool explore(struct exploration *e);

/* Then: the shortest way to it from the beginning, and the call that is wrong. */
void explore_print_way(const struct exploration *e);

void explore_end(struct exploration *e);

/* What became of flipped bits. */
struct flips {
    size_t states;   /* in which every bit was flipped */
    size_t noticed;  /* page_check says false */
    size_t reached;  /* what is left is a state that calls lead to as well */
    size_t harmless; /* it is not, but whatever is called from there on, all answers are right */
};

/* In up to `most` of the explored states, evenly spread, flip each bit that means something: of the
 * tables, of the ranges that are in use, and of the struct's counts and pointers. page_check must
 * say false, or else what is left must be a state: an oracle is made from the pages that are free
 * in it and the ranges, and all calls are explored from there on, as from the first state. False,
 * as explore, if that fails. The numbers are added to what is in *flips.
 *
 * No meaning: ranges beyond the last one; tables that neither page_init nor any call ever wrote;
 * and, as the metadata cannot tell them from those of another allocator, the struct's stage, base,
 * span and range_room. */
bool explore_flips(struct exploration *e, size_t most, struct flips *flips);
