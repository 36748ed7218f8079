/* A machine like QEMU's "virt": one RISC-V hart, its memory, a console. It is compiled to
 * WebAssembly for a page, and for the host, where its tests compare it with QEMU.
 *
 *     firmware   kernel.elf
 *         │          │
 *         ▼          ▼
 *   boot.c  device_tree.c ── puts them, and what the firmware wants to know, into
 *                                                   │
 *   ┌──────────── run.c ────────────┐               ▼
 *   │ one instruction after another │  mmu.c  ┌───────────┐
 *   │                               │ ──────▶ │    RAM    │ 0x80000000
 *   │  x0 … x31    pc    privilege  │  pmp.c  ├───────────┤
 *   │                               │         │   UART    │ 0x10000000  bytes out and in
 *   └───┬───────────┬───────────┬───┘         │   CLINT   │  0x2000000  time, and an alarm
 *       ▼           ▼           ▼             │ test      │   0x100000  the end of the machine
 *   decode.c      csr.c       trap.c          │ reset ROM │     0x1000  the first instructions
 *   what bytes    the other   where it        └───────────┘
 *   mean, once    registers   goes instead       device.c
 *
 * It is an rv64imac_zicsr_zifencei with M, S and U mode, Sv39, Sv48 and Sv57. What it has not, and
 * QEMU has, it refuses by name (refuse.c), and stops. Its time is made of steps, so that each run
 * is like the other: a step is a nanosecond. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum privilege {
    USER = 0,
    SUPERVISOR = 1,
    MACHINE = 3,
};

enum {
    STEPS_PER_TICK = 100, /* CLINT's time is in units of 100 ns */
    MACHINE_PAGE = 4096,
};

/* For functions that the loop calls now and then: as parts of the loop they would take registers
   from what it does all the time. */
#define SELDOM __attribute__((noinline))

/* ---- the hart ---- */

enum stop {
    RUNNING,
    WAITING,   /* wfi, and no alarm is set: only input could go on */
    POWER_OFF, /* the test device was told so; `exit_code` is for the caller */
    RESET,
    REFUSED, /* `refusal` says what */
};

struct hart {
    uint64_t x[33]; /* x[32] takes what is written to x0 */
    uint64_t pc;
    enum privilege privilege;
    bool waiting; /* for an interrupt, after wfi */

    uint64_t mstatus, mtvec, mscratch, mepc, mcause, mtval, medeleg, mideleg, mie, mcounteren,
        mcountinhibit, menvcfg;
    uint64_t stvec, sscratch, sepc, scause, stval, scounteren, satp, senvcfg;
    uint64_t mip; /* see mip_update */
    uint64_t cycle_offset, instret_offset;
    uint8_t pmpcfg[16];
    uint64_t pmpaddr[16];

    /* Of lr: where it was, and what was there. */
    uint64_t reserved_at, reserved_value;

    uint64_t steps; /* done, those that ended in a trap included */
    bool is_called; /* something has happened that the loop has to look at */

    /* Why the instruction cannot be done, until the trap is taken. */
    uint64_t cause, trap_value;

    enum stop stop;
    uint32_t exit_code;
    char refusal[160];
};

extern struct hart hart;

/* Where no lr has been. */
static const uint64_t NO_RESERVATION = ~0ULL;

/* Does `steps` of them, or fewer: when the machine stops, or uart_output is full. */
enum stop machine_run(uint64_t steps);

/* ---- memory ---- */

static const uint64_t RAM_BASE = 0x80000000;
extern uint8_t *ram;
extern uint64_t ram_size;

/* ---- starting it ---- */

/* The machine as it is when power comes, with RAM of `size` bytes, all 0. Then the firmware and the
   kernel are loaded, and boot_finish puts the rest there. What fails returns why, in words. */
void boot_begin(uint8_t *memory, uint64_t size);
const char *boot_firmware(const uint8_t *bytes, size_t size);
const char *boot_kernel(const uint8_t *elf, size_t size);
const char *boot_device_tree(const uint8_t *bytes, size_t size);
void boot_finish(void);

/* Writes the device tree for `ram_bytes` of RAM, returns its size. */
enum {
    DEVICE_TREE_ROOM = 8192
};
size_t device_tree_write(uint8_t *at, uint64_t ram_bytes);
