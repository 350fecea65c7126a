/* See wakeup.h for the protocol. [X] */
#include "io/wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wakeup_init(struct wakeup *wakeup)
{
    wakeup->is_sleeping = 0;
    wakeup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wakeup->fd < 0 ? -errno : 0;
}

void wakeup_deinit(struct wakeup *wakeup)
{
    if (wakeup->fd >= 0)
        close(wakeup->fd);
    wakeup->fd = -1;
}

/* ThreadSanitizer does not model fences; a sequentially consistent read-modify-write of the flag
 * serves in their place there, in both functions below. Elsewhere it would not do: it is no fence
 * in C11, and a later load may pass it on ARM. */
void wakeup_announce_sleep(struct wakeup *wakeup)
{
#ifdef __SANITIZE_THREAD__
    (void)__atomic_exchange_n(&wakeup->is_sleeping, 1, __ATOMIC_SEQ_CST);
#else
    __atomic_store_n(&wakeup->is_sleeping, 1, __ATOMIC_RELAXED);
    /* W1: the flag is seen before the queues are looked at; pairs with W2 in wakeup_signal */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

void wakeup_end_sleep(struct wakeup *wakeup)
{
    __atomic_store_n(&wakeup->is_sleeping, 0, __ATOMIC_RELAXED);
}

void wakeup_drain(struct wakeup *wakeup)
{
    uint64_t count;
    while (read(wakeup->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

static uint32_t load_after_publication(struct wakeup *wakeup)
{
#ifdef __SANITIZE_THREAD__
    return __atomic_fetch_add(&wakeup->is_sleeping, 0, __ATOMIC_SEQ_CST);
#else
    /* W2: pairs with W1 in wakeup_announce_sleep */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&wakeup->is_sleeping, __ATOMIC_RELAXED);
#endif
}

bool wakeup_signal(struct wakeup *wakeup)
{
    if (!load_after_publication(wakeup))
        return false;
    /* Pairs with the same line on other threads: of several producers one pays. */
    if (!__atomic_exchange_n(&wakeup->is_sleeping, 0, __ATOMIC_ACQ_REL))
        return false; /* another producer was faster */
    uint64_t one = 1;
    while (write(wakeup->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    return true;
}
