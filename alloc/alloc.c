/* What all stages share: arguments are checked, pages counted and addresses turned into indices
 * here, once. It also remembers which ranges were added. A stage then needs one bit per page and
 * not two: what is not free is allocated if it lies in an added range, and absent if not. */
#include "stage.h"

#define MAX_ALIGN_PAGES (MAX_ALIGN / PAGE_SIZE)
#define META_ALIGN ((size_t) 64)
#define MIN_RANGES ((size_t) 16)
#define PAGES_PER_RANGE ((size_t) 4096)

/* The whole pages between two addresses, as page numbers; false if there are none. Page numbers
 * cannot wrap as addresses do, so the last page of the address space needs no special case. */
static bool whole_pages(paddr_t start, size_t size, struct page_range *pages) {
    if (size == 0 || size - 1 > UINTPTR_MAX - start)
        return false;

    paddr_t last = start + (size - 1);
    pages->first = start / PAGE_SIZE + (start % PAGE_SIZE != 0);
    pages->end = last / PAGE_SIZE + (last % PAGE_SIZE == PAGE_SIZE - 1);
    return pages->first < pages->end;
}

/* Bytes of the stage's tables, rounded up so that the ranges behind them are aligned. */
static size_t tables_size(const struct alloc_stage *stage, size_t pages) {
    return (stage->meta_size(pages) + META_ALIGN - 1) / META_ALIGN * META_ALIGN;
}

size_t page_meta_size(const struct alloc_stage *stage, paddr_t start, size_t size) {
    struct page_range span;
    if (!whole_pages(start, size, &span))
        return 0;

    size_t pages = span.end - span.first / MAX_ALIGN_PAGES * MAX_ALIGN_PAGES;
    size_t tables = tables_size(stage, pages);
    size_t ranges = MIN_RANGES + (span.end - span.first) / PAGES_PER_RANGE;
    return tables == 0 ? 0 : tables + ranges * sizeof(struct page_range);
}

enum alloc_error page_init(struct page_allocator *a, const struct alloc_stage *stage, paddr_t start,
                           size_t size, void *meta, size_t meta_size) {
    struct page_range span;
    size_t needed = page_meta_size(stage, start, size);
    if (!whole_pages(start, size, &span) || needed == 0)
        return ALLOC_INVALID;
    if ((uintptr_t) meta % META_ALIGN != 0 || meta_size < needed)
        return ALLOC_INVALID;

    size_t base = span.first / MAX_ALIGN_PAGES * MAX_ALIGN_PAGES;
    size_t tables = tables_size(stage, span.end - base);
    *a = (struct page_allocator){
        .stage = stage,
        .base = base,
        .span = {span.first - base, span.end - base},
        .meta = meta,
        .ranges = (void *) ((char *) meta + tables),
        .range_room = (meta_size - tables) / sizeof(struct page_range),
    };
    stage->init(a);
    return ALLOC_OK;
}

size_t range_after(const struct page_allocator *a, size_t page) {
    size_t low = 0, high = a->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->ranges[middle].end > page)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static size_t pages_in(struct page_range range) {
    return range.end - range.first;
}

/* Remember one more range before position `at`, joined to the neighbours that it touches. */
static void insert_range(struct page_allocator *a, size_t at, struct page_range new) {
    if (at < a->range_count && a->ranges[at].first == new.end) {
        new.end = a->ranges[at].end;
        a->range_count--;
        for (size_t i = at; i < a->range_count; i++)
            a->ranges[i] = a->ranges[i + 1];
    }
    if (at > 0 && a->ranges[at - 1].end == new.first) {
        at--;
        new.first = a->ranges[at].first;
    } else {
        for (size_t i = a->range_count; i > at; i--)
            a->ranges[i] = a->ranges[i - 1];
        a->range_count++;
    }
    a->ranges[at] = new;
    if (pages_in(new) > pages_in(a->largest))
        a->largest = new;
}

enum alloc_error page_add_memory(struct page_allocator *a, paddr_t start, size_t size) {
    struct page_range new;
    if (!whole_pages(start, size, &new) || new.first < a->base + a->span.first ||
        new.end > a->base + a->span.end)
        return ALLOC_INVALID;
    new.first -= a->base;
    new.end -= a->base;

