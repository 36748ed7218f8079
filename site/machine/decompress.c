/* The C extension: each instruction of 16 bits is one of 32 bits with the frequent registers and
 * the small numbers, their bits shuffled so that hardware needs few wires. Here they are put back.
 */
#include "decode.h"

enum {
    SP = 2
};
enum opcode {
    LOAD = 0x03,
    OP_IMM = 0x13,
    OP_IMM_32 = 0x1b,
    STORE = 0x23,
    OP = 0x33,
    LUI = 0x37,
    OP_32 = 0x3b,
    BRANCH = 0x63,
    JALR = 0x67,
    JAL = 0x6f,
};
static const uint32_t EBREAK = 0x00100073;

/* ---- taking apart ---- */

/* Bits high to low of a compressed instruction. */
static uint32_t bits(uint32_t c, unsigned high, unsigned low) {
    return c >> low & ((1u << (high - low + 1)) - 1);
}

static uint32_t sign_extend(uint32_t value, unsigned width) {
    return (uint32_t) ((int32_t) (value << (32 - width)) >> (32 - width));
}

static uint32_t uimm6(uint32_t c) {
    return bits(c, 12, 12) << 5 | bits(c, 6, 2);
}

static uint32_t imm6(uint32_t c) {
    return sign_extend(uimm6(c), 6);
}

static uint32_t offset_w(uint32_t c) {
    return bits(c, 5, 5) << 6 | bits(c, 12, 10) << 3 | bits(c, 6, 6) << 2;
}

static uint32_t offset_d(uint32_t c) {
    return bits(c, 6, 5) << 6 | bits(c, 12, 10) << 3;
}

static uint32_t offset_branch(uint32_t c) {
    return sign_extend(bits(c, 12, 12) << 8 | bits(c, 6, 5) << 6 | bits(c, 2, 2) << 5 |
                           bits(c, 11, 10) << 3 | bits(c, 4, 3) << 1,
                       9);
}

static uint32_t offset_jump(uint32_t c) {
    return sign_extend(bits(c, 12, 12) << 11 | bits(c, 8, 8) << 10 | bits(c, 10, 9) << 8 |
                           bits(c, 6, 6) << 7 | bits(c, 7, 7) << 6 | bits(c, 2, 2) << 5 |
                           bits(c, 11, 11) << 4 | bits(c, 5, 3) << 1,
                       12);
}

/* ---- putting together ---- */

