/* Loads and stores of every size: signs, what is beside, misaligned in a page and over its end,
 * from the ROM and from where nothing is. */
#include "../case.S"
    BEGIN
    la a0, data + 2040          # around the end of a page below
    li a1, 0x8182838485868788
    li a3, 16
1:  sd a1, (a0)
    sw a1, 8(a0)
    sh a1, 12(a0)
    sb a1, 14(a0)
    .irp op, lb, lh, lw, ld, lbu, lhu, lwu
    .irp offset, 0, 1, 3, 4, 7, 8, 11, 13, -8, -2048, 2047
    \op a2, \offset(a0)
    .endr
    .endr
    addi a0, a0, 1
    addi a1, a1, 0x11
    addi a3, a3, -1
    bnez a3, 1b

    li a3, 4096                 # over the end of a page
    la a0, data
    add a0, a0, a3
    .irp offset, -1, -2, -3, -4, -5, -6, -7
    sd a1, \offset(a0)
    ld a2, \offset(a0)
    sw a1, \offset(a0)
    lw a2, \offset(a0)
    sh a1, \offset(a0)
    lhu a2, \offset(a0)
    .endr
    ld a2, -8(a0)
    ld a2, (a0)
    ld zero, (a0)
    sd zero, (a0)
    ld a2, (a0)

    li a0, 0x1000               # ROM can be read
    ld a2, (a0)
    lw a2, 2(a0)
    MAY_TRAP ld a2, -1(a0)
    .irp address, 0, 1, 2, 3, 4, 5, 6, 7, 0x7ff, 0x800, 0x6c9, 0x420, 0x40000, 0x90000000, -8, -1
    li a0, \address             # nothing is here
    .irp op, lb, lh, lw, ld, lbu, lhu, lwu, sb, sh, sw, sd
    MAY_TRAP \op a2, (a0)
    .endr
    .endr
    li a0, 0x88000000           # half in memory
    MAY_TRAP ld a2, -4(a0)
    MAY_TRAP sd a2, -4(a0)
    ld a2, -8(a0)
    FINISH

    .bss
    .balign 4096
data:
    .skip 3 * 4096
