/* The self-test of virtual memory: paging is on, `frames` has the window, and mistakes trap. A trap
 * is expected, looked at and survived; any other ends the machine. */
#include "selftest.h"

#include "../alloc/stage.h"
#include "../image.h"
#include "../memory/vm.h"
#include "../riscv.h"
#include "../trap.h"

enum {
    ENTRIES = PAGE_SIZE / sizeof(uintptr_t), /* of a page table */
    RW = VM_READ | VM_WRITE,
    GUARD = 64 * 1024, /* bytes below the stack: the largest frame (run.sh) */
};

/* Nobody's address: not memory, no device that is mapped, not vm_alloc's. */
static const vaddr_t FREE_VADDR = 0x10000;

static const struct machine *machine;

static void begin(const struct machine *machine_) {
    machine = machine_;
    vm_init(&machine->usable);
}

/* ---- the tools ---- */

static void read_word(uintptr_t vaddr) {
    (void) *(volatile uintptr_t *) vaddr;
}

static void write_word(uintptr_t vaddr) {
    *(volatile uintptr_t *) vaddr = 42;
}

static void jump_to(uintptr_t vaddr) {
    ((void (*)(void)) vaddr)();
}

/* run(vaddr) must trap, for this cause and nowhere else. */
static void expect_trap(void (*run)(uintptr_t), vaddr_t vaddr, enum trap_cause cause, int line) {
    struct trap trap = {0};
    expect_equal(trap_expect(run, vaddr, &trap), true, "a trap", line);
    expect_equal(trap.scause, cause, "scause", line);
    expect_equal(trap.stval, vaddr, "stval", line);
    bool is_in_code = trap.sepc >= (uintptr_t) __text && trap.sepc < (uintptr_t) __rodata;
    expect_equal(is_in_code, cause != TRAP_INSTRUCTION_PAGE_FAULT, "sepc in .text", line);
    printf("# caught: %s at %p, from %p\n", trap_name(trap.scause), (void *) trap.stval,
           (void *) trap.sepc);
}

#define EXPECT_READ_TRAPS(vaddr) expect_trap(read_word, vaddr, TRAP_LOAD_PAGE_FAULT, __LINE__)
#define EXPECT_WRITE_TRAPS(vaddr) expect_trap(write_word, vaddr, TRAP_STORE_PAGE_FAULT, __LINE__)
#define EXPECT_JUMP_TRAPS(vaddr) expect_trap(jump_to, vaddr, TRAP_INSTRUCTION_PAGE_FAULT, __LINE__)

/* The table that an entry names. */
static struct page_table *table_of(uintptr_t entry) {
    return (struct page_table *) (entry / 1024 * PAGE_SIZE);
}

/* What vaddr is in the kernel's table; NONE if it is nothing. */
static paddr_t paddr_at(vaddr_t vaddr) {
    paddr_t paddr = NONE;
    unsigned flags;
    vm_translate(kernel_table, vaddr, &paddr, &flags);
    return paddr;
}

/* What may be done with the page at vaddr, 0 if there is none. */
static unsigned flags_at(vaddr_t vaddr) {
    paddr_t paddr;
    unsigned flags = 0;
    vm_translate(kernel_table, vaddr, &paddr, &flags);
    return flags & ~(unsigned) VM_GLOBAL;
}

/* vm_alloc that must succeed. */
static vaddr_t get(size_t n) {
    vaddr_t vaddr = 0;
    EXPECT_EQUAL(vm_alloc(n, &vaddr), ALLOC_OK);
    return vaddr;
}

/* Both allocators are sound, and everything of both is free but `used` frames. */
static void expect_returned(size_t used) {
    EXPECT_EQUAL(page_used(&frames), used);
    EXPECT_EQUAL(page_used(&virtual_pages), 0);
    EXPECT_EQUAL(page_largest_run(&virtual_pages), page_total(&virtual_pages));
    EXPECT_SOUND(&frames);
    EXPECT_SOUND(&virtual_pages);
}

/* `call` must return `error` and leave both allocators as they were. */
#define EXPECT_VM_REFUSED(call, error)                                   \
    do {                                                                 \
        size_t virtual_before = page_used(&virtual_pages);               \
        size_t largest_virtual = page_largest_run(&virtual_pages);       \
        EXPECT_REFUSED(call, error);                                     \
        EXPECT_EQUAL(page_used(&virtual_pages), virtual_before);         \
        EXPECT_EQUAL(page_largest_run(&virtual_pages), largest_virtual); \
        EXPECT_SOUND(&virtual_pages);                                    \
    } while (0)

/* Allocate until less than a page is left, the largest blocks first; the pages are not touched. */
static void take_all(void) {
    for (size_t n = (size_t) 1 << 18; n > 0; n /= 2)
        while (page_available(&frames) >= n && take(n, PAGE_SIZE) != 0)
            continue;
    EXPECT_EQUAL(page_available(&frames), 0);
}

/* Mark n pages with their own addresses. After a failure there may be no pages. */
static void mark(vaddr_t vaddr, size_t n) {
    for (size_t i = 0; i < n && !test_failed; i++) {
        *word_of(after(vaddr, i), 0) = after(vaddr, i);
        *word_of(after(vaddr, i), LAST_WORD) = ~after(vaddr, i);
    }
}

