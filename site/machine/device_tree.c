/* The device tree: how the machine tells firmware and kernel what there is. It is QEMU's, less what
 * this machine has not, and has the same names, so that nobody sees another machine.
 *
 *   header │ reserved ranges: none │ structure: nodes, properties │ strings: properties' names
 */
#include "machine.h"

enum token {
    BEGIN_NODE = 1,
    END_NODE,
    PROPERTY,
    END = 9,
};
static const uint32_t MAGIC = 0xd00dfeed;
enum {
    HEADER_SIZE = 40,
    RESERVED_SIZE = 16,
    VERSION = 17,
    OLDEST_VERSION = 16
};

/* QEMU's has about this size. Programs that reserve what it takes then see the same memory. */
enum {
    TREE_SIZE = 4224
};

static struct tree {
    uint8_t structure[2048], strings[512];
    uint32_t size, strings_size;
} tree;

/* ---- writing ---- */

static void put_cell(uint8_t *at, uint32_t cell) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t) (cell >> (24 - 8 * i));
}

static void add_cell(uint32_t cell) {
    put_cell(tree.structure + tree.size, cell);
    tree.size += 4;
}

static void add_bytes(const char *bytes, uint32_t size) {
    __builtin_memcpy(tree.structure + tree.size, bytes, size);
    tree.size = (tree.size + size + 3) & ~3U;
}

static uint32_t text_size(const char *text) {
    uint32_t size = 1;
    while (text[size - 1])
        size++;
    return size;
}

static void node(const char *name) {
    add_cell(BEGIN_NODE);
    add_bytes(name, text_size(name));
}

static void node_end(void) {
    add_cell(END_NODE);
}

static void property(const char *name, const void *bytes, uint32_t size) {
    uint32_t name_size = text_size(name);
    add_cell(PROPERTY);
    add_cell(size);
    add_cell(tree.strings_size);
    __builtin_memcpy(tree.strings + tree.strings_size, name, name_size);
    tree.strings_size += name_size;
    add_bytes(bytes, size);
}

static void text(const char *name, const char *value) {
    property(name, value, text_size(value));
}

static void cells(const char *name, const uint32_t *values, uint32_t n) {
    uint8_t bytes[32];
    for (uint32_t i = 0; i < n; i++)
        put_cell(bytes + 4 * (size_t) i, values[i]);
    property(name, bytes, 4 * n);
}

static void cell(const char *name, uint32_t value) {
    cells(name, &value, 1);
}

/* Where something lies, for parents whose addresses and sizes have two cells. */
static void reg(uint64_t base, uint64_t size) {
    cells("reg",
          (uint32_t[]){(uint32_t) (base >> 32), (uint32_t) base, (uint32_t) (size >> 32),
                       (uint32_t) size},
          4);
}

static void size_cells(uint32_t address, uint32_t size) {
    cell("#address-cells", address);
    cell("#size-cells", size);
}

/* ---- what there is ---- */

enum {
    PHANDLE_CPU = 1,
    PHANDLE_INTERRUPTS = 2,
    PHANDLE_TEST = 4
};

static void power_switch(const char *name, uint32_t value, const char *compatible) {
    node(name);
    cell("value", value);
    cell("offset", 0);
    cell("regmap", PHANDLE_TEST);
    text("compatible", compatible);
    node_end();
}

static void processors(void) {
    node("cpus");
    size_cells(1, 0);
    cell("timebase-frequency", 10000000);
    node("cpu@0");
    cell("phandle", PHANDLE_CPU);
    text("device_type", "cpu");
    cell("reg", 0);
    text("status", "okay");
    text("compatible", "riscv");
    text("riscv,isa", "rv64imac_zicsr_zifencei_zihintpause");
    text("mmu-type", "riscv,sv48");
    node("interrupt-controller");
    cell("#interrupt-cells", 1);
    property("interrupt-controller", NULL, 0);
    text("compatible", "riscv,cpu-intc");
    cell("phandle", PHANDLE_INTERRUPTS);
    node_end();
    node_end();
    node_end();
}

static void devices(void) {
    static const char test[] = "sifive,test1\0sifive,test0\0syscon";
    static const char clint[] = "sifive,clint0\0riscv,clint0";
    node("soc");
    size_cells(2, 2);
    text("compatible", "simple-bus");
    property("ranges", NULL, 0);
    node("serial@10000000");
    cell("clock-frequency", 3686400);
    reg(0x10000000, 0x100);
    text("compatible", "ns16550a");
    node_end();
    node("test@100000");
    cell("phandle", PHANDLE_TEST);
    reg(0x100000, 0x1000);
    property("compatible", test, sizeof test);
    node_end();
    node("clint@2000000");
    cells("interrupts-extended", (uint32_t[]){PHANDLE_INTERRUPTS, 3, PHANDLE_INTERRUPTS, 7}, 4);
    reg(0x2000000, 0x10000);
    property("compatible", clint, sizeof clint);
    node_end();
    node_end();
}

static void all(uint64_t ram_bytes) {
    node("");
    size_cells(2, 2);
    text("compatible", "riscv-virtio");
    text("model", "riscv-virtio,qemu");
    node("chosen");
    text("stdout-path", "/soc/serial@10000000");
    node_end();
    power_switch("poweroff", 0x5555, "syscon-poweroff");
    power_switch("reboot", 0x7777, "syscon-reboot");
    node("memory@80000000");
    text("device_type", "memory");
    reg(RAM_BASE, ram_bytes);
    node_end();
    processors();
    devices();
    node_end();
    add_cell(END);
}

size_t device_tree_write(uint8_t *at, uint64_t ram_bytes) {
    enum {
        STRUCTURE = HEADER_SIZE + RESERVED_SIZE
    };
    __builtin_memset(&tree, 0, sizeof tree);
    all(ram_bytes);
    const uint32_t header[] = {
        MAGIC,   TREE_SIZE,      STRUCTURE, STRUCTURE + tree.size, HEADER_SIZE,
        VERSION, OLDEST_VERSION, 0,         tree.strings_size,     tree.size};
    __builtin_memset(at, 0, TREE_SIZE);
    for (size_t i = 0; i < sizeof header / sizeof *header; i++)
        put_cell(at + 4 * i, header[i]);
    __builtin_memcpy(at + STRUCTURE, tree.structure, tree.size);
    __builtin_memcpy(at + STRUCTURE + tree.size, tree.strings, tree.strings_size);
    return TREE_SIZE;
}
