/* Buddy: for each order, the set of naturally aligned blocks of 2^order pages that are free.
 *
 *   page      0   1   2   3   4   5   6   7
 *   order 0   │   │ X │   │   │   │   │   │   │     a free block stands in one set only, that of
 *   order 1   │       │   X   │       │       │     the largest order that it is whole in: page 1,
 *   order 2   │               │       X       │     pages 2 and 3, and pages 4 to 7 are free
 *
 *   free        0   1   1   1   1   1   1   1       the bitmap, as in the stages before
 *
 * To allocate, the lowest block of the smallest order that has one is taken, and what was not asked
 * for goes back: that is the split, and it works for every n. To free, a block whose buddy is free
 * becomes one block with it, order by order: that is the merge. (Knowlton 1965; Knuth, The Art of
 * Computer Programming, volume 1, section 2.5.) The sets have summaries, and none is in the pages.
 *
 * The sets are the tree's (bits.h), but for order 0: a page is a block of order 0 if it is free and
 * its buddy is not, which the bitmap knows. Only which words have such a page is in a set. Bounds
 * on runs are not needed: the order is the bound.
 *
 * Remembers: 2 bits per page, 2.03 with the summaries.
 * Cost: O(orders * levels + words), with 19 orders, whatever is asked for.
 * Flaw: a set for every order, and small requests scatter until no large block is left. */
#include "bitmap.h"
#include "bits.h"

#define MAX_ORDER 18U /* 1 GiB, the largest alignment */
#define ORDERS (MAX_ORDER + 1)
#define BITMAP_AT header_size(sizeof(struct buddy))
_Static_assert(PAGE_SIZE << MAX_ORDER == MAX_ALIGN, "a block must have every alignment");

struct buddy {
    uint64_t orders;            /* bit k, k > 0: there is a free block of order k */
    struct bits blocks[ORDERS]; /* of order 0: the words of the bitmap that have such a block */
};

/* Blocks of an order that it takes to cover so many pages; for order 0, words. */
static size_t blocks_for(size_t pages, unsigned order) {
    return order == 0 ? words_for(pages) : ((pages - 1) >> order) + 1;
}

static size_t stage_meta_size(size_t pages) {
    size_t words = words_for(pages);
    for (unsigned order = 0; order < ORDERS; order++)
        words += bits_words(blocks_for(pages, order));
    return BITMAP_AT + words * sizeof(uint64_t);
}

static uint64_t *words_of(const struct page_allocator *a) {
    return bitmap_words(a, BITMAP_AT);
}

static void stage_init(struct page_allocator *a) {
    struct buddy *b = a->meta;
    uint64_t *words = words_of(a);
    bitmap_init(a, BITMAP_AT);
    words += words_for(a->span.end);
    b->orders = 0;
    for (unsigned order = 0; order < ORDERS; order++) {
        size_t blocks = blocks_for(a->span.end, order);
        bits_init(&b->blocks[order], words, blocks);
        words += bits_words(blocks);
    }
}

/* The blocks of order 0 in a word of the bitmap: free pages that have no free buddy beside them. */
static uint64_t singles_in(uint64_t word) {
    const uint64_t even = UINT64_MAX / 3; /* bits 0, 2, 4, … */
    return word & ~((word & even) << 1 | (word >> 1 & even));
}

/* The set of an order above 0 has changed: is there still a block in it? */
static inline void refresh_order(struct buddy *b, unsigned order) {
    uint64_t is_empty = bits_is_empty(&b->blocks[order]);
    b->orders = (b->orders | word_bit(order)) & ~(is_empty << order);
}

/* The word of the bitmap that holds this page has changed: is there still a block of order 0? */
static void refresh_singles(const struct page_allocator *a, size_t page) {
    struct buddy *b = a->meta;
    size_t word = page / WORD_BITS;
    bits_assign(&b->blocks[0], word, singles_in(words_of(a)[word]) != 0);
}

static void remove_block(struct buddy *b, unsigned order, size_t block) {
    bits_clear(&b->blocks[order], block);
    refresh_order(b, order);
}

static void insert_block(struct buddy *b, unsigned order, size_t block) {
    bits_set(&b->blocks[order], block);
    b->orders |= word_bit(order);
}

/* Insert a block of an order above 0. With its buddy, if free, it is one of the next order. */
static SELDOM void merge_block(struct buddy *b, unsigned order, size_t block) {
    for (; order < MAX_ORDER && bits_test(&b->blocks[order], block ^ 1); order++) {
        remove_block(b, order, block ^ 1);
        block /= 2;
    }
    insert_block(b, order, block);
}

/* Insert the blocks [from, end) of an order above 0. What comes with its buddy goes on as part of a
 * block of the next order; only the first and the last may have to stay behind. */
