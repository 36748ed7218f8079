/* Every state that can be reached in a few pages, whatever is called in whatever order.
 *
 * The pages lie where tables have a border: between words, between the words of their summaries,
 * between chunks, and between blocks of the largest order. tests/Makefile makes this program twice:
 * with alloc/ as it is, and with words of 8 bits and all else as small, where few pages have many
 * borders. FREERAM_LONG=1 in the environment makes the windows larger, as far as memory goes. */
#define _POSIX_C_SOURCE 200809L
#include "explore.h"
#include "../../alloc/words.h"

#include <stdlib.h>
#include <time.h>

#define BLOCK (MAX_ALIGN / PAGE_SIZE)   /* pages of the largest blocks */
#define LEVEL_1 (WORD_BITS * WORD_BITS) /* pages of a word of summaries, and of the next one up */
#define LEVEL_2 (WORD_BITS * LEVEL_1)

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static size_t usual_or_long(size_t usual, size_t when_long) {
    return getenv("FREERAM_LONG") != NULL ? when_long : usual;
}

/* The same, but fewer where a stage remembers more than the pages. */
static size_t most_pages(const struct trial *t, size_t least, size_t usual, size_t when_long) {
    size_t most = usual_or_long(usual, when_long), fewer = t->candidate->fewer;
    return most > least + fewer ? most - fewer : least;
}

/* ---- what is explored ---- */

/* Pages with these indices, to be added in every way. They are the whole span if the first block
 * has the first of them; if not, the span begins in that, and the rest of it stays absent. */
static struct window pages_from(size_t first, size_t pages) {
    size_t begin = first < BLOCK ? first : BLOCK - 1;
    return (struct window){.start = after(RAM, begin),
                           .span_pages = first + pages - begin,
                           .first = first - begin,
                           .pages = pages,
                           .adds = true};
}

/* The same, half of them on either side of the border between two words, summaries or blocks. */
static struct window pages_around(size_t border, size_t pages) {
    return pages_from(border - pages / 2, pages);
}

/* The same at the end of a span that begins where the tables do. */
static struct window last_pages_to(size_t end, size_t pages) {
    return (struct window){
        .start = RAM, .span_pages = end, .first = end - pages, .pages = pages, .adds = true};
}

/* Of all windows and stages, for the last line. */
static struct {
    size_t states, transitions;
    struct flips flips;
} sum;

/* Print what was seen, and how to come to what is wrong. */
static void conclude(struct exploration *e, bool is_right, double begin) {
    const struct window *w = &e->window;
    size_t first = w->start % MAX_ALIGN / PAGE_SIZE + w->first;
    print_message("# %s, pages %zu to %zu, %s: %zu states, %zu transitions, %.1f s\n",
                  alloc_stage_name(e->t->candidate->stage), first, first + w->pages - 1,
                  w->adds ? "added in every way" : "added before", e->states.count, e->transitions,
                  seconds() - begin);
    sum.states += e->states.count;
    sum.transitions += e->transitions;
    if (!is_right)
        explore_print_way(e);
    explore_end(e);
    assert_true(is_right);
}

/* Two hands remember in which order pages came, so that few pages have many states: of harts the
 * larger windows are left out. Pages 62 to 65, added in every way, are 228,411 states. */
static bool is_too_large(const struct trial *t, const struct window *window) {
    size_t added = 0;
    for (size_t i = 0; i < PIECES; i++)
        added += window->added[i].n;
    if (t->candidate->structs == 0)
        return false;
    if (window->adds)
        return window->pages > (window->span_pages <= LEVEL_1 ? 3 : usual_or_long(2, 3));
    return window->pages > 16 || added > usual_or_long(5, 8);
}

static void explore_window(struct trial *t, struct window window) {
    struct exploration e;
    if (is_too_large(t, &window))
        return;
    double begin = seconds();
    explore_begin(&e, t, &window);
    bool is_right = explore(&e);
    conclude(&e, is_right, begin);
}

