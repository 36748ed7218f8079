/* What lies beside RAM in the physical addresses: the console, the clock, the power switch. */
#pragma once

#include "machine.h"

/* The first instructions, and what they hand to the firmware; boot.c fills it. */
enum {
    ROM_BASE = 0x1000,
    ROM_SIZE = 0xf000
};
extern uint8_t rom[ROM_SIZE];

/* Begins as after power-on. */
void device_reset(void);

/* False where no device takes such an access: the caller knows which trap it is. */
bool device_load(uint64_t paddr, unsigned size, uint64_t *value);
bool device_store(uint64_t paddr, unsigned size, uint64_t value);

/* The CLINT's clock, and its two lines to the hart: the IPI, and the step at which the alarm goes
 * off. */
uint64_t clint_time(void);
bool clint_software(void);
uint64_t clint_alarm(void);

/* The console's other side. Taking empties it; a byte that finds no room is dropped, false. */
extern uint8_t uart_output[4096];
extern uint32_t uart_output_size;
bool uart_input(uint8_t byte);
