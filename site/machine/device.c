/* The devices. Each register is where QEMU has it, reads as QEMU's does after reset and after the
 * writes that firmware and kernels do, and refuses the sizes that QEMU's refuses. There is no
 * interrupt controller for devices: the UART is polled. */
#include "device.h"

#include "refuse.h"

uint8_t rom[ROM_SIZE];

/* ---- UART: an ns16550a ---- */

enum {
    UART_BASE = 0x10000000,
    UART_SIZE = 0x100
};
enum {
    UART_DATA = 0, /* or the divisor's low byte, while LCR has its highest bit set */
    UART_IER,      /* or its high byte */
    UART_FCR,      /* IIR when read */
    UART_LCR,
    UART_MCR,
    UART_LSR,
    UART_MSR,
    UART_SCRATCH,
};
enum {
    FCR_ENABLE = 1,
    FCR_CLEAR_INPUT = 2,
    LCR_DIVISOR = 0x80,
    MCR_LOOP = 0x10
};

uint8_t uart_output[4096];
uint32_t uart_output_size;

static struct {
    uint8_t registers[8]; /* as they were written */
    uint8_t divisor[2];
    uint8_t input[256];
    uint8_t first, next; /* of what is in `input`; they run around */
} uart;

bool uart_input(uint8_t byte) {
    if ((uint8_t) (uart.next + 1) == uart.first)
        return false;
    uart.input[uart.next++] = byte;
    return true;
}

/* Whoever runs the machine takes it before there is no room. */
static void uart_send(uint8_t byte) {
    if (uart_output_size < sizeof uart_output)
        uart_output[uart_output_size++] = byte;
    hart.is_called |= uart_output_size == sizeof uart_output;
}

static bool is_divisor(uint64_t reg) {
    return reg <= UART_IER && uart.registers[UART_LCR] & LCR_DIVISOR;
}

static uint8_t uart_read(uint64_t reg) {
    bool has_input = uart.first != uart.next;
    if (is_divisor(reg))
        return uart.divisor[reg];
    switch (reg) {
    case UART_DATA: return has_input ? uart.input[uart.first++] : 0;
    case UART_FCR: return uart.registers[reg] & FCR_ENABLE ? 0xc1 : 1; /* nothing is pending */
    case UART_LSR: return has_input ? 0x61 : 0x60;                     /* all has been sent */
    case UART_MSR: return 0xb0;                                        /* somebody listens */
    default: return uart.registers[reg];
    }
}

static void uart_write(uint64_t reg, uint8_t byte) {
    static const uint8_t writable[8] = {0, 0x0f, 0xc9, 0xff, 0x1f, 0, 0, 0xff};
    uint8_t old = uart.registers[reg];
    if (is_divisor(reg)) {
        uart.divisor[reg] = byte;
        return;
    }
    if (reg == UART_DATA)
        uart_send(byte);
    if (reg == UART_IER && byte & writable[reg])
        refuse("an interrupt of the UART, asked for", UART_BASE + UART_IER);
    if (reg == UART_FCR && (byte & FCR_CLEAR_INPUT || (byte ^ old) & FCR_ENABLE))
        uart.first = uart.next;
    if (reg == UART_MCR && byte & MCR_LOOP)
        refuse("the UART's loop-back, asked for", UART_BASE + UART_MCR);
    uart.registers[reg] = byte & writable[reg];
}

/* ---- CLINT: time, alarm, IPI ---- */

enum {
    CLINT_BASE = 0x2000000,
    CLINT_ALARM = 0x4000,
    CLINT_TIME = 0xbff8,
    CLINT_SIZE = 0xc000
};

static bool software;
static uint64_t alarm_time, time_offset;

uint64_t clint_time(void) {
    return hart.steps / STEPS_PER_TICK + time_offset;
}

bool clint_software(void) {
    return software;
}

uint64_t clint_alarm(void) {
    uint64_t ticks = alarm_time - time_offset;
    bool is_past = alarm_time < time_offset;
    if (is_past)
        return 0;
    return ticks > UINT64_MAX / STEPS_PER_TICK ? UINT64_MAX : ticks * STEPS_PER_TICK;
}