static uint32_t r_type(uint32_t opcode, uint32_t funct3, uint32_t funct7, uint32_t rd, uint32_t rs1,
                       uint32_t rs2) {
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static uint32_t i_type(uint32_t opcode, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t imm) {
    return imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

static uint32_t s_type(uint32_t funct3, uint32_t rs1, uint32_t rs2, uint32_t imm) {
    return r_type(STORE, funct3, imm >> 5 & 0x7f, imm & 0x1f, rs1, rs2);
}

static uint32_t b_type(uint32_t funct3, uint32_t rs1, uint32_t imm) {
    uint32_t high = (imm >> 12 & 1) << 6 | (imm >> 5 & 0x3f);
    return r_type(BRANCH, funct3, high, (imm & 0x1e) | (imm >> 11 & 1), rs1, 0);
}

static uint32_t j_type(uint32_t rd, uint32_t imm) {
    return (imm >> 20 & 1) << 31 | (imm >> 1 & 0x3ff) << 21 | (imm >> 11 & 1) << 20 |
           (imm >> 12 & 0xff) << 12 | rd << 7 | JAL;
}

/* ---- the quadrants, by the lowest two bits ---- */

static uint32_t quadrant0(uint32_t c) {
    uint32_t rd = 8 + bits(c, 4, 2), rs1 = 8 + bits(c, 9, 7);
    uint32_t up =
        bits(c, 10, 7) << 6 | bits(c, 12, 11) << 4 | bits(c, 5, 5) << 3 | bits(c, 6, 6) << 2;
    switch (bits(c, 15, 13)) {
    case 0: /* c.addi4spn */
        return up ? i_type(OP_IMM, 0, rd, SP, up) : 0;
    case 2: /* c.lw */
        return i_type(LOAD, 2, rd, rs1, offset_w(c));
    case 3: /* c.ld */
        return i_type(LOAD, 3, rd, rs1, offset_d(c));
    case 6: /* c.sw */
        return s_type(2, rs1, rd, offset_w(c));
    case 7: /* c.sd */
        return s_type(3, rs1, rd, offset_d(c));
    default:
        return 0;
    }
}

/* c.srli, c.srai, c.andi, c.sub, c.xor, c.or, c.and, c.subw, c.addw */
static uint32_t arithmetic(uint32_t c) {
    static const struct {
        uint8_t opcode, funct3, funct7;
    } ops[8] = {
        {OP, 0, 0x20}, {OP, 4, 0}, {OP, 6, 0}, {OP, 7, 0}, {OP_32, 0, 0x20}, {OP_32, 0, 0},
    };
    uint32_t rd = 8 + bits(c, 9, 7), rs2 = 8 + bits(c, 4, 2);
    uint32_t which = bits(c, 12, 12) << 2 | bits(c, 6, 5);
    switch (bits(c, 11, 10)) {
    case 0:
        return i_type(OP_IMM, 5, rd, rd, uimm6(c));
    case 1:
        return i_type(OP_IMM, 5, rd, rd, 0x400 | uimm6(c));
    case 2:
        return i_type(OP_IMM, 7, rd, rd, imm6(c));
    default:
        if (!ops[which].opcode)
            return 0;
        return r_type(ops[which].opcode, ops[which].funct3, ops[which].funct7, rd, rd, rs2);
    }
}

static uint32_t add_to_sp_or_lui(uint32_t c, uint32_t rd) {
    uint32_t up = sign_extend(bits(c, 12, 12) << 9 | bits(c, 4, 3) << 7 | bits(c, 5, 5) << 6 |
                                  bits(c, 2, 2) << 5 | bits(c, 6, 6) << 4,
                              10);
    if (!uimm6(c))
        return 0;
    return rd == SP ? i_type(OP_IMM, 0, SP, SP, up) : imm6(c) << 12 | rd << 7 | LUI;
}

static uint32_t quadrant1(uint32_t c) {
    uint32_t rd = bits(c, 11, 7), rs1 = 8 + bits(c, 9, 7);
    switch (bits(c, 15, 13)) {
    case 0: /* c.addi */
        return i_type(OP_IMM, 0, rd, rd, imm6(c));
    case 1: /* c.addiw */
        return rd ? i_type(OP_IMM_32, 0, rd, rd, imm6(c)) : 0;
    case 2: /* c.li */
        return i_type(OP_IMM, 0, rd, 0, imm6(c));
    case 3:
        return add_to_sp_or_lui(c, rd);
    case 4:
        return arithmetic(c);
    case 5: /* c.j */
        return j_type(0, offset_jump(c));
    case 6: /* c.beqz */
        return b_type(0, rs1, offset_branch(c));
    default: /* c.bnez */
        return b_type(1, rs1, offset_branch(c));
    }
}

/* c.jr, c.mv, c.ebreak, c.jalr, c.add */
static uint32_t jump_or_move(uint32_t c, uint32_t rd, uint32_t rs2) {
    bool is_second = bits(c, 12, 12);
    if (rs2)
        return r_type(OP, 0, 0, rd, is_second ? rd : 0, rs2);
    if (rd)
        return i_type(JALR, 0, is_second, rd, 0);
    return is_second ? EBREAK : 0;
}

static uint32_t quadrant2(uint32_t c) {
    uint32_t rd = bits(c, 11, 7), rs2 = bits(c, 6, 2);
    uint32_t load_w = bits(c, 3, 2) << 6 | bits(c, 12, 12) << 5 | bits(c, 6, 4) << 2;
    uint32_t load_d = bits(c, 4, 2) << 6 | bits(c, 12, 12) << 5 | bits(c, 6, 5) << 3;
    switch (bits(c, 15, 13)) {
    case 0: /* c.slli */
        return i_type(OP_IMM, 1, rd, rd, uimm6(c));
    case 2: /* c.lwsp */
        return rd ? i_type(LOAD, 2, rd, SP, load_w) : 0;
    case 3: /* c.ldsp */
        return rd ? i_type(LOAD, 3, rd, SP, load_d) : 0;
    case 4:
        return jump_or_move(c, rd, rs2);
    case 6: /* c.swsp */
        return s_type(2, SP, rs2, bits(c, 8, 7) << 6 | bits(c, 12, 9) << 2);
    case 7: /* c.sdsp */
        return s_type(3, SP, rs2, bits(c, 9, 7) << 6 | bits(c, 12, 10) << 3);
    default:
        return 0;
    }
}

uint32_t decompress(uint32_t compressed) {
    switch (compressed & 3) {
    case 0:
        return quadrant0(compressed);
    case 1:
        return quadrant1(compressed);
    default:
        return quadrant2(compressed);
    }
}
