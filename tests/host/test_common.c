/* The kernel's printf and string functions on the host. The build renames them, kernel_printf for
 * printf and so on, and here they lose their macros again, so that the C library's stand beside
 * them. */
#include "../../common.h"
#include "../../sbi.h"
#undef printf
#undef vprintf
#undef putchar
#undef memset
#undef memcpy
#undef memmove
#undef memcmp
#undef strlen

#include <limits.h>
#include <setjmp.h> /* cmocka needs it */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- the console: a buffer ---- */

static char console[80 * 1024];
static size_t console_length;

void kernel_putchar(char c) {
    assert_true(console_length < sizeof(console) - 1);
    console[console_length++] = c;
    console[console_length] = '\0';
}

/* Both printfs without the compiler's check of formats: some of them are wrong on purpose. */
static void (*const print)(const char *format, ...) = kernel_printf;
static int (*const print_as_c)(char *to, size_t size, const char *format, ...) = snprintf;

/* What the next function finds on the stack is rubbish, and no zeroes. */
static void leave_rubbish(void) {
    volatile char rubbish[2048];
    for (size_t i = 0; i < sizeof(rubbish); i++)
        rubbish[i] = '#';
}

static void clear_console(void) {
    leave_rubbish();
    console_length = 0;
    console[0] = '\0';
}

/* Print with the kernel's printf: is it `expected`? */
#define assert_prints(expected, ...)            \
    do {                                        \
        clear_console();                        \
        print(__VA_ARGS__);                     \
        assert_string_equal(console, expected); \
    } while (0)

/* Is it what the C library prints? */
#define assert_prints_as_c(...)                               \
    do {                                                      \
        char by_c[1024];                                      \
        print_as_c(by_c, sizeof(by_c), __VA_ARGS__);          \
        assert_prints(by_c, __VA_ARGS__);                     \
        assert_int_equal(console_length, (int) strlen(by_c)); \
    } while (0)

/* ---- printf ---- */

static void text_is_printed_as_it_stands(void **state) {
    (void) state;
    assert_prints("", "");
    assert_prints("a text\nof two lines", "a text\nof two lines");
    assert_prints("100 % and %%d", "100 %% and %%%%d");
}

static const int INTS[] = {0, 1, -1, 9, 10, -10, 12345, INT_MAX, INT_MIN, INT_MIN + 1};
static const long LONGS[] = {0, 1, -1, LONG_MAX, LONG_MIN, LONG_MIN + 1, LONG_MAX / 5};

