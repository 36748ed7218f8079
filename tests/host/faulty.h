/* Stages with a known fault, to see that it is found. */
#pragma once

#include "../../alloc/stage.h"

/* All but the last are the bitmap's. */
enum fault {
    NO_FAULT,
    FORGETS,   /* a page freed between two free ones, and not the last, stays allocated */
    ABORTS,    /* the same, but it ends the program */
    CRASHES,   /* the same, by a wrong address */
    HANGS,     /* the same, but it never returns */
    MISCOUNTS, /* with four pages allocated, of three or more that it hands out one stays free */
    WRITES,    /* with four pages allocated, page_alloc_at refused for two takes what it can */
    BLIND,     /* bump with a check that sees nothing */
};

/* The stage, with that fault until the next call. */
const struct alloc_stage *faulty_stage(enum fault fault);
