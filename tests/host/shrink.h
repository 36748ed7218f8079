/* Shrinking: from a long sequence of calls that fails to a short one that does.
 *
 *   10 000 calls, one of which fails
 *   are half of them enough? a quarter? each one of them?     what is not needed goes
 *   is one page enough, half of them, one fewer?              what is large becomes small
 *
 * And again, until nothing more can go. (Zeller and Hildebrandt's delta debugging.) The first call
 * of a sequence is manage and stays. */
#pragma once

#include "calls.h"

#include <sys/types.h>

/* Does a sequence fail? */
struct judge {
    bool (*fails)(const struct judge *judge, const struct call *calls, size_t count);
    const struct candidate *candidate;
    size_t look_every;     /* calls between two looks at every page, if not 0 */
    unsigned most_seconds; /* longer is a failure */
};

/* Shrink, in place, calls that fail: how many are left. They still fail. It stops, as far as it has
 * come, after so many tries; *tries says how many there were. */
size_t shrink(struct call *calls, size_t count, const struct judge *judge, size_t most_tries,
              size_t *tries);

/* What fails of a struct judge that makes the calls, in a process of its own: an answer that is not
 * the oracle's, an end of the program, and a call that does not return. */
bool fails_when_made(const struct judge *judge, const struct call *calls, size_t count);

/* For a child: a wrong address ends it. cmocka's handlers, which it has from its parent, would take
 * it for a test that has failed, and go on with the next one. */
void let_crashes_end(void);

/* Wait for the end of a child: was it anything but exit(0)? */
bool has_failed(pid_t process);
