/* A trap saves where the hart was and why it cannot go on there, shuts interrupts off, and jumps to
 * the handler of a more privileged mode: of S if medeleg or mideleg says so, or of M.
 *
 *   mstatus    xIE ──▶ xPIE    0 ──▶ xIE    privilege ──▶ xPP        on the way in
 *              xIE ◀── xPIE    1 ──▶ xPIE   privilege ◀── xPP        on the way out, U ──▶ xPP
 */
#include "trap.h"

#include "csr.h"
#include "device.h"
#include "mmu.h"

static const uint64_t IS_INTERRUPT = 1ULL << 63;

bool raise_trap(uint64_t cause, uint64_t value) {
    hart.cause = cause;
    hart.trap_value = value;
    return false;
}

/* Another mode may be another program: what this one has reserved is not its. */
static void set_privilege(uint64_t privilege) {
    hart.privilege = (enum privilege) privilege;
    hart.reserved_at = NO_RESERVATION;
    tlb_flush();
}

/* Where a handler for `cause` begins. The low bit of xtvec asks for a table of jumps, one for each
   interrupt. */
static uint64_t handler(uint64_t xtvec, uint64_t cause) {
    bool is_in_table = (xtvec & 1) && (cause & IS_INTERRUPT);
    return (xtvec & ~3ULL) + (is_in_table ? (cause & 63) * 4 : 0);
}

/* mstatus with `flag` set or cleared, as `value` says. */
static uint64_t with(uint64_t mstatus, uint64_t flag, bool value) {
    return value ? mstatus | flag : mstatus & ~flag;
}

static void enter_machine(void) {
    uint64_t s = hart.mstatus;
    s = with(s, MSTATUS_MPIE, s & MSTATUS_MIE);
    s &= ~(uint64_t) (MSTATUS_MIE | MSTATUS_MPP);
    hart.mstatus = s | (uint64_t) hart.privilege << MPP_SHIFT;
    hart.mcause = hart.cause;
    hart.mepc = hart.pc;
    hart.mtval = hart.trap_value;
    set_privilege(MACHINE);
    hart.pc = handler(hart.mtvec, hart.cause);
}

static void enter_supervisor(void) {
    uint64_t s = hart.mstatus;
    s = with(s, MSTATUS_SPIE, s & MSTATUS_SIE);
    s = with(s, MSTATUS_SPP, hart.privilege == SUPERVISOR);
    hart.mstatus = s & ~(uint64_t) MSTATUS_SIE;
    hart.scause = hart.cause;
    hart.sepc = hart.pc;
    hart.stval = hart.trap_value;
    set_privilege(SUPERVISOR);
    hart.pc = handler(hart.stvec, hart.cause);
}

void trap_enter(void) {
    uint64_t delegated = hart.cause & IS_INTERRUPT ? hart.mideleg : hart.medeleg;
    /* Never to a mode with fewer rights than the one that is interrupted. */
    if (hart.privilege != MACHINE && delegated >> (hart.cause & 63) & 1)
        enter_supervisor();
    else
        enter_machine();
    hart.waiting = false;
}

uint64_t trap_return_machine(void) {
    uint64_t s = hart.mstatus;
    set_privilege(s >> MPP_SHIFT & 3);
    s = with(s, MSTATUS_MIE, s & MSTATUS_MPIE) | MSTATUS_MPIE;
    s &= ~(uint64_t) MSTATUS_MPP;
    if (hart.privilege != MACHINE)
        s &= ~(uint64_t) MSTATUS_MPRV;
    hart.mstatus = s;
    return hart.mepc;
}

uint64_t trap_return_supervisor(void) {
    uint64_t s = hart.mstatus;
    set_privilege(s >> SPP_SHIFT & 1);
    s = with(s, MSTATUS_SIE, s & MSTATUS_SPIE) | MSTATUS_SPIE;
    hart.mstatus = s & ~(uint64_t) (MSTATUS_SPP | MSTATUS_MPRV);
    return hart.sepc;
}

/* ---- interrupts ---- */

uint64_t mip_update(void) {
    uint64_t by_software = hart.mip & ~(1ULL << MACHINE_SOFTWARE | 1ULL << MACHINE_TIMER);
    hart.mip = by_software | (uint64_t) clint_software() << MACHINE_SOFTWARE |
               (uint64_t) (clint_alarm() <= hart.steps) << MACHINE_TIMER;
    return hart.mip;
}

void interrupt_take(void) {
    static const uint8_t order[] = {MACHINE_EXTERNAL,    MACHINE_SOFTWARE,    MACHINE_TIMER,
                                    SUPERVISOR_EXTERNAL, SUPERVISOR_SOFTWARE, SUPERVISOR_TIMER};
    uint64_t pending = mip_update() & hart.mie;
    if (!pending)
        return;
    /* wfi ends even where the interrupt is not taken. */
    hart.waiting = false;
    bool machine = hart.privilege < MACHINE || hart.mstatus & MSTATUS_MIE;
    bool supervisor =
        hart.privilege < SUPERVISOR || (hart.privilege == SUPERVISOR && hart.mstatus & MSTATUS_SIE);
    uint64_t enabled = (machine ? ~hart.mideleg : 0) | (supervisor ? hart.mideleg : 0);
    /* Those of M come before those of S, whatever their numbers. */
    uint64_t take = pending & enabled & ~hart.mideleg;
    if (!take)
        take = pending & enabled;
    for (size_t i = 0; i < sizeof order; i++)
        if (take >> order[i] & 1) {
            raise_trap(IS_INTERRUPT | order[i], 0);
            trap_enter();
            return;
        }
}
