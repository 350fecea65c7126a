/* Connections of the metrics endpoint, limited. libevent's HTTP server (2.1) has no limit of its
 * own, only asks for a bufferevent for each socket that it accepts; a socket that gets none is
 * served in plain text. So beyond the limit, and for want of memory, it gets one that ends at once.
 * The metrics thread's. */
#ifndef SERVER_METRICS_CONNECTIONS_H
#define SERVER_METRICS_CONNECTIONS_H

#include <stdbool.h>

struct bufferevent;
struct event_base;
struct evhttp_request;
struct metrics_tls;

enum {
    METRICS_CONNECTIONS_MAX = 64,      /* at once; more are closed */
    METRICS_INPUT_SIZE_MAX = 64 * 1024 /* unread bytes of one; reading pauses */
};

/* For evhttp_set_bevcb; the context is the endpoint's `struct metrics_tls`, NULL for plain. */
struct bufferevent *metrics_connections_accept(struct event_base *base, void *tls);
/* True when the request came over what was given out for it. */
bool metrics_connections_own(struct evhttp_request *request, const struct metrics_tls *tls);

#endif
