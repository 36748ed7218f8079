/* Traps: from each mode to each mode, by delegation; what mret and sret do to mstatus; TSR, TVM,
 * TW; interrupts, which comes first, tables of jumps; wfi. */
#include "../case.S"
    BEGIN
    la t0, supervisor
    csrw stvec, t0
    .irp delegated, 0, 0xb1ff         # not calls from S, by which its handler ends
    li a0, \delegated
    csrw medeleg, a0
    .irp mode, 0, MPP_S, MPP_M
    .irp what, ecall, ebreak, illegal, load, store, mret, sret, sfence
    CALL_IN \mode, do_\what
    .endr
    .endr
    .endr
    csrw medeleg, zero
    csrwi mideleg, 2            # wfi goes on at once: an interrupt is pending,
    csrwi mie, 2                # which M leaves to S, and S does not take
    csrwi mip, 2
    .irp mode, MPP_S, MPP_M
    CALL_IN \mode, do_wfi
    .endr
    li a0, MSTATUS_TW
    csrs mstatus, a0
    .irp mode, MPP_S, MPP_M
    CALL_IN \mode, do_wfi
    .endr
    csrc mstatus, a0
    csrw mie, zero
    csrw mip, zero
    csrw mideleg, zero
    CALL_IN 0, do_wfi
    .irp bit, MSTATUS_TSR, MSTATUS_TVM
    li a0, \bit
    csrs mstatus, a0
    .irp mode, 0, MPP_S, MPP_M
    .irp what, sret, sfence
    CALL_IN \mode, do_\what
    .endr
    .endr
    csrc mstatus, a0
    .endr

    /* every value of the bits that mret and sret move */
    li s4, 0
1:  li a0, 0x19aa               # MPP SPP MPIE SPIE MIE SIE
    csrc mstatus, a0
    andi a1, s4, 63
    slli a2, a1, 1              # SIE
    andi a2, a2, 2
    slli a3, a1, 2              # MIE
    andi a3, a3, 8
    or a2, a2, a3
    slli a3, a1, 3              # SPIE
    andi a3, a3, 32
    or a2, a2, a3
    slli a3, a1, 4              # MPIE
    andi a3, a3, 128
    or a2, a2, a3
    slli a3, a1, 4              # SPP
    andi a3, a3, 256
    or a2, a2, a3
    slli a3, a1, 6              # MPP, low
    li a4, 1 << 11
    and a3, a3, a4
    or a2, a2, a3
    la s0, 2f                   # MPRV is left out: QEMU 7.2 keeps it on the way to U
    la a3, do_ecall
    csrw mepc, a3
    csrw sepc, a3
    csrs mstatus, a2
    mret
2:  csrs mstatus, a2
    la s0, 3f
    sret
3:  addi s4, s4, 1
    li a0, 64
    bne s4, a0, 1b

    /* interrupts: each alone, all together; to M, and delegated */
    li s5, 0x2000000
    li s6, 0x2004000
    .irp tables, 0, 1
    la t0, interrupts
    addi t0, t0, \tables
    csrw mtvec, t0
    la t0, supervisor_interrupts
    addi t0, t0, \tables
    csrw stvec, t0
    .irp delegated, 0, 0x002, 0x222
    li a0, \delegated
    csrw mideleg, a0
    .irp which, 0x002, 0x020, 0x200, 0x022, 0x222, 0x008, 0x080, 0x088, 0x2aa, 0x0
    csrw mie, zero
    li a0, \which
    csrw mip, a0
    srli a1, a0, 3
    andi a1, a1, 1
    sw a1, (s5)                 # msip
    li a1, (\which >> 7 & 1) - 1
    sd a1, (s6)                 # the alarm: for 0, which is over, or never
    li a0, 0x2aa
    csrwi mstatus, 8            # MIE: M is interrupted where mie is written
    MAY_TRAP csrw mie, a0
    .irp mode, 0, MPP_S, MPP_M
    .irp enabled, 0, 2, 8, 10
    csrw mie, zero
    li a1, \enabled << 4 | (\enabled & 2) # MPIE SPIE, SIE; MIE not before mret
    csrw mstatus, a1
    csrw mie, a0
    CALL_IN \mode, idle
    .endr
    .endr
    .endr
    .endr
    .endr
    csrw mie, zero
    csrw mstatus, zero
    sw zero, (s5)
    csrw mip, zero
    FINISH

do_ecall:
    ecall
do_ebreak:
    ebreak
    ecall
do_illegal:
    .word 0xffffffff
    ecall
do_load:
    lw a1, (zero)
    ecall
do_store:
    sw a1, (zero)
    ecall
do_mret:
    la a1, 1f
    csrw sscratch, a1
    mret
1:  ecall
do_sret:
    la a1, 1f
    csrw sepc, a1
    sret
1:  ecall
do_wfi:
    wfi
    ecall
do_sfence:
    sfence.vma
    sfence.vma a1, zero
    sfence.vma zero, a1
    ecall

    .balign 4
supervisor:
    csrr t3, scause
    csrr t4, sepc
    csrr t5, stval
    csrr t6, sstatus
    ecall

idle:
    nop
    nop
    ecall

    .balign 256
interrupts:
    j 1f
    .rept 11
    j 1f
    .endr
1:  csrr t3, mcause
    csrr t4, mepc
    csrr t5, mip
    csrw mie, zero
    li t6, MPP_M
    csrs mstatus, t6
    csrw mepc, s0
    mret

    .balign 256
supervisor_interrupts:
    j 1f
    .rept 11
    j 1f
    .endr
1:  csrr t3, scause
    csrr t4, sepc
    csrr t5, sip
    csrw sie, zero
    ecall
