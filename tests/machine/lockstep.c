/* Runs the machine beside QEMU, and compares the program counter, all integer registers and those
 * CSRs that QEMU prints, before every instruction:
 *
 *   qemu-system-riscv64 … -singlestep -d exec,cpu,nochain -D /dev/stdout |
 *       lockstep FIRMWARE KERNEL TREE MIB MOST boot|case|random
 *
 * KERNEL and TREE may be "-": none. It ends well when the machine has been switched off; a boot
 * also after MOST instructions, and a random program where it comes to what only QEMU has. It does
 * not wait longer than SILENCE for QEMU's next word, and says how many instructions were compared.
 *
 * QEMU's clock is not ours: what an instruction reads of time or counters is taken over from QEMU,
 * and the bit of mip that says that the alarm is due is not compared. */
#define _GNU_SOURCE /* F_SETPIPE_SZ, sigaction */
#include "../../site/machine/device.h"
#include "../../site/machine/mmu.h"
#include "../../site/machine/refuse.h"
#include "../../site/machine/trap.h"
#include "host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SILENCE = 60, /* seconds */
};

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
    struct state s = {{hart.pc, 0, hart.mstatus | 0xaULL << 32, mip_update(), hart.mie,
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

static volatile sig_atomic_t is_silent;

static void on_alarm(int signal) {
    (void) signal;
    is_silent = 1;
}

/* Begins to count SILENCE anew. Reading ends when it is over: the call is not restarted. */
static void expect_more(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    alarm(SILENCE);
}

static char *next_line(char *line, int size) {
    return is_silent ? NULL : fgets(line, size, stdin);
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
   be fetched, which is none for QEMU. A handler that cannot be fetched either has no end. */
static uint32_t settle(void) {
    enum {
        MOST_TRAPS = 8
    };
    uint32_t instruction = 0;
    interrupt_take();
    for (int i = 0; i < MOST_TRAPS && !fetch(hart.pc, &instruction) && hart.stop == RUNNING; i++)
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
   both can go on. */
struct trap {
    uint64_t *cause, *value, their_cause, their_value;
};

/* Of loads over the end of a page, the first of which faults, QEMU tells the address aligned. */
static void forgive_address(const struct trap *t, const struct op *op) {
    static const uint8_t sizes[] = {[OP_LH - OP_LB] = 2,
                                    [OP_LW - OP_LB] = 4,
                                    [OP_LD - OP_LB] = 8,
                                    [OP_LHU - OP_LB] = 2,
                                    [OP_LWU - OP_LB] = 4};
    if (op->kind < OP_LH || op->kind > OP_LWU)
        return;
    uint64_t size = sizes[op->kind - OP_LB];
    if (size && t->their_value == (*t->value & ~(size - 1)))
        *t->value = t->their_value;
}

/* Atomics that fault are a store's for the manual, and may be a load's for QEMU. */
static void forgive_atomic(const struct trap *t, const struct op *op) {
    if (op->kind >= OP_SC && op->kind <= OP_AMOMAXU && *t->cause == t->their_cause + 2 &&
        (*t->cause == STORE_MISALIGNED || *t->cause == STORE_ACCESS || *t->cause == STORE_PAGE))
        *t->cause = t->their_cause;
}

/* Of the interrupts that are pending, all of one mode, the manual takes the first of its order, and
   QEMU the one with the lowest number. */
static void forgive_order(const struct trap *t, const struct state *q) {
    static const uint8_t order[] = {11, 3, 7, 9, 1, 5};
    static const uint64_t interrupt = 1ULL << 63;
    uint64_t xtvec = q->fields[hart.privilege == MACHINE ? MTVEC : STVEC];
    uint64_t delegated = q->fields[MIDELEG], pending = q->fields[MIP] & q->fields[MIE];
    pending &= hart.privilege == MACHINE ? ~delegated : delegated;
    size_t first = 0;
    while (first < sizeof order - 1 && !(pending >> order[first] & 1))
        first++;
    if (!pending || *t->cause != (interrupt | order[first]) ||
        t->their_cause != (interrupt | (unsigned) __builtin_ctzll(pending)))
        return;
    *t->cause = t->their_cause;
    if (xtvec & 1)
        hart.pc = (xtvec & ~3ULL) + 4 * (t->their_cause & 63);
}

static void forgive(const struct state *q, const struct op *op) {
    bool is_machine = hart.privilege == MACHINE;
    struct trap t = {is_machine ? &hart.mcause : &hart.scause,
                     is_machine ? &hart.mtval : &hart.stval,
                     q->fields[is_machine ? MCAUSE : SCAUSE],
                     q->fields[is_machine ? MTVAL : STVAL]};
    forgive_address(&t, op);
    forgive_atomic(&t, op);
    forgive_order(&t, q);
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

/* Whether the machine has trapped at the last instruction, at an address outside RAM, and QEMU has
   not: it lets devices be accessed in ways that the machine's are not. */
static bool is_at_device(const struct state *q, uint64_t pc) {
    bool is_machine = hart.privilege == MACHINE;
    uint64_t cause = is_machine ? hart.mcause : hart.scause;
    uint64_t address = is_machine ? hart.mtval : hart.stval;
    return (cause == LOAD_ACCESS || cause == STORE_ACCESS) && address - RAM_BASE >= ram_size &&
           (is_machine ? hart.mepc : hart.sepc) == pc && hart.pc != q->fields[PC];
}

/* Why it ended without a difference; true if that is well. */
static bool report_end(uint64_t count, uint64_t most, char mode, bool is_beyond, uint64_t pc,
                       uint32_t instruction) {
    /* A random program may go round in circles, but a case may not. */
    bool is_off = hart.stop == POWER_OFF, is_enough = mode != 'c' && count >= most;
    printf("%" PRIu64 " instructions as QEMU's%s\n", count, is_off ? ", to the end" : "");
    if (is_off || is_enough || is_beyond)
        return true;
    printf("lockstep: ");
    if (is_silent)
        printf("QEMU has said nothing for %d seconds", SILENCE);
    else if (count >= most)
        printf("%" PRIu64 " instructions have not come to an end", most);
    else
        printf("QEMU has ended, the machine has not");
    printf("; the last one was %#x at %#" PRIx64 ", the machine is at %#" PRIx64 "\n", instruction,
           pc, hart.pc);
    return false;
}

int main(int argc, char **argv) {
    if (argc != 7)
        return 2;
    const char *kernel = strcmp(argv[2], "-") ? argv[2] : NULL;
    const char *tree = strcmp(argv[3], "-") ? argv[3] : NULL;
    uint64_t most = strtoull(argv[5], NULL, 0), count = 0, pc = 0;
    char mode = argv[6][0];
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
    bool is_clock = false, is_again = false, is_beyond = false;
    while (count < most && hart.stop != POWER_OFF && hart.stop != RESET) {
        if (count % 1024 == 0)
            expect_more();
        if (!theirs(&q))
            break;
        if (is_clock)
            hart.x[op.rd] = q.fields[CSRS + op.rd % 32];
        uint32_t next = settle();
        struct state m = ours();
        /* QEMU begins an instruction anew, once, that has changed code on its own page. */
        is_again = !is_again && count && !same(&q, &m) && same(&q, &before);
        if (is_again)
            continue;
        if (!same(&q, &m)) {
            forgive(&q, &op);
            m = ours();
        }
        /* A random program may come to what only QEMU has; nothing can be said from there on. */
        is_beyond = !same(&q, &m) && mode == 'r' && (trapped_instead || is_at_device(&q, pc));
        if (is_beyond)
            break;
        if (!same(&q, &m) || hart.stop != RUNNING) {
            report(&q, &m, count, pc, instruction, &before);
            return 1;
        }
        before = q;
        pc = hart.pc;
        instruction = next;
        op = decode(instruction);
        is_clock = reads_clock(&op);
        machine_run(1);
        uart_output_size = 0;
        count++;
    }
    return !report_end(count, most, mode, is_beyond, pc, instruction);
}
