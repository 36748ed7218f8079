/* Radix for many harts: single pages come and go without a lock.
 *
 *   hart 0    hand  9 4 7          words of the bitmap that nobody else takes pages from
 *   hart 1    hand  12 3
 *   the lock  nodes over all       know the words that are in no hand: runs come from here
 *
 * The interface is that of alloc.h, with one more argument: the hart's own struct, its hand. What
 * the errors mean is said there, and here what differs. All functions may be called by several
 * harts at once, each with its own hand, unless their comment says that the system is quiet: that
 * no other call is under way.
 *
 * Calls with the same hand come one after the other. So a handler that makes any of these calls
 * must not come in the middle of one: turn interrupts off around each. No call waits for more than
 * the lock, but those that would otherwise refuse for want of pages: see harts_recall. */
#pragma once

#include "alloc.h"
#include "rows.h"

#include <stdatomic.h>

#define HAND 256       /* words */
#define KNOWN_RANGES 4 /* that a hart need not take the lock for, to free pages of them */
#define HARTS_APART 64 /* bytes: what two harts write should not share a cache line */

/* A hart's own. Callers provide the room and read nothing in it. */
struct hand {
    _Alignas(HARTS_APART) size_t held; /* words at its low end: the last in is the first out */
    size_t high;                       /* and at its high end */
    _Atomic size_t used;               /* pages allocated with it, less those freed with it */
    size_t locks;                      /* how often it took the lock */
    uint64_t recall;                   /* the number of the last one that it has heard of */
    struct hand *next;                 /* of those that have joined */
    struct page_range known[KNOWN_RANGES];
    size_t pages[HAND]; /* of each word in it one that is free */
};

/* Called without the lock by a hart that finds no memory: have every other hart call
 * harts_put_down soon, for example from an interrupt. Hands are empty when all harts have taken the
 * lock since; until then this is called again and again. It need not tell the others each time, and
 * should wait a little. Harts that are in a recall of their own need not be told, as they take the
 * lock anyway. False gives up, and ALLOC_NO_MEMORY is said although some hand may have what was
 * wanted. */
typedef bool harts_recall(void *context);

/* One span under management, shared. */
struct harts {
    struct page_allocator a; /* the span, and what was added; `used` is not kept */
    struct rows rows;
    harts_recall *recall;
    void *context;
    struct hand *first;                         /* of those that have joined */
    size_t used_by_others;                      /* pages, by those that have left */
    uint64_t last_recall;                       /* the number of the newest */
    _Alignas(HARTS_APART) atomic_uint lock;     /* 1: taken */
    atomic_uint word_lock;                      /* where the machine has no atomic words */
    _Alignas(HARTS_APART) _Atomic size_t water; /* a word: those below it go to low ends */
    atomic_uint recalls;                        /* that are under way */
};

/* As page_meta_size and page_init. Without a `recall`, other hands are never waited for. No other
 * call may be under way. */
size_t harts_meta_size(paddr_t start, size_t size);
enum alloc_error harts_begin(struct harts *s, paddr_t start, size_t size, void *meta,
                             size_t meta_size, harts_recall *recall, void *context);

/* A hart begins: its hand may hold anything, and is empty from now on. O(1). A hart ends: what its
 * hand held is for others. O(harts + words in it * rows). */
void harts_join(struct harts *s, struct hand *h);
void harts_leave(struct harts *s, struct hand *h);

/* As page_add_memory. */
enum alloc_error harts_add_memory(struct harts *s, struct hand *h, paddr_t start, size_t size);

/* As page_alloc. A single page costs O(1), and takes the lock once in many calls; the rest takes it
 * each time: O(levels * rows), and O(all words) where no aligned block is as large as n and
 * `align`, both rounded up to a power of two. ALLOC_NO_MEMORY is said only after all hands were
 * put down, or the recall was given up. */
enum alloc_error harts_alloc(struct harts *s, struct hand *h, size_t n, size_t align, paddr_t *out);

/* As page_alloc_at. It takes the lock, and recalls the hands if one holds some of the pages: where
 * that was given up, ALLOC_OVERLAP is said. O(words + levels * rows). */
enum alloc_error harts_alloc_at(struct harts *s, struct hand *h, paddr_t paddr, size_t n);

/* As page_free, whoever allocated the pages. Of two harts that free the same page at the same time
 * one is told ALLOC_NOT_ALLOCATED. If that one's call was for several pages, those in words below
 * the page's, of 64 pages each, may have been freed all the same. A single page costs O(1). It
 * takes the lock if its word has a larger block then, if the hand is full or recalled, or if the
 * hart does not know the page's range yet; more pages always do. O(words + levels * rows). */
enum alloc_error harts_free(struct harts *s, struct hand *h, paddr_t paddr, size_t n);

/* Empty the hand: what it held is for all harts, and for runs. O(words in it * rows). */
void harts_put_down(struct harts *s, struct hand *h);

/* Is the page that holds paddr free? By the time that it is said another hart may have taken it. */
bool harts_is_free(struct harts *s, paddr_t paddr);

/* Pages added; allocated; free. They take the lock. Where others allocate and free meanwhile, the
 * last two may be wrong by what they did, but are never more than were added. O(1); O(harts). */
size_t harts_total(struct harts *s, struct hand *h);
size_t harts_used(struct harts *s, struct hand *h);
size_t harts_available(struct harts *s, struct hand *h);

/* As page_largest_run, page_problem and page_problem_text, in a quiet system. */
size_t harts_largest_run(const struct harts *s);
const char *harts_problem(struct harts *s);
const char *harts_problem_text(struct harts *s, char text[PROBLEM_SIZE]);
