/* The kernel's page allocator on memory of the host: where its metadata lies, which pages it has,
 * and what its panics say. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../../memory/frames.h"
#include "../../panic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define MIB ((size_t) 1 << 20)
#define UNIT ((size_t) 64 * 1024)
#define MEMORY (sizeof(void *) > 4 ? 256 * MIB : 64 * MIB)

static paddr_t base; /* of MEMORY bytes: a multiple of 1 GiB */

/* What frames_init wants beside the allocator's own tables. */
#define RANGES (MAP_RANGES * sizeof(struct page_range))

/* ---- panics ---- */

static jmp_buf after_panic;
static bool is_panic_expected;
static char message[256]; /* of the panic that there was */

_Noreturn void panic(const char *file, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (is_panic_expected)
        longjmp(after_panic, 1);
    fail_msg("panic at %s:%d: %s", file, line, message);
    abort();
}

/* `call` must panic, and say what begins so. */
#define EXPECT_PANIC(call, ...)                            \
    do {                                                   \
        char expected[256];                                \
        snprintf(expected, sizeof(expected), __VA_ARGS__); \
        is_panic_expected = true;                          \
        message[0] = '\0';                                 \
        if (setjmp(after_panic) == 0)                      \
            (void) (call);                                 \
        is_panic_expected = false;                         \
        message[strlen(expected)] = '\0';                  \
        assert_string_equal(message, expected);            \
    } while (0)

/* ---- maps ---- */

static struct memory_map map;

/* A map of two ranges, by their offsets; an empty one is none. */
static void set_map(size_t start, size_t end, size_t start2, size_t end2) {
    memset(&map, 0, sizeof(map));
    map_add(&map, base + start, base + end);
    map_add(&map, base + start2, base + end2);
}

/* What the metadata of the map takes. */
static size_t needed(const struct alloc_stage *stage) {
    paddr_t start = map.ranges[0].start, end = map.ranges[map.count - 1].end;
    return page_meta_size(stage, start, end - start) + RANGES;
}

static void expect_metadata(size_t start, size_t end) {
    assert_int_equal(frames_metadata().start, base + start);
    assert_int_equal(frames_metadata().end, base + end);
    assert_int_equal((uintptr_t) frames.meta, base + start);
}

/* ---- where the metadata lies ---- */

static void metadata_begins_at_a_multiple_of_64_kib_with_as_little_as_will_do(void **state) {
    (void) state;
    for (size_t end = 32 * MIB; end <= 32 * MIB + UNIT; end += PAGE_SIZE) {
        set_map(PAGE_SIZE, end, 0, 0);
        frames_init(&buddy_stage, &map);
        expect_metadata((end - needed(&buddy_stage)) / UNIT * UNIT, end);
    }
}

static void metadata_lies_in_the_highest_range_with_room(void **state) {
    (void) state;
    /* So much that in 32 bits, too, a page is no room for the metadata. */
    set_map(0, 61 * MIB, 62 * MIB, 62 * MIB + PAGE_SIZE);
    frames_init(&buddy_stage, &map);
    expect_metadata((61 * MIB - needed(&buddy_stage)) / UNIT * UNIT, 61 * MIB);
    set_map(0, 61 * MIB, 62 * MIB, 63 * MIB);
    frames_init(&buddy_stage, &map);
    expect_metadata((63 * MIB - needed(&buddy_stage)) / UNIT * UNIT, 63 * MIB);
    /* What a map held before is in it no more. */
    map_remove(&map, base + 62 * MIB, base + 63 * MIB);
    frames_init(&buddy_stage, &map);
    expect_metadata((61 * MIB - needed(&buddy_stage)) / UNIT * UNIT, 61 * MIB);
}

#if SIZE_MAX > UINT32_MAX
/* Pages of memory for which the stack's metadata is whole pages, and what is left is whole units.
 */
static void set_map_with_even_metadata(void) {
    for (size_t n = 1; n < MEMORY / PAGE_SIZE; n++) {
        set_map(0, n * PAGE_SIZE, 0, 0);
        size_t size = needed(&stack_stage);
        if (size % PAGE_SIZE == 0 && n * PAGE_SIZE > size && (n * PAGE_SIZE - size) % UNIT == 0)
            return;
    }
    fail_msg("there is no such number of pages");
}

static void not_a_byte_more_than_needed_is_kept_for_metadata(void **state) {
    (void) state;
    set_map_with_even_metadata();
    size_t end = map.ranges[0].end - base;
    frames_init(&stack_stage, &map);
    expect_metadata(end - needed(&stack_stage), end);
}

