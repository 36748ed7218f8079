/* Maps of memory, against one byte a page; and what the kernel makes of whole device trees. */
#define _POSIX_C_SOURCE 200809L
#include "../../memory/frames.h"
#include "../../memory/machine.h"
#include "../../panic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    PAGES = 300, /* of the oracle: enough for more ranges than a map has room for */
    ROUNDS = 20000,
};

static struct memory_map map;
static bool oracle[PAGES];

static paddr_t page(size_t n) {
    return n * PAGE_SIZE;
}

static void expect_map_is_oracle(void) {
    size_t at = 0, count = 0;
    for (size_t first = 0; first < PAGES; first++) {
        if (!oracle[first] || (first > 0 && oracle[first - 1]))
            continue;
        size_t end = first;
        while (end < PAGES && oracle[end])
            end++;
        assert_true(at < map.count);
        assert_int_equal(map.ranges[at].start, page(first));
        assert_int_equal(map.ranges[at].end, page(end));
        at++;
        count += end - first;
    }
    assert_int_equal(map.count, at);
    assert_int_equal(map_size(&map), page(count));
}

/* The same, and so many pages were left out. */
static void expect_left_out(size_t pages) {
    expect_map_is_oracle();
    assert_int_equal(map.left_out, page(pages));
}

static void begin(void) {
    memset(&map, 0, sizeof(map));
    memset(oracle, 0, sizeof(oracle));
}

static void random_changes_match_one_byte_a_page(void **state) {
    (void) state;
    begin();
    srand(1);
    for (int i = 0; i < ROUNDS; i++) {
        size_t first = (size_t) rand() % PAGES;
        size_t end = first + (size_t) rand() % (PAGES - first + 1) % 20;
        bool add = rand() % 2;
        if (add)
            map_add(&map, page(first), page(end));
        else
            map_remove(&map, page(first), page(end));
        for (size_t n = first; n < end; n++)
            oracle[n] = add;
        expect_left_out(0);
    }
}

/* Every other page: as many ranges as there is room for. */
static void fill_every_other(void) {
    begin();
    for (size_t i = 0; i < MAP_RANGES; i++) {
        map_add(&map, page(2 * i), page(2 * i + 1));
        oracle[2 * i] = true;
    }
}

static void a_full_map_leaves_out_one_more_range_that_is_as_small_as_others(void **state) {
    (void) state;
    fill_every_other();
    map_add(&map, page(290), page(291));
    expect_left_out(1);
}

static void a_full_map_leaves_out_its_smallest_range_for_a_larger_one(void **state) {
    (void) state;
    fill_every_other();
    map_add(&map, page(290), page(292));
    memset(oracle + 290, true, 2);
    oracle[2 * (MAP_RANGES - 1)] = false; /* of those that are as small, the highest */
    expect_left_out(1);
    map_add(&map, page(280), page(285));
    memset(oracle + 280, true, 5);
    oracle[2 * (MAP_RANGES - 2)] = false;
    expect_left_out(2);
}

static void a_full_map_takes_a_range_that_touches_another(void **state) {
    (void) state;
    fill_every_other();
    map_add(&map, page(1), page(2));
    oracle[1] = true;
    expect_left_out(0);
}

/* Every other page, and then three more at the end. */
static void fill_and_widen(void) {
    fill_every_other();
    map_add(&map, page(254), page(260));
    memset(oracle + 254, true, 6);
    expect_left_out(0);
}

static void a_hole_in_a_full_map_costs_the_smaller_piece_and_is_never_claimed(void **state) {
    (void) state;
    fill_and_widen();
    map_remove(&map, page(255), page(256)); /* one page below it, four above */
    oracle[255] = oracle[254] = false;
    expect_left_out(1);

    fill_and_widen();
    map_remove(&map, page(258), page(259)); /* four pages below it, one above */
    oracle[258] = oracle[259] = false;
    expect_left_out(1);
}

static void a_hole_in_a_full_map_costs_no_piece_where_another_range_is_smaller(void **state) {
    (void) state;
    fill_and_widen();
    map_remove(&map, page(256), page(257));
    oracle[256] = oracle[252] = false;
    expect_left_out(1);
}

