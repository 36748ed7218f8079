/* The self-test of a kernel for several harts: all of them do at once what they could do wrong. The
 * one that boots runs the tests and takes part; `frames` has the window. */
#include "selftest.h"

#include "../harts.h"
#include "../lock.h"
#include "../memory/vm.h"
#include "../riscv.h"
#include "../start.h"
#include "xorshift.h"

enum {
    STEPS = 20000, /* of all harts together */
    HELD = 64,     /* pages that a hart has at most */
    ROUNDS = 100,
    GROUP = 7, /* harts beside the first one */
};

static const struct machine *machine;

static void begin(const struct machine *machine_) {
    machine = machine_;
}

/* ---- what harts tell ---- */

/* A hart cannot fail a test by itself: it counts, and the one that booted looks. */
static struct findings {
    unsigned long wrong;
    unsigned long value;
    uintptr_t sp;
} findings[HARTS];

static struct findings *mine(void) {
    return &findings[this_hart() - harts];
}

static struct barrier barrier;
static unsigned together; /* harts that take part */

static void wait_for_all(void) {
    barrier_wait(&barrier, together);
}

static void expect_nothing_wrong(void) {
    for (size_t at = 0; at < HARTS; at++)
        EXPECT_EQUAL(findings[at].wrong, 0);
}

static void run_on_all(void (*work)(uintptr_t), uintptr_t argument) {
    memset(findings, 0, sizeof(findings));
    together = harts_count();
    harts_run(work, argument);
    expect_nothing_wrong();
}

/* ---- in groups ---- */

/* A change of the page table waits for all harts that have paging on. Were these 64, and a machine
 * of two cores had to emulate them, that took seconds each time. So they come in groups, each with
 * the first hart, and the others sleep. */
static size_t group; /* its place in `harts` */
static void (*group_work)(uintptr_t);

static bool takes_part(size_t at) {
    return at == 0 || (at >= group && at < group + GROUP);
}

static void work_in_group(uintptr_t argument) {
    if (takes_part((size_t) (this_hart() - harts)))
        group_work(argument);
}

static void run_in_groups(void (*work)(uintptr_t), uintptr_t argument) {
    memset(findings, 0, sizeof(findings));
    group_work = work;
    for (group = 1; group < HARTS; group += GROUP) {
        together = 0;
        for (size_t at = 0; at < HARTS; at++)
            together += takes_part(at) && hart_is(&harts[at], HART_UP);
        harts_run(work_in_group, argument);
        if (HARTS > 1 + GROUP) /* run.sh takes a long silence for the end */
            printf("# %zu of %d harts are through\n",
                   group + GROUP < HARTS ? group + GROUP : (size_t) HARTS, HARTS);
    }
    expect_nothing_wrong();
}

/* ---- harts ---- */

static void tell_of_oneself(uintptr_t unused) {
    (void) unused;
    mine()->value = this_hart()->id;
    mine()->sp = (uintptr_t) __builtin_frame_address(0);
}

static void every_hart_has_its_own_name_and_stack(void) {
    run_on_all(tell_of_oneself, 0);
    for (size_t at = 0; at < HARTS; at++) {
        if (!hart_is(&harts[at], HART_UP))
            continue;
        uintptr_t top = (uintptr_t) harts[at].stack_top;
        EXPECT_EQUAL(findings[at].value, harts[at].id);
        EXPECT(findings[at].sp <= top && findings[at].sp > top - STACK_SIZE);
        for (size_t other = 0; other < at; other++)
            EXPECT(harts[other].id != harts[at].id || !hart_is(&harts[other], HART_UP));
    }
}

static atomic_uint arrivals;

static void come_and_count(uintptr_t unused) {
    (void) unused;
    for (unsigned round = 1; round <= ROUNDS / 10; round++) {
        atomic_fetch_add_explicit(&arrivals, 1, memory_order_relaxed);
        wait_for_all();
        unsigned seen = atomic_load_explicit(&arrivals, memory_order_relaxed);
        mine()->wrong += seen != round * harts_count();
        wait_for_all();
    }
}

static void a_barrier_lets_nobody_through_before_all_are_there(void) {
    atomic_store(&arrivals, 0);
    run_on_all(come_and_count, 0);
}

/* ---- the lock ---- */

static struct lock lock = {.name = "a test"};
static volatile unsigned long counted;

static void count_under_the_lock(uintptr_t times) {
    wait_for_all();
    for (uintptr_t i = 0; i < times; i++) {
        lock_take(&lock);
        counted = counted + 1;
        lock_give(&lock);
    }
}

