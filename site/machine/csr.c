/* Control and status registers. Most are storage, of which some bits cannot be written: those are
 * rows of a table. The others are views of something else.
 *
 *   number   11 10   9 8          7 … 0
 *            11 is   least
 *            const   privilege
 */
#include "csr.h"

#include "device.h"
#include "mmu.h"
#include "refuse.h"
#include "trap.h"

enum csr {
    SSTATUS = 0x100,
    SIE = 0x104,
    STVEC = 0x105,
    SCOUNTEREN = 0x106,
    SENVCFG = 0x10a,
    SSCRATCH = 0x140,
    SEPC = 0x141,
    SCAUSE = 0x142,
    STVAL = 0x143,
    SIP = 0x144,
    SATP = 0x180,
    MSTATUS = 0x300,
    MISA = 0x301,
    MEDELEG = 0x302,
    MIDELEG = 0x303,
    MIE = 0x304,
    MTVEC = 0x305,
    MCOUNTEREN = 0x306,
    MENVCFG = 0x30a,
    MCOUNTINHIBIT = 0x320,
    MSCRATCH = 0x340,
    MEPC = 0x341,
    MCAUSE = 0x342,
    MTVAL = 0x343,
    MIP = 0x344,
    PMPCFG0 = 0x3a0,
    PMPCFG2 = 0x3a2,
    PMPADDR0 = 0x3b0,
    PMPADDR15 = 0x3bf,
    MCYCLE = 0xb00,
    MINSTRET = 0xb02,
    CYCLE = 0xc00,
    TIME = 0xc01,
    INSTRET = 0xc02,
    MVENDORID = 0xf11,
    MARCHID = 0xf12,
    MIMPID = 0xf13,
    MHARTID = 0xf14,
    MCONFIGPTR = 0xf15,
};

static const uint64_t SSTATUS_BITS =
    MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR;
static const uint64_t MSTATUS_BITS = MSTATUS_SIE | MSTATUS_MIE | MSTATUS_SPIE | MSTATUS_MPIE |
                                     MSTATUS_SPP | MSTATUS_MPP | MSTATUS_MPRV | MSTATUS_SUM |
                                     MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR;
/* S and U have 64 bits for good. */
static const uint64_t UXL_64 = 2ull << 32, SXL_64 = 2ull << 34;
static const uint64_t MISA_VALUE = 2ull << 62 | 1 << ('a' - 'a') | 1 << ('c' - 'a') |
                                   1 << ('i' - 'a') | 1 << ('m' - 'a') | 1 << ('s' - 'a') |
                                   1 << ('u' - 'a');

static const uint64_t SUPERVISOR_INTERRUPTS =
    1 << SUPERVISOR_SOFTWARE | 1 << SUPERVISOR_TIMER | 1 << SUPERVISOR_EXTERNAL;
static const uint64_t ALL_INTERRUPTS = 0xaaa;
/* All but calls from M, and those that are not defined. */
static const uint64_t DELEGABLE = 0xb3ff;
static const uint64_t COUNTERS = 7;
/* Which address registers can hold: no odd one. */
static const uint64_t EVEN = ~1ull;

/* ---- plain ones ---- */

static const struct plain {
    uint16_t number;
    uint64_t *place; /* NULL: it is 0 */
    uint64_t writable;
} plain[] = {
    {SCOUNTEREN, &hart.scounteren, COUNTERS},
    {SENVCFG, &hart.senvcfg, 1},
    {SSCRATCH, &hart.sscratch, ~0ull},
    {SEPC, &hart.sepc, EVEN},
    {SCAUSE, &hart.scause, ~0ull},
    {STVAL, &hart.stval, ~0ull},
    {MEDELEG, &hart.medeleg, DELEGABLE},
    {MIDELEG, &hart.mideleg, SUPERVISOR_INTERRUPTS},
    {MIE, &hart.mie, ALL_INTERRUPTS},
    {MCOUNTEREN, &hart.mcounteren, COUNTERS},
    {MENVCFG, &hart.menvcfg, 1},
    {MCOUNTINHIBIT, &hart.mcountinhibit, 0},
    {MSCRATCH, &hart.mscratch, ~0ull},
    {MEPC, &hart.mepc, EVEN},
    {MCAUSE, &hart.mcause, ~0ull},
    {MTVAL, &hart.mtval, ~0ull},
    {MVENDORID, NULL, 0},
    {MARCHID, NULL, 0},
    {MIMPID, NULL, 0},
    {MHARTID, NULL, 0},
    {MCONFIGPTR, NULL, 0},
};

static const struct plain *plain_find(uint32_t number) {
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (plain[i].number == number)
            return &plain[i];
    return NULL;
}

/* `old` with those bits of `value` that are in `mask`. */
static uint64_t mix(uint64_t old, uint64_t value, uint64_t mask) {
    return (old & ~mask) | (value & mask);
}

/* ---- reading ---- */

/* Whether the modes above let this one read a counter. */
static bool counter_is_open(uint32_t number) {
    uint64_t bit = 1ull << (number - CYCLE);
    return (hart.privilege == MACHINE || hart.mcounteren & bit) &&
           (hart.privilege != USER || hart.scounteren & bit);
}

