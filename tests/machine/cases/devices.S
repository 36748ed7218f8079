/* The devices' registers: what they are after reset and after being written, with accesses of every
 * size; code that changes itself; an instruction that lies in two pages. */
#include "../case.S"
    BEGIN
    li s1, 0x10000000           # UART
    .irp reg, 0, 1, 2, 3, 4, 5, 6, 7
    lb a0, \reg(s1)
    .endr
    .irp value, 0x83, 0x03
    li a0, \value
    sb a0, 3(s1)
    li a1, 0x5a
    sb a1, 7(s1)
    .if \value == 0x83
    sb a1, 1(s1)
    .endif
    .irp reg, 0, 1, 2, 3, 4, 5, 6, 7
    lbu a0, \reg(s1)
    .endr
    .endr
    .irp value, 0x00, 0x01, 0x07, 0xc7, 0x00
    li a0, \value
    sb a0, 2(s1)
    lbu a1, 2(s1)
    lbu a1, 5(s1)
    .endr
    sb zero, 1(s1)
    lbu a1, 1(s1)
    li a0, 0x0b
    sb a0, 4(s1)
    lbu a1, 4(s1)
    lbu a1, 6(s1)
    li a0, 'x'
    sb a0, (s1)
    lbu a1, 5(s1)

    li s1, 0x2000000            # CLINT
    li s2, 0x2004000
    .irp op, lb, lh, lw, ld, lwu
    MAY_TRAP \op a0, (s1)
    MAY_TRAP \op a0, (s2)
    MAY_TRAP \op a0, 8(s2)
    .endr
    lw a0, 4(s1)
    lw a0, 4(s2)
    li a0, -1
    sw a0, (s1)
    lw a1, (s1)
    sw zero, (s1)
    li a0, 0x123456789abcdef0
    sd a0, (s2)
    lw a1, (s2)
    lw a1, 4(s2)
    sw a0, 4(s2)
    ld a1, (s2)
    li s2, 0x200c000
    MAY_TRAP lw a0, (s2)
    MAY_TRAP sw a0, (s2)

    li s1, 0x100000             # test device
    .irp op, lb, lh, lw, ld, sb, sd
    MAY_TRAP \op zero, (s1)
    MAY_TRAP \op zero, 4(s1)
    .endr
    sw zero, (s1)
    li s1, 0x1000               # ROM
    MAY_TRAP sd zero, (s1)
    ld a0, (s1)

    /* code that changes itself, once with a fence and once without */
    li s2, 0x00158593           # addi a1, a1, 1
    li s3, 0x00258593           # addi a1, a1, 2
    la s1, changing
    .irp fence, 0, 1
    .irp source, s2, s3, s2
    sw \source, (s1)
    .if \fence
    fence.i
    .endif
    jal changing
    .endr
    .endr
    sh s3, (s1)                 # a part of it
    sh s2, 2(s1)
    jal changing

    /* an instruction in two pages */
    la s1, page + 4094
    sh s2, (s1)
    srli t0, s2, 16
    sh t0, 2(s1)
    li t0, 0x8082               # c.jr ra
    sh t0, 4(s1)
    jalr s1
    srli t0, s3, 16
    sh t0, 2(s1)
    jalr s1
    FINISH

changing:
    nop
    ret

    .bss
    .balign 4096
page:
    .skip 8192
