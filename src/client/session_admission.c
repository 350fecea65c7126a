/* See session_admission.h. The deadlines of those that wait are in the order of the queue, since
 * the time limit is one for all: the first expires first. Only those that came from another thread
 * may stand behind younger ones; the sweep finds them. [I] */
#include "client/session_admission.h"

#include "base/clock.h"
#include "base/memory.h"
#include "client/session.h"
#include "io/address.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { POLL_BATCH = 64, TEXT_MAX = 256 };

/* Only makes a turn. */
static void on_timer(struct timer *timer)
{
    (void)timer;
}

void session_admission_init(struct session_host *host)
{
    timer_init(&host->admission.timer, on_timer);
}

void session_admission_deinit(struct session_host *host)
{
    assert(host->admission.waiting == 0);
    assert(host->admission.in_flight == 0);
    timer_stop(loop_timers(host->thread->loop), &host->admission.timer);
}

static struct io_stats *stats_of(struct session_host *host)
{
    return loop_stats(host->thread->loop);
}

/* -- the queue -- */

static void set_waiting(struct session_host *host, uint32_t waiting)
{
    io_stat_add(stats_of(host)->handshakes_waiting,
                (uint64_t)waiting - host->admission.waiting); /* wraps as it should */
    host->admission.waiting = waiting;
}

static void enqueue(struct session_host *host, struct session *session)
{
    struct session_admission *admission = &host->admission;
    assert(session->fd >= 0 && !session->is_waiting);
    session->is_waiting = true;
    session->next_waiting = NULL;
    if (admission->last)
        admission->last->next_waiting = session;
    else
        admission->first = session;
    admission->last = session;
    set_waiting(host, admission->waiting + 1);
}

/* Takes the session behind `previous` (NULL: the first) out. */
static struct session *dequeue(struct session_host *host, struct session *previous)
{
    struct session_admission *admission = &host->admission;
    struct session *session = previous ? previous->next_waiting : admission->first;
    assert(session && session->is_waiting);
    if (previous)
        previous->next_waiting = session->next_waiting;
    else
        admission->first = session->next_waiting;
    if (admission->last == session)
        admission->last = previous;
    session->next_waiting = NULL;
    session->is_waiting = false;
    set_waiting(host, admission->waiting - 1);
    return session;
}

/* -- dropping -- */

/* Closes a session that has no connection. */
static void drop(struct session *session, enum connection_outcome outcome, const char *what)
{
    char peer[ADDRESS_TEXT_MAX];
    char text[TEXT_MAX];
    address_of_peer(session->fd, peer);
    if (what) {
        snprintf(text, sizeof(text), "%s (peer %.100s)", what, peer);
        session->closed_text = mem_strdup(text);
    }
    close(session->fd);
    session->fd = -1;
    session_report_closed(session, outcome);
}

static void drop_expired(struct session_host *host, struct session *session)
{
    io_stat_add(stats_of(host)->handshakes_timed_out, 1);
    drop(session, OUTCOME_HANDSHAKE_TIMEOUT, "TLS handshake timed out before its turn came");
}

static void drop_gone(struct session_host *host, struct session *session)
{
    io_stat_add(stats_of(host)->handshakes_failed, 1);
    io_stat_add(stats_of(host)->failed_reset, 1);
    drop(session, OUTCOME_HANDSHAKE_FAILED,
         "TLS handshake failed: the peer closed the connection before its turn came");
}

static void refuse(struct session_host *host, struct session *session)
{
    io_stat_add(stats_of(host)->handshakes_refused, 1);
    drop(session, OUTCOME_HANDSHAKE_FAILED,
         "TLS handshake failed: too many connections wait for theirs");
}

/* Milliseconds that are left of the session's time; 0: it is over; INT64_MAX: there is no limit. */
static int64_t time_left_ms(const struct session_host *host, const struct session *session)
{
    int64_t limit_ms = host->settings.handshake_timeout_ms;
    if (limit_ms <= 0)
        return INT64_MAX;
    int64_t left_ms = session->accepted_ms + limit_ms - clock_ms();
    return left_ms > 0 ? left_ms : 0;
}

static void drop_all_expired(struct session_host *host)
{
    while (host->admission.first && time_left_ms(host, host->admission.first) == 0)
        drop_expired(host, dequeue(host, NULL));
}

/* Drops who is due of up to POLL_BATCH sessions behind `previous`; advances it. */
static unsigned sweep_some(struct session_host *host, struct session **previous)
{
    struct pollfd polled[POLL_BATCH];
    unsigned count = 0;
    struct session *session = *previous ? (*previous)->next_waiting : host->admission.first;
    for (; session && count < POLL_BATCH; session = session->next_waiting)
        polled[count++] = (struct pollfd){.fd = session->fd, .events = POLLRDHUP};
    bool is_polled = count > 0 && poll(polled, count, 0) > 0;
    for (unsigned i = 0; i < count; i++) {
        session = *previous ? (*previous)->next_waiting : host->admission.first;
        if (is_polled && polled[i].revents)
            drop_gone(host, dequeue(host, *previous));
        else if (time_left_ms(host, session) == 0)
            drop_expired(host, dequeue(host, *previous));
        else
            *previous = session;
    }
    return count;
}

