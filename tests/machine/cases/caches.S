/* What must be noticed while nothing traps, which would empty all caches by itself: entries that
 * change behind a fence, SUM, satp, entries of PMP; an access over the end of a page that is known,
 * into one that is missing. */
#include "../case.S"

/* The code is in a gigabyte that is mapped to itself. */
#define PAGE 0xc0201000

    BEGIN
    ENTRY root, 2, 0x80000000, 0xcf
    POINT root, 3, middle
    POINT middle, 1, leaves
    la s1, leaves + 8           # the entry of PAGE
    la t0, first
    srli s8, t0, 2
    ori s8, s8, 0xcf
    sd s8, (s1)
    la t1, second
    srli s9, t1, 2
    ori s9, s9, 0xcf
    li a0, 0x00008067 << 32 | 0x00100593 # li a1, 1; ret
    sd a0, (t0)
    li a0, 0x00008067 << 32 | 0x00200593 # li a1, 2; ret
    sd a0, (t1)
    SATP 8, root
    li s3, PAGE
    CALL_IN MPP_S, do_change
    li s3, PAGE + 4092
    CALL_IN MPP_S, do_load_over
    CALL_IN MPP_S, do_store_over
    li s3, PAGE
    CALL_IN MPP_S, do_satp
    SATP 8, root
    li s3, PAGE + 20            # traps tell where exactly
    ori s8, s8, 0x10            # the page is U's
    sd s8, (s1)
    sfence.vma
    CALL_IN MPP_S, do_sum
    sd zero, (s1)
    sfence.vma
    CALL_IN MPP_S, do_load
    CALL_IN MPP_S, do_store
    li t0, 0xb000               # and S is told
    csrw medeleg, t0
    la t0, supervisor
    csrw stvec, t0
    CALL_IN MPP_S, do_load
    CALL_IN MPP_S, do_store
    csrw medeleg, zero
    csrw satp, zero

    csrw pmpcfg0, zero
    la s3, second
    srli t0, s3, 2
    csrw pmpaddr0, t0
    addi t0, t0, 1024
    csrw pmpaddr1, t0
    lw a1, (s3)
    sw a1, (s3)
    li t0, 0x88 << 8            # locked, for M as well
    csrw pmpcfg0, t0
    MAY_TRAP lw a1, (s3)
    MAY_TRAP sw a1, (s3)
    FINISH

do_change:
    .irp entry, s9, s8, s9
    ld a2, (s3)
    sd a2, 8(s3)
    jalr s3
    sd \entry, (s1)
    sfence.vma
    .endr
    ld a2, (s3)
    ld a2, 8(s3)
    jalr s3
    ecall
do_load_over:
    lw a2, (s3)
    ld a2, (s3)
    ecall
do_store_over:
    sw a2, (s3)
    sd a2, (s3)
    ecall
do_satp:
    ld a2, (s3)
    csrw satp, zero
    ld a2, (s3)
    ecall
do_sum:
    li a3, MSTATUS_SUM
    csrs sstatus, a3
    lw a2, (s3)
    csrc sstatus, a3
    lw a2, (s3)
    ecall
do_load:
    lw a2, (s3)
    ecall
do_store:
    sw a2, (s3)
    ecall

    .balign 4
supervisor:
    csrr t3, scause
    csrr t4, sepc
    csrr t5, stval
    ecall

    .bss
    .balign 4096
root:
    .skip 4096
middle:
    .skip 4096
leaves:
    .skip 4096
first:
    .skip 4096
second:
    .skip 4096
