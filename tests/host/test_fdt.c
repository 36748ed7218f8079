/* The reader of the device tree: on trees from dtc and from QEMU, and on blobs made and broken by
 * hand. Each blob lies in a block of exactly its size, so that AddressSanitizer sees every read
 * outside. The .dtb files are in the folder TREES, which tests/Makefile names and fills. */
#include "../../memory/fdt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- blobs ---- */

/* Where the header's fields lie. */
enum {
    MAGIC = 0,
    SIZE = 4,
    STRUCTURE = 8,
    NAMES = 12,
    RESERVATIONS = 16,
    VERSION = 20,
    LAST_COMPATIBLE_VERSION = 24,
    NAMES_SIZE = 32,
    STRUCTURE_SIZE = 36,
    HEADER_SIZE = 40,
};

enum {
    BEGIN_NODE = 1,
    END_NODE = 2,
    PROPERTY = 3,
    NOP = 4,
    END = 9,
};

struct blob {
    unsigned char *bytes;
    size_t size;
};

static struct blob copy_of(const void *bytes, size_t size) {
    struct blob blob = {malloc(size), size};
    assert_non_null(blob.bytes);
    memcpy(blob.bytes, bytes, size);
    return blob;
}

static uint32_t cell_at(struct blob blob, size_t offset) {
    const unsigned char *at = blob.bytes + offset;
    return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static void write_cell(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char) (value >> (24 - 8 * i));
}

/* The same blob, with one cell changed. */
static struct blob with_cell(struct blob blob, size_t offset, uint32_t value) {
    write_cell(blob.bytes + offset, value);
    return blob;
}

/* A blob from a file of TREES. */
static struct blob tree_from(const char *name) {
    static unsigned char bytes[2 << 20];
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.dtb", TREES, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot read %s: tests/Makefile makes it", path);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    /* QEMU writes a file of 1 MiB around its tree. */
    size_t tree_size = cell_at((struct blob){bytes, size}, SIZE);
    assert_in_range(tree_size, HEADER_SIZE, size);
    return copy_of(bytes, tree_size);
}

/* ---- blobs by hand: one draft at a time, written from front to end ---- */

static struct {
    unsigned char reservations[1024], structure[4 << 20], names[1 << 20];
    size_t reservations_size, structure_size, names_size;
} draft;

static void put_cell(uint32_t value) {
    write_cell(draft.structure + draft.structure_size, value);
    draft.structure_size += 4;
}

/* Bytes and their padding. */
static void put_bytes(const void *bytes, size_t size) {
    if (size > 0)
        memcpy(draft.structure + draft.structure_size, bytes, size);
    for (draft.structure_size += size; draft.structure_size % 4 != 0; draft.structure_size++)
        draft.structure[draft.structure_size] = 0;
}

static void begin_draft(void) {
    draft.reservations_size = draft.structure_size = draft.names_size = 0;
}

static void begin_node(const char *name) {
    put_cell(BEGIN_NODE);
    put_bytes(name, strlen(name) + 1);
}

static void end_node(void) {
    put_cell(END_NODE);
}

static void put_property(const char *name, const void *bytes, size_t size) {
    put_cell(PROPERTY);
    put_cell((uint32_t) size);
    put_cell((uint32_t) draft.names_size);
    memcpy(draft.names + draft.names_size, name, strlen(name) + 1);
    draft.names_size += strlen(name) + 1;
    put_bytes(bytes, size);
}

static void put_text(const char *name, const char *text) {
    put_property(name, text, strlen(text) + 1);
}

static void put_cells(const char *name, size_t n, const uint32_t *cells) {
    unsigned char bytes[64];
    for (size_t i = 0; i < n; i++)
        write_cell(bytes + 4 * i, cells[i]);
    put_property(name, bytes, 4 * n);
}

#define PUT_CELLS(name, ...)                                              \
    put_cells(name, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
              (const uint32_t[]){__VA_ARGS__})

static void reserve(uint64_t start, uint64_t size) {
    const uint64_t numbers[] = {start, size};
    for (int i = 0; i < 4; i++, draft.reservations_size += 4)
        write_cell(draft.reservations + draft.reservations_size,
                   (uint32_t) (numbers[i / 2] >> (i % 2 ? 0 : 32)));
}

/* The blob of what was put down, as it is: nothing is closed that was left open. */
static struct blob draft_as_it_is(void) {
    size_t structure = HEADER_SIZE + draft.reservations_size;
    size_t names = structure + draft.structure_size;
    struct blob blob = {malloc(names + draft.names_size), names + draft.names_size};
    assert_non_null(blob.bytes);
    const size_t header[] = {
        0xd00dfeed, blob.size,        structure,           names, HEADER_SIZE, 17, 16,
        0,          draft.names_size, draft.structure_size};
    for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++)
        write_cell(blob.bytes + 4 * i, (uint32_t) header[i]);
    memcpy(blob.bytes + HEADER_SIZE, draft.reservations, draft.reservations_size);
    memcpy(blob.bytes + structure, draft.structure, draft.structure_size);
    memcpy(blob.bytes + names, draft.names, draft.names_size);
    return blob;
}

/* The blob of the draft, its list of reservations and its structure block ended. */
static struct blob finish_draft(void) {
    reserve(0, 0);
    put_cell(END);
    return draft_as_it_is();
}

/* A node of memory of 4 KiB at 0x80000000, for a parent with one cell each. */
static void put_memory(void) {
    begin_node("memory@80000000");
    put_text("device_type", "memory");
    PUT_CELLS("reg", 0x80000000, 0x1000);
    end_node();
}

/* A root with one cell each, and a draft that goes on in it. */
static void begin_root(void) {
    begin_draft();
    begin_node("");
    PUT_CELLS("#address-cells", 1);
    PUT_CELLS("#size-cells", 1);
}

