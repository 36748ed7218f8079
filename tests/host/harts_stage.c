#include "harts_stage.h"

#include <string.h>

static size_t stage_meta_size(size_t pages) {
    return sizeof(struct pair) + rows_words(pages) * sizeof(uint64_t);
}

static paddr_t address_of(const struct page_allocator *a, size_t page) {
    return (a->base + page) * PAGE_SIZE;
}

/* One thread is all harts: whoever is called to put its hand down does so here. */
static bool put_others_down(void *context) {
    struct pair *p = context;
    for (size_t i = 0; i < HANDS; i++)
        if (i != p->at_work)
            harts_put_down(&p->s, &p->hands[i]);
    return true;
}

/* What harts_begin gives to all. Not of the metadata: tests break that. */
static const struct alloc_stage *shared_stage;

static struct harts *lend(const struct page_allocator *a) {
    struct pair *p = a->meta;
    p->s.a = *a;
    p->s.a.stage = shared_stage;
    p->s.a.meta = p + 1;
    return &p->s;
}

static void take_back(struct harts *s) {
    s->a = (struct page_allocator){.stage = shared_stage};
}

/* What only counts has no end, and is no state: counters begin anew. Nor is what a hand has left
 * where it holds nothing. */
static void forget(struct pair *p) {
    for (size_t i = 0; i < HANDS; i++) {
        struct hand *h = &p->hands[i];
        h->locks = h->recall = 0;
        memset(h->pages + h->held, 0, (HAND - h->high - h->held) * sizeof(h->pages[0]));
    }
    p->s.last_recall = 0;
    p->at_work = 0;
}

/* harts_begin wants room for ranges; what it says of them is not used. */
static void stage_init(struct page_allocator *a) {
    struct pair *p = a->meta;
    static _Alignas(64) char meta[4096];
    harts_begin(&p->s, 0, PAGE_SIZE, meta, sizeof(meta), put_others_down, p);
    shared_stage = p->s.a.stage;
    lend(a);
    p->s.a.stage->init(&p->s.a);
    take_back(&p->s);
    for (size_t i = 0; i < HANDS; i++)
        harts_join(&p->s, &p->hands[i]);
    forget(p);
}

/* Both hands are used, for the same calls always, whatever was called before. */
static struct page_range known[KNOWN_RANGES];

static struct hand *begin(struct page_allocator *a, size_t number) {
    struct pair *p = a->meta;
    lend(a);
    p->at_work = number % HANDS;
    memcpy(known, p->hands[p->at_work].known, sizeof(known));
    return &p->hands[p->at_work];
}

/* Pages are counted by the stage's own allocator. What a hart has learned of the ranges by a call
 * that failed is no state either. */
static enum alloc_error end(struct page_allocator *a, enum alloc_error error) {
    struct pair *p = a->meta;
    if (error != ALLOC_OK)
        memcpy(p->hands[p->at_work].known, known, sizeof(known));
    a->used = 0;
    for (size_t i = 0; i < HANDS; i++) {
        a->used += p->hands[i].used;
        p->hands[i].used = 0;
    }
    p->hands[0].used = a->used;
    forget(p);
    take_back(&p->s);
    return error;
}

static enum alloc_error stage_add(struct page_allocator *a, size_t first, size_t n) {
    struct harts *s = lend(a);
    enum alloc_error error = s->a.stage->add(&s->a, first, n);
    take_back(s);
    return error;
}

static bool stage_is_free(const struct page_allocator *a, size_t page) {
    struct harts *s = lend(a);
    bool is_free = harts_is_free(s, address_of(a, page));
    take_back(s);
    return is_free;
}

static struct page_range stage_next_free(const struct page_allocator *a, size_t from) {
    struct harts *s = lend(a);
    struct page_range range = s->a.stage->next_free(&s->a, from);
    take_back(s);
    return range;
}

static enum alloc_error stage_alloc(struct page_allocator *a, size_t n, size_t align,
                                    paddr_t *out) {
    struct pair *p = a->meta;
    struct hand *h = begin(a, a->used + n);
    return end(a, harts_alloc(&p->s, h, n, align * PAGE_SIZE, out));
}

static enum alloc_error stage_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    struct pair *p = a->meta;
    struct hand *h = begin(a, first + n);
    return end(a, harts_alloc_at(&p->s, h, address_of(a, first), n));
}

static enum alloc_error stage_free(struct page_allocator *a, size_t first, size_t n) {
    struct pair *p = a->meta;
    struct hand *h = begin(a, first);
    return end(a, harts_free(&p->s, h, address_of(a, first), n));
}

static struct problem stage_problem(const struct page_allocator *a) {
    struct harts *s = lend(a);
    struct problem problem = s->a.stage->problem(&s->a);
    take_back(s);
    return problem;
}

const struct alloc_stage harts_pair_stage = {
    .name = "harts",
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
