/* Chance for tests and benchmarks: Marsaglia's xorshift generators. From the same state, which must
 * not be 0, comes the same sequence on every machine. Each function returns the next state, and
 * that is the random number as well. */
#pragma once

#include <stdint.h>

/* Where to begin if any sequence will do: the seeds of Marsaglia's paper. */
#define XORSHIFT32_SEED UINT32_C(2463534242)
#define XORSHIFT64_SEED UINT64_C(88172645463325252)

static inline uint32_t xorshift32(uint32_t state) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static inline uint64_t xorshift64(uint64_t state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
