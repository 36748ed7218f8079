/* Atomics: each at all pairs of edges, with both sizes; reservations that hold, that are elsewhere,
 * whose value has changed, that are used up; misaligned, and where no memory is. */
#include "../case.S"
    BEGIN
    la s4, cell
    FOR_EACH_PAIR each
    mv a0, s4
    li a1, 5
    .irp size, w, d
    sc.\size a2, a1, (a0)       # nothing is reserved
    lr.\size a2, (a0)
    sc.\size a2, a1, (a0)
    sc.\size a2, a1, (a0)       # used up
    lr.\size a2, (a0)
    addi a3, a0, 8
    sc.\size a2, a1, (a3)       # elsewhere
    sc.\size a2, a1, (a0)
    lr.\size\().aq a2, (a0)
    sd a1, (a0)                 # the same value
    sc.\size\().rl a2, a1, (a0)
    lr.\size a2, (a0)
    addi a1, a1, 1
    sd a1, (a0)                 # another value
    sc.\size a2, a1, (a0)
    lr.\size a2, (a0)
    MAY_TRAP ecall              # a trap in between
    sc.\size a2, a1, (a0)
    lr.\size zero, (a0)
    sc.\size zero, a1, (a0)
    ld a2, (a0)
    .endr
    lr.w a2, (a0)               # the sizes differ
    sc.d a2, a1, (a0)
    lr.d a2, (a0)
    sc.w a2, a1, (a0)
    li a1, 0xffffffff80000000
    sd a1, (a0)
    lr.w a2, (a0)
    sc.w a2, a1, (a0)

    .irp offset, 1, 2, 3, 4
    addi a3, a0, \offset
    MAY_TRAP lr.w a2, (a3)
    MAY_TRAP lr.d a2, (a3)
    MAY_TRAP sc.w a2, a1, (a3)
    MAY_TRAP sc.d a2, a1, (a3)
    .irp op, swap.w, add.w, xor.w, and.w, or.w, min.w, max.w, minu.w, maxu.w
    MAY_TRAP amo\op a2, a1, (a3)
    .endr
    .irp op, swap.d, add.d, xor.d, and.d, or.d, min.d, max.d, minu.d, maxu.d
    MAY_TRAP amo\op a2, a1, (a3)
    .endr
    .endr
    .irp address, 0, 0x90000000
    li a3, \address
    MAY_TRAP lr.w a2, (a3)
    MAY_TRAP sc.w a2, a1, (a3)
    .endr
    FINISH

each:
    .irp op, amoswap, amoadd, amoxor, amoand, amoor, amomin, amomax, amominu, amomaxu
    .irp size, w, d
    sd a0, (s4)
    \op\().\size a2, a1, (s4)
    ld a3, (s4)
    .endr
    .endr
    sd a0, (s4)
    amoadd.d.aqrl a1, a1, (s4)  # into what is read
    mv a4, s4
    amoswap.d a4, a4, (a4)
    amoor.w zero, a1, (s4)
    ld a3, (s4)
    ret

    EDGES
    .bss
    .balign 16
cell:
    .skip 32
