/* Which backend serves a loop: io_uring when the kernel lets us use all of it, else epoll. Asking
 * for one by name means that one or an error. The reason is kept for the log. The loop's thread.
 */
#include "base/text.h"
#include "io/loop_internal.h"
#include "io/uring_probe.h"
#include <errno.h>
#include <stdio.h>

static int open_backend(struct loop *loop, const struct backend_ops *ops, enum loop_backend kind,
                        const struct loop_options *options, char *error)
{
    loop->ops = ops;
    loop->kind = kind;
    int result = ops->open(loop, options, error);
    if (result < 0)
        loop->ops = NULL;
    return result;
}

int backend_select(struct loop *loop, const struct loop_options *options, char *error)
{
    error[0] = '\0';
    if (options->backend == LOOP_BACKEND_EPOLL) {
        text_copy(loop->reason, sizeof(loop->reason), "epoll was asked for");
        return open_backend(loop, &backend_epoll_ops, LOOP_BACKEND_EPOLL, options, error);
    }
    struct uring_probe probe;
    int result = -ENOTSUP;
    if (uring_probe(&probe)) {
        result = open_backend(loop, &backend_uring_ops, LOOP_BACKEND_URING, options, error);
        if (result == 0) {
            text_copy(loop->reason, sizeof(loop->reason), probe.reason);
            return 0;
        }
    } else {
        text_copy(error, LOOP_REASON_MAX, probe.reason);
    }
    if (options->backend == LOOP_BACKEND_URING)
        return result;
    snprintf(loop->reason, sizeof(loop->reason), "io_uring is not usable: %.200s", error);
    error[0] = '\0';
    return open_backend(loop, &backend_epoll_ops, LOOP_BACKEND_EPOLL, options, error);
}
