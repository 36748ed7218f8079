/* The self-test's part for what the window is too regular for: the stage of the build on spans that
 * are not memory. The allocators never look at what they manage, so a span may lie at any address,
 * be full of holes and be as large as is useful. Each answer is compared with a table of one byte a
 * page; a refusal must leave every byte of the allocator and its metadata as it was. */
#include "selftest.h"

enum page_state {
    ABSENT,
    FREE,
    USED,
};

enum {
    RANDOM_CALLS = 700, /* on each span */
    MAX_PAGES = 4500,   /* in a span with a table; it has one word of a third level */
    META_PAGES = 24,    /* more than any stage needs for the 1 GiB that a span may be away from */
    WATCHED = 16384,    /* metadata up to so many bytes is compared before and after each call */
    GARBAGE = 0xa5,
};

#define SOMEWHERE ((paddr_t) 0x80000000)

static const struct alloc_stage *stage;
static struct page_allocator a, a_before;
static uint8_t *meta, *meta_before, *table;
static size_t meta_size, first_page, pages, next, calls;

static bool can_free(void) {
    return stage != &bump_stage;
}

static paddr_t address_of(size_t page) {
    return (first_page + page) * PAGE_SIZE;
}

static bool all_are(size_t first, size_t n, enum page_state state) {
    for (size_t i = first; i < first + n; i++)
        if (table[i] != state)
            return false;
    return true;
}

static size_t count_of(enum page_state state) {
    size_t count = 0;
    for (size_t i = 0; i < pages; i++)
        count += table[i] == state;
    return count;
}

/* ---- the span ---- */

static void manage(paddr_t start, size_t count) {
    first_page = start / PAGE_SIZE, pages = count, next = 0;
    meta_size = page_meta_size(stage, start, count * PAGE_SIZE);
    EXPECT(meta_size > 0 && meta_size < META_PAGES * PAGE_SIZE);
    memset(meta, GARBAGE, META_PAGES * PAGE_SIZE);
    memset(table, ABSENT, MAX_PAGES);
    EXPECT_EQUAL(page_init(&a, stage, start, count * PAGE_SIZE, meta, meta_size), ALLOC_OK);
    EXPECT_EQUAL(page_total(&a), 0);
    EXPECT_EQUAL(a.range_room, 16 + count / 4096);
    EXPECT_EQUAL((uintptr_t) a.ranges % 64, 0);
}

static void begin(const struct machine *machine) {
    (void) machine;
    stage = frames.stage;
    meta = (uint8_t *) alloc_pages(META_PAGES);
    meta_before = (uint8_t *) alloc_pages(META_PAGES);
    table = (uint8_t *) alloc_pages(2);
}

static void remember(void) {
    a_before = a;
    memcpy(meta_before, meta, meta_size <= WATCHED ? meta_size : 0);
}

static void expect_unchanged(void) {
    EXPECT_EQUAL(memcmp(&a, &a_before, sizeof(a)), 0);
    EXPECT_EQUAL(memcmp(meta, meta_before, meta_size <= WATCHED ? meta_size : 0), 0);
}

static void compare_counts(void) {
    EXPECT_EQUAL(page_total(&a), count_of(FREE) + count_of(USED));
    EXPECT_EQUAL(page_used(&a), count_of(USED));
    EXPECT_EQUAL(page_available(&a), count_of(FREE));
    EXPECT_SOUND(&a);
    for (size_t i = 0; i < 64; i++)
        EXPECT_EQUAL(meta[meta_size + i], GARBAGE);
}

static void compare_pages(void) {
    size_t run = 0, largest = 0;
    for (size_t i = 0; i < pages; i++) {
        EXPECT_EQUAL(page_is_free(&a, address_of(i) + i % PAGE_SIZE), table[i] == FREE);
        run = table[i] == FREE ? run + 1 : 0;
        largest = run > largest ? run : largest;
    }
    EXPECT_EQUAL(page_is_free(&a, address_of(0) - 1), false);
    EXPECT_EQUAL(page_is_free(&a, address_of(pages)), false);
    EXPECT_EQUAL(page_largest_run(&a), largest);
}

/* ---- the calls ---- */

/* Is it a range of pages of the span? */
static bool is_in_span(paddr_t paddr, size_t n) {
    size_t page = paddr / PAGE_SIZE - first_page;
    return n > 0 && paddr % PAGE_SIZE == 0 && page < pages && n <= pages - page;
}

static void answer(enum alloc_error found, enum alloc_error expected) {
    EXPECT_EQUAL(found, expected);
    if (found != ALLOC_OK)
        expect_unchanged();
}