static void expect_marked(vaddr_t vaddr, size_t n) {
    for (size_t i = 0; i < n && !test_failed; i++) {
        EXPECT_EQUAL(*word_of(after(vaddr, i), 0), after(vaddr, i));
        EXPECT_EQUAL(*word_of(after(vaddr, i), LAST_WORD), ~after(vaddr, i));
    }
}

/* ---- everything at its own address ---- */

static void expect_identity(const char *start, const char *end, unsigned flags) {
    for (paddr_t page = (paddr_t) start; page < (paddr_t) end; page += PAGE_SIZE) {
        EXPECT_EQUAL(paddr_at(page + 123), page + 123);
        EXPECT_EQUAL(flags_at(page), flags);
    }
}

static void the_kernel_is_at_its_own_address(void) {
    EXPECT((paddr_t) expect_identity - (paddr_t) __text < (paddr_t) __rodata - (paddr_t) __text);
    EXPECT((paddr_t) &machine - (paddr_t) __data < (paddr_t) __image_end - (paddr_t) __data);
    expect_identity(__stack_bottom, __stack_top, RW);
    expect_identity(__text, __rodata, VM_READ | VM_EXECUTE);
    expect_identity(__rodata, __data, VM_READ);
    expect_identity(__data, __image_end, RW);
}

static void memory_is_at_its_own_address(void) {
    for (size_t i = 0; i < machine->usable.count; i++) {
        struct memory_range range = machine->usable.ranges[i];
        paddr_t places[] = {range.start, range.start + (range.end - range.start) / 2,
                            range.end - 1};
        for (size_t j = 0; j < 3; j++) {
            EXPECT_EQUAL(paddr_at(places[j]), places[j]);
            EXPECT_EQUAL(flags_at(places[j]), RW);
        }
    }
}

static void what_is_reserved_is_not_mapped(void) {
    EXPECT_EQUAL(flags_at(0), 0);
    /* .boot and what lies below it, the guard of the stack. */
    for (vaddr_t vaddr = (vaddr_t) __stack_bottom - GUARD; vaddr < (vaddr_t) __stack_bottom;
         vaddr += PAGE_SIZE)
        EXPECT_EQUAL(flags_at(vaddr), 0);
    for (size_t i = 0; i < machine->reserved.count; i++) {
        vaddr_t first = machine->reserved.ranges[i].start;
        EXPECT_EQUAL(flags_at(first), 0);
        EXPECT_READ_TRAPS(first);
    }
}

/* Is there room in the range for a page of this level? The lowest and the highest place for one go
 * to places[0] and places[1]. */
static bool find_large(struct memory_range range, unsigned level, vaddr_t places[2]) {
    size_t size = vm_page_size(level);
    places[0] = (range.start + size - 1) / size * size;
    places[1] = range.end / size * size - size;
    return places[0] >= range.start && places[0] < range.end && range.end - places[0] >= size;
}

static void expect_large(vaddr_t vaddr) {
    EXPECT_VM_REFUSED(vm_unmap(kernel_table, vaddr), ALLOC_UNSUPPORTED);
    EXPECT_VM_REFUSED(vm_unmap(kernel_table, vaddr + PAGE_SIZE), ALLOC_UNSUPPORTED);
    EXPECT_VM_REFUSED(vm_map(kernel_table, vaddr, vaddr, RW), ALLOC_OVERLAP);
}

/* This table, of entries for pages of this level, and all below it. */
static size_t count_tables(const struct page_table *table, unsigned level) {
    size_t count = 1;
    for (size_t i = 0; level > 0 && i < ENTRIES; i++)
        if (table->entries[i] % 16 == 1) /* valid, and no permission */
            count += count_tables(table_of(table->entries[i]), level - 1);
    return count;
}

static void memory_is_in_the_largest_pages_that_fit(void) {
    for (size_t i = 0; i < machine->usable.count; i++)
        for (unsigned level = vm_levels - 1; level > 0; level--) {
            vaddr_t places[2];
            if (find_large(machine->usable.ranges[i], level, places)) {
                expect_large(places[0]);
                expect_large(places[1]);
            }
        }

    /* Smaller pages stand only at both ends of a range: a table for each end and level, for the
       kernel, the test device and the root. */
    size_t virtual_size = page_total(&virtual_pages) * PAGE_SIZE;
    size_t meta_size = page_meta_size(&buddy_stage, MAX_ALIGN, virtual_size);
    size_t tables = count_tables(kernel_table, vm_levels - 1);
    EXPECT(tables <= 2 + 2 * (vm_levels - 1) * (machine->usable.count + 1));
    EXPECT_EQUAL(page_used(&frames), tables + meta_size / PAGE_SIZE + 1);
    printf("# Sv%u: %zu tables; %zu MiB of addresses, %zu KiB of metadata for them\n",
           vm_address_bits(vm_levels), tables, virtual_size >> 20, meta_size / 1024);
}