static void a_wide_hole_in_a_full_map_costs_nothing_but_itself(void **state) {
    (void) state;
    fill_and_widen();
    map_remove(&map, page(101), page(255));
    memset(oracle + 101, false, 255 - 101);
    expect_left_out(0);
}

/* Whatever is done to a full map: what is in it was added, and what was taken out is not. */
static void a_full_map_never_claims_what_it_should_not(void **state) {
    (void) state;
    begin();
    srand(2);
    for (int i = 0; i < ROUNDS; i++) {
        bool add = rand() % 8 > 0;
        size_t first = (size_t) rand() % (PAGES / 2) * 2; /* as many ranges as can be */
        size_t end = first + (add ? 1 : (size_t) rand() % 4);
        end = end < PAGES ? end : PAGES;
        if (add)
            map_add(&map, page(first), page(end));
        else
            map_remove(&map, page(first), page(end));
        for (size_t n = first; n < end; n++)
            oracle[n] = add;
        for (size_t at = 0; at < map.count; at++) {
            assert_true(map.ranges[at].start < map.ranges[at].end);
            assert_true(at == 0 || map.ranges[at - 1].end < map.ranges[at].start);
            for (size_t n = map.ranges[at].start / PAGE_SIZE; page(n) < map.ranges[at].end; n++)
                assert_true(oracle[n]);
        }
    }
    assert_true(map.left_out > 0);
}

static void an_empty_range_changes_nothing(void **state) {
    (void) state;
    begin();
    map_add(&map, page(5), page(5));
    assert_int_equal(map.count, 0);
    map_add(&map, page(2), page(8));
    map_remove(&map, page(5), page(5));
    assert_int_equal(map.count, 1);
}

/* In a full map one range of a page, at any place, is forgotten for a larger one. */
static void the_smallest_range_is_found_wherever_it_is(void **state) {
    (void) state;
    static const size_t places[] = {0, 1, MAP_RANGES / 2, MAP_RANGES - 1};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        begin();
        for (size_t n = 0; n < MAP_RANGES; n++)
            map_add(&map, page(3 * n), page(3 * n + (n == places[i] ? 1 : 2)));
        map_add(&map, page(3 * MAP_RANGES), page(3 * MAP_RANGES + 2));
        assert_int_equal(map.count, MAP_RANGES);
        assert_int_equal(map.left_out, page(1));
        assert_int_equal(map_size(&map), page(2 * MAP_RANGES));
    }
}

static void a_range_of_64_kib_or_more_counts_as_large(void **state) {
    (void) state;
    begin();
    for (size_t n = 0; n < MAP_RANGES; n++)
        map_add(&map, page(20 * n), page(20 * n + 17));
    map_add(&map, page(20 * MAP_RANGES), page(20 * MAP_RANGES + 2));
    assert_int_equal(map.left_out, page(2));
}

static void expect_from(size_t first, size_t end, size_t end_in_map) {
    struct memory_range range = map_from(&map, (struct memory_range){page(first), page(end)});
    assert_int_equal(range.start, page(first));
    assert_int_equal(range.end, page(end_in_map));
}

static void what_a_map_has_from_an_address_on_ends_at_the_first_hole(void **state) {
    (void) state;
    begin();
    map_add(&map, page(2), page(6));
    map_add(&map, page(8), page(9));
    map_add(&map, page(20), page(30));
    map_remove(&map, page(20), page(30)); /* the map has forgotten it, its array has not */
    expect_from(2, 6, 6);
    expect_from(2, 7, 6);
    expect_from(3, 5, 5);
    expect_from(3, 9, 6);
    expect_from(8, 9, 9);
    expect_from(0, 9, 0);
    expect_from(6, 9, 6);
    expect_from(7, 9, 7);
    expect_from(20, 30, 20);
}

/* ---- what is printed ---- */

static char printed[16 * 1024];
static FILE *real_stdout;

/* From here on, and until it ends, what is printed goes to `printed`. */
static void begin_to_catch(void) {
    memset(printed, 0, sizeof(printed));
    real_stdout = stdout;
    stdout = fmemopen(printed, sizeof(printed), "w");
    assert_non_null(stdout);
}

