/* Control and status registers: which bits can be written, the six instructions, what lesser modes
 * may see, counters that are closed, and registers that are not there. */
#include "../case.S"

/* Writes patterns to a register, and puts back what it was. */
.macro PATTERNS csr, mask=-1
    li s4, \mask
    csrr a0, \csr
    .irp value, -1, 0, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x123456789abcdef0
    li a1, \value
    and a1, a1, s4
    MAY_TRAP csrw \csr, a1
    MAY_TRAP csrr a2, \csr
    .endr
    csrw \csr, a0
.endm

    BEGIN
    .irp csr, mscratch, sscratch, mcause, scause, mtval, stval
    PATTERNS \csr
    .endr
    .irp csr, mcounteren, scounteren, senvcfg, 0x30a
    PATTERNS \csr, 7
    .endr
    PATTERNS mepc, -2
    PATTERNS sepc, -2
    PATTERNS medeleg, 0xb3ff
    PATTERNS mideleg, 0x222
    PATTERNS mie, 0xaaa
    PATTERNS mip, 0x222
    li a0, 0x222
    csrw mideleg, a0
    PATTERNS sie
    PATTERNS sip, 0x222
    csrw mideleg, zero
    PATTERNS sie
    PATTERNS stvec, ~2
    PATTERNS satp, 0x80000fffffffffff
    PATTERNS sstatus, 0xc0122       # not FS, nor VS
    PATTERNS mstatus, 0x7c09aa      # not MPP = 2, which QEMU takes
    .irp mode, 0, 1, 7, 8, 9, 10, 11, 15
    li a0, \mode << 60 | 0x12345
    csrw satp, a0
    csrr a1, satp
    .endr
    csrw satp, zero
    .irp csr, misa, mvendorid, marchid, mimpid, mhartid, 0xf15
    csrr a0, \csr
    MAY_TRAP csrw \csr, a0
    MAY_TRAP csrrs a0, \csr, zero
    li ra, 4
    MAY_TRAP csrrs a0, \csr, ra
    MAY_TRAP csrrci a0, \csr, 0
    .endr
    .irp csr, 0x000, 0x100 + 0x47, 0x7c0, 0x5a8, 0x3a1, 0x3a3, 0x3ef, 0xb03, 0xc03, 0xf16
    MAY_TRAP csrr a0, \csr
    MAY_TRAP csrw \csr, zero
    .endr

    /* the six instructions: which read, which write */
    li a0, 0xff0
    csrw mscratch, a0
    li a1, 0x0ff
    csrrs a2, mscratch, a1
    csrrc a2, mscratch, a1
    csrrw a2, mscratch, a1
    csrrw a1, mscratch, a1
    csrrwi a2, mscratch, 31
    csrrsi a2, mscratch, 10
    csrrci a2, mscratch, 21
    csrrs a2, mscratch, zero
    csrrwi zero, mscratch, 0
    csrrw a2, mscratch, zero

    /* lesser modes */
    .irp mode, MPP_S, 0
    .irp csr, sscratch, mscratch, satp, sstatus, mstatus, mhartid, cycle
    CALL_IN \mode, read_\csr
    .endr
    .endr
    li a0, MSTATUS_TVM
    csrs mstatus, a0
    CALL_IN MPP_S, read_satp
    CALL_IN MPP_S, write_satp
    csrc mstatus, a0

    /* counters, opened one after the other; only whether they trap is compared */
    .irp for_s, 0, 1, 2, 4, 7
    .irp for_u, 0, 1, 2, 4, 7
    csrwi mcounteren, \for_s
    csrwi scounteren, \for_u
    .irp mode, MPP_S, 0
    .irp csr, cycle, time, instret
    CALL_IN \mode, read_\csr
    .endr
    .endr
    .endr
    .endr
    csrr a0, mcycle
    csrr a0, minstret
    FINISH

    .irp csr, sscratch, mscratch, satp, sstatus, mstatus, mhartid, cycle, time, instret
read_\csr:
    csrr a1, \csr
    ecall
    .endr
write_satp:
    csrw satp, zero
    ecall
