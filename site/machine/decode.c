/* What an instruction of 32 bits says. Its opcode chooses a table, and funct3 a column there; where
 * they leave a choice, funct7 decides.
 *
 *    31       25 24   20 19   15 14    12 11    7 6      0
 *   ┌───────────┬───────┬───────┬────────┬───────┬────────┐
 *   │  funct7   │  rs2  │  rs1  │ funct3 │  rd   │ opcode │
 *   └───────────┴───────┴───────┴────────┴───────┴────────┘
 *
 * An immediate lies where it leaves the registers in their places: a number is cut up, and its sign
 * is always bit 31. */
#include "decode.h"

enum opcode {
    LOAD = 0x03,
    FENCE = 0x0f,
    ARITHMETIC_IMMEDIATE = 0x13,
    AUIPC = 0x17,
    ARITHMETIC_IMMEDIATE_W = 0x1b,
    STORE = 0x23,
    ATOMIC = 0x2f,
    ARITHMETIC = 0x33,
    LUI = 0x37,
    ARITHMETIC_W = 0x3b,
    BRANCH = 0x63,
    JALR = 0x67,
    JAL = 0x6f,
    SYSTEM = 0x73,
};

/* ---- the tables: 0 is a gap ---- */

enum {
    COLUMNS = 8
};
static const uint8_t loads[COLUMNS] = {OP_LB, OP_LH, OP_LW, OP_LD, OP_LBU, OP_LHU, OP_LWU};
static const uint8_t stores[COLUMNS] = {OP_SB, OP_SH, OP_SW, OP_SD};
static const uint8_t branches[COLUMNS] = {OP_BEQ, OP_BNE, 0, 0, OP_BLT, OP_BGE, OP_BLTU, OP_BGEU};
static const uint8_t csrs[COLUMNS] = {0, OP_CSRRW,  OP_CSRRS,  OP_CSRRC,
                                      0, OP_CSRRWI, OP_CSRRSI, OP_CSRRCI};
/* The next two: of 64 bits, of 32. */
static const uint8_t usual[2][COLUMNS] = {
    {OP_ADD, OP_SLL, OP_SLT, OP_SLTU, OP_XOR, OP_SRL, OP_OR, OP_AND},
    {OP_ADDW, OP_SLLW, 0, 0, 0, OP_SRLW},
};
static const uint8_t multiply[2][COLUMNS] = {
    {OP_MUL, OP_MULH, OP_MULHSU, OP_MULHU, OP_DIV, OP_DIVU, OP_REM, OP_REMU},
    {OP_MULW, 0, 0, 0, OP_DIVW, OP_DIVUW, OP_REMW, OP_REMUW},
};
static const uint8_t atomics[32] = {
    [0] = OP_AMOADD,  [1] = OP_AMOSWAP,  [2] = OP_LR,       [3] = OP_SC,
    [4] = OP_AMOXOR,  [8] = OP_AMOOR,    [12] = OP_AMOAND,  [16] = OP_AMOMIN,
    [20] = OP_AMOMAX, [24] = OP_AMOMINU, [28] = OP_AMOMAXU,
};

/* With bit 30 of the instruction set, two of the usual ones are others. */
static uint8_t usual_or_other(uint32_t i, bool is_other, bool is_w) {
    uint8_t kind = usual[is_w][bits(i, 14, 12)];
    if (!is_other)
        return kind;
    switch (kind) {
    case OP_ADD: return OP_SUB;
    case OP_SRL: return OP_SRA;
    case OP_ADDW: return OP_SUBW;
    case OP_SRLW: return OP_SRAW;
    default: return 0;
    }
}

/* ---- formats ---- */

static uint32_t immediate_i(uint32_t i) {
    return sign_extend(i >> 20, 12);
}

static uint32_t immediate_s(uint32_t i) {
    return sign_extend(bits(i, 31, 25) << 5 | bits(i, 11, 7), 12);
}

static uint32_t immediate_b(uint32_t i) {
    uint32_t low = bits(i, 30, 25) << 5 | bits(i, 11, 8) << 1;
    return sign_extend(bits(i, 31, 31) << 12 | bits(i, 7, 7) << 11 | low, 13);
}

static uint32_t immediate_j(uint32_t i) {
    uint32_t low = bits(i, 20, 20) << 11 | bits(i, 30, 21) << 1;
    return sign_extend(bits(i, 31, 31) << 20 | bits(i, 19, 12) << 12 | low, 21);
}

