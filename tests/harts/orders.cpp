/* The memory orders of the real alloc/harts.c, under relacy: https://github.com/dvyukov/relacy.
 *
 * As in steps.c, the calls that -fsanitize=thread puts before each access are ours. Atomic ones go
 * to relacy's atomics, where a relaxed load may see what is old; plain ones, and those of the
 * pages' owners to their pages, to its variables, which say where two threads race. */
#include <relacy/relacy.hpp>

extern "C" {
void world_begin(int scenario);
void world_run(unsigned thread);
bool world_end(void);
extern char world[];
extern const size_t world_size;
extern const size_t world_atomics; /* how many 8-byte places are atomic … */
extern char *world_atomic[];       /* … and where */
void world_touch(unsigned page);
}

enum {
    PLACES = 400,
    ATOMICS = 16,
    PAGES = 192
};

struct shadow {
    rl::var<int> plain[PLACES];
    rl::atomic<unsigned long> atomics[ATOMICS];
    rl::var<int> pages[PAGES];
};

static shadow *now; /* the one of this iteration; NULL while the world is made and judged */
static int scenario;

static rl::atomic<unsigned long> *atomic_at(const volatile void *at) {
    for (size_t i = 0; i < world_atomics; i++)
        if ((const volatile void *) world_atomic[i] == at)
            return &now->atomics[i];
    return 0;
}

static rl::memory_order order_of(int order) {
    static const rl::memory_order orders[] = {rl::mo_relaxed, rl::mo_acquire, rl::mo_acquire,
                                              rl::mo_release, rl::mo_acq_rel, rl::mo_seq_cst};
    return orders[order];
}

static void plain(void *at, bool writes) {
    size_t place = (size_t) ((char *) at - world) / 8;
    if (now == 0 || (char *) at < world || (char *) at >= world + world_size)
        return;
    if (writes)
        now->plain[place]($) = 1;
    else
        (void) (int) now->plain[place]($);
}

void world_touch(unsigned page) {
    if (now != 0)
        now->pages[page]($) = 1;
}

#define PLAIN(size)                                          \
    extern "C" void __tsan_read##size(void *at) {            \
        plain(at, false);                                    \
    }                                                        \
    extern "C" void __tsan_write##size(void *at) {           \
        plain(at, true);                                     \
    }                                                        \
    extern "C" void __tsan_unaligned_read##size(void *at) {  \
        plain(at, false);                                    \
    }                                                        \
    extern "C" void __tsan_unaligned_write##size(void *at) { \
        plain(at, true);                                     \
    }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
extern "C" void __tsan_init(void) {
}

/* Real memory follows, for who looks at it when all is over. What is atomic and not listed is a
 * hart's own. */
#define RMW(bits, type, name, relacy, plain_value)                                           \
    extern "C" type __tsan_atomic##bits##_##name(volatile type *at, type value, int order) { \
        rl::atomic<unsigned long> *atomic = now ? atomic_at(at) : 0;                         \
        type before = *at;                                                                   \
        if (atomic != 0)                                                                     \
            before = (type) atomic->relacy(value, order_of(order), $);                       \
        *at = plain_value;                                                                   \
        return before;                                                                       \
    }
#define ATOMIC(bits, type)                                                                       \
    RMW(bits, type, fetch_or, fetch_or, before | value)                                          \
    RMW(bits, type, fetch_and, fetch_and, before &value)                                         \
    RMW(bits, type, fetch_sub, fetch_sub, before - value)                                        \
    RMW(bits, type, exchange, exchange, value)                                                   \
    extern "C" type __tsan_atomic##bits##_load(const volatile type *at, int order) {             \
        rl::atomic<unsigned long> *atomic = now ? atomic_at(at) : 0;                             \
        if (atomic == 0)                                                                         \
            return *at;                                                                          \
        type value = (type) atomic->load(order_of(order), $);                                    \
        if (atomic == &now->atomics[0] && value != 0)                                            \
            rl::yield(1, $);                                                                     \
        return value;                                                                            \
    }                                                                                            \
    extern "C" void __tsan_atomic##bits##_store(volatile type *at, type value, int order) {      \
        rl::atomic<unsigned long> *atomic = now ? atomic_at(at) : 0;                             \
        *at = value;                                                                             \
        if (atomic != 0)                                                                         \
            atomic->store(value, order_of(order), $);                                            \
    }                                                                                            \
    extern "C" type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected, \
                                                               type value, int order,            \
                                                               int fail_order) {                 \
        rl::atomic<unsigned long> *atomic = now ? atomic_at(at) : 0;                             \
        unsigned long before = *at;                                                              \
        if (atomic != 0) {                                                                       \
            before = expected;                                                                   \
            atomic->compare_exchange_strong(before, value, order_of(order), $,                   \
                                            order_of(fail_order), $);                            \
        }                                                                                        \
        if (before == expected)                                                                  \
            *at = value;                                                                         \
        return (type) before;                                                                    \
    }
ATOMIC(32, unsigned)
ATOMIC(64, unsigned long)

struct harts_test : rl::test_suite<harts_test, 2> {
    shadow s;
    void before() {
        now = 0;
        world_begin(scenario);
        for (size_t i = 0; i < world_atomics; i++) {
            unsigned long value = 0;
            memcpy(&value, world_atomic[i], i < 2 ? 4 : 8);
            s.atomics[i].store(value, rl::mo_relaxed, $);
        }
        for (int i = 0; i < PLACES; i++)
            s.plain[i]($) = 0;
        for (int i = 0; i < PAGES; i++)
            s.pages[i]($) = 0;
    }
    void thread(unsigned i) {
        now = &s;
        world_run(i);
    }
    void after() {
        now = 0;
        RL_ASSERT(world_end());
    }
};

int main() {
    for (scenario = 0; scenario < 4; scenario++) {
        rl::test_params p;
        p.search_type = rl::random_scheduler_type;
        p.iteration_count = 5000;
        p.execution_depth_limit = 5000;
        if (!rl::simulate<harts_test>(p))
            return 1;
    }
    return 0;
}
