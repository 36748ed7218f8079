/* The loop: do the op at the program counter, go on to the one behind it. Nearly all of the
 * machine's time is spent here, so what every instruction needs is in three local variables, and
 * whatever can wait is looked at between slices: interrupts, the alarm, the end.
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

/* ---- loads and stores of ops that are seldom ---- */

static bool load(uint64_t vaddr, unsigned size, uint64_t *value) {
    const uint8_t *bytes = tlb_find(tlb_load, vaddr, size);
    if (!bytes)
        return load_slow(vaddr, size, value);
    *value = 0;
    __builtin_memcpy(value, bytes, size);
    return true;
}

static bool store(uint64_t vaddr, unsigned size, uint64_t value) {
    uint8_t *bytes = tlb_find(tlb_store, vaddr, size);
    if (!bytes)
        return store_slow(vaddr, size, value);
    __builtin_memcpy(bytes, &value, size);
    return true;
}

/* ---- atomics: nobody else is there, so they need no care ---- */

static bool load_reserved(const struct op *op, uint64_t vaddr, unsigned size) {
    uint64_t value;
    if (vaddr & (size - 1))
        return raise_trap(LOAD_MISALIGNED, vaddr);
    if (!load(vaddr, size, &value))
        return false;
    hart.reserved_at = vaddr;
    hart.reserved_value = hart.x[op->rd] = size == 4 ? (uint64_t) (int32_t) value : value;
    return true;
}

/* As QEMU, it succeeds where the value is what it was, whoever wrote it. */
static bool store_conditional(const struct op *op, uint64_t vaddr, unsigned size) {
    bool is_reserved = hart.reserved_at == vaddr;
    uint64_t value;
    if (is_reserved && vaddr & (size - 1))
        return raise_trap(STORE_MISALIGNED, vaddr);
    if (is_reserved) {
        if (!load(vaddr, size, &value))
            return false;
        value = size == 4 ? (uint64_t) (int32_t) value : value;
        is_reserved = value == hart.reserved_value;
        if (is_reserved && !store(vaddr, size, hart.x[op->rs2]))
            return false;
    }
    hart.x[op->rd] = !is_reserved;
    hart.reserved_at = NO_RESERVATION;
    return true;
}

static bool atomic(const struct op *op) {
    unsigned size = (unsigned) op->immediate;
    uint64_t vaddr = hart.x[op->rs1], old;
    if (op->kind == OP_LR)
        return load_reserved(op, vaddr, size);
    if (op->kind == OP_SC)
        return store_conditional(op, vaddr, size);
    if (vaddr & (size - 1))
        return raise_trap(STORE_MISALIGNED, vaddr);
    /* What cannot be read is a store's trap all the same: its cause is a load's and 2. */
    if (!load(vaddr, size, &old))
        return raise_trap(hart.cause + 2, hart.trap_value);
    if (!store(vaddr, size, amo(op->kind, size, old, hart.x[op->rs2])))
        return false;
    hart.x[op->rd] = size == 4 ? (uint64_t) (int32_t) old : old;
    return true;
}

/* ---- what changes the hart's state, or traps ---- */

