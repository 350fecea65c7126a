/* Limits on what a client leaves unread (client-output-buffer-limit; before authentication a small
 * fixed one, CVE-2025-21605). Main thread. */
#ifndef CLIENT_CLIENT_OUTPUT_H
#define CLIENT_CLIENT_OUTPUT_H

#include "client/client_options.h"
#include "client/exchange.h"

enum { CLIENT_UNAUTHENTICATED_OUTPUT_MAX = 1024 * 1024 };

enum client_class client_class_of(const struct client *client);
/* True when the client is over a hard limit, or over the soft one for too long (`since` is kept in
 * the client). */
bool client_output_is_over(const struct client_settings *settings, struct client *client);

#endif
