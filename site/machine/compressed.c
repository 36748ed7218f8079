/* The C extension: instructions of 16 bits, each of which does what one of 32 does, with registers
 * and numbers that are frequent. Where a register has 3 bits, it is one of x8 to x15.
 *
 *    15    13 12 11        7 6         2 1   0
 *   ┌────────┬──┬───────────┬───────────┬─────┐
 *   │ funct3 │  │ rd or rs1 │    rs2    │  q  │      q: in which of three quadrants it is; 3 would
 *   │        │     │ rs1' │    │ rd' rs2'│     │         be an instruction of 32 bits
 *   └────────┴─────┴──────┴────┴─────────┴─────┘
 *
 * The bits of numbers are shuffled, so that hardware needs few wires. */
#include "decode.h"

enum {
    RA = 1,
    SP = 2
};

static struct op illegal(void) {
    return op_make(0, 0, 0, 0, 0);
}

/* ---- numbers ---- */

static uint32_t number(uint32_t c) {
    return bits(c, 12, 12) << 5 | bits(c, 6, 2);
}

static uint32_t signed_number(uint32_t c) {
    return sign_extend(number(c), 6);
}

/* Where words and double words lie, from a register on. */
static uint32_t offset_w(uint32_t c) {
    return bits(c, 5, 5) << 6 | bits(c, 12, 10) << 3 | bits(c, 6, 6) << 2;
}

static uint32_t offset_d(uint32_t c) {
    return bits(c, 6, 5) << 6 | bits(c, 12, 10) << 3;
}

static uint32_t offset_branch(uint32_t c) {
    uint32_t low = bits(c, 2, 2) << 5 | bits(c, 11, 10) << 3 | bits(c, 4, 3) << 1;
    return sign_extend(bits(c, 12, 12) << 8 | bits(c, 6, 5) << 6 | low, 9);
}

static uint32_t offset_jump(uint32_t c) {
    uint32_t low = bits(c, 2, 2) << 5 | bits(c, 11, 11) << 4 | bits(c, 5, 3) << 1;
    uint32_t middle = bits(c, 10, 9) << 8 | bits(c, 6, 6) << 7 | bits(c, 7, 7) << 6;
    return sign_extend(bits(c, 12, 12) << 11 | bits(c, 8, 8) << 10 | middle | low, 12);
}

/* ---- the quadrants ---- */

static struct op quadrant0(uint32_t c) {
    uint32_t rd = 8 + bits(c, 4, 2), rs1 = 8 + bits(c, 9, 7);
    uint32_t up = bits(c, 10, 7) << 6 | bits(c, 12, 11) << 4 | bits(c, 5, 5) << 3;
    up |= bits(c, 6, 6) << 2;
    switch (bits(c, 15, 13)) {
    case 0: return up ? op_make(OP_ADD, rd, SP, 0, up) : illegal(); /* c.addi4spn */
    case 2: return op_make(OP_LW, rd, rs1, 0, offset_w(c));
    case 3: return op_make(OP_LD, rd, rs1, 0, offset_d(c));
    case 6: return op_make(OP_SW, 0, rs1, rd, offset_w(c));
    case 7: return op_make(OP_SD, 0, rs1, rd, offset_d(c));
    default: return illegal();
    }
}

static struct op arithmetic(uint32_t c) {
    static const uint8_t ops[8] = {OP_SUB, OP_XOR, OP_OR, OP_AND, OP_SUBW, OP_ADDW};
    uint32_t rd = 8 + bits(c, 9, 7), rs2 = 8 + bits(c, 4, 2);
    switch (bits(c, 11, 10)) {
    case 0: return op_make(OP_SRL, rd, rd, 0, number(c));
    case 1: return op_make(OP_SRA, rd, rd, 0, number(c));
    case 2: return op_make(OP_AND, rd, rd, 0, signed_number(c));
    default: return op_make(ops[bits(c, 12, 12) << 2 | bits(c, 6, 5)], rd, rd, rs2, 0);
    }
}

/* c.addi16sp, or c.lui. */
static struct op add_to_sp_or_lui(uint32_t c) {
    uint32_t rd = bits(c, 11, 7);
    uint32_t up = bits(c, 4, 3) << 7 | bits(c, 5, 5) << 6 | bits(c, 2, 2) << 5 | bits(c, 6, 6) << 4;
    if (!number(c))
        return illegal();
    if (rd == SP)
        return op_make(OP_ADD, SP, SP, 0, sign_extend(bits(c, 12, 12) << 9 | up, 10));
    return op_make(OP_ADD, rd, 0, 0, signed_number(c) << 12);
}

static struct op quadrant1(uint32_t c) {
    uint32_t rd = bits(c, 11, 7), rs1 = 8 + bits(c, 9, 7);
    switch (bits(c, 15, 13)) {
    case 0: return op_make(OP_ADD, rd, rd, 0, signed_number(c));
    case 1: return rd ? op_make(OP_ADDW, rd, rd, 0, signed_number(c)) : illegal();
    case 2: return op_make(OP_ADD, rd, 0, 0, signed_number(c)); /* c.li */
    case 3: return add_to_sp_or_lui(c);
    case 4: return arithmetic(c);
    case 5: return op_make(OP_JAL, 0, 0, 0, offset_jump(c));
    case 6: return op_make(OP_BEQ, 0, rs1, 0, offset_branch(c));
    default: return op_make(OP_BNE, 0, rs1, 0, offset_branch(c));
    }
}

/* Bit 12 tells c.mv from c.add, c.jr from c.jalr, and what is none from c.ebreak. */
static struct op jump_or_move(uint32_t c) {
    uint32_t rd = bits(c, 11, 7), rs2 = bits(c, 6, 2);
    bool is_second = bits(c, 12, 12);
    if (rs2)
        return op_make(OP_ADD, rd, is_second ? rd : 0, rs2, 0);
    if (rd)
        return op_make(OP_JALR, is_second ? RA : 0, rd, 0, 0);
    return op_make(is_second ? OP_EBREAK : 0, 0, 0, 0, 0);
}

static struct op quadrant2(uint32_t c) {
    uint32_t rd = bits(c, 11, 7), rs2 = bits(c, 6, 2);
    uint32_t load_w = bits(c, 3, 2) << 6 | bits(c, 12, 12) << 5 | bits(c, 6, 4) << 2;
    uint32_t load_d = bits(c, 4, 2) << 6 | bits(c, 12, 12) << 5 | bits(c, 6, 5) << 3;
    switch (bits(c, 15, 13)) {
    case 0: return op_make(OP_SLL, rd, rd, 0, number(c));
    case 2: return rd ? op_make(OP_LW, rd, SP, 0, load_w) : illegal();
    case 3: return rd ? op_make(OP_LD, rd, SP, 0, load_d) : illegal();
    case 4: return jump_or_move(c);
    case 6: return op_make(OP_SW, 0, SP, rs2, bits(c, 8, 7) << 6 | bits(c, 12, 9) << 2);
    case 7: return op_make(OP_SD, 0, SP, rs2, bits(c, 9, 7) << 6 | bits(c, 12, 10) << 3);
    default: return illegal();
    }
}

struct op decode_compressed(uint32_t c) {
    switch (c & 3) {
    case 0: return quadrant0(c);
    case 1: return quadrant1(c);
    default: return quadrant2(c);
    }
}
