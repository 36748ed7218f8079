/* What the page sees of an allocator: one span, every stage, and each load and store of theirs.
 *
 * Compiled to WebAssembly together with alloc/, twice: as fast as it goes, and with a call of
 * __sanitizer_cov_load or _store at each access of alloc/, which are below. site.sh has the
 * commands, player.mjs uses the exports. Pages are indices of the span, from 0 on. */
#include "guest.h"
#include "tables.h"

#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))
#define START ((paddr_t) 0x80000000)
#define MAX_PAGES 262144 /* 1 GiB */
#define MAX_TABLES 128
#define MAX_LOG 65536
#define NOBODY UINT32_MAX

/* All that a call may change, in one piece: the page keeps copies of it to go back to. */
static struct {
    struct page_allocator a;
    char meta[1 << 17] __attribute__((aligned(64)));
} state;

/* ---- stages ---- */

static const struct {
    const struct alloc_stage *stage;
    void (*tell)(const struct page_allocator *a);
    guest_take *take;
} stages[] = {
#define STAGE(name) {&name##_stage, tell_##name, take_##name},
#include "../../alloc/stages.h"
};

EXPORT(stage_count) unsigned stage_count(void) {
    return sizeof(stages) / sizeof(stages[0]);
}

EXPORT(stage_name) const char *stage_name(unsigned stage) {
    return alloc_stage_name(stages[stage].stage);
}

EXPORT(error_name) const char *error_name(enum alloc_error error) {
    return alloc_error_name(error);
}

/* ---- what it remembers ---- */

static struct table tables[MAX_TABLES];
static unsigned told;

void tell(struct table table) {
    if (told < MAX_TABLES)
        tables[told++] = table;
}

EXPORT(tables_at) const struct table *tables_at(void) {
    return tables;
}

EXPORT(table_count) unsigned table_count(void) {
    return told;
}

/* ---- each load and store ---- */

/* What was touched, in order: its offset in the metadata, twice, and 1 more if it was written. */
static uint32_t touches[MAX_LOG], touched;
static bool is_traced;

static void note(const void *at, uint32_t is_written) {
    size_t offset = (size_t) ((const char *) at - state.meta);
    if (is_traced && offset < sizeof(state.meta) && touched < MAX_LOG)
        touches[touched++] = (uint32_t) offset << 1 | is_written;
}

#define NOTES(size)                                    \
    void __sanitizer_cov_load##size(const void *at);   \
    void __sanitizer_cov_store##size(const void *at);  \
    void __sanitizer_cov_load##size(const void *at) {  \
        note(at, 0);                                   \
    }                                                  \
    void __sanitizer_cov_store##size(const void *at) { \
        note(at, 1);                                   \
    }

NOTES(1)
NOTES(2)
NOTES(4)
NOTES(8)
NOTES(16)

EXPORT(trace) void trace(bool is_wanted) {
    is_traced = is_wanted;
    touched = 0;
}

EXPORT(touches_at) const uint32_t *touches_at(void) {
    return touches;
}

EXPORT(touch_count) unsigned touch_count(void) {
    return touched;
}

/* ---- calls ---- */

static uint32_t result;

/* The page that the last call handed out; NOBODY if it did not. */
EXPORT(result_page) uint32_t result_page(void) {
    return result;
}

/* Begin with so many pages, none of them added yet. */
EXPORT(begin) enum alloc_error begin(unsigned stage, uint32_t pages) {
    size_t size = pages * PAGE_SIZE;
    if (pages > MAX_PAGES || page_meta_size(stages[stage].stage, START, size) > sizeof(state.meta))
        return ALLOC_INVALID;
    enum alloc_error error =
        page_init(&state.a, stages[stage].stage, START, size, state.meta, sizeof(state.meta));
    told = 0;
    if (error == ALLOC_OK)
        stages[stage].tell(&state.a);
    return error;
}

static paddr_t address(uint32_t page) {
    return START + (paddr_t) page * PAGE_SIZE;
}

EXPORT(add) enum alloc_error add(uint32_t page, uint32_t n) {
    result = NOBODY;
    return page_add_memory(&state.a, address(page), n * PAGE_SIZE);
}

