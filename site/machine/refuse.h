/* What QEMU's machine has and this one has not: it stops, and says what was asked for. */
#pragma once

#include "machine.h"

/* Stops the machine. Always false: the instruction cannot be done. */
bool refuse(const char *what, uint64_t number);

/* Stops if QEMU has a device at paddr, or a register with that number which a program of S or U
   mode would find. Firmware asks for registers that may not be there, and expects a trap. False. */
bool refuse_device(uint64_t paddr);
bool refuse_csr(uint32_t number);

/* The instruction at hart.pc is illegal: stops if QEMU knows it, or raises a trap. False. */
bool raise_illegal(void);

/* For tests beside a QEMU whose extensions are off: nothing is refused, it traps. */
extern bool traps_instead;
extern uint64_t trapped_instead; /* how often */
