/* What each instruction is: a row has the bits that are fixed, and what they are. */
#include "decode.h"

/* Where its operands are. */
enum format {
    FORMAT_NONE,
    FORMAT_R,     /* rd, rs1, rs2 */
    FORMAT_I,     /* rd, rs1, 12 bits */
    FORMAT_SHIFT, /* rd, rs1, 6 bits */
    FORMAT_S,     /* rs1, rs2, 12 bits in two parts */
    FORMAT_B,     /* the same, shuffled, for branches */
    FORMAT_U,     /* rd, the upper 20 bits */
    FORMAT_LUI,   /* the same; rs1 is x0 */
    FORMAT_J,     /* rd, 20 bits shuffled */
    FORMAT_AMO_W, /* rd, rs1, rs2; 4 bytes */
    FORMAT_AMO_D, /* 8 bytes */
    FORMAT_CSR,   /* rd, rs1 or a number, which register */
};

/* The bits that are fixed; no enum holds them. */
#define OPCODE 0x0000007f
#define FUNCT3 0x0000707f
#define FUNCT6 0xfc00707f
#define FUNCT7 0xfe00707f
#define AMO 0xf800707f /* acquire and release are always so here */
#define LR 0xf9f0707f
#define NO_RD 0xfe007fff
#define ALL 0xffffffff