/* %d, %u, %x and %c with each pair of flags and width that C defines. */
static void ints_are_printed_as_by_the_c_library(void **state) {
    (void) state;
    static const char *const formats[] = {"%d",    "%1d",   "%5d",  "%05d", "%-5d",  "%20d",
                                          "%020d", "%-20d", "%u",   "%5u",  "%05u",  "%-5u",
                                          "%020u", "%x",    "%1x",  "%8x",  "%08x",  "%-8x",
                                          "%020x", "<%d>",  "%d%%", "%9d",  "%-29x", "%039u"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        for (size_t j = 0; j < sizeof(INTS) / sizeof(INTS[0]); j++)
            assert_prints_as_c(formats[i], INTS[j]);
}

static void longs_are_printed_as_by_the_c_library(void **state) {
    (void) state;
    static const char *const formats[] = {"%ld",   "%lu",    "%lx",    "%25ld",  "%025ld", "%-25ld",
                                          "%25lu", "%025lx", "%-25lx", "%zu",    "%zx",    "%zd",
                                          "%25zu", "%025zx", "%-25zu", "<%-3lx>"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        for (size_t j = 0; j < sizeof(LONGS) / sizeof(LONGS[0]); j++)
            assert_prints_as_c(formats[i], LONGS[j]);
}

static void long_longs_are_printed_as_by_the_c_library(void **state) {
    (void) state;
    static const char *const formats[] = {"%lld", "%llu", "%llx", "%25lld", "%025llx", "%-25llu"};
    static const long long values[] = {0,         -1,        65535,         65536,
                                       LLONG_MAX, LLONG_MIN, LLONG_MIN + 1, 1234567890123456789};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
            assert_prints_as_c(formats[i], values[j]);
}

static void what_follows_a_long_long_is_printed_right(void **state) {
    (void) state;
    assert_prints("5|6|<x>7", "%lld|%llx|<%c>%zu", 5LL, 6ULL, 'x', (size_t) 7);
}

static void an_int_does_not_take_the_upper_half_of_a_long(void **state) {
    (void) state;
    assert_prints("ffffffff 4294967295 -1", "%x %u %d", -1, -1, -1);
    assert_prints("80000000 2147483648 -2147483648", "%x %u %d", INT_MIN, INT_MIN, INT_MIN);
    assert_prints("ffffffff", "%x", 0x1ffffffffLL);
    assert_prints("4294967295", "%u", 0x1ffffffffLL);
    assert_prints("-1", "%d", 0x1ffffffffLL);
}

static void strings_are_printed_as_by_the_c_library(void **state) {
    (void) state;
    static const char *const strings[] = {"", "a", "four", "a longer text with 100 %s in it\n"};
    static const char *const formats[] = {"%s", "%1s", "%10s", "%-10s", "<%s>", "<%-1s>", "%100s"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        for (size_t j = 0; j < sizeof(strings) / sizeof(strings[0]); j++)
            assert_prints_as_c(formats[i], strings[j]);
}

static void texts_are_not_padded_with_zeroes(void **state) {
    (void) state;
    assert_prints("   ab", "%05s", "ab");
    assert_prints("  x", "%03c", 'x');
}

static void texts_and_widths_of_more_than_64_kib_are_printed_whole(void **state) {
    (void) state;
    enum {
        LENGTH = 70000
    };
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    assert_int_equal(kernel_strlen(text), LENGTH);

    clear_console();
    print("%70003s", text);
    assert_int_equal(console_length, LENGTH + 3);
    assert_memory_equal(console, "   x", 4);
    free(text);

    clear_console();
    print("<%70000d>", 7);
    assert_int_equal(console_length, LENGTH + 2);
    assert_string_equal(console + LENGTH - 1, " 7>");

    clear_console();
    print("%70000c", '7');
    assert_int_equal(console_length, LENGTH);
}

static void characters_are_printed_as_by_the_c_library(void **state) {
    (void) state;
    for (int c = 1; c < 256; c++) {
        assert_prints_as_c("%c", c);
        assert_prints_as_c("<%3c%-3c>", c, c);
    }
}

static void no_string_is_printed_as_null(void **state) {
    (void) state;
    const char *volatile none = NULL; /* volatile, or the compiler sees it and warns */
    assert_prints("(null)", "%s", none);
    assert_prints("  (null)<(null)  >", "%8s<%-8s>", none, none);
}

static void pointers_are_printed_in_hexadecimal(void **state) {
    (void) state;
    int here;
    assert_prints_as_c("%p %30p %-30p", (void *) &here, (void *) &here, (void *) &here);
    assert_prints("0x0", "%p", NULL);
    assert_prints("0x80200000  0x80200000", "%p%12p", (void *) 0x80200000, (void *) 0x80200000);
    assert_prints_as_c("%p", (void *) UINTPTR_MAX);
    assert_prints("0x0000000000001000", "%018p", (void *) 0x1000); /* zeroes behind 0x */
}

static void arguments_are_taken_in_order(void **state) {
    (void) state;
    assert_prints_as_c("%d %ld %s %c %x %zu %lu %%", 1, 2L, "three", '4', 5, (size_t) 6, 7UL);
    assert_prints_as_c("%lx%x%lx%x", ULONG_MAX / 3, 2, ULONG_MAX / 5, 4);
}

static void the_left_flag_overrides_zeroes(void **state) {
    (void) state;
    assert_prints_as_c("<%-05d><%0-5d><%-08x>", -42, -42, 42);
}

static void what_is_unknown_is_printed_as_written(void **state) {
    (void) state;
    assert_prints("%q", "%q", 1);
    assert_prints("%i%o%f", "%i%o%f", 1);
    assert_prints("%-08q and 7", "%-08q and %d", 7);
    assert_prints("%.3d", "%.3d", 1);
    assert_prints("%+d", "%+d", 1);
    assert_prints("%lq%zq", "%lq%zq", 1);
    assert_prints("%zld", "%zld", 1L);
    assert_prints("%\n", "%\n", 1);
}

static void a_format_may_end_within_a_conversion(void **state) {
    (void) state;
    static const char *const formats[] = {"%", "100 %", "%5", "%-05", "%l", "%z", "%08l", "%d%"};
    for (size_t i = 0; i < 7; i++)
        assert_prints(formats[i], formats[i], 1);
    assert_prints("1%", formats[7], 1);
}

/* ---- memory and strings ---- */

enum {
    BLOCK = 96
};

struct block {
    _Alignas(16) unsigned char bytes[BLOCK];
};

static struct block counted(unsigned char from) {
    struct block block;
    for (size_t i = 0; i < BLOCK; i++)
        block.bytes[i] = (unsigned char) (from + i);
    return block;
}

static void memset_sets_each_byte_of_a_block_and_no_other(void **state) {
    (void) state;
    static const int values[] = {0, 1, 0x5a, 0x80, 0xff, 0x1a5, -1, 0x12345678};
    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        for (size_t from = 0; from < 17; from++) {
            for (size_t size = 0; size <= 64; size++) {
                struct block block = counted(7), expected = block;
                memset(expected.bytes + from, values[v], size);
                assert_ptr_equal(kernel_memset(block.bytes + from, values[v], size),
                                 block.bytes + from);
                assert_memory_equal(block.bytes, expected.bytes, BLOCK);
            }
        }
    }
}

static void memset_sets_a_page(void **state) {
    (void) state;
    unsigned char *page = malloc(PAGE_SIZE);
    assert_non_null(page);
    kernel_memset(page, 0xa5, PAGE_SIZE);
    for (size_t i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(page[i], 0xa5);
    free(page);
}

static void memcpy_copies_each_byte_of_a_block_and_no_other(void **state) {
    (void) state;
    for (size_t from = 0; from < 9; from++) {
        for (size_t to = 0; to < 9; to++) {
            for (size_t size = 0; size <= 64; size++) {
                struct block source = counted(100), block = counted(7), expected = block;
                memcpy(expected.bytes + to, source.bytes + from, size);
                assert_ptr_equal(kernel_memcpy(block.bytes + to, source.bytes + from, size),
                                 block.bytes + to);
                assert_memory_equal(block.bytes, expected.bytes, BLOCK);
            }
        }
    }
}

static void memmove_copies_blocks_that_overlap_in_either_direction(void **state) {
    (void) state;
    for (size_t from = 0; from < 33; from++) {
        for (size_t to = 0; to < 33; to++) {
            for (size_t size = 0; size <= 63; size++) {
                struct block block = counted(7), expected = block;
                memmove(expected.bytes + to, expected.bytes + from, size);
                assert_ptr_equal(kernel_memmove(block.bytes + to, block.bytes + from, size),
                                 block.bytes + to);
                assert_memory_equal(block.bytes, expected.bytes, BLOCK);
            }
        }
    }
}

static void memmove_copies_long_blocks_that_overlap_in_either_direction(void **state) {
    (void) state;
    static const size_t offsets[] = {0, 1, 8, 33, 100};
    enum {
        COUNT = sizeof(offsets) / sizeof(offsets[0])
    };
    for (size_t size = 64; size <= 400; size += 7) {
        for (size_t pair = 0; pair < COUNT * COUNT; pair++) {
            size_t from = offsets[pair / COUNT], to = offsets[pair % COUNT];
            unsigned char bytes[512], expected[512];
            for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = expected[i] = (unsigned char) (i * 7 + i / 256);
            memmove(expected + to, expected + from, size);
            assert_ptr_equal(kernel_memmove(bytes + to, bytes + from, size), bytes + to);
            assert_memory_equal(bytes, expected, sizeof(bytes));
        }
    }
}

static int sign(int number) {
    return (number > 0) - (number < 0);
}

static void memcmp_compares_bytes_without_a_sign(void **state) {
    (void) state;
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
    for (size_t size = 0; size < 20; size++) {
        for (size_t at = 0; at < 20; at++) {
            for (size_t v = 0; v < 25; v++) {
                struct block a = counted(7), b = a;
                a.bytes[at] = values[v % 5];
                b.bytes[at] = values[v / 5];
                assert_int_equal(sign(kernel_memcmp(a.bytes, b.bytes, size)),
                                 sign(memcmp(a.bytes, b.bytes, size)));
            }
        }
    }
}

static void strlen_counts_to_the_first_zero(void **state) {
    (void) state;
    assert_int_equal(kernel_strlen(""), 0);
    assert_int_equal(kernel_strlen("a"), 1);
    assert_int_equal(kernel_strlen("two\nlines"), 9);
    assert_int_equal(kernel_strlen("\x80\xff"), 2);
    assert_int_equal(kernel_strlen("abc\0def"), 3);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_printed_as_it_stands),
        cmocka_unit_test(ints_are_printed_as_by_the_c_library),
        cmocka_unit_test(longs_are_printed_as_by_the_c_library),
        cmocka_unit_test(long_longs_are_printed_as_by_the_c_library),
        cmocka_unit_test(what_follows_a_long_long_is_printed_right),
        cmocka_unit_test(an_int_does_not_take_the_upper_half_of_a_long),
        cmocka_unit_test(strings_are_printed_as_by_the_c_library),
        cmocka_unit_test(texts_are_not_padded_with_zeroes),
        cmocka_unit_test(texts_and_widths_of_more_than_64_kib_are_printed_whole),
        cmocka_unit_test(characters_are_printed_as_by_the_c_library),
        cmocka_unit_test(no_string_is_printed_as_null),
        cmocka_unit_test(pointers_are_printed_in_hexadecimal),
        cmocka_unit_test(arguments_are_taken_in_order),
        cmocka_unit_test(the_left_flag_overrides_zeroes),
        cmocka_unit_test(what_is_unknown_is_printed_as_written),
        cmocka_unit_test(a_format_may_end_within_a_conversion),
        cmocka_unit_test(memset_sets_each_byte_of_a_block_and_no_other),
        cmocka_unit_test(memset_sets_a_page),
        cmocka_unit_test(memcpy_copies_each_byte_of_a_block_and_no_other),
        cmocka_unit_test(memmove_copies_blocks_that_overlap_in_either_direction),
        cmocka_unit_test(memmove_copies_long_blocks_that_overlap_in_either_direction),
        cmocka_unit_test(memcmp_compares_bytes_without_a_sign),
        cmocka_unit_test(strlen_counts_to_the_first_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
