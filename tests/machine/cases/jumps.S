/* Branches taken and not, forwards and back; jumps, also by way of the register that they write,
 * and
 * to odd addresses; and to where nothing is. */
#include "../case.S"
    BEGIN
    FOR_EACH_PAIR branches
    jal a0, 1f
    nop
1:  la a0, 2f
    jalr a0, 1(a0)              # the lowest bit falls off
    nop
2:  la a0, 3f + 2048
    jalr zero, -2048(a0)
3:  la a0, 4f - 2047
    jalr ra, 2047(a0)
4:  j 6f
5:  j 7f
6:  j 5b
7:  la s0, 8f
    li a0, 0x40
    jr a0                       # no memory: the trap is at the target
8:  la s0, 9f
    li a0, -2
    jr a0
9:  FINISH

branches:
    .irp op, beq, bne, blt, bge, bltu, bgeu
    li a2, 0
    \op a0, a1, 1f
    addi a2, a2, 1
1:  addi a2, a2, 2
    .endr
    ret

    EDGES