static const struct pattern {
    uint32_t mask, match;
    uint8_t kind, format;
} patterns[] = {
    {OPCODE, 0x00000037, OP_ADD, FORMAT_LUI}, /* lui */
    {OPCODE, 0x00000017, OP_AUIPC, FORMAT_U},    {OPCODE, 0x0000006f, OP_JAL, FORMAT_J},
    {FUNCT3, 0x00000067, OP_JALR, FORMAT_I},     {FUNCT3, 0x00000063, OP_BEQ, FORMAT_B},
    {FUNCT3, 0x00001063, OP_BNE, FORMAT_B},      {FUNCT3, 0x00004063, OP_BLT, FORMAT_B},
    {FUNCT3, 0x00005063, OP_BGE, FORMAT_B},      {FUNCT3, 0x00006063, OP_BLTU, FORMAT_B},
    {FUNCT3, 0x00007063, OP_BGEU, FORMAT_B},     {FUNCT3, 0x00000003, OP_LB, FORMAT_I},
    {FUNCT3, 0x00001003, OP_LH, FORMAT_I},       {FUNCT3, 0x00002003, OP_LW, FORMAT_I},
    {FUNCT3, 0x00003003, OP_LD, FORMAT_I},       {FUNCT3, 0x00004003, OP_LBU, FORMAT_I},
    {FUNCT3, 0x00005003, OP_LHU, FORMAT_I},      {FUNCT3, 0x00006003, OP_LWU, FORMAT_I},
    {FUNCT3, 0x00000023, OP_SB, FORMAT_S},       {FUNCT3, 0x00001023, OP_SH, FORMAT_S},
    {FUNCT3, 0x00002023, OP_SW, FORMAT_S},       {FUNCT3, 0x00003023, OP_SD, FORMAT_S},
    {FUNCT3, 0x00000013, OP_ADD, FORMAT_I}, /* addi, and so on */
    {FUNCT3, 0x00002013, OP_SLT, FORMAT_I},      {FUNCT3, 0x00003013, OP_SLTU, FORMAT_I},
    {FUNCT3, 0x00004013, OP_XOR, FORMAT_I},      {FUNCT3, 0x00006013, OP_OR, FORMAT_I},
    {FUNCT3, 0x00007013, OP_AND, FORMAT_I},      {FUNCT6, 0x00001013, OP_SLL, FORMAT_SHIFT},
    {FUNCT6, 0x00005013, OP_SRL, FORMAT_SHIFT},  {FUNCT6, 0x40005013, OP_SRA, FORMAT_SHIFT},
    {FUNCT3, 0x0000001b, OP_ADDW, FORMAT_I},     {FUNCT7, 0x0000101b, OP_SLLW, FORMAT_SHIFT},
    {FUNCT7, 0x0000501b, OP_SRLW, FORMAT_SHIFT}, {FUNCT7, 0x4000501b, OP_SRAW, FORMAT_SHIFT},
    {FUNCT7, 0x00000033, OP_ADD, FORMAT_R},      {FUNCT7, 0x40000033, OP_SUB, FORMAT_R},
    {FUNCT7, 0x00001033, OP_SLL, FORMAT_R},      {FUNCT7, 0x00002033, OP_SLT, FORMAT_R},
    {FUNCT7, 0x00003033, OP_SLTU, FORMAT_R},     {FUNCT7, 0x00004033, OP_XOR, FORMAT_R},
    {FUNCT7, 0x00005033, OP_SRL, FORMAT_R},      {FUNCT7, 0x40005033, OP_SRA, FORMAT_R},
    {FUNCT7, 0x00006033, OP_OR, FORMAT_R},       {FUNCT7, 0x00007033, OP_AND, FORMAT_R},
    {FUNCT7, 0x0000003b, OP_ADDW, FORMAT_R},     {FUNCT7, 0x4000003b, OP_SUBW, FORMAT_R},
    {FUNCT7, 0x0000103b, OP_SLLW, FORMAT_R},     {FUNCT7, 0x0000503b, OP_SRLW, FORMAT_R},
    {FUNCT7, 0x4000503b, OP_SRAW, FORMAT_R},     {FUNCT7, 0x02000033, OP_MUL, FORMAT_R},
    {FUNCT7, 0x02001033, OP_MULH, FORMAT_R},     {FUNCT7, 0x02002033, OP_MULHSU, FORMAT_R},
    {FUNCT7, 0x02003033, OP_MULHU, FORMAT_R},    {FUNCT7, 0x02004033, OP_DIV, FORMAT_R},
    {FUNCT7, 0x02005033, OP_DIVU, FORMAT_R},     {FUNCT7, 0x02006033, OP_REM, FORMAT_R},
    {FUNCT7, 0x02007033, OP_REMU, FORMAT_R},     {FUNCT7, 0x0200003b, OP_MULW, FORMAT_R},
    {FUNCT7, 0x0200403b, OP_DIVW, FORMAT_R},     {FUNCT7, 0x0200503b, OP_DIVUW, FORMAT_R},
    {FUNCT7, 0x0200603b, OP_REMW, FORMAT_R},     {FUNCT7, 0x0200703b, OP_REMUW, FORMAT_R},
    {LR, 0x1000202f, OP_LR, FORMAT_AMO_W},       {LR, 0x1000302f, OP_LR, FORMAT_AMO_D},
    {AMO, 0x1800202f, OP_SC, FORMAT_AMO_W},      {AMO, 0x1800302f, OP_SC, FORMAT_AMO_D},
    {AMO, 0x0800202f, OP_AMOSWAP, FORMAT_AMO_W}, {AMO, 0x0800302f, OP_AMOSWAP, FORMAT_AMO_D},
    {AMO, 0x0000202f, OP_AMOADD, FORMAT_AMO_W},  {AMO, 0x0000302f, OP_AMOADD, FORMAT_AMO_D},
    {AMO, 0x2000202f, OP_AMOXOR, FORMAT_AMO_W},  {AMO, 0x2000302f, OP_AMOXOR, FORMAT_AMO_D},
    {AMO, 0x6000202f, OP_AMOAND, FORMAT_AMO_W},  {AMO, 0x6000302f, OP_AMOAND, FORMAT_AMO_D},
    {AMO, 0x4000202f, OP_AMOOR, FORMAT_AMO_W},   {AMO, 0x4000302f, OP_AMOOR, FORMAT_AMO_D},
    {AMO, 0x8000202f, OP_AMOMIN, FORMAT_AMO_W},  {AMO, 0x8000302f, OP_AMOMIN, FORMAT_AMO_D},
    {AMO, 0xa000202f, OP_AMOMAX, FORMAT_AMO_W},  {AMO, 0xa000302f, OP_AMOMAX, FORMAT_AMO_D},
    {AMO, 0xc000202f, OP_AMOMINU, FORMAT_AMO_W}, {AMO, 0xc000302f, OP_AMOMINU, FORMAT_AMO_D},
    {AMO, 0xe000202f, OP_AMOMAXU, FORMAT_AMO_W}, {AMO, 0xe000302f, OP_AMOMAXU, FORMAT_AMO_D},
    {FUNCT3, 0x0000000f, OP_FENCE, FORMAT_NONE}, /* one hart sees all in order */
    {FUNCT3, 0x0000100f, OP_FENCE, FORMAT_NONE}, /* fence.i: stores forget code themselves */
    {ALL, 0x00000073, OP_ECALL, FORMAT_NONE},    {ALL, 0x00100073, OP_EBREAK, FORMAT_NONE},
    {ALL, 0x30200073, OP_MRET, FORMAT_NONE},     {ALL, 0x10200073, OP_SRET, FORMAT_NONE},
    {ALL, 0x10500073, OP_WFI, FORMAT_NONE},      {NO_RD, 0x12000073, OP_SFENCE_VMA, FORMAT_NONE},
    {FUNCT3, 0x00001073, OP_CSRRW, FORMAT_CSR},  {FUNCT3, 0x00002073, OP_CSRRS, FORMAT_CSR},
    {FUNCT3, 0x00003073, OP_CSRRC, FORMAT_CSR},  {FUNCT3, 0x00005073, OP_CSRRWI, FORMAT_CSR},
    {FUNCT3, 0x00006073, OP_CSRRSI, FORMAT_CSR}, {FUNCT3, 0x00007073, OP_CSRRCI, FORMAT_CSR},
};