static void print_flips(const struct flips *f) {
    double all = (double) (f->noticed + f->reached + f->harmless) / 100;
    print_message(
        "# %.0f bits flipped in %zu states: %.3f %% noticed, %.3f %% lead to other states, "
        "%.3f %% harmless\n",
        all * 100, f->states, (double) f->noticed / all, (double) f->reached / all,
        (double) f->harmless / all);
}

static void explore_and_flip(struct trial *t, struct window window, size_t most) {
    struct exploration e;
    struct flips flips = {0};
    /* A bit that nothing notices doubles the states: so harts has too many. */
    if (t->candidate->structs > 0)
        return;
    double begin = seconds();
    explore_begin(&e, t, &window);
    bool is_right = explore(&e) && explore_flips(&e, most, &flips);
    print_flips(&flips);
    sum.flips.states += flips.states;
    sum.flips.noticed += flips.noticed;
    sum.flips.reached += flips.reached;
    sum.flips.harmless += flips.harmless;
    conclude(&e, is_right, begin);
}

/* ---- memory added in every way ---- */

static void every_state_of_pages_in_one_word_is_right(void **state) {
    explore_window(*state, pages_from(1, usual_or_long(7, 9)));
}

static void every_state_of_few_pages_anywhere_around_a_word_border_is_right(void **state) {
    for (size_t pages = 1; pages <= usual_or_long(5, 7); pages++)
        for (size_t before = 0; before <= pages; before++)
            explore_window(*state, pages_from(WORD_BITS - before, pages));
}

static void every_state_of_pages_around_a_summary_border_is_right(void **state) {
    explore_window(*state, pages_around(LEVEL_1, most_pages(*state, 5, 6, 8)));
    explore_window(*state, last_pages_to(LEVEL_1 + 2, usual_or_long(5, 7)));
}

static void every_state_of_pages_around_the_next_summary_border_is_right(void **state) {
    explore_window(*state, last_pages_to(LEVEL_2 + 1, usual_or_long(4, 6)));
    explore_window(*state, last_pages_to(LEVEL_2 + 2, usual_or_long(4, 6)));
}

/* Where the tree and the buddy have borders of their own, whatever a word has. */
static void every_state_of_pages_around_a_chunk_border_is_right(void **state) {
    explore_window(*state, last_pages_to(8 * WORD_BITS + 3, usual_or_long(5, 7)));
}

static void every_state_of_pages_around_a_block_border_is_right(void **state) {
    explore_window(*state, last_pages_to(BLOCK + 2, usual_or_long(4, 6)));
    explore_window(*state, pages_around(3 * BLOCK, most_pages(*state, 3, 4, 6)));
}

static void every_state_of_the_first_pages_of_the_address_space_is_right(void **state) {
    size_t pages = usual_or_long(5, 7);
    explore_window(*state, (struct window){.span_pages = pages, .pages = pages, .adds = true});
}

static void every_state_of_the_last_pages_of_the_address_space_is_right(void **state) {
    struct window window = pages_from(0, usual_or_long(5, 7));
    window.start = 0 - window.pages * PAGE_SIZE;
    explore_window(*state, window);
}

/* ---- memory added before ---- */

static void every_state_of_a_long_run_is_right(void **state) {
    struct window window = pages_from(WORD_BITS - 5, most_pages(*state, 1, 11, 14));
    window.adds = false;
    window.added[0] = (struct piece){0, window.pages};
    explore_window(*state, window);
}

static void every_state_of_pieces_that_touch_added_from_the_top_down_is_right(void **state) {
    struct window window = pages_from(WORD_BITS - 5, most_pages(*state, 7, 10, 13));
    window.adds = false;
    window.added[0] = (struct piece){window.pages - 3, 3};
    window.added[1] = (struct piece){3, window.pages - 6};
    window.added[2] = (struct piece){0, 3};
    explore_window(*state, window);
}

static void every_state_of_pieces_apart_is_right(void **state) {
    struct window window = pages_from(WORD_BITS - 3, most_pages(*state, 9, 12, 15));
    window.adds = false;
    window.added[0] = (struct piece){8, window.pages - 8};
    window.added[1] = (struct piece){0, 2};
    window.added[2] = (struct piece){3, 4};
    explore_window(*state, window);
}

