/* TLS of the metrics endpoint: a context of its own, apart from those of the connections, whose
 * callbacks belong to sessions, but of the same settings, files and checks. It is built again when
 * the settings change, and with `tls-auto-reload-interval` when the files do; connections that are
 * open stay as they are. Created on main, then the metrics thread's alone. Without BUILD_TLS there
 * is never one. */
#ifndef SERVER_METRICS_TLS_H
#define SERVER_METRICS_TLS_H

#include "base/buffer.h"
#include <stdbool.h>

struct bufferevent;
struct event_base;
struct metrics_tls;
struct tls_settings;

/* Copies the settings. NULL with a reason. */
struct metrics_tls *metrics_tls_create(const struct tls_settings *settings, struct buffer *error);
/* NULL is allowed. After the event base's end. */
void metrics_tls_destroy(struct metrics_tls *tls);
/* Begins to look for changed files. 0 or -1 (memory). Before `base` is freed: detach. */
int metrics_tls_attach(struct metrics_tls *tls, struct event_base *base);
void metrics_tls_detach(struct metrics_tls *tls);
/* Takes the settings over and builds from them. When that fails, what is in force stays, and the
 * log says why. */
void metrics_tls_use(struct metrics_tls *tls, struct tls_settings *settings);
/* For a connection that is being accepted; closes its socket when it is freed. NULL: memory. */
struct bufferevent *metrics_tls_accept(struct metrics_tls *tls, struct event_base *base);
/* Whether this one is such a connection. */
bool metrics_tls_is_used(struct bufferevent *event);

#endif
