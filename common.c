/* String functions and printf: small, complete for what this kernel prints, and no more. */
#include "common.h"

#include <limits.h>
#include <stdarg.h>

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
    if ((uintptr_t) to <= (uintptr_t) from)
        return memcpy(to, from, size);
    while (size-- > 0)
        t[size] = f[size];
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

static void print_number(struct layout layout, const char *prefix, unsigned long value,
                         unsigned base) {
    char digits[sizeof(value) * CHAR_BIT / 3 + 2]; /* a digit of base 8 holds three bits */
    char *at = digits + sizeof(digits) - 1;
    *at = '\0';
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
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

static void print_signed(struct layout layout, long value) {
    /* Negate as unsigned: -LONG_MIN does not fit a long. */
    unsigned long magnitude = value < 0 ? 0 - (unsigned long) value : (unsigned long) value;
    print_number(layout, value < 0 ? "-" : "", magnitude, 10);
}

static void print_string(struct layout layout, const char *s) {
    layout.zeroes = false;
    print_field(layout, "", s ? s : "(null)");
}

static void vprintf(const char *format, va_list args) {
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            putchar(*format);
            continue;
        }
        const char *start = format;
        struct layout layout;
        format = read_layout(format + 1, &layout);
        bool is_long = *format == 'l' || *format == 'z'; /* a size_t is as wide as a long here */
        if (is_long)
            format++;

        switch (*format) {
        case 'd':
            print_signed(layout, is_long ? va_arg(args, long) : va_arg(args, int));
            break;
        case 'u':
        case 'x': {
            unsigned long value = is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned);
            print_number(layout, "", value, *format == 'u' ? 10 : 16);
            break;
        }
        case 'p':
            print_number(layout, "0x", (unsigned long) (uintptr_t) va_arg(args, void *), 16);
            break;
        case 'c':
            print_string(layout, (char[]){(char) va_arg(args, int), '\0'});
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
    vprintf(format, args);
    va_end(args);
}

void panic(const char *file, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("PANIC: %s:%d: ", file, line);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    shutdown(false);
}
