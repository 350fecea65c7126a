/* Sessions that cannot hear their peer leave: the client is blocked or paused (HELD), and so much
 * of its input waits that reading has stopped. While there are any, the socket itself is asked now
 * and then. A client that waits for others is not waited for (session_update_end). [I] */
#include "client/session.h"

#include <poll.h>

static bool is_deaf(const struct session *session)
{
    return session->is_held && session->is_reading_paused && !session->is_dead &&
           session->connection && !session->closes_after_output;
}

static bool has_peer_left(const struct session *session)
{
    struct pollfd polled = {.fd = connection_fd(session->connection), .events = POLLRDHUP};
    return poll(&polled, 1, 0) > 0 && polled.revents;
}

static void on_timer(struct timer *timer)
{
    struct session_host *host =
        (struct session_host *)(void *)((char *)timer - offsetof(struct session_host, deaf_timer));
    bool are_left = false;
    for (struct session *session = host->sessions; session; session = session->next) {
        if (!is_deaf(session))
            continue;
        if (has_peer_left(session))
            session_close(session, CONNECTION_CLOSE_NOW);
        else
            are_left = true;
    }
    if (are_left)
        timer_start(loop_timers(host->thread->loop), timer, SESSION_DEAF_MS);
}

void session_deaf_init(struct session_host *host)
{
    timer_init(&host->deaf_timer, on_timer);
}

void session_deaf_deinit(struct session_host *host)
{
    timer_stop(loop_timers(host->thread->loop), &host->deaf_timer);
}

void session_deaf_update(struct session *session)
{
    struct session_host *host = session->host;
    if (is_deaf(session) && !host->deaf_timer.is_active)
        timer_start(loop_timers(host->thread->loop), &host->deaf_timer, SESSION_DEAF_MS);
}
