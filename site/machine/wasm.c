/* What a page sees of the machine: functions, and where in the WebAssembly's memory things are.
 * machine.mjs calls them. Sizes have 32 bits, which are Numbers in JavaScript, and not BigInts. */
#include "device.h"
#include "machine.h"

/* Nothing else calls them, so they need no declaration. */
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#define EXPORT(name) __attribute__((export_name(#name)))

enum {
    WASM_PAGE = 65536
};

/* Room for `bytes` more, which is never given back. 0: there is none. */
EXPORT(grow) uint8_t *grow(uint32_t bytes) {
    size_t old = __builtin_wasm_memory_grow(0, (bytes + WASM_PAGE - 1) / WASM_PAGE);
    return old == SIZE_MAX ? NULL : (uint8_t *) (old * WASM_PAGE);
}

EXPORT(begin) void begin(uint8_t *memory, uint32_t size) {
    boot_begin(memory, size);
}

EXPORT(firmware) const char *firmware(const uint8_t *bytes, uint32_t size) {
    return boot_firmware(bytes, size);
}

EXPORT(kernel) const char *kernel(const uint8_t *elf, uint32_t size) {
    return boot_kernel(elf, size);
}

EXPORT(finish) void finish(void) {
    boot_finish();
}

EXPORT(step) enum stop step(uint32_t steps) {
    return machine_run(steps);
}

EXPORT(hart_at) struct hart *hart_at(void) {
    return &hart;
}

EXPORT(steps) uint64_t steps(void) {
    return hart.steps;
}

EXPORT(exit_code) uint32_t exit_code(void) {
    return hart.exit_code;
}

EXPORT(refusal) const char *refusal(void) {
    return hart.refusal;
}

EXPORT(output) uint8_t *output(void) {
    return uart_output;
}

/* How many bytes are there; they are taken with it. */
EXPORT(output_take) uint32_t output_take(void) {
    uint32_t size = uart_output_size;
    uart_output_size = 0;
    return size;
}

EXPORT(input) bool input(uint8_t byte) {
    return uart_input(byte);
}
