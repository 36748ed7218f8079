/* The loop: find the op at the program counter, do it, go on. Nearly all of the machine's time is
 * spent here, so what every instruction needs is in local variables, and whatever can wait is
 * looked at between slices: interrupts, the alarm, the end.
 *
 *   machine_run   │◀─ interrupts? ─▶│◀────────── slice ──────────▶│◀─ interrupts? ─▶│◀── slice …
 *                                     until the alarm, or a CSR, or a device
 */
#include "alu.h"
#include "csr.h"
#include "device.h"
#include "mmu.h"
#include "refuse.h"
#include "trap.h"

struct hart hart;

/* What a slice keeps at hand. */
struct slice {
    uint64_t pc;
    uint64_t left; /* steps, the one being done included */
    uint64_t end;  /* hart.steps when none are left */
};

/* Others need to know where we are. */
static inline void slice_tell(const struct slice *s) {
    hart.pc = s->pc;
    hart.steps = s->end - s->left;
}

/* The step at hand becomes the last one, if somebody has called. */
static inline void slice_listen(struct slice *s) {
    if (hart.is_called) {
        s->end -= s->left - 1;
        s->left = 1;
    }
}

/* ---- memory ---- */

static inline bool load(struct slice *s, uint64_t vaddr, unsigned size, uint64_t *value) {
    const uint8_t *bytes = tlb_find(tlb_load, vaddr, size);
    if (bytes) {
        *value = 0;
        __builtin_memcpy(value, bytes, size);
        return true;
    }
    slice_tell(s);
    bool ok = load_slow(vaddr, size, value);
    slice_listen(s);
    return ok;
}

static inline bool store(struct slice *s, uint64_t vaddr, unsigned size, uint64_t value) {
    uint8_t *bytes = tlb_find(tlb_store, vaddr, size);
    if (bytes) {
        __builtin_memcpy(bytes, &value, size);
        return true;
    }
    slice_tell(s);
    bool ok = store_slow(vaddr, size, value);
    slice_listen(s);
    return ok;
}

/* What a load of `kind` leaves in a register. */
static inline uint64_t extend(enum op_kind kind, uint64_t value) {
    switch (kind) {
    case OP_LB: return (uint64_t) (int8_t) value;
    case OP_LH: return (uint64_t) (int16_t) value;
    case OP_LW: return (uint64_t) (int32_t) value;
    default: return value;
    }
}

static inline bool load_op(struct slice *s, const struct op *op, unsigned size, uint64_t vaddr) {
    uint64_t value;
    if (!load(s, vaddr, size, &value))
        return false;
    hart.x[op->rd] = extend(op->kind, value);
    return true;
}

/* ---- atomics: nobody else is there, so they need no care ---- */

static bool load_reserved(struct slice *s, const struct op *op, uint64_t vaddr, unsigned size) {
    uint64_t value;
    if (vaddr & (size - 1))
        return raise_trap(LOAD_MISALIGNED, vaddr);
    if (!load(s, vaddr, size, &value))
        return false;
    hart.reserved_at = vaddr;
    hart.reserved_value = hart.x[op->rd] = size == 4 ? (uint64_t) (int32_t) value : value;
    return true;
}

/* As QEMU, it succeeds where the value is what it was, whoever wrote it. */
static bool store_conditional(struct slice *s, const struct op *op, uint64_t vaddr, unsigned size) {
    bool is_reserved = hart.reserved_at == vaddr;
    uint64_t value;
    if (is_reserved && vaddr & (size - 1))
        return raise_trap(STORE_MISALIGNED, vaddr);
    if (is_reserved) {
        if (!load(s, vaddr, size, &value))
            return false;
        value = size == 4 ? (uint64_t) (int32_t) value : value;
        is_reserved = value == hart.reserved_value;
        if (is_reserved && !store(s, vaddr, size, hart.x[op->rs2]))
            return false;
    }
    hart.x[op->rd] = !is_reserved;
    hart.reserved_at = NO_RESERVATION;
    return true;
}

static bool atomic(struct slice *s, const struct op *op) {
    unsigned size = (unsigned) op->immediate;
    uint64_t vaddr = hart.x[op->rs1], old;
    if (op->kind == OP_LR)
        return load_reserved(s, op, vaddr, size);
    if (op->kind == OP_SC)
        return store_conditional(s, op, vaddr, size);
    if (vaddr & (size - 1))
        return raise_trap(STORE_MISALIGNED, vaddr);
    /* What cannot be read is a store's trap all the same: its cause is a load's and 2. */
    if (!load(s, vaddr, size, &old))
        return raise_trap(hart.cause + 2, hart.trap_value);
    if (!store(s, vaddr, size, amo(op->kind, size, old, hart.x[op->rs2])))
        return false;
    hart.x[op->rd] = size == 4 ? (uint64_t) (int32_t) old : old;
    return true;
}

/* ---- the rest ---- */

