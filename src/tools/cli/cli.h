/* The state of a redis-cli process, and what its files offer each other. One thread.
 *
 * A session has one connection. What the server remembers about it (database, MULTI, subscriptions,
 * protocol) is mirrored here from the replies, for the prompt and for reading replies right; a new
 * connection starts afresh, but for the database.
 */
#ifndef TOOLS_CLI_CLI_H
#define TOOLS_CLI_CLI_H

#include "base/assert.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "protocol/resp_reply_reader.h"
#include "tools/cli/options.h"
#include "tools/common/sync_client.h"
#include <stdbool.h>
#include <stdint.h>

enum { CLI_PROMPT_MAX = 320 };

struct cli {
    struct cli_options options;
    struct sync_client *client;
    struct tls_context *tls; /* made for the first TLS connection */

    /* -- where it is connected to -- */
    char *host; /* own copy: CONNECT and redirections change it */
    int port;
    bool is_off_socket;   /* left the Unix socket by CONNECT or a redirection */
    uint64_t reply_count; /* of the present connection */
    bool is_refused;      /* AUTH failed */

    /* -- what the server remembers of us -- */
    int db;
    int db_before_multi;
    bool is_in_multi;
    bool is_watching;
    bool is_resp3;
    bool is_subscribed;
    int64_t channels; /* subscriptions of each kind; a confirmation counts the first two together */
    int64_t patterns;
    int64_t shard_channels;
    bool is_monitoring;

    /* -- what AUTH was given here, for connections aside; or NULL -- */
    char *typed_user;
    char *typed_password;

    /* -- of the command in hand -- */
    enum reply_type last_type;
    bool is_redirected; /* send it again, to the new target */
    bool needs_asking;
    bool is_shutting_down;

    const char *waiting_text; /* shown while messages are awaited on a terminal, or NULL */
    bool is_interactive;
    bool has_failed; /* an error reply was seen: the exit code of scripts */
};

/* -- connect.c -- */

/* Connects, logs in, and mirrors the new state. 0; -1 when there is no connection, after printing
 * why on standard error. A refused AUTH is printed too, but leaves the connection. */
int cli_connect(struct cli *cli) MUST_CHECK;
/* The same when there is none yet. */
int cli_ensure_connected(struct cli *cli) MUST_CHECK;
/* Prints "Error: ..." for what went wrong with the connection last. */
void cli_print_error(const struct cli *cli);
/* Another client with the same target, logged in as this one where the server lets it: for
 * questions aside. NULL when there is no connection (silently). */
struct sync_client *cli_connect_aside(struct cli *cli);
/* Notes a login that succeeded; NULLs forget it. */
void cli_remember_login(struct cli *cli, const char *user, const char *password);
/* "host:port", "[::1]:port" or the socket's path. */
void cli_format_target(const struct cli *cli, char *text, size_t size);
/* "127.0.0.1:6379[2](TX)> " */
void cli_format_prompt(const struct cli *cli, char prompt[CLI_PROMPT_MAX]);
void cli_set_target(struct cli *cli, const char *host, int port);

/* -- command.c -- */

/* Sends a command `repeat` times (-1: for ever) and prints the replies. Reconnects once when the
 * connection was lost (interactive only). 0, or -1 when no reply could be had: then the reason was
 * printed. */
int cli_run(struct cli *cli, int argc, const struct bytes *argv, int64_t repeat) MUST_CHECK;
/* Prints messages until the last subscription ends, or input waits on input_fd (-1: none). False
 * when interrupted or when the connection was lost. */
bool cli_print_messages(struct cli *cli, int input_fd);
void cli_print_reply(const struct cli *cli, const struct reply_value *reply, bool is_text);
/* The server has forgotten all subscriptions. */
void cli_forget_subscriptions(struct cli *cli);

/* -- other rooms -- */

int repl_run(struct cli *cli);
/* HELP and ? */
void help_print(struct cli *cli, int argc, const struct bytes *argv);
/* Command names (subcommands when `prefix` has a blank) or help topics that begin with `prefix`,
 * index after index; NULL at the end. */
const char *help_complete(struct cli *cli, struct bytes prefix, size_t index, bool is_group);
/* What the line's command still takes ("key value [NX|XX]", with a blank in front where one is
 * missing), ASCII, cut to the size. False when there is nothing to say. */
bool help_hint(struct cli *cli, struct bytes line, char *hint, size_t size);
/* The server may answer now what it refused before. */
void help_try_again(void);
void help_release(void);

/* -- modes: each returns the exit code -- */

int eval_mode(struct cli *cli, int argc, char **argv);
int pipe_mode(struct cli *cli);
int stat_mode(struct cli *cli);
int latency_mode(struct cli *cli);
int latency_dist_mode(struct cli *cli);
int intrinsic_latency_mode(const struct cli *cli);
int scan_mode(struct cli *cli);
int big_keys_mode(struct cli *cli);
int key_stats_mode(struct cli *cli);
int hot_keys_mode(struct cli *cli);
int health_mode(struct cli *cli);
int tls_info_mode(struct cli *cli);
int live_mode(struct cli *cli);
int lru_test_mode(struct cli *cli);

/* Connects or ends the process; for the modes. */
void cli_require_connection(struct cli *cli);
/* A command's reply, for modes that watch a server: waits for it to come back when it went away.
 * Error replies end the process. */
struct reply_value *cli_call_patiently(struct cli *cli, const char *const *words, int count);

#endif
