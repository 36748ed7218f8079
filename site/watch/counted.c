/* The counters of coverage, for the page to read: how often each piece of alloc/ ran.
 *
 * A third WebAssembly of the same sources is compiled with -fprofile-instr-generate, by which clang
 * has each function count its pieces in memory. A library of clang's writes them to disk when a
 * program ends. This stands in that library's place: there is no disk, and no end. ../listing.mjs
 * makes lines of counters. */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))

/* ---- what the library would have ---- */

/* Each object wants it, lest it be linked without the library. */
extern int __llvm_profile_runtime;
int __llvm_profile_runtime;

/* Before clang 20, what begins a program is to tell of each function. It is never called: the
 * linker knows where all of them lie. */
void __llvm_profile_register_function(void *function);
void __llvm_profile_register_names_function(void *names, uint64_t size);

void __llvm_profile_register_function(void *function) {
    (void) function;
}

void __llvm_profile_register_names_function(void *names, uint64_t size) {
    (void) names;
    (void) size;
}

/* ---- what the page asks ---- */

/* The linker's names for the ends of two sections: a record of each function, and the counters. */
extern const uint64_t __start___llvm_prf_data[], __stop___llvm_prf_data[];
extern uint64_t __start___llvm_prf_cnts[], __stop___llvm_prf_cnts[];

EXPORT(functions_at) const uint64_t *functions_at(void) {
    return __start___llvm_prf_data;
}

EXPORT(functions_end) const uint64_t *functions_end(void) {
    return __stop___llvm_prf_data;
}

EXPORT(counters_at) uint64_t *counters_at(void) {
    return __start___llvm_prf_cnts;
}

EXPORT(counter_count) unsigned counter_count(void) {
    return (unsigned) (__stop___llvm_prf_cnts - __start___llvm_prf_cnts);
}
