/* The least M-mode firmware that the kernel can stand on, for tests: rv32, because Debian has no
 * 32-bit OpenSBI, and rv64, because old and new firmware differ in their calls.
 *
 *   0x80000000  shim, jumps to
 *   0x80200000  the kernel, in S-mode, on every hart at once: a0 hart id, a1 device tree
 *
 * Given to QEMU as firmware, `-bios shim.elf`: the boot ROM jumps to 0x80000000 on every hart, with
 * a1 set, and does the same with `-bios none`. But there the shim would have to be loaded as a
 * device, `-device loader,file=shim.elf`: QEMU can, and run.sh would need another option for it.
 *
 * Hart 0 first says in the device tree that the shim's memory is taken, as OpenSBI does for its
 * own: one entry more in the list of reservations, and what lies behind the list moves up.
 *
 * Built with DIRTY_START and DIRTY_END, it fills the memory between these addresses first: where a
 * kernel's file holds no bytes, nobody knows what is there.
 *
 * Calls: console and shutdown of the legacy kind, the base extension's probe, Debug Console's
 * write_byte, System Reset. -DNO_LEGACY and -DONLY_LEGACY leave the one or the other kind out.
 *
 * With -DWITH_HARTS only hart 0 enters the kernel, and there are Hart State Management's hart_start
 * and the IPI extension, but no remote fence. Hart -DREFUSED=n is not started, with an error, and
 * hart -DDEAF=n without one. Hart -DLATE=n enters the kernel only once hart n + 1 is asked for: the
 * kernel has given it up by then. Hart -DASTRAY=n is started where the kernel begins, and with what
 * the first hart was given: OpenSBI 1.1 does so where hart_start and the hart are equally fast. */

#if __riscv_xlen == 64
#define STORE sd
#define LOAD ld
#else
#define STORE sw
#define LOAD lw
#endif

#define UART 0x10000000
#define UART_LINE_STATUS 5 /* bit 5: ready for a byte */
#define TEST_DEVICE 0x100000
#define TEST_DEVICE_PASS 0x5555
#define TEST_DEVICE_FAIL_1 0x13333

#define KERNEL 0x80200000
#define MAX_HARTS 64
#define CLINT 0x2000000 /* a word for each hart: not 0 is a software interrupt of M-mode */
#define SAVED_SIZE 16

#define CAUSE_ECALL_FROM_S 9
#define MACHINE_SOFTWARE_INTERRUPT 8 /* in mie and mip */
#define MSTATUS_MPP 0x1800
#define MSTATUS_MPP_S 0x0800
#define INTERRUPTS 0x222       /* of S-mode: software, timer, external */
#define SOFTWARE_INTERRUPT 2
#define TIMER_INTERRUPT 0x20
#define DELEGATED 0xb1ff       /* every exception but calls from S-mode and M-mode */
#define PMP_ALL_MEMORY 0x1f    /* naturally aligned, read, write, execute */

#define COUNTER_TIME 2         /* in mcounteren: S-mode may read the time */

/* In the device tree's header. */
#define TOTAL_SIZE 4
#define STRUCTURE 8
#define NAMES 12
#define RESERVATION_SIZE 16

#define SBI_BASE 0x10
#define SBI_BASE_PROBE 3
#define SBI_DEBUG_CONSOLE 0x4442434e
#define SBI_DEBUG_CONSOLE_WRITE_BYTE 2
#define SBI_SYSTEM_RESET 0x53525354
#define SBI_HART_STATE 0x48534d
#define SBI_IPI 0x735049
#define SBI_LEGACY_PUTCHAR 1
#define SBI_LEGACY_SHUTDOWN 8
#define SBI_ERR_NOT_SUPPORTED -2
#define SBI_ERR_INVALID_PARAM -3

/* Numbers in the device tree are big-endian; a1 is where it begins. */
    .macro read_cell to, at
    lbu \to, \at(a1)
    .irp byte, 1, 2, 3
    slli \to, \to, 8
    lbu t6, \at + \byte(a1)
    or \to, \to, t6
    .endr
    .endm

    .macro grow_cell at
    read_cell t5, \at
    addi t5, t5, RESERVATION_SIZE
    .irp byte, 3, 2, 1, 0
    sb t5, \at + \byte(a1)
    srli t5, t5, 8
    .endr
    .endm

    .section .text.start
    .globl _start
