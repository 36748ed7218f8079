/* The reader of the flattened device tree.
 *
 *   BEGIN_NODE ""                            the root
 *     PROPERTY #address-cells = 2
 *     BEGIN_NODE "memory@80000000"
 *       PROPERTY device_type = "memory"
 *       PROPERTY reg = 0 0x80000000  0 0x8000000
 *     END_NODE                               here all of the node is known: its reg is read
 *   END_NODE
 *   END
 *
 * One loop reads token by token and remembers where the properties lie that matter, of the
 * root, its child and its grandchild that the loop is in. Deeper nodes are only counted: no depth
 * is too deep. All numbers are big-endian, in cells of 32 bits. */
#include "fdt.h"

/* The cells of the header. */
enum {
    MAGIC,
    TOTAL_SIZE,
    STRUCTURE,
    NAMES,
    RESERVATIONS,
    VERSION,
    LAST_COMPATIBLE_VERSION,
    BOOT_HART,
    NAMES_SIZE,
    STRUCTURE_SIZE,
    HEADER_CELLS,
};

/* In bytes. */
enum {
    CELL = 4,
    HEADER = HEADER_CELLS * CELL,
    RESERVATION = 4 * CELL,
};

enum {
    BEGIN_NODE = 1,
    END_NODE = 2,
    PROPERTY = 3,
    NOP = 4,
    END = 9,
};

/* ---- numbers and words ---- */

