/* Physical memory protection: ranges of each kind, the first that matches, accesses that are half
 * in one, locked entries, which hold for M as well; with code, loads and stores. */
#include "../case.S"
    BEGIN
    la s1, data
    srli s2, s1, 2
    /* entry 15 opens all; the others are set anew each time */
    li t0, 0x3fffffffffffff
    csrw pmpaddr15, t0
    li t0, 0x1f << 56
    csrw pmpcfg2, t0

    .irp flags, 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0f, 0x10, 0x11, 0x13, 0x17, 0x18, 0x19, 0x1b, 0x1f
    csrw pmpaddr0, s2           # from data
    addi t0, s2, 5
    csrw pmpaddr1, t0           # to data + 20, or 8 bytes there
    li t0, \flags << 8
    csrw pmpcfg0, t0
    csrr t0, pmpcfg0
    csrr t0, pmpaddr1
    .irp offset, -8, -4, 0, 8, 12, 16, 20, 24, 32, 36
    addi s3, s1, \offset
    .irp mode, 0, MPP_S, MPP_M
    CALL_IN \mode, do_load
    CALL_IN \mode, do_store
    .endr
    .endr
    .endr
    csrw pmpcfg0, zero

    /* the first that matches decides; a range that ends before it begins is none */
    addi t0, s2, 1
    csrw pmpaddr0, t0
    csrw pmpaddr1, s2
    li t0, -1
    csrw pmpaddr2, t0
    .irp config, 0x0f1900, 0x190f10, 0x181017, 0x1f1811, 0x000f00
    li t0, \config
    csrw pmpcfg0, t0
    .irp offset, 0, 4
    addi s3, s1, \offset
    CALL_IN MPP_S, do_load
    CALL_IN MPP_S, do_store
    .endr
    .endr

    /* locked: M as well, and for good */
    la t0, locked
    srli t0, t0, 2
    csrw pmpaddr4, t0
    addi t1, t0, 4
    csrw pmpaddr5, t1
    li t0, 0x89 << 40           # 5: a range, locked, may be read
    csrw pmpcfg0, t0
    csrw pmpaddr4, zero         # where 5 begins
    csrw pmpaddr5, zero
    csrw pmpaddr3, zero
    csrw pmpcfg0, zero
    .irp index, 3, 4, 5
    csrr a0, pmpaddr\index
    .endr
    csrr a0, pmpcfg0
    la s3, locked
    .irp mode, 0, MPP_S, MPP_M
    CALL_IN \mode, do_load
    CALL_IN \mode, do_store
    CALL_IN \mode, locked
    .endr
    .irp index, 0, 6, 15
    li t0, 0x3fffffffffffff
    csrw pmpaddr\index, t0
    csrr a0, pmpaddr\index
    .endr
    FINISH

do_load:
    lw a1, (s3)
    ecall
do_store:
    sw a1, (s3)
    ecall

    .balign 4096
    .skip 256
locked:
    ecall
    ecall
    ecall
    ecall

    .balign 4096
    .skip 1024
data:
    .skip 3072