static void there_are_addresses_for_twice_the_memory(void) {
    size_t half_of_all = (size_t) 1 << (vm_address_bits(vm_levels) - 1 - 12);
    size_t total = page_total(&virtual_pages);
    EXPECT(total >= 2 * page_total(&frames) || total >= half_of_all / 2);
    EXPECT(total < 4 * page_total(&frames));
    EXPECT_EQUAL(total & (total - 1), 0);
    EXPECT_EQUAL(get(1), sizeof(vaddr_t) == 4 ? 0x40000000 : 0 - half_of_all * PAGE_SIZE);
}

/* ---- faults ---- */

static const uintptr_t constant[2] = {1, 2};
static uintptr_t variable[2] = {1, 2};

static void a_write_to_code_traps(void) {
    uintptr_t code = (uintptr_t) read_word, before = *(volatile uintptr_t *) code;
    EXPECT_WRITE_TRAPS(code);
    EXPECT_EQUAL(*(volatile uintptr_t *) code, before);
}

static void a_write_to_a_constant_traps(void) {
    EXPECT_WRITE_TRAPS((uintptr_t) &constant[1]);
    EXPECT_EQUAL(*(const volatile uintptr_t *) &constant[1], 2);
}

static void a_jump_into_data_traps(void) {
    uintptr_t local[2] = {0};
    EXPECT_JUMP_TRAPS((uintptr_t) &variable[1]);
    EXPECT_JUMP_TRAPS((uintptr_t) &constant[1]);
    EXPECT_JUMP_TRAPS((uintptr_t) &local[1]);
    EXPECT_JUMP_TRAPS(take(1, PAGE_SIZE));
    EXPECT_JUMP_TRAPS(get(1));
}

static void null_is_not_memory(void) {
    EXPECT_READ_TRAPS(0);
    EXPECT_WRITE_TRAPS(0);
    EXPECT_JUMP_TRAPS(0);
    EXPECT_READ_TRAPS(PAGE_SIZE - sizeof(uintptr_t));
}

__attribute__((noinline)) static uintptr_t recurse(volatile uintptr_t depth) {
    return depth == UINTPTR_MAX ? depth : recurse(depth + 1) + depth;
}

static void recurse_for_ever(uintptr_t depth) {
    recurse(depth);
}

static void an_overflow_of_the_stack_traps_in_the_guard_page(void) {
    /* The lowest word of the stack tells shutdown that it was never reached. This time it was. */
    volatile uintptr_t *canary = word_of((paddr_t) __stack_bottom, 0);
    uintptr_t kept = *canary;
    struct trap trap = {0};
    EXPECT(trap_expect(recurse_for_ever, 0, &trap));
    *canary = kept;
    EXPECT_EQUAL(trap.scause, TRAP_STORE_PAGE_FAULT);
    EXPECT(trap.stval < (uintptr_t) __stack_bottom);
    EXPECT(trap.stval >= (uintptr_t) __stack_bottom - PAGE_SIZE);
    EXPECT(trap.sepc - (uintptr_t) recurse < 64);
    printf("# caught: %s at %p, from %p; the stack ends at %p\n", trap_name(trap.scause),
           (void *) trap.stval, (void *) trap.sepc, (void *) __stack_bottom);
}

/* The registers that a call leaves as they were: s1 to s11. So is s0, the frame pointer here. With
 * several harts, tp says whose trap it is. */
#define KEPT "9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27"

static void overwrite_registers_and_trap(uintptr_t unused) {
    (void) unused;
    __asm__ volatile(".irp n, " KEPT "\n"
                     "li x\\n, -1\n"
                     ".endr\n"
                     "li tp, -1\n"
                     ".word 0\n");
}

/* Expect a trap with a number in each of these registers. 0: they were all there afterwards. */
static uintptr_t lost_over_a_trap(struct trap *trap) {
    register uintptr_t a0 __asm__("a0") = (uintptr_t) overwrite_registers_and_trap;
    register uintptr_t a1 __asm__("a1") = 0;
    register uintptr_t a2 __asm__("a2") = (uintptr_t) trap;
    __asm__ volatile(".irp n, " KEPT "\n"
                     "li x\\n, \\n\n"
                     ".endr\n"
                     "call trap_expect\n"
                     "li a0, 0\n"
                     ".irp n, " KEPT "\n"
                     "xori x\\n, x\\n, \\n\n"
                     "or a0, a0, x\\n\n"
                     ".endr\n"
                     : "+r"(a0), "+r"(a1), "+r"(a2)::"memory", "ra", "t0", "t1", "t2", "t3", "t4",
                       "t5", "t6", "a3", "a4", "a5", "a6", "a7", "s1", "s2", "s3", "s4", "s5", "s6",
                       "s7", "s8", "s9", "s10", "s11");
    return a0;
}

static void a_trap_leaves_everything_else_as_it_was(void) {
    struct trap trap = {0};
    EXPECT_EQUAL(trap_expect(read_word, (uintptr_t) &variable[1], &trap), false);
    EXPECT_EQUAL(trap.scause, 0);
    for (size_t i = 0; i < 1000; i++) {
        EXPECT_EQUAL(lost_over_a_trap(&trap), 0);
        EXPECT_EQUAL(trap.scause, TRAP_ILLEGAL_INSTRUCTION);
    }
}

