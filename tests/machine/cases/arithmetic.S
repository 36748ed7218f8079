/* Every instruction that computes on registers, at all pairs of edges: division by 0 and of the
 * smallest number by -1, shifts by more than there are bits, products with signs, words in double
 * words. */
#include "../case.S"
    BEGIN
    FOR_EACH_PAIR registers
    FOR_EACH_PAIR immediates
    FINISH

registers:
    .irp op, add, sub, sll, slt, sltu, xor, srl, sra, or, and, addw, subw, sllw, srlw, sraw
    \op a2, a0, a1
    .endr
    .irp op, mul, mulh, mulhsu, mulhu, div, divu, rem, remu, mulw, divw, divuw, remw, remuw
    \op a2, a0, a1
    .endr
    sub a0, a0, a1              # into what is read
    mulh a1, a0, a1
    add zero, a0, a1            # and into nothing
    ret

immediates:
    .irp imm, 0, 1, -1, 2047, -2048, 0x555
    .irp op, addi, slti, sltiu, xori, ori, andi, addiw
    \op a2, a0, \imm
    .endr
    .endr
    .irp shift, 0, 1, 31, 32, 63
    slli a2, a0, \shift
    srli a2, a0, \shift
    srai a2, a0, \shift
    .endr
    .irp shift, 0, 1, 31
    slliw a2, a0, \shift
    srliw a2, a0, \shift
    sraiw a2, a0, \shift
    .endr
    lui a2, 0
    lui a2, 0x7ffff
    lui a2, 0x80000
    lui a2, 0xfffff
    auipc a2, 0
    auipc a2, 0x7ffff
    auipc a2, 0x80000
    lui zero, 1
    ret

    EDGES
