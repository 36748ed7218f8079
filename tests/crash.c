/* Programs that end badly on purpose. The build names one: PROGRAM=tests/crash.c with
 * CFLAGS=-DCRASH=double_free. Each must end with a report and exit status 1. */
#include "../common.h"
#include "../image.h"
#include "../kernel.h"
#include "../memory/frames.h"
#include "../memory/vm.h"
#include "../panic.h"

/* What program() was given. */
static const struct alloc_stage *built_stage;
static const struct memory_map *usable;
static struct memory_range ram;

/* Store through a null pointer. */
__attribute__((used)) static void null_store(void) {
    *(volatile int *) NULL = 1;
}

__attribute__((used)) static void illegal_instruction(void) {
    __asm__ volatile(".word 0");
}

/* Jump to where the machine has no memory. */
__attribute__((used)) static void wild_jump(void) {
    void (*nowhere)(void) = (void (*)(void))(uintptr_t) 0x1000000;
    nowhere();
}

/* What run.sh lets a frame have, less what the compiler itself puts there. */
enum {
    LARGEST_FRAME = 64 * 1024 - 256
};

/* A call that takes the largest frame, writes `size` bytes of it from the lowest up, and then calls
 * itself so many times. */
__attribute__((noinline)) static int take_largest_frames(size_t times, size_t size) {
    volatile char frame[LARGEST_FRAME];
    for (size_t i = 0; i < size; i++)
        frame[i] = 1;
    return times == 0 ? 0 : take_largest_frames(times - 1, size) + frame[0];
}

/* Grow over the end of the stack, by half of its size, and come back. */
__attribute__((used)) static void stack_overrun(void) {
    take_largest_frames(2, LARGEST_FRAME);
}

/* Grow over the end of the stack for ever, and touch as little of what lies there as one can. */
__attribute__((used)) static void long_strides(void) {
    take_largest_frames(SIZE_MAX, 1);
}

/* Each call writes all of its frame, so that none steps over the canary. */
__attribute__((noinline)) static size_t recurse(size_t depth) {
    volatile size_t frame[32];
    for (size_t i = 0; i < sizeof(frame) / sizeof(frame[0]); i++)
        frame[i] = depth;
    return depth == SIZE_MAX ? depth : recurse(depth + 1) + frame[depth % 32];
}

/* Grow over the end of the stack for ever. */
__attribute__((used)) static void endless_recursion(void) {
    recurse(0);
}

__attribute__((used)) static void out_of_memory(void) {
    for (;;)
        alloc_pages(1);
}

#ifndef FRAMES_LEFT
#define FRAMES_LEFT 0
#endif

/* Turn paging on with so few frames, side by side. */
__attribute__((used)) static void paging_runs_dry(void) {
    paddr_t first = alloc_pages(1);
    while (page_available(&frames) > 0)
        alloc_pages(1);
    for (size_t i = 0; i < FRAMES_LEFT; i++)
        free_pages(first + i * PAGE_SIZE, 1);
    vm_init(usable);
    printf("paging is on with %d frames\n", FRAMES_LEFT);
}

/* ---- memory that cannot be managed ---- */

/* Begin anew with up to two ranges of memory; empty ones are left out. */
static void manage(struct memory_range low, struct memory_range high) {
    struct memory_map map = {0};
    map_add(&map, low.start, low.end);
    map_add(&map, high.start, high.end);
    frames_init(built_stage, &map);
}

__attribute__((used)) static void no_memory(void) {
    manage((struct memory_range){0, 0}, (struct memory_range){0, 0});
}

/* The tables are for all that lies between. */
__attribute__((used)) static void two_pages_far_apart(void) {
    paddr_t low = ram.start, high = ram.end - PAGE_SIZE;
    manage((struct memory_range){low, low + PAGE_SIZE},
           (struct memory_range){high, high + PAGE_SIZE});
}

