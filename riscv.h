/* What C cannot say of RISC-V: control and status registers (CSRs), and in inline assembly what
 * differs between rv32 and rv64. */
#pragma once

#include <stdint.h>

#if __riscv_xlen == 64
#define LOAD "ld "
#define STORE "sd "
#define REG_SIZE "8"
#else
#define LOAD "lw "
#define STORE "sw "
#define REG_SIZE "4"
#endif

#define READ_CSR(name)                                     \
    __extension__({                                        \
        uintptr_t value;                                   \
        __asm__ volatile("csrr %0, " #name : "=r"(value)); \
        value;                                             \
    })
#define WRITE_CSR(name, value) __asm__ volatile("csrw " #name ", %0" ::"r"(value) : "memory")

/* Until interrupts are on again none comes, and those that would have come are pending. */
static inline void interrupts_off(void) {
    __asm__ volatile("csrc sstatus, 2" ::: "memory"); /* its bit SIE */
}

static inline void interrupts_on(void) {
    __asm__ volatile("csrs sstatus, 2" ::: "memory");
}
