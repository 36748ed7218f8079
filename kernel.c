/* The machine side: the first instructions, and what happens in which order. S-mode on RISC-V, as
 * OpenSBI leaves it. */
#include "kernel.h"
#include "machine.h"
#include "memory.h"
#include "riscv.h"

/* ---- the first instructions ---- */

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

/* ---- memory ---- */

static struct machine machine;

/* A device tree has no reason to be longer. */
#ifndef FDT_LIMIT
#define FDT_LIMIT ((size_t) 1024 * 1024)
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

/* ---- what happens in which order ---- */

/* The build names the stage: -DALLOC=buddy_stage. */
static const struct alloc_stage *const stage = &ALLOC;

__attribute__((used)) static _Noreturn void kernel_main(unsigned long hart, void *fdt) {
    trap_init();
    console_init();

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
