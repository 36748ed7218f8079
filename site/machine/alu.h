/* What ops on registers compute, with the results that the manual gives to the cases that C leaves
 * open: division by 0 and of the smallest number by -1, and shifts by more than there are bits. */
#pragma once

#include "decode.h"

static const uint64_t SMALLEST = 1ULL << 63;

static inline uint64_t extend32(uint64_t value) {
    return (uint64_t) (int32_t) value;
}

/* The upper 64 of 128 bits, by halves: (ah + al) * (bh + bl). */
static inline uint64_t multiply_high(uint64_t a, uint64_t b) {
    uint64_t al = (uint32_t) a, ah = a >> 32, bl = (uint32_t) b, bh = b >> 32;
    uint64_t low = al * bl;
    uint64_t middle = ah * bl + (low >> 32);
    uint64_t other = al * bh + (uint32_t) middle;
    return ah * bh + (middle >> 32) + (other >> 32);
}

/* A negative factor was taken for 2^64 more than it is. */
static inline uint64_t multiply_high_signed(uint64_t a, uint64_t b, bool b_is_signed) {
    uint64_t high = multiply_high(a, b);
    if (a >> 63)
        high -= b;
    if (b_is_signed && b >> 63)
        high -= a;
    return high;
}

static inline uint64_t divide(uint64_t a, uint64_t b) {
    if (b == 0)
        return ~0ULL;
    if (a == SMALLEST && b == ~0ULL)
        return a;
    return (uint64_t) ((int64_t) a / (int64_t) b);
}

static inline uint64_t remainder(uint64_t a, uint64_t b) {
    if (b == 0)
        return a;
    if (b == ~0ULL)
        return 0;
    return (uint64_t) ((int64_t) a % (int64_t) b);
}

static inline uint64_t alu(enum op_kind kind, uint64_t a, uint64_t b) {
    switch (kind) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_SLL: return a << (b & 63);
    case OP_SLT: return (int64_t) a < (int64_t) b;
    case OP_SLTU: return a < b;
    case OP_XOR: return a ^ b;
    case OP_SRL: return a >> (b & 63);
    case OP_SRA: return (uint64_t) ((int64_t) a >> (b & 63));
    case OP_OR: return a | b;
    case OP_AND: return a & b;
    case OP_ADDW: return extend32(a + b);
    case OP_SUBW: return extend32(a - b);
    case OP_SLLW: return extend32(a << (b & 31));
    case OP_SRLW: return extend32((uint32_t) a >> (b & 31));
    case OP_SRAW: return (uint64_t) ((int32_t) a >> (b & 31));
    case OP_MUL: return a * b;
    case OP_MULH: return multiply_high_signed(a, b, true);
    case OP_MULHSU: return multiply_high_signed(a, b, false);
    case OP_MULHU: return multiply_high(a, b);
    case OP_DIV: return divide(a, b);
    case OP_DIVU: return b ? a / b : ~0ULL;
    case OP_REM: return remainder(a, b);
    case OP_REMU: return b ? a % b : a;
    case OP_MULW: return extend32(a * b);
    /* Of 32 bits no quotient overflows 64; it is cut afterwards. */
    case OP_DIVW: return extend32(divide(extend32(a), extend32(b)));
    case OP_DIVUW: return extend32((uint32_t) b ? (uint32_t) a / (uint32_t) b : ~0U);
    case OP_REMW: return extend32(remainder(extend32(a), extend32(b)));
    case OP_REMUW: return extend32((uint32_t) b ? (uint32_t) a % (uint32_t) b : (uint32_t) a);
    default: return 0;
    }
}

/* What an atomic writes where `old` was. */
static inline uint64_t amo(enum op_kind kind, unsigned size, uint64_t old, uint64_t value) {
    /* Extending by sign keeps the order of unsigned numbers as well. */
    if (size == 4) {
        old = extend32(old);
        value = extend32(value);
    }
    switch (kind) {
    case OP_AMOADD: return old + value;
    case OP_AMOXOR: return old ^ value;
    case OP_AMOAND: return old & value;
    case OP_AMOOR: return old | value;
    case OP_AMOMIN: return (int64_t) old < (int64_t) value ? old : value;
    case OP_AMOMAX: return (int64_t) old > (int64_t) value ? old : value;
    case OP_AMOMINU: return old < value ? old : value;
    case OP_AMOMAXU: return old > value ? old : value;
    default: return value; /* OP_AMOSWAP */
    }
}
