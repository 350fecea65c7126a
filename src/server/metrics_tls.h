/* What the metrics endpoint needs of TLS: a context of its own, apart from those of the
 * connections, whose callbacks belong to sessions. Without BUILD_TLS it is never there. */
#ifndef SERVER_METRICS_TLS_H
#define SERVER_METRICS_TLS_H

#include "base/buffer.h"

struct tls_settings;
struct ssl_ctx_st;

/* NULL with a reason. Main; the result is for one thread. */
struct ssl_ctx_st *metrics_tls_create(const struct tls_settings *settings, struct buffer *error);
void metrics_tls_destroy(struct ssl_ctx_st *context);

#endif
