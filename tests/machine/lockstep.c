/* Runs the machine beside QEMU, and compares the program counter, all integer registers and those
 * CSRs that QEMU prints, before every instruction:
 *
 *   qemu-system-riscv64 … -singlestep -d exec,cpu,nochain -D FIFO
 *   lockstep FIRMWARE KERNEL TREE MIB MOST [random] <FIFO
 *
 * KERNEL and TREE may be "-": none. It ends well after MOST instructions, or when the machine has
 * been switched off and QEMU prints no more, and says how many were compared.
 *
 * QEMU's clock is not ours: what an instruction reads of time or counters is taken over from QEMU,
 * and the bit of mip that says that the alarm is due is not compared. */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "../../site/machine/device.h"
#include "../../site/machine/mmu.h"
#include "../../site/machine/refuse.h"
#include "../../site/machine/trap.h"
#include "host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What QEMU prints before an instruction: CSRs in its order, then x0 to x31. */
enum {
    PC,
    MHARTID,
    MSTATUS,
    MIP,
    MIE,
    MIDELEG,
    MEDELEG,
    MTVEC,
    STVEC,
    MEPC,
    SEPC,
    MCAUSE,
    SCAUSE,
    MTVAL,
    STVAL,
    MSCRATCH,
    SSCRATCH,
    SATP,
    CSRS,
    FIELDS = CSRS + 32,
};
static const char *const csr_names[CSRS] = {
    "pc",   "mhartid", "mstatus", "mip",    "mie",   "mideleg", "medeleg",  "mtvec",    "stvec",
    "mepc", "sepc",    "mcause",  "scause", "mtval", "stval",   "mscratch", "sscratch", "satp",
};

struct state {
    uint64_t fields[FIELDS];
};

static struct state ours(void) {
    struct state s = {{hart.pc, 0, hart.mstatus | 0xaull << 32, interrupts_pending(), hart.mie,
                       hart.mideleg, hart.medeleg, hart.mtvec, hart.stvec, hart.mepc, hart.sepc,
                       hart.mcause, hart.scause, hart.mtval, hart.stval, hart.mscratch,
                       hart.sscratch, hart.satp}};
    memcpy(s.fields + CSRS, hart.x, 32 * sizeof *hart.x);
    return s;
}

/* ---- QEMU's side ---- */

/* Reads 16 hexadecimal digits. */
static uint64_t hex(const char *at) {
    uint64_t value = 0;
    for (int i = 0; i < 16; i++)
        value = value << 4 | (uint64_t) (at[i] <= '9' ? at[i] - '0' : at[i] - 'a' + 10);
    return value;
}

static char *next_line(char *line, int size) {
    return fgets(line, size, stdin);
}

/* The state before the next instruction that QEMU does. False: there is none. A state that is
   followed by "Stopped execution" was not gone on from. */
static bool theirs(struct state *s) {
    static char line[512];
    static bool has_line;
    bool is_whole = false;
    int csr = CSRS, reg = 0;
    while (has_line || next_line(line, sizeof line)) {
        has_line = !strncmp(line, "Trace", 5) && is_whole;
        if (has_line)
            return true;
        if (!strncmp(line, "Trace", 5))
            csr = 0, reg = 0;
        else if (!strncmp(line, "Stopped", 7))
            is_whole = false;
        else if (line[0] == ' ' && line[1] != 'x' && csr < CSRS)
            s->fields[csr++] = hex(line + 10); /* but satp, the last, where TVM hides it */
        else if (line[0] == ' ' && line[1] == 'x' && reg < 32)
            for (int i = 0; i < 4; i++)
                s->fields[CSRS + reg++] = hex(line + 10 + 26 * i);
        if (reg == 32)
            is_whole = true, reg = 33;
    }
    return is_whole;
}

/* ---- ours ---- */

/* Goes on to where an instruction can be fetched: to the handlers of interrupts, and of what cannot
   be fetched, which is none for QEMU. */
static uint32_t settle(void) {
    uint32_t instruction;
    for (interrupt_take(); !fetch(hart.pc, &instruction) && hart.stop == RUNNING;)
        machine_run(1);
    return instruction;
}

/* Whether the instruction reads QEMU's clock, counters or alarm. */
static bool reads_clock(const struct op *op) {
    static const uint16_t csrs[] = {0xc00, 0xc01, 0xc02, 0xb00, 0xb02, 0x344};
    enum {
        TIME = 0x200bff8
    };
    if (op->kind >= OP_LB && op->kind <= OP_LWU)
        return hart.x[op->rs1] + (uint64_t) op->immediate - TIME < 8;
    if (op->kind >= OP_CSRRW)
        for (size_t i = 0; i < sizeof csrs / sizeof *csrs; i++)
            if (op->immediate == csrs[i])
                return true;
    return false;
}

/* ---- beside each other ---- */

