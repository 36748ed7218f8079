/* Buddy: for each order, the set of naturally aligned blocks of 2^order pages that are free.
 *
 *   page      0   1   2   3   4   5   6   7
 *   order 0   │   │ X │   │   │   │   │   │   │     a free block stands in one set only, that of
 *   order 1   │       │   X   │       │       │     the largest order that it is whole in: page 1,
 *   order 2   │               │       X       │     pages 2 and 3, and pages 4 to 7 are free
 *
 * To allocate, the lowest block of the smallest order that has one is taken, and what was not asked
 * for goes back: that is the split, and it works for every n. To free, a block whose buddy is free
 * becomes one block with it, order by order: that is the merge. (Knowlton 1965; Knuth, The Art of
 * Computer Programming, volume 1, section 2.5.) The sets have summaries, and none is in the pages.
 *
 * The sets are the tree's (bits.h). Bounds on runs are not needed: the order is the bound.
 *
 * Remembers: 2 bits a page, 2.03 with the summaries.
 * Cost: a few steps for each of 19 orders and each level of summaries, whatever n is up to 1 GiB;
 * above, one more for every GiB.
 * Flaw: a set for every order, and small requests scatter until no large block is left. */
#include "stage.h"
#include "bits.h"

#define MAX_ORDER 18U /* 1 GiB, the largest alignment */
#define ORDERS (MAX_ORDER + 1)
_Static_assert(PAGE_SIZE << MAX_ORDER == MAX_ALIGN, "a block must have every alignment");

struct buddy {
    uint64_t orders; /* bit k: there is a free block of order k */
    struct bits free[ORDERS];
};

/* Blocks of an order that it takes to cover so many pages. */
static size_t blocks_for(size_t pages, unsigned order) {
    return ((pages - 1) >> order) + 1;
}

static size_t stage_meta_size(size_t pages) {
    size_t words = 0;
    for (unsigned order = 0; order < ORDERS; order++)
        words += bits_words(blocks_for(pages, order));
    return header_size(sizeof(struct buddy)) + words * sizeof(uint64_t);
}

/* The words of all sets, those of order 0 first. */
static uint64_t *words_of(const struct page_allocator *a) {
    return (void *) ((char *) a->meta + header_size(sizeof(struct buddy)));
}

static void stage_init(struct page_allocator *a) {
    struct buddy *b = a->meta;
    uint64_t *words = words_of(a);
    b->orders = 0;
    for (unsigned order = 0; order < ORDERS; order++) {
        size_t blocks = blocks_for(a->span.end, order);
        bits_init(&b->free[order], words, blocks);
        words += bits_words(blocks);
    }
}

static void take_block(struct buddy *b, unsigned order, size_t block) {
    bits_clear(&b->free[order], block);
    uint64_t was_last = bits_is_empty(&b->free[order]);
    b->orders &= ~(was_last << order);
}

static void put_block(struct buddy *b, unsigned order, size_t block) {
    bits_set(&b->free[order], block);
    b->orders |= word_bit(order);
}

/* Make a block free, one with its buddy where that is free too. */
static void give_block(struct buddy *b, unsigned order, size_t block) {
    while (order < MAX_ORDER && bits_test(&b->free[order], block ^ 1)) {
        take_block(b, order, block ^ 1);
        block /= 2;
        order++;
    }
    put_block(b, order, block);
}

/* Make the pages [first, end) free: the fewest blocks that make up the range. */
static void give_range(struct buddy *b, size_t first, size_t end) {
    while (first < end) {
        /* As large as the alignment of `first` allows and the rest of the range holds. */
        size_t aligned = word_lowest(first | word_bit(MAX_ORDER));
        size_t fits = word_highest(end - first);
        unsigned order = (unsigned) (aligned < fits ? aligned : fits);
        give_block(b, order, first >> order);
        first += (size_t) 1 << order;
    }
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    give_range(a->meta, first, first + n);
    return ALLOC_OK;
}

/* The order of the free block that holds the page; ORDERS if the page is not free. */
static unsigned order_of(const struct buddy *b, size_t page) {
    for (uint64_t orders = b->orders; orders != 0; orders &= orders - 1) {
        unsigned order = (unsigned) word_lowest(orders);
        if (bits_test(&b->free[order], page >> order))
            return order;
    }
    return ORDERS;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return order_of(a->meta, page) < ORDERS;
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    const struct buddy *b = a->meta;
    struct page_range next = {NONE, NONE};
    for (uint64_t orders = b->orders; orders != 0; orders &= orders - 1) {
        unsigned order = (unsigned) word_lowest(orders);
        size_t block = bits_next(&b->free[order], from >> order);
        if (block == NONE || block << order >= next.first)
            continue;
        /* The block that holds `from` may begin below it. */
        next.first = block << order > from ? block << order : from;
        next.end = (block + 1) << order;
    }
    return next;
}