static uint8_t arithmetic(uint32_t i, bool is_w) {
    switch (bits(i, 31, 25)) {
    case 0x00: return usual_or_other(i, false, is_w);
    case 0x20: return usual_or_other(i, true, is_w);
    case 0x01: return multiply[is_w][bits(i, 14, 12)];
    default: return 0;
    }
}

/* A shift has a number of 6 bits, or 5, and above it says which it is. There is no addi's other:
   subtracting a number is adding another. */
static struct op arithmetic_immediate(uint32_t i, bool is_w) {
    uint32_t funct3 = bits(i, 14, 12), rd = bits(i, 11, 7), rs1 = bits(i, 19, 15);
    uint32_t above = is_w ? bits(i, 31, 25) : bits(i, 31, 26) << 1;
    if (funct3 != 1 && funct3 != 5)
        return op_make(usual[is_w][funct3], rd, rs1, 0, immediate_i(i));
    uint8_t kind = above & ~0x20U ? 0 : usual_or_other(i, above, is_w);
    return op_make(kind, rd, rs1, 0, is_w ? bits(i, 24, 20) : bits(i, 25, 20));
}

/* Acquire and release, bits 26 and 25, are always so here. */
static struct op atomic(uint32_t i) {
    uint32_t funct3 = bits(i, 14, 12), rs2 = bits(i, 24, 20);
    uint8_t kind = atomics[i >> 27];
    if ((funct3 != 2 && funct3 != 3) || (kind == OP_LR && rs2))
        kind = 0;
    return op_make(kind, bits(i, 11, 7), bits(i, 19, 15), rs2, 1 << funct3);
}

static struct op privileged(uint32_t i) {
    uint8_t kind = 0;
    if ((i & 0xfe007fff) == 0x12000073)
        kind = OP_SFENCE_VMA;
    switch (i) {
    case 0x00000073: kind = OP_ECALL; break;
    case 0x00100073: kind = OP_EBREAK; break;
    case 0x30200073: kind = OP_MRET; break;
    case 0x10200073: kind = OP_SRET; break;
    case 0x10500073: kind = OP_WFI; break;
    default: break;
    }
    return op_make(kind, 0, 0, 0, 0);
}

/* ---- all ---- */

static struct op decode_whole(uint32_t i) {
    uint32_t rd = bits(i, 11, 7), rs1 = bits(i, 19, 15), rs2 = bits(i, 24, 20);
    uint32_t funct3 = bits(i, 14, 12), upper = i & 0xfffff000;
    switch (i & 0x7f) {
    case LUI: return op_make(OP_ADD, rd, 0, 0, upper);
    case AUIPC: return op_make(OP_AUIPC, rd, 0, 0, upper);
    case JAL: return op_make(OP_JAL, rd, 0, 0, immediate_j(i));
    case JALR: return op_make(funct3 ? 0 : OP_JALR, rd, rs1, 0, immediate_i(i));
    case BRANCH: return op_make(branches[funct3], 0, rs1, rs2, immediate_b(i));
    case LOAD: return op_make(loads[funct3], rd, rs1, 0, immediate_i(i));
    case STORE: return op_make(stores[funct3], 0, rs1, rs2, immediate_s(i));
    case ARITHMETIC: return op_make(arithmetic(i, false), rd, rs1, rs2, 0);
    case ARITHMETIC_W: return op_make(arithmetic(i, true), rd, rs1, rs2, 0);
    case ARITHMETIC_IMMEDIATE: return arithmetic_immediate(i, false);
    case ARITHMETIC_IMMEDIATE_W: return arithmetic_immediate(i, true);
    case ATOMIC: return atomic(i);
    /* One hart sees all in order, and stores forget code themselves: fence and fence.i. */
    case FENCE: return op_make(funct3 < 2 ? OP_FENCE : 0, 0, 0, 0, 0);
    case SYSTEM: return funct3 ? op_make(csrs[funct3], rd, rs1, 0, i >> 20) : privileged(i);
    default: return op_make(0, 0, 0, 0, 0);
    }
}

struct op decode(uint32_t instruction) {
    bool is_compressed = (instruction & 3) != 3;
    struct op op = is_compressed ? decode_compressed(instruction) : decode_whole(instruction);
    op.length = is_compressed ? 2 : 4;
    op.stride = (uint8_t) (op.length / 2 * sizeof op);
    return op;
}
