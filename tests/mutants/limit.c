/* limit MILLISECONDS SECONDS PROGRAM [ARGUMENT]...: run a program, and end it after so much time of
 * the processor. Time by the clock would say how busy the machine is; yet a guest that waits for
 * good uses no processor, so that ends it too, unless SECONDS is 0. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

/* A process that ends its parent, which is to be the program, and goes when that has gone. */
static void watch(unsigned seconds) {
    pid_t program = getpid();
    if (fork() != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int file = 0; file < 16; file++)
        close(file); /* who reads what the program prints waits for all who could */
    sleep(seconds);
    if (getppid() == program)
        kill(program, SIGKILL);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    long ms = atol(argv[1]);
    unsigned seconds = (unsigned) atol(argv[2]);
    if (seconds > 0)
        watch(seconds);
    struct itimerval limit = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_PROF, &limit, NULL); /* stays across the exec; SIGPROF ends a program */
    execvp(argv[3], argv + 3);
    return 2;
}