/* A tree that has something of everything. */
static struct blob small_tree(void) {
    begin_root();
    reserve(0x80000000, 0x200);
    put_memory();
    begin_node("reserved-memory");
    PUT_CELLS("#address-cells", 2);
    begin_node("firmware");
    PUT_CELLS("reg", 0, 0x80000400, 0x400);
    end_node();
    end_node();
    begin_node("cpus");
    PUT_CELLS("#address-cells", 1);
    PUT_CELLS("timebase-frequency", 1000);
    begin_node("cpu@3");
    put_text("device_type", "cpu");
    put_text("status", "okay");
    PUT_CELLS("reg", 3);
    end_node();
    end_node();
    end_node();
    return finish_draft();
}

static const struct fdt_item small_items[] = {
    {FDT_RESERVED, {0x80000000}, 0x200},
    {FDT_MEMORY, {0x80000000}, 0x1000},
    {FDT_RESERVED, {0x80000400}, 0x400},
    {FDT_TIMEBASE, {1000}, 0},
    {FDT_HART, {3}, 0},
};

/* ---- what is expected of them; a blob is freed when it has been looked at ---- */

#define assert_error(found, expected) \
    assert_string_equal(fdt_error_name(found), fdt_error_name(expected))

static const char *kind_name(enum fdt_kind kind) {
    static const char *const names[] = {"memory", "reserved", "hart", "timebase"};
    return names[kind];
}

static void expect_one_walk(struct fdt *tree, const struct fdt_item *expected, size_t n) {
    struct fdt_item item;
    for (size_t i = 0; i < n; i++) {
        enum fdt_error error = fdt_next(tree, &item);
        if (error != FDT_OK)
            fail_msg("item %zu of %zu: %s", i, n, fdt_error_name(error));
        if (item.kind != expected[i].kind || item.start != expected[i].start ||
            item.size != expected[i].size)
            fail_msg("item %zu is %s 0x%llx size 0x%llx, expected %s 0x%llx size 0x%llx", i,
                     kind_name(item.kind), (unsigned long long) item.start,
                     (unsigned long long) item.size, kind_name(expected[i].kind),
                     (unsigned long long) expected[i].start, (unsigned long long) expected[i].size);
    }
    assert_error(fdt_next(tree, &item), FDT_DONE);
}

static void expect_items(struct blob blob, const struct fdt_item *expected, size_t n) {
    struct fdt tree;
    assert_error(fdt_open(&tree, blob.bytes, blob.size), FDT_OK);
    assert_ptr_equal(tree.blob, blob.bytes);
    assert_int_equal(tree.size, blob.size);
    expect_one_walk(&tree, expected, n);
    expect_one_walk(&tree, expected, n);
    free(blob.bytes);
}

#define EXPECT_ITEMS(blob, ...)                          \
    expect_items(blob, (struct fdt_item[]){__VA_ARGS__}, \
                 sizeof((struct fdt_item[]){__VA_ARGS__}) / sizeof(struct fdt_item))

static void expect_nothing(struct blob blob) {
    expect_items(blob, NULL, 0);
}

static void expect_small_items(struct blob blob) {
    expect_items(blob, small_items, sizeof(small_items) / sizeof(small_items[0]));
}

static void expect_error(struct blob blob, enum fdt_error expected) {
    struct fdt tree;
    assert_error(fdt_open(&tree, blob.bytes, blob.size), expected);
    free(blob.bytes);
}

/* A broken blob may be refused or not. If not, what it says is sound. */
static enum fdt_error survive(struct blob blob) {
    struct fdt tree;
    enum fdt_error error = fdt_open(&tree, blob.bytes, blob.size);
    if (error == FDT_OK) {
        struct fdt_item item;
        size_t n = 0;
        while ((error = fdt_next(&tree, &item)) == FDT_OK) {
            bool is_range = item.kind == FDT_MEMORY || item.kind == FDT_RESERVED;
            assert_true(is_range ? item.size > 0 : item.size == 0);
            assert_true(item.size <= UINT64_MAX - item.start);
            assert_true(++n <= blob.size / 4);
        }
        assert_error(error, FDT_DONE);
        error = FDT_OK;
    }
    free(blob.bytes);
    return error;
}

/* ---- trees from dtc ---- */

static void addresses_and_sizes_of_one_cell_are_read(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("one_cell"), {FDT_MEMORY, {0x80000000}, 0x8000000},
                 {FDT_MEMORY, {0xf0000000}, 0xfffffff});
}

static void addresses_and_sizes_of_two_cells_are_read(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("two_cells"), {FDT_MEMORY, {0x80000000}, 0x40000000},
                 {FDT_MEMORY, {0x1000000000}, 0x10000000000});
}

static void missing_cells_mean_two_for_addresses_and_one_for_sizes(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("default_cells"), {FDT_MEMORY, {0x180000000}, 0x8000000},
                 {FDT_RESERVED, {0x180000000}, 0x80000}, {FDT_HART, {0x700000005}, 0});
}

static void memory_nodes_are_read_in_the_order_in_which_they_stand(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("many_nodes"), {FDT_MEMORY, {0xc0000000}, 0x10000000},
                 {FDT_MEMORY, {0x80000000}, 0x8000000}, {FDT_MEMORY, {0x90000000}, 0x1000},
                 {FDT_MEMORY, {0xa0000123}, 0x456}, {FDT_MEMORY, {0xa8000000}, 0x1000},
                 {FDT_MEMORY, {0x2d0000000}, 0xffffffff});
}

