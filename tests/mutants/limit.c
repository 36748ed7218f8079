/* limit MILLISECONDS PROGRAM [ARGUMENT]...: run a program, and end it after so much processor time.
 * The time by the clock would say how busy the machine is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    long ms = atol(argv[1]);
    struct itimerval limit = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_PROF, &limit, NULL); /* stays across the exec; SIGPROF ends a program */
    execv(argv[2], argv + 2);
    return 2;
}