/* Take n pages from blocks of the largest order, side by side. */
static size_t alloc_large(struct buddy *b, size_t n) {
    const struct bits *free = &b->free[MAX_ORDER];
    size_t blocks = blocks_for(n, MAX_ORDER);
    size_t block = words_find_run(free->level[0], free->size, blocks, 1);
    if (block == NONE)
        return NONE;

    for (size_t i = 0; i < blocks; i++)
        take_block(b, MAX_ORDER, block + i);
    size_t first = block << MAX_ORDER;
    give_range(b, first + n, (block + blocks) << MAX_ORDER);
    return first;
}

static size_t stage_alloc(struct page_allocator *a, size_t n, size_t align) {
    struct buddy *b = a->meta;
    size_t pages = n > align ? n : align;
    if (pages > (size_t) 1 << MAX_ORDER)
        return alloc_large(b, n);

    unsigned wanted = pages == 1 ? 0 : (unsigned) word_highest(pages - 1) + 1;
    uint64_t orders = b->orders >> wanted << wanted;
    if (orders == 0)
        return NONE;

    unsigned order = (unsigned) word_lowest(orders);
    size_t block = bits_first(&b->free[order]);
    take_block(b, order, block);
    size_t first = block << order;
    give_range(b, first + n, (block + 1) << order);
    return first;
}

static bool stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    struct buddy *b = a->meta;
    size_t end = first + n;
    for (size_t page = first; page < end;) {
        unsigned order = order_of(b, page);
        if (order == ORDERS)
            return false;
        page = ((page >> order) + 1) << order;
    }

    /* Take every block that holds some of the pages, then give back what it has beyond them. */
    size_t blocks_first = first >> order_of(b, first) << order_of(b, first);
    size_t blocks_end = first;
    while (blocks_end < end) {
        unsigned order = order_of(b, blocks_end);
        size_t block = blocks_end >> order;
        take_block(b, order, block);
        blocks_end = (block + 1) << order;
    }
    give_range(b, blocks_first, first);
    give_range(b, end, blocks_end);
    return true;
}

static bool stage_free(struct page_allocator *a, size_t first, size_t n) {
    /* One page is looked up faster than a range. */
    bool is_free = n == 1 ? stage_is_free(a, first) : stage_next_free(a, first).first < first + n;
    if (is_free)
        return false;
    give_range(a->meta, first, first + n);
    return true;
}

/* Is the set of this order in its place, are its summaries right, and is each of its blocks free
 * in no smaller order as well, and its buddy not free? */
static bool check_order(const struct buddy *b, unsigned order, const uint64_t *words,
                        size_t blocks) {
    const struct bits *free = &b->free[order];
    if (!bits_is_at(free, words, blocks))
        return false;
    if (!bits_check(free) || words_test(&b->orders, order) == bits_is_empty(free))
        return false;

    for (size_t i = bits_next(free, 0); i != NONE; i = bits_next(free, i + 1)) {
        if (order < MAX_ORDER && bits_test(free, i ^ 1))
            return false;
        for (unsigned below = 0; below < order; below++)
            if (bits_next(&b->free[below], i << (order - below)) < (i + 1) << (order - below))
                return false;
    }
    return true;
}

static bool stage_check(const struct page_allocator *a) {
    const struct buddy *b = a->meta;
    const uint64_t *words = words_of(a);
    for (unsigned order = 0; order < ORDERS; order++) {
        size_t blocks = blocks_for(a->span.end, order);
        if (!check_order(b, order, words, blocks))
            return false;
        words += bits_words(blocks);
    }
    return b->orders >> ORDERS == 0;
}

const struct alloc_stage buddy_stage = {
    .name = "buddy",
    .meta_size = stage_meta_size,
    .init = stage_init,
    .add = stage_add,
    .is_free = stage_is_free,
    .next_free = stage_next_free,
    .alloc = stage_alloc,
    .alloc_at = stage_alloc_at,
    .free = stage_free,
    .check = stage_check,
};
