/* The endpoint for Prometheus: GET /metrics on `metrics-port`, over HTTP or, with `metrics-tls
 * yes`, HTTPS with the server's TLS settings, which it follows (metrics_tls.h). A thread of its
 * own, named "metrics", runs libevent's HTTP server; it knows nothing of the server's state. A
 * scrape crosses twice: the thread says that it wants figures, main renders them in its next turn,
 * the thread answers everybody who waits with them. docs/threads.md lists both.
 */
#ifndef SERVER_METRICS_HTTP_H
#define SERVER_METRICS_HTTP_H

#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

struct metrics_http;
struct tls_settings;
struct wakeup;

enum { METRICS_WAITING_MAX = 16 /* scrapes at once; more get 503 */, METRICS_TIMEOUT_S = 10 };

struct metrics_http_options {
    const char *address;
    uint16_t port;
    const struct tls_settings *tls; /* NULL: plain */
    struct wakeup *main_wakeup;     /* outlives the endpoint */
};

/* Binds and starts the thread. NULL with a reason. Main. */
struct metrics_http *metrics_http_start(const struct metrics_http_options *options,
                                        struct buffer *error);
/* Ends the thread; who waits is cut off. May be NULL. Main. */
void metrics_http_stop(struct metrics_http *metrics);
/* True when a scrape waits for figures. May be NULL. Main: every turn, and between announcing that
 * it will sleep and sleeping. */
bool metrics_http_is_wanted(const struct metrics_http *metrics);
/* Other TLS settings: copies them for the thread. Nothing without `tls`; NULL is allowed. Main. */
void metrics_http_set_tls(struct metrics_http *metrics, const struct tls_settings *settings);
/* Publishes what `render` appends. Main. */
void metrics_http_publish(struct metrics_http *metrics,
                          void (*render)(void *context, struct buffer *out), void *context);

#endif