/* ---- single mappings ---- */

static void a_mapping_is_another_way_to_the_same_page(void) {
    paddr_t one = alloc_pages(1), other = alloc_pages(1);
    EXPECT_EQUAL(vm_map(kernel_table, FREE_VADDR, one, RW), ALLOC_OK);
    EXPECT_EQUAL(paddr_at(FREE_VADDR + 123), one + 123);
    *word_of(FREE_VADDR, 5) = 17;
    EXPECT_EQUAL(*word_of(one, 5), 17);

    /* Another page at the same address: what the hart remembers of the first must not show. */
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, other, RW), ALLOC_OVERLAP);
    EXPECT_EQUAL(vm_unmap(kernel_table, FREE_VADDR), ALLOC_OK);
    EXPECT_EQUAL(vm_map(kernel_table, FREE_VADDR, other, RW), ALLOC_OK);
    EXPECT_EQUAL(*word_of(FREE_VADDR, 5), 0);
    EXPECT_EQUAL(vm_unmap(kernel_table, FREE_VADDR), ALLOC_OK);
    EXPECT_READ_TRAPS(FREE_VADDR);
}

/* Map a page that begins with a return instruction. */
static void map_code(unsigned flags) {
    paddr_t frame = alloc_pages(1);
    *(volatile uint32_t *) frame = 0x8067; /* jalr zero, 0(ra) */
    __asm__ volatile("fence.i" ::: "memory");
    EXPECT_EQUAL(vm_map(kernel_table, FREE_VADDR, frame, flags), ALLOC_OK);
}

static void a_page_allows_what_its_flags_say(void) {
    struct trap trap;
    map_code(VM_READ);
    read_word(FREE_VADDR);
    EXPECT_WRITE_TRAPS(FREE_VADDR);
    EXPECT_JUMP_TRAPS(FREE_VADDR);
    EXPECT_EQUAL(vm_unmap(kernel_table, FREE_VADDR), ALLOC_OK);

    map_code(VM_EXECUTE);
    EXPECT_EQUAL(trap_expect(jump_to, FREE_VADDR, &trap), false);
    EXPECT_READ_TRAPS(FREE_VADDR);
    EXPECT_WRITE_TRAPS(FREE_VADDR);
    EXPECT_EQUAL(vm_unmap(kernel_table, FREE_VADDR), ALLOC_OK);

    map_code(VM_READ | VM_WRITE | VM_EXECUTE | VM_USER);
    EXPECT_READ_TRAPS(FREE_VADDR);
    EXPECT_WRITE_TRAPS(FREE_VADDR);
    EXPECT_JUMP_TRAPS(FREE_VADDR);
}

static void entries_are_as_every_hart_wants_them(void) {
    struct page_table *table = (struct page_table *) alloc_pages(1);
    paddr_t frame = alloc_pages(1);
    EXPECT_EQUAL(vm_map(table, 0, frame, RW | VM_USER), ALLOC_OK);
    for (unsigned level = vm_levels - 1; level > 0; level--) {
        EXPECT_EQUAL(table->entries[0] % 1024, 1); /* V alone */
        table = table_of(table->entries[0]);
    }
    EXPECT_EQUAL(table->entries[0] % 1024, 0xd7); /* D A - U - W R V: neither set by the hart */
    EXPECT_EQUAL(table->entries[0] / 1024, frame / PAGE_SIZE);
}

static void a_table_of_ones_own_can_be_filled_and_emptied(void) {
    struct page_table *table = (struct page_table *) alloc_pages(1);
    paddr_t frame = alloc_pages(1), paddr;
    unsigned flags;
    size_t used = page_used(&frames);
    /* The first and the last page of a table, and the first of the next. */
    vaddr_t pages[] = {0, (ENTRIES - 1) * PAGE_SIZE, ENTRIES * PAGE_SIZE};
    for (size_t i = 0; i < 3; i++) {
        EXPECT_EQUAL(vm_translate(table, pages[i], &paddr, &flags), ALLOC_NOT_ALLOCATED);
        EXPECT_EQUAL(vm_map(table, pages[i], frame, RW | VM_USER), ALLOC_OK);
        EXPECT_EQUAL(vm_translate(table, pages[i] + 7, &paddr, &flags), ALLOC_OK);
        EXPECT_EQUAL(paddr, frame + 7);
        EXPECT_EQUAL(flags, RW | VM_USER);
    }
    EXPECT_EQUAL(page_used(&frames), used + vm_levels);
    for (size_t i = 0; i < 3; i++) {
        EXPECT_EQUAL(vm_unmap(table, pages[i]), ALLOC_OK);
        EXPECT_EQUAL(vm_unmap(table, pages[i]), ALLOC_NOT_ALLOCATED);
    }
    EXPECT_EQUAL(page_used(&frames), used);
    for (size_t i = 0; i < ENTRIES; i++)
        EXPECT_EQUAL(table->entries[i], 0);
}

