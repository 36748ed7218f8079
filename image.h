/* The addresses that kernel.ld exports. Only their addresses mean anything: there is nothing to
 * read behind the names. All are multiples of PAGE_SIZE. */
#pragma once

extern char __image[], __image_end[], __stack_bottom[], __stack_top[], __text[], __rodata[],
    __data[], __free_ram[], __free_ram_end[];