/* Sets where it goes on. False: a trap. */
static bool system_op(const struct op *op, uint64_t *next) {
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

/* Does the op at hart.pc, which it moves. False: a trap. */
SELDOM static bool seldom_op(const struct op *op) {
    uint64_t next = hart.pc + op->length;
    bool ok = true;
    if (op->kind <= OP_LAST_ALU) {
        uint64_t b = hart.x[op->rs2] + (uint64_t) op->immediate;
        hart.x[op->rd] = alu(op->kind, hart.x[op->rs1], b);
    } else if (op->kind <= OP_LAST_ATOMIC) {
        ok = atomic(op);
    } else {
        hart.is_called = true;
        ok = system_op(op, &next);
    }
    if (ok)
        hart.pc = next;
    return ok;
}

/* ---- from one op to the next ---- */

/* The page that the program counter is in, or NO_PAGE, and its ops. */
static uint64_t code_page;
static const struct op *code_ops;

/* Stands for an op that has yet to be looked up. */
static const struct op unknown = {.kind = OP_NEW};

/* The op at pc, as far as that is known. */
static inline const struct op *op_at(uint64_t pc) {
    if ((pc & PAGE_MASK) != code_page)
        return &unknown;
    return &code_ops[pc % MACHINE_PAGE / 2];
}

/* Looks up the op at pc, and decodes it if nobody has. In a page that physical memory protection
   divides, and over two pages, it is a copy with nothing known behind it, so that each instruction
   is checked. NULL: a trap. */
SELDOM static const struct op *op_find(uint64_t pc) {
    static struct op once[3];
    uint32_t instruction;
    bool stays, is_last = pc % MACHINE_PAGE == MACHINE_PAGE - 2;
    struct code *code = code_find(pc, &stays);
    if (!code)
        return NULL;
    code_page = stays ? pc & PAGE_MASK : NO_PAGE;
    code_ops = code->ops;
    struct op *place = &code->ops[pc % MACHINE_PAGE / 2];
    if (place->kind <= OP_CROSSES) {
        if (!fetch(pc, &instruction))
            return NULL;
        *place = decode(instruction);
    }
    *once = *place;
    if (is_last && place->length == 4) {
        place->kind = OP_CROSSES;
        return once;
    }
    return stays ? place : once;
}

/* ---- a slice ---- */

/* What it keeps at hand. A fourth variable would be one too many for the registers that a browser
   finds for it. */
struct slice {
    uint64_t pc;
    const struct op *op; /* that at pc, if it is known */
    uint64_t left;       /* steps, the one being done included */
};
static uint64_t slice_end; /* hart.steps when none are left */

/* Others need to know where we are. */
static inline void slice_tell(const struct slice *s) {
    hart.pc = s->pc;
    hart.steps = slice_end - s->left;
}

/* The step at hand becomes the last one, if somebody has called. */
static inline void slice_listen(struct slice *s) {
    if (hart.is_called) {
        slice_end -= s->left - 1;
        s->left = 1;
    }
}

/* ---- a step. All ways end in go_on, in jump, or in a trap: false; but find does no step ---- */

/* The loop waits for little but this address, so it is made by one addition. */
static inline const struct op *op_behind(const struct op *op) {
    return (const struct op *) (const void *) ((const uint8_t *) op + op->stride);
}

static inline bool go_on(struct slice *s) {
    s->pc += s->op->length;
    s->op = op_behind(s->op);
    s->left--;
    return true;
}

static inline bool jump(struct slice *s, uint64_t pc) {
    s->pc = pc;
    s->op = op_at(pc);
    s->left--;
    return true;
}

static inline uint64_t rs1(const struct op *op) {
    return hart.x[op->rs1];
}

static inline uint64_t rs2(const struct op *op) {
    return hart.x[op->rs2];
}

static inline uint64_t immediate(const struct op *op) {
    return (uint64_t) op->immediate;
}

static inline bool branch(struct slice *s, bool is_taken) {
    return is_taken ? jump(s, s->pc + immediate(s->op)) : go_on(s);
}

/* pc is computed already: rd may be rs1. */
static inline bool jump_and_link(struct slice *s, uint64_t pc) {
    hart.x[s->op->rd] = s->pc + s->op->length;
    return jump(s, pc);
}

static inline bool result(struct slice *s, uint64_t value) {
    hart.x[s->op->rd] = value;
    return go_on(s);
}

static inline bool alu_op(struct slice *s, enum op_kind kind) {
    return result(s, alu(kind, rs1(s->op), rs2(s->op) + immediate(s->op)));
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

static inline bool load_op(struct slice *s, enum op_kind kind, unsigned size) {
    uint64_t vaddr = rs1(s->op) + immediate(s->op), value = 0;
    const uint8_t *bytes = tlb_find(tlb_load, vaddr, size);
    if (bytes) {
        __builtin_memcpy(&value, bytes, size);
        return result(s, extend(kind, value));
    }
    slice_tell(s);
    /* A load calls nobody. */
    return load_slow(vaddr, size, &value) && result(s, extend(kind, value));
}

static inline bool store_op(struct slice *s, unsigned size) {
    uint64_t vaddr = rs1(s->op) + immediate(s->op), value = rs2(s->op);
    uint8_t *bytes = tlb_find(tlb_store, vaddr, size);
    if (bytes) {
        __builtin_memcpy(bytes, &value, size);
        return go_on(s);
    }
    slice_tell(s);
    bool ok = store_slow(vaddr, size, value);
    slice_listen(s);
    return ok && go_on(s);
}

/* Does no step yet: the op that is found is the next one. */
static inline bool find(struct slice *s) {
    slice_tell(s);
    s->op = op_find(s->pc);
    return s->op;
}

/* By way of hart.pc. */
static inline bool other(struct slice *s) {
    slice_tell(s);
    bool ok = seldom_op(s->op);
    slice_listen(s);
    return ok && jump(s, hart.pc);
}

/* One switch, and whatever a case needs is read there: a value that all cases share would be stored
   and loaded again by all of them. */
static inline bool step(struct slice *s) {
    const struct op *op = s->op;
    switch (op->kind) {
    case OP_NEW:
    case OP_CROSSES: return find(s);
    case OP_ADD: return alu_op(s, OP_ADD);
    case OP_SUB: return alu_op(s, OP_SUB);
    case OP_SLL: return alu_op(s, OP_SLL);
    case OP_SLT: return alu_op(s, OP_SLT);
    case OP_SLTU: return alu_op(s, OP_SLTU);
    case OP_XOR: return alu_op(s, OP_XOR);
    case OP_SRL: return alu_op(s, OP_SRL);
    case OP_SRA: return alu_op(s, OP_SRA);
    case OP_OR: return alu_op(s, OP_OR);
    case OP_AND: return alu_op(s, OP_AND);
    case OP_ADDW: return alu_op(s, OP_ADDW);
    case OP_SUBW: return alu_op(s, OP_SUBW);
    case OP_SLLW: return alu_op(s, OP_SLLW);
    case OP_SRLW: return alu_op(s, OP_SRLW);
    case OP_SRAW: return alu_op(s, OP_SRAW);
    case OP_MUL: return alu_op(s, OP_MUL);
    case OP_FENCE: return go_on(s);
    case OP_AUIPC: return result(s, s->pc + immediate(op));
    case OP_JAL: return jump_and_link(s, s->pc + immediate(op));
    case OP_JALR: return jump_and_link(s, (rs1(op) + immediate(op)) & ~1ULL);
    case OP_BEQ: return branch(s, rs1(op) == rs2(op));
    case OP_BNE: return branch(s, rs1(op) != rs2(op));
    case OP_BLT: return branch(s, (int64_t) rs1(op) < (int64_t) rs2(op));
    case OP_BGE: return branch(s, (int64_t) rs1(op) >= (int64_t) rs2(op));
    case OP_BLTU: return branch(s, rs1(op) < rs2(op));
    case OP_BGEU: return branch(s, rs1(op) >= rs2(op));
    case OP_LB: return load_op(s, OP_LB, 1);
    case OP_LH: return load_op(s, OP_LH, 2);
    case OP_LW: return load_op(s, OP_LW, 4);
    case OP_LD: return load_op(s, OP_LD, 8);
    case OP_LBU: return load_op(s, OP_LBU, 1);
    case OP_LHU: return load_op(s, OP_LHU, 2);
    case OP_LWU: return load_op(s, OP_LWU, 4);
    case OP_SB: return store_op(s, 1);
    case OP_SH: return store_op(s, 2);
    case OP_SW: return store_op(s, 4);
    case OP_SD: return store_op(s, 8);
    default: return other(s);
    }
}

/* Up to `steps` of them. */
static void slice_run(uint64_t steps) {
    struct slice s = {.pc = hart.pc, .op = &unknown, .left = steps};
    slice_end = hart.steps + steps;
    hart.is_called = false;
    while (s.left > 0) {
        if (step(&s))
            continue;
        slice_tell(&s);
        if (hart.stop == REFUSED)
            return;
        trap_enter();
        code_page = NO_PAGE;
        jump(&s, hart.pc);
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
