/* Upper bounds, and the largest of each 64 of them. */
#include "bounds.h"

static size_t groups_for(size_t size) {
    return size / BOUNDS_FANOUT + (size % BOUNDS_FANOUT != 0);
}

size_t bounds_numbers(size_t size) {
    size_t sum = 0;
    do {
        sum += groups_for(size) * BOUNDS_FANOUT;
        size = groups_for(size);
    } while (size > 1);
    return sum;
}

void bounds_init(struct bounds *b, uint16_t *numbers, size_t size) {
    size_t count = bounds_numbers(size);
    for (size_t i = 0; i < count; i++)
        numbers[i] = 0;
    b->size = size;
    b->levels = 0;
    do {
        size = groups_for(size);
        b->level[b->levels++] = numbers;
        numbers += size * BOUNDS_FANOUT;
    } while (size > 1);
}

bool bounds_is_at(const struct bounds *b, const uint16_t *numbers, size_t size) {
    if (b->size != size)
        return false;
    unsigned l = 0;
    do {
        size = groups_for(size);
        if (b->level[l] != numbers)
            return false;
        numbers += size * BOUNDS_FANOUT;
        l++;
    } while (size > 1);
    return l == b->levels;
}

void bounds_raise(struct bounds *b, size_t from, size_t end, uint16_t value) {
    bool changed = true;
    for (unsigned l = 0; l < b->levels && changed; l++) {
        changed = false;
        for (size_t i = from; i < end; i++) {
            if (b->level[l][i] < value) {
                b->level[l][i] = value;
                changed = true;
            }
        }
        from /= BOUNDS_FANOUT;
        end = groups_for(end);
    }
}

void bounds_lower(struct bounds *b, size_t i, uint16_t value) {
    ALLOC_ASSERT(i < b->size);
    if (value < b->level[0][i])
        b->level[0][i] = value;
}

/* The largest of 64 numbers. */
static uint16_t largest_of(const uint16_t *numbers) {
    uint16_t largest = 0;
    for (size_t i = 0; i < BOUNDS_FANOUT; i++)
        largest = numbers[i] > largest ? numbers[i] : largest;
    return largest;
}

/* Four numbers as one, the first of them lowest. They begin at a multiple of 8 bytes, so it is one
 * load where the machine stores the low byte first. */
static inline unsigned long long four_at(const uint16_t *numbers) {
    const uint16_t *n = __builtin_assume_aligned(numbers, 8);
    return n[0] | (unsigned long long) n[1] << 16 | (unsigned long long) n[2] << 32 |
           (unsigned long long) n[3] << 48;
}

/* The lowest index of [i, end) whose number is at least `value`, or `end`, a multiple of 4. Four
 * numbers are compared in one subtraction: they are below 2^15, so with its highest bit set no
 * number borrows from the next, and the bit stays where the number is large enough. */
static inline size_t next_in_group(const uint16_t *numbers, size_t i, size_t end, uint16_t value) {
    const unsigned long long ones = 0x0001000100010001, highest = ones << 15;
    while (i % 4 != 0 && numbers[i] < value)
        i++;
    if (i % 4 != 0)
        return i;
    for (; i < end; i += 4) {
        unsigned long long large = ((four_at(&numbers[i]) | highest) - ones * value) & highest;
        if (large != 0)
            return i + (size_t) __builtin_ctzll(large) / 16;
    }
    return end;
}

size_t bounds_next(struct bounds *b, size_t from, uint16_t value) {
    ALLOC_ASSERT(value != 0 && value < 1 << 15);
    if (from >= b->size)
        return NONE;

    /* Where a group begins, the number above it says whether it is worth a look. */
    unsigned l = 0;
    size_t i = from;
    while (i % BOUNDS_FANOUT == 0 && l + 1 < b->levels) {
        i /= BOUNDS_FANOUT;
        l++;
    }
    for (;;) {
        /* Groups are padded with zeroes to their full 64, and `value` is not 0: none is found. */
        size_t group = i / BOUNDS_FANOUT, end = (group + 1) * BOUNDS_FANOUT;
        i = next_in_group(b->level[l], i, end, value);
        if (i < end) {
            if (l == 0)
                return i;
            i *= BOUNDS_FANOUT;
            l--;
            continue;
        }
        /* Up and on behind this group; further up if it was the last of its own group. */
        do {
            if (l + 1 == b->levels)
                return NONE;
            l++;
            b->level[l][group] = largest_of(&b->level[l - 1][group * BOUNDS_FANOUT]);
            i = group + 1;
            group /= BOUNDS_FANOUT;
        } while (i % BOUNDS_FANOUT == 0);
    }
}

bool bounds_check(const struct bounds *b, uint16_t most) {
    size_t size = b->size;
    for (unsigned l = 0; l < b->levels; l++) {
        size_t groups = groups_for(size);
        for (size_t i = 0; i < groups * BOUNDS_FANOUT; i++) {
            uint16_t number = b->level[l][i];
            if (number > (i < size ? most : 0))
                return false;
            if (l + 1 < b->levels && number > b->level[l + 1][i / BOUNDS_FANOUT])
                return false;
        }
        size = groups;
    }
    return true;
}
