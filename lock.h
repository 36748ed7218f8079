/* A lock for data that several harts change, and a barrier. */
#pragma once

#include <stdatomic.h>

#include "sbi.h"

/* Free when it is zeroed but for its name. */
struct lock {
    const char *name;
    atomic_bool is_taken;
    _Atomic(struct hart *) holder; /* who has taken it, NULL while it is free */
    void *place;                   /* the address behind the holder's call */
};

/* Wait until the lock is free, and take it. Panics, with both places, if this hart has it. */
void lock_wait_and_take(struct lock *lock);

/* Give it back. Panics if this hart does not have it. */
void lock_give_back(struct lock *lock);

/* With one hart there is nobody to wait for. nodebug: a report then names who called these, and not
 * these, which are part of their callers. */
__attribute__((nodebug)) static inline void lock_take(struct lock *lock) {
    if (HARTS > 1)
        lock_wait_and_take(lock);
}

__attribute__((nodebug)) static inline void lock_give(struct lock *lock) {
    if (HARTS > 1)
        lock_give_back(lock);
}

/* A place where harts wait until all of them are there. Zeroed it is ready, and after each use. */
struct barrier {
    atomic_uint arrived;
    atomic_uint round;
};

/* Wait until `count` harts have come here. What any of them wrote before, each sees after. */
void barrier_wait(struct barrier *barrier, unsigned count);