static bool differs(const struct state *q, const struct state *m, int field) {
    uint64_t ignored = field == MIP ? 1 << MACHINE_TIMER : 0;
    return (q->fields[field] | ignored) != (m->fields[field] | ignored);
}

static bool same(const struct state *q, const struct state *m) {
    for (int i = 0; i < FIELDS; i++)
        if (differs(q, m, i))
            return false;
    return true;
}

/* Where QEMU 7.2 is not as the manual says, and the machine is: takes over what QEMU has, so that
   both can go on. Of loads over the end of a page, the first of which faults, QEMU tells the
   address aligned. Atomics that fault are a store's for the manual, and may be a load's for QEMU.
 */
static void forgive(const struct state *q, const struct op *op) {
    static const uint8_t sizes[] = {[OP_LH - OP_LB] = 2,
                                    [OP_LW - OP_LB] = 4,
                                    [OP_LD - OP_LB] = 8,
                                    [OP_LHU - OP_LB] = 2,
                                    [OP_LWU - OP_LB] = 4};
    uint64_t *cause = hart.privilege == MACHINE ? &hart.mcause : &hart.scause;
    uint64_t *value = hart.privilege == MACHINE ? &hart.mtval : &hart.stval;
    uint64_t their_cause = q->fields[hart.privilege == MACHINE ? MCAUSE : SCAUSE];
    uint64_t their_value = q->fields[hart.privilege == MACHINE ? MTVAL : STVAL];
    if (op->kind >= OP_LH && op->kind <= OP_LWU && sizes[op->kind - OP_LB] &&
        their_value == (*value & ~(uint64_t) (sizes[op->kind - OP_LB] - 1)))
        *value = their_value;
    if (op->kind >= OP_AMOSWAP && op->kind <= OP_AMOMAXU && *cause == their_cause + 2 &&
        (*cause == STORE_MISALIGNED || *cause == STORE_ACCESS || *cause == STORE_PAGE))
        *cause = their_cause;
}

static void report(const struct state *q, const struct state *m, uint64_t count, uint64_t pc,
                   uint32_t instruction, const struct state *before) {
    printf("lockstep: after %" PRIu64 " instructions, the last one %#x at %#" PRIx64 ":\n", count,
           instruction, pc);
    for (int i = 0; i < FIELDS; i++) {
        char name[12];
        if (!differs(q, m, i))
            continue;
        snprintf(name, sizeof name, i < CSRS ? "%s" : "x%s", i < CSRS ? csr_names[i] : "");
        if (i >= CSRS)
            snprintf(name, sizeof name, "x%d", i - CSRS);
        printf("  %-8s was %016" PRIx64 ", QEMU has %016" PRIx64 ", the machine %016" PRIx64 "\n",
               name, before->fields[i], q->fields[i], m->fields[i]);
    }
    if (hart.stop == REFUSED)
        printf("  the machine has stopped: %s\n", hart.refusal);
}

int main(int argc, char **argv) {
    if (argc < 6)
        return 2;
    const char *kernel = strcmp(argv[2], "-") ? argv[2] : NULL;
    const char *tree = strcmp(argv[3], "-") ? argv[3] : NULL;
    uint64_t most = strtoull(argv[5], NULL, 0), count = 0, pc = 0;
    uint32_t instruction = 0;
    struct state q, before = {{0}};
    static char buffer[1 << 16];
    setvbuf(stdin, buffer, _IOFBF, sizeof buffer);
#ifdef F_SETPIPE_SZ
    fcntl(0, F_SETPIPE_SZ, 1 << 20); /* fewer turns between QEMU and us; without, it is slower */
#endif
    host_boot(argv[1], kernel, tree, strtoull(argv[4], NULL, 0));
    traps_instead = true;
    struct op op = {0};
    bool is_clock = false;
    while (count < most && theirs(&q)) {
        if (is_clock)
            hart.x[op.rd] = q.fields[CSRS + op.rd % 32];
        uint32_t next = settle();
        struct state m = ours();
        /* QEMU begins an instruction anew that has changed code on its own page. */
        if (!same(&q, &m) && count && same(&q, &before))
            continue;
        if (!same(&q, &m)) {
            forgive(&q, &op);
            m = ours();
        }
        /* A random program may come to what only QEMU has; nothing can be said from there on. */
        if (!same(&q, &m) && argc > 6 && trapped_instead)
            break;
        if (!same(&q, &m) || hart.stop != RUNNING) {
            report(&q, &m, count, pc, instruction, &before);
            return 1;
        }
        before = q;
        pc = hart.pc;
        instruction = next;
        decode(instruction, &op);
        is_clock = reads_clock(&op);
        machine_run(1);
        uart_output_size = 0;
        count++;
        if (hart.stop == POWER_OFF || hart.stop == RESET)
            break;
    }
    printf("%" PRIu64 " instructions as QEMU's%s\n", count,
           hart.stop == POWER_OFF ? ", to the end" : "");
    return hart.stop != POWER_OFF && count < most && !(argc > 6 && trapped_instead);
}