static void reservations_come_before_memory_and_static_ones_have_a_place(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("reserved"), {FDT_RESERVED, {0x80000000}, 0x200000},
                 {FDT_RESERVED, {0x8800000000}, 0x1000}, {FDT_RESERVED, {0}, 0x1000},
                 {FDT_RESERVED, {0x80000000}, 0x40000}, {FDT_RESERVED, {0x9f000000}, 0x800000},
                 {FDT_RESERVED, {0x123456789}, 0x200000003},
                 {FDT_MEMORY, {0x80000000}, 0x20000000});
}

static void harts_that_cannot_run_are_not_counted(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("harts"), {FDT_TIMEBASE, {10000000}, 0}, {FDT_HART, {1}, 0},
                 {FDT_HART, {4}, 0}, {FDT_HART, {8}, 0}, {FDT_HART, {9}, 0});
}

static void hart_ids_and_frequencies_of_two_cells_are_read(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("wide_harts"), {FDT_TIMEBASE, {0x100000000}, 0},
                 {FDT_HART, {0x100000002}, 0});
}

static void hundreds_of_regions_in_one_node_are_read(void **state) {
    (void) state;
    struct fdt_item expected[256];
    for (uint64_t i = 0; i < 256; i++)
        expected[i] = (struct fdt_item){FDT_MEMORY, {0x80000000 + (255 - i) * 0x200000}, 0x100000};
    expect_items(tree_from("many_regions"), expected, 256);
}

static void a_tree_of_version_16_is_read(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("version_16"), {FDT_MEMORY, {0x80000000}, 0x40000000},
                 {FDT_MEMORY, {0x1000000000}, 0x10000000000});
}

/* ---- trees from QEMU ---- */

static void the_tree_of_qemu_has_its_memory_and_its_hart(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("qemu"), {FDT_MEMORY, {0x80000000}, 128 << 20},
                 {FDT_TIMEBASE, {10000000}, 0}, {FDT_HART, {0}, 0});
}

static void the_tree_of_qemu_for_32_bits_has_its_memory_and_its_hart(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("qemu32"), {FDT_MEMORY, {0x80000000}, 128 << 20},
                 {FDT_TIMEBASE, {10000000}, 0}, {FDT_HART, {0}, 0});
}

static void the_tree_of_qemu_with_four_harts_has_four(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("qemu_smp"), {FDT_MEMORY, {0x80000000}, 128 << 20},
                 {FDT_TIMEBASE, {10000000}, 0}, {FDT_HART, {0}, 0}, {FDT_HART, {1}, 0},
                 {FDT_HART, {2}, 0}, {FDT_HART, {3}, 0});
}

static void the_tree_of_qemu_with_two_memory_backends_has_two_memory_nodes(void **state) {
    (void) state;
    EXPECT_ITEMS(tree_from("qemu_numa"), {FDT_MEMORY, {0x80000000}, 128 << 20},
                 {FDT_MEMORY, {0x88000000}, 256 << 20}, {FDT_TIMEBASE, {10000000}, 0},
                 {FDT_HART, {0}, 0}, {FDT_HART, {1}, 0}, {FDT_HART, {2}, 0}, {FDT_HART, {3}, 0});
}

/* ---- trees by hand ---- */

static void a_tree_of_a_root_alone_says_nothing(void **state) {
    (void) state;
    begin_draft();
    begin_node("");
    end_node();
    expect_nothing(finish_draft());
}

static void every_kind_of_item_is_found(void **state) {
    (void) state;
    expect_small_items(small_tree());
}

static void a_thousand_memory_nodes_are_read(void **state) {
    (void) state;
    static struct fdt_item expected[1000];
    begin_root();
    for (uint32_t i = 0; i < 1000; i++) {
        begin_node("memory");
        PUT_CELLS("reg", (i ^ 0x155) << 20, i + 1);
        end_node();
        expected[i] = (struct fdt_item){FDT_MEMORY, {(i ^ 0x155) << 20}, i + 1};
    }
    end_node();
    expect_items(finish_draft(), expected, 1000);
}

static void nodes_may_be_nested_to_any_depth(void **state) {
    (void) state;
    begin_root();
    for (int i = 0; i < 100000; i++)
        begin_node("memory");
    PUT_CELLS("reg", 1, 2);
    for (int i = 0; i < 100000; i++)
        end_node();
    put_memory();
    end_node();
    EXPECT_ITEMS(finish_draft(), {FDT_MEMORY, {0x80000000}, 0x1000});
}

static void nops_are_skipped_wherever_they_stand(void **state) {
    (void) state;
    struct blob blob = small_tree();
    size_t structure = cell_at(blob, STRUCTURE), end = cell_at(blob, NAMES);
    draft.structure_size = 0;
    for (size_t at = structure; at < end;) {
        size_t size = 4;
        if (cell_at(blob, at) == BEGIN_NODE)
            size += (strlen((char *) blob.bytes + at + 4) + 4) / 4 * 4;
        if (cell_at(blob, at) == PROPERTY)
            size += 8 + (cell_at(blob, at + 4) + 3) / 4 * 4;
        put_cell(NOP);
        put_cell(NOP);
        put_bytes(blob.bytes + at, size);
        at += size;
    }
    free(blob.bytes);
    expect_small_items(draft_as_it_is());
}

static void what_stands_in_a_node_that_does_not_matter_does_not_matter(void **state) {
    (void) state;
    begin_root();
    begin_node("soc");
    PUT_CELLS("#address-cells", 3);
    PUT_CELLS("#size-cells", 0);
    PUT_CELLS("timebase-frequency", 1, 2, 3);
    PUT_CELLS("reg", 1, 2, 3);
    put_property("status", "okay", 4);
    begin_node("pci@0");
    put_property("#address-cells", "abc", 3);
    put_property("reg", "abc", 3);
    end_node();
    end_node();
    end_node();
    expect_nothing(finish_draft());
}