static void wrong_mappings_are_refused_and_change_nothing(void) {
    paddr_t frame = alloc_pages(1), paddr = 42;
    unsigned flags = 42;
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR + 8, frame, RW), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, frame + 8, RW), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, frame, 0), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, frame, VM_USER), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, frame, VM_WRITE), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, frame, RW | 1), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, FREE_VADDR, frame, RW | 1 << 10), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_map(kernel_table, frame, frame, RW), ALLOC_OVERLAP);
    EXPECT_VM_REFUSED(vm_unmap(kernel_table, FREE_VADDR), ALLOC_NOT_ALLOCATED);
    EXPECT_VM_REFUSED(vm_unmap(kernel_table, FREE_VADDR + 8), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_translate(kernel_table, FREE_VADDR, &paddr, &flags), ALLOC_NOT_ALLOCATED);
    EXPECT_EQUAL(paddr, 42);
    EXPECT_EQUAL(flags, 42);
}

/* The lower half of the addresses ends here, if they have a gap in the middle. */
static void addresses_in_the_gap_are_refused(void) {
    unsigned bits = vm_address_bits(vm_levels), flags;
    paddr_t frame = alloc_pages(1), paddr;
    if (bits == sizeof(vaddr_t) * 8)
        return;
    vaddr_t gap = (vaddr_t) 1 << (bits - 1);
    vaddr_t outside[] = {gap, gap * 2, (vaddr_t) 0 - gap - PAGE_SIZE};
    for (size_t i = 0; i < 3; i++) {
        EXPECT_VM_REFUSED(vm_map(kernel_table, outside[i], frame, RW), ALLOC_INVALID);
        EXPECT_VM_REFUSED(vm_unmap(kernel_table, outside[i]), ALLOC_INVALID);
        EXPECT_EQUAL(vm_translate(kernel_table, outside[i], &paddr, &flags), ALLOC_INVALID);
        EXPECT_READ_TRAPS(outside[i]);
    }
    if (flags_at(gap - PAGE_SIZE) == RW)
        return; /* the memory ends here, and was tested by others */
    EXPECT_EQUAL(vm_map(kernel_table, gap - PAGE_SIZE, frame, RW), ALLOC_OK);
    write_word(gap - PAGE_SIZE);
    EXPECT_EQUAL(*word_of(frame, 0), 42);
    EXPECT_EQUAL(paddr_at(gap - 1), frame + PAGE_SIZE - 1);
}

/* ---- vm_alloc and vm_free ---- */

/* Write to every byte of the window's free frames. Its first page is the kernel's table. */
static void dirty_free_frames(void) {
    for (size_t i = 1; i < page_total(&frames); i++)
        if (page_is_free(&frames, after((paddr_t) kernel_table, i)))
            memset((void *) after((paddr_t) kernel_table, i), 0xa5, PAGE_SIZE);
}

static void expect_dirty_free_frames(void) {
    for (size_t i = 1; i < page_total(&frames); i++)
        if (page_is_free(&frames, after((paddr_t) kernel_table, i)))
            EXPECT_EQUAL(*word_of(after((paddr_t) kernel_table, i), 0), UINTPTR_MAX / 255 * 0xa5);
}

static void pages_are_zeroed_and_lie_side_by_side(void) {
    enum {
        N = 100
    };
    dirty_free_frames();
    vaddr_t vaddr = get(N);
    for (size_t i = 0; i < N * (LAST_WORD + 1) && !test_failed; i++)
        EXPECT_EQUAL(*word_of(vaddr, i), 0);
    EXPECT_EQUAL(vaddr % PAGE_SIZE, 0);

    mark(vaddr, N);
    expect_marked(vaddr, N); /* no two are the same frame */
    for (size_t i = 0; i < N && !test_failed; i++) {
        paddr_t frame = paddr_at(after(vaddr, i));
        EXPECT_EQUAL(*word_of(frame, 0), after(vaddr, i));
        EXPECT_EQUAL(page_is_free(&frames, frame), false);
        EXPECT_EQUAL(flags_at(after(vaddr, i)), RW);
    }
}

static void a_use_after_free_traps(void) {
    vaddr_t vaddr = get(3);
    mark(vaddr, 3); /* now the hart knows all three */
    EXPECT_EQUAL(vm_free(after(vaddr, 1), 1), ALLOC_OK);
    EXPECT_READ_TRAPS(after(vaddr, 1));
    EXPECT_WRITE_TRAPS(after(vaddr, 1));
    EXPECT_JUMP_TRAPS(after(vaddr, 1));
    EXPECT_READ_TRAPS(after(vaddr, 2) - sizeof(uintptr_t));
    expect_marked(vaddr, 1);
    expect_marked(after(vaddr, 2), 1);
    EXPECT_EQUAL(vm_free(vaddr, 1), ALLOC_OK);
    EXPECT_EQUAL(vm_free(after(vaddr, 2), 1), ALLOC_OK);
    EXPECT_READ_TRAPS(vaddr);
    EXPECT_READ_TRAPS(after(vaddr, 2));
}

