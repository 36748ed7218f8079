/* Writes a program of random instructions for the bare machine to standard output, to be run beside
 * QEMU: each seed is another program.
 *
 *   random SEED COUNT
 *
 *   0x80000000  sets registers and the handler of traps, which goes on behind what has trapped
 *   CODE        the instructions: three of four are one of those that there are, with random
 *               operands, the others random bits, compressed ones often
 *   DATA        two pages that s0 and s1 point into, which loads and stores mostly go to
 *
 * What may not be compared is left out: registers of time, of S's translation, and of the handler;
 * words that leave the program. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CODE = 0x400,
    SIZE = 1 << 17,
    HANDLER = 0x200
};
static uint8_t program[SIZE];
static uint32_t place;

static uint64_t state;

static uint32_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t) (state >> 16);
}

static uint32_t below(uint32_t n) {
    return draw() % n;
}

static void put(uint32_t code, uint32_t size) {
    memcpy(program + place, &code, size);
    place += size;
}

/* Not s0, s1 and tp, which the program needs. */
static uint32_t any_rd(void) {
    uint32_t rd = below(32);
    return rd == 8 || rd == 9 || rd == 4 ? 10 : rd;
}

static const struct {
    uint32_t code;
    char format;
} instructions[] = {
    {0x00000033, 'R'}, {0x40000033, 'R'}, {0x00001033, 'R'}, {0x00002033, 'R'}, {0x00003033, 'R'},
    {0x00004033, 'R'}, {0x00005033, 'R'}, {0x40005033, 'R'}, {0x00006033, 'R'}, {0x00007033, 'R'},
    {0x0000003b, 'R'}, {0x4000003b, 'R'}, {0x0000103b, 'R'}, {0x0000503b, 'R'}, {0x4000503b, 'R'},
    {0x02000033, 'R'}, {0x02001033, 'R'}, {0x02002033, 'R'}, {0x02003033, 'R'}, {0x02004033, 'R'},
    {0x02005033, 'R'}, {0x02006033, 'R'}, {0x02007033, 'R'}, {0x0200003b, 'R'}, {0x0200403b, 'R'},
    {0x0200503b, 'R'}, {0x0200603b, 'R'}, {0x0200703b, 'R'}, {0x00000013, 'I'}, {0x00002013, 'I'},
    {0x00003013, 'I'}, {0x00004013, 'I'}, {0x00006013, 'I'}, {0x00007013, 'I'}, {0x0000001b, 'I'},
    {0x00001013, 'H'}, {0x00005013, 'H'}, {0x40005013, 'H'}, {0x0000101b, 'h'}, {0x0000501b, 'h'},
    {0x4000501b, 'h'}, {0x00000037, 'U'}, {0x00000017, 'U'}, {0x00000003, 'L'}, {0x00001003, 'L'},
    {0x00002003, 'L'}, {0x00003003, 'L'}, {0x00004003, 'L'}, {0x00005003, 'L'}, {0x00006003, 'L'},
    {0x00000023, 'S'}, {0x00001023, 'S'}, {0x00002023, 'S'}, {0x00003023, 'S'}, {0x00000063, 'B'},
    {0x00001063, 'B'}, {0x00004063, 'B'}, {0x00005063, 'B'}, {0x00006063, 'B'}, {0x00007063, 'B'},
    {0x0000006f, 'J'}, {0x1000202f, 'l'}, {0x1000302f, 'l'}, {0x1800202f, 'A'}, {0x1800302f, 'A'},
    {0x0800202f, 'A'}, {0x0800302f, 'A'}, {0x0000202f, 'A'}, {0x0000302f, 'A'}, {0x2000202f, 'A'},
    {0x2000302f, 'A'}, {0x6000202f, 'A'}, {0x6000302f, 'A'}, {0x4000202f, 'A'}, {0x4000302f, 'A'},
    {0x8000202f, 'A'}, {0x8000302f, 'A'}, {0xa000202f, 'A'}, {0xa000302f, 'A'}, {0xc000202f, 'A'},
    {0xc000302f, 'A'}, {0xe000202f, 'A'}, {0xe000302f, 'A'}, {0x34001073, 'C'}, {0x34002073, 'C'},
    {0x34003073, 'C'}, {0x34005073, 'C'}, {0x34006073, 'C'}, {0x34007073, 'C'},
};

/* One of the pointers to data. */
static uint32_t any_base(void) {
    return 8 + below(2);
}

/* One of those above. Branches and jumps go a few instructions forward. */
static uint32_t known(void) {
    /* scratch and cause registers, which are only storage */
    static const uint32_t csrs[] = {0x340, 0x343, 0x140, 0x142, 0x143, 0x342};
    size_t i = below(sizeof instructions / sizeof *instructions);
    uint32_t code = instructions[i].code, rd = any_rd() << 7, rs1 = below(32) << 15;
    uint32_t rs2 = below(32) << 20, imm = draw() << 20, base = any_base() << 15;
    switch (instructions[i].format) {
    case 'R':
        return code | rd | rs1 | rs2;
    case 'I':
        return code | rd | rs1 | imm;
    case 'H':
        return code | rd | rs1 | below(64) << 20;
    case 'h':
        return code | rd | rs1 | below(32) << 20;
    case 'U':
        return code | rd | draw() << 12;
    case 'L':
        return code | rd | base | imm;
    case 'S':
        return code | base | rs2 | (imm & 0xfe000000) | below(32) << 7;
    case 'B':
        return code | rs1 | rs2 | (2 + below(6)) << 9;
    case 'J':
        return code | rd | (2 + below(6)) << 22;
    case 'l':
        return code | rd | (8 + below(2)) << 15 | below(4) << 25;
    case 'A':
        return code | rd | (8 + below(2)) << 15 | rs2 | below(4) << 25;
    default: /* C */
        return (code & 0x000fffff) | rd | rs1 | csrs[below(6)] << 20;
    }
}

