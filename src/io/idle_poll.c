/* See idle_poll.h. */
#include "io/idle_poll.h"

#include "base/clock.h"

enum { AVERAGE_SHIFT = 3, GAP_NS_MAX = 1000 * 1000, LOOKS_PER_CLOCK = 16 };

static void update(struct idle_poll *poll, int64_t gap_ns)
{
    if (gap_ns > GAP_NS_MAX)
        gap_ns = GAP_NS_MAX;
    poll->gap_ns += (gap_ns - poll->gap_ns) / (1 << AVERAGE_SHIFT);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

void idle_poll_slept(struct idle_poll *poll, int64_t slept_ns)
{
    update(poll, slept_ns);
}

bool idle_poll_wait(struct idle_poll *poll, bool (*has_work)(void *context), void *context)
{
    if (has_work(context))
        return true;
    if (poll->gap_ns > IDLE_POLL_GAP_NS_MAX)
        return false;
    int64_t begin_ns = clock_read_ns();
    int64_t spent_ns = 0;
    while (spent_ns < IDLE_POLL_NS_MAX) {
        for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
            if (has_work(context)) {
                update(poll, clock_read_ns() - begin_ns);
                return true;
            }
            relax();
        }
        spent_ns = clock_read_ns() - begin_ns;
    }
    /* In vain: counts double, so that a few misses end the looking. */
    update(poll, 2 * IDLE_POLL_NS_MAX + poll->gap_ns);
    return false;
}