static void harts_and_reservations_count_in_their_place_alone(void **state) {
    (void) state;
    static const char *const roots[] = {"reserved-memory", "cpus"};
    for (int i = 0; i < 2; i++) {
        begin_draft();
        begin_node(roots[i]);
        PUT_CELLS("#address-cells", 1);
        PUT_CELLS("#size-cells", 1);
        begin_node("child");
        put_text("device_type", "cpu");
        PUT_CELLS("reg", 0x80000000, 0x1000);
        end_node();
        end_node();
        expect_nothing(finish_draft());
    }
    begin_root();
    begin_node("soc");
    PUT_CELLS("#address-cells", 1);
    begin_node("cpu@0");
    put_text("device_type", "cpu");
    PUT_CELLS("reg", 0);
    end_node();
    end_node();
    end_node();
    expect_nothing(finish_draft());
}

static void cells_that_nothing_is_measured_in_do_not_matter(void **state) {
    (void) state;
    begin_draft();
    begin_node("");
    PUT_CELLS("#address-cells", 3);
    PUT_CELLS("#size-cells", 0);
    begin_node("memory");
    put_property("reg", NULL, 0);
    end_node();
    begin_node("reserved-memory");
    PUT_CELLS("#address-cells", 3);
    begin_node("dynamic");
    PUT_CELLS("size", 0x1000);
    end_node();
    end_node();
    end_node();
    expect_nothing(finish_draft());
}

/* A memory node with a property of any bytes more. */
static struct blob memory_with(const char *name, const char *bytes, size_t size) {
    begin_root();
    begin_node("memory");
    PUT_CELLS("reg", 0x80000000, 0x1000);
    put_property(name, bytes, size);
    end_node();
    end_node();
    return finish_draft();
}

static void a_text_without_an_end_is_no_word(void **state) {
    (void) state;
    expect_nothing(memory_with("device_type", "memory", 6));
    expect_nothing(memory_with("device_type", "memory!", 7));
    expect_nothing(memory_with("device_type", "", 0));
    expect_nothing(memory_with("device_type", "memor", 6));
    expect_nothing(memory_with("status", "okay", 4));
    expect_nothing(memory_with("status", "o", 2));
    expect_nothing(memory_with("status", "okay\1", 6));
    EXPECT_ITEMS(memory_with("status", "okay", 5), {FDT_MEMORY, {0x80000000}, 0x1000});
    EXPECT_ITEMS(memory_with("device_type", "memory", 7), {FDT_MEMORY, {0x80000000}, 0x1000});
}

static void names_that_only_begin_alike_are_not_taken_for_each_other(void **state) {
    (void) state;
    EXPECT_ITEMS(memory_with("statu", "off", 4), {FDT_MEMORY, {0x80000000}, 0x1000});
    EXPECT_ITEMS(memory_with("status@", "off", 4), {FDT_MEMORY, {0x80000000}, 0x1000});
    EXPECT_ITEMS(memory_with("statusy", "off", 4), {FDT_MEMORY, {0x80000000}, 0x1000});
    EXPECT_ITEMS(memory_with("", "off", 4), {FDT_MEMORY, {0x80000000}, 0x1000});
}

static void a_name_ends_before_no_character_but_its_end(void **state) {
    (void) state;
    begin_root();
    PUT_CELLS("#address-cells\1", 2);
    PUT_CELLS("#size-cells\1", 2);
    begin_node("memory");
    PUT_CELLS("reg", 0x80000000, 0x1000);
    put_property("reg\1", "abc", 3);
    put_text("device_type\1", "no memory");
    put_text("status\1", "off");
    end_node();
    begin_node("cpus");
    put_property("timebase-frequency\1", "abc", 3);
    end_node();
    end_node();
    EXPECT_ITEMS(finish_draft(), {FDT_MEMORY, {0x80000000}, 0x1000});
}

/* ---- every error ---- */

static void every_error_has_its_name(void **state) {
    (void) state;
    assert_string_equal(fdt_error_name(FDT_OK), "FDT_OK");
    assert_string_equal(fdt_error_name(FDT_DONE), "FDT_DONE");
    assert_string_equal(fdt_error_name(FDT_BAD_ADDRESS), "FDT_BAD_ADDRESS");
    assert_string_equal(fdt_error_name(FDT_TRUNCATED), "FDT_TRUNCATED");
    assert_string_equal(fdt_error_name(FDT_BAD_MAGIC), "FDT_BAD_MAGIC");
    assert_string_equal(fdt_error_name(FDT_BAD_VERSION), "FDT_BAD_VERSION");
    assert_string_equal(fdt_error_name(FDT_BAD_LAYOUT), "FDT_BAD_LAYOUT");
    assert_string_equal(fdt_error_name(FDT_MISALIGNED), "FDT_MISALIGNED");
    assert_string_equal(fdt_error_name(FDT_UNTERMINATED), "FDT_UNTERMINATED");
    assert_string_equal(fdt_error_name(FDT_BAD_STRING), "FDT_BAD_STRING");
    assert_string_equal(fdt_error_name(FDT_NO_END), "FDT_NO_END");
    assert_string_equal(fdt_error_name(FDT_BAD_TOKEN), "FDT_BAD_TOKEN");
    assert_string_equal(fdt_error_name(FDT_BAD_NAME), "FDT_BAD_NAME");
    assert_string_equal(fdt_error_name(FDT_BAD_PROPERTY), "FDT_BAD_PROPERTY");
    assert_string_equal(fdt_error_name(FDT_BAD_ORDER), "FDT_BAD_ORDER");
    assert_string_equal(fdt_error_name(FDT_UNBALANCED), "FDT_UNBALANCED");
    assert_string_equal(fdt_error_name(FDT_BAD_CELLS), "FDT_BAD_CELLS");
    assert_string_equal(fdt_error_name(FDT_BAD_LENGTH), "FDT_BAD_LENGTH");
    assert_string_equal(fdt_error_name(FDT_OVERFLOW), "FDT_OVERFLOW");
    assert_string_equal(fdt_error_name(FDT_OVERFLOW + 1), "unknown error");
}

