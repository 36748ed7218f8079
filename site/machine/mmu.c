/* Translation as the manual tells it, with accessed and dirty bits set by hardware. A virtual
 * address of Sv39 (Sv48 and Sv57 have one and two indices more on the left) and a walk of its
 * tables:
 *
 *     63          39 38     30 29     21 20     12 11         0
 *    ┌──────────────┬─────────┬─────────┬─────────┬────────────┐
 *    │ as bit 38 is │ index 2 │ index 1 │ index 0 │   offset   │
 *    └──────────────┴────┬────┴────┬────┴────┬────┴────────────┘
 *     satp ──▶ table ────┘    ┌────┘    ┌────┘
 *                └─▶ entry ─▶ table     │      an entry that may be read or executed is a leaf,
 *                               └─▶ entry …    of a page of 4 KiB, 2 MiB or 1 GiB
 */
#include "mmu.h"

#include "device.h"
#include "refuse.h"
#include "trap.h"

uint8_t *ram;
uint64_t ram_size;
struct tlb_entry tlb_load[TLB_ENTRIES], tlb_store[TLB_ENTRIES];

static const uint8_t access_fault[] = {FETCH_ACCESS, LOAD_ACCESS, STORE_ACCESS};
static const uint8_t page_fault[] = {FETCH_PAGE, LOAD_PAGE, STORE_PAGE};

/* The bytes of RAM or ROM at paddr, or NULL. What is aligned crosses the end of neither. */
static uint8_t *memory_at(uint64_t paddr, enum access kind) {
    if (paddr - RAM_BASE < ram_size)
        return ram + (paddr - RAM_BASE);
    if (kind != STORE && paddr - ROM_BASE < ROM_SIZE)
        return rom + (paddr - ROM_BASE);
    return NULL;
}

/* ---- the walk ---- */

enum pte_bit {
    PTE_V = 1 << 0,
    PTE_R = 1 << 1,
    PTE_W = 1 << 2,
    PTE_X = 1 << 3,
    PTE_U = 1 << 4,
    PTE_A = 1 << 6,
    PTE_D = 1 << 7,
};
enum {
    PTE_SHIFT = 10,
    PTE_PPN_BITS = 44,
    INDEX_BITS = 9
};

/* Loads and stores of M may be done as if in another mode. */
static enum privilege effective_privilege(enum access kind) {
    if (kind != FETCH && hart.mstatus & MSTATUS_MPRV)
        return (enum privilege)(hart.mstatus >> MPP_SHIFT & 3);
    return hart.privilege;
}

static bool leaf_allows(uint64_t pte, enum access kind, enum privilege who) {
    bool is_user = pte & PTE_U;
    if (who == USER && !is_user)
        return false;
    if (who == SUPERVISOR && is_user && (kind == FETCH || !(hart.mstatus & MSTATUS_SUM)))
        return false;
    if (kind == FETCH)
        return pte & PTE_X;
    if (kind == STORE)
        return pte & PTE_W;
    return pte & PTE_R || (pte & PTE_X && hart.mstatus & MSTATUS_MXR);
}

/* Whether a leaf, of a page of 2^shift bytes, allows the access, which is then noted in it: nothing
   can be noted in ROM. */
static bool leaf_use(uint64_t *entry, bool is_rom, unsigned shift, enum access kind,
                     enum privilege who) {
    uint64_t pte = *entry, page = (pte >> PTE_SHIFT) * MACHINE_PAGE;
    uint64_t used = pte | PTE_A | (kind == STORE ? PTE_D : 0);
    bool is_aligned = !(page & ((1ULL << shift) - 1));
    if ((pte & PTE_W && !(pte & PTE_R)) || !is_aligned || !leaf_allows(pte, kind, who) ||
        (used != pte && is_rom))
        return false;
    *entry = used;
    return true;
}

/* Sv39 to Sv57 have 3 to 5 levels of tables. A table that lies outside RAM is a page fault, as in
   QEMU; the manual would have an access fault. */
