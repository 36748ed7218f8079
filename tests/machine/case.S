/* What the cases share. A case is a program for the bare machine, in M mode from its first
 * instruction, and what it computes it need not look at: lockstep compares every register after
 * every instruction. It begins with BEGIN and ends with FINISH.
 *
 * A trap of any kind goes on in M mode at the address in s0. The handler reads what the trap has
 * left, in t3 to t5. */
#define MSTATUS_MPRV (1 << 17)
#define MSTATUS_SUM (1 << 18)
#define MSTATUS_MXR (1 << 19)
#define MSTATUS_TVM (1 << 20)
#define MSTATUS_TW (1 << 21)
#define MSTATUS_TSR (1 << 22)
#define MPP_M (3 << 11)
#define MPP_S (1 << 11)

.macro BEGIN
    .option norvc
    .globl _start
_start:
    la t0, handler
    csrw mtvec, t0
    li t0, 0x1f                 # all of memory is open to S and U
    csrw pmpcfg0, t0
    li t0, -1
    csrw pmpaddr0, t0
    la sp, stack_top
    j main

    .balign 4
handler:
    csrr t3, mcause
    csrr t4, mepc
    csrr t5, mtval
    li t6, MPP_M
    csrs mstatus, t6
    li t6, MSTATUS_MPRV
    csrc mstatus, t6
    csrw mepc, s0
    mret
main:
.endm

.macro FINISH
    li t0, 0x100000
    li t1, 0x5555
    sw t1, (t0)
    j .
    .pushsection .bss
    .balign 16
    .skip 1024
stack_top:
    .popsection
.endm

# An instruction that may trap; what comes behind is done in any case.
.macro MAY_TRAP instruction:vararg
    la s0, .Lbehind\@
    \instruction
.Lbehind\@:
.endm

# Goes on at `label` in S or U mode (mpp is MPP_S or 0). Whatever traps there, ecall for instance,
# goes on behind this.
.macro CALL_IN mpp, label, further=0
    la s0, .Lback\@
    li t6, MPP_M
    csrc mstatus, t6
    li t6, \mpp
    csrs mstatus, t6
    la t6, \label
    li t5, \further
    add t6, t6, t5
    csrw mepc, t6
    mret
.Lback\@:
.endm

# Numbers at which results change their kind.
.macro EDGES
    .balign 8
edges:
    .dword 0, 1, -1, 2, 63, 64, 0x7fffffff, 0x80000000, 0xffffffff80000000, 0xffffffff
    .dword 0x7fffffffffffffff, 0x8000000000000000, 0x123456789abcdef0, 0xffffffff7fffffff
edges_end:
.endm

# Calls `label` for each two of them, in a0 and a1.
.macro FOR_EACH_PAIR label
    la s2, edges
.Louter\@:
    la s3, edges
.Linner\@:
    ld a0, (s2)
    ld a1, (s3)
    jal \label
    addi s3, s3, 8
    la t0, edges_end
    bltu s3, t0, .Linner\@
    addi s2, s2, 8
    la t0, edges_end
    bltu s2, t0, .Louter\@
.endm

# An entry of a page table: of a page, and of another table.
.macro ENTRY table, index, value, flags
    la t0, \table + \index * 8
    li t1, \value >> 12 << 10 | \flags
    sd t1, (t0)
.endm

.macro POINT table, index, to
    la t0, \table + \index * 8
    la t1, \to
    srli t1, t1, 2
    ori t1, t1, 1
    sd t1, (t0)
.endm

.macro SATP mode, table
    la t1, \table
    srli t1, t1, 12
    li t0, \mode << 60
    or t0, t0, t1
    csrw satp, t0
    sfence.vma
.endm
