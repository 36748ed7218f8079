/* The kernel's self-test: real memory under the stage of the build, reported as TAP on the console.
 *
 * Every test begins with fresh memory. A name is a sentence that is true when the test passes; a
 * failure prints what was expected, what was there, and the line. Nothing here knows the machine,
 * so the same file also runs on the host. */
#include "selftest.h"
#include "xorshift.h"

static const struct alloc_stage *stage;
static const struct machine *machine;

/* Most tests touch every page, so they work on a window of the memory: __free_ram. Its pages are
 * those from start to end - 1, its metadata lies behind them. */
static struct memory_map window;
static paddr_t start, end;

/* ---- the tools ---- */

bool test_failed;

void expect_equal(uintptr_t found, uintptr_t expected, const char *what, int line) {
    if (found == expected || test_failed)
        return;
    test_failed = true;
    printf("# line %d: %s is %zu (0x%zx), expected %zu (0x%zx)\n", line, what, (size_t) found,
           (size_t) found, (size_t) expected, (size_t) expected);
}

void expect_sound(const struct page_allocator *a, int line) {
    char text[PROBLEM_SIZE];
    if (test_failed || page_problem_text(a, text) == NULL)
        return;
    test_failed = true;
    printf("# line %d: the allocator is broken: %s\n", line, text);
}

/* Set before each test: 0 would give nothing but 0. */
static uint32_t random_state;

uint32_t random_below(uint32_t bound) {
    random_state = xorshift32(random_state);
    return random_state % bound;
}

paddr_t take(size_t n, size_t align) {
    paddr_t paddr = 0;
    enum alloc_error error = page_alloc(&frames, n, align, &paddr);
    EXPECT(error == ALLOC_OK || (error == ALLOC_NO_MEMORY && paddr == 0));
    return paddr;
}

/* By name: where the book is followed, not every stage is there yet. */
static bool stage_is(const char *name) {
    const char *its = alloc_stage_name(stage);
    return strlen(its) == strlen(name) && memcmp(its, name, strlen(name)) == 0;
}

/* Everything is free, in one piece, as it was at first. */
static void expect_whole(void) {
    EXPECT_EQUAL(page_used(&frames), 0);
    EXPECT_EQUAL(page_largest_run(&frames), page_total(&frames));
    EXPECT_SOUND(&frames);
}

/* Fresh memory: the window, as if there were nothing else. */
static void begin(void) {
    frames_init(stage, &window);
    frames_add(0, UINTPTR_MAX);
    end = frames_metadata().start;
}

/* Fresh memory: all that the machine has. */
static void begin_with_all_memory(void) {
    frames_init(stage, &machine->usable);
    frames_add(0, UINTPTR_MAX);
}

/* ---- the tests ---- */

static void first_pages_are_in_order(void) {
    paddr_t two = alloc_pages(2), one = alloc_pages(1);
    printf("# alloc_pages(2) is at %p, alloc_pages(1) at %p\n", (void *) two, (void *) one);
    EXPECT_EQUAL(two, start);
    EXPECT_EQUAL(one, start + 8 * 1024);
    EXPECT_EQUAL(page_used(&frames), 3);
}

static void fresh_pages_are_zeroed(void) {
    for (size_t page = 0; page < 3; page++)
        memset((void *) after(start, page), 0xa5, PAGE_SIZE);
    paddr_t pages = alloc_pages(3);
    EXPECT_EQUAL(pages, start);
    for (size_t i = 0; i <= 3 * LAST_WORD + 2; i++)
        EXPECT_EQUAL(*word_of(pages, i), 0);
}

static void reused_pages_are_zeroed(void) {
    paddr_t dirty = alloc_pages(5);
    memset((void *) dirty, 0xff, 5 * PAGE_SIZE);
    free_pages(dirty, 5);
    paddr_t again = alloc_pages(5);
    EXPECT_EQUAL(again, dirty);
    for (size_t i = 0; i <= 5 * LAST_WORD + 4; i++)
        EXPECT_EQUAL(*word_of(again, i), 0);
}

