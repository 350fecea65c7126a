/* What the two-thread programs share: checks that count, a generator of one's own per thread,
 * sleeping on an eventfd with a limit that only a lost wake-up reaches. Included once a program. */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include "io/wakeup.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_THREAD__
enum { STRESS_DIVISOR = 20 };
#else
enum { STRESS_DIVISOR = 1 };
#endif

enum { LOST_WAKEUP_MS = 20000 };

static int stress_passed;
static int stress_failed;

/* The test that is running has failed; written by both threads, read after both were joined. */
static int stress_is_broken;

#define STRESS_CHECK(condition, ...)                                                               \
    do {                                                                                           \
        if (!(condition) && !__atomic_exchange_n(&stress_is_broken, 1, __ATOMIC_RELAXED)) {        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

static inline bool stress_must_end(void)
{
    return __atomic_load_n(&stress_is_broken, __ATOMIC_RELAXED) != 0;
}

static inline uint32_t stress_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* 1..maximum, small ones as likely as large ones. */
static inline uint32_t stress_random_size(uint64_t *state, uint32_t maximum)
{
    uint32_t bound = maximum >> stress_random(state) % 8;
    return 1 + stress_random(state) % (bound ? bound : 1);
}

/* Waits for the eventfd; false when nothing came for so long that the wake-up must be lost. */
static inline bool stress_sleep(struct wakeup *wakeup, int timeout_ms)
{
    struct pollfd slot = {.fd = wakeup->fd, .events = POLLIN};
    int count = poll(&slot, 1, timeout_ms);
    while (count < 0 && errno == EINTR)
        count = poll(&slot, 1, timeout_ms);
    wakeup_end_sleep(wakeup);
    if (count > 0)
        wakeup_drain(wakeup);
    return count > 0;
}

static inline pthread_t stress_start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, argument);
    assert(error == 0);
    return thread;
}

static inline void stress_end_test(const char *name)
{
    if (stress_is_broken) {
        printf("FAILED: %s\n", name);
        stress_failed++;
    } else {
        stress_passed++;
    }
    stress_is_broken = 0;
}

static inline int stress_report(void)
{
    printf("%d passed, %d failed\n", stress_passed, stress_failed);
    return stress_failed ? 1 : 0;
}

#endif
