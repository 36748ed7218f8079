/* String functions and printf: small, complete for what this kernel prints, and no more. */
#include "common.h"

#include <limits.h>

#include "sbi.h"

void *memset(void *to, int byte, size_t size) {
    unsigned char *at = to, *end = at + size;

    /* Pages are cleared often: whole words where the block begins and ends on one. */
    if (((uintptr_t) to | size) % sizeof(unsigned long) == 0) {
        unsigned long word = ULONG_MAX / UCHAR_MAX * (unsigned char) byte;
        for (; at < end; at += sizeof(word))
            *(unsigned long *) (void *) at = word;
    }
    while (at < end)
        *at++ = (unsigned char) byte;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    unsigned char *t = to;
    const unsigned char *f = from;
    for (size_t i = 0; i < size; i++)
        t[i] = f[i];
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    unsigned char *t = to;
    const unsigned char *f = from;
    /* In the direction in which nothing is overwritten before it is read. */
    if ((uintptr_t) to <= (uintptr_t) from) {
        for (size_t i = 0; i < size; i++)
            t[i] = f[i];
    } else {
        while (size-- > 0)
            t[size] = f[size];
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

size_t strlen(const char *s) {
    size_t length = 0;
    while (s[length] != '\0')
        length++;
    return length;
}

/* How one conversion is to look. */
struct layout {
    size_t width;
    bool left;   /* pad on the right */
    bool zeroes; /* pad numbers with 0 behind sign and 0x */
};

static void repeat(char c, size_t count) {
    while (count-- > 0)
        putchar(c);
}

/* Print prefix and text as one field. */
static void print_field(struct layout layout, const char *prefix, const char *text) {
    size_t length = strlen(prefix) + strlen(text);
    size_t padding = length < layout.width ? layout.width - length : 0;
    if (!layout.left && !layout.zeroes)
        repeat(' ', padding);
    while (*prefix != '\0')
        putchar(*prefix++);
    if (!layout.left && layout.zeroes)
        repeat('0', padding);
    while (*text != '\0')
        putchar(*text++);
    if (layout.left)
        repeat(' ', padding);
}

/* Divide *value by a base up to 16, and return the rest. 16 bits at a time, because rv32 has no
 * division of 64 bits, and the compiler would call a library that the kernel does not have. */
static unsigned divide(unsigned long long *value, unsigned base) {
    unsigned long long quotient = 0;
    unsigned rest = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        unsigned part = rest << 16 | (unsigned) (*value >> shift & 0xffff);
        quotient = quotient << 16 | part / base;
        rest = part % base;
    }
    *value = quotient;
    return rest;
}

static void print_number(struct layout layout, const char *prefix, unsigned long long value,
                         unsigned base) {
    char digits[sizeof(value) * CHAR_BIT / 3 + 2]; /* a digit of base 8 holds three bits */
    char *at = digits + sizeof(digits) - 1;
    *at = '\0';
    do {
        *--at = "0123456789abcdef"[divide(&value, base)];
    } while (value > 0);
    print_field(layout, prefix, at);
}

/* Flags and width before a conversion. Returns what follows them. */
static const char *read_layout(const char *format, struct layout *layout) {
    *layout = (struct layout){0, false, false};
    for (;; format++) {
        if (*format == '-')
            layout->left = true;
        else if (*format == '0')
            layout->zeroes = true;
        else
            break;
    }
    for (; *format >= '0' && *format <= '9'; format++)
        layout->width = layout->width * 10 + (size_t) (*format - '0');
    return format;
}

enum size {
    INT,
    LONG, /* of a size_t, too */
    LONG_LONG,
};

/* The length before a conversion: z, l, ll or nothing. Returns what follows it. */
static const char *read_size(const char *format, enum size *size) {
    *size = INT;
    if (*format != 'z' && *format != 'l')
        return format;
    *size = LONG;
    if (format[0] != 'l' || format[1] != 'l')
        return format + 1;
    *size = LONG_LONG;
    return format + 2;
}

static void print_signed(struct layout layout, long long value) {
    /* Negate as unsigned: -LLONG_MIN does not fit a long long. */
    unsigned long long magnitude = (unsigned long long) value;
    if (value < 0)
        magnitude = 0 - magnitude;
    print_number(layout, value < 0 ? "-" : "", magnitude, 10);
}

static void print_string(struct layout layout, const char *s) {
    layout.zeroes = false;
    print_field(layout, "", s ? s : "(null)");
}

/* Not as a string: the character may be 0. */
static void print_char(struct layout layout, char c) {
    size_t padding = layout.width > 1 ? layout.width - 1 : 0;
    if (!layout.left)
        repeat(' ', padding);
    putchar(c);
    if (layout.left)
        repeat(' ', padding);
}

void vprintf(const char *format, va_list args) {
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            putchar(*format);
            continue;
        }
        const char *start = format;
        struct layout layout;
        format = read_layout(format + 1, &layout);
        enum size size;
        format = read_size(format, &size);

        switch (*format) {
        case 'd':
            print_signed(layout, size == LONG_LONG ? va_arg(args, long long)
                                 : size == LONG    ? va_arg(args, long)
                                                   : va_arg(args, int));
            break;
        case 'u':
        case 'x':
            print_number(layout, "",
                         size == LONG_LONG ? va_arg(args, unsigned long long)
                         : size == LONG    ? va_arg(args, unsigned long)
                                           : va_arg(args, unsigned),
                         *format == 'u' ? 10 : 16);
            break;
        case 'p':
            print_number(layout, "0x", (unsigned long) (uintptr_t) va_arg(args, void *), 16);
            break;
        case 'c':
            print_char(layout, (char) va_arg(args, int));
            break;
        case 's':
            print_string(layout, va_arg(args, const char *));
            break;
        case '%':
            putchar('%');
            break;
        default:
            /* Not ours: print the conversion itself, so that it is seen. */
            while (start < format)
                putchar(*start++);
            if (*format == '\0')
                return;
            putchar(*format);
        }
    }
}

void printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    console_take();
    vprintf(format, args);
    console_give();
    va_end(args);
}
