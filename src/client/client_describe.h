/* One line of CLIENT LIST. Main thread. */
#ifndef CLIENT_CLIENT_DESCRIBE_H
#define CLIENT_CLIENT_DESCRIBE_H

#include "base/buffer.h"
#include "client/client.h"

/* Appends "id=3 addr=... \n" without the line end. `command_name` is the last command's ("NULL"
 * when none). */
void client_describe(const struct client *client, const char *command_name, struct buffer *out);

#endif
