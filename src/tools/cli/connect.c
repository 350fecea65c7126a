/* Connecting and logging in, the prompt, and what is said when that fails. */
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/address.h"
#include "io/tls_context.h"
#include "tools/cli/arguments.h"
#include "tools/cli/cli.h"
#include "tools/common/tls_advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A server that does not speak TLS may wait for the end of a line for ever. */
enum {
    TLS_HANDSHAKE_TIMEOUT_MS = 15 * 1000,
    RECONNECT_PAUSE_US = 1000 * 1000,
    KEY_FILE_MAX = 1024 * 1024
};

static bool uses_socket(const struct cli *cli)
{
    return cli->options.unix_path && !cli->is_off_socket;
}

/* "host:port", "[::1]:port" or the socket's path. */
void cli_format_target(const struct cli *cli, char *text, size_t size)
{
    bool is_ipv6 = strchr(cli->host, ':') != NULL;
    if (uses_socket(cli))
        snprintf(text, size, "%s", cli->options.unix_path);
    else
        snprintf(text, size, is_ipv6 ? "[%s]:%d" : "%s:%d", cli->host, cli->port);
}

void cli_format_prompt(const struct cli *cli, char prompt[CLI_PROMPT_MAX])
{
    char target[200];
    char db[24] = "";
    cli_format_target(cli, target, sizeof(target));
    if (cli->db != 0)
        snprintf(db, sizeof(db), "[%d]", cli->db);
    snprintf(prompt, CLI_PROMPT_MAX, "%s%s%s%s%s> ", uses_socket(cli) ? "redis " : "", target, db,
             cli->is_in_multi ? "(TX)" : "", cli->is_subscribed ? "(subscribed mode)" : "");
}

void cli_set_target(struct cli *cli, const char *host, int port)
{
    char *copy = mem_strdup(host);
    mem_free(cli->host);
    cli->host = copy;
    cli->port = port;
    cli->is_off_socket = cli->options.unix_path != NULL;
}

static void say_could_not_connect(const struct cli *cli, const char *reason)
{
    const char *advice = tls_advice(reason);
    char target[200];
    /* The form of the reference: no brackets around addresses here. */
    if (uses_socket(cli))
        snprintf(target, sizeof(target), "%s", cli->options.unix_path);
    else
        snprintf(target, sizeof(target), "%s:%d", cli->host, cli->port);
    fprintf(stderr, "Could not connect to Redis at %s: %s%s%s%s\n", target, reason,
            advice ? " (" : "", advice ? advice : "", advice ? ")" : "");
}

void cli_print_error(const struct cli *cli)
{
    const char *reason = sync_client_error(cli->client);
    bool is_fresh = cli->reply_count == 0;
    /* TLS 1.3 lets a client finish before the server has looked at its certificate. */
    if (is_fresh && strncmp(reason, "TLS ", 4) == 0)
        say_could_not_connect(cli, reason);
    else if (is_fresh && !cli->options.tls.is_enabled && !uses_socket(cli))
        fprintf(stderr, "Error: %s (a TLS port needs --tls)\n", reason);
    else
        fprintf(stderr, "Error: %s\n", reason);
}

/* An encrypted key is recognised by its first lines, in both of its forms. */
static bool is_encrypted_key(const char *path)
{
    struct buffer text;
    buffer_init(&text, KEY_FILE_MAX);
    bool is_encrypted =
        file_read(path, &text) == 0 && text.data && strstr(text.data, "ENCRYPTED") != NULL;
    if (text.data)
        explicit_bzero(text.data, text.size);
    buffer_deinit(&text);
    return is_encrypted;
}

/* Asks before the library has to. */
static void ask_for_key_passphrase(struct tls_flags *flags)
{
    static char passphrase[1024]; /* lives as long as the flags */
    const char *path = flags->settings.key_file;
    if (!path || flags->settings.key_file_pass || !is_encrypted_key(path))
        return;
    if (arguments_ask_terminal("Enter PEM pass phrase:", passphrase, sizeof(passphrase)) != 0) {
        fprintf(stderr,
                "Could not set up TLS: the private key %s is encrypted, and there is no terminal "
                "to ask for its passphrase on (--key-pass-file names a file that has it)\n",
                path);
        exit(1);
    }
    flags->settings.key_file_pass = passphrase;
}

/* The context is made once; without one the process has nothing to do. */
static void require_tls_context(struct cli *cli)
{
    if (cli->tls || !cli->options.tls.is_enabled)
        return;
    char error[256] = "";
    ask_for_key_passphrase(&cli->options.tls);
    cli->tls = tls_flags_create_context(&cli->options.tls, error, sizeof(error));
    if (!cli->tls) {
        fprintf(stderr, "Could not set up TLS: %s\n", error);
        exit(1);
    }
}