/* What changes the hart's state, or traps. It is told where it is, and ends the slice. */
static bool system_op(struct slice *s, const struct op *op, uint64_t *next) {
    slice_tell(s);
    hart.is_called = true;
    slice_listen(s);
    switch (op->kind) {
    case OP_ECALL: return raise_trap(CALL_FROM_USER + hart.privilege, 0);
    case OP_EBREAK: return raise_trap(BREAKPOINT, 0);
    case OP_MRET:
        if (hart.privilege < MACHINE)
            break;
        *next = trap_return_machine();
        return true;
    case OP_SRET:
        if (hart.privilege < SUPERVISOR ||
            (hart.privilege == SUPERVISOR && hart.mstatus & MSTATUS_TSR))
            break;
        *next = trap_return_supervisor();
        return true;
    case OP_WFI:
        if (hart.privilege == USER || (hart.privilege == SUPERVISOR && hart.mstatus & MSTATUS_TW))
            break;
        hart.waiting = true;
        return true;
    case OP_SFENCE_VMA:
        if (hart.privilege == USER || (hart.privilege == SUPERVISOR && hart.mstatus & MSTATUS_TVM))
            break;
        tlb_flush();
        return true;
    case OP_ILLEGAL: break;
    default:
        if (csr_op(op))
            return true;
        break;
    }
    return raise_illegal();
}

/* The op of an instruction that is met for the first time, or has to be looked at each time. */
static struct op *op_find(const struct slice *s, struct op *place, struct op *once) {
    bool crosses = s->pc % MACHINE_PAGE == MACHINE_PAGE - 2;
    uint32_t instruction;
    slice_tell(s);
    if (!fetch(s->pc, &instruction))
        return NULL;
    *once = decode(instruction);
    if (crosses && once->length == 4) {
        place->kind = OP_CROSSES;
        return once;
    }
    *place = *once;
    return place;
}

static inline bool branches(enum op_kind kind, uint64_t a, uint64_t b) {
    switch (kind) {
    case OP_BEQ: return a == b;
    case OP_BNE: return a != b;
    case OP_BLT: return (int64_t) a < (int64_t) b;
    case OP_BGE: return (int64_t) a >= (int64_t) b;
    case OP_BLTU: return a < b;
    default: return a >= b;
    }
}

/* Does the op at s->pc, which becomes the next one's. False: it ended in a trap. */
static inline bool step(struct slice *s, const struct op *op) {
    uint64_t a = hart.x[op->rs1], b = hart.x[op->rs2];
    uint64_t immediate = (uint64_t) op->immediate, next = s->pc + op->length;
    bool ok = true;
    switch (op->kind) {
    case OP_BEQ:
    case OP_BNE:
    case OP_BLT:
    case OP_BGE:
    case OP_BLTU:
    case OP_BGEU:
        if (branches(op->kind, a, b))
            next = s->pc + immediate;
        break;
    case OP_JAL:
        hart.x[op->rd] = next;
        next = s->pc + immediate;
        break;
    case OP_JALR:
        hart.x[op->rd] = next;
        next = (a + immediate) & ~1ULL;
        break;
    case OP_AUIPC: hart.x[op->rd] = s->pc + immediate; break;
    case OP_LB:
    case OP_LBU: ok = load_op(s, op, 1, a + immediate); break;
    case OP_LH:
    case OP_LHU: ok = load_op(s, op, 2, a + immediate); break;
    case OP_LW:
    case OP_LWU: ok = load_op(s, op, 4, a + immediate); break;
    case OP_LD: ok = load_op(s, op, 8, a + immediate); break;
    case OP_SB: ok = store(s, a + immediate, 1, b); break;
    case OP_SH: ok = store(s, a + immediate, 2, b); break;
    case OP_SW: ok = store(s, a + immediate, 4, b); break;
    case OP_SD: ok = store(s, a + immediate, 8, b); break;
    case OP_FENCE: break;
    default:
        if (op->kind <= OP_LAST_ALU)
            hart.x[op->rd] = alu(op->kind, a, b + immediate);
        else if (op->kind <= OP_LAST_ATOMIC)
            ok = atomic(s, op);
        else
            ok = system_op(s, op, &next);
    }
    if (ok)
        s->pc = next;
    return ok;
}

/* Up to `steps` of them. */
static void slice_run(uint64_t steps) {
    struct slice s = {.pc = hart.pc, .left = steps, .end = hart.steps + steps};
    struct code *code = NULL;
    uint64_t page = NO_PAGE; /* that `code` is of */
    for (hart.is_called = false; s.left > 0; s.left--) {
        struct op once;
        bool ok = true, stays = true;
        if ((s.pc & ~(uint64_t) (MACHINE_PAGE - 1)) != page) {
            slice_tell(&s);
            code = code_find(s.pc, &stays);
            page = stays ? s.pc & ~(uint64_t) (MACHINE_PAGE - 1) : NO_PAGE;
        }
        struct op *op = code ? &code->ops[s.pc % MACHINE_PAGE / 2] : NULL;
        if (op && op->kind <= OP_CROSSES)
            op = op_find(&s, op, &once);
        ok = op && step(&s, op);
        if (ok)
            continue;
        slice_tell(&s);
        if (hart.stop == REFUSED)
            break;
        trap_enter();
        s.pc = hart.pc;
        page = NO_PAGE;
    }
    slice_tell(&s);
}

enum stop machine_run(uint64_t steps) {
    uint64_t end = hart.steps + steps;
    if (hart.stop == WAITING)
        hart.stop = RUNNING;
    /* Somebody has to take what is printed. */
    while (hart.steps < end && hart.stop == RUNNING && uart_output_size < sizeof uart_output) {
        interrupt_take();
        uint64_t alarm = clint_alarm(), until = end;
        if (alarm > hart.steps && alarm < end)
            until = alarm;
        if (!hart.waiting)
            slice_run(until - hart.steps);
        else if (alarm > hart.steps && alarm != UINT64_MAX && hart.mie & 1 << MACHINE_TIMER)
            hart.steps = alarm; /* sleep until then, in no time */
        else
            hart.stop = WAITING;
    }
    return hart.stop;
}
