/* Whether this kernel and this process may use io_uring as the loop needs it: asked of the kernel
 * by doing it once on a small ring, never concluded from a version. Any thread. */
#ifndef IO_URING_PROBE_H
#define IO_URING_PROBE_H

#include "base/assert.h"
#include <stdbool.h>
#include <stdint.h>

struct io_uring;

enum { URING_PROBE_REASON_MAX = 160, URING_COMPLETIONS_PER_ENTRY = 4 };

struct uring_probe {
    bool is_usable;
    bool has_defer_taskrun;              /* completions are made only when we ask for them */
    uint32_t setup_flags;                /* IORING_SETUP_* of the best ring that opened */
    char reason[URING_PROBE_REASON_MAX]; /* why not, or what was found */
};

/* Returns is_usable. */
bool uring_probe(struct uring_probe *probe);
/* Opens a ring of `entries` with the best flags this kernel takes (*flags receives them). 0 or
 * -errno. The calling thread is the only one that may use it. */
int uring_ring_open(struct io_uring *ring, uint32_t entries, uint32_t *flags) MUST_CHECK;

#endif