static void a_range_with_just_the_room_is_all_metadata_and_a_page_less_is_not_enough(void **state) {
    (void) state;
    set_map_with_even_metadata();
    /* A page lower it would begin below the range, if it began at a multiple of 64 KiB. */
    size_t end = map.ranges[0].end - base - PAGE_SIZE, size = needed(&stack_stage);
    set_map(0, PAGE_SIZE, end - size, end);
    assert_int_equal(needed(&stack_stage), size);
    frames_init(&stack_stage, &map);
    expect_metadata(end - size, end);
    set_map(0, PAGE_SIZE, end - size + PAGE_SIZE, end);
    EXPECT_PANIC((frames_init(&stack_stage, &map), 0),
                 "no room for %zu KiB of metadata in any of 2 ranges of usable memory",
                 size / 1024);
}

/* The size of the metadata is that of all that lies between, from a multiple of 1 GiB on. */
static void a_page_below_a_multiple_of_1_gib_takes_metadata_for_all_of_that_gib(void **state) {
    (void) state;
    /* Some ends of the memory would hide what is missing: the metadata's start is rounded down. */
    for (size_t end = 32 * MIB; end < 32 * MIB + UNIT; end += PAGE_SIZE) {
        memset(&map, 0, sizeof(map));
        map_add(&map, base - PAGE_SIZE, base + end);
        frames_init(&bitmap_stage, &map);
        frames_add(0, UINTPTR_MAX);
        assert_true(page_is_free(&frames, base - PAGE_SIZE));
        expect_metadata((end - needed(&bitmap_stage)) / UNIT * UNIT, end);
    }
}

/* These addresses are nobody's, and are never used. */
static void room_that_is_missing_is_told_in_kib(void **state) {
    (void) state;
    size_t far = (size_t) 1 << 40;
    memset(&map, 0, sizeof(map));
    map_add(&map, PAGE_SIZE, 2 * PAGE_SIZE);
    map_add(&map, far, far + PAGE_SIZE);
    EXPECT_PANIC((frames_init(&bitmap_stage, &map), 0),
                 "no room for %zu KiB of metadata in any of 2 ranges of usable memory",
                 needed(&bitmap_stage) / 1024);
}
#endif

/* ---- what cannot be managed ---- */

static void no_memory_and_less_than_a_page_are_panics(void **state) {
    (void) state;
    set_map(0, 0, 0, 0);
    EXPECT_PANIC((frames_init(&buddy_stage, &map), 0), "there is no usable memory");
    set_map(16, MIB, 0, 0);
    map.ranges[0].end = map.ranges[0].start + PAGE_SIZE;
    EXPECT_PANIC((frames_init(&bump_stage, &map), 0), "cannot manage %p to %p: ALLOC_INVALID",
                 (void *) map.ranges[0].start, (void *) map.ranges[0].end);
}

static void memory_that_the_stage_refuses_is_a_panic(void **state) {
    (void) state;
    set_map(0, 8 * MIB, 0, 0);
    frames_init(&bump_stage, &map);
    frames_add(base + MIB, base + 2 * MIB);
    alloc_pages(1);
    EXPECT_PANIC((frames_add(0, base + MIB), 0), "cannot add %p to %p: ALLOC_UNSUPPORTED",
                 (void *) base, (void *) (base + MIB));
}

/* ---- which pages there are ---- */

/* Of the pages from offset `start` to `end`, all are free, or none is. */
static void expect_free(size_t start, size_t end, bool is_free) {
    for (size_t at = start; at < end; at += PAGE_SIZE)
        assert_int_equal(page_is_free(&frames, base + at), is_free);
}

static void what_is_added_piece_by_piece_is_the_map_without_the_metadata(void **state) {
    (void) state;
    set_map(0, 4 * MIB, 5 * MIB, 12 * MIB);
    frames_init(&bitmap_stage, &map);
    size_t meta = frames_metadata().start - base;
    frames_add(base + MIB, base + 5 * MIB); /* up to the next range */
    expect_free(0, MIB, false);
    expect_free(MIB, 4 * MIB, true);
    expect_free(5 * MIB, 12 * MIB, false);
    frames_add(base + 4 * MIB, base + 6 * MIB);
    expect_free(MIB, 4 * MIB, true);
    expect_free(5 * MIB, 6 * MIB, true);
    assert_int_equal(page_total(&frames), 4 * MIB / PAGE_SIZE);
    for (size_t times = 0; times < 2; times++) {
        frames_add(0, UINTPTR_MAX);
        expect_free(0, 4 * MIB, true);
        expect_free(5 * MIB, meta, true);
        assert_int_equal(page_total(&frames), (4 * MIB + meta - 5 * MIB) / PAGE_SIZE);
    }
}

static void a_second_frames_init_forgets_what_there_was(void **state) {
    (void) state;
    set_map(0, 8 * MIB, 0, 0);
    frames_init(&bitmap_stage, &map);
    frames_add(0, UINTPTR_MAX);
    alloc_pages(100);
    frames_init(&bitmap_stage, &map);
    assert_int_equal(page_total(&frames), 0);
    frames_add(0, UINTPTR_MAX);
    expect_free(0, frames_metadata().start - base, true);
}