static bool walk(uint64_t vaddr, enum access kind, enum privilege who, uint64_t *paddr) {
    unsigned levels = (unsigned) (hart.satp >> 60) - 5;
    unsigned unused = 64 - (12 + INDEX_BITS * levels);
    uint64_t table = (hart.satp & ((1ULL << PTE_PPN_BITS) - 1)) * MACHINE_PAGE;
    if ((uint64_t) ((int64_t) (vaddr << unused) >> unused) != vaddr)
        return raise_trap(page_fault[kind], vaddr);
    for (unsigned level = levels; level-- > 0;) {
        unsigned shift = 12 + INDEX_BITS * level;
        uint64_t at = table + (vaddr >> shift & ((1 << INDEX_BITS) - 1)) * sizeof(uint64_t);
        if (!pmp_allows(SUPERVISOR, at, sizeof(uint64_t), LOAD))
            return raise_trap(access_fault[kind], vaddr);
        uint64_t *entry = (uint64_t *) (void *) memory_at(at, LOAD);
        if (!entry || !(*entry & PTE_V) || *entry >> (PTE_SHIFT + PTE_PPN_BITS))
            break;
        uint64_t page = (*entry >> PTE_SHIFT) * MACHINE_PAGE;
        if (*entry & (PTE_R | PTE_W | PTE_X)) {
            if (!leaf_use(entry, !memory_at(at, STORE), shift, kind, who))
                break;
            *paddr = page | (vaddr & ((1ULL << shift) - 1));
            return true;
        }
        if (*entry & (PTE_U | PTE_A | PTE_D))
            break;
        table = page;
    }
    return raise_trap(page_fault[kind], vaddr);
}

/* The physical address of `size` bytes that are in one page. False: a trap. */
static bool translate(uint64_t vaddr, unsigned size, enum access kind, uint64_t *paddr) {
    enum privilege who = effective_privilege(kind);
    *paddr = vaddr;
    if (who != MACHINE && hart.satp >> 60 && !walk(vaddr, kind, who, paddr))
        return false;
    if (!pmp_allows(who, *paddr, size, kind))
        return raise_trap(access_fault[kind], vaddr);
    return true;
}

/* ---- code ---- */

/* Each page of RAM or ROM may have its code in one place only. */
enum {
    CODE_PAGES = 128
};
static struct code code[CODE_PAGES];

/* Whose code is where, for the program counter. */
static struct fetch_entry {
    uint64_t page;
    struct code *code;
} tlb_fetch[TLB_ENTRIES];

static struct code *code_place(uint64_t paddr) {
    return &code[paddr / MACHINE_PAGE % CODE_PAGES];
}

void tlb_flush(void) {
    for (size_t i = 0; i < TLB_ENTRIES; i++)
        tlb_load[i].page = tlb_store[i].page = tlb_fetch[i].page = NO_PAGE;
    hart.is_called = true; /* the loop remembers where the code of this page is */
}

void code_reset(void) {
    for (size_t i = 0; i < CODE_PAGES; i++)
        code[i].paddr = NO_PAGE;
    tlb_flush();
}

struct code *code_find(uint64_t vaddr, bool *stays) {
    uint64_t page = vaddr & PAGE_MASK, paddr;
    struct fetch_entry *entry = &tlb_fetch[vaddr / MACHINE_PAGE % TLB_ENTRIES];
    *stays = true;
    if (entry->page == page)
        return entry->code;
    if (!translate(vaddr, 2, FETCH, &paddr))
        return NULL;
    if (!memory_at(paddr, FETCH)) {
        refuse_device(paddr);
        raise_trap(FETCH_ACCESS, vaddr);
        return NULL;
    }
    struct code *place = code_place(paddr);
    if (place->paddr != (paddr & PAGE_MASK)) {
        /* Nobody may go on using what was here, or store past this cache. */
        tlb_flush();
        __builtin_memset(place->ops, 0, sizeof place->ops);
        place->paddr = paddr & PAGE_MASK;
    }
    *stays = pmp_is_uniform(paddr & PAGE_MASK);
    if (*stays)
        *entry = (struct fetch_entry){page, place};
    return place;
}

