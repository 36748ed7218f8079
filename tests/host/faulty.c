/* Real stages, and what goes wrong with them. */
#define _POSIX_C_SOURCE 200809L
#include "faulty.h"

#include <signal.h>
#include <stdlib.h>

/* Volatile, or the compiler may take it that loops end. */
static volatile enum fault fault_now;
static struct alloc_stage stage;

/* Is one page being freed, and not the last, between two free pages? */
static bool is_its_time(const struct page_allocator *a, size_t first, size_t n) {
    return a->used >= 2 && n == 1 && first > a->span.first && first + 1 < a->span.end &&
           bitmap_stage.is_free(a, first - 1) && bitmap_stage.is_free(a, first + 1) &&
           !bitmap_stage.is_free(a, first);
}

static enum alloc_error faulty_free(struct page_allocator *a, size_t first, size_t n) {
    if (is_its_time(a, first, n)) {
        if (fault_now == FORGETS)
            return count_given(a, n);
        if (fault_now == ABORTS)
            abort();
        if (fault_now == CRASHES)
            raise(SIGSEGV);
        while (fault_now == HANGS)
            continue;
    }
    return bitmap_stage.free(a, first, n);
}

static enum alloc_error faulty_alloc(struct page_allocator *a, size_t n, size_t align,
                                     paddr_t *out) {
    bool miscounts = fault_now == MISCOUNTS && n >= 3 && a->used >= 4;
    enum alloc_error error = bitmap_stage.alloc(a, n, align, out);
    if (miscounts && error == ALLOC_OK) {
        size_t end = *out / PAGE_SIZE - a->base + n;
        words_set(a->meta, end - 1, end);
    }
    return error;
}

static enum alloc_error faulty_alloc_at(struct page_allocator *a, size_t first, size_t n) {
    enum alloc_error error = bitmap_stage.alloc_at(a, first, n);
    if (fault_now == WRITES && error != ALLOC_OK && n >= 2 && a->used >= 4)
        words_clear(a->meta, first, first + n);
    return error;
}

static struct problem blind_problem(const struct page_allocator *a) {
    (void) a;
    return SOUND;
}

const struct alloc_stage *faulty_stage(enum fault fault) {
    fault_now = fault;
    stage = fault == BLIND ? bump_stage : bitmap_stage;
    stage.name = "faulty";
    if (fault == BLIND) {
        stage.problem = blind_problem;
    } else {
        stage.free = faulty_free;
        stage.alloc = faulty_alloc;
        stage.alloc_at = faulty_alloc_at;
    }
    return &stage;
}