static void end_to_catch(void) {
    fclose(stdout);
    stdout = real_stdout;
}

static void a_map_prints_a_line_for_each_range_and_one_for_what_is_left_out(void **state) {
    (void) state;
    begin();
    map_add(&map, page(1), page(1281));
    map_add(&map, page(2000), page(2001));
    map_add(&map, page(3000), page(3001));
    map_remove(&map, page(3000), page(3001));
    begin_to_catch();
    map_print("memory", &map);
    end_to_catch();
    assert_string_equal(printed, "memory    0x1000 to 0x501000, 5120 KiB\n"
                                 "memory    0x7d0000 to 0x7d1000, 4 KiB\n");

    begin();
    for (size_t n = 0; n <= MAP_RANGES; n++)
        map_add(&map, page(2000 * n), page(2000 * n + 1280));
    begin_to_catch();
    map_print("reserved", &map);
    end_to_catch();
    const char *last = strstr(printed, "reserved  and");
    assert_non_null(last);
    assert_string_equal(last, "reserved  and 5120 KiB that are left out: a map has room for 128 "
                              "ranges\n");
}

/* ---- device trees ---- */

/* A tree that dtc made from tests/host/trees, or QEMU; aligned as the kernel finds it. */
static void *load(const char *name, size_t *size) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.dtb", TREES, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing: tests/Makefile makes it", path);
    static _Alignas(PAGE_SIZE) unsigned char tree[(1 << 20) + PAGE_SIZE];
    *size = fread(tree, 1, sizeof(tree), file);
    fclose(file);
    return tree;
}

/* Let a tree say that it is so long; what is behind its blocks is nothing. */
static void set_size(unsigned char *tree, size_t size) {
    for (size_t i = 0; i < 4; i++)
        tree[4 + i] = (unsigned char) (size >> (24 - 8 * i));
}

/* These ranges, and no others but, if `except` says so, the one that begins there. */
static void expect_ranges(const struct memory_map *of, size_t count,
                          const struct memory_range *expected, paddr_t except) {
    size_t at = 0;
    for (size_t i = 0; i < of->count; i++) {
        if (of->ranges[i].start == except)
            continue;
        assert_true(at < count);
        assert_int_equal(of->ranges[i].start, expected[at].start);
        assert_int_equal(of->ranges[i].end, expected[at].end);
        at++;
    }
    assert_int_equal(at, count);
}

static void memory_of_two_nodes_that_touch_is_one_range(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    void *tree = load("qemu_numa", &size);
    assert_int_equal(machine_read(&machine, tree, size), FDT_OK);
    assert_int_equal(machine.memory.count, 1);
    assert_int_equal(machine.memory.ranges[0].start, 0x80000000);
    assert_int_equal(map_size(&machine.memory), (size_t) 384 << 20);
    assert_int_equal(machine.harts, 4);
    assert_int_equal(machine.timebase, 10000000);
}

static void a_broken_tree_gives_an_error_and_an_empty_machine(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    unsigned char *tree = load("qemu", &size);
    assert_int_equal(machine_read(&machine, tree, 64), FDT_TRUNCATED);
    assert_int_equal(machine.memory.count + machine.usable.count + machine.harts, 0);
    tree[0] = 0;
    assert_int_equal(machine_read(&machine, tree, size), FDT_BAD_MAGIC);
    assert_int_equal(machine.memory.count + machine.usable.count + machine.harts, 0);
}

static void usable_memory_is_whole_pages_without_the_holes(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    void *tree = load("off_page", &size);
    assert_int_equal(machine_read(&machine, tree, size), FDT_OK);
    /* 0x3ffff800 to 0x40003800 in the tree: the outer halves of two pages are missing. */
    assert_int_equal(machine.memory.count, 2);
    assert_int_equal(machine.memory.ranges[0].start, 0x40000000);
    assert_int_equal(machine.memory.ranges[0].end, 0x40003000);
    /* 0x40001c00 to 0x40001e00 is reserved: all of its page is. */
    assert_int_equal(machine.usable.count, 3);
    assert_int_equal(machine.usable.ranges[0].end, 0x40001000);
    assert_int_equal(machine.usable.ranges[1].start, 0x40002000);
    assert_int_equal(machine.usable.ranges[2].start, 0xbffff000);
    assert_int_equal(machine.usable.ranges[2].end, 0xc0001000);
}

