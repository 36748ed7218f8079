/* The machine side: first instructions, console, shutdown, and what happens in which order. S-mode
 * on RISC-V under an SBI (Supervisor Binary Interface), as OpenSBI provides it. */
#include "kernel.h"
#include "machine.h"
#include "memory.h"
#include "riscv.h"

/* ---- SBI, console, shutdown ---- */

enum {
    SBI_LEGACY_PUTCHAR = 0x01,
    SBI_LEGACY_SHUTDOWN = 0x08,
    SBI_BASE = 0x10,
    SBI_BASE_PROBE_EXTENSION = 3,
    SBI_DEBUG_CONSOLE = 0x4442434e, /* "DBCN" */
    SBI_DEBUG_CONSOLE_WRITE_BYTE = 2,
    SBI_SYSTEM_RESET = 0x53525354, /* "SRST" */
};

struct sbi_result {
    long error;
    unsigned long value;
};

static struct sbi_result sbi_call(unsigned long extension, unsigned long function,
                                  unsigned long arg0, unsigned long arg1) {
    register unsigned long a0 __asm__("a0") = arg0;
    register unsigned long a1 __asm__("a1") = arg1;
    register unsigned long a6 __asm__("a6") = function;
    register unsigned long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(long) a0, a1};
}

/* Old firmware has only the legacy call, and new firmware may have dropped it. */
static bool has_debug_console;

static void console_init(void) {
    struct sbi_result probe = sbi_call(SBI_BASE, SBI_BASE_PROBE_EXTENSION, SBI_DEBUG_CONSOLE, 0);
    has_debug_console = probe.error == 0 && probe.value != 0;
}

void putchar(char c) {
    unsigned char byte = (unsigned char) c;
    if (has_debug_console)
        sbi_call(SBI_DEBUG_CONSOLE, SBI_DEBUG_CONSOLE_WRITE_BYTE, byte, 0);
    else
        sbi_call(SBI_LEGACY_PUTCHAR, 0, byte, 0);
}

/* QEMU's test device ends QEMU with an exit status. SBI's System Reset has a reason for failure,
 * but OpenSBI 1.1 ends QEMU with 0 all the same. */
enum {
    TEST_DEVICE_PASS = 0x5555,
    TEST_DEVICE_FAIL_1 = 0x13333, /* exit status 1 in the upper half */
};

static bool shutdown_ok;

/* Aligned, because it serves as a trap vector. */
_Noreturn __attribute__((aligned(4))) void shutdown_through_sbi(void) {
    sbi_call(SBI_SYSTEM_RESET, 0, 0, shutdown_ok ? 0 : 1);
    sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0);
    for (;;)
        __asm__ volatile("wfi");
}

/* The lowest word of the stack holds this until the stack grows over it. */
static const uintptr_t STACK_CANARY = 0x57ac0ca7;

static bool stack_overran(void) {
    if (*(volatile uintptr_t *) (void *) __stack_bottom == STACK_CANARY)
        return false;
    printf("stack overrun: the canary at %p is gone\n", (void *) __stack_bottom);
    return true;
}

_Noreturn void shutdown(bool ok) {
    bool overran = stack_overran();
    shutdown_ok = ok && !overran;
    /* Without a test device this store traps, and goes on there. */
    WRITE_CSR(stvec, shutdown_through_sbi);
    *(volatile uint32_t *) TEST_DEVICE = shutdown_ok ? TEST_DEVICE_PASS : TEST_DEVICE_FAIL_1;
    shutdown_through_sbi();
}

/* ---- from power-on ---- */

/* The build names the stage: -DALLOC=buddy_stage. */
static const struct alloc_stage *const stage = &ALLOC;

static struct machine machine;

/* A device tree has no reason to be longer. */
#ifndef FDT_LIMIT
#define FDT_LIMIT (1024 * 1024)
#endif

/* Firmware lies at the start of the memory that the kernel is in. Some does not say so in the
 * device tree: if nothing is reserved at that start, all of it up to the kernel is. */