/* Accesses of the IPI's part are of 4 bytes, of the rest 4 or 8. */
static bool clint_takes(uint64_t offset, unsigned size) {
    return size == 4 || (size == 8 && offset >= CLINT_ALARM);
}

/* Bytes 0 to 3 or 4 to 7 of a register at `base`, or all. */
static uint64_t part(uint64_t reg, uint64_t offset, unsigned size) {
    return size == 8 ? reg : (uint32_t) (offset & 4 ? reg >> 32 : reg);
}

static uint64_t with_part(uint64_t reg, uint64_t offset, unsigned size, uint64_t value) {
    if (size == 8)
        return value;
    unsigned shift = offset & 4 ? 32 : 0;
    return (reg & ~(0xffffffffULL << shift)) | (uint64_t) (uint32_t) value << shift;
}

static uint64_t clint_read(uint64_t offset, unsigned size) {
    if (offset == 0)
        return software;
    if (offset - CLINT_ALARM < 8)
        return part(alarm_time, offset, size);
    if (offset - CLINT_TIME < 8)
        return part(clint_time(), offset, size);
    return 0; /* of other harts */
}

static void clint_write(uint64_t offset, unsigned size, uint64_t value) {
    if (offset == 0)
        software = value & 1;
    else if (offset - CLINT_ALARM < 8)
        alarm_time = with_part(alarm_time, offset, size, value);
    else if (offset - CLINT_TIME < 8)
        time_offset += with_part(clint_time(), offset, size, value) - clint_time();
    hart.is_called = true;
}

/* ---- test device: the end ---- */

enum {
    TEST_BASE = 0x100000,
    TEST_SIZE = 0x1000
};
enum {
    TEST_FAIL = 0x3333,
    TEST_PASS = 0x5555,
    TEST_RESET = 0x7777
};

static void test_write(uint64_t offset, uint32_t value) {
    uint32_t what = value & 0xffff;
    if (offset != 0)
        return;
    if (what == TEST_PASS || what == TEST_FAIL) {
        hart.stop = POWER_OFF;
        hart.exit_code = what == TEST_FAIL ? value >> 16 : 0;
    } else if (what == TEST_RESET) {
        hart.stop = RESET;
    }
    hart.is_called = true;
}

/* ---- which is where ---- */

static bool is_in(uint64_t paddr, uint64_t base, uint64_t size) {
    return paddr - base < size;
}

void device_reset(void) {
    __builtin_memset(&uart, 0, sizeof uart);
    uart.divisor[0] = 12; /* 9600 baud */
    uart.registers[UART_MCR] = 8;
    uart_output_size = 0;
    software = false;
    alarm_time = 0;
    time_offset = 0;
}

bool device_load(uint64_t paddr, unsigned size, uint64_t *value) {
    *value = 0;
    if (paddr & (size - 1))
        return refuse_device(paddr);
    if (is_in(paddr, UART_BASE, UART_SIZE))
        *value = uart_read(paddr & 7);
    else if (is_in(paddr, CLINT_BASE, CLINT_SIZE) && clint_takes(paddr - CLINT_BASE, size))
        *value = clint_read(paddr - CLINT_BASE, size);
    else if (!is_in(paddr, TEST_BASE, TEST_SIZE) || size < 2 || size > 4)
        return refuse_device(paddr);
    return true;
}

bool device_store(uint64_t paddr, unsigned size, uint64_t value) {
    if (paddr & (size - 1))
        return refuse_device(paddr);
    if (is_in(paddr, UART_BASE, UART_SIZE))
        uart_write(paddr & 7, (uint8_t) value);
    else if (is_in(paddr, CLINT_BASE, CLINT_SIZE) && clint_takes(paddr - CLINT_BASE, size))
        clint_write(paddr - CLINT_BASE, size, value);
    else if (is_in(paddr, TEST_BASE, TEST_SIZE) && size >= 2 && size <= 4)
        test_write(paddr - TEST_BASE, (uint32_t) value);
    else
        return refuse_device(paddr);
    return true;
}