__attribute__((used)) static void less_than_a_page(void) {
    paddr_t start = ram.start + PAGE_SIZE / 4;
    manage((struct memory_range){start, start + PAGE_SIZE / 2}, (struct memory_range){0, 0});
}

/* Bump has handed out what lies above. */
__attribute__((used)) static void memory_below(void) {
    manage(ram, (struct memory_range){0, 0});
    frames_add(ram.start + (1 << 20), ram.end);
    alloc_pages(1);
    frames_add(ram.start, ram.end);
}

#ifndef MEMORY_BITS
#define MEMORY_BITS 49
#endif

/* Turn paging on for memory that ends at 2^MEMORY_BITS, and that nobody touches. On rv64. */
__attribute__((used)) static void paging_far_up(void) {
    struct memory_map map = {0};
    uint64_t end = (uint64_t) 1 << MEMORY_BITS;
    map_add(&map, (paddr_t) (end / 2), (paddr_t) end);
    vm_init(&map);
    printf("paging is on with %u levels\n", vm_levels);
}

/* ---- pages ---- */

__attribute__((used)) static void no_pages(void) {
    alloc_pages(0);
}

/* Take the page from behind an address that another owns. */
__attribute__((used)) static void unmapped_by_another(void) {
    vaddr_t pages = 0;
    vm_init(usable);
    vm_alloc(3, &pages);
    vm_unmap(kernel_table, pages + PAGE_SIZE);
    vm_free(pages, 3);
}

__attribute__((used)) static void frame_freed_by_another(void) {
    vaddr_t page = 0;
    paddr_t frame = 0;
    unsigned flags;
    vm_init(usable);
    vm_alloc(1, &page);
    vm_translate(kernel_table, page, &frame, &flags);
    page_free(&frames, frame, 1);
    vm_free(page, 1);
}

__attribute__((used)) static void paging(void) {
    vm_init(usable);
}

__attribute__((used)) static void double_free(void) {
    paddr_t page = alloc_pages(1);
    free_pages(page, 1);
    free_pages(page, 1);
}

__attribute__((used)) static void false_assumption(void) {
    PANIC("the answer is %d", 42);
}

/* Trap while a trap is being reported: the registers are stored at the end of the stack, and the
 * report grows from there into the guard below it. */
__attribute__((used)) static void trap_in_trap(void) {
    vm_init(usable);
    __asm__ volatile("csrw sscratch, %0\n.word 0" ::"r"(__stack_bottom + 512));
}

/* Take the constants away, without which there is no report of a trap, nor one of that. */
__attribute__((used)) static void trap_without_constants(void) {
    vm_init(usable);
    for (vaddr_t page = (vaddr_t) __rodata; page < (vaddr_t) __data; page += PAGE_SIZE)
        vm_unmap(kernel_table, page);
    __asm__ volatile(".word 0");
}

/* Read what was freed. Only with paging on does anybody notice. */
__attribute__((used)) static void use_after_free(void) {
    vaddr_t page = 0;
    vm_init(usable);
    vm_alloc(1, &page);
    vm_free(page, 1);
    printf("%d\n", *(volatile char *) page);
}

/* As endless_recursion, but what lies below the stack is not mapped. */
__attribute__((used)) static void guarded_recursion(void) {
    vm_init(usable);
    recurse(0);
}

__attribute__((used)) static void guarded_long_strides(void) {
    vm_init(usable);
    take_largest_frames(SIZE_MAX, 1);
}

__attribute__((used)) static void hang(void) {
    for (;;)
        __asm__ volatile("");
}

/* Say that a test failed, and end in an orderly way. */
__attribute__((used)) static void failed_test(void) {
    printf("0 passed, 1 failed\n");
}

bool program(const struct alloc_stage *stage, const struct machine *machine,
             struct memory_range free_ram) {
    built_stage = stage;
    usable = &machine->usable;
    ram = free_ram;
    frames_init(stage, usable);
    frames_add(free_ram.start, free_ram.end);
    CRASH();
    return false;
}
