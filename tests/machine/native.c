/* The machine on the host: boots firmware and a kernel, its console is ours. Exit status: what the
 * test device was told; 125 if the machine stopped otherwise.
 *
 *   native FIRMWARE KERNEL MIB [STEPS]
 */
#include "../../site/machine/device.h"
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: native FIRMWARE KERNEL MIB [STEPS]\n");
        return 2;
    }
    uint64_t most = argc > 4 ? strtoull(argv[4], NULL, 0) : UINT64_MAX;
    host_boot(argv[1], argv[2], NULL, strtoull(argv[3], NULL, 0));
    enum stop stop = RUNNING;
    while (stop == RUNNING && hart.steps < most) {
        uint64_t left = most - hart.steps;
        stop = machine_run(left < 1 << 20 ? left : 1 << 20);
        fwrite(uart_output, 1, uart_output_size, stdout);
        uart_output_size = 0;
    }
    fflush(stdout);
    if (stop == POWER_OFF)
        return (int) hart.exit_code;
    fprintf(stderr, "native: stopped after %llu steps: %s\n", (unsigned long long) hart.steps,
            stop == REFUSED   ? hart.refusal
            : stop == WAITING ? "it waits for an interrupt that cannot come"
            : stop == RESET   ? "it wants to boot again"
                              : "no more steps were asked for");
    return 125;
}