/* Bump loses the free pages below those that it hands out. */
static void mark_used(size_t first, size_t n) {
    for (size_t i = next; i < first && !can_free(); i++)
        table[i] = table[i] == FREE ? USED : table[i];
    memset(table + first, USED, n);
    next = can_free() ? 0 : first + n;
}

static void try_add(paddr_t paddr, size_t n) {
    size_t first = paddr / PAGE_SIZE - first_page, ranges = 0;
    enum alloc_error expected = ALLOC_OK;
    for (size_t i = 0; i < pages; i++)
        ranges += table[i] != ABSENT && (i == 0 || table[i - 1] == ABSENT);
    if (!is_in_span(paddr, n))
        expected = ALLOC_INVALID;
    else if (!all_are(first, n, ABSENT))
        expected = ALLOC_OVERLAP;
    else if (ranges == 16 + pages / 4096 && (first == 0 || table[first - 1] == ABSENT) &&
             (first + n == pages || table[first + n] == ABSENT))
        expected = ALLOC_NO_MEMORY;
    else if (first < next)
        expected = ALLOC_UNSUPPORTED;
    remember();
    answer(page_add_memory(&a, paddr, n * PAGE_SIZE), expected);
    if (expected == ALLOC_OK)
        memset(table + first, FREE, n);
}

static void try_alloc_at(paddr_t paddr, size_t n) {
    size_t first = paddr / PAGE_SIZE - first_page;
    enum alloc_error expected = !is_in_span(paddr, n)      ? ALLOC_INVALID
                                : !all_are(first, n, FREE) ? ALLOC_OVERLAP
                                                           : ALLOC_OK;
    remember();
    answer(page_alloc_at(&a, paddr, n), expected);
    if (expected == ALLOC_OK)
        mark_used(first, n);
}

static void try_free(paddr_t paddr, size_t n) {
    size_t first = paddr / PAGE_SIZE - first_page;
    enum alloc_error expected = !is_in_span(paddr, n)      ? ALLOC_INVALID
                                : !can_free()              ? ALLOC_UNSUPPORTED
                                : !all_are(first, n, USED) ? ALLOC_NOT_ALLOCATED
                                                           : ALLOC_OK;
    remember();
    answer(page_free(&a, paddr, n), expected);
    if (expected == ALLOC_OK)
        memset(table + first, FREE, n);
}

/* The lowest position of n free pages at a multiple of `align` pages; `pages` if there is none. */
static size_t lowest_fit(size_t n, size_t align) {
    size_t at = (align - first_page % align) % align;
    for (; at < pages && n <= pages - at; at += align)
        if (all_are(at, n, FREE))
            return at;
    return pages;
}

static void try_alloc(size_t n, size_t align) {
    paddr_t paddr = 42;
    size_t block = align;
    while (block < n)
        block *= 2;
    size_t fit = stage == &buddy_stage ? lowest_fit(block, block) : lowest_fit(n, align);
    remember();
    enum alloc_error error = page_alloc(&a, n, align * PAGE_SIZE, &paddr);
    if (error != ALLOC_OK) {
        EXPECT_EQUAL(error, ALLOC_NO_MEMORY);
        EXPECT_EQUAL(fit, pages);
        EXPECT_EQUAL(paddr, 42);
        EXPECT_EQUAL(memcmp(&a, &a_before, sizeof(a)), 0);
        return;
    }
    size_t first = paddr / PAGE_SIZE - first_page;
    EXPECT(is_in_span(paddr, n) && paddr % (align * PAGE_SIZE) == 0 && all_are(first, n, FREE));
    if (stage == &bump_stage || stage == &bitmap_stage || stage == &tree_stage)
        EXPECT_EQUAL(first, fit);
    if (!test_failed)
        mark_used(first, n);
}

/* ---- random calls ---- */

static void random_call(void) {
    size_t page = random_below((uint32_t) pages + 2) - 1, n = 1 + random_below(5);
    if (random_below(4) == 0)
        n = random_below((uint32_t) pages + 2);
    if (random_below(64) == 0)
        n = SIZE_MAX / PAGE_SIZE - random_below(3) + 1;
    paddr_t paddr = address_of(page) + (random_below(32) == 0 ? 1 + random_below(4095) : 0);
    switch (random_below(8)) {
    case 0:
        if (n <= pages && paddr % PAGE_SIZE == 0)
            try_add(paddr, n);
        break;
    case 1:
        try_alloc_at(paddr, n);
        break;
    case 2:
    case 3:
        if (n > 0 && n <= pages)
            try_alloc(n, (size_t) 1 << (random_below(2) == 0 ? random_below(8) : 0));
        break;
    case 4:
        try_alloc(1, 1);
        break;
    default:
        try_free(paddr, n);
    }
}

