/* One connection to a server, used synchronously: connect, send, wait for replies by running a loop
 * of its own until they came. For tools that do one thing at a time. One thread: the one that
 * created it.
 *
 * Waiting can also end by sync_client_interrupt (from a signal handler) or by input on a
 * descriptor, so that an interactive tool stays responsive. Not here: what replies mean,
 * reconnecting.
 */
#ifndef TOOLS_COMMON_SYNC_CLIENT_H
#define TOOLS_COMMON_SYNC_CLIENT_H

#include "base/assert.h"
#include "base/bytes.h"
#include "io/tls_chain.h"
#include "io/transport_tls.h"
#include "protocol/resp_reply_reader.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct sync_client;
struct tls_context;

enum { SYNC_ERROR_MAX = 1024, SYNC_UNSENT_LOW = 64 * 1024 };

enum sync_result {
    SYNC_REPLY,
    SYNC_TIMEOUT,
    SYNC_INTERRUPTED,
    SYNC_INPUT, /* the watched descriptor is readable */
    SYNC_FAILED /* the connection is gone; sync_client_error says why */
};

struct sync_target {
    const char *host; /* name or number */
    int port;
    const char *unix_path;   /* instead of host and port when not NULL */
    int family;              /* AF_INET or AF_INET6: tried first; 0: no preference */
    struct tls_context *tls; /* NULL: plain */
    const char *server_name; /* SNI, or NULL */
    const char *verify_name; /* the certificate must carry it; NULL: any name will do */
    int64_t timeout_ms;      /* of connecting and handshaking; 0: none */
};

struct sync_login {
    const char *user; /* or NULL: AUTH with the password alone */
    const char *password;
    bool is_resp3;
    bool is_resp3_optional; /* a server that refuses HELLO is spoken to in RESP2 */
    int db;
};

struct sync_tls_report {
    struct tls_facts facts;
    struct tls_chain_link chain[TLS_CHAIN_MAX]; /* the server's certificate first */
    int chain_count;
    char verdict[128]; /* "ok", or why the chain is not trusted (--insecure) */
    int64_t connect_us;
    int64_t handshake_us;
};

/* NULL and the reason in error[SYNC_ERROR_MAX]. */
struct sync_client *sync_client_create(char *error);
/* Disconnects first. */
void sync_client_destroy(struct sync_client *client);

/* Drops the present connection, tries the target's addresses in turn. 0 or -1 (sync_client_error).
 */
int sync_client_connect(struct sync_client *client, const struct sync_target *target) MUST_CHECK;
/* AUTH, SELECT, HELLO 3, as far as asked for. 0; -1 for the first that failed ("AUTH failed: ..."
 * is then sync_client_error): the connection stays, if it can. */
int sync_client_login(struct sync_client *client, const struct sync_login *login) MUST_CHECK;
/* What is known of the present connection's TLS. False when there is no connection, or a plain one.
 * Sessions are kept by the client and offered to the same target when it is connected to again. */
bool sync_client_describe_tls(struct sync_client *client, struct sync_tls_report *report);
/* Says goodbye; replies not read are lost. */
void sync_client_disconnect(struct sync_client *client);
/* Notices an end that has arrived in the meantime. */
bool sync_client_is_connected(struct sync_client *client);
/* Why connecting, sending or reading failed last. */
const char *sync_client_error(const struct sync_client *client);

/* Queues bytes or a command; they leave while the client waits for something. Copies. -1 when
 * disconnected or out of bounds. */
int sync_client_write(struct sync_client *client, const void *data, size_t size) MUST_CHECK;
int sync_client_send(struct sync_client *client, int argc, const struct bytes *argv) MUST_CHECK;
/* Bytes queued that the connection has not taken: above SYNC_UNSENT_LOW, wait before writing more.
 */
size_t sync_client_unsent(const struct sync_client *client);

/* The next reply, push or attribute, which the caller frees. timeout_ms -1: no limit. input_fd -1:
 * none; else a terminal or pipe that ends the wait with SYNC_INPUT. */
enum sync_result sync_client_read(struct sync_client *client, int64_t timeout_ms, int input_fd,
                                  struct reply_value **reply) MUST_CHECK;
/* As sync_client_read without waiting: SYNC_TIMEOUT when there is none yet. */
enum sync_result sync_client_take(struct sync_client *client,
                                  struct reply_value **reply) MUST_CHECK;
/* Sends a command and waits for its reply, dropping pushes. NULL when the connection failed. */
struct reply_value *sync_client_call(struct sync_client *client, int argc,
                                     const struct bytes *argv) MUST_CHECK;
/* The same with words. */
struct reply_value *sync_client_ask(struct sync_client *client, const char *const *words,
                                    int count) MUST_CHECK;
/* Runs the loop for that long, or until interrupted: true then. */
bool sync_client_pause(struct sync_client *client, int64_t pause_us);
/* One turn of the loop, which waits up to wait_us (-1: until something happens). */
void sync_client_turn(struct sync_client *client, int64_t wait_us);
/* For a tool's own watches. */
struct loop *sync_client_loop(struct sync_client *client);
/* Ends the wait in progress, or the next one. May be called by a signal handler. */
void sync_client_interrupt(struct sync_client *client);

#endif
