/* Stack: the bitmap, and a link beside each word; the words with a free page form a stack.
 *
 *   word    0    1    2    3           top ──► 2 ──► 0 ──► bottom
 *   bits    01…  00…  11…  00…
 *   link    b    -    0    -           b: the bottom, -: off the stack
 *
 * A word that runs empty below the top stays where it is, and is dropped when it gets there: there
 * is no search for it.
 *
 * Remembers: 1 bit per page and 32 bits for each 64 pages, 1.5 bits per page.
 * Cost: one page O(1) to allocate, on average, because each dropped word was pushed once, and to
 * free; runs, aligned pages and page_alloc_at as in the bitmap; page_add_memory O(words).
 * Flaw: only single pages are O(1), and they come in no order. */
#include "bitmap.h"

/* What a link says if it is no index of the word below. Two values: the word at the bottom has
 * nothing below it, but it is on the stack. */
#define BOTTOM (UINT32_MAX - 1)
#define OFF_STACK UINT32_MAX

#define BITMAP_AT header_size(sizeof(struct stack))

struct stack {
    uint32_t *links; /* behind the bitmap */
    uint32_t top;    /* BOTTOM if the stack is empty */
};

static size_t stage_meta_size(size_t pages) {
    size_t words = words_for(pages);
    if (words > BOTTOM)
        return 0; /* two words short of 1 PiB: a link has no index for more */
    return BITMAP_AT + words * (sizeof(uint64_t) + sizeof(uint32_t));
}

static uint64_t *words_of(const struct page_allocator *a) {
    return bitmap_words(a, BITMAP_AT);
}

static uint32_t *links_of(const struct page_allocator *a) {
    return (void *) (words_of(a) + words_for(a->span.end));
}

/* Push a word, unless it is on the stack already: one that ran empty may still be there. */
static void push(struct stack *s, size_t word) {
    if (s->links[word] != OFF_STACK)
        return;
    s->links[word] = s->top;
    s->top = (uint32_t) word;
}

static void stage_init(struct page_allocator *a) {
    struct stack *s = a->meta;
    bitmap_init(a, BITMAP_AT);
    s->top = BOTTOM;
    s->links = links_of(a);
    for (size_t word = 0; word < words_for(a->span.end); word++)
        s->links[word] = OFF_STACK;
}

/* Make the pages [first, end) free. The lowest word comes last, to lie on top. */
static void free_range(struct page_allocator *a, size_t first, size_t end) {
    words_set(words_of(a), first, end);
    for (size_t word = words_for(end); word-- > first / WORD_BITS;)
        push(a->meta, word);
}

/* The same for pages that were absent: no word but the first and the last can have been on the
 * stack. Those between are linked upwards, one to the next. */
static void add_range(struct page_allocator *a, size_t first, size_t end) {
    struct stack *s = a->meta;
    size_t from = first / WORD_BITS, last = (end - 1) / WORD_BITS;
    words_set(words_of(a), first, end);
    push(s, last);
    if (from + 1 < last) {
        s->links[last - 1] = s->top;
        s->top = (uint32_t) (from + 1);
        for (size_t word = from + 1; word < last - 1; word++)
            s->links[word] = (uint32_t) (word + 1);
    }
    push(s, from);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    add_range(a, first, first + n);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    return bitmap_next_free(a, BITMAP_AT, from);
}

static void pop(struct stack *s) {
    ALLOC_ASSERT(s->top < BOTTOM);
    uint32_t dropped = s->top;
    s->top = s->links[dropped];
    s->links[dropped] = OFF_STACK;
}

static enum alloc_error alloc_page(struct page_allocator *a, paddr_t *out) {
    struct stack *s = a->meta;
    /* Words that runs have emptied. There is a free page, so its word ends this. */
    ALLOC_ASSERT(page_available(a) > 0);
    while (words_of(a)[s->top] == 0)
        pop(s);

    uint64_t *word = &words_of(a)[s->top];
    size_t first = s->top * WORD_BITS + word_lowest(*word);
    *word &= *word - 1; /* clears the lowest bit */
    if (*word == 0)
        pop(s);
    return hand_out(a, first, 1, out);
}

/* Kept apart from the single page, as is free_run: it costs that no register. */
static SELDOM enum alloc_error alloc_run(struct page_allocator *a, size_t n, size_t align,
                                         paddr_t *out) {
    return bitmap_alloc(a, BITMAP_AT, n, align, out);
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    return n == 1 && align == 1 ? alloc_page(a, out) : alloc_run(a, n, align, out);
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    return bitmap_alloc_at(a, BITMAP_AT, first, n);
}

static enum alloc_error free_page(struct page_allocator *a, size_t page) {
    uint64_t *word = &words_of(a)[page / WORD_BITS];
    if (*word & word_bit(page))
        return ALLOC_NOT_ALLOCATED;
    *word |= word_bit(page);
    push(a->meta, page / WORD_BITS);
    return count_given(a, 1);
}

static SELDOM enum alloc_error free_run(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_clear(words_of(a), first, first + n))
        return ALLOC_NOT_ALLOCATED;
    free_range(a, first, first + n);
    return count_given(a, n);
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    return n == 1 ? free_page(a, first) : free_run(a, first, n);
}

/* Every word with a free page is on the stack, once, and nothing else says that it is. */
static struct problem stage_problem(const struct page_allocator *a) {
    struct problem problem = bitmap_problem(a, BITMAP_AT);
    if (problem.words != NULL)
        return problem;

    const struct stack *s = a->meta;
    const uint32_t *links = s->links;
    if (links != links_of(a))
        return (struct problem){"the links are not behind the bitmap", {0}};
    size_t words = words_for(a->span.end), linked = 0;
    for (size_t word = 0; word < words; word++) {
        if (links[word] != OFF_STACK)
            linked++;
        else if (words_of(a)[word] != 0)
            return (struct problem){"word # has a free page and is not on the stack", {word}};
    }
    /* As many steps as there are links end at the bottom: more is a ring, fewer a lost part. */
    uint32_t at = s->top;
    for (; linked > 0 && at < words; linked--)
        at = links[at];
    if (linked > 0)
        return (struct problem){"# words have a link, and no way leads to them", {linked}};
    if (at != BOTTOM)
        return (struct problem){"behind all words with a link, the stack goes on with #", {at}};
    return SOUND;
}

const struct alloc_stage stack_stage = {
    .name = "stack",
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