static void freed_pages_give_back_frames_tables_and_addresses(void) {
    static const size_t sizes[] = {1, 2, 3, 64, ENTRIES - 1, ENTRIES, ENTRIES + 1, 2 * ENTRIES + 1};
    size_t used = page_used(&frames);
    for (size_t i = 0; i < 8; i++) {
        vaddr_t vaddr = get(sizes[i]);
        size_t leaf_tables = (sizes[i] + ENTRIES - 1) / ENTRIES;
        EXPECT_EQUAL(page_used(&virtual_pages), sizes[i]);
        EXPECT_EQUAL(page_used(&frames), used + sizes[i] + leaf_tables + vm_levels - 2);
        EXPECT_EQUAL(vm_free(vaddr, sizes[i]), ALLOC_OK);
        expect_returned(used);
    }
}

static void parts_and_neighbours_can_be_freed(void) {
    size_t used = page_used(&frames);
    vaddr_t run = get(64), next = get(64);
    EXPECT_EQUAL(next, after(run, 64));
    mark(run, 128);
    EXPECT_EQUAL(vm_free(after(run, 10), 20), ALLOC_OK);
    expect_marked(run, 10);
    expect_marked(after(run, 30), 98);
    EXPECT_EQUAL(vm_free(after(run, 60), 8), ALLOC_OK); /* two calls' pages in one */
    EXPECT_EQUAL(vm_free(run, 10), ALLOC_OK);
    EXPECT_EQUAL(vm_free(after(run, 30), 30), ALLOC_OK);
    expect_marked(after(run, 68), 60);
    EXPECT_EQUAL(vm_free(after(run, 68), 60), ALLOC_OK);
    expect_returned(used);
}

static void wrong_frees_are_refused_and_change_nothing(void) {
    vaddr_t run = get(8), first = run;
    EXPECT_EQUAL(vm_free(after(run, 4), 1), ALLOC_OK);
    mark(run, 4);
    mark(after(run, 5), 3);
    EXPECT_VM_REFUSED(vm_free(after(run, 4), 1), ALLOC_NOT_ALLOCATED); /* a double free */
    EXPECT_VM_REFUSED(vm_free(run, 8), ALLOC_NOT_ALLOCATED);           /* half allocated */
    EXPECT_VM_REFUSED(vm_free(after(run, 3), 2), ALLOC_NOT_ALLOCATED);
    EXPECT_VM_REFUSED(vm_free(after(run, 8), 1), ALLOC_NOT_ALLOCATED); /* never handed out */
    EXPECT_VM_REFUSED(vm_free(run, 0), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_free(run + 8, 1), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_free(first - PAGE_SIZE, 1), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_free(paddr_at(run), 1), ALLOC_INVALID); /* a frame, not a page */
    EXPECT_VM_REFUSED(vm_free(run, page_total(&virtual_pages) + 1), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_free(run, SIZE_MAX), ALLOC_INVALID);
    expect_marked(run, 4);
    expect_marked(after(run, 5), 3);
}

static void too_much_is_refused_and_changes_nothing(void) {
    vaddr_t out = 42;
    dirty_free_frames();
    EXPECT_VM_REFUSED(vm_alloc(0, &out), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_alloc(SIZE_MAX / PAGE_SIZE + 1, &out), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_alloc(SIZE_MAX, &out), ALLOC_INVALID);
    EXPECT_VM_REFUSED(vm_alloc(page_total(&virtual_pages) + 1, &out), ALLOC_NO_MEMORY);
    EXPECT_VM_REFUSED(vm_alloc(page_total(&frames) + 1, &out), ALLOC_NO_MEMORY);
    EXPECT_VM_REFUSED(vm_alloc(page_available(&frames) + 1, &out), ALLOC_NO_MEMORY);
    EXPECT_EQUAL(out, 42);
    expect_dirty_free_frames(); /* no work was begun that could not be ended */
}

static void all_memory_but_its_tables_can_be_had(void) {
    size_t used = page_used(&frames), free = page_available(&frames);
    vaddr_t out = 42;
    EXPECT_VM_REFUSED(vm_alloc(free, &out), ALLOC_NO_MEMORY);
    size_t leaf_tables = 1 + (free - vm_levels) / (ENTRIES + 1);
    vaddr_t all = get(free - leaf_tables - (vm_levels - 2));
    EXPECT(page_available(&frames) < 2);
    mark(all, page_used(&virtual_pages));
    expect_marked(all, page_used(&virtual_pages));

    /* The very last frame will do where there is a table already. */
    paddr_t last = page_available(&frames) > 0 ? take(1, PAGE_SIZE) : 0;
    EXPECT_EQUAL(vm_free(after(all, 1), 1), ALLOC_OK);
    EXPECT_EQUAL(get(1), after(all, 1));
    if (last != 0)
        free_pages(last, 1);
    EXPECT_EQUAL(vm_free(all, page_used(&virtual_pages)), ALLOC_OK);
    expect_returned(used);
}

/* The stage of the build, but for the frames that it refuses after so many. */
static const struct alloc_stage *real_stage;
static struct alloc_stage failing_stage;
static size_t frames_left;

static enum alloc_error alloc_while_frames_are_left(struct page_allocator *a, size_t n,
                                                    size_t align, paddr_t *out) {
    if (frames_left == 0)
        return ALLOC_NO_MEMORY;
    frames_left--;
    return real_stage->alloc(a, n, align, out);
}