_start:
    csrr a0, mhartid
    li t0, MAX_HARTS
    bgeu a0, t0, halt

    la t0, tree_is_ready
    bnez a0, wait_for_tree

#ifdef DIRTY_START
    li t1, DIRTY_START
    li t2, DIRTY_END
    li t3, 0x5a5a5a5a
1:  sw t3, (t1)
    addi t1, t1, 4
    bltu t1, t2, 1b
#endif

    read_cell t1, STRUCTURE
    read_cell t2, TOTAL_SIZE
    add t1, a1, t1
    add t2, a1, t2
1:  addi t2, t2, -1
    lbu t3, (t2)
    sb t3, RESERVATION_SIZE(t2)
    bgtu t2, t1, 1b
    /* QEMU's list is empty: its end, 16 zero bytes, becomes the entry, 2 MiB from 0x80000000. */
    li t3, 0x80
    sb t3, -RESERVATION_SIZE + 4(t1)
    li t3, 0x20
    sb t3, -RESERVATION_SIZE + 8 + 5(t1)
    .irp at, 0, 4, 8, 12
    sw zero, \at(t1)
    .endr
    grow_cell TOTAL_SIZE
    grow_cell STRUCTURE
    grow_cell NAMES
    li t1, 1
    fence
    sw t1, (t0)

wait_for_tree:
    lw t1, (t0)
    beqz t1, wait_for_tree
    fence

    /* mscratch: where this hart's traps save registers. */
    la t0, saved
    slli t1, a0, 4 /* times SAVED_SIZE */
    add t0, t0, t1
    csrw mscratch, t0
    la t0, trap
    csrw mtvec, t0

    li t0, -1
    csrw pmpaddr0, t0
    li t0, PMP_ALL_MEMORY
    csrw pmpcfg0, t0

    li t0, DELEGATED
    csrw medeleg, t0
    /* The kernel's interrupts are on, as another firmware may leave them, and two are waiting. */
    li t0, INTERRUPTS
    csrw mideleg, t0
    csrw mie, t0
    li t0, SOFTWARE_INTERRUPT | TIMER_INTERRUPT
    csrs mip, t0
    csrsi mcounteren, COUNTER_TIME
    csrw satp, zero
    li t0, MSTATUS_MPP
    csrc mstatus, t0
    li t0, MSTATUS_MPP_S
    csrs mstatus, t0
    li t0, KERNEL
    csrw mepc, t0
#ifdef WITH_HARTS
    csrsi mie, MACHINE_SOFTWARE_INTERRUPT
    bnez a0, wait_for_start
#endif
    mret

#ifdef WITH_HARTS
wait_for_start: /* for hart_start to say where to, and with what */
#ifdef DEAF
    li t0, DEAF
    beq a0, t0, halt
#endif
    la t0, starts
    slli t1, a0, 4
    add t0, t0, t1
    li t1, INTERRUPTS /* those that are waiting would end each wfi at once */
    csrc mie, t1
1:  wfi
    LOAD t1, 0(t0)
    beqz t1, 1b
#ifdef LATE
    li t2, LATE
    bne a0, t2, 3f
    la t2, starts + 16 * (LATE + 1)
2:  LOAD t3, 0(t2)
    beqz t3, 2b
3:
#endif
    fence
    li t2, INTERRUPTS
    csrs mie, t2
#ifdef ASTRAY
    li t2, ASTRAY
    beq a0, t2, 2f
#endif
    csrw mepc, t1
    LOAD a1, 8(t0)
2:  mret
#endif

halt:
    wfi
    j halt

    /* A call keeps every register but a0 and a1, a legacy call all but a0. */
    .balign 4
trap:
    csrrw sp, mscratch, sp
    STORE t0, 0(sp)
    STORE t1, 8(sp)
    csrr t0, mcause
#ifdef WITH_HARTS
    bltz t0, interrupted
