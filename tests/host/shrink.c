/* Shrinking sequences of calls. */
#define _POSIX_C_SOURCE 200809L
#include "shrink.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- judging ---- */

void let_crashes_end(void) {
    static const int signals[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
}

/* The child's whole life. Nobody reads what it says. */
static _Noreturn void make_all(const struct judge *judge, const struct call *calls, size_t count) {
    struct trial *t = calloc(1, sizeof(*t));
    jmp_buf trap;
    paddr_t out;
    let_crashes_end();
    if (t == NULL || freopen("/dev/null", "w", stderr) == NULL || setjmp(trap) != 0)
        _exit(1);
    *t = (struct trial){.candidate = judge->candidate,
                        .is_watched = judge->look_every != 0,
                        .garbage = 0xaa,
                        .trap = &trap,
                        .is_quiet = true};
    alarm(judge->most_seconds);
    for (size_t i = 0; i < count; i++) {
        make_call(t, &calls[i], &out);
        if (judge->look_every != 0 && (i % judge->look_every == 0 || i + 1 == count))
            look_at_all(t);
    }
    look_at(t, calls[0].paddr, 1);
    _exit(0);
}

bool has_failed(pid_t process) {
    int status = 0;
    assert_true(process > 0);
    assert_int_equal(waitpid(process, &status, 0), process);
    return status != 0;
}

bool fails_when_made(const struct judge *judge, const struct call *calls, size_t count) {
    fflush(NULL); /* or the child's end prints it once more */
    pid_t child = fork();
    if (child == 0)
        make_all(judge, calls, count);
    return has_failed(child);
}

/* ---- shrinking ---- */

enum {
    STEPS = 25,            /* from a number to a smaller one */
    FORMS = 3 * STEPS + 1, /* that simplify knows */
    UNITED = FORMS,
    WITHOUT_BOTH,
    EXPLICIT,
    PAIR_FORMS,
    MOST_FOR_PAIRS = 40,
};

struct shrinking {
    struct call *calls;
    size_t count;
    struct call *tried; /* a shorter or simpler sequence, if it fails too */
    const struct judge *judge;
    size_t tries, most_tries;
};

static bool still_fails(struct shrinking *s, size_t count) {
    if (s->tries == s->most_tries)
        return false;
    s->tries++;
    return s->judge->fails(s->judge, s->tried, count);
}

/* Keep what was tried if it fails. */
static bool accept(struct shrinking *s, size_t count) {
    if (!still_fails(s, count))
        return false;
    s->count = count;
    memcpy(s->calls, s->tried, count * sizeof(struct call));
    return true;
}

/* Begin to try: the calls as they are. */
static void propose(struct shrinking *s) {
    memcpy(s->tried, s->calls, s->count * sizeof(struct call));
}

/* Try without the calls [from, end) of `count`: how many those are. */
static size_t leave_out(struct shrinking *s, size_t from, size_t end, size_t count) {
    memmove(s->tried + from, s->tried + end, (count - end) * sizeof(struct call));
    return count - (end - from);
}

/* From halves to single calls, the last ones first: what comes after the fault is needed least. */
static bool drop_calls(struct shrinking *s) {
    bool has_dropped = false;
    for (size_t size = s->count / 2 + 1; size > 0; size /= 2) {
        for (size_t end = s->count; end > 1; end = end > size ? end - size : 1) {
            size_t from = end > size ? end - size : 1;
            propose(s);
            has_dropped |= accept(s, leave_out(s, from, end, s->count));
        }
    }
    return has_dropped;
}

/* The k-th thing to try instead of a number that is a multiple of `unit` and not less: one, half,
 * three quarters, … one less. False if there is no k-th. */
static bool smaller(size_t *number, size_t unit, size_t k) {
    size_t units = *number / unit;
    size_t less = k == 0 ? units - 1 : units >> k;
    if (units < 2 || less == 0)
        return false;
    *number = (units - less) * unit;
    return true;
}

static bool to_whole_pages(struct call *call) {
    if (call->kind != CALL_ADD || (call->paddr % PAGE_SIZE == 0 && call->size % PAGE_SIZE == 0))
        return false;
    call->paddr -= call->paddr % PAGE_SIZE;
    call->size -= call->size % PAGE_SIZE;
    return call->size > 0;
}

/* The k-th simpler form of a call: false if it has none. */
static bool simplify(struct call *call, size_t k) {
    switch (k / STEPS) {
    case 0:
        return call->n > 0 && smaller(&call->n, 1, k % STEPS);
    case 1: /* two pages of a span: one of them is whole */
        return smaller(&call->size, PAGE_SIZE, k % STEPS) &&
               (call->kind != CALL_MANAGE || call->size >= 2 * PAGE_SIZE);
    case 2: /* one page or half, as it is a power of two */
        return k % STEPS < 2 && smaller(&call->align, PAGE_SIZE, k % STEPS);
    case 3:
        return to_whole_pages(call);
    }
    return false;
}

static bool simplify_calls(struct shrinking *s) {
    bool has_changed = false;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < FORMS; k++) {
            propose(s);
            if (!simplify(&s->tried[i], k) || !accept(s, s->count))
                continue;
            has_changed = true;
            k = (size_t) -1; /* from the start: it may get smaller still */
        }
    }
    return has_changed;
}

