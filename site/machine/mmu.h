/* From an address in the program to bytes: translation, and the two caches that make it fast.
 *
 *   virtual page ──tlb──▶ bytes in RAM                     loads and stores, most of the time
 *                ──code_find──▶ the page's decoded ops     the program counter
 *                ──translate──▶ physical address           when neither has it, or it is no RAM
 */
#pragma once

#include "decode.h"
#include "machine.h"

enum access {
    FETCH,
    LOAD,
    STORE,
};

/* What of an address is its page. */
static const uint64_t PAGE_MASK = ~(uint64_t) (MACHINE_PAGE - 1);

/* ---- loads and stores ---- */

enum {
    TLB_ENTRIES = 256
};

/* No page's address, nor what tlb_find makes of a misaligned one. */
static const uint64_t NO_PAGE = MACHINE_PAGE / 2;

/* For loads or for stores: an entry is for virtual pages with one number modulo TLB_ENTRIES. */
struct tlb_entry {
    uint64_t page; /* its virtual address, or NO_PAGE */
    uint8_t *bytes;
};
extern struct tlb_entry tlb_load[TLB_ENTRIES], tlb_store[TLB_ENTRIES];

/* Where the bytes are, or NULL if that is not known here. Only accesses that are aligned are: their
   low bits are 0, like those of `page`. */
static inline uint8_t *tlb_find(const struct tlb_entry *tlb, uint64_t vaddr, unsigned size) {
    const struct tlb_entry *entry = &tlb[vaddr / MACHINE_PAGE % TLB_ENTRIES];
    uint64_t page = vaddr & (PAGE_MASK | (size - 1));
    return page == entry->page ? entry->bytes + vaddr % MACHINE_PAGE : NULL;
}

/* The same without the cache, misaligned or to a device. False: a trap, as raise_trap has noted. */
SELDOM bool load_slow(uint64_t vaddr, unsigned size, uint64_t *value);
SELDOM bool store_slow(uint64_t vaddr, unsigned size, uint64_t value);

/* To be called whenever something has changed that translation depends on. */
void tlb_flush(void);

/* ---- instructions ---- */

enum {
    OPS_PER_PAGE = MACHINE_PAGE / 2
};

/* A page's instructions, each at the place where its bytes begin, as far as they have been met.
   The one behind the last is never decoded: it sends the loop to the next page. */
struct code {
    uint64_t paddr;
    struct op ops[OPS_PER_PAGE + 1];
};

/* The code of the page with a virtual address, or NULL: a trap. Sets whether it is that page's
   until tlb_flush, or only for now. */
struct code *code_find(uint64_t vaddr, bool *stays);

/* The instruction at vaddr, compressed or not; its bytes may lie in two pages. False: a trap. */
bool fetch(uint64_t vaddr, uint32_t *instruction);

/* Forgets all code, as after power-on. */
void code_reset(void);

/* ---- physical memory protection, pmp.c ---- */

/* Whether all of `size` bytes at paddr may be accessed. */
bool pmp_allows(enum privilege who, uint64_t paddr, uint64_t size, enum access kind);

/* Whether pmp_allows gives one answer for all accesses in a page. */
bool pmp_is_uniform(uint64_t page);

void pmp_write_config(unsigned first, uint64_t value);
uint64_t pmp_read_config(unsigned first);
void pmp_write_address(unsigned index, uint64_t value);