static void random_calls(paddr_t start, size_t count, size_t room) {
    manage(start, count);
    for (size_t i = 0; i < count; i += room + random_below(3))
        try_add(address_of(i), room < count - i ? room : count - i);
    for (calls = 0; calls < RANDOM_CALLS && !test_failed; calls++) {
        random_call();
        if (calls % 8 == 0)
            compare_counts();
        if (calls % 64 == 0)
            compare_pages();
        if (test_failed)
            printf("# in call %zu, span of %zu pages at %p\n", calls, count, (void *) start);
    }
}

static void calls_on_spans_match_a_table(void) {
    static const size_t counts[] = {1, 2, 63, 64, 65, 130, 200};
    for (size_t i = 0; i < 7 && !test_failed; i++) {
        random_calls(0, counts[i], 40);
        random_calls((paddr_t) 0 - counts[i] * PAGE_SIZE, counts[i], counts[i]);
        random_calls(0x7ffe1000, counts[i], 9);
        random_calls(0x40000000 - 40 * PAGE_SIZE, counts[i], counts[i]);
    }
}

static void calls_on_a_span_with_three_levels_match_a_table(void) {
    manage(0x3fff0000, MAX_PAGES);
    try_add(address_of(0), MAX_PAGES);
    for (size_t border = 4032; border <= 4112; border += 8) {
        try_alloc_at(address_of(border - 1), 2);
        try_alloc_at(address_of(border), 5);
        try_alloc(64, 64);
        try_free(address_of(border), 1);
        try_free(address_of(border - 1), 2);
        try_alloc(600, 1);
        try_free(address_of(border - 1), 1);
        try_alloc(1, 1);
        try_free(address_of(512), border);
        compare_counts();
    }
    /* Each page at a multiple of 4 MiB is taken. */
    for (size_t aligned = 16; aligned < MAX_PAGES; aligned += 1024)
        try_alloc_at(address_of(aligned), 1);
    try_alloc(2, 1024);
    compare_pages();
}

/* All pages around `at` are taken. Free some before it and some behind; when a search has seen that
 * these runs are too short, free the page between, and take the run that this makes. */
static void join_at(size_t at, size_t before, size_t behind) {
    size_t n = before + 1 + behind, longer = before > behind ? before : behind;
    if (before > 0)
        try_free(address_of(at - before), before);
    if (behind > 0)
        try_free(address_of(at + 1), behind);
    try_alloc(longer + 1, 1);
    try_free(address_of(at), 1);
    try_alloc(n, 1);
    compare_counts();
    if (table[at] == FREE) /* the buddies may have no block for so many */
        try_alloc_at(address_of(at - before), n);
}

/* What joins two runs may lie at the border of a word, of 64, or of a group of 512. */
static void a_page_that_joins_two_runs_makes_one_that_is_found(void) {
    static const size_t borders[] = {32, 64, 512, 1024};
    manage(SOMEWHERE, 1500);
    try_add(address_of(0), 1500);
    try_alloc_at(address_of(0), 1400);
    for (size_t page = 1400; page < 1500; page += 2) /* enough pages, but no runs */
        try_alloc_at(address_of(page), 1);
    for (size_t i = 0; i < 4; i++) {
        for (size_t at = borders[i] - 3; at < borders[i] + 3 && !test_failed; at++) {
            for (size_t kind = 0; kind < 16; kind++)
                join_at(at, kind % 4, kind / 4);
        }
    }
}

/* The first run is too short, and lies in three groups of 512: in the last begins one that is not.
 */
static void a_fit_behind_a_long_run_that_is_too_short_is_found(void) {
    manage(SOMEWHERE, 3000);
    try_add(address_of(0), 3000);
    try_alloc_at(address_of(0), 100);
    try_alloc_at(address_of(1100), 10);
    try_alloc_at(address_of(2200), 800);
    try_alloc(1050, 1);
    compare_counts();
}

static void aligned_runs_end_at_the_end_of_the_span_and_not_behind(void) {
    manage(SOMEWHERE, 2048);
    try_add(address_of(0), 2048);
    try_alloc_at(address_of(0), 1);
    try_alloc(1025, 1024);
    try_alloc(1024, 1024);
    compare_counts();
}

/* A search has seen that nothing is free around it; then it was freed, and nothing beside it. */
static void an_aligned_page_that_is_free_alone_is_found(void) {
    manage(SOMEWHERE, 1024);
    try_add(address_of(0), 1024);
    try_alloc_at(address_of(0), 1024);
    try_free(address_of(601), 1);
    try_free(address_of(603), 1);
    try_alloc(2, 1);
    try_free(address_of(100), 1);
    try_alloc(1, 4);
    compare_counts();
}

