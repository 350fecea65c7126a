/* See metrics_connections.h. */
#include "server/metrics_connections.h"

#include "server/metrics_tls.h"
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <limits.h>
#include <stddef.h>

enum { OWN_EVENTS = 2 /* the listener's and main's */ };

static int count_reading(const struct event_base *base, const struct event *event, void *count)
{
    (void)base;
    if (event_get_events(event) & EV_READ)
        ++*(int *)count;
    return 0;
}

/* libevent tells nobody when a connection ends, but every one of them waits for input, also while
 * it is answered: for the other side's close. */
static int count_connections(struct event_base *base)
{
    int count = -OWN_EVENTS;
    (void)event_base_foreach_event(base, count_reading, &count);
    return count;
}

/* An event is only kept for later where there is a callback. */
static void on_nothing(struct bufferevent *event, short what, void *context)
{
    (void)event;
    (void)what;
    (void)context;
}

/* Never gives the HTTP server anything to read, and ends as if the client had closed, once the
 * server has its callbacks in place. */
static struct bufferevent *refuse(struct event_base *base)
{
    struct bufferevent *event = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!event)
        return NULL;
    bufferevent_setwatermark(event, EV_READ, INT_MAX, 0);
    bufferevent_setcb(event, NULL, NULL, on_nothing, NULL);
    bufferevent_trigger_event(event, BEV_EVENT_READING | BEV_EVENT_EOF, BEV_TRIG_DEFER_CALLBACKS);
    return event;
}

struct bufferevent *metrics_connections_accept(struct event_base *base, void *tls)
{
    if (count_connections(base) >= METRICS_CONNECTIONS_MAX)
        return refuse(base);
    struct bufferevent *event = tls ? metrics_tls_accept(tls, base)
                                    : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!event)
        return refuse(base);
    bufferevent_setwatermark(event, EV_READ, 0, METRICS_INPUT_SIZE_MAX);
    return event;
}

bool metrics_connections_own(struct evhttp_request *request, const struct metrics_tls *tls)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    return !tls || metrics_tls_is_used(evhttp_connection_get_bufferevent(connection));
}