static void merge_blocks(struct buddy *b, unsigned order, size_t from, size_t end) {
    ALLOC_ASSERT(order > 0);
    for (; end - from > 1 && order < MAX_ORDER; order++) {
        if (from % 2 != 0) {
            if (bits_test(&b->blocks[order], from - 1))
                remove_block(b, order, --from);
            else
                insert_block(b, order, from++);
        }
        if (end % 2 != 0) {
            if (bits_test(&b->blocks[order], end))
                remove_block(b, order, end++);
            else
                insert_block(b, order, --end);
        }
        from /= 2;
        end /= 2;
    }
    for (; from < end; from++)
        merge_block(b, order, from);
}

/* The pages [from, end) are free and in no block: insert the fewest that make up the range. */
static void insert_pages(const struct page_allocator *a, size_t from, size_t end) {
    /* Order 0 has no set of blocks to insert into: the bitmap knows them. What is beside its buddy
       goes on in order 1, with it. */
    if (from % 2 != 0) {
        refresh_singles(a, from);
        from = words_test(words_of(a), from - 1) ? from - 1 : from + 1;
    }
    if (end % 2 != 0) {
        refresh_singles(a, end - 1);
        end = words_test(words_of(a), end) ? end + 1 : end - 1;
    }
    if (from < end) {
        unsigned order = (unsigned) word_lowest(from | end | word_bit(MAX_ORDER));
        merge_blocks(a->meta, order, from >> order, end >> order);
    }
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    words_set(words_of(a), first, first + n);
    insert_pages(a, first, first + n);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    return bitmap_next_free(a, BITMAP_AT, from);
}

/* Take n pages from the start of a free block that was removed, and put the rest back, in blocks as
 * large as the alignment of where they begin allows. Their buddies are taken, or part of the same
 * rest, so there is nothing to merge with. */
static void cut_pages(const struct page_allocator *a, size_t first, size_t n, size_t block_end) {
    size_t rest = first + n;
    words_clear(words_of(a), first, rest);
    if (rest % 2 != 0)
        refresh_singles(a, rest++);
    for (; rest < block_end; rest += rest & -rest) /* its lowest bit */
        insert_block(a->meta, (unsigned) word_lowest(rest), rest >> word_lowest(rest));
}

/* Take n pages from the lowest block of an order above 0 that has one, and is large enough. */
static size_t alloc_from_order(const struct page_allocator *a, unsigned order, size_t n) {
    struct buddy *b = a->meta;
    ALLOC_ASSERT(order > 0 && n <= (size_t) 1 << order && !bits_is_empty(&b->blocks[order]));
    size_t block = bits_take_first(&b->blocks[order]);
    refresh_order(b, order);
    cut_pages(a, block << order, n, (block + 1) << order);
    return block << order;
}

/* Take the lowest block of order 0. */
static size_t alloc_single(const struct page_allocator *a) {
    struct buddy *b = a->meta;
    ALLOC_ASSERT(!bits_is_empty(&b->blocks[0]));
    size_t at = bits_first(&b->blocks[0]);
    uint64_t *word = &words_of(a)[at], singles = singles_in(*word);
    size_t page = at * WORD_BITS + word_lowest(singles);
    *word &= ~word_bit(page);
    if ((singles & (singles - 1)) == 0) /* it was the last one */
        bits_assign(&b->blocks[0], at, false);
    return page;
}

/* Take n pages from blocks of the largest order, side by side. */
static size_t alloc_large(const struct page_allocator *a, size_t n) {
    struct buddy *b = a->meta;
    const struct bits *largest = &b->blocks[MAX_ORDER];
    size_t count = blocks_for(n, MAX_ORDER);
    size_t block = words_find_run(largest->level[0], largest->size, count, 1);
    if (block == NONE)
        return NONE;
    for (size_t i = 0; i < count; i++)
        remove_block(b, MAX_ORDER, block + i);
    cut_pages(a, block << MAX_ORDER, n, (block + count) << MAX_ORDER);
    return block << MAX_ORDER;
}

static SELDOM enum alloc_error alloc_run(struct page_allocator *a, size_t n, size_t align,
                                         paddr_t *out) {
    const struct buddy *b = a->meta;
    size_t pages = n > align ? n : align;
    if (pages > (size_t) 1 << MAX_ORDER) {
        size_t first = alloc_large(a, n);
        return first == NONE ? ALLOC_NO_MEMORY : hand_out(a, first, n, out);
    }

    unsigned wanted = pages <= 2 ? 1 : (unsigned) word_highest(pages - 1) + 1;
    uint64_t orders = b->orders >> wanted << wanted;
    if (orders == 0)
        return ALLOC_NO_MEMORY;
    return hand_out(a, alloc_from_order(a, (unsigned) word_lowest(orders), n), n, out);
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    const struct buddy *b = a->meta;
    if (n == 1 && align == 1 && !bits_is_empty(&b->blocks[0]))
        return hand_out(a, alloc_single(a), 1, out);
    return alloc_run(a, n, align, out);
}

