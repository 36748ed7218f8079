/* Any bytes as calls of the kernel's printf. A conversion that both know must print what the C
 * library prints; any other format must be read no further than it goes. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The kernel's names, see kernel_flags in tests/Makefile. */
void kernel_printf(const char *format, ...);
void kernel_putchar(char c);
_Noreturn void shutdown(bool ok);

static char printed[16384];
static size_t length;

void kernel_putchar(char c) {
    if (length == sizeof(printed))
        abort();
    printed[length++] = c;
}

_Noreturn void shutdown(bool ok) {
    (void) ok;
    abort();
}

struct input {
    const uint8_t *at, *end;
};

static uint64_t next(struct input *in, size_t bytes) {
    uint64_t number = 0;
    for (; bytes > 0 && in->at < in->end; bytes--)
        number = number << 8 | *in->at++;
    return number;
}

static void expect_same(const char *format, int expected_length, const char *expected) {
    if (expected_length >= 0 && (size_t) expected_length == length &&
        memcmp(printed, expected, length) == 0)
        return;
    fprintf(stderr, "\"%s\" is \"%.*s\", expected \"%s\"\n", format, (int) length, printed,
            expected);
    abort();
}

#define COMPARE(value)                                                                            \
    do {                                                                                          \
        char expected[1200];                                                                      \
        length = 0;                                                                               \
        kernel_printf(format, value, text);                                                       \
        expect_same(format, snprintf(expected, sizeof(expected), format, value, text), expected); \
    } while (0)

/* One conversion with all that may be before it, between other text. */
static void compare_conversion(struct input *in) {
    static const char *const flags[] = {"", "-", "0", "-0", "0-", "--"};
    static const char *const sizes[] = {"", "l", "ll", "z"};
    char format[64], text[9] = {0};
    size_t choice = next(in, 1), size = next(in, 1) % 4, width = next(in, 1);
    uint64_t value = next(in, 8) >> next(in, 1) % 64;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char) next(in, 1);
    char conversion = "duxcsp%"[choice % 7];
    bool is_number = choice % 7 < 3;
    /* Of 0 with text the C standard says nothing. */
    const char *flag = flags[is_number ? choice / 7 % 6 : choice / 7 % 2];
    char digits[4] = "";
    if (width > 0)
        snprintf(digits, sizeof(digits), "%d", (int) width);
    snprintf(format, sizeof(format), "<%%%s%s%s%c|%%s>", conversion == '%' ? "" : flag,
             conversion == '%' ? "" : digits, is_number ? sizes[size] : "", conversion);
    if (conversion == '%') {
        char expected[64];
        length = 0;
        kernel_printf(format, text);
        expect_same(format, snprintf(expected, sizeof(expected), format, text), expected);
    } else if (conversion == 's') {
        COMPARE(text);
    } else if (conversion == 'p') {
        COMPARE((void *) (uintptr_t) (value | 1)); /* null has many forms */
    } else if (conversion == 'c' || size == 0) {
        COMPARE((int) value);
    } else {
        COMPARE((long long) value); /* as wide as a long and a size_t here */
    }
}

/* Any format, in a block of its size, with enough that may be read as a string. */
static void read_format(const uint8_t *bytes, size_t size) {
    char *format = malloc(size + 1);
    const char *text = "text";
    size_t digits = 0;
    if (format == NULL)
        abort();
    for (size_t i = 0; i < size; i++) {
        format[i] = (char) bytes[i];
        digits = format[i] >= '0' && format[i] <= '9' ? digits + 1 : 0;
        if (digits > 2)
            format[i] = '.'; /* a wide field is slow, and nothing else */
    }
    format[size] = '\0';
    length = 0;
    kernel_printf(format, text, text, text, text, text, text, text, text, text, text, text, text,
                  text, text, text, text, text, text, text, text, text, text, text, text, text,
                  text, text, text, text, text, text, text, text, text, text, text, text, text,
                  text, text, text, text, text, text, text, text, text, text, text, text, text,
                  text, text, text, text, text, text, text, text, text, text, text, text, text);
    free(format);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_format(bytes, size < 64 ? size : 64);
    for (struct input in = {bytes, bytes + size}; in.at < in.end;)
        compare_conversion(&in);
    return 0;
}
