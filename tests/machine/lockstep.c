/* Runs the machine beside QEMU, and compares the program counter, all integer registers and those
 * CSRs that QEMU prints, before every instruction:
 *
 *   qemu-system-riscv64 … -singlestep -d exec,cpu,nochain -D FIFO
 *   lockstep FIRMWARE KERNEL TREE MIB MOST <FIFO
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
        else if (line[0] == ' ' && csr < CSRS)
            s->fields[csr++] = hex(line + 10);
        else if (line[0] == ' ' && line[1] == 'x' && reg < 32)
            for (int i = 0; i < 4; i++)
                s->fields[CSRS + reg++] = hex(line + 10 + 26 * i);
        if (reg == 32)
            is_whole = true, reg = 33;
    }
    return is_whole;
}

/* ---- ours ---- */

/* Whether the instruction at pc reads QEMU's clock. Sets the register that it reads it into. */
static bool reads_clock(uint8_t *rd) {
    uint32_t instruction;
    struct op op;
    uint64_t cause = hart.cause, value = hart.trap_value;
    bool is_there = fetch(hart.pc, &instruction);
    hart.cause = cause;
    hart.trap_value = value;
    if (!is_there)
        return false;
    decode(instruction, &op);
    *rd = op.rd;
    if (op.kind >= OP_CSRRW && op.kind <= OP_CSRRCI)
        return op.immediate == 0xc00 || op.immediate == 0xc01 || op.immediate == 0xc02 ||
               op.immediate == 0xb00 || op.immediate == 0xb02 || op.immediate == 0x344;
    uint64_t address = hart.x[op.rs1] + (uint64_t) op.immediate;
    return op.kind >= OP_LB && op.kind <= OP_LWU && address - 0x200bff8 < 8;
}

/* Does an instruction. One that cannot be fetched is none for QEMU: it prints nothing. */
static void step(void) {
    enum {
        NOTHING = 64
    };
    do {
        hart.cause = NOTHING;
        machine_run(1);
    } while (hart.cause == FETCH_ACCESS || hart.cause == FETCH_PAGE);
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
    uint8_t clock_register = 0;
    bool is_clock = false;
    while (count < most && hart.stop <= WAITING && theirs(&q)) {
        if (is_clock)
            hart.x[clock_register] = q.fields[CSRS + clock_register % 32];
        interrupt_take();
        struct state m = ours();
        /* QEMU begins an instruction anew that has changed code on its own page. */
        if (!same(&q, &m) && count && same(&q, &before))
            continue;
        if (!same(&q, &m)) {
            report(&q, &m, count, pc, instruction, &before);
            return 1;
        }
        before = q;
        pc = hart.pc;
        is_clock = reads_clock(&clock_register);
        fetch(pc, &instruction);
        step();
        uart_output_size = 0;
        count++;
    }
    printf("%" PRIu64 " instructions as QEMU's%s\n", count,
           hart.stop == POWER_OFF ? ", to the end" : "");
    return hart.stop != POWER_OFF && count < most;
}
