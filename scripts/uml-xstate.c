/* Lets Debian 12's user-mode Linux run on processors with AMX (scripts/run-in-uml.sh preloads it there).
 *
 * The guest's kernel keeps a fixed 2.6 KB of a process's vector registers and writes back as much. A host with AMX takes
 * only the whole state, 11 KB, and refuses, at which the guest dies. So the rest is filled in with what it is anyway.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static long (*real)(int, int, void *, void *);

__attribute__((constructor)) static void find(void) {
    *(void **)&real = dlsym(RTLD_NEXT, "ptrace");
}

long ptrace(enum __ptrace_request request, ...) {
    static char whole[64 * 1024];
    va_list rest;
    va_start(rest, request);
    int process = va_arg(rest, int);
    void *address = va_arg(rest, void *), *data = va_arg(rest, void *);
    va_end(rest);
    if (request != PTRACE_SETREGSET || (long)address != NT_X86_XSTATE)
        return real(request, process, address, data);
    struct iovec state = {whole, sizeof whole}, *part = data;
    if (real(PTRACE_GETREGSET, process, address, &state) < 0)
        return -1;
    memcpy(whole, part->iov_base, part->iov_len < state.iov_len ? part->iov_len : state.iov_len);
    return real(PTRACE_SETREGSET, process, address, &state);
}