EXPORT(alloc) enum alloc_error alloc(uint32_t n, uint32_t align) {
    paddr_t paddr;
    enum alloc_error error = page_alloc(&state.a, n, align * PAGE_SIZE, &paddr);
    result = error == ALLOC_OK ? (uint32_t) ((paddr - START) / PAGE_SIZE) : NOBODY;
    return error;
}

EXPORT(alloc_at) enum alloc_error alloc_at(uint32_t page, uint32_t n) {
    enum alloc_error error = page_alloc_at(&state.a, address(page), n);
    result = error == ALLOC_OK ? page : NOBODY;
    return error;
}

/* `free` is a name of C's library, which compilers believe they know. */
EXPORT(release) enum alloc_error release(uint32_t page, uint32_t n) {
    result = NOBODY;
    return page_free(&state.a, address(page), n);
}

/* ---- a kernel's own ---- */

static struct guest guest;

EXPORT(guest_at) struct page_allocator64 *guest_at(void) {
    return &guest.a;
}

EXPORT(guest_meta_at) char *guest_meta_at(void) {
    return guest.meta;
}

EXPORT(guest_room) unsigned guest_room(void) {
    return sizeof(guest.meta);
}

/* Go on with the allocator of a kernel that runs: its struct and so many bytes of its metadata are
 * where those above say. False: it is none of this stage, or is laid out otherwise. */
EXPORT(take) bool take(unsigned stage, uint32_t size) {
    const struct range64 *span = &guest.a.span;
    told = 0;
    if (guest.a.base != START / PAGE_SIZE || span->first >= span->end || span->end > MAX_PAGES)
        return false;
    guest.size = size;
    paddr_t start = START + (paddr_t) span->first * PAGE_SIZE;
    size_t bytes = (size_t) (span->end - span->first) * PAGE_SIZE;
    if (page_init(&state.a, stages[stage].stage, start, bytes, state.meta, sizeof(state.meta)) !=
            ALLOC_OK ||
        !guest_take_all(&state.a, &guest, stages[stage].take))
        return false;
    stages[stage].tell(&state.a);
    return true;
}

EXPORT(span_end) uint32_t span_end(void) {
    return (uint32_t) state.a.span.end;
}

/* ---- what it says ---- */

EXPORT(total) uint32_t total(void) {
    return (uint32_t) page_total(&state.a);
}

EXPORT(used) uint32_t used(void) {
    return (uint32_t) page_used(&state.a);
}

EXPORT(largest_run) uint32_t largest_run(void) {
    return (uint32_t) page_largest_run(&state.a);
}

/* The first invariant that does not hold, in words; NULL if all do. */
EXPORT(problem) const char *problem(void) {
    static char text[PROBLEM_SIZE];
    return page_problem_text(&state.a, text);
}

/* What each page is: 0 absent, 1 not free, 2 free. */
EXPORT(look) const uint8_t *look(void) {
    static uint8_t pages[MAX_PAGES];
    for (uint32_t page = 0; page < state.a.span.end; page++)
        pages[page] = page_is_free(&state.a, address(page)) ? 2 : 0;
    for (size_t i = 0; i < state.a.range_count; i++)
        for (size_t page = state.a.ranges[i].first; page < state.a.ranges[i].end; page++)
            pages[page] |= 1;
    for (uint32_t page = 0; page < state.a.span.end; page++)
        pages[page] = pages[page] == 3 ? 2 : pages[page];
    return pages;
}

EXPORT(state_at) void *state_at(void) {
    return &state;
}

EXPORT(state_size) unsigned state_size(void) {
    return (unsigned) (sizeof(state) - sizeof(state.meta)) +
           (unsigned) ((const char *) (state.a.ranges + state.a.range_count) - state.meta);
}

EXPORT(meta_at) const void *meta_at(void) {
    return state.meta;
}

/* ---- what clang may call ---- */

void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);

void *memset(void *to, int byte, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((char *) to)[i] = (char) byte;
    return to;
}

void *memcpy(void *to, const void *from, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((char *) to)[i] = ((const char *) from)[i];
    return to;
}
