/* Maps of memory, against one byte a page; and what the kernel makes of whole device trees. */
#include "../../memory/machine.h"

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
            assert_true(map_add(&map, page(first), page(end)));
        else
            map_remove(&map, page(first), page(end));
        for (size_t n = first; n < end; n++)
            oracle[n] = add;
        expect_map_is_oracle();
    }
}

/* Every other page: as many ranges as there is room for. */
static void fill_every_other(void) {
    begin();
    for (size_t i = 0; i < MAP_RANGES; i++) {
        assert_true(map_add(&map, page(2 * i), page(2 * i + 1)));
        oracle[2 * i] = true;
    }
}

static void a_full_map_refuses_one_more_range_and_stays_as_it_is(void **state) {
    (void) state;
    fill_every_other();
    assert_false(map_add(&map, page(290), page(291)));
    expect_map_is_oracle();
}

static void a_full_map_takes_a_range_that_touches_another(void **state) {
    (void) state;
    fill_every_other();
    assert_true(map_add(&map, page(1), page(2)));
    oracle[1] = true;
    expect_map_is_oracle();
}

static void a_full_map_forgets_what_lies_above_a_hole_and_never_claims_the_hole(void **state) {
    (void) state;
    fill_every_other();
    assert_true(map_add(&map, page(254), page(260)));
    map_remove(&map, page(256), page(257));
    memset(oracle + 254, true, 2);
    expect_map_is_oracle();
}

static void an_empty_range_changes_nothing(void **state) {
    (void) state;
    begin();
    assert_true(map_add(&map, page(5), page(5)));
    assert_int_equal(map.count, 0);
    assert_true(map_add(&map, page(2), page(8)));
    map_remove(&map, page(5), page(5));
    assert_int_equal(map.count, 1);
}

/* A tree that dtc made from tests/host/trees, or QEMU; aligned as the kernel finds it. */
static void *load(const char *name, size_t *size) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.dtb", TREES, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing: tests/Makefile makes it", path);
    static _Alignas(8) unsigned char tree[1 << 20];
    *size = fread(tree, 1, sizeof(tree), file);
    fclose(file);
    return tree;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_match_one_byte_a_page),
        cmocka_unit_test(a_full_map_refuses_one_more_range_and_stays_as_it_is),
        cmocka_unit_test(a_full_map_takes_a_range_that_touches_another),
        cmocka_unit_test(a_full_map_forgets_what_lies_above_a_hole_and_never_claims_the_hole),
        cmocka_unit_test(an_empty_range_changes_nothing),
        cmocka_unit_test(memory_of_two_nodes_that_touch_is_one_range),
        cmocka_unit_test(a_broken_tree_gives_an_error_and_an_empty_machine),
        cmocka_unit_test(usable_memory_is_whole_pages_without_the_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
