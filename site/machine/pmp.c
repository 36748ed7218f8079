/* Physical memory protection: 16 ranges, and the first one that an access touches decides. It is
 * how the firmware keeps S and U mode out of its own memory.
 *
 *   pmpcfg    L  0 0  A A  X W R     A: off; from the address before to this one; 4 bytes; or a
 *   pmpaddr   address / 4               power of two: with …0111 it is 8 × 2^3 bytes
 *
 * L: locked, until the machine is started again; only then it holds for M as well. */
#include "mmu.h"

enum {
    PMP_ENTRIES = 16,
    PMP_LOCKED = 0x80,
    PMP_ADDRESS_BITS = 54
};
enum pmp_match {
    OFF,
    TOP_OF_RANGE,
    FOUR_BYTES,
    POWER_OF_TWO,
};

static enum pmp_match match(unsigned i) {
    return (enum pmp_match)(hart.pmpcfg[i] >> 3 & 3);
}

/* Sets the first and the last byte of an entry's range. False: it has none. */
static bool range(unsigned i, uint64_t *first, uint64_t *last) {
    uint64_t address = hart.pmpaddr[i];
    uint64_t ones = address ^ (address + 1); /* the low ones, and the 0 above */
    switch (match(i)) {
    case TOP_OF_RANGE:
        *first = i ? hart.pmpaddr[i - 1] * 4 : 0;
        *last = address * 4 - 1;
        return *first < address * 4;
    case FOUR_BYTES:
        *first = address * 4;
        *last = *first + 3;
        return true;
    case POWER_OF_TWO:
        *first = (address & ~ones) * 4;
        *last = (address | ones) * 4 + 3;
        return true;
    default: return false;
    }
}

bool pmp_allows(enum privilege who, uint64_t paddr, uint64_t size, enum access kind) {
    static const uint8_t permission[] = {[LOAD] = 1, [STORE] = 2, [FETCH] = 4};
    uint64_t end = paddr + size - 1, first, last;
    for (unsigned i = 0; i < PMP_ENTRIES; i++) {
        if (!range(i, &first, &last) || end < first || paddr > last)
            continue;
        if (paddr < first || end > last)
            return false;
        if (who == MACHINE && !(hart.pmpcfg[i] & PMP_LOCKED))
            return true;
        return hart.pmpcfg[i] & permission[kind];
    }
    return who == MACHINE;
}

bool pmp_is_uniform(uint64_t page) {
    uint64_t end = page + MACHINE_PAGE - 1, first, last;
    for (unsigned i = 0; i < PMP_ENTRIES; i++) {
        if (!range(i, &first, &last) || end < first || page > last)
            continue;
        return page >= first && end <= last;
    }
    return true;
}

void pmp_write_config(unsigned first, uint64_t value) {
    for (unsigned i = first; i < first + 8; i++, value >>= 8)
        if (!(hart.pmpcfg[i] & PMP_LOCKED))
            hart.pmpcfg[i] = value & 0xff;
}

uint64_t pmp_read_config(unsigned first) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t) hart.pmpcfg[first + i] << 8 * i;
    return value;
}

void pmp_write_address(unsigned index, uint64_t value) {
    /* The address is also where the next range begins. */
    bool next_is_locked = index + 1 < PMP_ENTRIES && hart.pmpcfg[index + 1] & PMP_LOCKED &&
                          match(index + 1) == TOP_OF_RANGE;
    if (!(hart.pmpcfg[index] & PMP_LOCKED) && !next_is_locked)
        hart.pmpaddr[index] = value & ((1ULL << PMP_ADDRESS_BITS) - 1);
}