/* Mark a page with its own address at both ends. */
static void mark(paddr_t page) {
    *word_of(page, 0) = page;
    *word_of(page, LAST_WORD) = ~page;
}

static void expect_marked(paddr_t page) {
    EXPECT_EQUAL(*word_of(page, 0), page);
    EXPECT_EQUAL(*word_of(page, LAST_WORD), ~page);
}

/* Allocate single pages until there are none, marking each. Returns how many there were. */
static size_t fill(void) {
    size_t count = 0;
    for (paddr_t page; (page = take(1, PAGE_SIZE)) != 0; count++) {
        EXPECT(page >= start && page < end && page % PAGE_SIZE == 0);
        mark(page);
    }
    return count;
}

static void every_page_is_handed_out_once(void) {
    EXPECT_EQUAL(fill(), page_total(&frames));
    EXPECT_EQUAL(page_used(&frames), page_total(&frames));
    EXPECT_EQUAL(page_available(&frames), 0);
    EXPECT_EQUAL(page_largest_run(&frames), 0);
    for (size_t i = 0; i < page_total(&frames); i++)
        expect_marked(after(start, i));

    paddr_t untouched = 42;
    EXPECT_EQUAL(page_alloc(&frames, 1, PAGE_SIZE, &untouched), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(untouched, 42);
    EXPECT_EQUAL(page_alloc_at(&frames, start, 1), ALLOC_OVERLAP);
    EXPECT_SOUND(&frames);
}

/* Fill, then free all in the order of `step`: page number i * step, modulo the number of pages. */
static void free_all(size_t first, size_t step) {
    size_t count = fill(), at = first;
    for (size_t i = 0; i < count; i++) {
        EXPECT(!page_is_free(&frames, after(start, at)));
        free_pages(after(start, at), 1);
        EXPECT_EQUAL(page_available(&frames), i + 1);
        at = (at + step) % count;
    }
    expect_whole();
    EXPECT_EQUAL(take(count / 4, PAGE_SIZE) != 0, true);
}

static void freeing_first_in_first_out_leaves_memory_whole(void) {
    free_all(0, 1);
}

static void freeing_last_in_first_out_leaves_memory_whole(void) {
    free_all(page_total(&frames) - 1, page_total(&frames) - 1);
}

static void freeing_in_random_order_leaves_memory_whole(void) {
    /* Shuffle (Fisher and Yates) page addresses that stand in the pages themselves. */
    size_t count = fill();
    for (size_t i = count - 1; i > 0; i--) {
        paddr_t one = after(start, i), other = after(start, random_below((uint32_t) i + 1));
        uintptr_t swap = *word_of(one, 0);
        *word_of(one, 0) = *word_of(other, 0);
        *word_of(other, 0) = swap;
    }
    for (size_t i = 0; i < count; i++)
        free_pages(*word_of(after(start, i), 0), 1);
    expect_whole();
}

static void buddies_freed_apart_become_one_block(void) {
    size_t count = fill();
    for (size_t odd = 0; odd < 2; odd++)
        for (size_t i = odd; i < count; i += 2)
            free_pages(after(start, i), 1);
    expect_whole();
    /* The largest aligned block that the memory has room for can be had again. */
    size_t block = 1;
    while (block * 4 <= count)
        block *= 2;
    EXPECT(take(block, block * PAGE_SIZE) != 0);
}

static void runs_are_consecutive_and_counted_exactly(void) {
    static const size_t sizes[] = {1, 3, 10, 100, 1000};
    size_t used = 0;
    for (size_t i = 0; i < 5; i++) {
        size_t n = sizes[i];
        paddr_t run = take(n, PAGE_SIZE);
        EXPECT(run >= start && after(run, n) <= end);
        for (size_t page = 0; page < n; page++) {
            EXPECT(!page_is_free(&frames, after(run, page)));
            mark(after(run, page));
        }
        used += n;
        EXPECT_EQUAL(page_used(&frames), used);
    }
    EXPECT_SOUND(&frames);
    /* What one run's marks overwrote of another's would show now: no page was given twice. */
    size_t marked = 0;
    for (size_t i = 0; i < page_total(&frames); i++) {
        paddr_t page = after(start, i);
        if (!page_is_free(&frames, page)) {
            expect_marked(page);
            marked++;
        }
    }
    EXPECT_EQUAL(marked, used);
}

static void freed_runs_leave_memory_whole(void) {
    static const size_t sizes[] = {1, 3, 10, 100, 1000, 63, 64, 65, 127, 129};
    paddr_t runs[10];
    for (size_t i = 0; i < 10; i++)
        runs[i] = take(sizes[i], PAGE_SIZE);
    for (size_t i = 0; i < 10; i++)
        free_pages(runs[i * 7 % 10], sizes[i * 7 % 10]);
    expect_whole();
}

static void alignments_are_kept_up_to_what_fits(void) {
    for (size_t align = PAGE_SIZE; align <= MAX_ALIGN && align != 0; align *= 2) {
        begin();
        paddr_t aligned = (start + align - 1) / align * align;
        size_t room = page_total(&frames) * PAGE_SIZE;
        paddr_t page = 0;
        enum alloc_error error = page_alloc(&frames, 1, align, &page);
        if (aligned - start + align <= room)
            EXPECT_EQUAL(error, ALLOC_OK);
        if (aligned - start >= room) /* between the two, a buddy may have no block for it */
            EXPECT_EQUAL(error, ALLOC_NO_MEMORY);
        if (error == ALLOC_OK) {
            EXPECT(page >= start && page - start < room && page % align == 0);
            EXPECT_EQUAL(page_is_free(&frames, page), false);
        }
        EXPECT_EQUAL(page_used(&frames) > 0, error == ALLOC_OK);
        EXPECT_SOUND(&frames);
    }
}

static void pages_can_be_had_at_an_address(void) {
    /* 32 and 64 bits after the start of a word: where a shift of an int goes wrong. */
    static const size_t places[] = {31, 32, 33, 62, 63, 64, 65, 1000, 4095, 4096};
    for (size_t i = 0; i < 10; i++) {
        EXPECT_EQUAL(page_is_free(&frames, after(start, places[i])), true);
        EXPECT_EQUAL(page_alloc_at(&frames, after(start, places[i]), 1), ALLOC_OK);
        EXPECT_EQUAL(page_is_free(&frames, after(start, places[i])), false);
        EXPECT_EQUAL(page_alloc_at(&frames, after(start, places[i]), 1), ALLOC_OVERLAP);
    }
    EXPECT_EQUAL(page_alloc_at(&frames, after(start, 5000), 300), ALLOC_OK);
    EXPECT_EQUAL(page_alloc_at(&frames, after(start, 5299), 2), ALLOC_OVERLAP);
    EXPECT_EQUAL(page_is_free(&frames, after(start, 5300)), true);
    EXPECT_EQUAL(page_alloc_at(&frames, end - PAGE_SIZE, 1), ALLOC_OK);
    EXPECT_SOUND(&frames);
}

static void parts_and_neighbours_can_be_freed(void) {
    paddr_t run = take(100, PAGE_SIZE), next = take(28, PAGE_SIZE);
    free_pages(after(run, 1), 3);
    free_pages(after(run, 30), 40);
    EXPECT_EQUAL(page_used(&frames), 85);
    EXPECT_EQUAL(page_is_free(&frames, run), false);
    EXPECT_EQUAL(page_is_free(&frames, after(run, 1)), true);
    EXPECT_EQUAL(page_is_free(&frames, after(run, 69)), true);
    EXPECT_EQUAL(page_is_free(&frames, after(run, 70)), false);
    EXPECT_SOUND(&frames);

    free_pages(run, 1);
    free_pages(after(run, 4), 26);
    EXPECT_EQUAL(page_alloc_at(&frames, after(run, 60), 10), ALLOC_OK);
    if (next == after(run, 100)) {
        free_pages(after(run, 60), 68); /* two calls' pages in one */
    } else {
        free_pages(after(run, 60), 40);
        free_pages(next, 28);
    }
    expect_whole();
}

/* The first address behind the span. */
static paddr_t outside(void) {
    return window.ranges[0].end;
}

/* Two pages side by side that are freed one by one are a run of two, also where a word of a table
 * ends between them (64 pages), or what a stage has in its higher tables (512 and 4096 pages). A
 * buddy sees it only as a block, which begins at an even page. */
static void two_pages_freed_apart_are_found_as_a_run(void) {
    static const size_t back[] = {1, 2, 33, 65, 513, 514, 1025};
    size_t unit = 4096 * PAGE_SIZE;
    paddr_t border = (after(start, 1025) + unit - 1) / unit * unit;
    size_t count = fill();
    free_pages(after(border, 10),
               1); /* two single pages are free, so it takes a search to refuse */
    for (size_t i = 0; i < 7; i++) {
        paddr_t page = border - back[i] * PAGE_SIZE;
        free_pages(page, 1);
        EXPECT_EQUAL(take(2, PAGE_SIZE), 0);
        free_pages(after(page, 1), 1);
        EXPECT_EQUAL(page_largest_run(&frames), 2);
        if (!stage_is("buddy") || back[i] % 2 == 0)
            EXPECT_EQUAL(take(2, PAGE_SIZE), page);
        else
            EXPECT_EQUAL(page_alloc_at(&frames, page, 2), ALLOC_OK);
    }
    EXPECT_EQUAL(page_used(&frames), count - 1);
    EXPECT_SOUND(&frames);
}

static void wrong_requests_are_refused_and_change_nothing(void) {
    paddr_t out = 42;
    size_t total = page_total(&frames);
    EXPECT_REFUSED(page_alloc(&frames, 0, PAGE_SIZE, &out), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc(&frames, 1, 0, &out), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc(&frames, 1, 3 * PAGE_SIZE, &out), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc(&frames, 1, 2 * MAX_ALIGN, &out), ALLOC_INVALID);
    /* n * PAGE_SIZE is 4096 if it may wrap, and 0. */
    EXPECT_REFUSED(page_alloc(&frames, SIZE_MAX / PAGE_SIZE + 2, PAGE_SIZE, &out), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc(&frames, SIZE_MAX / PAGE_SIZE + 1, PAGE_SIZE, &out), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc(&frames, total + 1, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(out, 42);

    EXPECT_REFUSED(page_alloc_at(&frames, start, 0), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc_at(&frames, start + 1, 1), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc_at(&frames, outside(), 1), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc_at(&frames, 0, 1), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc_at(&frames, after(start, 1), SIZE_MAX), ALLOC_INVALID);
    EXPECT_REFUSED(page_alloc_at(&frames, after(start, total), 1), ALLOC_OVERLAP);

    EXPECT_REFUSED(page_add_memory(&frames, start, PAGE_SIZE), ALLOC_OVERLAP);
    EXPECT_REFUSED(page_add_memory(&frames, start, 0), ALLOC_INVALID);
    EXPECT_REFUSED(page_add_memory(&frames, outside(), PAGE_SIZE), ALLOC_INVALID);
    EXPECT_REFUSED(page_add_memory(&frames, start + 1, PAGE_SIZE), ALLOC_INVALID);
    EXPECT_EQUAL(page_total(&frames), total);
}

static void wrong_frees_are_refused_and_change_nothing(void) {
    paddr_t run = take(8, PAGE_SIZE);
    paddr_t last = end - PAGE_SIZE;
    free_pages(after(run, 4), 1);
    EXPECT_REFUSED(page_free(&frames, after(run, 4), 1), ALLOC_NOT_ALLOCATED); /* a double free */
    EXPECT_REFUSED(page_free(&frames, run, 8), ALLOC_NOT_ALLOCATED);           /* half allocated */
    EXPECT_REFUSED(page_free(&frames, run, 5), ALLOC_NOT_ALLOCATED);
    EXPECT_REFUSED(page_free(&frames, after(run, 4), 4), ALLOC_NOT_ALLOCATED);
    EXPECT_REFUSED(page_free(&frames, last, 1), ALLOC_NOT_ALLOCATED); /* never handed out */
    EXPECT_REFUSED(page_free(&frames, run, 0), ALLOC_INVALID);
    EXPECT_REFUSED(page_free(&frames, run + 8, 1), ALLOC_INVALID);
    EXPECT_REFUSED(page_free(&frames, outside(), 1), ALLOC_INVALID);
    EXPECT_REFUSED(page_free(&frames, last, outside() / PAGE_SIZE), ALLOC_INVALID);
    EXPECT_REFUSED(page_free(&frames, run, SIZE_MAX / PAGE_SIZE + 1), ALLOC_INVALID);
    free_pages(run, 4);
    free_pages(after(run, 5), 3);
    expect_whole();
}

static void bump_frees_nothing(void) {
    paddr_t page = take(1, PAGE_SIZE);
    EXPECT_REFUSED(page_free(&frames, page, 1), ALLOC_UNSUPPORTED);
}

/* Fresh memory, with `pages` absent pages at the window's page number `at`. */
static void punch_hole(size_t at, size_t pages) {
    frames_init(stage, &window);
    EXPECT_EQUAL(page_total(&frames), 0);
    frames_add(after(start, at + pages), end);
    frames_add(start, after(start, at));
}

static void a_hole_is_never_handed_out(void) {
    memset((void *) after(start, 70), 0, 3 * PAGE_SIZE);
    punch_hole(70, 3);
    EXPECT_EQUAL(page_alloc_at(&frames, after(start, 70), 1), ALLOC_OVERLAP);
    EXPECT_EQUAL(page_alloc_at(&frames, after(start, 69), 2), ALLOC_OVERLAP);
    EXPECT_EQUAL(page_is_free(&frames, after(start, 71)), false);
    paddr_t run = take(80, PAGE_SIZE);
    EXPECT(run >= after(start, 73));
    fill();
    EXPECT_EQUAL(page_available(&frames), 0);
    for (size_t page = 70; page < 73; page++)
        EXPECT_EQUAL(*word_of(after(start, page), 0), 0);
}

static void a_hole_cannot_be_freed_but_filled(void) {
    punch_hole(70, 3);
    fill();
    EXPECT_REFUSED(page_free(&frames, after(start, 70), 1), ALLOC_NOT_ALLOCATED);
    EXPECT_REFUSED(page_free(&frames, after(start, 68), 3), ALLOC_NOT_ALLOCATED);
    frames_add(after(start, 70), after(start, 73));
    EXPECT_EQUAL(page_available(&frames), 3);
    EXPECT_EQUAL(page_alloc_at(&frames, after(start, 70), 3), ALLOC_OK);
    free_pages(start, page_total(&frames)); /* across ranges that touch */
    expect_whole();
}

/* ---- random operations against a shadow table ---- */

enum {
    OPERATIONS = 100000,
    SHADOW_FREE = 0,
    SHADOW_USED = 1,
};

static uint8_t *shadow; /* one byte a page, in pages of its own */

static bool shadow_is(size_t first, size_t n, uint8_t state) {
    for (size_t i = first; i < first + n; i++)
        if (shadow[i] != state)
            return false;
    return true;
}

static size_t random_size(void) {
    size_t n = (size_t) 1 << random_below(11);
    return 1 + random_below((uint32_t) n);
}

static void random_alloc(size_t n) {
    size_t align = PAGE_SIZE << (random_below(4) == 0 ? random_below(8) : 0);
    paddr_t paddr = take(n, align);
    if (paddr == 0)
        return;
    size_t first = (paddr - start) / PAGE_SIZE;
    EXPECT_EQUAL(paddr % align, 0);
    EXPECT(paddr >= start && first + n <= page_total(&frames));
    if (test_failed)
        return;
    EXPECT(shadow_is(first, n, SHADOW_FREE));
    memset(shadow + first, SHADOW_USED, n);
}

static void random_alloc_at(size_t first, size_t n) {
    bool is_free = shadow_is(first, n, SHADOW_FREE);
    EXPECT_EQUAL(page_alloc_at(&frames, after(start, first), n),
                 is_free ? ALLOC_OK : ALLOC_OVERLAP);
    if (is_free)
        memset(shadow + first, SHADOW_USED, n);
}

static void random_free(size_t first, size_t n) {
    bool is_used = shadow_is(first, n, SHADOW_USED);
    EXPECT_EQUAL(page_free(&frames, after(start, first), n),
                 is_used ? ALLOC_OK : ALLOC_NOT_ALLOCATED);
    if (is_used)
        memset(shadow + first, SHADOW_FREE, n);
}

static void random_operations_match_a_shadow_table(void) {
    size_t total = page_total(&frames);
    size_t shadow_pages = (total + PAGE_SIZE - 1) / PAGE_SIZE;
    shadow = (uint8_t *) alloc_pages(shadow_pages);
    size_t shadow_first = ((paddr_t) shadow - start) / PAGE_SIZE;
    memset(shadow + shadow_first, SHADOW_USED, shadow_pages);

    for (size_t i = 0; i < OPERATIONS && !test_failed; i++) {
        size_t n = random_size();
        size_t first = random_below((uint32_t) (total - n + 1));
        bool hits_shadow = first < shadow_first + shadow_pages && shadow_first < first + n;
        switch (random_below(8)) {
        case 0:
            random_alloc_at(first, n);
            break;
        case 1:
        case 2:
        case 3:
            random_alloc(n);
            break;
        default:
            /* Most ranges are half allocated: begin where a page is, and take few. */
            n = 1 + random_below((uint32_t) n);
            if (!hits_shadow)
                random_free(first, n);
        }
        EXPECT_EQUAL(page_is_free(&frames, after(start, first)), shadow[first] == SHADOW_FREE);
        if (test_failed)
            printf("# in operation %zu: first %zu, n %zu\n", i, first, n);
    }

    size_t used = 0;
    for (size_t i = 0; i < total; i++)
        used += shadow[i];
    EXPECT_EQUAL(page_used(&frames), used);
    EXPECT_SOUND(&frames);
}

/* ---- all memory, beyond the window ---- */

static void all_usable_memory_is_added(void) {
    begin_with_all_memory();
    struct memory_range metadata = frames_metadata();
    size_t in_map = map_size(&machine->usable) - (metadata.end - metadata.start);
    EXPECT_EQUAL(page_total(&frames), in_map / PAGE_SIZE);
    EXPECT_EQUAL(page_available(&frames), page_total(&frames));
    EXPECT_SOUND(&frames);
}

static void what_is_reserved_is_absent(void) {
    begin_with_all_memory();
    for (size_t i = 0; i < machine->reserved.count; i++)
        EXPECT_EQUAL(page_is_free(&frames, machine->reserved.ranges[i].start), false);
    EXPECT_EQUAL(page_is_free(&frames, (paddr_t) what_is_reserved_is_absent), false);
    EXPECT_EQUAL(page_is_free(&frames, frames_metadata().start), false);
    EXPECT_EQUAL(page_is_free(&frames, frames_metadata().end - PAGE_SIZE), false);
}

static void every_range_of_memory_holds_what_is_written(void) {
    begin_with_all_memory();
    for (size_t i = 0; i < machine->usable.count; i++) {
        struct memory_range range = machine->usable.ranges[i];
        paddr_t ends[] = {range.start, range.end - PAGE_SIZE};
        for (size_t j = 0; j < 2; j++) {
            if (page_alloc_at(&frames, ends[j], 1) != ALLOC_OK)
                continue; /* the metadata, or a bump that has passed it */
            mark(ends[j]);
            expect_marked(ends[j]);
        }
    }
    EXPECT(page_used(&frames) > 0);
    EXPECT_SOUND(&frames);
}

/* ---- the list ---- */

static const struct test tests[] = {
    {"the first 2 pages then 1 page are at __free_ram and 8 KiB after it", first_pages_are_in_order,
     ALWAYS},
    {"fresh pages are zeroed", fresh_pages_are_zeroed, ALWAYS},
    {"reused pages are zeroed", reused_pages_are_zeroed, IF_IT_FREES},
    {"every page is handed out once and holds what was written to it",
     every_page_is_handed_out_once, ALWAYS},
    {"freeing first in, first out leaves memory whole",
     freeing_first_in_first_out_leaves_memory_whole, IF_IT_FREES},
    {"freeing last in, first out leaves memory whole",
     freeing_last_in_first_out_leaves_memory_whole, IF_IT_FREES},
    {"freeing in random order leaves memory whole", freeing_in_random_order_leaves_memory_whole,
     IF_IT_FREES},
    {"buddies freed apart become one block", buddies_freed_apart_become_one_block, IF_IT_FREES},
    {"runs of 1, 3, 10, 100, 1000 pages are consecutive and counted exactly",
     runs_are_consecutive_and_counted_exactly, ALWAYS},
    {"freed runs leave memory whole", freed_runs_leave_memory_whole, IF_IT_FREES},
    {"alignments are kept up to what fits", alignments_are_kept_up_to_what_fits, ALWAYS},
    {"pages can be had at an address", pages_can_be_had_at_an_address, ALWAYS},
    {"parts and neighbours can be freed", parts_and_neighbours_can_be_freed, IF_IT_FREES},
    {"two pages freed apart are found as a run", two_pages_freed_apart_are_found_as_a_run,
     IF_IT_FREES},
    {"wrong requests are refused and change nothing", wrong_requests_are_refused_and_change_nothing,
     ALWAYS},
    {"wrong frees are refused and change nothing", wrong_frees_are_refused_and_change_nothing,
     IF_IT_FREES},
    {"a stage that cannot free says so", bump_frees_nothing, UNLESS_IT_FREES},
    {"a hole is never handed out", a_hole_is_never_handed_out, ALWAYS},
    {"a hole cannot be freed but filled", a_hole_cannot_be_freed_but_filled, IF_IT_FREES},
    {"100,000 random operations match a shadow table", random_operations_match_a_shadow_table,
     IF_IT_FREES},
    {"all usable memory is added", all_usable_memory_is_added, ALWAYS},
    {"what is reserved is absent", what_is_reserved_is_absent, ALWAYS},
    {"every range of memory holds what is written", every_range_of_memory_holds_what_is_written,
     ALWAYS},
};

static const struct test_list allocator_tests = {
    .tests = tests,
    .count = sizeof(tests) / sizeof(tests[0]),
};

static const struct test_list *const lists[] = {
    &allocator_tests,
#if __has_include("selftest_span.c")
    &span_tests,
#endif
#if __has_include("selftest_vm.c") /* where the book is followed, it may not be there yet */
    &vm_tests,
#endif
#if defined(HARTS) && HARTS > 1 && __has_include("selftest_harts.c")
    &harts_tests,
#endif
#if defined(HARTS) && HARTS > 1 && __has_include("selftest_hands.c")
    &hands_tests,
#endif
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

static void run_test(const struct test_list *list, const struct test *test) {
    begin();
    if (list->begin)
        list->begin(machine);
    random_state = XORSHIFT32_SEED;
    test_failed = false;
    test->run();
    if (list->end)
        list->end();
}

bool program(const struct alloc_stage *stage_, const struct machine *machine_,
             struct memory_range free_ram) {
    stage = stage_, machine = machine_, start = free_ram.start;
    map_add(&window, free_ram.start, free_ram.end);
    size_t count = 0, number = 0, passed = 0, skipped = 0;
    bool frees = page_free(&frames, start, 1) != ALLOC_UNSUPPORTED;
    printf("# tests that touch every page work on a window: %p to %p\n", (void *) free_ram.start,
           (void *) free_ram.end);

    for (size_t i = 0; i < LISTS; i++)
        count += lists[i]->count;
    printf("1..%zu\n", count);
    for (size_t i = 0; i < LISTS; i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            const struct test *test = &lists[i]->tests[j];
            number++;
            if (test->when != ALWAYS && (test->when == IF_IT_FREES) != frees) {
                printf("ok %zu - %s # SKIP %s %s free\n", number, test->name,
                       alloc_stage_name(stage), frees ? "can" : "cannot");
                skipped++;
                continue;
            }
            run_test(lists[i], test);
            printf("%sok %zu - %s\n", test_failed ? "not " : "", number, test->name);
            passed += !test_failed;
        }
    }
    printf("%zu passed, %zu failed, %zu skipped\n", passed, count - passed - skipped, skipped);
    return passed + skipped == count;
}
