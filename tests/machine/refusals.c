/* What the machine does not have or does not take: each is refused with these words, and what only
 * looks like it is not. Prints what differs; exit status 0 if nothing does. */
#include "../../site/machine/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t MIB = 1 << 20;
static uint8_t *memory;
static int failed;

static void expect(const char *what, const char *wanted, const char *got) {
    if (!strcmp(wanted, got))
        return;
    printf("refusals: %s: \"%s\", not \"%s\"\n", what, got, wanted);
    failed = 1;
}

/* ---- instructions, registers, devices ---- */

/* The code is done in S mode, which may access all memory, with a0 set. */
static const struct {
    uint32_t code;
    uint64_t a0;
    const char *refusal; /* "": it traps */
} steps[] = {
    {0x02c5f553, 0, "floating-point arithmetic (F, D) 0x2c5f553"},   /* fadd.d fa0, fa1, fa2 */
    {0x6ac5f543, 0, "fmadd and its like (F, D) 0x6ac5f543"},         /* fmadd.d fa0, fa1, … */
    {0x00053507, 0, "floating-point load or store (F, D) 0x53507"},  /* fld fa0, (a0) */
    {0x00a52027, 0, "floating-point load or store (F, D) 0xa52027"}, /* fsw fa0, (a0) */
    {0x00012108, 0, "c.fld or c.fsd (D) 0x2108"},                    /* c.fld fa0, (a0); c.nop */
    {0x00012502, 0, "c.fldsp or c.fsdsp (D) 0x2502"},
    {0x60051513, 0, "clz (Zbb) 0x60051513"},    /* clz a0, a0 */
    {0x60151513, 0, "ctz (Zbb) 0x60151513"},    /* ctz a0, a0 */
    {0x40b57533, 0, "andn (Zbb) 0x40b57533"},   /* andn a0, a0, a1 */
    {0x6b855513, 0, "rev8 (Zbb) 0x6b855513"},   /* rev8 a0, a0 */
    {0x20b52533, 0, "sh1add (Zba) 0x20b52533"}, /* sh1add a0, a0, a1 */
    {0x28b51533, 0, "bset (Zbs) 0x28b51533"},   /* bset a0, a0, a1 */
    {0x02b50557, 0, "vector arithmetic (V) 0x2b50557"},
    {0x22000073, 0, "hfence.vvma (H) 0x22000073"},
    {0xffffffff, 0, ""},                               /* nobody knows it */
    {0x30200073, 0, ""},                               /* mret is for M */
    {0x00302573, 0, "floating point (F, D), CSR 0x3"}, /* csrr a0, fcsr */
    {0x14d02573, 0, "the supervisor's alarm (Sstc), CSR 0x14d"},
    {0x60002573, 0, "the hypervisor (H), CSR 0x600"},
    {0xc0302573, 0, "performance counters, CSR 0xc03"},
    {0x5c002573, 0, ""}, /* QEMU's has no CSR 0x5c0 either */
    {0x30002573, 0, ""}, /* mstatus is for M */
    {0x00052503, 0xc000000, "the interrupt controller (PLIC), address 0xc000000"}, /* lw a0, (a0) */
    {0x00052503, 0x10001000, "a virtio device, address 0x10001000"},
    {0x00b52023, 0x10008ffc, "a virtio device, address 0x10008ffc"}, /* sw a1, (a0) */
    {0x00052503, 0x101000, "the clock (goldfish-rtc), address 0x101000"},
    {0x00052503, 0x20000000, "flash memory, address 0x20000000"},
    {0x00052503, 0x30000000, "PCI's configuration, address 0x30000000"},
    {0x00050067, 0x20000000, "flash memory, address 0x20000000"}, /* jr a0 */
    {0x00052503, 0x90000000, ""},                                 /* nothing is here */
    {0x00052503, 0x10009000, ""},
    {0x00a50023, 0x10000001, "an interrupt of the UART, asked for 0x10000001"}, /* sb a0, (a0) */
    {0x00b50023, 0x10000004, "the UART's loop-back, asked for 0x10000004"},     /* sb a1, (a0) */
};

static void step_is_refused(size_t i) {
    char what[64], wanted[200] = "";
    boot_begin(memory, 32 * MIB);
    boot_firmware((const uint8_t *) &steps[i].code, sizeof steps[i].code);
    hart.pc = RAM_BASE;
    hart.privilege = SUPERVISOR;
    hart.pmpcfg[0] = 0x1f;
    hart.pmpaddr[0] = UINT64_MAX >> 10;
    hart.mtvec = RAM_BASE + 0x1000;
    hart.x[10] = steps[i].a0;
    hart.x[11] = 0x10;
    bool jumps = (steps[i].code & 0x7f) == 0x67;
    enum stop stop = machine_run(jumps ? 2 : 1);
    snprintf(what, sizeof what, "%#x with a0 = %#llx", steps[i].code,
             (unsigned long long) steps[i].a0);
    if (*steps[i].refusal)
        snprintf(wanted, sizeof wanted, "%s, at pc %#llx: this machine has no such thing",
                 steps[i].refusal, (unsigned long long) (jumps ? steps[i].a0 : RAM_BASE));
    expect(what, wanted, hart.refusal);
    bool traps = stop == RUNNING && hart.privilege == MACHINE;
    expect(what, *steps[i].refusal ? "stops" : "traps",
           stop == REFUSED ? "stops"
           : traps         ? "traps"
                           : "goes on");
}

/* ---- files ---- */

