/* A program that was made for QEMU's virt may use what this machine has not: floating point, single
 * bits, a disk. On real hardware it would trap and be lost; here it is told. Whatever is in no
 * table below traps, as on any hart. */
#include "refuse.h"

#include "mmu.h"
#include "trap.h"

bool traps_instead;
uint64_t trapped_instead;

/* ---- the message ---- */

static char *put(char *at, const char *text) {
    const char *end = hart.refusal + sizeof hart.refusal - 1;
    while (*text && at < end)
        *at++ = *text++;
    *at = 0;
    return at;
}

static char *put_hex(char *at, uint64_t number) {
    char digits[19] = "0x", *to = digits + 2;
    int shift = 60;
    while (shift > 0 && !(number >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[number >> shift & 15];
    *to = 0;
    return put(at, digits);
}

bool refuse(const char *what, uint64_t number) {
    if (traps_instead) {
        trapped_instead++;
        return false;
    }
    char *at = put_hex(put(put(hart.refusal, what), " "), number);
    at = put_hex(put(at, ", at pc "), hart.pc);
    put(at, ": this machine has no such thing");
    hart.stop = REFUSED;
    hart.is_called = true;
    return false;
}

/* ---- devices ---- */

bool refuse_device(uint64_t paddr) {
    static const struct {
        uint64_t base, size;
        const char *name;
    } devices[] = {
        {0x101000, 0x1000, "the clock (goldfish-rtc), address"},
        {0x3000000, 0x10000, "PCI's ports, address"},
        {0x4000000, 0x2000000, "the platform bus, address"},
        {0xc000000, 0x600000, "the interrupt controller (PLIC), address"},
        {0x10001000, 0x8000, "a virtio device, address"},
        {0x10100000, 0x18, "QEMU's fw_cfg, address"},
        {0x20000000, 0x4000000, "flash memory, address"},
        {0x30000000, 0x10000000, "PCI's configuration, address"},
        {0x40000000, 0x40000000, "PCI's memory, address"},
    };
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (paddr - devices[i].base < devices[i].size)
            return refuse(devices[i].name, paddr);
    return false;
}

/* ---- registers ---- */

bool refuse_csr(uint32_t number) {
    static const struct {
        uint16_t first, last;
        const char *name;
    } registers[] = {
        {0x001, 0x003, "floating point (F, D), CSR"},
        {0x14d, 0x14d, "the supervisor's alarm (Sstc), CSR"},
        {0x200, 0x2ff, "the hypervisor (H), CSR"},
        {0x600, 0x6ff, "the hypervisor (H), CSR"},
        {0xc03, 0xc1f, "performance counters, CSR"},
    };
    if (hart.privilege == MACHINE)
        return false;
    for (size_t i = 0; i < sizeof registers / sizeof *registers; i++)
        if (number >= registers[i].first && number <= registers[i].last)
            return refuse(registers[i].name, number);
    return false;
}

/* ---- instructions ---- */

static const struct {
    uint32_t mask, match;
    const char *name;
} instructions[] = {
    /* compressed */
    {0xffff6003, 0x2000, "c.fld or c.fsd (D)"},
    {0xffff6003, 0x2002, "c.fldsp or c.fsdsp (D)"},
    /* whole opcodes */
    {0x0000005f, 0x00000007, "floating-point load or store (F, D)"},
    {0x00000073, 0x00000043, "fmadd and its like (F, D)"},
    {0x0000007f, 0x00000053, "floating-point arithmetic (F, D)"},
    {0x0000007f, 0x00000057, "vector arithmetic (V)"},
    /* addresses */
    {0xfe00707f, 0x20002033, "sh1add (Zba)"},
    {0xfe00707f, 0x20004033, "sh2add (Zba)"},
    {0xfe00707f, 0x20006033, "sh3add (Zba)"},
    {0xfe00707f, 0x2000203b, "sh1add.uw (Zba)"},
    {0xfe00707f, 0x2000403b, "sh2add.uw (Zba)"},
    {0xfe00707f, 0x2000603b, "sh3add.uw (Zba)"},
    {0xfe00707f, 0x0800003b, "add.uw (Zba)"},
    {0xfc00707f, 0x0800101b, "slli.uw (Zba)"},
    /* bits */
    {0xfe00707f, 0x40007033, "andn (Zbb)"},
    {0xfe00707f, 0x40006033, "orn (Zbb)"},
    {0xfe00707f, 0x40004033, "xnor (Zbb)"},
    {0xfff0707f, 0x60001013, "clz (Zbb)"},
    {0xfff0707f, 0x60101013, "ctz (Zbb)"},
    {0xfff0707f, 0x60201013, "cpop (Zbb)"},
    {0xfff0707f, 0x6000101b, "clzw (Zbb)"},
    {0xfff0707f, 0x6010101b, "ctzw (Zbb)"},
    {0xfff0707f, 0x6020101b, "cpopw (Zbb)"},
    {0xfff0707f, 0x60401013, "sext.b (Zbb)"},
    {0xfff0707f, 0x60501013, "sext.h (Zbb)"},
    {0xfff0707f, 0x0800403b, "zext.h (Zbb)"},
    {0xfe00707f, 0x0a004033, "min (Zbb)"},
    {0xfe00707f, 0x0a005033, "minu (Zbb)"},
    {0xfe00707f, 0x0a006033, "max (Zbb)"},
    {0xfe00707f, 0x0a007033, "maxu (Zbb)"},
    {0xfe00707f, 0x60001033, "rol (Zbb)"},
    {0xfe00707f, 0x60005033, "ror (Zbb)"},
    {0xfe00707f, 0x6000103b, "rolw (Zbb)"},
    {0xfe00707f, 0x6000503b, "rorw (Zbb)"},
    {0xfc00707f, 0x60005013, "rori (Zbb)"},
    {0xfe00707f, 0x6000501b, "roriw (Zbb)"},
    {0xfff0707f, 0x28705013, "orc.b (Zbb)"},
    {0xfff0707f, 0x6b805013, "rev8 (Zbb)"},
    {0xfe00707f, 0x0a001033, "clmul (Zbc)"},
    {0xfe00707f, 0x0a002033, "clmulr (Zbc)"},
    {0xfe00707f, 0x0a003033, "clmulh (Zbc)"},
    {0xfe00707f, 0x48001033, "bclr (Zbs)"},
    {0xfe00707f, 0x48005033, "bext (Zbs)"},
    {0xfe00707f, 0x68001033, "binv (Zbs)"},
    {0xfe00707f, 0x28001033, "bset (Zbs)"},
    {0xfc00707f, 0x48001013, "bclri (Zbs)"},
    {0xfc00707f, 0x48005013, "bexti (Zbs)"},
    {0xfc00707f, 0x68001013, "binvi (Zbs)"},
    {0xfc00707f, 0x28001013, "bseti (Zbs)"},
    /* of guests in guests */
    {0xfe007fff, 0x22000073, "hfence.vvma (H)"},
    {0xfe007fff, 0x62000073, "hfence.gvma (H)"},
    {0xf800707f, 0x60004073, "a hypervisor's load or store (H)"},
};

bool raise_illegal(void) {
    uint32_t instruction;
    if (hart.stop == REFUSED || !fetch(hart.pc, &instruction))
        return false;
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if ((instruction & instructions[i].mask) == instructions[i].match && !traps_instead)
            return refuse(instructions[i].name, instruction);
    return raise_trap(ILLEGAL, instruction);
}