static void reserve_silent_firmware(void) {
    paddr_t image = (paddr_t) __image;
    for (size_t i = 0; i < machine.memory.count; i++) {
        paddr_t start = machine.memory.ranges[i].start;
        for (size_t j = 0; j < machine.usable.count; j++) {
            struct memory_range usable = machine.usable.ranges[j];
            if (usable.start == start && start < image && image < usable.end) {
                map_add(&machine.reserved, start, image);
                map_remove(&machine.usable, start, image);
            }
        }
    }
}

/* What is memory, and what of it is nobody's. Without a device tree, what kernel.ld says. */
static void find_memory(const void *fdt) {
    enum fdt_error error = machine_read(&machine, fdt, FDT_LIMIT);
    if (error != FDT_OK) {
        printf("warning: the device tree cannot be used (%s): no memory but __free_ram\n",
               fdt_error_name(error));
        map_add(&machine.memory, (paddr_t) __image, (paddr_t) __free_ram_end);
        map_add(&machine.usable, (paddr_t) __image, (paddr_t) __free_ram_end);
    }
    reserve_silent_firmware();
    map_add(&machine.reserved, (paddr_t) __image, (paddr_t) __image_end);
    map_remove(&machine.usable, (paddr_t) __image, (paddr_t) __image_end);
}

static void print_map(const char *name, const struct memory_map *map) {
    for (size_t i = 0; i < map->count; i++) {
        struct memory_range range = map->ranges[i];
        printf("%-9s %p to %p, %zu KiB\n", name, (void *) range.start, (void *) range.end,
               (range.end - range.start) / 1024);
    }
}

/* The part of __free_ram that is usable, up to the first hole. */
static struct memory_range usable_free_ram(void) {
    paddr_t start = (paddr_t) __free_ram, end = (paddr_t) __free_ram_end;
    for (size_t i = 0; i < machine.usable.count; i++) {
        struct memory_range range = machine.usable.ranges[i];
        if (range.start <= start && start < range.end)
            return (struct memory_range){start, range.end < end ? range.end : end};
    }
    PANIC("there is no usable memory at __free_ram, %p", (void *) start);
}

__attribute__((used)) static _Noreturn void kernel_main(unsigned long hart, void *fdt) {
    trap_init();
    console_init();
    *(volatile uintptr_t *) (void *) __stack_bottom = STACK_CANARY;

    printf("freeram: rv%d, hart %lu, device tree at %p\n", __riscv_xlen, hart, fdt);
    find_memory(fdt);
    memory_init(stage, &machine.usable);
    memory_add(0, UINTPTR_MAX);

    print_map("memory", &machine.memory);
    print_map("reserved", &machine.reserved);
    printf("__free_ram %p to %p\n", (void *) __free_ram, (void *) __free_ram_end);
    printf("%s: %zu pages, %zu KiB of metadata at %p\n", alloc_stage_name(stage),
           page_total(&frames), (memory_metadata().end - memory_metadata().start) / 1024,
           (void *) memory_metadata().start);
    shutdown(program(stage, &machine, usable_free_ram()));
}

/* 0 until the first hart comes by. In .data, because .bss is cleared after that. */
__attribute__((used, section(".data"))) static uint32_t boot_lottery;

void boot(void); /* kernel.ld names it */

__attribute__((naked, used, section(".boot"))) void boot(void) {
    /* One hart boots, whichever comes first. The others wait for good, deaf to interrupts. */
    __asm__ volatile("csrw sie, zero\n"
                     "la t0, boot_lottery\n"
                     "li t1, 1\n"
                     "amoswap.w.aq t1, t1, (t0)\n"
                     "bnez t1, 2f\n"
                     "la sp, __stack_top\n"
                     "la t0, __bss\n"
                     "la t1, __bss_end\n"
                     "1: bgeu t0, t1, 3f\n" STORE "zero, (t0)\n"
                     "addi t0, t0, " REG_SIZE "\n"
                     "j 1b\n"
                     "3: j kernel_main\n"
                     "2: wfi\n"
                     "j 2b\n");
}
