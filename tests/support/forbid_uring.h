/* A system that refuses io_uring, for the rest of the process. */
#ifndef SUPPORT_FORBID_URING_H
#define SUPPORT_FORBID_URING_H

#include "base/assert.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* From here on io_uring_setup with `entries_min` entries or more fails with `error`, as in a
 * container that forbids it (0), or where little memory may be locked. */
static inline void forbid_io_uring(unsigned entries_min, int error)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, entries_min, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 6, .filter = rules};
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    assert(result == 0);
    result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    assert(result == 0);
}

#endif