/* The end of a word, the middle of the next, and the start of the one behind it. */
static void every_state_of_pieces_in_different_words_is_right(void **state) {
    struct window window = pages_from(2 * WORD_BITS - 3, WORD_BITS + 6);
    size_t pages = most_pages(*state, 1, 2, 3);
    window.adds = false;
    window.added[0] = (struct piece){WORD_BITS + 3, pages};
    window.added[1] = (struct piece){WORD_BITS / 2, pages};
    window.added[2] = (struct piece){0, pages + 1};
    explore_window(*state, window);
}

/* ---- flipped bits ---- */

static void a_flipped_bit_is_noticed_or_what_is_left_is_right(void **state) {
    static const size_t borders[] = {2, WORD_BITS, 8 * WORD_BITS, LEVEL_1};
    for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++)
        explore_and_flip(*state, pages_around(borders[i], most_pages(*state, 2, 4, 5)),
                         SIZE_MAX / 2);
}

static void a_flipped_bit_of_a_sample_of_states_is_noticed_or_what_is_left_is_right(void **state) {
    explore_and_flip(*state, pages_around(WORD_BITS, most_pages(*state, 2, 7, 7)),
                     usual_or_long(20, 200));
}

/* Of the tables and ranges, some bytes are never written until they are needed. What is there does
 * not change anything: not one state, not one answer. Only where a stage leaves behind what it
 * needs no more, noughts can be what a call had left there, and two states are one then. */
static void what_page_init_leaves_as_it_is_means_nothing(void **state) {
    struct trial *t = *state;
    static const unsigned char garbage[] = {0xaa, 0x55, 0xff, 0x00};
    size_t states = 0, transitions = 0;
    for (size_t i = 0; i < sizeof(garbage); i++) {
        struct exploration e;
        struct window window = pages_around(WORD_BITS, most_pages(t, 2, 5, 5));
        t->garbage = garbage[i];
        explore_begin(&e, t, &window);
        bool is_right = explore(&e);
        bool same = e.states.count == states && e.transitions == transitions;
        bool fewer = garbage[i] == 0 && t->candidate->fewer > 0 && e.states.count < states;
        is_right = is_right && (i == 0 || same || fewer);
        states = e.states.count;
        transitions = e.transitions;
        conclude(&e, is_right, seconds());
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_pages_in_one_word_is_right),
        cmocka_unit_test(every_state_of_few_pages_anywhere_around_a_word_border_is_right),
        cmocka_unit_test(every_state_of_pages_around_a_summary_border_is_right),
        cmocka_unit_test(every_state_of_pages_around_the_next_summary_border_is_right),
        cmocka_unit_test(every_state_of_pages_around_a_chunk_border_is_right),
        cmocka_unit_test(every_state_of_pages_around_a_block_border_is_right),
        cmocka_unit_test(every_state_of_the_first_pages_of_the_address_space_is_right),
        cmocka_unit_test(every_state_of_the_last_pages_of_the_address_space_is_right),
        cmocka_unit_test(every_state_of_a_long_run_is_right),
        cmocka_unit_test(every_state_of_pieces_that_touch_added_from_the_top_down_is_right),
        cmocka_unit_test(every_state_of_pieces_apart_is_right),
        cmocka_unit_test(every_state_of_pieces_in_different_words_is_right),
        cmocka_unit_test(a_flipped_bit_is_noticed_or_what_is_left_is_right),
        cmocka_unit_test(a_flipped_bit_of_a_sample_of_states_is_noticed_or_what_is_left_is_right),
        cmocka_unit_test(what_page_init_leaves_as_it_is_means_nothing),
    };
    int status = run_trials(tests, sizeof(tests) / sizeof(tests[0]), any_stage);
    print_message("# words of %zu bits, together: %zu states, %zu transitions\n", WORD_BITS,
                  sum.states, sum.transitions);
    print_flips(&sum.flips);
    return status;
}