/* One call for two: of as many pages as both together, or of all from the first page of one to the
 * last of the other. False if they are not of one kind. */
static bool unite(struct call *call, const struct call *other) {
    if (call->kind != other->kind)
        return false;
    call->n += other->n;
    if (call->kind == CALL_ALLOC)
        return true;
    paddr_t low = call->paddr < other->paddr ? call->paddr : other->paddr;
    paddr_t high = call->paddr < other->paddr ? other->paddr : call->paddr;
    call->paddr = low;
    if (call->kind == CALL_ADD)
        call->size = high - low + other->size;
    else
        call->n = (high - low) / PAGE_SIZE + other->n;
    return true;
}

/* An allocation that names its pages, the other's, leaves all before it free to change. */
static bool make_explicit(struct call *call, const struct call *other) {
    if (call->kind != CALL_ALLOC || (other->kind != CALL_FREE && other->kind != CALL_ALLOC_AT))
        return false;
    *call = (struct call){.kind = CALL_ALLOC_AT, .paddr = other->paddr, .n = other->n};
    return true;
}

/* Change call i in the k-th way, mostly to do without call j: false if there is no such way, or the
 * calls do not fail then. */
static bool change_pair(struct shrinking *s, size_t i, size_t j, size_t k) {
    size_t low = i < j ? i : j, high = i < j ? j : i;
    struct call *call = &s->tried[i], other = s->calls[j];
    propose(s);
    switch (k) {
    case WITHOUT_BOTH:
        return accept(s, leave_out(s, low, low + 1, leave_out(s, high, high + 1, s->count)));
    case UNITED:
        return unite(call, &other) && accept(s, leave_out(s, j, j + 1, s->count));
    case EXPLICIT:
        return make_explicit(call, &other) && accept(s, s->count);
    }
    return simplify(call, k) && accept(s, leave_out(s, j, j + 1, s->count));
}

/* What only counts together: an allocation and its free, or two that could be one. The tries grow
 * with the square of the calls, so this is for few. */
static bool change_pairs(struct shrinking *s, size_t first_way, size_t end_way) {
    for (size_t j = 1; s->count <= MOST_FOR_PAIRS && j < s->count; j++)
        for (size_t i = 1; i < s->count; i++)
            for (size_t k = first_way; i != j && k < end_way; k++)
                if (change_pair(s, i, j, k))
                    return true;
    return false;
}

size_t shrink(struct call *calls, size_t count, const struct judge *judge, size_t most_tries,
              size_t *tries) {
    struct shrinking s = {.calls = calls, .count = count, .judge = judge, .most_tries = most_tries};
    s.tried = calloc(count, sizeof(struct call));
    assert_non_null(s.tried);
    while (drop_calls(&s) || simplify_calls(&s) || change_pairs(&s, FORMS, PAIR_FORMS) ||
           change_pairs(&s, 0, FORMS))
        continue;
    free(s.tried);
    *tries = s.tries;
    return s.count;
}
