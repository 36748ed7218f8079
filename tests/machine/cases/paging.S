/* Translation: every value of an entry's low byte, in every mode, with SUM, MXR and MPRV, read,
 * written and executed, and the entry afterwards; three depths; large pages, aligned and not;
 * tables and entries that are malformed; addresses that no table can have; a load over two pages.
 */
#include "../case.S"

/* One page at `PAGE` is looked at; the code is in a gigabyte that is mapped to itself, twice: for
   S, and for U at 0x100000000 more. */
#define PAGE 0xc0201000
#define FOR_U 0x100000000

    BEGIN
    POINT root5, 0, root4
    POINT root4, 0, root3
    ENTRY root3, 2, 0x80000000, 0xcf
    ENTRY root3, 6, 0x80000000, 0xdf
    POINT root3, 3, middle
    POINT middle, 1, leaves
    la s1, leaves + 8           # the entry of PAGE
    la s2, target
    srli s2, s2, 2              # what it points to
    li s3, PAGE
    li s6, 0x00008067           # ret
    la t0, target
    sw s6, (t0)

    SATP 8, root3
    li s4, 1
1:  li s8, 0
    la s7, 2f                   # each value of the low byte that is valid, but for G,
    j try
2:  addi s4, s4, 2
    andi t0, s4, 0x20
    add s4, s4, t0
    li t0, 256
    bltu s4, t0, 1b
    .irp flags, 0x00, 0xfe, 0xef # and one that has it
    li s4, \flags
    li s8, 3
    la s7, 3f
    j try
3:
    .endr

    SATP 9, root4
    li s4, 0xcf
    li s8, 3
    la s7, 3f
    j try
3:  SATP 10, root5
    li s4, 0x0f
    li s8, 3
    la s7, 4f
    j try
4:
    /* bits above: software's two, reserved ones */
    .irp bit, 8, 9, 10, 53, 54, 59, 60, 61, 63
    li t0, 1 << \bit
    la t1, target
    srli s2, t1, 2
    or s2, s2, t0
    li s8, 3
    la s7, 5f
    j try
5:
    .endr
    la s2, target
    srli s2, s2, 2

    /* tables with flags of leaves; none; outside memory; large pages, misaligned */
    SATP 8, root3
    la s1, middle + 8
    la t1, leaves
    srli s2, t1, 2
    .irp flags, 0x01, 0x11, 0x21, 0x41, 0x81, 0x00, 0x0b, 0xcb, 0xcf
    li s4, \flags
    li s8, 3
    la s7, 6f
    j try
6:
    .endr
    .irp at, 0x80000000, 0x80200000, 0x0, 0x90000000, 0xffffffffff000
    li s2, \at >> 2
    .irp flags, 0x01, 0xcf
    li s4, \flags
    li s8, 3
    la s7, 7f
    j try
7:
    .endr
    .endr
    la t1, leaves
    srli s2, t1, 2
    li s4, 1
    li s8, 3
    la s7, 8f
    j try
8:
    /* addresses with wrong upper bits, at each depth */
    .irp mode, 8, 9, 10
    .if \mode == 8
    SATP 8, root3
    .elseif \mode == 9
    SATP 9, root4
    .else
    SATP 10, root5
    .endif
    .irp bit, 37, 38, 39, 46, 47, 48, 55, 56, 57, 63
    li s3, 1 << \bit | PAGE
    CALL_IN MPP_S, do_load
    li s3, -(1 << \bit)
    CALL_IN MPP_S, do_load
    CALL_IN MPP_S, do_jump
    .endr
    .endr

    /* the second of two pages is missing */
    SATP 8, root3
    la s1, leaves + 8
    li s4, 0xcf
    la t1, target
    srli s2, t1, 2
    or t1, s2, s4
    sd t1, (s1)
    sd zero, 8(s1)
    sfence.vma
    .irp offset, 4089, 4093, 4095, 4096, 4100, 4107
    li s3, PAGE + \offset
    CALL_IN MPP_S, do_load
    CALL_IN MPP_S, do_store
    .endr
    csrw satp, zero
    ld a2, (s1)
    FINISH

/* Sets the entry at s1 to s2 | s4 and accesses s3 in all ways; back to s7. The same with what is
   above s8 of 1, SUM, and 2, MXR. */
try:
1:  or s9, s2, s4
    li t0, MSTATUS_SUM | MSTATUS_MXR
    csrc mstatus, t0
    slli t0, s8, 18
    csrs mstatus, t0            # SUM and MXR
    .irp what, load, store, jump, amo, reserve
    sd s9, (s1)
    sfence.vma
    CALL_IN MPP_S, do_\what
    ld a2, (s1)
    sd s9, (s1)
    sfence.vma
    CALL_IN 0, do_\what, FOR_U
    ld a2, (s1)
    .endr
    .irp mode, 0, MPP_S, MPP_M  # M as if it were another
    sd s9, (s1)
    sfence.vma
    la s0, 2f
    li t0, MPP_M
    csrc mstatus, t0
    li t0, \mode | MSTATUS_MPRV
    csrs mstatus, t0
    ld a2, (s3)
    sd a2, (s3)
2:  li t0, MSTATUS_MPRV
    csrc mstatus, t0
    ld a2, (s1)
    .endr
    addi s8, s8, 1
    li t0, 4
    bne s8, t0, 1b
    jr s7

do_load:
    ld a1, (s3)
    ecall
do_store:
    sw s6, (s3)
    ecall
do_jump:
    jalr s3
    ecall
do_amo:
    amoor.w a1, zero, (s3)
    ecall
do_reserve:
    lr.w a1, (s3)
    sc.w a1, s6, (s3)
    ecall

    .bss
    .balign 4096
root5:
    .skip 4096
root4:
    .skip 4096
root3:
    .skip 4096
middle:
    .skip 4096
leaves:
    .skip 4096
target:
    .skip 4096
