/* The stages in their order, a line each. A new stage is its file, NAME.c, and its line here.
 *
 * Included by itself, as alloc.h does, this declares them. Tests and benchmarks say first what else
 * STAGE makes of a line, and get tables of the stages. run.sh and tests/Makefile read the names. */
#ifndef STAGE
#define STAGE(name) extern const struct alloc_stage name##_stage;
#endif

STAGE(bump)
STAGE(bitmap)
STAGE(stack)
STAGE(tree)
STAGE(buddy)
STAGE(radix)

#undef STAGE
