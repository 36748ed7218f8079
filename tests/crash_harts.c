/* Programs of several harts that end badly on purpose. The build names one: --harts 4,
 * PROGRAM=tests/crash_harts.c, CFLAGS=-DCRASH=no_lock. Each must end with a report and exit status
 * 1; those that say "hart" with the name of the right one. */
#include "../common.h"
#include "../harts.h"
#include "../kernel.h"
#include "../lock.h"
#include "../memory/frames.h"
#include "../memory/vm.h"
#include "../panic.h"
#include "../riscv.h"
#include "../start.h"

#define SECOND ((uintptr_t) 10000000) /* of QEMU's timer */

static const struct memory_map *usable;
static struct barrier barrier;

static void wait_for_all(void) {
    barrier_wait(&barrier, harts_count());
}

static void wait_for(uintptr_t ticks) {
    uintptr_t start = READ_CSR(time);
    for (uintptr_t now = start; now - start < ticks; now = READ_CSR(time))
        continue;
}

/* The last in the list, which is not the one that booted. */
static bool is_last(void) {
    return this_hart() == &harts[HARTS - 1];
}

/* ---- pages without a lock ---- */

enum {
    HELD = 32
};

static atomic_ulong wrong;

static bool is_to_go_on(uintptr_t start, uintptr_t seconds) {
    return wrong == 0 && READ_CSR(time) - start < seconds * SECOND;
}

/* As alloc_pages and free_pages, but for the lock, until something is wrong: how long that takes
 * depends on how many cores the machine has to spare. A page holds its owner's address, or 0. */
static void churn_without_a_lock(uintptr_t seconds) {
    static paddr_t all_held[HARTS][HELD];
    paddr_t *held = all_held[this_hart() - harts];
    uintptr_t me = (uintptr_t) this_hart(), start = READ_CSR(time);
    wait_for_all();
    for (uintptr_t i = 0; i % 1000 != 0 || is_to_go_on(start, seconds); i++) {
        paddr_t *place = &held[i * 7 % HELD];
        if (*place == 0) {
            if (page_alloc(&frames, 1, PAGE_SIZE, place) != ALLOC_OK)
                continue;
            wrong += *(volatile uintptr_t *) *place != 0;
            *(volatile uintptr_t *) *place = me;
        } else {
            wrong += *(volatile uintptr_t *) *place != me;
            *(volatile uintptr_t *) *place = 0;
            wrong += page_free(&frames, *place, 1) != ALLOC_OK;
            *place = 0;
        }
    }
}

__attribute__((used)) static void no_lock(void) {
    harts_run(churn_without_a_lock, 30);
    bool is_sound = page_check(&frames);
    printf("# without a lock %lu things were wrong, and the allocator is %s\n", wrong,
           is_sound ? "sound" : "broken");
    printf("%sok 1 - no page has two owners\n", wrong > 0 || !is_sound ? "not " : "");
    printf("%d passed, %d failed\n", wrong == 0 && is_sound, wrong > 0 || !is_sound);
}

/* ---- locks ---- */

static struct lock lock = {.name = "a test"};

__attribute__((noinline)) static void take_it_again(void) {
    lock_take(&lock);
    lock_give(&lock); /* so that the call above is none that a compiler turns into a jump */
}

__attribute__((used)) static void self_deadlock(void) {
    lock_take(&lock);
    take_it_again();
}

__attribute__((used)) static void give_what_is_not_taken(void) {
    lock_give(&lock);
}

/* ---- the last hart comes late to a barrier ---- */

static atomic_uint here, through;

static void come_late(uintptr_t unused) {
    (void) unused;
    here++;
    if (is_last()) {
        while (here < harts_count())
            continue;
        wait_for(SECOND);
        printf("%d passed, %u failed\n", through == 0, through);
        shutdown(through == 0);
    }
    wait_for_all();
    through++;
}

__attribute__((used)) static void late_for_a_barrier(void) {
    harts_run(come_late, 0);
}

/* ---- every hart maps a page, all at once ---- */

static void read_mark(uintptr_t vaddr) {
    wrong += *(volatile uintptr_t *) vaddr != (uintptr_t) this_hart();
}

/* The tables of one hart's page are missing or lost if another's took their place. */
static void map_and_look(uintptr_t rounds) {
    struct trap trap;
    vm_enter();
    while (rounds-- > 0 && wrong == 0) {
        vaddr_t vaddr = 0;
        wait_for_all();
        if (vm_alloc(1, &vaddr) == ALLOC_OK)
            *(volatile uintptr_t *) vaddr = (uintptr_t) this_hart();
        wait_for_all();
        wrong += trap_expect(read_mark, vaddr, &trap);
        wait_for_all();
        if (wrong == 0)
            vm_free(vaddr, 1);
    }
    wait_for_all();
    vm_leave();
}

__attribute__((used)) static void map_at_once(void) {
    vm_init(usable);
    harts_run(map_and_look, 3);
    printf("%sok 1 - every hart has its page\n", wrong > 0 ? "not " : "");
    printf("%d passed, %d failed\n", wrong == 0, wrong > 0);
}

/* ---- all harts take pages, for ever ---- */

static void take_pages(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    for (;;)
        alloc_pages(1);
}

__attribute__((used)) static void out_of_memory(void) {
    harts_run(take_pages, 0);
}

/* ---- all harts print ---- */

static void print_some(uintptr_t lines) {
    wait_for_all();
    while (lines-- > 0)
        printf("# a line, and not %s of one\n", "half");
}