/* ---- pages ---- */

/* Three free pages, each byte of them 0xa5. */
static void begin_with_three_pages(const struct alloc_stage *stage) {
    set_map(0, 8 * MIB, 0, 0);
    frames_init(stage, &map);
    frames_add(base, base + 3 * PAGE_SIZE);
    memset((void *) base, 0xa5, 3 * PAGE_SIZE);
}

static void expect_bytes(size_t start, size_t end, unsigned char value) {
    for (size_t at = start; at < end; at++)
        assert_int_equal(((unsigned char *) base)[at], value);
}

static void pages_are_filled_with_zeroes_and_their_neighbours_left_alone(void **state) {
    (void) state;
    paddr_t frame;
    begin_with_three_pages(&bitmap_stage);
    assert_int_equal(alloc_pages(2), base);
    expect_bytes(0, 2 * PAGE_SIZE, 0);
    expect_bytes(2 * PAGE_SIZE, 3 * PAGE_SIZE, 0xa5);
    begin_with_three_pages(&bitmap_stage);
    assert_int_equal(frame_alloc(&frame), ALLOC_OK);
    assert_int_equal(frame, base);
    expect_bytes(0, PAGE_SIZE, 0);
    expect_bytes(PAGE_SIZE, 3 * PAGE_SIZE, 0xa5);
}

static void a_request_that_cannot_be_met_is_a_panic_that_says_why(void **state) {
    (void) state;
    begin_with_three_pages(&bitmap_stage);
    alloc_pages(1);
    EXPECT_PANIC(alloc_pages(3), "out of memory: 3 pages wanted, 2 free, called from 0x");
    EXPECT_PANIC(alloc_pages(0), "alloc_pages(0): ALLOC_INVALID, called from 0x");
    free_pages(base, 1);
    EXPECT_PANIC((free_pages(base, 1), 0), "free_pages(%p, 1): ALLOC_NOT_ALLOCATED, called from 0x",
                 (void *) base);
    assert_int_equal(page_available(&frames), 3);
}

static void where_no_frame_is_free_that_is_no_panic(void **state) {
    (void) state;
    paddr_t frame = 42;
    begin_with_three_pages(&bitmap_stage);
    alloc_pages(2);
    alloc_pages(1);
    assert_int_equal(frame_alloc(&frame), ALLOC_NO_MEMORY);
    assert_int_equal(frame, 42);
    frame_free(base + PAGE_SIZE);
    assert_int_equal(frame_alloc(&frame), ALLOC_OK);
    assert_int_equal(frame, base + PAGE_SIZE);
}

static void a_frame_that_is_free_already_is_a_panic_and_one_of_bump_is_lost(void **state) {
    (void) state;
    paddr_t frame;
    begin_with_three_pages(&bitmap_stage);
    EXPECT_PANIC((frame_free(base), 0), "frame %p: ALLOC_NOT_ALLOCATED", (void *) base);
    begin_with_three_pages(&bump_stage);
    assert_int_equal(frame_alloc(&frame), ALLOC_OK);
    frame_free(frame);
    assert_int_equal(page_used(&frames), 1);
}

/* The memory, and the page below it. */
static int map_memory(void **state) {
    (void) state;
    void *memory = mmap(NULL, MAX_ALIGN + MEMORY, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    base = ((paddr_t) memory / MAX_ALIGN + 1) * MAX_ALIGN;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_begins_at_a_multiple_of_64_kib_with_as_little_as_will_do),
        cmocka_unit_test(metadata_lies_in_the_highest_range_with_room),
#if SIZE_MAX > UINT32_MAX
        cmocka_unit_test(not_a_byte_more_than_needed_is_kept_for_metadata),
        cmocka_unit_test(a_range_with_just_the_room_is_all_metadata_and_a_page_less_is_not_enough),
        cmocka_unit_test(a_page_below_a_multiple_of_1_gib_takes_metadata_for_all_of_that_gib),
        cmocka_unit_test(room_that_is_missing_is_told_in_kib),
#endif
        cmocka_unit_test(no_memory_and_less_than_a_page_are_panics),
        cmocka_unit_test(memory_that_the_stage_refuses_is_a_panic),
        cmocka_unit_test(what_is_added_piece_by_piece_is_the_map_without_the_metadata),
        cmocka_unit_test(a_second_frames_init_forgets_what_there_was),
        cmocka_unit_test(pages_are_filled_with_zeroes_and_their_neighbours_left_alone),
        cmocka_unit_test(a_request_that_cannot_be_met_is_a_panic_that_says_why),
        cmocka_unit_test(where_no_frame_is_free_that_is_no_panic),
        cmocka_unit_test(a_frame_that_is_free_already_is_a_panic_and_one_of_bump_is_lost),
    };
    return cmocka_run_group_tests(tests, map_memory, NULL);
}
