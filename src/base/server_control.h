/* What commands may ask of the composition root, which they cannot include. Main thread. */
#ifndef BASE_SERVER_CONTROL_H
#define BASE_SERVER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

enum shutdown_flag {
    SHUTDOWN_SAVE = 1 << 0,
    SHUTDOWN_NOSAVE = 1 << 1,
    SHUTDOWN_NOW = 1 << 2,
    SHUTDOWN_FORCE = 1 << 3
};

struct buffer;
struct bytes;
struct client;
struct request;

struct server_control {
    void *server;
    /* Begins an ordered shutdown at the end of this turn. */
    void (*request_shutdown)(void *server, unsigned flags);
    /* False when none was under way. */
    bool (*abort_shutdown)(void *server);
    /* DEBUG SET-ACTIVE-EXPIRE and friends. */
    void (*set_active_expire)(void *server, bool enabled);
    void (*pause_cron)(void *server, bool paused);
    /* CONFIG SET with these words: true when it has to wait for a worker; the caller then sets
     * CLIENT_BLOCKED, and the client is answered later. */
    bool (*defer_config_set)(void *server, struct client *client, int argc,
                             const struct bytes *argv, bool may_set_protected);
    /* EXEC of the client's transaction: true when what its CONFIG SETs need is with a worker; the
     * caller then sets CLIENT_BLOCKED, and the request is run later (executor_run_put_off). */
    bool (*defer_exec)(void *server, struct client *client, struct request *request);
    /* CONFIG SET with these words (an even number), with what was prepared for it. 0, or -1 with
     * the error. */
    int (*set_config)(void *server, int argc, const struct bytes *argv, bool may_set_protected,
                      struct buffer *error);
};

#endif