static void fail_at_every_step(size_t n, size_t first_step) {
    size_t used = page_used(&frames), largest = page_largest_run(&frames), step;
    enum alloc_error error = ALLOC_NO_MEMORY;
    vaddr_t vaddr = 42;
    frames.stage = &failing_stage;
    for (step = first_step; error == ALLOC_NO_MEMORY && !test_failed; step++) {
        frames_left = step;
        error = vm_alloc(n, &vaddr);
        if (error == ALLOC_NO_MEMORY) {
            EXPECT_EQUAL(vaddr, 42);
            EXPECT_EQUAL(page_largest_run(&frames), largest);
            expect_returned(used);
        }
    }
    frames.stage = real_stage;
    EXPECT_EQUAL(error, ALLOC_OK);
    EXPECT_EQUAL(step - 1, n + (n + ENTRIES - 1) / ENTRIES + vm_levels - 2);
    EXPECT_EQUAL(vm_free(vaddr, n), ALLOC_OK);
    expect_returned(used);
}

static void a_vm_alloc_that_fails_at_any_step_gives_everything_back(void) {
    real_stage = frames.stage;
    failing_stage = *real_stage;
    failing_stage.alloc = alloc_while_frames_are_left;
    fail_at_every_step(1, 0);
    fail_at_every_step(20, 0);
    fail_at_every_step(ENTRIES + 2, ENTRIES - 2); /* where the second table is made */
}

static void a_vm_alloc_that_runs_memory_dry_gives_everything_back(void) {
    enum {
        N = 20
    };
    paddr_t spare = take(N + 8, PAGE_SIZE);
    take_all();
    vaddr_t vaddr = 42;
    size_t k;
    for (k = 0; k <= N + 8; k++) {
        size_t used = page_used(&frames);
        EXPECT_EQUAL(page_available(&frames), k);
        if (vm_alloc(N, &vaddr) == ALLOC_OK)
            break;
        EXPECT_EQUAL(vaddr, 42);
        expect_returned(used);
        EXPECT_EQUAL(page_free(&frames, after(spare, k), 1), ALLOC_OK);
    }
    EXPECT_EQUAL(k, N + vm_levels - 1);
    EXPECT_EQUAL(page_available(&frames), 0);
    mark(vaddr, N);
    expect_marked(vaddr, N);
    EXPECT_EQUAL(vm_free(vaddr, N), ALLOC_OK);
    expect_returned(page_total(&frames) - k);
}

static void a_mapping_that_runs_memory_dry_gives_everything_back(void) {
    struct page_table *table = (struct page_table *) alloc_pages(1);
    paddr_t spare = take(8, PAGE_SIZE);
    take_all();
    size_t k;
    for (k = 0; k < 8; k++) {
        size_t used = page_used(&frames);
        if (vm_map(table, FREE_VADDR, spare, RW) == ALLOC_OK)
            break;
        expect_returned(used);
        for (size_t i = 0; i < ENTRIES; i++)
            EXPECT_EQUAL(table->entries[i], 0);
        EXPECT_EQUAL(page_free(&frames, after(spare, k), 1), ALLOC_OK);
    }
    EXPECT_EQUAL(k, vm_levels - 1);
    EXPECT_EQUAL(vm_unmap(table, FREE_VADDR), ALLOC_OK);
    EXPECT_EQUAL(page_available(&frames), k);
}

static void pages_scattered_in_memory_can_lie_side_by_side(void) {
    enum {
        N = 1000,
        SCATTERED = N + 10
    };
    paddr_t field = take(2 * SCATTERED, PAGE_SIZE), out = 42;
    take_all();
    for (size_t i = 0; i < SCATTERED; i++)
        free_pages(after(field, 2 * i), 1);
    EXPECT_EQUAL(page_available(&frames), SCATTERED);
    EXPECT_REFUSED(page_alloc(&frames, N, PAGE_SIZE, &out), ALLOC_NO_MEMORY);
    EXPECT_REFUSED(page_alloc(&frames, 2, PAGE_SIZE, &out), ALLOC_NO_MEMORY);

    vaddr_t vaddr = get(N);
    mark(vaddr, N);
    expect_marked(vaddr, N);
    printf("# page_alloc(%u): %s; vm_alloc(%u): %p, the first pages in %p, %p, %p\n", N,
           alloc_error_name(ALLOC_NO_MEMORY), N, (void *) vaddr, (void *) paddr_at(vaddr),
           (void *) paddr_at(after(vaddr, 1)), (void *) paddr_at(after(vaddr, 2)));
    EXPECT_EQUAL(vm_free(vaddr, N), ALLOC_OK);
    expect_returned(page_total(&frames) - SCATTERED);
}

