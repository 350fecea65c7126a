/* A session between two threads: recalled from one, adopted by the next. See session_message.h for
 * the contract. The session comes to rest by itself: each completion that its connection waits for
 * makes a turn, whose end tries again; the timer only ends the trying. [I] */
#include "base/clock.h"
#include "client/session.h"

/* Only makes a turn. */
static void on_recall_timer(struct timer *timer)
{
    (void)timer;
}

void session_recall_init(struct session_host *host)
{
    timer_init(&host->recall_timer, on_recall_timer);
}

void session_recall_deinit(struct session_host *host)
{
    assert(!host->recalled);
    timer_stop(loop_timers(host->thread->loop), &host->recall_timer);
}

void session_recall(struct session_host *host, struct session *session)
{
    assert(session->host == host);
    if (session->is_dead)
        return; /* CLOSED is the answer */
    assert(session->recalled_ms == 0);
    session->recalled_ms = clock_ms();
    session->next_recalled = host->recalled;
    host->recalled = session;
    connection_begin_detach(session->connection);
}

/* It is closed before it has left. */
void session_recall_drop(struct session *session)
{
    if (session->recalled_ms == 0)
        return;
    struct session **link = &session->host->recalled;
    while (*link != session)
        link = &(*link)->next_recalled;
    *link = session->next_recalled;
    session->recalled_ms = 0;
}

void session_recall_give(struct session_host *host, struct session *session)
{
    session_stall_leave(session);
    session_unlink(host, session);
    session->host = NULL;
    io_thread_report(host->thread, (struct message){.type = SESSION_RETURNED,
                                                    .value = true,
                                                    .a = session->client,
                                                    .b = session});
}

/* True when the trying is over. Main waits for an answer about those that it knows, the open ones.
 */
static bool try_return(struct session_host *host, struct session *session)
{
    bool has_left = connection_try_detach(session->connection);
    if (!has_left) {
        if (clock_ms() - session->recalled_ms < SESSION_RECALL_LIMIT_MS)
            return false;
        connection_cancel_detach(session->connection);
    }
    session->recalled_ms = 0;
    if (has_left) {
        session_admission_leave(session);
        session_recall_give(host, session);
    } else if (!session->is_handshaking) {
        io_thread_report(
            host->thread,
            (struct message){.type = SESSION_RETURNED, .a = session->client, .b = session});
    }
    return true;
}

void session_recall_turn(struct session_host *host)
{
    struct session **link = &host->recalled;
    while (*link) {
        struct session *session = *link;
        struct session *next = session->next_recalled;
        if (try_return(host, session)) /* main may have it from now on */
            *link = next;
        else
            link = &session->next_recalled;
    }
    if (host->recalled && !host->recall_timer.is_active)
        timer_start(loop_timers(host->thread->loop), &host->recall_timer, SESSION_RECALL_LIMIT_MS);
}

void session_adopt(struct session_host *host, struct session *session)
{
    assert(!session->host && !session->is_dead);
    session->host = host;
    session_link(host, session);
    session->limits.bulk_size_max = host->settings.bulk_size_max;
    session->limits.query_size_max = host->settings.query_size_max;
    bool is_without_connection = session->fd >= 0;
    if (is_without_connection || session->is_handshaking)
        session_admission_adopt(host, session);
    if (is_without_connection)
        return;
    session_stall_adopt(session);
    session_deaf_update(session);
    connection_attach(host->thread->loop, session->connection);
    if (!host->is_stopping)
        return;
    if (session->is_in_flight) /* the replies follow; they are the last */
        session_close_after_output(session);
    else
        session_close(session, CONNECTION_CLOSE_AFTER_OUTPUT);
}