/* The order of the free block that holds a free page. */
static unsigned order_of(const struct page_allocator *a, size_t page) {
    const struct buddy *b = a->meta;
    unsigned order = 0;
    ALLOC_ASSERT(words_test(words_of(a), page));
    /* If its buddy is free too, they have merged: some order has the block, so this ends. */
    if (words_test(words_of(a), page ^ 1))
        do
            order++;
        while (!bits_test(&b->blocks[order], page >> order));
    return order;
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    size_t end = first + n;
    if (!words_all_set(words_of(a), first, end))
        return ALLOC_OVERLAP;

    /* Remove every block that holds some of the pages, then put back what lies beyond them. */
    size_t blocks_first = first >> order_of(a, first) << order_of(a, first);
    size_t blocks_end = blocks_first;
    while (blocks_end < end) {
        unsigned order = order_of(a, blocks_end);
        if (order > 0)
            remove_block(a->meta, order, blocks_end >> order);
        blocks_end += (size_t) 1 << order;
    }
    cut_pages(a, first, n, blocks_end);
    insert_pages(a, blocks_first, first);
    return count_taken(a, n);
}

static enum alloc_error free_page(struct page_allocator *a, size_t page) {
    struct buddy *b = a->meta;
    uint64_t *word = &words_of(a)[page / WORD_BITS];
    if (*word & word_bit(page))
        return ALLOC_NOT_ALLOCATED;
    *word |= word_bit(page);
    if (*word & word_bit(page ^ 1)) {
        refresh_singles(a, page);
        merge_block(b, 1, page / 2);
    } else {
        bits_assign(&b->blocks[0], page / WORD_BITS, true);
    }
    return count_given(a, 1);
}

static SELDOM enum alloc_error free_run(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    words_set(words_of(a), first, first + n);
    insert_pages(a, first, first + n);
    return count_given(a, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    return n == 1 ? free_page(a, first) : free_run(a, first, n);
}

/* The set of an order is where it should be, its summaries are right, and each of its blocks is
 * free, is not so in a smaller order too, and has a buddy that is not. Their pages are added to
 * *pages. */
static struct problem blocks_problem(const struct page_allocator *a, unsigned order,
                                     const uint64_t *words, size_t *pages) {
    const struct buddy *b = a->meta;
    const struct bits *blocks = &b->blocks[order];
    if (!bits_is_at(blocks, words, blocks_for(a->span.end, order)))
        return (struct problem){"the set of order # is not in its place", {order}};
    if (!bits_check(blocks))
        return (struct problem){"the set of order # has a wrong summary, or a block too many",
                                {order}};
    if (words_test(&b->orders, order) == (order == 0 || bits_is_empty(blocks)))
        return (struct problem){"whether order # has a block is noted wrong", {order}};

    for (size_t i = bits_next(blocks, 0); i != NONE && order > 0; i = bits_next(blocks, i + 1)) {
        if (order < MAX_ORDER && bits_test(blocks, i ^ 1))
            return (struct problem){"block # of order # and its buddy are both free", {i, order}};
        if (!words_all_set(words_of(a), i << order, (i + 1) << order))
            return (struct problem){"block # of order # has a page that is not free", {i, order}};
        for (unsigned below = 1; below < order; below++)
            if (bits_next(&b->blocks[below], i << (order - below)) < (i + 1) << (order - below))
                return (struct problem){"block # of order # has a smaller one in it", {i, order}};
        *pages += (size_t) 1 << order;
    }
    return SOUND;
}

static size_t count_bits(uint64_t word) {
    size_t count = 0;
    for (; word != 0; word &= word - 1)
        count++;
    return count;
}

/* Blocks that do not overlap, all of them free, must be as many pages as are free. */
static struct problem stage_problem(const struct page_allocator *a) {
    const struct buddy *b = a->meta;
    size_t count = words_for(a->span.end), in_blocks = 0, free = 0;
    const uint64_t *words = words_of(a), *set = words + count;
    struct problem problem = bitmap_problem(a, BITMAP_AT);
    if (problem.words != NULL)
        return problem;
    if (b->orders >> ORDERS != 0)
        return (struct problem){"an order above # is noted to have a block", {MAX_ORDER}};

    for (unsigned order = 0; order < ORDERS; order++) {
        problem = blocks_problem(a, order, set, &in_blocks);
        if (problem.words != NULL)
            return problem;
        set += bits_words(blocks_for(a->span.end, order));
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t singles = singles_in(words[i]);
        if (bits_test(&b->blocks[0], i) != (singles != 0))
            return (struct problem){"the set of order 0 is wrong about word #", {i}};
        in_blocks += count_bits(singles);
        free += count_bits(words[i]);
    }
    if (in_blocks != free)
        return (struct problem){"# pages are free, # are in blocks", {free, in_blocks}};
    return SOUND;
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
    .problem = stage_problem,
};
