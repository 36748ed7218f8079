/* What only several harts meet: programs of tests/harts, which tests/harts/build.sh has built, are
 * run here. Those whose allocator has a fault must say so. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINE = 256
};

/* Run a program, and let what it prints pass: its exit status. `wrong` gets its last line with this
 * word, from there on. */
static int run(const char *name, const char *arguments, const char *word, char wrong[LINE],
               bool prints) {
    char command[2 * LINE], line[2 * LINE];
    snprintf(command, sizeof(command), "'" PROGRAMS "/%s' %s 2>&1", name, arguments);
    FILE *output = popen(command, "r"); // NOLINT(cert-env33-c): its name is ours
    assert_non_null(output);
    wrong[0] = '\0';
    while (fgets(line, sizeof(line), output) != NULL) {
        if (prints)
            print_message("%s%s", line[0] == '#' ? "" : "# ", line);
        const char *at = strstr(line, word);
        if (at != NULL)
            snprintf(wrong, LINE, "%.*s", (int) strcspn(at, ";\n"), at);
    }
    int status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void every_interleaving_of_two_and_three_harts_is_right(void **state) {
    char wrong[LINE];
    (void) state;
    assert_int_equal(run("steps", "", "wrong: ", wrong, true), 0);
}

static void every_interleaving_is_right_where_words_have_a_lock(void **state) {
    char wrong[LINE];
    (void) state;
    assert_int_equal(run("steps_locked", "", "wrong: ", wrong, false), 0);
}

/* Each line of a list of tests/harts names a program NAME_N, that must end with 1, and say `word`.
 */
static void expect_all_found(const char *list_name, const char *name, const char *word) {
    char line[4 * LINE], program[LINE], wrong[LINE];
    FILE *list = fopen(list_name, "r");
    assert_non_null(list);
    int count = 0, missed = 0;
    while (fgets(line, sizeof(line), list) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        snprintf(program, sizeof(program), "%s_%d", name, ++count);
        bool is_found = run(program, "", word, wrong, false) == 1 && wrong[0] != '\0';
        line[strcspn(line, ":")] = '\0';
        print_message("# %s: %s\n", line, is_found ? wrong : "NOT FOUND");
        missed += !is_found;
    }
    fclose(list);
    assert_in_range(count, 4, 100);
    assert_int_equal(missed, 0);
}

static void each_fault_that_only_a_second_hart_meets_is_found(void **state) {
    (void) state;
    expect_all_found(LISTS "/faults", "faults", "wrong: ");
}

/* Under relacy, if it is there. */
static void memory_orders_are_strong_enough(void **state) {
    char wrong[LINE];
    (void) state;
    if (access(PROGRAMS "/orders_right", X_OK) != 0)
        skip();
    assert_int_equal(run("orders_right", "", "DATA RACE", wrong, false), 0);
}

static void no_memory_order_can_be_weaker(void **state) {
    (void) state;
    if (access(PROGRAMS "/orders_right", X_OK) != 0)
        skip();
    expect_all_found(LISTS "/orders", "orders", "DATA RACE");
}

static void threads_share_pages_without_a_race(void **state) {
    static const char *const arguments[] = {"2 20000", "3 10000", "4 5000", "8 2000"};
    char wrong[LINE];
    (void) state;
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
        assert_int_equal(run("stress", arguments[i], "WARNING", wrong, true), 0);
}

/* Of what it prints here nothing is to be believed. */
static void the_benchmark_comes_to_its_end(void **state) {
    char wrong[LINE];
    (void) state;
    assert_int_equal(run("bench", "640", "bench: ", wrong, false), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interleaving_of_two_and_three_harts_is_right),
        cmocka_unit_test(every_interleaving_is_right_where_words_have_a_lock),
#ifndef ONLY_STEPS
        cmocka_unit_test(each_fault_that_only_a_second_hart_meets_is_found),
        cmocka_unit_test(memory_orders_are_strong_enough),
        cmocka_unit_test(no_memory_order_can_be_weaker),
        cmocka_unit_test(threads_share_pages_without_a_race),
        cmocka_unit_test(the_benchmark_comes_to_its_end),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