static bool fetch_half(uint64_t vaddr, uint32_t *half) {
    uint64_t paddr;
    if (!translate(vaddr, 2, FETCH, &paddr))
        return false;
    const uint8_t *bytes = memory_at(paddr, FETCH);
    if (!bytes)
        return raise_trap(FETCH_ACCESS, vaddr);
    *half = (uint32_t) (bytes[0] | bytes[1] << 8);
    return true;
}

bool fetch(uint64_t vaddr, uint32_t *instruction) {
    uint32_t low, high = 0;
    if (!fetch_half(vaddr, &low) || ((low & 3) == 3 && !fetch_half(vaddr + 2, &high)))
        return false;
    *instruction = low | high << 16;
    return true;
}

/* What has been decoded of bytes that are about to change. An instruction may begin before them.
   Only its kind: the op may be that of the store that is being done. */
static void code_forget(uint64_t paddr, unsigned size) {
    struct code *place = code_place(paddr);
    if (place->paddr != (paddr & PAGE_MASK))
        return;
    size_t first = paddr % MACHINE_PAGE / 2, last = (paddr % MACHINE_PAGE + size - 1) / 2;
    for (size_t i = first ? first - 1 : 0; i <= last; i++)
        place->ops[i].kind = OP_NEW;
}

/* ---- loads and stores, the slow way ---- */

static void tlb_remember(struct tlb_entry *tlb, uint64_t vaddr, uint64_t paddr) {
    uint64_t page = paddr & PAGE_MASK;
    if (pmp_is_uniform(page))
        tlb[vaddr / MACHINE_PAGE % TLB_ENTRIES] =
            (struct tlb_entry){vaddr & PAGE_MASK, memory_at(page, LOAD)};
}

static bool load_in_page(uint64_t vaddr, unsigned size, uint64_t *value) {
    uint64_t paddr;
    if (!translate(vaddr, size, LOAD, &paddr))
        return false;
    const uint8_t *bytes = memory_at(paddr, LOAD);
    if (!bytes)
        return device_load(paddr, size, value) || raise_trap(LOAD_ACCESS, vaddr);
    tlb_remember(tlb_load, vaddr, paddr);
    *value = 0;
    __builtin_memcpy(value, bytes, size);
    return true;
}

static bool store_in_page(uint64_t vaddr, unsigned size, uint64_t value) {
    uint64_t paddr;
    if (!translate(vaddr, size, STORE, &paddr))
        return false;
    uint8_t *bytes = memory_at(paddr, STORE);
    if (!bytes && memory_at(paddr, LOAD))
        return true; /* ROM stays what it is */
    if (!bytes)
        return device_store(paddr, size, value) || raise_trap(STORE_ACCESS, vaddr);
    code_forget(paddr, size);
    /* Stores to a page with code come here always. */
    if (code_place(paddr)->paddr != (paddr & PAGE_MASK))
        tlb_remember(tlb_store, vaddr, paddr);
    __builtin_memcpy(bytes, &value, size);
    return true;
}

static bool crosses_page(uint64_t vaddr, unsigned size) {
    return vaddr % MACHINE_PAGE > MACHINE_PAGE - size;
}

bool load_slow(uint64_t vaddr, unsigned size, uint64_t *value) {
    uint64_t byte;
    if (!crosses_page(vaddr, size))
        return load_in_page(vaddr, size, value);
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        if (!load_in_page(vaddr + i, 1, &byte))
            return false;
        *value |= byte << 8 * i;
    }
    return true;
}

bool store_slow(uint64_t vaddr, unsigned size, uint64_t value) {
    uint64_t second = (vaddr + size - 1) & PAGE_MASK, paddr;
    if (!crosses_page(vaddr, size))
        return store_in_page(vaddr, size, value);
    /* Neither page is changed if the second one cannot be. */
    if (!translate(vaddr, 1, STORE, &paddr) || !translate(second, 1, STORE, &paddr))
        return false;
    for (unsigned i = 0; i < size; i++)
        if (!store_in_page(vaddr + i, 1, value >> 8 * i & 0xff))
            return false;
    return true;
}
