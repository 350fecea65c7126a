/* Asks the kernel for what the io_uring backend needs, by doing it: a ring, the operations, a
 * buffer ring, and one multishot receive from a socket pair through it. Any thread; leaves nothing
 * behind.
 */
#include "io/uring_probe.h"
#include "base/text.h"
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROBE_ENTRIES = 8, PROBE_BUFFERS = 2, PROBE_BUFFER_SIZE = 64 };

int uring_ring_open(struct io_uring *ring, uint32_t entries, uint32_t *flags)
{
    /* Best first. SUBMIT_ALL: one bad request does not hold up the rest of a batch. */
    const uint32_t common = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    const uint32_t choices[] = {
        common | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
            IORING_SETUP_TASKRUN_FLAG,
        common | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    };
    int result = -EINVAL;
    for (unsigned i = 0; i < sizeof(choices) / sizeof(choices[0]) && result == -EINVAL; i++) {
        struct io_uring_params params = {.flags = choices[i],
                                         .cq_entries = entries * URING_COMPLETIONS_PER_ENTRY};
        result = io_uring_queue_init_params(entries, ring, &params);
        *flags = choices[i];
    }
    return result;
}

static bool refuse(struct uring_probe *probe, const char *what, int error)
{
    probe->is_usable = false;
    snprintf(probe->reason, sizeof(probe->reason), "%s: %s", what, strerror(error));
    return false;
}

static bool has_operations(struct io_uring *ring, struct uring_probe *probe)
{
    const int needed[] = {IORING_OP_RECV,    IORING_OP_SEND,         IORING_OP_ACCEPT,
                          IORING_OP_CONNECT, IORING_OP_ASYNC_CANCEL, IORING_OP_POLL_ADD};
    struct io_uring_probe *operations = io_uring_get_probe_ring(ring);
    if (operations == NULL)
        return refuse(probe, "io_uring cannot be probed", ENOSYS);
    bool has_all = true;
    for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        has_all = has_all && io_uring_opcode_supported(operations, needed[i]);
    io_uring_free_probe(operations);
    if (!has_all)
        return refuse(probe, "io_uring lacks socket operations", ENOTSUP);
    /* Timed waits without a timer request, and completions that are never dropped. */
    if (!(ring->features & IORING_FEAT_EXT_ARG) || !(ring->features & IORING_FEAT_NODROP))
        return refuse(probe, "io_uring lacks timed waits", ENOTSUP);
    return true;
}

/* One multishot receive of one byte into a buffer that the kernel chose. */
static bool receives(struct io_uring *ring, int fd, int peer, struct uring_probe *probe)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return refuse(probe, "io_uring has no room", ENOBUFS);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    struct __kernel_timespec limit = {.tv_sec = 1};
    struct io_uring_cqe *cqe = NULL;
    if (write(peer, "x", 1) != 1)
        return refuse(probe, "socketpair", errno);
    int result = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &limit, NULL);
    if (result < 0 || cqe == NULL)
        return refuse(probe, "io_uring does not complete", result < 0 ? -result : ETIME);
    if (cqe->res != 1 || !(cqe->flags & IORING_CQE_F_BUFFER) || !(cqe->flags & IORING_CQE_F_MORE))
        return refuse(probe, "io_uring lacks multishot receive",
                      cqe->res < 0 ? -cqe->res : ENOTSUP);
    io_uring_cqe_seen(ring, cqe);
    return true;
}

static bool try_buffer_ring(struct io_uring *ring, void *memory, struct uring_probe *probe)
{
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)memory,
                                            .ring_entries = PROBE_BUFFERS};
    int result = io_uring_register_buf_ring(ring, &registration, 0);
    if (result < 0)
        return refuse(probe, "io_uring lacks buffer rings", -result);
    struct io_uring_buf_ring *buffers = memory;
    char *room = (char *)memory + sizeof(struct io_uring_buf) * PROBE_BUFFERS;
    for (int i = 0; i < PROBE_BUFFERS; i++)
        io_uring_buf_ring_add(buffers, room + (size_t)i * PROBE_BUFFER_SIZE, PROBE_BUFFER_SIZE,
                              (unsigned short)i, PROBE_BUFFERS - 1, i);
    io_uring_buf_ring_advance(buffers, PROBE_BUFFERS);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return refuse(probe, "socketpair", errno);
    bool is_received = receives(ring, pair[0], pair[1], probe);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return is_received;
}

bool uring_probe(struct uring_probe *probe)
{
    *probe = (struct uring_probe){0};
    struct io_uring ring;
    int result = uring_ring_open(&ring, PROBE_ENTRIES, &probe->setup_flags);
    if (result < 0)
        return refuse(probe, "io_uring is refused by the kernel", -result);
    probe->has_defer_taskrun = probe->setup_flags & IORING_SETUP_DEFER_TASKRUN;
    probe->is_usable = has_operations(&ring, probe);
    size_t page = 4096;
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        (void)refuse(probe, "mmap", errno);
    else if (probe->is_usable)
        probe->is_usable = try_buffer_ring(&ring, memory, probe);
    io_uring_queue_exit(&ring);
    if (memory != MAP_FAILED)
        (void)munmap(memory, page);
    if (probe->is_usable)
        text_copy(probe->reason, sizeof(probe->reason),
                  probe->has_defer_taskrun ? "io_uring with deferred completions"
                                           : "io_uring with cooperative completions");
    return probe->is_usable;
}
