/* What orders.cpp makes two threads do. This file is compiled without -fsanitize=thread: what it
 * does to pages it says with world_touch. */
#include "../../alloc/harts.h"

#include <string.h>

enum {
    PAGES = 192
};

void world_begin(int scenario);
void world_run(unsigned thread);
bool world_end(void);
void world_touch(unsigned page);

/* `world` is what is traced. */
struct world {
    struct harts s;
    struct hand hands[2];
    _Alignas(64) unsigned char meta[512];
} world;

const size_t world_size = sizeof(world);
char *world_atomic[8];
const size_t world_atomics = 6; /* the lock, whether there are recalls, three words, the water */

static int scenario;
static paddr_t stock[4];
static bool was_told;

static bool give_up(void *context) {
    (void) context;
    return false;
}

static paddr_t take(unsigned thread, size_t n) {
    paddr_t out = 0;
    if (harts_alloc(&world.s, &world.hands[thread], n, PAGE_SIZE, &out) != ALLOC_OK)
        return 0;
    for (size_t i = 0; i < n; i++)
        world_touch((unsigned) (out / PAGE_SIZE + i));
    return out;
}

static void give(unsigned thread, paddr_t page, size_t n) {
    for (size_t i = 0; i < n; i++)
        world_touch((unsigned) (page / PAGE_SIZE + i));
    if (harts_free(&world.s, &world.hands[thread], page, n) != ALLOC_OK)
        was_told = true;
}

/* Pages 60 to 67. Hand 1 holds the first word, and has taken `stock` from it. */
void world_begin(int scenario_) {
    struct harts *s = &world.s;
    scenario = scenario_;
    was_told = false;
    memset(&world, 0, sizeof(world));
    harts_begin(s, 0, PAGES * PAGE_SIZE, world.meta, sizeof(world.meta), give_up, NULL);
    harts_join(s, &world.hands[0]);
    harts_join(s, &world.hands[1]);
    harts_add_memory(s, &world.hands[1], 60 * PAGE_SIZE, 8 * PAGE_SIZE);
    for (int i = 0; i < 3; i++)
        harts_alloc(s, &world.hands[1], 1, PAGE_SIZE, &stock[i]);
    world_atomic[0] = (char *) &s->lock;
    world_atomic[1] = (char *) &s->recalls;
    for (int i = 0; i < 3; i++)
        world_atomic[2 + i] = (char *) &s->rows.level[0][i];
    world_atomic[5] = (char *) &s->water;
    /* Both know the range: no lock stands between them. */
    harts_free(s, &world.hands[0], stock[2], 1);
    harts_alloc(s, &world.hands[1], 1, PAGE_SIZE, &stock[2]);
    harts_free(s, &world.hands[1], stock[2], 1);
    harts_alloc(s, &world.hands[1], 1, PAGE_SIZE, &stock[2]);
}

/* 0: a page freed by the one is taken by the other, 1: by a run, 2: it was freed as a run,
 * 3: both want words from the nodes. */
void world_run(unsigned thread) {
    if (scenario == 3) {
        paddr_t page = take(thread, 2);
        if (page != 0)
            give(thread, page, 2);
        take(thread, 1);
    } else if (thread == 0 && scenario == 2) {
        give(0, stock[0], 2);
    } else if (thread == 0) {
        give(0, stock[0], 1);
        give(0, stock[2], 1);
    } else if (scenario == 1) {
        harts_put_down(&world.s, &world.hands[1]);
        take(1, 2);
        take(1, 1);
    } else {
        for (int i = 0; i < 3; i++)
            take(1, 1);
    }
}

bool world_end(void) {
    return !was_told && harts_problem(&world.s) == NULL;
}