    size_t at = range_after(a, new.first);
    if (at < a->range_count && a->ranges[at].first < new.end)
        return ALLOC_OVERLAP;
    bool touches = (at < a->range_count && a->ranges[at].first == new.end) ||
                   (at > 0 && a->ranges[at - 1].end == new.first);
    if (!touches && a->range_count == a->range_room)
        return ALLOC_NO_MEMORY;

    enum alloc_error error = a->stage->add(a, new.first, pages_in(new));
    if (error != ALLOC_OK)
        return error;
    insert_range(a, at, new);
    a->total += pages_in(new);
    return ALLOC_OK;
}

static bool is_alignment(size_t align) {
    return align != 0 && (align & (align - 1)) == 0 && align <= MAX_ALIGN;
}

enum alloc_error page_alloc(struct page_allocator *a, size_t n, size_t align, paddr_t *out) {
    if (align != PAGE_SIZE && !is_alignment(align))
        return ALLOC_INVALID;
    /* One comparison for two cases: n - 1 is a huge number if n is 0. */
    if (n - 1 >= page_available(a))
        return n == 0 || n > SIZE_MAX / PAGE_SIZE ? ALLOC_INVALID : ALLOC_NO_MEMORY;
    return a->stage->alloc(a, n, (align + PAGE_SIZE - 1) / PAGE_SIZE, out);
}

size_t page_total(const struct page_allocator *a) {
    return a->total;
}

size_t page_used(const struct page_allocator *a) {
    return a->used;
}

size_t page_available(const struct page_allocator *a) {
    return a->total - a->used;
}

const char *alloc_error_name(enum alloc_error error) {
    static const char *const names[] = {
        [ALLOC_OK] = "ALLOC_OK",
        [ALLOC_INVALID] = "ALLOC_INVALID",
        [ALLOC_NO_MEMORY] = "ALLOC_NO_MEMORY",
        [ALLOC_OVERLAP] = "ALLOC_OVERLAP",
        [ALLOC_NOT_ALLOCATED] = "ALLOC_NOT_ALLOCATED",
        [ALLOC_UNSUPPORTED] = "ALLOC_UNSUPPORTED",
    };
    return (size_t) error < sizeof(names) / sizeof(names[0]) ? names[error] : "unknown error";
}

const char *alloc_stage_name(const struct alloc_stage *stage) {
    return stage->name;
}

/* Do n pages, one or more, lie in the range? If `first` is below it, the difference is a huge
 * number: more than the range has pages. */
static bool lies_in(struct page_range range, size_t first, size_t n) {
    size_t skipped = first - range.first;
    return skipped < pages_in(range) && n - 1 < pages_in(range) - skipped;
}

/* Were all of these pages added? Ranges that touch are one, so one range must hold them all. */
static bool is_present(const struct page_allocator *a, size_t first, size_t n) {
    size_t at = range_after(a, first);
    return at < a->range_count && lies_in(a->ranges[at], first, n);
}

/* The index of the page at paddr; NONE if n pages from there are no pages of the span. */
static size_t index_of(const struct page_allocator *a, paddr_t paddr, size_t n) {
    /* For an address below the base, the difference is a huge number, and outside the span. */
    size_t first = paddr / PAGE_SIZE - a->base;
    return paddr % PAGE_SIZE == 0 && lies_in(a->span, first, n) ? first : NONE;
}

enum alloc_error page_alloc_at(struct page_allocator *a, paddr_t paddr, size_t n) {
    size_t first = index_of(a, paddr, n);
    if (first == NONE)
        return ALLOC_INVALID;
    if (!is_present(a, first, n))
        return ALLOC_OVERLAP;
    return a->stage->alloc_at(a, first, n);
}

static SELDOM enum alloc_error free_elsewhere(struct page_allocator *a, paddr_t paddr, size_t n) {
    size_t first = index_of(a, paddr, n);
    if (first == NONE)
        return ALLOC_INVALID;
    if (!a->stage->free)
        return ALLOC_UNSUPPORTED;
    if (!is_present(a, first, n))
        return ALLOC_NOT_ALLOCATED;
    return a->stage->free(a, first, n);
}

