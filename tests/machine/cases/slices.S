/* What the loop could overlook between one op and the next, since nothing there ends a slice: the
 * clock; code that changes itself; a border that physical memory protection has drawn through a
 * page whose instructions are known; a trap's handler that lies in the page of what has trapped,
 * and may not be executed. And sleep, which has to end one. */
#include "../case.S"

#define TIME 0x200bff8
#define ALARM 0x2004000
#define FOR_U 0x100000000

    BEGIN
    li s1, TIME
    li s2, 64
1:  ld a1, (s1)
    add a2, a2, a1
    addi s2, s2, -1
    bnez s2, 1b
    li s3, 2                    # the second time all of it is known
2:  li s2, 100
3:  addi s2, s2, -1
    bnez s2, 3b
    sd zero, (s1)
    ld a1, (s1)
    addi s3, s3, -1
    bnez s3, 2b

    li s1, ALARM                # it sleeps until then
    li t0, 15
    sd t0, (s1)
    li t0, 1 << 7
    csrw mie, t0
    wfi
    addi a2, a2, 1
    csrw mie, zero
    li t0, -1
    sd t0, (s1)

    la s1, itself
    li s2, 0x00360613           # addi a2, a2, 3
    jal itself
    jal itself
    la s1, halves
    li s2, 0x7ff6               # the upper half of addi a2, a2, 2047
    jal halves
    jal halves

    .irp label, over, across, back
    CALL_IN MPP_S, \label
    .endr
    la t0, border
    srli t0, t0, 2
    addi t1, t0, 4
    li t2, -1
    csrw pmpaddr0, t0
    csrw pmpaddr1, t1
    csrw pmpaddr2, t2
    li t0, 0x1f0900             # from the border on 16 bytes may be read
    csrw pmpcfg0, t0
    .irp label, over, across, back
    CALL_IN MPP_S, \label
    .endr
    csrw pmpcfg0, zero
    csrw pmpaddr0, t2
    li t0, 0x1f
    csrw pmpcfg0, t0

    ENTRY root, 2, 0x80000000, 0xcf
    ENTRY root, 6, 0x80000000, 0xdf
    SATP 8, root
    li t0, 1 << 13              # what cannot be loaded is S's
    csrw medeleg, t0
    la t0, supervisor
    li t1, FOR_U
    add t0, t0, t1
    csrw stvec, t0
    CALL_IN 0, supervisor, FOR_U
    CALL_IN 0, do_load, FOR_U
    FINISH

itself:
    sw s2, (s1)
    addi a2, a2, 1
    ret
halves:
    addi a2, a2, 1
    sh s2, 2(s1)
    ret

    .balign 4096                # one page
over:
    addi a2, a2, 1
    addi a2, a2, 2
    .balign 16
border:
    addi a2, a2, 3
    .balign 16
beyond:
    ecall
across:
    addi a2, a2, 4
    j border
back:
    addi a2, a2, 5
    j over

    .balign 4096
supervisor:
    addi a2, a2, 6
    ecall
do_load:
    lw a1, (zero)
    ecall

    .bss
    .balign 4096
root:
    .skip 4096
