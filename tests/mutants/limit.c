/* limit MILLISECONDS SECONDS PROGRAM [ARGUMENT]...: run a program, and end it after so much time of
 * the processor. Time by the clock would say how busy the machine is. But a guest of QEMU's that
 * waits for good uses no processor: so that ends it too, after so many seconds, unless they are 0.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

/* Does a thread of the process run, or would, if it were let? */
static bool is_busy(pid_t pid) {
    char path[sizeof("/proc//task/") + 2 * 20 + sizeof("/stat")];
    snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
    DIR *threads = opendir(path);
    bool busy = false;
    if (!threads)
        return true;
    for (struct dirent *thread; !busy && (thread = readdir(threads));) {
        char text[512] = "";
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", (int) pid, thread->d_name);
        FILE *file = thread->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!file)
            continue;
        if (fgets(text, sizeof(text), file)) {
            const char *name_end = strrchr(text, ')'); /* the state is the next word */
            busy = name_end && (name_end[2] == 'R' || name_end[2] == 'D');
        }
        fclose(file);
    }
    closedir(threads);
    return busy;
}

/* A process that ends its parent, which is to be the program, and goes when that has gone. */
static void watch(long seconds) {
    pid_t program = getpid();
    if (fork() != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int file = 0; file < 16; file++)
        close(file); /* who reads what the program prints waits for all who could */
    /* Looks that found it idle. One that did not may have met a timer of QEMU's own. */
    for (long idle = 0; idle < seconds * 10; usleep(100 * 1000))
        idle = is_busy(program) ? idle - (idle < 5 ? idle : 5) : idle + 1;
    if (getppid() == program)
        kill(program, SIGKILL);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    long ms = atol(argv[1]), seconds = atol(argv[2]);
    if (seconds > 0)
        watch(seconds);
    struct itimerval limit = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_PROF, &limit, NULL); /* stays across the exec; SIGPROF ends a program */
    execvp(argv[3], argv + 3);
    return 2;
}