static struct sync_target target_of(const struct cli *cli)
{
    const struct cli_options *options = &cli->options;
    bool is_socket = uses_socket(cli);
    const char *server_name =
        is_socket ? options->tls.server_name : tls_flags_server_name(&options->tls, cli->host);
    const char *verify_name = options->tls.server_name ? options->tls.server_name : cli->host;
    struct sync_target target = {.host = cli->host,
                                 .port = cli->port,
                                 .unix_path = is_socket ? options->unix_path : NULL,
                                 .family = options->family,
                                 .tls = cli->tls,
                                 .server_name = server_name,
                                 .verify_name = options->is_verifying_host ? verify_name : NULL,
                                 .timeout_ms = (int64_t)(options->timeout_s * 1000)};
    if (options->timeout_s > 0 && target.timeout_ms == 0)
        target.timeout_ms = 1;
    if (cli->tls && target.timeout_ms == 0)
        target.timeout_ms = TLS_HANDSHAKE_TIMEOUT_MS;
    return target;
}

static struct sync_login authentication_of(const struct cli *cli)
{
    return (struct sync_login){.user = cli->options.user, .password = cli->options.password};
}

static struct sync_login login_of(const struct cli *cli)
{
    return (struct sync_login){.db = cli->db,
                               .is_resp3 = cli->options.is_resp3 && !cli->options.is_resp2,
                               .is_resp3_optional = cli->options.is_resp3_optional};
}

int cli_connect(struct cli *cli)
{
    require_tls_context(cli);
    cli->reply_count = 0;
    cli->is_in_multi = false;
    cli->is_watching = false;
    cli_forget_subscriptions(cli);
    cli->is_monitoring = false;
    cli->is_resp3 = false;
    struct sync_target target = target_of(cli);
    if (sync_client_connect(cli->client, &target) != 0) {
        say_could_not_connect(cli, sync_client_error(cli->client));
        return -1;
    }
    /* As in the reference, a refused AUTH does not end the attempt: the server may need none. */
    struct sync_login authentication = authentication_of(cli);
    cli->is_refused = sync_client_login(cli->client, &authentication) != 0;
    if (cli->is_refused)
        fprintf(stderr, "%s\n", sync_client_error(cli->client));
    bool is_lost = cli->is_refused && !sync_client_is_connected(cli->client);
    struct sync_login login = login_of(cli);
    if (!is_lost && sync_client_login(cli->client, &login) == 0) {
        cli->is_resp3 = login.is_resp3;
        return 0;
    }
    const char *reason = sync_client_error(cli->client);
    if (!is_lost && strncmp(reason, "TLS ", 4) == 0)
        say_could_not_connect(cli, reason);
    else if (!is_lost)
        fprintf(stderr, "%s\n", reason);
    sync_client_disconnect(cli->client);
    return -1;
}

int cli_ensure_connected(struct cli *cli)
{
    return sync_client_is_connected(cli->client) ? 0 : cli_connect(cli);
}

void cli_remember_login(struct cli *cli, const char *user, const char *password)
{
    if (cli->typed_password)
        mem_free_secret(cli->typed_password, strlen(cli->typed_password));
    mem_free(cli->typed_user);
    cli->typed_user = user ? mem_strdup(user) : NULL;
    cli->typed_password = password ? mem_strdup(password) : NULL;
    help_try_again();
}

struct sync_client *cli_connect_aside(struct cli *cli)
{
    char error[SYNC_ERROR_MAX];
    struct sync_client *aside = sync_client_create(error);
    if (!aside)
        return NULL;
    require_tls_context(cli);
    struct sync_target target = target_of(cli);
    struct sync_login login = authentication_of(cli);
    if (cli->typed_password)
        login = (struct sync_login){.user = cli->typed_user, .password = cli->typed_password};
    /* A refused AUTH may not matter, as above. */
    if (sync_client_connect(aside, &target) == 0 &&
        (sync_client_login(aside, &login) == 0 || sync_client_is_connected(aside)))
        return aside;
    sync_client_destroy(aside);
    return NULL;
}

void cli_require_connection(struct cli *cli)
{
    if (cli_connect(cli) != 0 || cli->is_refused)
        exit(1);
}

static struct reply_value *refuse_errors(struct cli *cli, struct reply_value *reply)
{
    cli->reply_count++;
    if (reply->type != REPLY_ERROR)
        return reply;
    fprintf(stderr, "ERROR: %s\n", reply->text.data);
    exit(1);
}

struct reply_value *cli_call_patiently(struct cli *cli, const char *const *words, int count)
{
    struct reply_value *reply = sync_client_ask(cli->client, words, count);
    for (int tries = 1; !reply; tries++) {
        /* What is no Redis will not become one. */
        if (strncmp(sync_client_error(cli->client), "Protocol error", 14) == 0) {
            cli_print_error(cli);
            exit(1);
        }
        printf("\r\x1b[0KReconnecting... %d\r", tries);
        fflush(stdout);
        sync_client_pause(cli->client, RECONNECT_PAUSE_US);
        if (cli_connect(cli) == 0)
            reply = sync_client_ask(cli->client, words, count);
    }
    return refuse_errors(cli, reply);
}