enum alloc_error page_free(struct page_allocator *a, paddr_t paddr, size_t n) {
    size_t first = paddr / PAGE_SIZE - a->base;
    /* Pages of the largest range are valid and present: a search is for the others. */
    if (paddr % PAGE_SIZE != 0 || !lies_in(a->largest, first, n))
        return free_elsewhere(a, paddr, n);
    if (!a->stage->free)
        return ALLOC_UNSUPPORTED;
    return a->stage->free(a, first, n);
}

bool page_is_free(const struct page_allocator *a, paddr_t paddr) {
    size_t page = index_of(a, paddr - paddr % PAGE_SIZE, 1);
    return page != NONE && a->stage->is_free(a, page);
}

size_t page_largest_run(const struct page_allocator *a) {
    size_t largest = 0;
    struct page_range run = {0, 0};
    for (;;) {
        /* A stage may see a run in pieces: pieces that touch count as one. */
        struct page_range piece = a->stage->next_free(a, run.end);
        if (piece.first == NONE)
            return largest;
        if (piece.first != run.end)
            run.first = piece.first;
        run.end = piece.end;
        if (pages_in(run) > largest)
            largest = pages_in(run);
    }
}

/* The ranges are where page_init put them, sorted, apart, inside the span and as many pages as were
 * counted, and the largest is one of them. */
static struct problem ranges_problem(const struct page_allocator *a) {
    size_t total = 0;
    bool is_largest_found = pages_in(a->largest) == 0;
    uintptr_t tables_end = (uintptr_t) a->meta + tables_size(a->stage, a->span.end);
    if ((uintptr_t) a->ranges != tables_end)
        return (struct problem){"the ranges do not begin where the tables end", {0}};
    if (a->range_count > a->range_room)
        return (struct problem){"there are # ranges, and room for #",
                                {a->range_count, a->range_room}};
    for (size_t i = 0; i < a->range_count; i++) {
        struct page_range range = a->ranges[i];
        if (range.first >= range.end || range.first < a->span.first || range.end > a->span.end)
            return (struct problem){"range # is empty, or not inside the span", {i}};
        if (i > 0 && range.first <= a->ranges[i - 1].end)
            return (struct problem){"range # touches range #, or lies below it", {i, i - 1}};
        if (pages_in(range) > pages_in(a->largest))
            return (struct problem){"range # has # pages, more than the largest",
                                    {i, pages_in(range)}};
        if (range.first == a->largest.first && range.end == a->largest.end)
            is_largest_found = true;
        total += pages_in(range);
    }
    if (total != a->total)
        return (struct problem){"the ranges have # pages, # were counted", {total, a->total}};
    if (!is_largest_found)
        return (struct problem){"the largest range is none of the # ranges", {a->range_count}};
    return SOUND;
}

static struct problem free_pages_problem(const struct page_allocator *a) {
    size_t free = 0;
    struct page_range run = {0, 0};
    while ((run = a->stage->next_free(a, run.end)).first != NONE) {
        if (!is_present(a, run.first, pages_in(run)))
            return (struct problem){"pages # to # are free, and not all were added",
                                    {run.first, run.end - 1}};
        free += pages_in(run);
    }
    if (free != page_available(a))
        return (struct problem){"# pages are free, # were counted", {free, page_available(a)}};
    return SOUND;
}

/* Each may rely on what was looked at before it. */
static struct problem find_problem(const struct page_allocator *a) {
    struct problem problem = ranges_problem(a);
    if (problem.words == NULL)
        problem = a->stage->problem(a);
    if (problem.words == NULL)
        problem = free_pages_problem(a);
    return problem;
}

const char *page_problem(const struct page_allocator *a) {
    return find_problem(a).words;
}

static char *write_number(char *to, size_t number) {
    char digits[20]; /* SIZE_MAX has no more, from the last on */
    size_t count = 0;
    do
        digits[count++] = (char) ('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

const char *page_problem_text(const struct page_allocator *a, char text[PROBLEM_SIZE]) {
    struct problem problem = find_problem(a);
    if (problem.words == NULL)
        return NULL;

    const size_t *number = problem.numbers;
    char *to = text;
    for (const char *from = problem.words; *from != '\0'; from++) {
        if (*from == '#')
            to = write_number(to, *number++);
        else
            *to++ = *from;
    }
    *to = '\0';
    ALLOC_ASSERT((size_t) (to - text) < PROBLEM_SIZE);
    return text;
}

bool page_check(const struct page_allocator *a) {
    return page_problem(a) == NULL;
}