static void ranges_in_any_order_are_remembered(void) {
    manage(SOMEWHERE, 200);
    for (size_t i = 0; i < 17; i++) /* one too many, then what joins them */
        try_add(address_of(i * 7 % 17 * 10 + 3), 4);
    /* There is no room for another, and none is needed to make one longer. */
    for (size_t page = 0; page < 200; page += page % 10 == 2 ? 5 : 5 - page % 5 + 2)
        try_add(address_of(page), 1);
    for (size_t i = 0; i < 16; i++) {
        try_add(address_of(i * 5 % 16 * 10 + 7), 6 + i % 2);
        try_add(address_of(i * 5 % 16 * 10 + 7), 6 - i % 2);
        try_alloc_at(address_of(i * 10 + 3), 10);
        try_alloc_at(address_of(i * 10 + 13), 1);
        compare_counts();
    }
    try_add(address_of(0), 3);
    try_add(address_of(0), 200);
    try_add(address_of(170), 30);
    try_free(address_of(0), 200);
    compare_counts();
    compare_pages();
}

/* ---- what is refused from the start ---- */

static void expect_no_span(paddr_t start, size_t size) {
    EXPECT_EQUAL(page_meta_size(stage, start, size), 0);
    EXPECT_EQUAL(page_init(&a, stage, start, size, meta, META_PAGES * PAGE_SIZE), ALLOC_INVALID);
}

static void spans_and_metadata_that_cannot_be_are_refused(void) {
    paddr_t last = (paddr_t) 0 - PAGE_SIZE;
    manage(SOMEWHERE, 100);
    size_t needed = meta_size;
    remember();
    expect_no_span(0, 0);
    expect_no_span(SOMEWHERE, 0);
    expect_no_span(SOMEWHERE, PAGE_SIZE - 1);
    expect_no_span(SOMEWHERE + 1, 2 * PAGE_SIZE - 2);
    expect_no_span(SOMEWHERE - 1, PAGE_SIZE);
    expect_no_span(last, PAGE_SIZE + 1);
    expect_no_span(last + 1, PAGE_SIZE);
    expect_no_span(SOMEWHERE, SIZE_MAX);
    expect_no_span(UINTPTR_MAX, SIZE_MAX);
    size_t size = 100 * PAGE_SIZE;
    EXPECT_EQUAL(page_init(&a, stage, SOMEWHERE, size, meta, needed - 1), ALLOC_INVALID);
    for (size_t offset = 1; offset < 64; offset++)
        EXPECT_EQUAL(page_init(&a, stage, SOMEWHERE, size, meta + offset, needed), ALLOC_INVALID);
    expect_unchanged();

    /* One byte of a page less on either side is one page less. */
    EXPECT_EQUAL(page_init(&a, stage, SOMEWHERE + 1, size - 1, meta, needed), ALLOC_OK);
    EXPECT_EQUAL(page_add_memory(&a, SOMEWHERE + 1, size - 1), ALLOC_OK);
    EXPECT_EQUAL(page_total(&a), 99);
    EXPECT_EQUAL(page_is_free(&a, SOMEWHERE), false);
    EXPECT_EQUAL(page_is_free(&a, SOMEWHERE + PAGE_SIZE), true);
    EXPECT_EQUAL(page_init(&a, stage, SOMEWHERE, size - 1, meta, needed), ALLOC_OK);
    EXPECT_EQUAL(page_add_memory(&a, SOMEWHERE, size), ALLOC_INVALID);
    EXPECT_EQUAL(page_add_memory(&a, SOMEWHERE, size - 1), ALLOC_OK);
    EXPECT_EQUAL(page_total(&a), 99);
}

/* Groups of `fanout` that cover so many, and the groups that cover these, up to a single one. */
static size_t groups_on_all_levels(size_t count, size_t fanout) {
    size_t sum = 0;
    do {
        count = (count + fanout - 1) / fanout;
        sum += count;
    } while (count > 1);
    return sum;
}

/* Bytes of the stage's tables, without what does not grow, as the files of the stages tell it. */
static size_t bytes_for(size_t count) {
    size_t words = (count + 63) / 64, bytes = 8 * words;
    if (stage == &bump_stage)
        return 0;
    if (stage == &stack_stage)
        bytes += 4 * words;
    if (stage == &tree_stage)
        bytes = 8 * groups_on_all_levels(count, 64) +
                64 * 2 * groups_on_all_levels((count + 511) / 512, 64);
    if (stage == &buddy_stage) {
        bytes += 8 * groups_on_all_levels(words, 64);
        for (size_t block = 2; block <= MAX_ALIGN / PAGE_SIZE; block *= 2)
            bytes += 8 * groups_on_all_levels((count + block - 1) / block, 64);
    }
    if (stage == &radix_stage) {
        bytes = (bytes + 63) / 64 * 64;
        for (size_t nodes = words, size = 64; nodes > 1 || size == 64;) {
            nodes = (nodes + 63) / 64;
            bytes += nodes * size;
            size += size < 192 ? 64 : 0;
        }
    }
    return (bytes + 63) / 64 * 64;
}

