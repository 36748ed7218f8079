/* A spinlock, as small as it can be: a word that is exchanged for 1 until a 0 comes back.
 *
 *   hart 0   exchange: 0, it is mine ── reads and writes ── store 0
 *   hart 1       exchange: 1 ── look ── look ── look ────────────── exchange: 0, it is mine
 *
 * The exchange is one step, whoever else does one. It writes, and a hart that writes takes the
 * memory around the word from all others. So a hart that waits only reads, which all can do at
 * once, and tries again when it has seen a 0: test and test-and-set.
 *
 * Whoever waits burns time, and who comes next is a matter of luck. It is the one queue of all
 * harts: that is its flaw. */
#include "lock.h"

#include "harts.h"
#include "panic.h"

/* ---- the lock ---- */

static bool is_mine(struct lock *lock) {
    /* Only this hart writes its own name there, so it needs no order to find it. */
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == this_hart();
}

/* run.sh looks for "called from", and the address behind it. */
void lock_wait_and_take(struct lock *lock) {
    void *place = __builtin_return_address(0);
    if (is_mine(lock))
        PANIC("the lock of %s would wait for itself:\n  it was taken by who was called from %p,\n"
              "  and is wanted by who was called from %p",
              lock->name, lock->place, place);

    /* Acquire: what is done under the lock is not done before. */
    while (atomic_exchange_explicit(&lock->is_taken, true, memory_order_acquire))
        while (atomic_load_explicit(&lock->is_taken, memory_order_relaxed))
            continue;
    atomic_store_explicit(&lock->holder, this_hart(), memory_order_relaxed);
    lock->place = place;
}

void lock_give_back(struct lock *lock) {
    if (!is_mine(lock))
        PANIC("the lock of %s is given back by who has not taken it, called from %p", lock->name,
              __builtin_return_address(0));
    atomic_store_explicit(&lock->holder, NULL, memory_order_relaxed);
    /* Release: what was done under the lock is done before. */
    atomic_store_explicit(&lock->is_taken, false, memory_order_release);
}

/* ---- the barrier ---- */

void barrier_wait(struct barrier *barrier, unsigned count) {
    unsigned round = atomic_load_explicit(&barrier->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) + 1 == count) {
        /* In this order: whoever goes on may come again at once. */
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&barrier->round, round + 1, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&barrier->round, memory_order_acquire) == round)
        continue;
}