/* An ELF file with one segment of 8 bytes, by the numbers of its fields' places. */
enum {
    CLASS = 4,
    ORDER = 5,
    TYPE = 16,
    MACHINE_IS = 18,
    SEGMENTS_AT = 32,
    SEGMENT_SIZE = 54,
    SEGMENTS = 56,
    SEGMENT = 64,
    OFFSET = SEGMENT + 8,
    PADDR = SEGMENT + 24,
    FILE_SIZE = SEGMENT + 32,
    MEMORY_SIZE = SEGMENT + 40,
    ALL = SEGMENT + 56 + 8,
};

static uint8_t elf[ALL];

static void set(size_t at, unsigned size, uint64_t value) {
    memcpy(elf + at, &value, size);
}

static void elf_make(void) {
    memset(elf, 0, sizeof elf);
    set(0, 4, 0x464c457f); /* 0x7f, "ELF" */
    set(CLASS, 1, 2);
    set(ORDER, 1, 1);
    set(TYPE, 2, 2);
    set(MACHINE_IS, 2, 243);
    set(SEGMENTS_AT, 8, SEGMENT);
    set(SEGMENT_SIZE, 2, 56);
    set(SEGMENTS, 2, 1);
    set(SEGMENT, 4, 1);
    set(OFFSET, 8, ALL - 8);
    set(PADDR, 8, 0x80200000);
    set(FILE_SIZE, 8, 8);
    set(MEMORY_SIZE, 8, 16);
    memcpy(elf + ALL - 8, "freeram", 8);
}

static const struct {
    size_t at;
    unsigned size;
    uint64_t value;
    const char *problem; /* "": it is taken */
} kernels[] = {
    {PADDR, 8, 0x80200000, ""},
    {PADDR, 8, 0x82000000 - 16, ""},
    {0, 4, 0x68732123, "the kernel is no ELF file"}, /* "#!sh" */
    {CLASS, 1, 1, "the kernel is an ELF file for 32 bits, and this machine has 64"},
    {ORDER, 1, 2, "the kernel is an ELF file for another processor than RISC-V"},
    {MACHINE_IS, 2, 62, "the kernel is an ELF file for another processor than RISC-V"},
    {TYPE, 2, 3, "the kernel is an ELF file that was not linked to a fixed address"},
    {SEGMENTS, 2, 3, "the kernel's ELF file is cut off: its table of segments lies outside"},
    {SEGMENTS_AT, 8, -8ULL, "the kernel's ELF file is cut off: its table of segments lies outside"},
    {FILE_SIZE, 8, 9, "the kernel's ELF file is cut off: a segment's bytes lie outside"},
    {OFFSET, 8, -4ULL, "the kernel's ELF file is cut off: a segment's bytes lie outside"},
    {MEMORY_SIZE, 8, 7, "the kernel's ELF file has a segment with more bytes than memory"},
    {MEMORY_SIZE, 8, 31 * 0x100000, "a segment of the kernel lies outside the machine's memory"},
    {MEMORY_SIZE, 8, -1ULL, "a segment of the kernel lies outside the machine's memory"},
    {PADDR, 8, 0x82000000 - 15, "a segment of the kernel lies outside the machine's memory"},
    {PADDR, 8, 0x1000, "a segment of the kernel lies outside the machine's memory"},
    {PADDR, 8, 0x80000000, "a segment of the kernel lies on the firmware"},
    {SEGMENT, 4, 2, "the kernel's ELF file has nothing to load"},
};

static const char *or_nothing(const char *problem) {
    return problem ? problem : "";
}

static void kernel_is_refused(size_t i) {
    char what[64];
    snprintf(what, sizeof what, "kernel with %#llx at %zu", (unsigned long long) kernels[i].value,
             kernels[i].at);
    boot_begin(memory, 32 * MIB);
    boot_firmware((const uint8_t *) "\x13\0\0", 4);
    elf_make();
    set(kernels[i].at, kernels[i].size, kernels[i].value);
    expect(what, kernels[i].problem, or_nothing(boot_kernel(elf, sizeof elf)));
    if (!*kernels[i].problem)
        expect(what, "freeram", (const char *) memory + (kernels[i].value - RAM_BASE));
}

static void files_are_refused(void) {
    static const uint8_t tree[8 + 1] = {0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 9};
    static const uint8_t large[16384] = {0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0x20, 1};
    elf_make();
    expect("20 bytes of a kernel", "the kernel's ELF file is cut off: it has no whole header",
           or_nothing(boot_kernel(elf, 20)));
    expect("an empty kernel", "the kernel is no ELF file", or_nothing(boot_kernel(elf, 0)));
    expect("an empty firmware", "the firmware is empty", or_nothing(boot_firmware(elf, 0)));
    expect("an ELF file as firmware",
           "the firmware is an ELF file: OpenSBI's fw_dynamic.bin is wanted",
           or_nothing(boot_firmware(elf, sizeof elf)));
    expect("a large firmware", "the firmware is larger than the 2 MiB below the kernel",
           or_nothing(boot_firmware(tree, 2 * MIB + 1)));
    expect("a tree", "", or_nothing(boot_device_tree(tree, 9)));
    expect("a tree that is none", "the device tree is none", or_nothing(boot_device_tree(elf, 9)));
    expect("a tree that is cut off", "the device tree is cut off",
           or_nothing(boot_device_tree(tree, 8)));
    expect("a large tree", "the device tree is larger than 8 KiB",
           or_nothing(boot_device_tree(large, sizeof large)));
}

int main(void) {
    memory = calloc(32, MIB);
    if (!memory)
        return 2;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        step_is_refused(i);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        kernel_is_refused(i);
    files_are_refused();
    return failed;
}