/* Bits `from` and up of an instruction, `width` of them, to be put at `to`. */
static uint32_t move(uint32_t instruction, unsigned from, unsigned width, unsigned to) {
    return (instruction >> from & ((1u << width) - 1)) << to;
}

/* All ones from bit `to` up, if the instruction's highest bit is set. */
static uint32_t sign(uint32_t instruction, unsigned to) {
    return instruction >> 31 ? ~0u << to : 0;
}

static uint32_t immediate(uint32_t i, enum format format) {
    switch (format) {
    case FORMAT_I:
        return sign(i, 11) | move(i, 20, 11, 0);
    case FORMAT_SHIFT:
        return move(i, 20, 6, 0);
    case FORMAT_S:
        return sign(i, 11) | move(i, 25, 6, 5) | move(i, 7, 5, 0);
    case FORMAT_B:
        return sign(i, 12) | move(i, 7, 1, 11) | move(i, 25, 6, 5) | move(i, 8, 4, 1);
    case FORMAT_U:
    case FORMAT_LUI:
        return i & 0xfffff000;
    case FORMAT_J:
        return sign(i, 20) | move(i, 12, 8, 12) | move(i, 20, 1, 11) | move(i, 21, 10, 1);
    case FORMAT_AMO_W:
        return 4;
    case FORMAT_AMO_D:
        return 8;
    case FORMAT_CSR:
        return i >> 20;
    default:
        return 0;
    }
}

static bool has_rs1(enum format format) {
    return format != FORMAT_U && format != FORMAT_LUI && format != FORMAT_J;
}

static bool has_rs2(enum format format) {
    return format == FORMAT_R || format == FORMAT_S || format == FORMAT_B ||
           format == FORMAT_AMO_W || format == FORMAT_AMO_D;
}

static bool has_rd(enum format format) {
    return format != FORMAT_S && format != FORMAT_B;
}

void decode(uint32_t instruction, struct op *op) {
    bool is_compressed = (instruction & 3) != 3;
    uint32_t i = is_compressed ? decompress(instruction & 0xffff) : instruction;
    *op = (struct op){.kind = OP_ILLEGAL, .length = is_compressed ? 2 : 4};
    for (size_t n = 0; n < sizeof patterns / sizeof *patterns; n++) {
        const struct pattern *pattern = &patterns[n];
        enum format format = (enum format) pattern->format;
        if ((i & pattern->mask) != pattern->match)
            continue;
        uint8_t rd = has_rd(format) ? i >> 7 & 31 : 0;
        op->kind = pattern->kind;
        op->immediate = (int32_t) immediate(i, format);
        op->rd = rd ? rd : 32;
        op->rs1 = has_rs1(format) ? i >> 15 & 31 : 0;
        op->rs2 = has_rs2(format) ? i >> 20 & 31 : 0;
        return;
    }
}
