/* The first instructions, and what happens in which order; S-mode, as OpenSBI leaves it. */
#include "kernel.h"

#include "common.h"
#include "harts.h"
#include "image.h"
#include "memory/frames.h"
#include "panic.h"
#include "riscv.h"
#include "sbi.h"
#include "start.h"
#include "trap.h"

/* ---- the first instructions ---- */

/* 0 until the first hart comes by. In .data, because .bss is cleared after that. */
__attribute__((used, section(".data"))) static uint32_t boot_lottery;

void boot(void); /* kernel.ld names it */

__attribute__((naked, used, section(".boot"))) void boot(void) {
    /* One hart boots, whichever comes first. The others wait for good, deaf to interrupts. */
    __asm__ volatile("    csrw  sie, zero         # nobody handles interrupts: let none come\n"
                     "    la    t0, boot_lottery\n"
                     "    li    t1, 1\n"
                     "    amoswap.w.aq t1, t1, (t0)  # one hart alone finds the 0\n"
                     "    bnez  t1, 2f\n"
                     "    la    sp, __stack_top   # C needs a stack,\n"
                     "    la    t0, __bss         # and variables that begin as 0\n"
                     "    la    t1, __bss_end\n"
                     "1:  bgeu  t0, t1, 3f\n"
                     "    " STORE "zero, (t0)\n"
                     "    addi  t0, t0, " REG_SIZE "\n"
                     "    j     1b\n"
                     "3:  tail  kernel_main       # with a0 and a1 as the firmware set them\n"
#if HARTS > 1
                     "2:  call  hart_astray       # comes back if nobody has asked for it\n"
#endif
                     "2:  wfi                     # may end for no reason, hence the loop\n"
                     "    j     2b\n");
}

/* ---- what happens in which order ---- */

/* The build names the stage: -DALLOC=buddy_stage. */
static const struct alloc_stage *const stage = &ALLOC;

static struct machine machine;

__attribute__((used)) static _Noreturn void kernel_main(unsigned long hart, void *fdt) {
    const struct memory_range image = {(paddr_t) __image, (paddr_t) __image_end};
    const struct memory_range ram = {(paddr_t) __free_ram, (paddr_t) __free_ram_end};
    harts_init(hart);
    trap_init();
    canary_init();
    console_init();

    printf("freeram: rv%d, hart %lu, device tree at %p\n", __riscv_xlen, hart, fdt);
    machine_find(&machine, fdt, image, ram);
    map_print("memory", &machine.memory);
    map_print("reserved", &machine.reserved);
    frames_leave_out_far(stage, &machine.usable, ram.start);
    frames_init(stage, &machine.usable);
    frames_add(0, UINTPTR_MAX);

    printf("__free_ram %p to %p\n", (void *) ram.start, (void *) ram.end);
    printf("%s: %zu pages, %zu KiB of metadata at %p\n", alloc_stage_name(stage),
           page_total(&frames), (frames_metadata().end - frames_metadata().start) / 1024,
           (void *) frames_metadata().start);
    struct memory_range free_ram = map_from(&machine.usable, ram);
    if (free_ram.start == free_ram.end)
        PANIC("there is no usable memory at __free_ram, %p", (void *) ram.start);
    harts_start(&machine, fdt);
    shutdown(program(stage, &machine, free_ram));
}