static uint64_t counter(uint32_t number) {
    switch (number) {
    case TIME:
        return clint_time();
    case CYCLE:
    case MCYCLE:
        return hart.steps + hart.cycle_offset;
    default:
        return hart.steps + hart.instret_offset;
    }
}

/* False: there is no such register. */
static bool csr_read(uint32_t number, uint64_t *value) {
    const struct plain *p = plain_find(number);
    *value = 0;
    if (p && p->place)
        *value = *p->place;
    else if (number >= PMPADDR0 && number <= PMPADDR15)
        *value = hart.pmpaddr[number - PMPADDR0];
    else
        switch (number) {
        case SSTATUS:
            *value = (hart.mstatus & SSTATUS_BITS) | UXL_64;
            break;
        case MSTATUS:
            *value = hart.mstatus | UXL_64 | SXL_64;
            break;
        case SIE:
            *value = hart.mie & hart.mideleg;
            break;
        case SIP:
            *value = interrupts_pending() & hart.mideleg;
            break;
        case MIP:
            *value = interrupts_pending();
            break;
        case STVEC:
            *value = hart.stvec;
            break;
        case MTVEC:
            *value = hart.mtvec;
            break;
        case SATP:
            *value = hart.satp;
            break;
        case MISA:
            *value = MISA_VALUE;
            break;
        case PMPCFG0:
        case PMPCFG2:
            *value = pmp_read_config(number == PMPCFG0 ? 0 : 8);
            break;
        case CYCLE:
        case TIME:
        case INSTRET:
        case MCYCLE:
        case MINSTRET:
            *value = counter(number);
            break;
        default:
            return p;
        }
    return true;
}

/* ---- writing ---- */

/* MPP can say only modes that there are. */
static void write_mstatus(uint64_t value) {
    if ((value & MSTATUS_MPP) >> MPP_SHIFT == 2)
        value = mix(value, hart.mstatus, MSTATUS_MPP);
    hart.mstatus = mix(hart.mstatus, value, MSTATUS_BITS);
    tlb_flush();
}

/* Without translation, or with Sv39, Sv48 or Sv57; anything else changes nothing. */
static void write_satp(uint64_t value) {
    uint64_t mode = value >> 60;
    if (mode != 0 && (mode < 8 || mode > 10))
        return;
    hart.satp = value & ~(0xffffull << 44); /* no address spaces are told apart */
    tlb_flush();
}

/* The table of jumps has its bit, and the one beside it is not used. */
static void write_tvec(uint64_t *tvec, uint64_t value) {
    if ((value & 3) < 2)
        *tvec = value;
}

static void csr_write(uint32_t number, uint64_t value) {
    const struct plain *p = plain_find(number);
    if (p && p->place)
        *p->place = mix(*p->place, value, p->writable);
    else if (number >= PMPADDR0 && number <= PMPADDR15)
        pmp_write_address(number - PMPADDR0, value);
    else
        switch (number) {
        case SSTATUS:
            write_mstatus(mix(hart.mstatus, value, SSTATUS_BITS));
            break;
        case MSTATUS:
            write_mstatus(value);
            break;
        case SIE:
            hart.mie = mix(hart.mie, value, hart.mideleg);
            break;
        case SIP:
            hart.mip = mix(hart.mip, value, hart.mideleg & 1 << SUPERVISOR_SOFTWARE);
            break;
        case MIP:
            hart.mip = mix(hart.mip, value, SUPERVISOR_INTERRUPTS);
            break;
        case STVEC:
            write_tvec(&hart.stvec, value);
            break;
        case MTVEC:
            write_tvec(&hart.mtvec, value);
            break;
        case SATP:
            write_satp(value);
            break;
        case PMPCFG0:
        case PMPCFG2:
            pmp_write_config(number == PMPCFG0 ? 0 : 8, value);
            break;
        case MCYCLE:
            hart.cycle_offset = value - hart.steps;
            break;
        case MINSTRET:
            hart.instret_offset = value - hart.steps;
            break;
        default: /* misa: the machine is what it is */
            break;
        }
}

/* ---- the instructions ---- */

static bool is_allowed(uint32_t number, bool writes) {
    uint32_t least = number >> 8 & 3;
    /* Those of the hypervisor, which S would be. */
    if (least == 2)
        least = SUPERVISOR;
    if ((uint32_t) hart.privilege < least || (writes && number >> 10 == 3))
        return false;
    if (number >= CYCLE && number <= INSTRET)
        return counter_is_open(number);
    if (number == SATP && hart.privilege == SUPERVISOR && hart.mstatus & MSTATUS_TVM)
        return false;
    return true;
}

bool csr_op(const struct op *op) {
    uint32_t number = (uint32_t) op->immediate;
    bool has_number = op->kind >= OP_CSRRWI;
    bool swaps = op->kind == OP_CSRRW || op->kind == OP_CSRRWI;
    bool clears = op->kind == OP_CSRRC || op->kind == OP_CSRRCI;
    bool writes = swaps || op->rs1 != 0;
    uint64_t value = has_number ? op->rs1 : hart.x[op->rs1], old;
    if (!is_allowed(number, writes))
        return false;
    if (!csr_read(number, &old))
        return refuse_csr(number);
    if (writes)
        csr_write(number, swaps ? value : clears ? old & ~value : old | value);
    hart.x[op->rd] = old;
    return true;
}
