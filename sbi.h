/* What the kernel asks of the firmware. */
#pragma once

#include <stdbool.h>

/* Find out how this firmware prints. Until then, and without a word from it, it is the old way. */
void console_init(void);

/* Write one character to the console. */
void putchar(char c);

/* End the machine by System Reset, or as old firmware does. `ok` is for the firmware to tell, and
 * OpenSBI 1.1 tells nobody. */
_Noreturn void sbi_shutdown(bool ok);
