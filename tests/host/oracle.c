/* One byte a page, and loops. Addresses are summed up in twice their bits: nothing can wrap. */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;
#else
typedef uint64_t wide;
#endif

#define NOWHERE SIZE_MAX
#define GIB_PAGES (MAX_ALIGN / PAGE_SIZE)

/* The whole pages of a range of addresses: false if there are none, or no such addresses. */
static bool to_pages(paddr_t start, size_t size, size_t *first, size_t *count) {
    wide end = (wide) start + size;
    wide first_page = ((wide) start + PAGE_SIZE - 1) / PAGE_SIZE;
    wide end_page = end / PAGE_SIZE;
    if (end > (wide) UINTPTR_MAX + 1 || end_page <= first_page)
        return false;
    *first = (size_t) first_page;
    *count = (size_t) (end_page - first_page);
    return true;
}

bool oracle_init(struct oracle *o, const struct stage_rules *rules, paddr_t start, size_t size) {
    *o = (struct oracle){.rules = *rules};
    if (!to_pages(start, size, &o->first, &o->count))
        return false;
    o->pages = calloc(o->count, 1);
    o->range_room = 16 + o->count / 4096;
    return o->pages != NULL;
}

void oracle_end(struct oracle *o) {
    free(o->pages);
    o->pages = NULL;
}

/* The position of n pages at paddr; NOWHERE if they are no pages of the span. */
static size_t position_of(const struct oracle *o, paddr_t paddr, size_t n) {
    size_t page = paddr / PAGE_SIZE;
    if (paddr % PAGE_SIZE != 0 || n == 0 || page < o->first ||
        (wide) page + n > (wide) o->first + o->count)
        return NOWHERE;
    return page - o->first;
}

static bool all_are(const struct oracle *o, size_t at, size_t n, int state) {
    for (size_t i = 0; i < n; i++)
        if (o->pages[at + i] != state)
            return false;
    return true;
}

static void take(struct oracle *o, size_t at, size_t n) {
    memset(o->pages + at, USED, n);
    o->used += n;
    if (!o->rules.loses_gaps)
        return;
    for (size_t i = o->next; i < at; i++) {
        o->used += o->pages[i] == FREE;
        o->pages[i] = o->pages[i] == FREE ? USED : o->pages[i];
    }
    o->next = at + n;
}

enum alloc_error oracle_add(struct oracle *o, paddr_t start, size_t size) {
    size_t first, n;
    if (!to_pages(start, size, &first, &n) || first < o->first ||
        (wide) first + n > (wide) o->first + o->count)
        return ALLOC_INVALID;

    size_t at = first - o->first;
    if (!all_are(o, at, n, ABSENT))
        return ALLOC_OVERLAP;
    bool touches_below = at > 0 && o->pages[at - 1] != ABSENT;
    bool touches_above = at + n < o->count && o->pages[at + n] != ABSENT;
    if (!touches_below && !touches_above && o->range_count == o->range_room)
        return ALLOC_NO_MEMORY;
    if (at < o->next)
        return ALLOC_UNSUPPORTED;

    memset(o->pages + at, FREE, n);
    o->total += n;
    o->range_count = o->range_count + 1 - touches_below - touches_above;
    return ALLOC_OK;
}

enum alloc_error oracle_alloc_at(struct oracle *o, paddr_t paddr, size_t n) {
    size_t at = position_of(o, paddr, n);
    if (at == NOWHERE)
        return ALLOC_INVALID;
    if (!all_are(o, at, n, FREE))
        return ALLOC_OVERLAP;
    take(o, at, n);
    return ALLOC_OK;
}

enum alloc_error oracle_free(struct oracle *o, paddr_t paddr, size_t n) {
    size_t at = position_of(o, paddr, n);
    if (at == NOWHERE)
        return ALLOC_INVALID;
    if (!o->rules.frees)
        return ALLOC_UNSUPPORTED;
    if (!all_are(o, at, n, USED))
        return ALLOC_NOT_ALLOCATED;
    memset(o->pages + at, FREE, n);
    o->used -= n;
    return ALLOC_OK;
}

/* The lowest position of n free pages whose page number is a multiple of `align`, or NOWHERE. */
static size_t lowest_fit(const struct oracle *o, size_t n, size_t align) {
    size_t at = 0;
    if (n > o->total - o->used)
        return NOWHERE;
    for (;;) {
        const unsigned char *free = memchr(o->pages + at, FREE, o->count - at);
        if (free == NULL)
            return NOWHERE;
        at = (size_t) (free - o->pages);
        at += (align - (o->first + at) % align) % align;
        if (at >= o->count || n > o->count - at)
            return NOWHERE;

        /* What is behind the last page in the way comes next. */
        size_t in_the_way = n;
        while (in_the_way > 0 && o->pages[at + in_the_way - 1] == FREE)
            in_the_way--;
        if (in_the_way == 0)
            return at;
        at += in_the_way;
    }
}

/* Must page_alloc find n pages at a multiple of `align` pages? */
static bool must_find(const struct oracle *o, size_t n, size_t align) {
    if (o->rules.exact_runs)
        return lowest_fit(o, n, align) != NOWHERE;

    size_t block = 1;
    while (block < GIB_PAGES && (block < n || block < align))
        block *= 2;
    size_t blocks = n / block + (n % block != 0); /* more than one only if a block is 1 GiB */
    return n <= o->count && lowest_fit(o, blocks * block, block) != NOWHERE;
}

static bool is_power_of_two(size_t number) {
    for (unsigned bit = 0; bit < 8 * sizeof(size_t); bit++)
        if (number == (size_t) 1 << bit)
            return true;
    return false;
}

const char *oracle_judge_alloc(struct oracle *o, size_t n, size_t align, enum alloc_error answer,
                               paddr_t paddr) {
    if (n == 0 || n > SIZE_MAX / PAGE_SIZE || !is_power_of_two(align) || align > MAX_ALIGN)
        return answer == ALLOC_INVALID ? NULL : "expected ALLOC_INVALID";

    size_t align_pages = align < PAGE_SIZE ? 1 : align / PAGE_SIZE;
    if (answer == ALLOC_NO_MEMORY)
        return must_find(o, n, align_pages) ? "but there is memory" : NULL;
    if (answer != ALLOC_OK)
        return "expected ALLOC_OK or ALLOC_NO_MEMORY";

    size_t at = position_of(o, paddr, n);
    if (at == NOWHERE)
        return "not pages of the span";
    if (paddr % align != 0)
        return "not aligned";
    if (!all_are(o, at, n, FREE))
        return "not all of these pages are free";
    if (o->rules.lowest_first && at != lowest_fit(o, n, align_pages))
        return "not the lowest fit";
    take(o, at, n);
    return NULL;
}

bool oracle_is_free(const struct oracle *o, paddr_t paddr) {
    size_t at = position_of(o, paddr - paddr % PAGE_SIZE, 1);
    return at != NOWHERE && o->pages[at] == FREE;
}

size_t oracle_used_run(const struct oracle *o, paddr_t paddr, size_t most) {
    size_t at = position_of(o, paddr, 1), n = 0;
    while (at != NOWHERE && n < most && at + n < o->count && o->pages[at + n] == USED)
        n++;
    return n;
}

size_t oracle_largest_run(const struct oracle *o) {
    size_t largest = 0, length = 0;
    for (size_t i = 0; i < o->count; i++) {
        length = o->pages[i] == FREE ? length + 1 : 0;
        if (length > largest)
            largest = length;
    }
    return largest;
}