static bool is_in(const struct memory_map *in, paddr_t start, paddr_t end) {
    struct memory_range range = map_from(in, (struct memory_range){start, end});
    return range.start < range.end && range.end == end;
}

/* No part of it. */
static bool is_out(const struct memory_map *of, paddr_t start, paddr_t end) {
    for (size_t at = 0; at < of->count; at++)
        if (of->ranges[at].start < end && start < of->ranges[at].end)
            return false;
    return true;
}

#define RANGES(...)                                                             \
    sizeof((struct memory_range[]){__VA_ARGS__}) / sizeof(struct memory_range), \
        (const struct memory_range[]) {                                         \
        __VA_ARGS__                                                             \
    }

/* Where addresses have 32 bits, what lies above is left out. */
static void a_byte_more_or_less_decides_about_a_page_and_the_last_page_is_never_one(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    unsigned char *tree = load("edges", &size);
    set_size(tree, PAGE_SIZE);
    assert_int_equal(machine_read(&machine, tree, PAGE_SIZE), FDT_OK);
    assert_int_equal(machine.timebase, 1000);
    paddr_t at = (paddr_t) tree;
    assert_true(is_in(&machine.reserved, at, at + PAGE_SIZE));
    assert_true(is_out(&machine.reserved, at + PAGE_SIZE, at + 2 * PAGE_SIZE));
#if SIZE_MAX > UINT32_MAX
    const paddr_t high = 0xffffffffffff0000;
    expect_ranges(&machine.memory,
                  RANGES({0x40001000, 0x40007000}, {0x180000000, 0x190000000},
                         {high, high + 0xf000}),
                  0);
    expect_ranges(&machine.reserved,
                  RANGES({0x40001000, 0x40002000}, {0x40004000, 0x40005000},
                         {high + 0xe000, high + 0xf000}),
                  at);
    expect_ranges(&machine.usable,
                  RANGES({0x40002000, 0x40004000}, {0x40005000, 0x40007000},
                         {0x180000000, 0x190000000}, {high, high + 0xe000}),
                  0);
#else
    expect_ranges(&machine.memory, RANGES({0x40001000, 0x40007000}), 0);
    expect_ranges(&machine.reserved, RANGES({0x40001000, 0x40002000}, {0x40004000, 0x40005000}),
                  at);
    expect_ranges(&machine.usable, RANGES({0x40002000, 0x40004000}, {0x40005000, 0x40007000}), 0);
#endif
    assert_int_equal(machine_read(&machine, tree, PAGE_SIZE - 1), FDT_TRUNCATED);
}

/* The kernel's image, and __free_ram behind it, as in most trees here. */
static const struct memory_range image = {0x80200000, 0x80240000};
static const struct memory_range free_ram = {0x80250000, 0x84250000};

static void nothing_below_the_kernel_is_usable_whatever_the_tree_says_of_firmware(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    /* QEMU's tree without firmware reserves nothing. */
    machine_find(&machine, load("qemu", &size), image, free_ram);
    assert_int_equal(machine.memory.ranges[0].start, 0x80000000);
    assert_int_equal(machine.usable.ranges[0].start, image.end);
    assert_true(is_in(&machine.reserved, 0x80000000, image.end));
    assert_int_equal(machine.usable.left_out, 0);
}