#endif
    li t1, CAUSE_ECALL_FROM_S
    bne t0, t1, finish_fail /* no trap of the kernel's own comes here */
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0

#ifndef NO_LEGACY
    li t0, SBI_LEGACY_PUTCHAR
    beq a7, t0, legacy_putchar
    li t0, SBI_LEGACY_SHUTDOWN
    beq a7, t0, finish_pass
#endif
#ifndef ONLY_LEGACY
    li t0, SBI_BASE
    beq a7, t0, base
    li t0, SBI_DEBUG_CONSOLE
    beq a7, t0, debug_console
    li t0, SBI_SYSTEM_RESET
    beq a7, t0, system_reset
#endif
#ifdef WITH_HARTS
    li t0, SBI_HART_STATE
    beq a7, t0, hart_start
    li t0, SBI_IPI
    beq a7, t0, send_ipi
#endif
not_supported:
    li a0, SBI_ERR_NOT_SUPPORTED
    li a1, -1 /* with an error the value means nothing */
back:
    LOAD t0, 0(sp)
    LOAD t1, 8(sp)
    csrrw sp, mscratch, sp
    mret

base:
    li t0, SBI_BASE_PROBE
    bne a6, t0, not_supported
    li a1, 1
    li t0, SBI_DEBUG_CONSOLE
    beq a0, t0, succeed
    li t0, SBI_SYSTEM_RESET
    beq a0, t0, succeed
#ifdef WITH_HARTS
    li t0, SBI_HART_STATE
    beq a0, t0, succeed
    li t0, SBI_IPI
    beq a0, t0, succeed
#endif
    li a1, 0
succeed:
    li a0, 0
    j back

#ifdef WITH_HARTS
interrupted: /* by send_ipi of another hart, or hart_start: pass it on to the kernel */
    csrr t0, mhartid
    slli t0, t0, 2
    li t1, CLINT
    add t0, t0, t1
    sw zero, (t0)
    csrsi mip, SOFTWARE_INTERRUPT
    j back

hart_start: /* a0: which, a1: where, a2: what it is given */
    bnez a6, not_supported
    li t0, MAX_HARTS
    bgeu a0, t0, not_supported
#ifdef REFUSED
    li t0, REFUSED
    beq a0, t0, refuse
#endif
    la t0, starts
    slli t1, a0, 4
    add t0, t0, t1
    STORE a2, 8(t0)
    fence
    STORE a1, 0(t0)
    mv a1, a0
    li a0, 1
    j interrupt_all

send_ipi: /* a0: a bit for each hart, from number a1 on */
    bnez a6, not_supported
interrupt_all:
    slli a1, a1, 2
    li t0, CLINT
    add t0, t0, a1
1:  andi t1, a0, 1
    beqz t1, 2f
    sw t1, (t0)
2:  addi t0, t0, 4
    srli a0, a0, 1
    bnez a0, 1b
    li a1, 0
    j succeed

#ifdef REFUSED
refuse:
    li a0, SBI_ERR_INVALID_PARAM
    j back
#endif
#endif

debug_console:
    li t0, SBI_DEBUG_CONSOLE_WRITE_BYTE
    bne a6, t0, not_supported
    li a1, 0
legacy_putchar:
    li t0, UART
1:  lbu t1, UART_LINE_STATUS(t0)
    andi t1, t1, 1 << 5
    beqz t1, 1b
    sb a0, 0(t0)
    j succeed

system_reset: /* a6: 0, the only function; a0: 0, to shut down; a1: 1 after a failure */
    or t0, a6, a0
    bnez t0, finish_fail
    li t0, 1
    beq a1, t0, finish_fail
finish_pass:
    li t0, TEST_DEVICE_PASS
    j finish
finish_fail:
    li t0, TEST_DEVICE_FAIL_1
finish:
    li t1, TEST_DEVICE
    sw t0, 0(t1)
    j halt

    .bss
    .balign 16
saved:
    .space MAX_HARTS * SAVED_SIZE
starts: /* for each hart: where to begin, and a1 */
    .space MAX_HARTS * 16
tree_is_ready:
    .space 4
