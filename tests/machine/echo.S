/* Firmware for machine.test.mjs: prints what is typed, until that is a letter that ends it: q
 * switches the machine off, r asks to boot again, f is floating point, and w waits for nothing. */
    .globl _start
_start:
    li s0, 0x10000000           # UART
    li s1, 0x100000             # test device
    li s2, -2                   # to be seen by registers()
1:  lbu a0, 5(s0)
    andi a0, a0, 1              # until there is input
    beqz a0, 1b
    lbu a0, (s0)
    sb a0, (s0)
    li a1, 'f'
    beq a0, a1, 2f
    li a1, 'w'
    beq a0, a1, 3f
    li a2, 0x33333              # failed, with status 3
    li a1, 'q'
    beq a0, a1, 4f
    li a2, 0x7777
    li a1, 'r'
    bne a0, a1, 1b
4:  sw a2, (s1)
2:  .word 0x02c5f553            # fadd.d fa0, fa1, fa2
3:  wfi
    j 1b