/* off_page has memory from 0x40000000 to 0x40003000, and at 0xbffff000. */
static void all_below_the_kernel_is_what_of_the_same_range_lies_below_it(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    void *tree = load("off_page", &size);
    paddr_t at = (paddr_t) tree;
    machine_find(&machine, tree, (struct memory_range){0xc0000000, 0xc0000800}, free_ram);
    expect_ranges(&machine.reserved, RANGES({0x40001000, 0x40002000}, {0xbffff000, 0xc0000800}),
                  at);
    /* In no range: between two, and where one ends. */
    machine_find(&machine, tree, (struct memory_range){0x50000000, 0x50001000}, free_ram);
    expect_ranges(&machine.reserved, RANGES({0x40001000, 0x40002000}, {0x50000000, 0x50001000}),
                  at);
    machine_find(&machine, tree, (struct memory_range){0x40003000, 0x40004000}, free_ram);
    expect_ranges(&machine.reserved, RANGES({0x40001000, 0x40002000}, {0x40003000, 0x40004000}),
                  at);
}

static void a_tree_of_a_mebibyte_is_read_and_without_one_there_is_free_ram(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    unsigned char *tree = load("qemu", &size);
    set_size(tree, 1 << 20);
    begin_to_catch();
    machine_find(&machine, tree, image, free_ram);
    end_to_catch();
    assert_string_equal(printed, "");
    expect_ranges(&machine.memory, RANGES({0x80000000, 0x88000000}), 0);

    set_size(tree, (1 << 20) + 1);
    begin_to_catch();
    machine_find(&machine, tree, image, free_ram);
    end_to_catch();
    assert_string_equal(printed, "warning: the device tree cannot be used (FDT_TRUNCATED): no "
                                 "memory but __free_ram\n");
    expect_ranges(&machine.memory, RANGES({image.start, free_ram.end}), 0);
    expect_ranges(&machine.usable, RANGES({image.end, free_ram.end}), 0);
    expect_ranges(&machine.reserved, RANGES({image.start, image.end}), 0);
}

/* In many_reserved 200 single pages are reserved, from 0x85000000 on, with one between each. */
static void of_more_reservations_than_a_map_holds_only_single_pages_are_lost(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    machine_find(&machine, load("many_reserved", &size), image, free_ram);
    assert_int_equal(machine.usable.count, MAP_RANGES);
    assert_true(is_in(&machine.usable, free_ram.start, free_ram.end));
    assert_true(is_in(&machine.usable, 0x85000000 + 400 * PAGE_SIZE, 0x88000000));
    assert_true(is_in(&machine.reserved, 0x80000000, image.end));
    for (size_t i = 0; i < 200; i++)
        assert_true(is_out(&machine.usable, 0x85000000 + 2 * i * PAGE_SIZE,
                           0x85000000 + (2 * i + 1) * PAGE_SIZE));
    /* 199 pages between reserved ones, and memory on both sides of them all: 201 ranges. */
    assert_int_equal(machine.usable.left_out, (201 - MAP_RANGES) * PAGE_SIZE);
    size_t in_front = 0x85000000 - image.end, behind = 0x88000000 - 0x85000000 - 399 * PAGE_SIZE;
    assert_int_equal(map_size(&machine.usable), in_front + behind + (MAP_RANGES - 2) * PAGE_SIZE);
}

/* In many_memories 200 pieces of 64 KiB each stand before the one that the kernel is in. */
static void
of_more_memory_than_a_map_holds_the_smallest_is_lost_and_the_kernel_s_is_kept(void **state) {
    (void) state;
    struct machine machine;
    size_t size;
    void *tree = load("many_memories", &size);
    begin_to_catch();
    machine_find(&machine, tree, image, free_ram);
    end_to_catch();
    assert_int_equal(machine.memory.count, MAP_RANGES);
    assert_true(is_in(&machine.memory, 0x80000000, 0x85000000));
    assert_true(is_in(&machine.usable, free_ram.start, free_ram.end));
    assert_true(is_out(&machine.usable, 0, image.end));
    assert_int_equal(machine.memory.left_out, (201 - MAP_RANGES) * 64 * 1024);
    assert_int_equal(machine.usable.left_out, (201 - MAP_RANGES) * 64 * 1024);
    assert_string_equal(printed, "warning: 4672 KiB of memory are not used: a map has room for 128 "
                                 "ranges\n");
}

/* ---- what is too far away: only where an address has 64 bits ---- */

/* What frames.c says when it cannot go on. */
_Noreturn void panic(const char *file, int line, const char *format, ...) {
    (void) format;
    fail_msg("panic at %s:%d", file, line);
    abort();
}

