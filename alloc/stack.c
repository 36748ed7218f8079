/* Stack: the bitmap, and a link beside each word; the words with a free page form a stack.
 *
 *   word    0    1    2    3           top ──► 2 ──► 0 ──► bottom
 *   bits    01…  00…  11…  00…
 *   link    b    -    0    -           b: the bottom, -: off the stack
 *
 * A word that runs empty below the top stays where it is, and is dropped when it gets there: there
 * is no search for it.
 *
 * Remembers: 1 bit a page and 32 bits for each 64 pages, 1.5 bits a page.
 * Cost: one page O(1) to allocate, on average, because each dropped word was pushed once, and to
 * free; runs, aligned pages and page_alloc_at as in the bitmap; page_add_memory one step a word.
 * Flaw: only single pages are O(1), and they come in no order. */
#include "stage.h"
#include "words.h"

/* What a link says if it is no index of the word below. Two values: the word at the bottom has
 * nothing below it, but it is on the stack. */
#define BOTTOM (UINT32_MAX - 1)
#define OFF_STACK UINT32_MAX

struct stack {
    uint32_t top; /* BOTTOM if the stack is empty */
};

static size_t stage_meta_size(size_t pages) {
    size_t words = words_for(pages);
    if (words > BOTTOM)
        return 0; /* two words short of 1 PiB: a link has no index for more */
    return header_size(sizeof(struct stack)) + words * (sizeof(uint64_t) + sizeof(uint32_t));
}

static uint64_t *words_of(const struct page_allocator *a) {
    return (void *) ((char *) a->meta + header_size(sizeof(struct stack)));
}

static uint32_t *links_of(const struct page_allocator *a) {
    return (void *) (words_of(a) + words_for(a->span.end));
}

static void push(const struct page_allocator *a, size_t word) {
    struct stack *s = a->meta;
    links_of(a)[word] = s->top;
    s->top = (uint32_t) word;
}

/* Push all words that have a free page, the lowest last. */
static void push_all(const struct page_allocator *a) {
    struct stack *s = a->meta;
    s->top = BOTTOM;
    for (size_t word = words_for(a->span.end); word-- > 0;) {
        links_of(a)[word] = OFF_STACK;
        if (words_of(a)[word] != 0)
            push(a, word);
    }
}

static void stage_init(struct page_allocator *a) {
    words_clear(words_of(a), 0, words_for(a->span.end) * WORD_BITS);
    push_all(a);
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    words_set(words_of(a), first, first + n);
    push_all(a);
    return ALLOC_OK;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    return words_test(words_of(a), page);
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    size_t first = words_next_set(words_of(a), from, a->span.end);
    if (first == a->span.end)
        return (struct page_range){NONE, NONE};
    return (struct page_range){first, words_next_clear(words_of(a), first, a->span.end)};
}

/* Drop the words at the top that have run empty. There is a free page, so its word ends this. */
static void drop_empty(const struct page_allocator *a) {
    struct stack *s = a->meta;
    while (words_of(a)[s->top] == 0) {
        uint32_t dropped = s->top;
        s->top = links_of(a)[dropped];
        links_of(a)[dropped] = OFF_STACK;
    }
}

static size_t alloc_top(const struct page_allocator *a) {
    const struct stack *s = a->meta;
    drop_empty(a);
    uint64_t *word = &words_of(a)[s->top];
    size_t first = s->top * WORD_BITS + word_lowest(*word);
    *word &= *word - 1; /* clears the lowest bit */
    return first;
}

static size_t stage_alloc(struct page_allocator *a, size_t n, size_t align) {
    if (n == 1 && align == 1)
        return alloc_top(a);

    size_t first = words_find_run(words_of(a), a->span.end, n, align);
    if (first != NONE)
        words_clear(words_of(a), first, first + n);
    return first;
}

static bool stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_set(words_of(a), first, first + n))
        return false;
    words_clear(words_of(a), first, first + n);
    return true;
}

static bool stage_free(struct page_allocator *a, size_t first, size_t n) {
    if (!words_all_clear(words_of(a), first, first + n))
        return false;
    words_set(words_of(a), first, first + n);

    /* A word that ran empty may still be there. The lowest comes last, to lie on top. */
    for (size_t word = words_for(first + n); word-- > first / WORD_BITS;)
        if (links_of(a)[word] == OFF_STACK)
            push(a, word);
    return true;
}

/* Every word with a free page is on the stack, once, and nothing else says that it is. */
static bool stage_check(const struct page_allocator *a) {
    size_t words = words_for(a->span.end), bits = words * WORD_BITS;
    if (words_next_set(words_of(a), a->span.end, bits) != bits)
        return false;

    const uint32_t *links = links_of(a);
    size_t linked = 0;
    for (size_t word = 0; word < words; word++) {
        if (links[word] != OFF_STACK)
            linked++;
        else if (words_of(a)[word] != 0)
            return false;
    }
    /* As many steps as there are links must end at the bottom: more is a ring, fewer a lost part.
     */
    const struct stack *s = a->meta;
    uint32_t at = s->top;
    for (; linked > 0 && at < words; linked--)
        at = links[at];
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
