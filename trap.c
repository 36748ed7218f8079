/* Traps: every one that nobody expected is reported, and those that somebody did are survived. */
#include "trap.h"

#include "common.h"
#include "harts.h"
#include "panic.h"
#include "riscv.h"

/* ---- what a trap is called ---- */

const char *trap_name(uintptr_t scause) {
    static const char *const names[] = {
        [0] = "instruction address misaligned",
        [1] = "instruction access fault",
        [2] = "illegal instruction",
        [3] = "breakpoint",
        [4] = "load address misaligned",
        [5] = "load access fault",
        [6] = "store address misaligned",
        [7] = "store access fault",
        [8] = "environment call from U-mode",
        [9] = "environment call from S-mode",
        [10] = "reserved",
        [11] = "reserved",
        [12] = "instruction page fault",
        [13] = "load page fault",
        [14] = "reserved",
        [15] = "store page fault",
    };
    if ((intptr_t) scause < 0)
        return "interrupt";
    return scause < sizeof(names) / sizeof(names[0]) ? names[scause] : "unknown cause";
}

/* ---- the report ---- */

static const char *const register_names[] = {
    "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0", "a1",
    "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5", "s6",
    "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};
#define REGISTERS (sizeof(register_names) / sizeof(register_names[0]))

__attribute__((used)) static void report_trap_in_report(void) {
    WRITE_CSR(stvec, shutdown_through_sbi);
    printf("\nTRAP in the report of a trap: %s, sepc %p\n", trap_name(READ_CSR(scause)),
           (void *) READ_CSR(sepc));
    shutdown(false);
}

/* The stack may be the reason: begin again at the top of the first hart's trap stack. It is this
 * hart, or stands still. tp is right, trap_entry has loaded it. */
__attribute__((naked, aligned(4))) static void trap_in_report(void) {
    __asm__ volatile("    la    t0, harts\n"
                     "    " LOAD "sp, 2 * " REG_SIZE "(t0)  # trap_stack_top\n"
                     "    j     report_trap_in_report\n");
}

/* Print all that is known of a trap that nobody expected, and give up. run.sh looks for the words
 * "sepc" and, at the start of a line, "ra", and for the addresses behind them. */
static _Noreturn void report_trap(const uintptr_t *registers) {
    WRITE_CSR(stvec, trap_in_report);
    uintptr_t cause = READ_CSR(scause);
    harts_stop();
    print_hart(this_hart());
    printf("TRAP: %s\n", trap_name(cause));
    printf("  scause %p  sepc %p  stval %p", (void *) cause, (void *) READ_CSR(sepc),
           (void *) READ_CSR(stval));
    for (size_t i = 0; i < REGISTERS; i++)
        printf("%s%4s %-18p", i % 3 == 0 ? "\n" : " ", register_names[i], (void *) registers[i]);
    printf("\n");
    shutdown(false);
}

/* ---- where traps go ---- */

#define SP 1 /* its place in register_names */
#define TP 3

/* scause of an interrupt from another hart. */
#define SOFTWARE_INTERRUPT (INTPTR_MIN + 1)

/* An interrupt from another hart: see what it wants. A trap that is expected: have trap_entry
 * return to trap_landing. Any other: report it. */
__attribute__((used)) static void handle_trap(uintptr_t *registers) {
    extern char trap_landing[];
    struct hart *hart = this_hart();
    if (HARTS > 1 && (intptr_t) READ_CSR(scause) == SOFTWARE_INTERRUPT) {
        /* Should that trap, it is reported from the stack's top, and nobody comes back: it is not
           the trap that this hart may expect. */
        uintptr_t guarded_sp = hart->guarded_sp;
        hart->guarded_sp = 0;
        WRITE_CSR(sscratch, hart->trap_stack_top);
        harts_interrupted();
        hart->guarded_sp = guarded_sp;
        return;
    }
    if (hart->guarded_sp == 0)
        report_trap(registers);
    hart->caught = (struct trap){READ_CSR(scause), READ_CSR(sepc), READ_CSR(stval)};
    registers[SP] = hart->guarded_sp;
    registers[TP] = (uintptr_t) hart; /* trap_landing uses it */
    hart->guarded_sp = 0;
    WRITE_CSR(sepc, trap_landing);
}

/* The numbers of x1 to x31, for .irp, without sp's. */
#define ALL_BUT_SP                                                                             \
    "1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, " \
    "26, 27, 28, 29, 30, 31"

/* Where every trap goes. Saves x1 to x31 in the order of register_names, and returns to where sepc
 * says after a trap that was expected. sscratch holds the top of the hart's trap_stack, where its
 * tp lies, and sp's value while sp is in use here. */
__attribute__((naked, aligned(4))) static void trap_entry(void) {
    __asm__ volatile("    csrrw sp, sscratch, sp  # no register is ours yet: exchange two\n"
                     "    addi  sp, sp, -32 * " REG_SIZE "  # room for x1 to x31, aligned to 16\n"
                     "    .irp  n, " ALL_BUT_SP "\n"
                     "    " STORE "x\\n, (\\n - 1) * " REG_SIZE "(sp)\n"
                     "    .endr\n"
                     "    csrr  a0, sscratch      # what sp was goes where x2 belongs\n"
                     "    " STORE "a0, 1 * " REG_SIZE "(sp)\n"
                     "    " LOAD "tp, 32 * " REG_SIZE "(sp)  # whoever trapped may have spoilt it\n"
                     "    mv    a0, sp            # handle_trap's argument: the registers\n"
                     "    call  handle_trap       # comes back if the trap was expected\n"
                     "    " LOAD "a0, 1 * " REG_SIZE "(sp)  # what sp is to be after all this\n"
                     "    csrw  sscratch, a0\n"
                     "    .irp  n, " ALL_BUT_SP "\n"
                     "    " LOAD "x\\n, (\\n - 1) * " REG_SIZE "(sp)\n"
                     "    .endr\n"
                     "    addi  sp, sp, 32 * " REG_SIZE "  # the top of trap_stack again\n"
                     "    csrrw sp, sscratch, sp  # and back, ready for the next trap\n"
                     "    sret                    # to sepc\n");
}

/* ---- from here on ---- */

void trap_init(void) {
    WRITE_CSR(sscratch, this_hart()->trap_stack_top);
    WRITE_CSR(stvec, trap_entry);
}

/* ---- traps that are expected ---- */

/* The numbers of the registers that a call leaves as they were: ra and s0 to s11. */
#define KEPT_BY_CALLS "1, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27"

/* Call run(argument) with guarded_sp set. 0: it came back; 1: it trapped, and call_guarded goes on
 * at trap_landing. The registers that a call must leave as they were are on the stack meanwhile. */
__attribute__((naked)) static uintptr_t call_guarded(void (*run)(uintptr_t), uintptr_t argument) {
    __asm__ volatile("    addi  sp, sp, -32 * " REG_SIZE "  # room for them, aligned to 16\n"
                     "    .irp  n, " KEPT_BY_CALLS "\n"
                     "    " STORE "x\\n, \\n * " REG_SIZE "(sp)\n"
                     "    .endr\n"
                     "    " STORE "sp, (tp)       # guarded_sp: a trap is expected from here on\n"
                     "    mv    t0, a0\n"
                     "    mv    a0, a1\n"
                     "    jalr  t0                # run(argument)\n"
                     "    li    a0, 0             # it came back\n"
                     "    j     1f\n"
                     "trap_landing:               # it trapped, and registers hold anything\n"
                     "    li    a0, 1\n"
                     "1:  " STORE "zero, (tp)     # guarded_sp: no trap is expected any more\n"
                     "    .irp  n, " KEPT_BY_CALLS "\n"
                     "    " LOAD "x\\n, \\n * " REG_SIZE "(sp)\n"
                     "    .endr\n"
                     "    addi  sp, sp, 32 * " REG_SIZE "\n"
                     "    ret\n");
}

bool trap_expect(void (*run)(uintptr_t), uintptr_t argument, struct trap *trap) {
    bool trapped = call_guarded(run, argument) != 0;
    if (trapped)
        *trap = this_hart()->caught;
    return trapped;
}