static void no_step_is_lost_under_a_lock(void) {
    counted = 0;
    run_on_all(count_under_the_lock, STEPS);
    EXPECT_EQUAL(counted, STEPS * (unsigned long) harts_count());
}

/* ---- pages, with their owner written into them ---- */

static void own(paddr_t page) {
    *word_of(page, 0) = page ^ this_hart()->id;
    *word_of(page, LAST_WORD) = (uintptr_t) this_hart();
}

static bool is_mine(paddr_t page) {
    return *word_of(page, 0) == (page ^ this_hart()->id) &&
           *word_of(page, LAST_WORD) == (uintptr_t) this_hart();
}

/* A run of 1 to 4 pages. */
struct held {
    paddr_t pages;
    size_t n;
};

static void take_some(struct held *held, uint32_t random) {
    held->n = 1 + random % 4;
    held->pages = alloc_pages(held->n);
    for (size_t i = 0; i < held->n; i++) {
        mine()->wrong += *word_of(after(held->pages, i), 0) != 0;
        own(after(held->pages, i));
    }
}

static void give_back(const struct held *held) {
    for (size_t i = 0; i < held->n; i++)
        mine()->wrong += !is_mine(after(held->pages, i));
    free_pages(held->pages, held->n);
}

/* Half of the steps take, half give back, once there is something. */
static void churn(uintptr_t steps) {
    static struct held all_held[HARTS][HELD];
    struct held *held = all_held[this_hart() - harts];
    uint32_t random = XORSHIFT32_SEED + (uint32_t) this_hart()->id;
    size_t count = 0;
    wait_for_all();
    for (uintptr_t i = 0; i < steps; i++) {
        random = xorshift32(random);
        if (count == 0 || (count < HELD && (random >> 16 & 1) == 0)) {
            take_some(&held[count++], random >> 20);
        } else {
            size_t at = (random >> 20) % count;
            give_back(&held[at]);
            held[at] = held[--count];
        }
    }
    while (count > 0)
        give_back(&held[--count]);
}

static void no_page_has_two_owners(void) {
    run_on_all(churn, STEPS / harts_count());
    EXPECT_EQUAL(page_used(&frames), 0);
    EXPECT_EQUAL(page_largest_run(&frames), page_total(&frames));
    EXPECT_SOUND(&frames);
}

/* Page after page, until this hart has so many; then see whether another has one of them. */
static void take_and_look(uintptr_t pages) {
    static const paddr_t NONE = 0;
    paddr_t last = NONE;
    wait_for_all();
    for (uintptr_t i = 0; i < pages; i++) {
        paddr_t page = alloc_pages(1);
        own(page);
        *word_of(page, 1) = last;
        last = page;
    }
    wait_for_all();
    /* A page that this hart got twice leads round and round. */
    for (; last != NONE && mine()->value <= pages; last = *word_of(last, 1), mine()->value++)
        if (!is_mine(last)) {
            mine()->wrong++;
            return;
        }
}

static void all_harts_together_empty_the_memory(void) {
    size_t each = page_total(&frames) / harts_count();
    run_on_all(take_and_look, each);
    for (size_t at = 0; at < HARTS; at++)
        if (hart_is(&harts[at], HART_UP))
            EXPECT_EQUAL(findings[at].value, each);
    EXPECT_EQUAL(page_used(&frames), each * harts_count());
    EXPECT_SOUND(&frames);
}

/* ---- traps ---- */

static void read_word(uintptr_t vaddr) {
    (void) *(volatile uintptr_t *) vaddr;
}

/* Below every stack is nothing once paging is on. Each hart reads an address of its own there. */
static void trap_and_survive(uintptr_t unused) {
    (void) unused;
    uintptr_t guard = (uintptr_t) this_hart()->stack_top - STACK_SIZE - sizeof(uintptr_t);
    vm_enter();
    wait_for_all();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct trap trap = {0};
        mine()->wrong += !trap_expect(read_word, guard, &trap);
        mine()->wrong += trap.scause != TRAP_LOAD_PAGE_FAULT || trap.stval != guard;
    }
    wait_for_all();
    vm_leave();
}

static void all_harts_trap_at_once_and_each_survives_its_own(void) {
    vm_init(&machine->usable);
    run_on_all(trap_and_survive, 0);
}

/* ---- page tables ---- */

static volatile uintptr_t *shared_page;
static uintptr_t expected;

