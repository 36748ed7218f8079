/* Control and status registers. Nearly all are storage, with bits that cannot be written: rows of a
 * table. Some of S's are views of M's, which have the same place.
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

/* ---- storage ---- */

static const uint64_t ALL = ~0ULL;
static const uint64_t NOT_ODD = ~1ULL; /* where instructions can be */
static const uint64_t SSTATUS_BITS =
    MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR;
static const uint64_t MSTATUS_BITS = SSTATUS_BITS | MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP |
                                     MSTATUS_MPRV | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR;
static const uint64_t SATP_BITS = ~(0xffffULL << 44); /* no address spaces are told apart */
static const uint64_t INTERRUPTS_OF_S =
    1 << SUPERVISOR_SOFTWARE | 1 << SUPERVISOR_TIMER | 1 << SUPERVISOR_EXTERNAL;
static const uint64_t INTERRUPTS = 0xaaa;
static const uint64_t DELEGABLE = 0xb3ff; /* what can trap, but calls from M */
static const uint64_t COUNTERS = 7;       /* cycle, time, instret */
static const uint64_t ISA = 2ULL << 62 | 1 << ('a' - 'a') | 1 << ('c' - 'a') | 1 << ('i' - 'a') |
                            1 << ('m' - 'a') | 1 << ('s' - 'a') | 1 << ('u' - 'a');

static const struct row {
    uint16_t number;
    uint64_t *place; /* NULL: it is always what `readable` is */
    uint64_t readable, writable;
} rows[] = {
    {SSTATUS, &hart.mstatus, SSTATUS_BITS | MSTATUS_UXL, SSTATUS_BITS},
    {SIE, &hart.mie, ALL, ALL},
    {STVEC, &hart.stvec, ALL, ALL},
    {SCOUNTEREN, &hart.scounteren, ALL, COUNTERS},
    {SENVCFG, &hart.senvcfg, ALL, 1},
    {SSCRATCH, &hart.sscratch, ALL, ALL},
    {SEPC, &hart.sepc, ALL, NOT_ODD},
    {SCAUSE, &hart.scause, ALL, ALL},
    {STVAL, &hart.stval, ALL, ALL},
    {SIP, &hart.mip, ALL, 1 << SUPERVISOR_SOFTWARE},
    {SATP, &hart.satp, ALL, SATP_BITS},
    {MSTATUS, &hart.mstatus, ALL, MSTATUS_BITS},
    {MISA, NULL, ISA, 0},
    {MEDELEG, &hart.medeleg, ALL, DELEGABLE},
    {MIDELEG, &hart.mideleg, ALL, INTERRUPTS_OF_S},
    {MIE, &hart.mie, ALL, INTERRUPTS},
    {MTVEC, &hart.mtvec, ALL, ALL},
    {MCOUNTEREN, &hart.mcounteren, ALL, COUNTERS},
    {MENVCFG, &hart.menvcfg, ALL, 1},
    {MCOUNTINHIBIT, NULL, 0, 0},
    {MSCRATCH, &hart.mscratch, ALL, ALL},
    {MEPC, &hart.mepc, ALL, NOT_ODD},
    {MCAUSE, &hart.mcause, ALL, ALL},
    {MTVAL, &hart.mtval, ALL, ALL},
    {MIP, &hart.mip, ALL, INTERRUPTS_OF_S},
    {MVENDORID, NULL, 0, 0},
    {MARCHID, NULL, 0, 0},
    {MIMPID, NULL, 0, 0},
    {MHARTID, NULL, 0, 0},
    {MCONFIGPTR, NULL, 0, 0},
};

static const struct row *row_find(uint32_t number) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

/* Of interrupts S has those that are delegated to it. */
static uint64_t visible(uint32_t number) {
    return number == SIE || number == SIP ? hart.mideleg : ALL;
}

/* `old` with those bits of `value` that are in `mask`. */
static uint64_t mix(uint64_t old, uint64_t value, uint64_t mask) {
    return (old & ~mask) | (value & mask);
}

/* What a register holds once `value` is written: what it cannot hold changes nothing. A handler has
   one address or a table of jumps, satp no translation, Sv39, Sv48 or Sv57; no mode is 2. */
static uint64_t legal(uint32_t number, uint64_t old, uint64_t value) {
    uint64_t mode = value >> 60;
    switch (number) {
    case STVEC:
    case MTVEC: return (value & 3) < 2 ? value : old;
    case SATP: return mode == 0 || (mode >= 8 && mode <= 10) ? value : old;
    case MSTATUS:
        return (value & MSTATUS_MPP) >> MPP_SHIFT == 2 ? mix(value, old, MSTATUS_MPP) : value;
    default: return value;
    }
}

/* ---- all of them ---- */

/* False: there is no such register. */
static bool csr_read(uint32_t number, uint64_t *value) {
    const struct row *row = row_find(number);
    if (row)
        *value = row->place ? *row->place & row->readable & visible(number) : row->readable;
    else if (number >= PMPADDR0 && number <= PMPADDR15)
        *value = hart.pmpaddr[number - PMPADDR0];
    else if (number == PMPCFG0 || number == PMPCFG2)
        *value = pmp_read_config((number - PMPCFG0) * 4);
    else if (number == TIME)
        *value = clint_time();
    else if (number == CYCLE || number == MCYCLE)
        *value = hart.steps + hart.cycle_offset;
    else if (number == INSTRET || number == MINSTRET)
        *value = hart.steps + hart.instret_offset;
    else
        return false;
    return true;
}

static void csr_write(uint32_t number, uint64_t value) {
    const struct row *row = row_find(number);
    if (row && row->place)
        *row->place =
            mix(*row->place, legal(number, *row->place, value), row->writable & visible(number));
    else if (number >= PMPADDR0 && number <= PMPADDR15)
        pmp_write_address(number - PMPADDR0, value);
    else if (number == PMPCFG0 || number == PMPCFG2)
        pmp_write_config((number - PMPCFG0) * 4, value);
    else if (number == MCYCLE)
        hart.cycle_offset = value - hart.steps;
    else if (number == MINSTRET)
        hart.instret_offset = value - hart.steps;
    /* Translation depends on many of them, and few are written. */
    tlb_flush();
}

/* ---- the instructions ---- */

/* Whether the modes above let this one read a counter. */
static bool counter_is_open(uint32_t number) {
    uint64_t bit = 1ULL << (number - CYCLE);
    return (hart.privilege == MACHINE || hart.mcounteren & bit) &&
           (hart.privilege != USER || hart.scounteren & bit);
}

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
    mip_update();
    if (!csr_read(number, &old))
        return refuse_csr(number);
    if (writes)
        csr_write(number, swaps ? value : clears ? old & ~value : old | value);
    hart.x[op->rd] = old;
    return true;
}