__attribute__((used)) static void print_at_once(void) {
    harts_run(print_some, 50);
    printf("1 passed, 0 failed\n");
}

/* ---- the last hart ends it, while the others print ---- */

static void print_for_ever(void) {
    for (;;)
        printf("# one line, and not half of it, of a hart that has much to say\n");
}

static void panic_or_print(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    if (is_last())
        PANIC("the answer is %d", 42);
    print_for_ever();
}

__attribute__((used)) static void panic_on_the_last(void) {
    harts_run(panic_or_print, 0);
}

/* The others ask nobody whether they may print: a panic has to stop them before it says a word. So
 * many words take far longer than any of them waits for its turn. */
static void panic_at_length(uintptr_t unused) {
    static char words[20000];
    (void) unused;
    memset(words, 'x', sizeof(words) - 1);
    wait_for_all();
    if (is_last())
        PANIC("%s", words);
    for (;;)
        putchar('.');
}

__attribute__((used)) static void panic_beside_the_loud(void) {
    harts_run(panic_at_length, 0);
}

static void panic_all(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    PANIC("hart %lu has the answer", this_hart()->id);
}

__attribute__((used)) static void panic_on_all(void) {
    harts_run(panic_all, 0);
}

static void trap_or_print(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    if (is_last())
        *(volatile int *) NULL = 1;
    print_for_ever();
}

__attribute__((used)) static void trap_on_the_last(void) {
    harts_run(trap_or_print, 0);
}

static void spoil_tp(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    if (is_last())
        __asm__ volatile("li tp, 42\n.word 0");
    for (;;)
        continue;
}

__attribute__((used)) static void trap_without_tp(void) {
    harts_run(spoil_tp, 0);
}

/* The report ends with a look at all canaries, and the first one's cannot be read. */
static void trap_in_report(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    if (is_last()) {
        harts[0].stack_top = NULL;
        __asm__ volatile(".word 0");
    }
    for (;;)
        continue;
}

__attribute__((used)) static void trap_in_report_on_the_last(void) {
    harts_run(trap_in_report, 0);
}

/* What an interrupt calls reads from where nothing is. */
static void trap_in_answer(void) {
    (void) *(volatile char *) -1;
}

static void stay(uintptr_t unused) {
    (void) unused;
    for (;;)
        continue;
}

static void stay_or_wake(uintptr_t expects_a_trap) {
    struct trap trap;
    wait_for_all();
    if (this_hart() == harts) {
        atomic_store(&harts_answer, trap_in_answer);
        hart_wake(&harts[HARTS - 1]);
    }
    if (expects_a_trap && is_last())
        trap_expect(stay, 0, &trap);
    stay(0);
}

__attribute__((used)) static void trap_in_an_interrupt(void) {
    harts_run(stay_or_wake, false);
}

/* It comes while another trap is expected. */
__attribute__((used)) static void trap_in_an_interrupt_of_the_guarded(void) {
    harts_run(stay_or_wake, true);
}

/* ---- the last hart stops the others, and looks whether they move ---- */

static atomic_ulong steps;

static void step_or_stop(uintptr_t unused) {
    (void) unused;
    wait_for_all();
    while (!is_last())
        steps++;
    harts_stop();
    unsigned long before = steps;
    wait_for(SECOND);
    bool all_stand = steps == before;
    printf("%d passed, %d failed\n", all_stand, !all_stand);
    shutdown(all_stand);
}

__attribute__((used)) static void stop_the_others(void) {
    harts_run(step_or_stop, 0);
}

/* ---- stacks ---- */

/* Every word of the frame is written, so that none steps over the canary: with ra, s0 and s1 they
 * are a multiple of 16 bytes. */
__attribute__((noinline)) static size_t recurse(size_t depth) {
    volatile size_t frame[31];
    for (size_t i = 0; i < sizeof(frame) / sizeof(frame[0]); i++)
        frame[i] = depth;
    return depth == 0 ? 0 : recurse(depth - 1) + frame[depth % 31];
}

/* Grow over the end of the stack, but not over that of the guard, and come back. */
static void overrun(uintptr_t depth) {
    if (is_last())
        recurse(depth);
}

__attribute__((used)) static void stack_overrun(void) {
    harts_run(overrun, (STACK_SIZE + (size_t) 16 * 1024) / (34 * sizeof(size_t)));
}

static void overrun_with_paging(uintptr_t depth) {
    vm_enter();
    overrun(depth);
}

__attribute__((used)) static void guarded_overrun(void) {
    vm_init(usable);
    harts_run(overrun_with_paging, SIZE_MAX);
}

static void hang_all(uintptr_t unused) {
    (void) unused;
    for (;;)
        continue;
}

__attribute__((used)) static void hang(void) {
    harts_run(hang_all, 0);
}

/* All is well, and nothing else. */
__attribute__((used)) static void nothing(void) {
    printf("1 passed, 0 failed\n");
}

/* Nobody answers a hart that has said it is awake and lets no interrupt in. */
static void deafen(uintptr_t unused) {
    (void) unused;
    if (is_last())
        __asm__ volatile("csrw sie, zero");
    wait_for_all();
    if (this_hart() == harts)
        PANIC("one does not hear");
    for (;;)
        continue;
}

__attribute__((used)) static void panic_beside_a_deaf_one(void) {
    harts_run(deafen, 0);
}

bool program(const struct alloc_stage *stage, const struct machine *machine,
             struct memory_range free_ram) {
    (void) stage, (void) free_ram;
    usable = &machine->usable;
    CRASH();
    return true;
}