/* Drops those whose peer closed or reset, or whose time is over, among the first `limit`. */
static void sweep(struct session_host *host, unsigned limit)
{
    struct session *previous = NULL;
    host->admission.swept_ms = clock_ms();
    for (unsigned seen = 0; seen < limit;) {
        unsigned count = sweep_some(host, &previous);
        if (count < POLL_BATCH)
            return;
        seen += count;
    }
}

static bool is_peer_gone(const struct session *session)
{
    struct pollfd polled = {.fd = session->fd, .events = POLLRDHUP};
    return poll(&polled, 1, 0) > 0 && polled.revents;
}

/* -- beginning -- */

static bool has_room(const struct session_host *host)
{
    int64_t limit = host->settings.handshakes_max;
    return limit <= 0 || (int64_t)host->admission.in_flight < limit;
}

static void begin(struct session_host *host, struct session *session)
{
    int64_t left_ms = time_left_ms(host, session);
    int fd = session->fd;
    session->fd = -1;
    session->is_handshaking = true;
    host->admission.in_flight++;
    session_connect(session, fd, left_ms == INT64_MAX ? 0 : left_ms);
}

static void begin_waiting(struct session_host *host)
{
    while (host->admission.first && has_room(host)) {
        struct session *session = dequeue(host, NULL);
        if (time_left_ms(host, session) == 0)
            drop_expired(host, session);
        else if (is_peer_gone(session))
            drop_gone(host, session);
        else
            begin(host, session);
    }
}

/* Waiting ones are looked at when the first one's time is over, and now and then. */
static void set_timer(struct session_host *host)
{
    struct timers *timers = loop_timers(host->thread->loop);
    struct session_admission *admission = &host->admission;
    if (!admission->first) {
        timer_stop(timers, &admission->timer);
        return;
    }
    if (admission->timer.is_active)
        return;
    int64_t left_ms = time_left_ms(host, admission->first);
    timer_start(timers, &admission->timer,
                left_ms < ADMISSION_SWEEP_MS ? left_ms : ADMISSION_SWEEP_MS);
}

void session_admit(struct session_host *host, struct session *session)
{
    struct session_admission *admission = &host->admission;
    if (!admission->first && has_room(host) && time_left_ms(host, session) > 0) {
        begin(host, session);
        return;
    }
    if (admission->waiting >= ADMISSION_WAITING_MAX) {
        drop_all_expired(host);
        if (clock_ms() - admission->swept_ms >= ADMISSION_SWEEP_MS)
            sweep(host, ADMISSION_WAITING_MAX);
    }
    if (admission->waiting >= ADMISSION_WAITING_MAX) {
        refuse(host, session);
        return;
    }
    enqueue(host, session);
    set_timer(host);
}

void session_admission_end(struct session *session)
{
    if (!session->is_handshaking)
        return;
    assert(session->host->admission.in_flight > 0);
    session->is_handshaking = false;
    session->host->admission.in_flight--;
}

void session_admission_leave(struct session *session)
{
    if (!session->is_handshaking)
        return;
    assert(session->host->admission.in_flight > 0);
    session->host->admission.in_flight--;
}

void session_admission_turn(struct session_host *host)
{
    struct session_admission *admission = &host->admission;
    if (!admission->first)
        return;
    drop_all_expired(host);
    if (clock_ms() - admission->swept_ms >= ADMISSION_SWEEP_MS)
        sweep(host, ADMISSION_SWEEP_MAX);
    begin_waiting(host);
    set_timer(host);
}

/* -- the end of a host, and of its thread -- */

void session_admission_stop(struct session_host *host)
{
    while (host->admission.first)
        drop(dequeue(host, NULL), OUTCOME_CLOSED_BY_US, NULL);
    set_timer(host);
}

void session_admission_retire(struct session_host *host)
{
    if (host->is_stopping)
        return;
    while (host->admission.first)
        session_recall_give(host, dequeue(host, NULL));
    set_timer(host);
    if (host->admission.in_flight == 0)
        return;
    for (struct session *session = host->sessions; session; session = session->next)
        if (session->is_handshaking && !session->is_dead && session->recalled_ms == 0)
            session_recall(host, session);
}

void session_admission_adopt(struct session_host *host, struct session *session)
{
    if (session->fd >= 0) {
        if (host->is_stopping)
            drop(session, OUTCOME_CLOSED_BY_US, NULL);
        else
            session_admit(host, session);
        return;
    }
    host->admission.in_flight++; /* it is under way: no question of room */
}