static void expect_metadata_for(size_t count) {
    size_t fixed = page_meta_size(stage, MAX_ALIGN, PAGE_SIZE) - bytes_for(1);
    size_t ranges = count / 4096 * sizeof(struct page_range);
    EXPECT(fixed < PAGE_SIZE);
    EXPECT_EQUAL(page_meta_size(stage, MAX_ALIGN, count * PAGE_SIZE),
                 fixed + bytes_for(count) + ranges);
}

static void metadata_takes_what_the_tables_need_and_no_more(void) {
    for (size_t count = 1; count < 3000; count++)
        expect_metadata_for(count);
    size_t most = (UINTPTR_MAX - MAX_ALIGN) / PAGE_SIZE;
    for (size_t count = 4096; count < most && count <= (size_t) 1 << 30; count *= 2) {
        expect_metadata_for(count - 1);
        expect_metadata_for(count);
        expect_metadata_for(count + 1);
    }
}

static void alignments_and_sizes_that_cannot_be_are_refused(void) {
    static const size_t aligns[] = {0, 3, 4095, 4097, 3 * PAGE_SIZE, 2 * MAX_ALIGN, SIZE_MAX};
    paddr_t out = 42;
    manage(SOMEWHERE, 100);
    try_add(address_of(0), 100);
    remember();
    for (size_t i = 0; i < 7; i++)
        EXPECT_EQUAL(page_alloc(&a, 1, aligns[i], &out), ALLOC_INVALID);
    EXPECT_EQUAL(page_alloc(&a, 0, PAGE_SIZE, &out), ALLOC_INVALID);
    EXPECT_EQUAL(page_alloc(&a, SIZE_MAX / PAGE_SIZE + 1, PAGE_SIZE, &out), ALLOC_INVALID);
    EXPECT_EQUAL(page_alloc(&a, SIZE_MAX / PAGE_SIZE, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(page_alloc(&a, 101, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    expect_unchanged();
    EXPECT_EQUAL(out, 42);
    EXPECT_EQUAL(page_alloc(&a, 1, 1, &out), ALLOC_OK);
    EXPECT_EQUAL(out % PAGE_SIZE, 0);
    EXPECT_EQUAL(page_alloc(&a, 1, PAGE_SIZE / 2, &out), ALLOC_OK);
    EXPECT_EQUAL(out % PAGE_SIZE, 0);
}

/* ---- page_check ---- */

static void expect_seen(void) {
    EXPECT_EQUAL(page_check(&a), false);
    a = a_before;
    memcpy(meta, meta_before, meta_size);
    EXPECT_SOUND(&a);
}

static void page_check_sees_wrong_counts_and_ranges(void) {
    manage(SOMEWHERE, 300);
    try_add(address_of(10), 20);
    try_add(address_of(50), 200);
    try_alloc(5, 1);
    remember();
    a.used++;
    expect_seen();
    a.used--;
    expect_seen();
    a.total++;
    expect_seen();
    a.used = a.total + 1;
    expect_seen();
    a.range_count = a.range_room + 1;
    expect_seen();
    a.range_count = 1;
    expect_seen();
    a.ranges[0].end = a.ranges[1].first; /* they touch */
    a.total += 20;
    a.used += 20;
    expect_seen();
    a.ranges[1].end += 51; /* outside the span */
    a.total += 51;
    a.used += 51;
    expect_seen();
    a.ranges[0] = (struct page_range){0, 0}; /* empty */
    a.total -= 20;
    expect_seen();
    a.span.first += 11; /* the first range lies before it */
    expect_seen();
}

/* Bump has no tables that could disagree with the ranges. */
static void page_check_sees_ranges_that_disagree_with_the_tables(void) {
    if (stage == &bump_stage)
        return;
    manage(SOMEWHERE, 300);
    try_add(address_of(10), 20);
    try_add(address_of(50), 200);
    try_alloc(5, 1);
    remember();
    a.ranges[0].end++; /* a page that the stage takes for absent */
    a.total++;
    expect_seen();
    a.ranges[1].end--; /* a free page that was not added */
    a.total--;
    a.used--;
    expect_seen();
    a.ranges[1].first++;
    a.total--;
    expect_seen();
}

/* A line of the tables that is lost, wherever it is, is missed. */
static void page_check_sees_tables_that_were_wiped(void) {
    size_t count = 40000;
    manage(SOMEWHERE, count);
    memset(meta, 0, meta_size); /* what nobody uses is not missed */
    EXPECT_EQUAL(page_init(&a, stage, SOMEWHERE, count * PAGE_SIZE, meta, meta_size), ALLOC_OK);
    EXPECT_EQUAL(page_add_memory(&a, SOMEWHERE, count * PAGE_SIZE), ALLOC_OK);
    EXPECT_EQUAL(page_alloc_at(&a, SOMEWHERE, 1), ALLOC_OK);
    remember();
    size_t lines = 0;
    for (uint8_t *line = meta; line < (uint8_t *) a.ranges && !test_failed; line += 64) {
        static const uint8_t zeroes[64];
        if (memcmp(line, zeroes, 64) == 0)
            continue;
        memset(line, 0, 64);
        expect_seen();
        lines++;
    }
    EXPECT(lines > 0);
}

/* Every free page is handed out: runs of n pages while there are some, then shorter ones. */
static void expect_all_is_there(size_t n) {
    size_t available = page_available(&a), taken = 0;
    for (paddr_t out = 0; n > 0 && !test_failed; n = n > 8 ? n / 2 : n - 1) {
        while (!test_failed && page_alloc(&a, n, PAGE_SIZE, &out) == ALLOC_OK) {
            EXPECT(is_in_span(out, n) && all_are(out / PAGE_SIZE - first_page, n, FREE));
            taken += n;
        }
        if (taken == 0 && stage != &buddy_stage)
            EXPECT(n != page_largest_run(&a));
    }
    if (can_free())
        EXPECT_EQUAL(taken, available);
    EXPECT_EQUAL(page_available(&a), 0);
    a = a_before;
    memcpy(meta, meta_before, meta_size);
}

/* Whatever single bit is flipped: page_check sees it, or every page is still what it was, and to be
 * had. */
static void page_check_sees_flipped_bits_that_matter(void) {
    manage(SOMEWHERE, 130);
    try_add(address_of(2), 60);
    try_add(address_of(63), 67);
    try_alloc_at(address_of(8), 1);
    try_alloc_at(address_of(66), 40);
    remember();
    for (size_t bit = 0; bit < meta_size * 8 && !test_failed; bit++) {
        uint8_t flipped = meta[bit / 8] ^ (uint8_t) (1U << bit % 8);
        meta[bit / 8] = flipped;
        if (page_check(&a)) {
            for (size_t i = 0; i < pages; i++)
                EXPECT_EQUAL(page_is_free(&a, address_of(i)), table[i] == FREE);
            expect_all_is_there(1);
            meta[bit / 8] = flipped;
            expect_all_is_there(page_largest_run(&a));
        }
        meta[bit / 8] = meta_before[bit / 8];
    }
}

/* ---- spans of several GiB ---- */

/* 3 GiB less two pages, from 1 GiB on: whole blocks of 1 GiB, and a rest. */
static void runs_of_more_than_1_GiB_are_found(void) {
    size_t gib = MAX_ALIGN / PAGE_SIZE;
    paddr_t first = 0, second = 0, base = MAX_ALIGN;
    size_t needed = page_meta_size(stage, base, 3 * MAX_ALIGN - 2 * PAGE_SIZE);
    void *large = (void *) alloc_pages(needed / PAGE_SIZE + 1);
    EXPECT_EQUAL(page_init(&a, stage, base, 3 * MAX_ALIGN - 2 * PAGE_SIZE, large, needed),
                 ALLOC_OK);
    EXPECT_EQUAL(page_add_memory(&a, base, 3 * MAX_ALIGN - 2 * PAGE_SIZE), ALLOC_OK);
    EXPECT_EQUAL(page_largest_run(&a), 3 * gib - 2);
    EXPECT_EQUAL(page_alloc(&a, 3 * gib - 1, PAGE_SIZE, &first), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(page_alloc(&a, gib + 5, MAX_ALIGN, &first), ALLOC_OK);
    EXPECT_EQUAL(first, base);
    EXPECT_SOUND(&a);
    EXPECT_EQUAL(page_is_free(&a, after(first, gib + 4)), false);
    EXPECT_EQUAL(page_is_free(&a, after(first, gib + 5)), true);
    EXPECT_EQUAL(page_alloc(&a, gib + 1, PAGE_SIZE, &second),
                 stage == &buddy_stage ? ALLOC_NO_MEMORY : ALLOC_OK);
    EXPECT_SOUND(&a);
    EXPECT_EQUAL(page_free(&a, first, gib + 5), can_free() ? ALLOC_OK : ALLOC_UNSUPPORTED);
    EXPECT_SOUND(&a);
    if (can_free()) {
        EXPECT_EQUAL(page_alloc(&a, gib, MAX_ALIGN, &second), ALLOC_OK);
        EXPECT_EQUAL(second, base);
    }
}

/* As many pages from 1 GiB on, all of them added. False if addresses do not reach so far, or if the
 * machine is too small for the metadata. */
static bool manage_large(size_t count) {
    if (count > SIZE_MAX / PAGE_SIZE - MAX_ALIGN / PAGE_SIZE)
        return false;
    size_t size = count * PAGE_SIZE;
    meta_size = page_meta_size(stage, MAX_ALIGN, size);
    void *large = (void *) take(meta_size / PAGE_SIZE + 1, PAGE_SIZE);
    if (!large)
        return false;
    memset(large, GARBAGE, meta_size);
    EXPECT_EQUAL(page_init(&a, stage, MAX_ALIGN, size, large, meta_size - 1), ALLOC_INVALID);
    EXPECT_EQUAL(page_init(&a, stage, MAX_ALIGN, size, large, meta_size), ALLOC_OK);
    EXPECT_EQUAL(page_add_memory(&a, MAX_ALIGN, size), ALLOC_OK);
    return true;
}

/* From there on the numbers of words and of groups of 512 pages have more than 16 bits. */
static void pages_behind_128_GiB_are_not_taken_for_pages_before(void) {
    size_t most = (size_t) 1 << 25;
    if (!manage_large(most + 5000))
        return;
    paddr_t low = after(MAX_ALIGN, 300), high = after(low, most), out = 0;
    for (size_t n = 1; n <= 2; n++) {
        EXPECT_EQUAL(page_alloc_at(&a, after(high, 100 * n), n), ALLOC_OK);
        EXPECT_EQUAL(page_is_free(&a, after(high, 100 * n)), false);
        EXPECT_EQUAL(page_is_free(&a, after(low, 100 * n)), can_free());
        EXPECT_SOUND(&a);
        if (!can_free())
            continue;
        EXPECT_EQUAL(page_free(&a, after(high, 100 * n), n), ALLOC_OK);
        EXPECT_EQUAL(page_largest_run(&a), most + 5000);
        EXPECT_SOUND(&a);
    }
    if (!can_free())
        return;

    /* Only pages there are free, and a search has seen that none lie side by side. */
    EXPECT_EQUAL(page_alloc_at(&a, MAX_ALIGN, most + 5000), ALLOC_OK);
    EXPECT_EQUAL(page_free(&a, after(high, 1), 1), ALLOC_OK);
    EXPECT_EQUAL(page_free(&a, after(high, 3), 1), ALLOC_OK);
    EXPECT_EQUAL(page_alloc(&a, 2, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(page_free(&a, after(high, 1000), 2), ALLOC_OK);
    EXPECT_EQUAL(page_alloc(&a, 2, PAGE_SIZE, &out), ALLOC_OK);
    EXPECT_EQUAL(out, after(high, 1000));
    EXPECT_EQUAL(page_alloc(&a, 1, PAGE_SIZE, &out), ALLOC_OK);
    EXPECT_EQUAL(out, after(high, 1));

    /* Two runs that are too short, in groups of 512 that lie in them. */
    EXPECT_EQUAL(page_free(&a, after(high, 1000), 1100), ALLOC_OK);
    EXPECT_EQUAL(page_free(&a, after(high, 2500), 1100), ALLOC_OK);
    EXPECT_EQUAL(page_alloc(&a, 1200, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    EXPECT_SOUND(&a);
}

/* 128 blocks of 1 GiB, and only the first is in use: what lies behind the last is none. */
static void runs_of_many_GiB_lie_in_the_span(void) {
    size_t gib = MAX_ALIGN / PAGE_SIZE;
    paddr_t out = 0;
    if (!manage_large(128 * gib))
        return;
    EXPECT_EQUAL(page_alloc_at(&a, MAX_ALIGN, 1), ALLOC_OK);
    if (stage == &buddy_stage)
        EXPECT_EQUAL(page_alloc(&a, 128 * gib - 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(page_alloc(&a, gib + 5, MAX_ALIGN, &out), ALLOC_OK);
    EXPECT_EQUAL(out, 2 * MAX_ALIGN);
    EXPECT_EQUAL(page_alloc(&a, gib, MAX_ALIGN, &out), ALLOC_OK);
    EXPECT_EQUAL(out / MAX_ALIGN, 4);
    EXPECT_SOUND(&a);
}

/* Links of 32 bits number the words below 2^32 - 2. */
static void the_stack_alone_refuses_spans_of_1_PiB(void) {
    uint64_t most = (((uint64_t) 1 << 32) - 2) * 64 * PAGE_SIZE;
    if (most > UINTPTR_MAX)
        return;
    EXPECT(page_meta_size(stage, 0, (size_t) most) > 0);
    EXPECT_EQUAL(page_meta_size(stage, 0, (size_t) most + PAGE_SIZE) == 0, stage == &stack_stage);
    if (stage == &stack_stage)
        EXPECT_EQUAL(page_init(&a, stage, 0, (size_t) most + PAGE_SIZE, meta, SIZE_MAX),
                     ALLOC_INVALID);
}

/* One page of every three. Where only the ranges take room: 1 TiB has room for so many. */
static void more_than_65535_ranges_are_told_apart(void) {
    size_t size = (size_t) 1 << 20, count = 65540;
    if (stage != &bump_stage || size > SIZE_MAX >> 20)
        return;
    size <<= 20;
    size_t needed = page_meta_size(stage, 0, size);
    void *large = (void *) alloc_pages(needed / PAGE_SIZE + 1);
    EXPECT_EQUAL(page_init(&a, stage, 0, size, large, needed), ALLOC_OK);
    for (size_t i = 0; i < count; i++)
        EXPECT_EQUAL(page_add_memory(&a, after(0, 3 * i), PAGE_SIZE), ALLOC_OK);
    EXPECT_EQUAL(page_total(&a), count);
    for (size_t i = 0; i < count; i += 100) {
        EXPECT_EQUAL(page_is_free(&a, after(0, 3 * i)), true);
        EXPECT_EQUAL(page_is_free(&a, after(0, 3 * i + 1)), false);
    }
    EXPECT_SOUND(&a);
}

static void every_error_has_its_name(void) {
    static const char *const names[] = {"ALLOC_OK",      "ALLOC_INVALID",       "ALLOC_NO_MEMORY",
                                        "ALLOC_OVERLAP", "ALLOC_NOT_ALLOCATED", "ALLOC_UNSUPPORTED",
                                        "unknown error"};
    for (size_t i = 0; i < 7; i++) {
        const char *name = alloc_error_name((enum alloc_error) i);
        EXPECT_EQUAL(strlen(name), strlen(names[i]));
        EXPECT_EQUAL(memcmp(name, names[i], strlen(names[i])), 0);
    }
}

/* ---- the list ---- */

static const struct test tests[] = {
    {"random calls on spans of 1 to 200 pages match a table", calls_on_spans_match_a_table, ALWAYS},
    {"calls on a span with three levels match a table",
     calls_on_a_span_with_three_levels_match_a_table, ALWAYS},
    {"a page that joins two runs makes one that is found",
     a_page_that_joins_two_runs_makes_one_that_is_found, IF_IT_FREES},
    {"a fit behind a long run that is too short is found",
     a_fit_behind_a_long_run_that_is_too_short_is_found, ALWAYS},
    {"aligned runs end at the end of the span, and not behind",
     aligned_runs_end_at_the_end_of_the_span_and_not_behind, ALWAYS},
    {"an aligned page that is free alone is found", an_aligned_page_that_is_free_alone_is_found,
     IF_IT_FREES},
    {"ranges that are added in any order are remembered", ranges_in_any_order_are_remembered,
     ALWAYS},
    {"spans and metadata that cannot be are refused", spans_and_metadata_that_cannot_be_are_refused,
     ALWAYS},
    {"metadata takes what the tables need, and no more",
     metadata_takes_what_the_tables_need_and_no_more, ALWAYS},
    {"alignments and sizes that cannot be are refused",
     alignments_and_sizes_that_cannot_be_are_refused, ALWAYS},
    {"page_check sees wrong counts and ranges", page_check_sees_wrong_counts_and_ranges, ALWAYS},
    {"page_check sees ranges that disagree with the tables",
     page_check_sees_ranges_that_disagree_with_the_tables, ALWAYS},
    {"page_check sees tables that were wiped", page_check_sees_tables_that_were_wiped, ALWAYS},
    {"page_check sees flipped bits that matter", page_check_sees_flipped_bits_that_matter, ALWAYS},
    {"runs of more than 1 GiB are found", runs_of_more_than_1_GiB_are_found, ALWAYS},
    {"pages behind 128 GiB are not taken for pages before",
     pages_behind_128_GiB_are_not_taken_for_pages_before, ALWAYS},
    {"runs of many GiB lie in the span", runs_of_many_GiB_lie_in_the_span, ALWAYS},
    {"the stack alone refuses spans of 1 PiB", the_stack_alone_refuses_spans_of_1_PiB, ALWAYS},
    {"more than 65,535 ranges are told apart", more_than_65535_ranges_are_told_apart, ALWAYS},
    {"every error has its name", every_error_has_its_name, ALWAYS},
};

const struct test_list span_tests = {
    .tests = tests,
    .count = sizeof(tests) / sizeof(tests[0]),
    .begin = begin,
};