#if SIZE_MAX > UINT32_MAX
static const struct alloc_stage *const stages[] = {&bump_stage, &bitmap_stage, &stack_stage,
                                                   &tree_stage, &buddy_stage};
enum {
    STAGES = sizeof(stages) / sizeof(stages[0]),
};

#define MIB ((size_t) 1 << 20)
#define GIB ((size_t) 1 << 30)

/* 128 MiB at 2 GiB, where the kernel is, and so much from `start` on: how many ranges are kept? */
static size_t ranges_kept(const struct alloc_stage *stage, paddr_t start, size_t size) {
    begin();
    map_add(&map, 2 * GIB, 2 * GIB + 128 * MIB);
    map_add(&map, start, start + size);
    frames_leave_out_far(stage, &map, free_ram.start);
    assert_true(is_in(&map, 2 * GIB, 2 * GIB + 128 * MIB));
    return map.count;
}

static void memory_that_is_not_far_away_is_kept_under_every_stage(void **state) {
    (void) state;
    for (size_t i = 0; i < STAGES; i++) {
        assert_int_equal(ranges_kept(stages[i], 0, PAGE_SIZE), 2);
        assert_int_equal(ranges_kept(stages[i], 64 * GIB, PAGE_SIZE), 2);
        assert_int_equal(ranges_kept(stages[i], 8192 * GIB, 8192 * GIB), 2);
        /* A page alone is less than its metadata, and yet the nearest that there is. */
        begin();
        map_add(&map, 2 * GIB, 2 * GIB + PAGE_SIZE);
        frames_leave_out_far(stages[i], &map, free_ram.start);
        assert_int_equal(map.count, 1);
    }
}

/* For stacks, 2 to the 54 is more than they can count. */
static void
memory_too_far_away_for_the_metadata_is_left_out_and_the_kernel_s_is_kept(void **state) {
    (void) state;
    for (size_t i = 0; i < STAGES; i++) {
        assert_int_equal(ranges_kept(stages[i], (size_t) 1 << 54, GIB), 1);
        assert_int_equal(ranges_kept(stages[i], (size_t) 1 << 48, PAGE_SIZE), 1);
        /* The other way round: a gibibyte of metadata for what lies below. */
        begin();
        map_add(&map, 2 * GIB, 2 * GIB + PAGE_SIZE);
        map_add(&map, (size_t) 1 << 54, ((size_t) 1 << 54) + GIB);
        frames_leave_out_far(stages[i], &map, ((size_t) 1 << 54) + MIB);
        assert_int_equal(map.count, 1);
        assert_int_equal(map.ranges[0].start, (size_t) 1 << 54);
    }
}

/* The page below 2 GiB, and so many from there on that all is eight times the metadata for it and
 * for what lies between it and a page far away. */
static void exactly_an_eighth_is_not_too_much(void **state) {
    (void) state;
    const paddr_t start = 2 * GIB - PAGE_SIZE;
    size_t size = 1;
    paddr_t far;
    for (far = 64 * GIB; 8 * size % PAGE_SIZE != 0; far += MIB)
        size = page_meta_size(&bitmap_stage, start, far + MIB + PAGE_SIZE - start);
    for (size_t less = 0; less < 2; less++) {
        begin();
        map_add(&map, start, start + 8 * size - (1 + less) * PAGE_SIZE);
        map_add(&map, far, far + PAGE_SIZE);
        frames_leave_out_far(&bitmap_stage, &map, free_ram.start);
        assert_int_equal(map.count, 2 - less);
    }
}

