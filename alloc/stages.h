/* The stages in their order, a line each. A new stage is its file, NAME.c, and its line here.
 *
 * Who includes this says first what STAGE makes of a line: alloc.h declares the stages by it, tests
 * and benchmarks make tables of them. run.sh and the tests' Makefile read the names out of it. */
STAGE(bump)
STAGE(bitmap)
STAGE(stack)
STAGE(tree)
STAGE(buddy)
