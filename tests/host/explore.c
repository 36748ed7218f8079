/* States, one after the other, and every call in each. */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CALLS = 8192
};

/* ---- images: the allocator, its metadata, the oracle's counts and its pages in the window ---- */

struct counts {
    size_t total, used, next, range_count;
};

static size_t words_of_bytes(size_t bytes) {
    return (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

/* The parts of an image, in words. */
struct layout {
    size_t meta, counts, pages, end;
};

static struct layout layout_of(const struct exploration *e) {
    struct layout at;
    at.meta = words_of_bytes(sizeof(struct page_allocator));
    at.counts = at.meta + words_of_bytes(e->t->meta_size);
    at.pages = at.counts + words_of_bytes(sizeof(struct counts));
    at.end = at.pages + words_of_bytes(e->window.pages);
    return at;
}

/* Ranges beyond the last one are no part of a state: they become what they were at first. */
static void forget_old_ranges(struct trial *t) {
    memset(t->a.ranges + t->a.range_count, t->garbage,
           (t->a.range_room - t->a.range_count) * sizeof(struct page_range));
}

static void save(const struct exploration *e, uint64_t *image) {
    struct trial *t = e->t;
    struct layout at = layout_of(e);
    const struct oracle *o = &t->oracle;
    struct counts counts = {o->total, o->used, o->next, o->range_count};
    forget_old_ranges(t);
    image[at.end - 1] = 0; /* pages may end in the middle of a word */
    memcpy(image, &t->a, sizeof(t->a));
    memcpy(image + at.meta, t->meta, t->meta_size);
    memcpy(image + at.counts, &counts, sizeof(counts));
    memcpy(image + at.pages, o->pages + e->window.first, e->window.pages);
}

static void load(const struct exploration *e, const uint64_t *image) {
    struct trial *t = e->t;
    struct layout at = layout_of(e);
    struct oracle *o = &t->oracle;
    struct counts counts;
    memcpy(&t->a, image, sizeof(t->a));
    memcpy(t->meta, image + at.meta, t->meta_size);
    memcpy(&counts, image + at.counts, sizeof(counts));
    memcpy(o->pages + e->window.first, image + at.pages, e->window.pages);
    o->total = counts.total;
    o->used = counts.used;
    o->next = counts.next;
    o->range_count = counts.range_count;
}

/* ---- failures ---- */

static void print_step(const struct exploration *e, size_t step) {
    if (step < e->call_count)
        print_call(&e->calls[step]);
    else
        print_error("#     bit %zu of the struct and the metadata behind it flips\n",
                    step - e->call_count);
}

static void print_way_to(const struct exploration *e, size_t state) {
    struct origin origin = e->origins[state];
    if (origin.parent == NO_STATE) {
        for (size_t i = 0; i < e->first_call; i++)
            print_call(&e->calls[i]);
        return;
    }
    /* Breadth first, so the way is short: this goes no deeper than the window has pages. */
    print_way_to(e, origin.parent);
    print_step(e, origin.step);
}

void explore_print_way(const struct exploration *e) {
    print_error("# the last of these is wrong:\n");
    print_way_to(e, e->state);
    print_step(e, e->step);
}

/* ---- the calls ---- */

static void add_call(struct exploration *e, enum call_kind kind, paddr_t paddr, size_t amount,
                     size_t align) {
    bool in_bytes = kind == CALL_MANAGE || kind == CALL_ADD;
    assert_true(e->call_count < MAX_CALLS);
    e->calls[e->call_count++] =
        (struct call){kind, paddr, in_bytes ? amount * PAGE_SIZE : 0, in_bytes ? 0 : amount, align};
}

/* Every range from the page before the window to the one behind it, empty ones among them. What is
 * added may pass the window's ends only where the span ends, too. */
static void add_range_calls(struct exploration *e, enum call_kind kind) {
    const struct window *w = &e->window;
    bool before = kind != CALL_ADD || w->first == 0;
    bool behind = kind != CALL_ADD || w->first + w->pages == w->span_pages;
    paddr_t from = after(w->start, w->first - before);
    size_t pages = before + w->pages + behind;
    for (size_t first = 0; first < pages; first++)
        for (size_t n = 0; n <= pages - first; n++)
            add_call(e, kind, after(from, first), n, 0);
}

/* Each number of pages, at each alignment up to those that one page of the window may have, then
 * at every fourth, at the largest, and at two that are refused. */
static void add_alloc_calls(struct exploration *e) {
    for (size_t n = 0; n <= e->window.pages + 1; n++) {
        add_call(e, CALL_ALLOC, 0, n, 3 * PAGE_SIZE);
        /* It may pass MAX_ALIGN sixteenfold, which 32 bits do not hold. */
        for (uint64_t align = PAGE_SIZE; align < MAX_ALIGN;) {
            add_call(e, CALL_ALLOC, 0, n, (size_t) align);
            align *= align / PAGE_SIZE < 2 * e->window.pages ? 2 : 16;
        }
        add_call(e, CALL_ALLOC, 0, n, MAX_ALIGN);
        add_call(e, CALL_ALLOC, 0, n, 2 * MAX_ALIGN);
    }
}

static void list_calls(struct exploration *e) {
    const struct window *w = &e->window;
    add_call(e, CALL_MANAGE, w->start, w->span_pages, 0);
    for (size_t i = 0; i < PIECES && w->added[i].n > 0; i++)
        add_call(e, CALL_ADD, after(w->start, w->first + w->added[i].first), w->added[i].n, 0);
    e->first_call = e->call_count;
    if (w->adds)
        add_range_calls(e, CALL_ADD);
    add_alloc_calls(e);
    add_range_calls(e, CALL_ALLOC_AT);
    add_range_calls(e, CALL_FREE);
}

/* ---- exploring ---- */

static void set_origin(struct exploration *e, size_t state, struct origin origin) {
    if (state >= e->origin_room) {
        e->origin_room = 2 * state + 1024;
        e->origins = realloc(e->origins, e->origin_room * sizeof(*e->origins));
        assert_non_null(e->origins);
    }
    e->origins[state] = origin;
}

static void look_at_window(const struct exploration *e) {
    look_at(e->t, after(e->window.start, e->window.first), e->window.pages);
}

void explore_begin(struct exploration *e, struct trial *t, const struct window *window) {
    *e = (struct exploration){.t = t, .window = *window};
    e->calls = calloc(MAX_CALLS, sizeof(*e->calls));
    assert_non_null(e->calls);
    list_calls(e);
    t->is_watched = false;
    paddr_t out;
    for (size_t i = 0; i < e->first_call; i++)
        assert_error(make_call(t, &e->calls[i], &out), ALLOC_OK);

    size_t words = layout_of(e).end;
    e->image = calloc(words, sizeof(uint64_t));
    e->next_image = calloc(words, sizeof(uint64_t));
    assert_true(e->image != NULL && e->next_image != NULL);
    save(e, e->image);
    space_init(&e->states, e->image, words);
    set_origin(e, 0, (struct origin){NO_STATE, 0});
    look_at_all(t);
}

void explore_end(struct exploration *e) {
    space_end(&e->states);
    free(e->calls);
    free(e->origins);
    free(e->image);
    free(e->next_image);
}

/* The state that the allocator is in now: if it is a new one, it is looked at. */
static void arrive(struct exploration *e) {
    save(e, e->next_image);
    size_t count = e->states.count, state = space_add(&e->states, e->next_image);
    if (state < count)
        return;
    set_origin(e, state, (struct origin){e->state, e->step});
    look_at_window(e);
}

static bool is_as_before(const struct exploration *e, bool may_learn) {
    const struct trial *t = e->t;
    return memcmp(e->image, &t->a, sizeof(t->a)) == 0 &&
           (may_learn || memcmp(e->image + layout_of(e).meta, t->meta, t->meta_size) == 0);
}

static void explore_state(struct exploration *e) {
    space_get(&e->states, e->state, e->image);
    load(e, e->image);
    paddr_t out;
    for (e->step = e->first_call; e->step < e->call_count; e->step++) {
        enum alloc_error answer = make_call(e->t, &e->calls[e->step], &out);
        bool learns = answer == ALLOC_NO_MEMORY && e->t->candidate->learns;
        if (answer != ALLOC_OK && !is_as_before(e, learns)) {
            if (!e->t->is_quiet)
                print_error("# %s, and bytes have changed\n", alloc_error_name(answer));
            longjmp(*e->t->trap, 1);
        }
        if (answer == ALLOC_OK || learns) {
            arrive(e);
            load(e, e->image);
        }
    }
    e->transitions += e->call_count - e->first_call;
}

bool explore(struct exploration *e) {
    jmp_buf trap;
    e->t->trap = &trap;
    bool is_right = setjmp(trap) == 0;
    for (; is_right && e->explored < e->states.count; e->explored++) {
        e->state = e->explored;
        explore_state(e);
    }
    e->t->trap = NULL;
    return is_right;
}

/* ---- flipping bits ---- */

/* The byte that has the bit: of the struct, or of the metadata, which counts as lying behind it. */
static unsigned char *byte_of(const struct exploration *e, size_t bit) {
    size_t byte = bit / 8, meta = layout_of(e).meta * sizeof(uint64_t);
    struct trial *t = e->t;
    return byte < meta ? (unsigned char *) &t->a + byte : (unsigned char *) t->meta + byte - meta;
}

static void flip(const struct exploration *e, size_t bit) {
    *byte_of(e, bit) ^= (unsigned char) (1U << bit % 8);
}

/* Which bits of the struct and the metadata mean something, in any of the states: an image. Bits
 * that page_init has not written are what it found there, once this and once its opposite. */
static uint64_t *find_meaning(const struct exploration *e) {
    struct trial *t = e->t;
    struct layout at = layout_of(e);
    const struct call *begin = &e->calls[0];
    uint64_t *meaning = calloc(at.end, sizeof(uint64_t));
    uint64_t *other = calloc(at.end, sizeof(uint64_t));
    assert_true(meaning != NULL && other != NULL);

    for (int i = 0; i < 2; i++) {
        memset(t->meta, i == 0 ? t->garbage : ~t->garbage, t->meta_size);
        assert_error(page_init(&t->a, t->candidate->stage, begin->paddr, begin->size, t->meta,
                               t->meta_size),
                     ALLOC_OK);
        memcpy((i == 0 ? meaning : other) + at.meta, t->meta, t->meta_size);
    }
    for (size_t i = at.meta; i < at.counts; i++)
        meaning[i] = ~(meaning[i] ^ other[i]);
    for (size_t i = 0; i < e->states.begin[e->states.count]; i++) {
        const struct difference *d = &e->states.kept[i];
        meaning[d->at] |= d->at >= at.meta ? d->word ^ e->states.first[d->at] : 0;
    }
    memset(meaning + at.meta, 0, t->candidate->structs);
    struct page_allocator *a = (void *) meaning;
    a->total = a->used = a->range_count = SIZE_MAX;
    a->largest = (struct page_range){SIZE_MAX, SIZE_MAX};
    memset(&a->meta, 0xff, sizeof(a->meta));
    memset(&a->ranges, 0xff, sizeof(a->ranges));
    free(other);
    return meaning;
}

/* Make the oracle one that says the same as the allocator. */
static void follow(struct exploration *e) {
    const struct trial *t = e->t;
    struct oracle *o = &e->t->oracle;
    o->total = o->used = o->next = 0;
    o->range_count = t->a.range_count;
    for (size_t page = e->window.first; page < e->window.first + e->window.pages; page++) {
        size_t index = page + t->a.span.first;
        bool is_present = false;
        for (size_t i = 0; i < t->a.range_count; i++)
            is_present |= t->a.ranges[i].first <= index && index < t->a.ranges[i].end;
        bool is_free = page_is_free(&t->a, after(e->window.start, page));
        o->pages[page] = !is_present ? ABSENT : is_free ? FREE : USED;
        o->total += is_present;
        o->used += is_present && !is_free;
        if (o->rules.loses_gaps && is_present && !is_free)
            o->next = page + 1;
    }
}

/* The bit is flipped, and page_check says that all is well. */
static void arrive_flipped(struct exploration *e, size_t reachable, struct flips *flips) {
    follow(e);
    save(e, e->next_image);
    if (space_find(&e->states, e->next_image) < reachable)
        flips->reached++;
    else
        flips->harmless++;
    arrive(e);
}

/* Every bit of one state. */
static void flip_each_bit(struct exploration *e, const uint64_t *meaning, size_t reachable,
                          struct flips *flips) {
    space_get(&e->states, e->state, e->image);
    load(e, e->image);
    const void *ranges_end = e->t->a.ranges + e->t->a.range_count;
    size_t bits = layout_of(e).counts * sizeof(uint64_t) * 8;
    for (size_t bit = 0; bit < bits && byte_of(e, bit) != ranges_end; bit++) {
        if ((((const unsigned char *) meaning)[bit / 8] >> bit % 8 & 1) == 0)
            continue;
        e->step = e->call_count + bit;
        flip(e, bit);
        if (page_check(&e->t->a)) {
            arrive_flipped(e, reachable, flips);
            load(e, e->image);
        } else {
            flip(e, bit);
            flips->noticed++;
        }
    }
}

bool explore_flips(struct exploration *e, size_t most, struct flips *flips) {
    uint64_t *meaning = find_meaning(e);
    size_t reachable = e->states.count, stride = (reachable + most - 1) / most;
    jmp_buf trap;
    e->t->trap = &trap;
    bool is_right = setjmp(trap) == 0;
    for (e->state = 0; is_right && e->state < reachable; e->state += stride) {
        flip_each_bit(e, meaning, reachable, flips);
        flips->states++;
    }
    e->t->trap = NULL;
    free(meaning);
    return is_right && explore(e);
}