static void random_ranges_keep_what_is_written_to_them(void) {
    enum {
        RANGES = 64,
        OPERATIONS = 2000,
        MOST = 40
    };
    static vaddr_t ranges[RANGES];
    static size_t sizes[RANGES];
    size_t used = page_used(&frames);
    memset(ranges, 0, sizeof(ranges));
    for (size_t i = 0; i < OPERATIONS && !test_failed; i++) {
        size_t at = random_below(RANGES);
        if (ranges[at] != 0) {
            expect_marked(ranges[at], sizes[at]);
            EXPECT_EQUAL(vm_free(ranges[at], sizes[at]), ALLOC_OK);
            ranges[at] = 0;
        } else {
            sizes[at] = 1 + random_below(MOST);
            ranges[at] = get(sizes[at]);
            mark(ranges[at], sizes[at]);
        }
    }
    for (size_t at = 0; at < RANGES && !test_failed; at++)
        if (ranges[at] != 0)
            EXPECT_EQUAL(vm_free(ranges[at], sizes[at]), ALLOC_OK);
    expect_returned(used);
}

static void it_works_with_all_the_memory_of_the_machine(void) {
    vm_leave();
    EXPECT_EQUAL(READ_CSR(satp), 0);
    frames_init(frames.stage, &machine->usable);
    frames_add(0, UINTPTR_MAX);
    vm_init(&machine->usable);
    memory_is_in_the_largest_pages_that_fit();
    there_are_addresses_for_twice_the_memory();
    vaddr_t vaddr = get(1000);
    mark(vaddr, 1000);
    expect_marked(vaddr, 1000);
}

/* ---- the list ---- */

static const struct test tests[] = {
    {"the kernel is at its own address, code not writable, data not executable",
     the_kernel_is_at_its_own_address, ALWAYS},
    {"memory is at its own address and not executable", memory_is_at_its_own_address, ALWAYS},
    {"what is reserved is not mapped, nor is what lies below the stack",
     what_is_reserved_is_not_mapped, ALWAYS},
    {"memory is in the largest pages that fit, and these are not split",
     memory_is_in_the_largest_pages_that_fit, ALWAYS},
    {"there are addresses for twice the memory", there_are_addresses_for_twice_the_memory, ALWAYS},
    {"a write to code traps", a_write_to_code_traps, ALWAYS},
    {"a write to a constant traps", a_write_to_a_constant_traps, ALWAYS},
    {"a jump into data traps", a_jump_into_data_traps, ALWAYS},
    {"a read, a write and a jump at null trap", null_is_not_memory, ALWAYS},
    {"an overflow of the stack traps in the guard page",
     an_overflow_of_the_stack_traps_in_the_guard_page, ALWAYS},
    {"a trap that is expected leaves everything else as it was",
     a_trap_leaves_everything_else_as_it_was, ALWAYS},
    {"a mapping is another way to the same page, until it is unmapped",
     a_mapping_is_another_way_to_the_same_page, ALWAYS},
    {"a page allows what its flags say and nothing else", a_page_allows_what_its_flags_say, ALWAYS},
    {"entries are as every hart wants them", entries_are_as_every_hart_wants_them, ALWAYS},
    {"a table of one's own can be filled and emptied",
     a_table_of_ones_own_can_be_filled_and_emptied, IF_IT_FREES},
    {"wrong mappings are refused and change nothing", wrong_mappings_are_refused_and_change_nothing,
     ALWAYS},
    {"addresses in the gap between the halves are refused", addresses_in_the_gap_are_refused,
     ALWAYS},
    {"pages of vm_alloc are zeroed, distinct and side by side",
     pages_are_zeroed_and_lie_side_by_side, ALWAYS},
    {"a use after vm_free traps", a_use_after_free_traps, ALWAYS},
    {"vm_free gives back frames, empty tables and addresses",
     freed_pages_give_back_frames_tables_and_addresses, IF_IT_FREES},
    {"parts and neighbours can be freed", parts_and_neighbours_can_be_freed, IF_IT_FREES},
    {"wrong vm_frees are refused and change nothing", wrong_frees_are_refused_and_change_nothing,
     ALWAYS},
    {"a vm_alloc of too much is refused and changes nothing",
     too_much_is_refused_and_changes_nothing, ALWAYS},
    {"all memory but its tables can be had at once", all_memory_but_its_tables_can_be_had,
     IF_IT_FREES},
    {"a vm_alloc that fails at any step gives everything back",
     a_vm_alloc_that_fails_at_any_step_gives_everything_back, IF_IT_FREES},
    {"a vm_alloc that runs memory dry gives everything back",
     a_vm_alloc_that_runs_memory_dry_gives_everything_back, IF_IT_FREES},
    {"a mapping that runs memory dry gives everything back",
     a_mapping_that_runs_memory_dry_gives_everything_back, IF_IT_FREES},
    {"with every other page taken vm_alloc(1000) succeeds where page_alloc(1000) cannot",
     pages_scattered_in_memory_can_lie_side_by_side, IF_IT_FREES},
    {"2,000 random vm_allocs and vm_frees keep what is written",
     random_ranges_keep_what_is_written_to_them, IF_IT_FREES},
    {"virtual memory works with all the memory of the machine",
     it_works_with_all_the_memory_of_the_machine, ALWAYS},
};

const struct test_list vm_tests = {
    .tests = tests,
    .count = sizeof(tests) / sizeof(tests[0]),
    .begin = begin,
    .end = vm_leave,
};