static void a_blob_at_no_address_or_a_misaligned_one_is_refused(void **state) {
    (void) state;
    struct fdt tree;
    assert_error(fdt_open(&tree, NULL, SIZE_MAX), FDT_BAD_ADDRESS);
    struct blob blob = small_tree();
    blob.bytes = realloc(blob.bytes, blob.size + 8);
    assert_non_null(blob.bytes);
    for (size_t i = 1; i < 8; i++) {
        memmove(blob.bytes + i, blob.bytes + i - 1, blob.size);
        assert_error(fdt_open(&tree, blob.bytes + i, blob.size), FDT_BAD_ADDRESS);
    }
    free(blob.bytes);
}

static void a_blob_longer_than_the_limit_is_refused(void **state) {
    (void) state;
    struct fdt tree;
    struct blob blob = small_tree();
    assert_error(fdt_open(&tree, blob.bytes, blob.size - 1), FDT_TRUNCATED);
    assert_error(fdt_open(&tree, blob.bytes, HEADER_SIZE), FDT_TRUNCATED);
    assert_error(fdt_open(&tree, blob.bytes, HEADER_SIZE - 1), FDT_TRUNCATED);
    assert_error(fdt_open(&tree, blob.bytes, 0), FDT_TRUNCATED);
    assert_error(fdt_open(&tree, blob.bytes, SIZE_MAX), FDT_OK);
    expect_error(with_cell(blob, SIZE, UINT32_MAX), FDT_TRUNCATED);
}

static void a_wrong_magic_is_refused(void **state) {
    (void) state;
    expect_error(with_cell(small_tree(), MAGIC, 0xedfe0dd0), FDT_BAD_MAGIC);
    expect_error(with_cell(small_tree(), MAGIC, 0xd00dfeec), FDT_BAD_MAGIC);
    expect_error(with_cell(small_tree(), MAGIC, 0), FDT_BAD_MAGIC);
}

static void only_versions_that_can_be_read_are_read(void **state) {
    (void) state;
    expect_error(with_cell(small_tree(), VERSION, 0), FDT_BAD_VERSION);
    expect_error(with_cell(small_tree(), VERSION, 15), FDT_BAD_VERSION);
    expect_error(with_cell(small_tree(), LAST_COMPATIBLE_VERSION, 18), FDT_BAD_VERSION);
    expect_error(with_cell(small_tree(), LAST_COMPATIBLE_VERSION, UINT32_MAX), FDT_BAD_VERSION);
    expect_small_items(with_cell(small_tree(), LAST_COMPATIBLE_VERSION, 17));
    expect_small_items(with_cell(small_tree(), VERSION, 18));
    /* Before version 17 nothing says how long the structure block is. */
    struct blob old = with_cell(small_tree(), VERSION, 16);
    expect_small_items(with_cell(old, STRUCTURE_SIZE, UINT32_MAX));
}