/* Whether random bits are left in: they may not write the pointers, jump, or be of the system's
   opcode. Compressed: not those that write s0 and s1 either. */
static bool is_harmless(uint32_t code, uint32_t size) {
    uint32_t opcode = code & 0x7f, rd = code >> 7 & 31;
    bool is_memory = opcode == 0x03 || opcode == 0x23 || opcode == 0x2f;
    if (size == 4 && is_memory && (code >> 15 & 31) != 8 && (code >> 15 & 31) != 9)
        return false;
    if (size == 4)
        return opcode != 0x73 && opcode != 0x67 && opcode != 0x6f && opcode != 0x63 && rd != 8 &&
               rd != 9 && rd != 4;
    uint32_t row = (code & 3) << 3 | code >> 13;
    uint32_t small = 8 + (code >> 7 & 7), low = 8 + (code >> 2 & 7);
    if (row == 4 || row == 8 + 5 || row == 8 + 6 || row == 8 + 7 ||
        (row == 16 + 4 && !(code & 0x7c)))
        return false;
    if (row < 8)
        return row == 0 ? low > 9 : small <= 9 && (row > 3 || low > 9);
    /* by way of sp */
    if (row == 16 + 2 || row == 16 + 3 || row >= 16 + 6)
        return false;
    if (row == 8 + 4)
        return small > 9;
    return row > 16 + 4 || (rd != 8 && rd != 9 && rd != 4);
}

static void instruction(void) {
    uint32_t kind = below(8), code;
    if (kind < 5) {
        put(known(), 4);
    } else if (kind < 7) {
        do
            code = draw() & 0xffff;
        while ((code & 3) == 3 || !is_harmless(code, 2));
        put(code, 2);
    } else {
        do
            code = draw() | 3;
        while (!is_harmless(code, 4));
        put(code, 4);
    }
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    state = (strtoull(argv[1], NULL, 0) + 1) * 0x9e3779b97f4a7c15;
    uint32_t count = (uint32_t) strtoul(argv[2], NULL, 0);
    for (int i = 0; i < 20; i++)
        draw();
    /* mtvec; s0 and s1 to the data; the other registers by lui and addi; then to the code */
    static const uint32_t begin[] = {
        0x00000297, 0x20028293, 0x30529073, /* auipc t0; addi t0, t0, 512; csrw mtvec, t0 */
    };
    static const uint32_t handler[] = {
        /* tp is nobody's but ours: mepc += 4, or 2 if the instruction is compressed */
        0x34102273, /* csrr tp, mepc */
        0x00025203, /* lhu  tp, (tp) */
        0x00327213, /* andi tp, tp, 3 */
        0xffd20213, /* addi tp, tp, -3 */
        0x00020863, /* beqz tp, 1f */
        0x34102273, /* csrr tp, mepc */
        0x00220213, /* addi tp, tp, 2 */
        0x00c0006f, /* j    2f */
        0x34102273, /* 1: csrr tp, mepc */
        0x00420213, /* addi tp, tp, 4 */
        0x34121073, /* 2: csrw mepc, tp */
        0x00002237, /* lui  tp, 2 */
        0x80020213, /* addi tp, tp, -2048: MPP = M */
        0x30022073, /* csrs mstatus, tp */
        0x30200073, /* mret */
    };
    memcpy(program, begin, sizeof begin);
    memcpy(program + HANDLER, handler, sizeof handler);
    place = sizeof begin;
    put(0x00018417, 4); /* auipc s0, 0x18: data are at 0x18000 */
    put(0x00040493, 4); /* mv    s1, s0 */
    put(0x7ff48493, 4); /* addi  s1, s1, 2047 */
    put(0x7f948493, 4); /* addi  s1, s1, 2041: near a page's end */
    for (uint32_t r = 1; r < 32; r++)
        if (r != 8 && r != 9 && r != 4) {
            put(0x37 | r << 7 | draw() << 12, 4);
            put(0x1013 | r << 7 | r << 15 | below(33) << 20, 4);
            put(0x13 | r << 7 | r << 15 | draw() << 20, 4);
        }
    put(0x6f | (CODE - place) << 20, 4); /* j CODE */
    place = CODE;
    for (uint32_t i = 0; i < count && place < 0x17000; i++)
        instruction();
    for (int i = 0; i < 8; i++)
        put(0x00000013, 4);
    static const uint32_t end[] = {
        0x001002b7, /* lui  t0, 0x100 */
        0x00005337, /* lui  t1, 5 */
        0x55530313, /* addi t1, t1, 0x555 */
        0x0062a023, /* sw   t1, (t0) */
        0x0000006f, /* j    . */
    };
    for (size_t i = 0; i < sizeof end / sizeof *end; i++)
        put(end[i], 4);
    for (uint32_t i = 0x18000; i < SIZE; i++)
        program[i] = (uint8_t) draw();
    return fwrite(program, 1, SIZE, stdout) != SIZE;
}