/* Which end is farther from home: where they are equally far, the high one. */
static void the_end_that_is_farther_from_home_is_left_out(void **state) {
    (void) state;
    const paddr_t home = 1024 * GIB;
    begin();
    map_add(&map, home - 200 * GIB, home - 200 * GIB + PAGE_SIZE);
    map_add(&map, home, home + 128 * MIB);
    map_add(&map, home + 200 * GIB - PAGE_SIZE, home + 200 * GIB);
    begin_to_catch();
    frames_leave_out_far(&buddy_stage, &map, home);
    end_to_catch();
    assert_int_equal(map.count, 2);
    assert_int_equal(map.ranges[0].start, home - 200 * GIB);
    assert_string_equal(printed,
                        "warning: 0x131fffff000 to 0x13200000000 is not used: the metadata "
                        "for all memory from here to there would be more than 1/8 of it\n");
    /* Home is below all memory, and above. */
    for (size_t i = 0; i < 2; i++) {
        begin();
        map_add(&map, home, home + 64 * MIB);
        map_add(&map, home + 400 * GIB, home + 400 * GIB + 64 * MIB);
        frames_leave_out_far(&buddy_stage, &map, i == 0 ? home - GIB : home + 401 * GIB);
        assert_int_equal(map.count, 1);
        assert_int_equal(map.ranges[0].start, i == 0 ? home : home + 400 * GIB);
    }
}

/* buddy has 0.26 bytes per page: 16 MiB of them reach a little less than 256 GiB. */
static void an_eighth_of_the_memory_is_what_metadata_may_take(void **state) {
    (void) state;
    assert_int_equal(ranges_kept(&buddy_stage, 240 * GIB, PAGE_SIZE), 2);
    assert_int_equal(ranges_kept(&buddy_stage, 256 * GIB, PAGE_SIZE), 1);
    assert_int_equal(ranges_kept(&buddy_stage, 256 * GIB, 32 * MIB), 2);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_match_one_byte_a_page),
        cmocka_unit_test(a_full_map_leaves_out_one_more_range_that_is_as_small_as_others),
        cmocka_unit_test(a_full_map_leaves_out_its_smallest_range_for_a_larger_one),
        cmocka_unit_test(a_full_map_takes_a_range_that_touches_another),
        cmocka_unit_test(a_hole_in_a_full_map_costs_the_smaller_piece_and_is_never_claimed),
        cmocka_unit_test(a_hole_in_a_full_map_costs_no_piece_where_another_range_is_smaller),
        cmocka_unit_test(a_wide_hole_in_a_full_map_costs_nothing_but_itself),
        cmocka_unit_test(the_smallest_range_is_found_wherever_it_is),
        cmocka_unit_test(a_range_of_64_kib_or_more_counts_as_large),
        cmocka_unit_test(a_full_map_never_claims_what_it_should_not),
        cmocka_unit_test(an_empty_range_changes_nothing),
        cmocka_unit_test(what_a_map_has_from_an_address_on_ends_at_the_first_hole),
        cmocka_unit_test(a_map_prints_a_line_for_each_range_and_one_for_what_is_left_out),
        cmocka_unit_test(memory_of_two_nodes_that_touch_is_one_range),
        cmocka_unit_test(a_broken_tree_gives_an_error_and_an_empty_machine),
        cmocka_unit_test(usable_memory_is_whole_pages_without_the_holes),
        cmocka_unit_test(a_byte_more_or_less_decides_about_a_page_and_the_last_page_is_never_one),
        cmocka_unit_test(nothing_below_the_kernel_is_usable_whatever_the_tree_says_of_firmware),
        cmocka_unit_test(all_below_the_kernel_is_what_of_the_same_range_lies_below_it),
        cmocka_unit_test(a_tree_of_a_mebibyte_is_read_and_without_one_there_is_free_ram),
        cmocka_unit_test(of_more_reservations_than_a_map_holds_only_single_pages_are_lost),
        cmocka_unit_test(
            of_more_memory_than_a_map_holds_the_smallest_is_lost_and_the_kernel_s_is_kept),
#if SIZE_MAX > UINT32_MAX
        cmocka_unit_test(memory_that_is_not_far_away_is_kept_under_every_stage),
        cmocka_unit_test(memory_too_far_away_for_the_metadata_is_left_out_and_the_kernel_s_is_kept),
        cmocka_unit_test(an_eighth_of_the_memory_is_what_metadata_may_take),
        cmocka_unit_test(exactly_an_eighth_is_not_too_much),
        cmocka_unit_test(the_end_that_is_farther_from_home_is_left_out),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
