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
    UART_DATA = 0, /* or the divisor, while LCR has its highest bit set */
    UART_IER,
    UART_FCR, /* IIR when read */
    UART_LCR,
    UART_MCR,
    UART_LSR,
    UART_MSR,
    UART_SCRATCH,
};
enum {
    IER_INPUT = 1,
    IER_SENT = 2
};
enum {
    LCR_DIVISOR = 0x80,
    FCR_ENABLE = 1,
    FCR_CLEAR_INPUT = 2,
    FCR_CLEAR_OUTPUT = 4,
    MCR_LOOP = 0x10
};

uint8_t uart_output[4096];
uint32_t uart_output_size;

static struct {
    uint8_t ier, fcr, lcr, mcr, scratch;
    bool tells_sent; /* that a byte has been sent, until IIR is read */
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

/* Which interrupt would be pending, were somebody there to be interrupted. */
static uint8_t uart_iir(void) {
    uint8_t fifo = uart.fcr & FCR_ENABLE ? 0xc0 : 0;
    if (uart.ier & IER_INPUT && uart.first != uart.next)
        return fifo | 4;
    bool is_sent = uart.ier & IER_SENT && uart.tells_sent;
    uart.tells_sent &= !is_sent;
    return fifo | (is_sent ? 2 : 1);
}

static uint8_t uart_read(uint64_t reg) {
    bool is_divisor = uart.lcr & LCR_DIVISOR;
    switch (reg) {
    case UART_DATA:
        if (is_divisor)
            return uart.divisor[0];
        return uart.first == uart.next ? 0 : uart.input[uart.first++];
    case UART_IER:
        return is_divisor ? uart.divisor[1] : uart.ier;
    case UART_FCR:
        return uart_iir();
    case UART_LCR:
        return uart.lcr;
    case UART_MCR:
        return uart.mcr;
    case UART_LSR:
        return 0x60 | (uart.first != uart.next); /* sent all, and whether there is input */
    case UART_MSR:
        return 0xb0; /* somebody listens */
    default:
        return uart.scratch;
    }
}

static void uart_send(uint8_t byte) {
    if (uart_output_size < sizeof uart_output)
        uart_output[uart_output_size++] = byte;
    /* Whoever runs the machine takes it before there is no room. */
    hart.is_called |= uart_output_size == sizeof uart_output;
    uart.tells_sent = true;
}

static void uart_write(uint64_t reg, uint8_t byte) {
    bool is_divisor = uart.lcr & LCR_DIVISOR;
    switch (reg) {
    case UART_DATA:
        if (is_divisor)
            uart.divisor[0] = byte;
        else
            uart_send(byte);
        break;
    case UART_IER:
        if (is_divisor) {
            uart.divisor[1] = byte;
        } else {
            /* Nothing is ever on its way: whoever begins to ask hears that all is sent. */
            if ((byte ^ uart.ier) & IER_SENT)
                uart.tells_sent = byte & IER_SENT;
            uart.ier = byte & 0x0f;
        }
        break;
    case UART_FCR:
        if ((byte ^ uart.fcr) & FCR_ENABLE)
            byte |= FCR_CLEAR_INPUT | FCR_CLEAR_OUTPUT;
        if (byte & FCR_CLEAR_INPUT)
            uart.first = uart.next;
        if (byte & FCR_CLEAR_OUTPUT)
            uart.tells_sent = true;
        uart.fcr = byte & 0xc9;
        break;
    case UART_LCR:
        uart.lcr = byte;
        break;
    case UART_MCR:
        if (byte & MCR_LOOP)
            refuse("the UART's loop-back, asked for", UART_BASE + UART_MCR);
        uart.mcr = byte & 0x1f;
        break;
    case UART_SCRATCH:
        uart.scratch = byte;
        break;
    default: /* LSR and MSR cannot be written */
        break;
    }
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
    return (reg & ~(0xffffffffull << shift)) | (uint64_t) (uint32_t) value << shift;
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
    uart.mcr = 8;
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
