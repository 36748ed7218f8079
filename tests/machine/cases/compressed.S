/* Compressed instructions: each with its smallest and largest numbers, and the codes that are
 * reserved, or hints. */
#include "../case.S"
    BEGIN
    .option rvc
    la a0, data + 256
    mv s1, a0
    li a1, 0x8182838485868788
    .irp offset, 0, 4, 64, 124
    c.sw a1, \offset(a0)
    c.lw a2, \offset(a0)
    .endr
    .irp offset, 0, 8, 64, 248
    c.sd a1, \offset(a0)
    c.ld a2, \offset(a0)
    .endr
    mv s5, sp
    la sp, data
    .irp offset, 0, 4, 32, 252
    c.swsp a1, \offset(sp)
    c.lwsp a2, \offset(sp)
    .endr
    .irp offset, 0, 8, 64, 504
    c.sdsp a1, \offset(sp)
    c.ldsp a2, \offset(sp)
    .endr
    .irp imm, 4, 8, 64, 512, 1020
    c.addi4spn a2, sp, \imm
    .endr
    .irp imm, 16, -16, 32, 64, 128, 496, -512
    c.addi16sp sp, \imm
    .endr
    mv sp, s5
    .irp imm, 0, 1, -1, 31, -32
    c.li a2, \imm
    c.andi a2, \imm
    c.addiw a2, \imm
    .endr
    .irp imm, 1, -1, 31, -32
    c.addi a2, \imm
    .endr
    .irp imm, 1, 31, 0xfffe0, 0xfffff
    c.lui a3, \imm
    .endr
    .irp shift, 1, 31, 32, 63
    mv a2, a1
    c.srai a2, \shift
    mv a2, a1
    c.srli a2, \shift
    mv a2, a1
    c.slli a2, \shift
    .endr
    .irp op, c.sub, c.xor, c.or, c.and, c.subw, c.addw, c.add, c.mv
    mv a2, a1
    \op a2, a0
    \op a2, a2
    .endr
    c.nop
    li a2, 0
    c.beqz a2, 1f
    c.nop
1:  c.bnez a2, 1b
    li a2, 2
2:  c.addi a2, -1
    c.bnez a2, 2b
    c.beqz a2, 3f
    c.nop
3:  c.j 5f
4:  c.j 6f
5:  c.j 4b
6:  la a2, 7f
    c.jr a2
    c.nop
7:  la a2, 8f
    c.jalr a2
    c.nop
8:  la ra, 9f
    c.jalr ra                   # through the register that it writes
9:  .option norvc
    MAY_TRAP .2byte 0x9002      # c.ebreak
    /* reserved */
    .irp code, 0x0000, 0x0004, 0x6101, 0x6081, 0x2001, 0x2005, 0x4002, 0x6002, 0x8002, 0x9c41
    MAY_TRAP .2byte \code
    .2byte 0x0001
    .endr
    .irp code, 0x8000, 0x8004, 0x9ffc, 0x9c61
    MAY_TRAP .2byte \code
    .2byte 0x0001
    .endr
    /* hints, which do nothing: to x0, by 0 */
    .irp code, 0x0001, 0x0005, 0x4005, 0x6005, 0x0002, 0x0006, 0x8006, 0x9006, 0x8001, 0x0082
    .2byte \code
    .2byte 0x0001
    .endr
    FINISH

    .bss
    .balign 16
data:
    .skip 1024
