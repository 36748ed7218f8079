/* Calls as data. */
#include "calls.h"

enum alloc_error make_call(struct trial *t, const struct call *call, paddr_t *out) {
    switch (call->kind) {
    case CALL_MANAGE:
        manage(t, call->paddr, call->size);
        return ALLOC_OK;
    case CALL_ADD:
        return try_add(t, call->paddr, call->size);
    case CALL_ALLOC:
        return try_alloc(t, call->n, call->align, out);
    case CALL_ALLOC_AT:
        return try_alloc_at(t, call->paddr, call->n);
    case CALL_FREE:
        break;
    }
    return try_free(t, call->paddr, call->n);
}

/* A number of bytes, in pages if it is some. */
static void print_bytes(size_t bytes, const char *behind) {
    if (bytes == PAGE_SIZE)
        print_error("PAGE_SIZE%s", behind);
    else if (bytes % PAGE_SIZE == 0 && bytes != 0)
        print_error("%zu * PAGE_SIZE%s", bytes / PAGE_SIZE, behind);
    else
        print_error("%zu%s", bytes, behind);
}

void print_call(const struct call *call) {
    switch (call->kind) {
    case CALL_MANAGE:
        print_error("#     manage(t, 0x%zx, ", (size_t) call->paddr);
        print_bytes(call->size, ");\n");
        return;
    case CALL_ADD:
        print_error("#     try_add(t, 0x%zx, ", (size_t) call->paddr);
        print_bytes(call->size, ");\n");
        return;
    case CALL_ALLOC:
        print_error("#     try_alloc(t, %zu, ", call->n);
        print_bytes(call->align, ", &out);\n");
        return;
    case CALL_ALLOC_AT:
        print_error("#     try_alloc_at(t, 0x%zx, %zu);\n", (size_t) call->paddr, call->n);
        return;
    case CALL_FREE:
        print_error("#     try_free(t, 0x%zx, %zu);\n", (size_t) call->paddr, call->n);
        return;
    }
}
