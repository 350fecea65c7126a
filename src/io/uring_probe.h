/* Whether this kernel and this process may use io_uring as the loop needs it: asked of the kernel by
 * doing it once on a small ring, never concluded from a version. Any thread. */
#ifndef IO_URING_PROBE_H
#define IO_URING_PROBE_H

#include <stdbool.h>
#include <stdint.h>

enum { URING_PROBE_REASON_MAX = 160 };

struct uring_probe {
    bool is_usable;
    bool has_defer_taskrun; /* SINGLE_ISSUER and DEFER_TASKRUN are accepted */
    uint32_t setup_flags;   /* IORING_SETUP_* of the best ring that opened */
    char reason[URING_PROBE_REASON_MAX]; /* why not, or what was found */
};

/* Returns is_usable. */
bool uring_probe(struct uring_probe *probe);

#endif