static void blocks_outside_the_blob_or_in_each_other_are_refused(void **state) {
    (void) state;
    struct blob blob = small_tree();
    uint32_t size = cell_at(blob, SIZE), structure = cell_at(blob, STRUCTURE);
    uint32_t names = cell_at(blob, NAMES), names_size = cell_at(blob, NAMES_SIZE);
    uint32_t structure_size = cell_at(blob, STRUCTURE_SIZE);
    free(blob.bytes);
    const struct {
        size_t field;
        uint32_t value;
    } broken[] = {
        {SIZE, 0},
        {SIZE, HEADER_SIZE},
        {SIZE, size - 1},
        {RESERVATIONS, 0},
        {RESERVATIONS, HEADER_SIZE - 8},
        {RESERVATIONS, structure + 8},
        {RESERVATIONS, UINT32_MAX},
        {STRUCTURE, 0},
        {STRUCTURE, HEADER_SIZE - 4},
        {STRUCTURE, structure + 4},
        {STRUCTURE, names + 4},
        {STRUCTURE, UINT32_MAX},
        {STRUCTURE_SIZE, structure_size + 4},
        {STRUCTURE_SIZE, 0x80000000},
        {STRUCTURE_SIZE, UINT32_MAX},
        {NAMES, 0},
        {NAMES, structure},
        {NAMES, names - 1},
        {NAMES, names + 1},
        {NAMES, size + 1},
        {NAMES, UINT32_MAX},
        {NAMES_SIZE, names_size + 1},
        {NAMES_SIZE, UINT32_MAX},
        {NAMES_SIZE, UINT32_MAX - names + 1},
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        expect_error(with_cell(small_tree(), broken[i].field, broken[i].value), FDT_BAD_LAYOUT);
}

static void blocks_at_odd_offsets_are_refused(void **state) {
    (void) state;
    struct blob blob = small_tree();
    uint32_t structure = cell_at(blob, STRUCTURE), size = cell_at(blob, STRUCTURE_SIZE);
    free(blob.bytes);
    for (uint32_t i = 1; i < 8; i++)
        expect_error(with_cell(small_tree(), RESERVATIONS, HEADER_SIZE + i), FDT_MISALIGNED);
    for (uint32_t i = 1; i < 4; i++) {
        expect_error(with_cell(small_tree(), STRUCTURE, structure - i), FDT_MISALIGNED);
        expect_error(with_cell(small_tree(), STRUCTURE_SIZE, size - i), FDT_MISALIGNED);
    }
}

static void reservations_without_an_end_are_refused(void **state) {
    (void) state;
    expect_error(with_cell(small_tree(), HEADER_SIZE + 16, 1), FDT_UNTERMINATED);
    expect_error(with_cell(small_tree(), HEADER_SIZE + 28, 1), FDT_UNTERMINATED);
    expect_error(with_cell(small_tree(), STRUCTURE, HEADER_SIZE + 16), FDT_UNTERMINATED);
    begin_root();
    expect_error(draft_as_it_is(), FDT_UNTERMINATED);
    struct blob blob = small_tree();
    expect_error(with_cell(blob, RESERVATIONS, cell_at(blob, STRUCTURE) - 8), FDT_UNTERMINATED);
}

static void a_property_name_outside_its_block_or_without_an_end_is_refused(void **state) {
    (void) state;
    begin_root();
    put_memory();
    end_node();
    struct blob blob = finish_draft();
    size_t name_offset = cell_at(blob, STRUCTURE) + 16;
    uint32_t names_size = cell_at(blob, NAMES_SIZE);
    struct blob same = copy_of(blob.bytes, blob.size);
    expect_error(with_cell(same, name_offset, names_size), FDT_BAD_STRING);
    same = copy_of(blob.bytes, blob.size);
    expect_error(with_cell(same, name_offset, UINT32_MAX), FDT_BAD_STRING);
    same = copy_of(blob.bytes, blob.size);
    expect_error(with_cell(same, NAMES_SIZE, 0), FDT_BAD_STRING);
    same = copy_of(blob.bytes, blob.size);
    expect_error(with_cell(same, NAMES_SIZE, names_size - 1), FDT_BAD_STRING);
    blob.bytes[blob.size - 1] = 'x';
    expect_error(blob, FDT_BAD_STRING);
    /* One byte alone, the first of a name that is looked for. */
    begin_draft();
    begin_node("");
    put_text("", "");
    end_node();
    blob = finish_draft();
    blob.bytes[blob.size - 1] = 'r';
    expect_error(blob, FDT_BAD_STRING);
}

static void a_structure_block_without_an_end_is_refused(void **state) {
    (void) state;
    begin_root();
    put_memory();
    end_node();
    reserve(0, 0);
    expect_error(draft_as_it_is(), FDT_NO_END);
    begin_draft();
    reserve(0, 0);
    expect_error(draft_as_it_is(), FDT_NO_END);
}

static void an_unknown_token_is_refused(void **state) {
    (void) state;
    const uint32_t tokens[] = {0, 5, 6, 7, 8, 10, 0x01000000, 0x10000001, UINT32_MAX};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        begin_root();
        put_cell(tokens[i]);
        end_node();
        expect_error(finish_draft(), FDT_BAD_TOKEN);
    }
}

static void a_node_name_without_an_end_is_refused(void **state) {
    (void) state;
    begin_root();
    reserve(0, 0);
    put_cell(BEGIN_NODE);
    expect_error(draft_as_it_is(), FDT_BAD_NAME);
    put_bytes("memory@80000", 12);
    expect_error(draft_as_it_is(), FDT_BAD_NAME);
}

static void a_property_beyond_the_end_is_refused(void **state) {
    (void) state;
    const uint32_t sizes[] = {13,         14,         16,         0x80000000,
                              0xfffffff0, 0xfffffffc, 0xfffffffd, UINT32_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        begin_root();
        put_cell(PROPERTY);
        put_cell(sizes[i]);
        put_cell(0);
        put_cell(0);
        end_node();
        expect_error(finish_draft(), FDT_BAD_PROPERTY);
    }
    begin_root();
    reserve(0, 0);
    put_cell(PROPERTY);
    expect_error(draft_as_it_is(), FDT_BAD_PROPERTY);
    put_cell(0);
    expect_error(draft_as_it_is(), FDT_BAD_PROPERTY);
    put_cell(0);
    expect_error(draft_as_it_is(), FDT_NO_END);
}

static void a_property_out_of_place_is_refused(void **state) {
    (void) state;
    begin_draft();
    put_text("early", "");
    begin_node("");
    end_node();
    expect_error(finish_draft(), FDT_BAD_ORDER);
    begin_draft();
    begin_node("");
    end_node();
    put_text("late", "");
    expect_error(finish_draft(), FDT_BAD_ORDER);
    begin_root();
    put_memory();
    put_text("behind-a-child", "");
    end_node();
    expect_error(finish_draft(), FDT_BAD_ORDER);
}

static void nodes_that_do_not_balance_are_refused(void **state) {
    (void) state;
    begin_draft();
    expect_error(finish_draft(), FDT_UNBALANCED); /* no root */
    begin_draft();
    end_node();
    expect_error(finish_draft(), FDT_UNBALANCED);
    begin_root();
    expect_error(finish_draft(), FDT_UNBALANCED);
    begin_root();
    begin_node("cpus");
    end_node();
    expect_error(finish_draft(), FDT_UNBALANCED);
    begin_root();
    end_node();
    end_node();
    expect_error(finish_draft(), FDT_UNBALANCED);
    begin_root();
    end_node();
    begin_node("another root");
    end_node();
    expect_error(finish_draft(), FDT_UNBALANCED);
}

