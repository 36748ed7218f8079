/* What lies in memory before the first instruction, where QEMU has it as well.
 *
 *   0x00001000   reset ROM: loads a0 to a2, jumps to the firmware
 *                what OpenSBI's fw_dynamic wants to know: where it should go on, and in which mode
 *   0x80000000   firmware
 *   0x80200000   the kernel's segments, wherever its ELF says
 *   the end      device tree, on 2 MiB
 */
#include "device.h"
#include "mmu.h"
#include "trap.h"

static const uint64_t MIB = 1 << 20;
static size_t firmware_size, tree_size;
static uint64_t kernel_entry;
static uint8_t tree[DEVICE_TREE_ROOM];

void boot_begin(uint8_t *memory, uint64_t size) {
    ram = memory;
    ram_size = size;
    __builtin_memset(&hart, 0, sizeof hart);
    hart.pc = ROM_BASE;
    hart.privilege = MACHINE;
    hart.mstatus = MSTATUS_UXL | MSTATUS_SXL;
    hart.reserved_at = NO_RESERVATION;
    firmware_size = 0;
    kernel_entry = 0;
    tree_size = device_tree_write(tree, size);
    device_reset();
    code_reset();
}

static bool is_elf(const uint8_t *bytes, size_t size) {
    return size >= 4 && bytes[0] == 0x7f && bytes[1] == 'E' && bytes[2] == 'L' && bytes[3] == 'F';
}

const char *boot_firmware(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return "the firmware is empty";
    if (is_elf(bytes, size))
        return "the firmware is an ELF file: OpenSBI's fw_dynamic.bin is wanted";
    if (size > 2 * MIB)
        return "the firmware is larger than the 2 MiB below the kernel";
    __builtin_memcpy(ram, bytes, size);
    firmware_size = size;
    return NULL;
}

/* In place of the machine's own. What stands behind the size in its header is not part of it. */
const char *boot_device_tree(const uint8_t *bytes, size_t size) {
    if (size < 8 || bytes[0] != 0xd0 || bytes[1] != 0x0d || bytes[2] != 0xfe || bytes[3] != 0xed)
        return "the device tree is none";
    size_t total = (size_t) (bytes[4] << 24 | bytes[5] << 16 | bytes[6] << 8 | bytes[7]);
    if (total > size)
        return "the device tree is cut off";
    if (total > sizeof tree)
        return "the device tree is larger than 8 KiB";
    __builtin_memcpy(tree, bytes, total);
    tree_size = total;
    return NULL;
}

/* ---- the kernel ---- */

struct elf_header {
    uint8_t magic[4], class, order, version, abi[9];
    uint16_t type, machine;
    uint32_t version_again;
    uint64_t entry, segments_offset, sections_offset;
    uint32_t flags;
    uint16_t size, segment_size, segments;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, file_size, memory_size, align;
};

enum {
    CLASS_64 = 2,
    LITTLE_ENDIAN_FIRST = 1,
    TYPE_EXECUTABLE = 2,
    RISCV = 243,
    LOADED = 1
};

static const char *header_problem(const struct elf_header *h, uint64_t size) {
    if (h->class != CLASS_64)
        return "the kernel is an ELF file for 32 bits, and this machine has 64";
    if (h->order != LITTLE_ENDIAN_FIRST || h->machine != RISCV)
        return "the kernel is an ELF file for another processor than RISC-V";
    if (h->type != TYPE_EXECUTABLE)
        return "the kernel is an ELF file that was not linked to a fixed address";
    if (h->segment_size != sizeof(struct elf_segment) || h->segments_offset > size ||
        (uint64_t) h->segments * sizeof(struct elf_segment) > size - h->segments_offset)
        return "the kernel's ELF file is cut off: its table of segments lies outside";
    return NULL;
}

static const char *segment_problem(const struct elf_segment *s, uint64_t size) {
    uint64_t at = s->paddr - RAM_BASE;
    if (s->offset > size || s->file_size > size - s->offset)
        return "the kernel's ELF file is cut off: a segment's bytes lie outside";
    if (s->file_size > s->memory_size)
        return "the kernel's ELF file has a segment with more bytes than memory";
    if (at >= ram_size || s->memory_size > ram_size - at)
        return "a segment of the kernel lies outside the machine's memory";
    if (at < firmware_size)
        return "a segment of the kernel lies on the firmware";
    return NULL;
}

const char *boot_kernel(const uint8_t *elf, size_t size) {
    struct elf_header header;
    struct elf_segment segment;
    if (!is_elf(elf, size))
        return "the kernel is no ELF file";
    if (size < sizeof header)
        return "the kernel's ELF file is cut off: it has no whole header";
    __builtin_memcpy(&header, elf, sizeof header);
    const char *problem = header_problem(&header, size);
    kernel_entry = UINT64_MAX;
    for (uint16_t i = 0; i < header.segments && !problem; i++) {
        __builtin_memcpy(&segment, elf + (size_t) header.segments_offset + i * sizeof segment,
                         sizeof segment);
        if (segment.type != LOADED || !segment.memory_size)
            continue;
        problem = segment_problem(&segment, size);
        if (problem)
            break;
        __builtin_memcpy(ram + (segment.paddr - RAM_BASE), elf + segment.offset,
                         (size_t) segment.file_size);
        /* Firmware goes on at the lowest address, as under QEMU, whatever the entry is. */
        if (segment.paddr < kernel_entry)
            kernel_entry = segment.paddr;
    }
    if (!problem && kernel_entry == UINT64_MAX)
        problem = "the kernel's ELF file has nothing to load";
    return problem;
}

/* ---- the rest ---- */

static uint64_t tree_address(void) {
    uint64_t end = RAM_BASE + ram_size, most = 3072 * MIB;
    return ((end < most ? end : most) - tree_size) & ~(2 * MIB - 1);
}

void boot_finish(void) {
    static const uint32_t instructions[] = {
        0x00000297, /* auipc t0, 0             here */
        0x02828613, /* addi  a2, t0, 40        what the firmware wants to know */
        0xf1402573, /* csrr  a0, mhartid */
        0x0202b583, /* ld    a1, 32(t0)        the device tree */
        0x0182b283, /* ld    t0, 24(t0)        the firmware */
        0x00028067, /* jr    t0 */
    };
    const uint64_t values[] = {
        RAM_BASE, tree_address(),
        /* struct fw_dynamic_info */
        0x4942534f,               /* "OSBI" */
        2,                        /* version */
        kernel_entry, SUPERVISOR, /* the mode to go on in */
        0,                        /* options */
        0,                        /* the hart that boots */
    };
    __builtin_memset(rom, 0, sizeof rom);
    __builtin_memcpy(rom, instructions, sizeof instructions);
    __builtin_memcpy(rom + sizeof instructions, values, sizeof values);
    __builtin_memcpy(ram + (tree_address() - RAM_BASE), tree, tree_size);
}