static uint32_t read_cell(const unsigned char *at) {
    return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

/* Take a number of 0, 1 or 2 cells off the front. The caller knows that there are so many. */
static uint64_t take_number(struct fdt_bytes *from, uint32_t cells) {
    uint64_t number = 0;
    for (; cells > 0; cells--) {
        number = number << 32 | read_cell(from->at);
        from->at += CELL;
        from->size -= CELL;
    }
    return number;
}

/* Is the text `word`, up to its end or the character `stop`? */
static bool is_word(const char *text, const char *word, char stop) {
    for (; *word != '\0'; text++, word++)
        if (*text != *word)
            return false;
    return *text == '\0' || *text == stop;
}

/* Is the node's name `word`, with or without "@" and an address? */
static bool is_named(const struct fdt_node *node, const char *word) {
    return is_word(node->name, word, '@');
}

/* Is the property's value the text `word`? */
static bool is_text(struct fdt_bytes value, const char *word) {
    bool has_end = value.size > 0 && value.at[value.size - 1] == '\0';
    return has_end && is_word((const char *) value.at, word, '\0');
}

/* ---- lists of items ---- */

/* Before the walk goes on, fdt_next shall hand out what `bytes` say: entries of a first number,
 * which is an address, an id or a frequency, and of a size where there is one. */
static enum fdt_error begin_list(struct fdt *tree, enum fdt_kind kind, struct fdt_bytes bytes,
                                 uint32_t first_cells, uint32_t size_cells) {
    if (bytes.size == 0)
        return FDT_OK;
    if (first_cells < 1 || first_cells > 2 || size_cells > 2)
        return FDT_BAD_CELLS;
    if (bytes.size % ((first_cells + size_cells) * CELL) != 0)
        return FDT_BAD_LENGTH;
    tree->list.rest = bytes;
    tree->list.kind = kind;
    tree->list.first_cells = first_cells;
    tree->list.size_cells = size_cells;
    return FDT_OK;
}

/* The value of #address-cells or #size-cells; UINT32_MAX if it is not 1 or 2. */
static uint32_t cell_count(struct fdt_bytes value, uint32_t if_missing) {
    if (!value.at)
        return if_missing;
    uint32_t cells = value.size == CELL ? read_cell(value.at) : 0;
    return cells == 1 || cells == 2 ? cells : UINT32_MAX;
}

/* ---- tokens ---- */

/* Take so many bytes off the structure block, and the padding after them. The caller knows that
 * there are so many. The block's length is whole cells, so there is room for the padding too. */
static struct fdt_bytes take_bytes(struct fdt *tree, uint32_t size) {
    struct fdt_bytes bytes = {tree->rest.at, size};
    uint32_t padded = (size + CELL - 1) / CELL * CELL;
    tree->rest.at += padded;
    tree->rest.size -= padded;
    return bytes;
}

static enum fdt_error begin_node(struct fdt *tree) {
    if (tree->depth == 0 && tree->path[0].name)
        return FDT_UNBALANCED;

    uint32_t length = 0;
    while (length < tree->rest.size && tree->rest.at[length] != '\0')
        length++;
    if (length == tree->rest.size)
        return FDT_BAD_NAME;

    struct fdt_bytes name = take_bytes(tree, length + 1);
    if (tree->depth < FDT_LEVELS)
        tree->path[tree->depth] = (struct fdt_node){.name = (const char *) name.at};
    tree->depth++;
    tree->takes_properties = true;
    return FDT_OK;
}

static enum fdt_error read_property(struct fdt *tree) {
    if (!tree->takes_properties)
        return FDT_BAD_ORDER;
    if (tree->rest.size < 2 * CELL)
        return FDT_BAD_PROPERTY;
    uint32_t size = (uint32_t) take_number(&tree->rest, 1);
    uint32_t name_offset = (uint32_t) take_number(&tree->rest, 1);
    if (size > tree->rest.size)
        return FDT_BAD_PROPERTY;
    if (name_offset >= tree->names.size)
        return FDT_BAD_STRING;

    struct fdt_bytes value = take_bytes(tree, size);
    const char *name = (const char *) tree->names.at + name_offset;
    if (tree->depth > FDT_LEVELS)
        return FDT_OK;
    struct fdt_node *node = &tree->path[tree->depth - 1];
    if (is_word(name, "#address-cells", '\0'))
        node->address_cells = value;
    else if (is_word(name, "#size-cells", '\0'))
        node->size_cells = value;
    else if (is_word(name, "device_type", '\0'))
        node->device_type = value;
    else if (is_word(name, "status", '\0'))
        node->status = value;
    else if (is_word(name, "reg", '\0'))
        node->reg = value;
    else if (is_word(name, "timebase-frequency", '\0') && tree->depth > 1 &&
             is_named(&tree->path[1], "cpus"))
        return begin_list(tree, FDT_TIMEBASE, value, value.size / CELL, 0);
    return FDT_OK;
}

static bool is_available(const struct fdt_node *node) {
    return !node->status.at || is_text(node->status, "okay") || is_text(node->status, "ok");
}

static bool is_memory(const struct fdt_node *node) {
    return node->device_type.at ? is_text(node->device_type, "memory") : is_named(node, "memory");
}

/* Now all of the node is known: if it says where something is, read that before walking on. */
static enum fdt_error end_node(struct fdt *tree) {
    if (tree->depth == 0)
        return FDT_UNBALANCED;
    uint32_t level = --tree->depth;
    tree->takes_properties = false;
    if (level == 0 || level >= FDT_LEVELS || !is_available(&tree->path[level]))
        return FDT_OK;

    const struct fdt_node *node = &tree->path[level], *parent = &tree->path[level - 1];
    uint32_t first_cells = cell_count(parent->address_cells, 2);
    uint32_t size_cells = cell_count(parent->size_cells, 1);
    if (level == 1 && is_memory(node))
        return begin_list(tree, FDT_MEMORY, node->reg, first_cells, size_cells);
    if (level == 2 && is_named(parent, "reserved-memory"))
        return begin_list(tree, FDT_RESERVED, node->reg, first_cells, size_cells);
    if (level == 2 && is_named(parent, "cpus") && is_text(node->device_type, "cpu"))
        return begin_list(tree, FDT_HART, node->reg, first_cells, 0);
    return FDT_OK;
}

static enum fdt_error read_token(struct fdt *tree) {
    if (tree->rest.size == 0)
        return FDT_NO_END;
    switch (take_number(&tree->rest, 1)) {
    case BEGIN_NODE:
        return begin_node(tree);
    case END_NODE:
        return end_node(tree);
    case PROPERTY:
        return read_property(tree);
    case NOP:
        return FDT_OK;
    case END:
        return tree->depth == 0 && tree->path[0].name ? FDT_DONE : FDT_UNBALANCED;
    default:
        return FDT_BAD_TOKEN;
    }
}

/* ---- the blob as a whole ---- */

static uint32_t header(const struct fdt *tree, size_t cell) {
    return read_cell(tree->blob + cell * CELL);
}

/* Find the blocks: inside the blob, in the order of the specification, apart from each other. */
static enum fdt_error find_blocks(struct fdt *tree) {
    uint32_t reservations = header(tree, RESERVATIONS), structure = header(tree, STRUCTURE);
    uint32_t names = header(tree, NAMES), names_size = header(tree, NAMES_SIZE);
    if (reservations < HEADER || structure < reservations || names < structure ||
        tree->size < names || names_size > tree->size - names)
        return FDT_BAD_LAYOUT;

    /* Before version 17 the structure block ends where the next one begins. */
    uint32_t room = names - structure;
    uint32_t structure_size = header(tree, VERSION) < 17 ? room : header(tree, STRUCTURE_SIZE);
    if (structure_size > room)
        return FDT_BAD_LAYOUT;
    if (reservations % 8 != 0 || structure % CELL != 0 || structure_size % CELL != 0)
        return FDT_MISALIGNED;

    tree->reservations = (struct fdt_bytes){tree->blob + reservations, structure - reservations};
    tree->structure = (struct fdt_bytes){tree->blob + structure, structure_size};
    tree->names = (struct fdt_bytes){tree->blob + names, names_size};
    /* If the last name has an end, all have. */
    return names_size > 0 && tree->names.at[names_size - 1] != '\0' ? FDT_BAD_STRING : FDT_OK;
}

/* Cut the list of reservations before the entry of zeroes that ends it. */
static enum fdt_error end_reservations(struct fdt *tree) {
    struct fdt_bytes rest = tree->reservations;
    uint64_t start, size;
    do {
        if (rest.size < RESERVATION)
            return FDT_UNTERMINATED;
        start = take_number(&rest, 2);
        size = take_number(&rest, 2);
    } while (start != 0 || size != 0);
    tree->reservations.size -= rest.size + RESERVATION;
    return FDT_OK;
}

/* The next item is the first: the reservations, then the root. */
static void rewind_walk(struct fdt *tree) {
    tree->rest = tree->structure;
    tree->path[0].name = NULL;
    tree->list.rest = tree->reservations;
    tree->list.kind = FDT_RESERVED;
    tree->list.first_cells = tree->list.size_cells = 2;
}

enum fdt_error fdt_open(struct fdt *tree, const void *blob, size_t limit) {
    if (!blob || (uintptr_t) blob % 8 != 0)
        return FDT_BAD_ADDRESS;
    if (limit < HEADER)
        return FDT_TRUNCATED;
    *tree = (struct fdt){.blob = blob};
    tree->size = header(tree, TOTAL_SIZE);
    if (header(tree, MAGIC) != 0xd00dfeed)
        return FDT_BAD_MAGIC;
    if (header(tree, VERSION) < 16 || header(tree, LAST_COMPATIBLE_VERSION) > 17)
        return FDT_BAD_VERSION;
    if (tree->size > limit)
        return FDT_TRUNCATED;

    enum fdt_error error = find_blocks(tree);
    if (error == FDT_OK)
        error = end_reservations(tree);
    if (error != FDT_OK)
        return error;

    rewind_walk(tree);
    struct fdt_item item;
    while ((error = fdt_next(tree, &item)) == FDT_OK)
        continue;
    return error == FDT_DONE ? FDT_OK : error;
}

enum fdt_error fdt_next(struct fdt *tree, struct fdt_item *item) {
    do {
        while (tree->list.rest.size == 0) {
            enum fdt_error error = read_token(tree);
            if (error == FDT_DONE)
                rewind_walk(tree);
            if (error != FDT_OK)
                return error;
        }
        item->kind = tree->list.kind;
        item->start = take_number(&tree->list.rest, tree->list.first_cells);
        item->size = take_number(&tree->list.rest, tree->list.size_cells);
    } while (item->size == 0 && tree->list.size_cells > 0);
    return item->size > UINT64_MAX - item->start ? FDT_OVERFLOW : FDT_OK;
}

const char *fdt_error_name(enum fdt_error error) {
    static const char *const names[] = {"FDT_OK",         "FDT_DONE",         "FDT_BAD_ADDRESS",
                                        "FDT_TRUNCATED",  "FDT_BAD_MAGIC",    "FDT_BAD_VERSION",
                                        "FDT_BAD_LAYOUT", "FDT_MISALIGNED",   "FDT_UNTERMINATED",
                                        "FDT_BAD_STRING", "FDT_NO_END",       "FDT_BAD_TOKEN",
                                        "FDT_BAD_NAME",   "FDT_BAD_PROPERTY", "FDT_BAD_ORDER",
                                        "FDT_UNBALANCED", "FDT_BAD_CELLS",    "FDT_BAD_LENGTH",
                                        "FDT_OVERFLOW"};
    return (size_t) error < sizeof(names) / sizeof(names[0]) ? names[error] : "unknown error";
}
