/* An instruction, taken apart: what is to be done, and with what. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a and b stand below, a is x[rs1], and b is x[rs2] + immediate, of which one is 0: addi is
   add, and lui is add. */
enum op_kind {
    OP_NEW,     /* nobody has looked at these bytes */
    OP_CROSSES, /* 4 bytes in two pages, which need not stay neighbours */

    OP_ADD,
    OP_SUB,
    OP_SLL,
    OP_SLT,
    OP_SLTU,
    OP_XOR,
    OP_SRL,
    OP_SRA,
    OP_OR,
    OP_AND,
    OP_ADDW,
    OP_SUBW,
    OP_SLLW,
    OP_SRLW,
    OP_SRAW,
    OP_MUL,
    OP_MULH,
    OP_MULHSU,
    OP_MULHU,
    OP_DIV,
    OP_DIVU,
    OP_REM,
    OP_REMU,
    OP_MULW,
    OP_DIVW,
    OP_DIVUW,
    OP_REMW,
    OP_REMUW,
    OP_LAST_ALU = OP_REMUW,

    OP_FENCE,
    OP_AUIPC,
    OP_JAL,
    OP_JALR,
    OP_BEQ,
    OP_BNE,
    OP_BLT,
    OP_BGE,
    OP_BLTU,
    OP_BGEU,
    OP_LB,
    OP_LH,
    OP_LW,
    OP_LD,
    OP_LBU,
    OP_LHU,
    OP_LWU,
    OP_SB,
    OP_SH,
    OP_SW,
    OP_SD,

    OP_LR,
    OP_SC,
    OP_AMOSWAP,
    OP_AMOADD,
    OP_AMOXOR,
    OP_AMOAND,
    OP_AMOOR,
    OP_AMOMIN,
    OP_AMOMAX,
    OP_AMOMINU,
    OP_AMOMAXU,
    OP_LAST_ATOMIC = OP_AMOMAXU,

    OP_ILLEGAL,
    OP_ECALL,
    OP_EBREAK,
    OP_MRET,
    OP_SRET,
    OP_WFI,
    OP_SFENCE_VMA,
    OP_CSRRW,
    OP_CSRRS,
    OP_CSRRC,
    OP_CSRRWI,
    OP_CSRRSI,
    OP_CSRRCI
};

struct op {
    int32_t immediate; /* a CSR's number, or the size of what an atomic changes */
    uint8_t kind;
    uint8_t length; /* in bytes */
    uint8_t rd;     /* 32 if it is x0 */
    uint8_t rs1, rs2;
    uint8_t stride; /* bytes from this op to that of the next instruction, in a page's ops */
};

/* Takes an instruction apart, which is compressed if its lowest bits are not 3. */
struct op decode(uint32_t instruction);

/* ---- for decode.c, and compressed.c, which has those of 16 bits ---- */

struct op decode_compressed(uint32_t c);

/* Bits high to low, as a number. */
static inline uint32_t bits(uint32_t instruction, unsigned high, unsigned low) {
    return instruction << (31 - high) >> (31 - high + low);
}

/* A number of so many bits, the highest of which is its sign. */
static inline uint32_t sign_extend(uint32_t value, unsigned width) {
    return (uint32_t) ((int32_t) (value << (32 - width)) >> (32 - width));
}

/* `kind` is 0 where a table has a gap: there is no such instruction. */
static inline struct op op_make(uint8_t kind, uint32_t rd, uint32_t rs1, uint32_t rs2,
                                uint32_t immediate) {
    return (struct op){
        .immediate = (int32_t) immediate,
        .kind = kind ? kind : OP_ILLEGAL,
        .rd = (uint8_t) (rd ? rd : 32),
        .rs1 = (uint8_t) rs1,
        .rs2 = (uint8_t) rs2,
    };
}