/* All but the first read the page, and remember where it is; then it becomes another. */
static void watch_a_page_change(uintptr_t rounds) {
    bool is_first = this_hart() == harts;
    vm_enter();
    wait_for_all();
    for (uintptr_t round = 0; round < rounds; round++) {
        vaddr_t vaddr = (vaddr_t) shared_page;
        if (!is_first)
            mine()->wrong += *shared_page != expected;
        wait_for_all();
        if (is_first) {
            paddr_t frame = alloc_pages(1);
            *word_of(frame, 0) = expected = round + 1;
            mine()->wrong += vm_unmap(kernel_table, vaddr) != ALLOC_OK;
            mine()->wrong += vm_map(kernel_table, vaddr, frame, VM_READ | VM_WRITE) != ALLOC_OK;
        }
        wait_for_all();
    }
    mine()->wrong += !is_first && *shared_page != expected;
    wait_for_all();
    vm_leave();
}

static void no_hart_reads_a_page_that_was_exchanged(void) {
    vaddr_t vaddr = 0;
    vm_init(&machine->usable);
    /* One more: a table that is empty is given back, and all harts are told to forget it. */
    EXPECT_EQUAL(vm_alloc(2, &vaddr), ALLOC_OK);
    shared_page = (volatile uintptr_t *) vaddr;
    expected = 0;
    run_in_groups(watch_a_page_change, ROUNDS / 25);
}

/* The first frees what all have read. */
static void read_what_is_freed(uintptr_t pages) {
    struct trap trap;
    vaddr_t vaddr = 0;
    vm_enter();
    if (this_hart() == harts) {
        mine()->wrong += vm_alloc(pages + 1, &vaddr) != ALLOC_OK; /* one more, as above */
        shared_page = (volatile uintptr_t *) vaddr;
    }
    wait_for_all();
    for (uintptr_t i = 0; i < pages; i++)
        read_word((uintptr_t) shared_page + i * PAGE_SIZE);
    wait_for_all();
    if (this_hart() == harts)
        mine()->wrong += vm_free((vaddr_t) shared_page, pages) != ALLOC_OK;
    wait_for_all();
    for (uintptr_t i = 0; i < pages; i++)
        mine()->wrong += !trap_expect(read_word, (uintptr_t) shared_page + i * PAGE_SIZE, &trap);
    wait_for_all();
    vm_leave();
}

static void a_use_after_vm_free_traps_on_every_hart(void) {
    vm_init(&machine->usable);
    run_in_groups(read_what_is_freed, 5);
}

/* A range at a time, with the hart's name in each page. */
static void use_ranges(uintptr_t rounds) {
    uint32_t random = XORSHIFT32_SEED + (uint32_t) this_hart()->id;
    vm_enter();
    wait_for_all();
    for (uintptr_t round = 0; round < rounds; round++) {
        random = xorshift32(random);
        size_t n = 1 + random % 4;
        vaddr_t range = 0;
        mine()->wrong += vm_alloc(n, &range) != ALLOC_OK;
        for (size_t i = 0; i < n; i++)
            own(range + i * PAGE_SIZE);
        for (size_t i = 0; i < n; i++)
            mine()->wrong += !is_mine(range + i * PAGE_SIZE);
        mine()->wrong += vm_free(range, n) != ALLOC_OK;
    }
    wait_for_all();
    vm_leave();
}

static void harts_have_virtual_memory_at_once(void) {
    vm_init(&machine->usable);
    run_in_groups(use_ranges, 1 + 4 / harts_count());
    EXPECT_EQUAL(page_used(&virtual_pages), 0);
    EXPECT_SOUND(&virtual_pages);
    EXPECT_SOUND(&frames);
}

/* ---- the list ---- */

static const struct test tests[] = {
    {"every hart has its own name and stack", every_hart_has_its_own_name_and_stack, ALWAYS},
    {"a barrier lets nobody through before all are there",
     a_barrier_lets_nobody_through_before_all_are_there, ALWAYS},
    {"no step is lost under a lock", no_step_is_lost_under_a_lock, ALWAYS},
    {"no page has two owners while all harts allocate and free", no_page_has_two_owners,
     IF_IT_FREES},
    {"all harts together empty the memory, and no page is handed out twice",
     all_harts_together_empty_the_memory, ALWAYS},
    {"all harts trap at once, and each survives its own",
     all_harts_trap_at_once_and_each_survives_its_own, ALWAYS},
    {"no hart reads a page that was exchanged", no_hart_reads_a_page_that_was_exchanged, ALWAYS},
    {"a use after vm_free traps on every hart", a_use_after_vm_free_traps_on_every_hart, ALWAYS},
    {"harts have virtual memory at once", harts_have_virtual_memory_at_once, ALWAYS},
};

const struct test_list harts_tests = {
    .tests = tests,
    .count = sizeof(tests) / sizeof(tests[0]),
    .begin = begin,
};