/* Memory below a root with such cells. */
static struct blob memory_in_cells(const char *name, const void *bytes, size_t size) {
    begin_draft();
    begin_node("");
    put_property(name, bytes, size);
    begin_node("memory");
    PUT_CELLS("reg", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    end_node();
    end_node();
    return finish_draft();
}

static void numbers_of_neither_one_nor_two_cells_are_refused(void **state) {
    (void) state;
    const char *const names[] = {"#address-cells", "#size-cells"};
    const char one[] = {0, 0, 0, 1}, two[] = {0, 0, 0, 2}, three[] = {0, 0, 0, 3};
    const char none[] = {0, 0, 0, 0}, many[] = {-1, -1, -1, -1}, both[] = {0, 0, 0, 1, 0, 0, 0, 1};
    for (int i = 0; i < 2; i++) {
        expect_nothing(memory_in_cells(names[i], one, 4));
        expect_nothing(memory_in_cells(names[i], two, 4));
        expect_error(memory_in_cells(names[i], three, 4), FDT_BAD_CELLS);
        expect_error(memory_in_cells(names[i], none, 4), FDT_BAD_CELLS);
        expect_error(memory_in_cells(names[i], many, 4), FDT_BAD_CELLS);
        expect_error(memory_in_cells(names[i], both, 8), FDT_BAD_CELLS);
        expect_error(memory_in_cells(names[i], both, 3), FDT_BAD_CELLS);
        expect_error(memory_in_cells(names[i], both, 0), FDT_BAD_CELLS);
    }
}

/* Harts with such a frequency. */
static struct blob frequency_of(size_t size) {
    begin_root();
    begin_node("cpus");
    put_property("timebase-frequency", "\1\2\3\4\5\6\7\10\11\12\13\14", size);
    end_node();
    end_node();
    return finish_draft();
}

static void a_frequency_is_one_or_two_cells_long(void **state) {
    (void) state;
    expect_nothing(frequency_of(0));
    expect_error(frequency_of(3), FDT_BAD_CELLS);
    EXPECT_ITEMS(frequency_of(4), {FDT_TIMEBASE, {0x01020304}, 0});
    expect_error(frequency_of(5), FDT_BAD_LENGTH);
    EXPECT_ITEMS(frequency_of(8), {FDT_TIMEBASE, {0x0102030405060708}, 0});
    expect_error(frequency_of(9), FDT_BAD_LENGTH);
    expect_error(frequency_of(12), FDT_BAD_CELLS);
}

static void a_list_that_ends_within_an_entry_is_refused(void **state) {
    (void) state;
    for (size_t size = 1; size < 16; size++)
        if (size % 8 != 0) {
            begin_root();
            begin_node("memory");
            put_property("reg", "0123456789abcdef", size);
            end_node();
            end_node();
            expect_error(finish_draft(), FDT_BAD_LENGTH);
        }
}

static void a_hart_id_cut_short_is_refused(void **state) {
    (void) state;
    begin_root();
    begin_node("cpus");
    begin_node("cpu");
    put_text("device_type", "cpu");
    PUT_CELLS("reg", 1, 2, 3);
    end_node();
    end_node();
    end_node();
    expect_error(finish_draft(), FDT_BAD_LENGTH);
}

/* A tree with one reserved range. */
static struct blob reserved_at(uint64_t start, uint64_t size) {
    begin_draft();
    reserve(start, size);
    begin_node("");
    end_node();
    return finish_draft();
}

static void a_range_past_the_end_of_the_address_space_is_refused(void **state) {
    (void) state;
    expect_error(reserved_at(UINT64_MAX, 1), FDT_OVERFLOW);
    expect_error(reserved_at(0x8000000000000000, 0x8000000000000000), FDT_OVERFLOW);
    expect_error(reserved_at(2, UINT64_MAX - 1), FDT_OVERFLOW);
    EXPECT_ITEMS(reserved_at(1, UINT64_MAX - 1), {FDT_RESERVED, {1}, UINT64_MAX - 1});
    EXPECT_ITEMS(reserved_at(UINT64_MAX - 1, 1), {FDT_RESERVED, {UINT64_MAX - 1}, 1});

    begin_draft();
    begin_node("");
    PUT_CELLS("#size-cells", 2);
    begin_node("memory");
    PUT_CELLS("reg", 0, 0x80000000, 0, 0x1000, 1, 0, UINT32_MAX, 0);
    end_node();
    end_node();
    expect_error(finish_draft(), FDT_OVERFLOW);
}

static void a_blob_that_changes_after_it_was_opened_is_noticed(void **state) {
    (void) state;
    struct fdt tree;
    struct fdt_item item;
    struct blob blob = small_tree();
    assert_error(fdt_open(&tree, blob.bytes, blob.size), FDT_OK);
    memset(blob.bytes + HEADER_SIZE, 0xff, blob.size - HEADER_SIZE);
    assert_error(fdt_next(&tree, &item), FDT_OVERFLOW);
    assert_error(fdt_next(&tree, &item), FDT_BAD_TOKEN);
    free(blob.bytes);
}

/* ---- everything that one change can break ---- */

static void no_truncated_tree_is_taken_for_whole(void **state) {
    (void) state;
    struct blob blob = small_tree();
    for (size_t size = 0; size < blob.size; size++) {
        struct fdt tree;
        struct blob cut = copy_of(blob.bytes, size);
        assert_error(fdt_open(&tree, cut.bytes, size), FDT_TRUNCATED);
        if (size < HEADER_SIZE)
            free(cut.bytes);
        else
            expect_error(with_cell(cut, SIZE, (uint32_t) size), FDT_BAD_LAYOUT);
    }
    for (uint32_t size = 0; size < cell_at(blob, STRUCTURE_SIZE); size++) {
        struct blob cut = with_cell(copy_of(blob.bytes, blob.size), STRUCTURE_SIZE, size);
        assert_int_not_equal(survive(cut), FDT_OK);
    }
    free(blob.bytes);
}

static void any_byte_may_be_wrong(void **state) {
    (void) state;
    struct blob blob = small_tree();
    for (size_t at = 0; at < blob.size; at++)
        for (int byte = 0; byte < 256; byte++) {
            struct blob broken = copy_of(blob.bytes, blob.size);
            broken.bytes[at] = (unsigned char) byte;
            survive(broken);
        }
    free(blob.bytes);
}

static void any_cell_may_be_extreme(void **state) {
    (void) state;
    struct blob blob = small_tree();
    uint32_t size = (uint32_t) blob.size;
    const uint32_t extremes[] = {0,          1,          2,          3,          4,
                                 5,          7,          8,          9,          16,
                                 0x7ffffffc, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0,
                                 0xfffffff8, 0xfffffffc, 0xfffffffd, 0xfffffffe, UINT32_MAX};
    for (size_t at = 0; at + 4 <= blob.size; at += 4) {
        for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++)
            survive(with_cell(copy_of(blob.bytes, size), at, extremes[i]));
        /* All lengths and offsets around those that reach exactly to the end. */
        for (uint32_t value = 0; value < size + 16; value++) {
            survive(with_cell(copy_of(blob.bytes, size), at, value));
            survive(with_cell(copy_of(blob.bytes, size), at, 0 - value));
        }
    }
    free(blob.bytes);
}

