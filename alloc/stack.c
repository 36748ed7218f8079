/* Stack: the bitmap, and a link beside each word; the words with a free page form a stack.
 *
 *   word    0    1    2    3           top ──► 2 ──► 0 ──► bottom
 *   bits    01…  00…  11…  00…         a word that runs empty below the top stays where it is
 *   link    b    -    0    -           and is dropped when it gets there: no search for it
 *
 * Remembers: 1 bit a page and 32 bits for each 64 pages, 1.5 bits a page.
 * Cost: one page to allocate (averaged: each dropped word was pushed once) or to free, O(1); runs,
 * aligned pages and page_alloc_at as in the bitmap; page_add_memory one step for each word.
 * Flaw: only single pages are O(1), and they come in no order. */
#include "stage.h"
#include "words.h"

/* What a link says beside the index of the word below. */
#define BOTTOM (UINT32_MAX - 1) /* on the stack, with nothing below: not the same as … */
#define OFF_STACK UINT32_MAX    /* … not on the stack */

struct stack {
    uint64_t *words;
    uint32_t *links;
    uint32_t top; /* BOTTOM if the stack is empty */
};

/* Where the words begin: behind the struct, on a cache line of their own. */
#define WORDS_OFFSET ((size_t) 64)

static size_t stage_meta_size(size_t pages) {
    size_t words = words_for(pages);
    if (words > BOTTOM)
        return 0; /* 1 PiB: a link has no index for more */
    return WORDS_OFFSET + words * (sizeof(uint64_t) + sizeof(uint32_t));
}

/* Link all words that have a free page, the lowest at the top. */
static void link_words(struct stack *s, size_t words) {
    s->top = BOTTOM;
    for (size_t at = words; at-- > 0;) {
        s->links[at] = OFF_STACK;
        if (s->words[at] != 0) {
            s->links[at] = s->top;
            s->top = (uint32_t) at;
        }
    }
}

static void stage_init(struct page_allocator *a) {
    struct stack *s = a->meta;
    size_t words = words_for(a->span.end);
    s->words = (void *) ((char *) a->meta + WORDS_OFFSET);
    s->links = (void *) (s->words + words);
    words_clear(s->words, 0, words * WORD_BITS);
    link_words(s, words);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    struct stack *s = a->meta;
    words_set(s->words, first, first + n);
    link_words(s, words_for(a->span.end));
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    const struct stack *s = a->meta;
    return words_test(s->words, page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    const struct stack *s = a->meta;
    size_t first = words_next_set(s->words, from, a->span.end);
    if (first == a->span.end)
        return (struct page_range){NONE, NONE};
    return (struct page_range){first, words_next_clear(s->words, first, a->span.end)};
}

/* Drop the words at the top that have run empty. There is a free page, so its word ends this. */
static void drop_empty(struct stack *s) {
    while (s->words[s->top] == 0) {
        uint32_t dropped = s->top;
        s->top = s->links[dropped];
        s->links[dropped] = OFF_STACK;
    }
}

static size_t alloc_top(struct stack *s) {
    drop_empty(s);
    size_t first = s->top * WORD_BITS + word_lowest(s->words[s->top]);
    s->words[s->top] &= s->words[s->top] - 1; /* clears the lowest bit */
    return first;
}

static size_t stage_alloc(struct page_allocator *a, size_t n, size_t align) {
    struct stack *s = a->meta;
    if (n == 1 && align == 1)
        return alloc_top(s);

    size_t first = words_find_run(s->words, a->span.end, n, align);
    if (first != NONE)
        words_clear(s->words, first, first + n);
    return first;
}

static bool stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    struct stack *s = a->meta;
    if (!words_all_set(s->words, first, first + n))
        return false;
    words_clear(s->words, first, first + n);
    return true;
}

static bool stage_free(struct page_allocator *a, size_t first, size_t n) {
    struct stack *s = a->meta;
    if (!words_all_clear(s->words, first, first + n))
        return false;
    words_set(s->words, first, first + n);

    /* Highest first, so that the lowest comes to lie on top. */
    for (size_t at = words_for(first + n); at-- > first / WORD_BITS;) {
        if (s->links[at] == OFF_STACK) {
            s->links[at] = s->top;
            s->top = (uint32_t) at;
        }
    }
    return true;
}

/* Every word with a free page is on the stack, once, and nothing else says that it is. */
static bool stage_check(const struct page_allocator *a) {
    const struct stack *s = a->meta;
    size_t words = words_for(a->span.end), bits = words * WORD_BITS;
    if ((const char *) s->words != (const char *) a->meta + WORDS_OFFSET ||
        (const uint64_t *) s->links != s->words + words)
        return false;
    if (words_next_set(s->words, a->span.end, bits) != bits)
        return false;

    size_t linked = 0;
    for (size_t at = 0; at < words; at++) {
        if (s->links[at] != OFF_STACK)
            linked++;
        else if (s->words[at] != 0)
            return false;
    }
    /* As many steps as there are links must end at the bottom: more is a ring, fewer a lost part.
     */
    uint32_t at = s->top;
    for (; linked > 0 && at < words; linked--)
        at = s->links[at];
    return linked == 0 && at == BOTTOM;
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
    .check = stage_check,
};