/* The small tree without one of its tokens, or with one of them twice. */
static void any_token_may_be_missing_or_doubled(void **state) {
    (void) state;
    struct blob blob = small_tree();
    size_t structure = cell_at(blob, STRUCTURE), end = structure + cell_at(blob, STRUCTURE_SIZE);
    for (size_t at = structure; at < end; at += 4)
        for (size_t size = 4; size <= 32 && at + size <= end; size += 4) {
            draft.structure_size = 0;
            put_bytes(blob.bytes + structure, at - structure);
            put_bytes(blob.bytes + at + size, end - at - size);
            survive(draft_as_it_is());
            draft.structure_size = 0;
            put_bytes(blob.bytes + structure, at + size - structure);
            put_bytes(blob.bytes + at, end - at);
            survive(draft_as_it_is());
        }
    free(blob.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_sizes_of_one_cell_are_read),
        cmocka_unit_test(addresses_and_sizes_of_two_cells_are_read),
        cmocka_unit_test(missing_cells_mean_two_for_addresses_and_one_for_sizes),
        cmocka_unit_test(memory_nodes_are_read_in_the_order_in_which_they_stand),
        cmocka_unit_test(reservations_come_before_memory_and_static_ones_have_a_place),
        cmocka_unit_test(harts_that_cannot_run_are_not_counted),
        cmocka_unit_test(hart_ids_and_frequencies_of_two_cells_are_read),
        cmocka_unit_test(hundreds_of_regions_in_one_node_are_read),
        cmocka_unit_test(a_tree_of_version_16_is_read),
        cmocka_unit_test(the_tree_of_qemu_has_its_memory_and_its_hart),
        cmocka_unit_test(the_tree_of_qemu_for_32_bits_has_its_memory_and_its_hart),
        cmocka_unit_test(the_tree_of_qemu_with_four_harts_has_four),
        cmocka_unit_test(the_tree_of_qemu_with_two_memory_backends_has_two_memory_nodes),
        cmocka_unit_test(a_tree_of_a_root_alone_says_nothing),
        cmocka_unit_test(every_kind_of_item_is_found),
        cmocka_unit_test(a_thousand_memory_nodes_are_read),
        cmocka_unit_test(nodes_may_be_nested_to_any_depth),
        cmocka_unit_test(nops_are_skipped_wherever_they_stand),
        cmocka_unit_test(what_stands_in_a_node_that_does_not_matter_does_not_matter),
        cmocka_unit_test(harts_and_reservations_count_in_their_place_alone),
        cmocka_unit_test(cells_that_nothing_is_measured_in_do_not_matter),
        cmocka_unit_test(a_text_without_an_end_is_no_word),
        cmocka_unit_test(names_that_only_begin_alike_are_not_taken_for_each_other),
        cmocka_unit_test(a_name_ends_before_no_character_but_its_end),
        cmocka_unit_test(every_error_has_its_name),
        cmocka_unit_test(a_blob_at_no_address_or_a_misaligned_one_is_refused),
        cmocka_unit_test(a_blob_longer_than_the_limit_is_refused),
        cmocka_unit_test(a_wrong_magic_is_refused),
        cmocka_unit_test(only_versions_that_can_be_read_are_read),
        cmocka_unit_test(blocks_outside_the_blob_or_in_each_other_are_refused),
        cmocka_unit_test(blocks_at_odd_offsets_are_refused),
        cmocka_unit_test(reservations_without_an_end_are_refused),
        cmocka_unit_test(a_property_name_outside_its_block_or_without_an_end_is_refused),
        cmocka_unit_test(a_structure_block_without_an_end_is_refused),
        cmocka_unit_test(an_unknown_token_is_refused),
        cmocka_unit_test(a_node_name_without_an_end_is_refused),
        cmocka_unit_test(a_property_beyond_the_end_is_refused),
        cmocka_unit_test(a_property_out_of_place_is_refused),
        cmocka_unit_test(nodes_that_do_not_balance_are_refused),
        cmocka_unit_test(numbers_of_neither_one_nor_two_cells_are_refused),
        cmocka_unit_test(a_frequency_is_one_or_two_cells_long),
        cmocka_unit_test(a_list_that_ends_within_an_entry_is_refused),
        cmocka_unit_test(a_hart_id_cut_short_is_refused),
        cmocka_unit_test(a_range_past_the_end_of_the_address_space_is_refused),
        cmocka_unit_test(a_blob_that_changes_after_it_was_opened_is_noticed),
        cmocka_unit_test(no_truncated_tree_is_taken_for_whole),
        cmocka_unit_test(any_byte_may_be_wrong),
        cmocka_unit_test(any_cell_may_be_extreme),
        cmocka_unit_test(any_token_may_be_missing_or_doubled),
    };
    return cmocka_run_group_tests_name("device tree", tests, NULL, NULL);
}
