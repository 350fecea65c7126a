/* One command: send it, read what answers it, print that, and mirror what it changed.
 *
 * Most commands have one reply. SUBSCRIBE and its kin are confirmed once a channel, in between
 * other messages; MONITOR never ends; pushes of RESP3 may come at any time. */
#include "base/memory.h"
#include "base/number.h"
#include "tools/cli/cli.h"
#include "tools/cli/format_reply.h"
#include "tools/cli/interrupts.h"

#include <stdio.h>
#include <stdlib.h>

enum answer {
    ANSWER_OK,
    ANSWER_ABORTED, /* interrupted: there is a new connection, or it was said why not */
    ANSWER_LOST     /* the connection is gone */
};

typedef void json_text(struct buffer *out, struct bytes text, bool is_ascii);

struct command {
    int argc;
    const struct bytes *argv;
    bool is_text;        /* the reply is meant to be read, not to be quoted */
    json_text *json;     /* how such a text is told in JSON, or NULL */
    bool is_subscribing; /* [P|S]SUBSCRIBE */
    bool is_unsubscribing;
    int64_t confirmations; /* of them still awaited */
};

/* -- what kind of command it is -- */

static bool has_words(const struct command *command, const char *first, const char *second)
{
    return bytes_is(command->argv[0], first) &&
           (!second || (command->argc > 1 && bytes_is(command->argv[1], second)));
}

struct text_command {
    const char *first;
    const char *second;
    int argc; /* 0: any */
    json_text *json;
};

static const struct text_command *find_text_command(const struct command *command)
{
    static const struct text_command rows[] = {
        {"info", NULL, 0, format_info_json},
        {"lolwut", NULL, 0, NULL},
        {"debug", "htstats", 0, NULL},
        {"debug", "htstats-key", 0, NULL},
        {"memory", "doctor", 0, NULL},
        {"memory", "malloc-stats", 0, NULL},
        {"cluster", "nodes", 2, format_nodes_json},
        {"cluster", "info", 2, format_info_json},
        {"client", "list", 0, format_clients_json},
        {"client", "info", 0, format_client_json},
        {"latency", "graph", 3, NULL},
        {"latency", "doctor", 2, NULL},
        {"proxy", "info", 0, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (has_words(command, rows[i].first, rows[i].second) &&
            (rows[i].argc == 0 || rows[i].argc == command->argc))
            return &rows[i];
    return NULL;
}

static struct command describe(int argc, const struct bytes *argv)
{
    struct command command = {.argc = argc, .argv = argv};
    struct bytes name = argv[0];
    const struct text_command *text = find_text_command(&command);
    command.is_text = text != NULL;
    command.json = text ? text->json : NULL;
    command.is_subscribing =
        bytes_is(name, "subscribe") || bytes_is(name, "psubscribe") || bytes_is(name, "ssubscribe");
    command.is_unsubscribing = bytes_is(name, "unsubscribe") || bytes_is(name, "punsubscribe") ||
                               bytes_is(name, "sunsubscribe");
    return command;
}

/* -- printing -- */

void cli_print_reply(const struct cli *cli, const struct reply_value *reply, bool is_text)
{
    const struct cli_options *options = &cli->options;
    struct buffer out;
    buffer_init(&out, FORMATTED_SIZE_MAX);
    if (is_text) {
        format_reply_raw(&out, reply, options->bulk_delimiter);
    } else {
        switch (options->output) {
        case OUTPUT_STANDARD:
            format_reply_standard(&out, reply);
            break;
        case OUTPUT_RAW:
            format_reply_raw(&out, reply, options->bulk_delimiter);
            buffer_append_text(&out, options->reply_delimiter);
            break;
        case OUTPUT_CSV:
            format_reply_csv(&out, reply);
            buffer_append(&out, "\n", 1);
            break;
        case OUTPUT_JSON:
        case OUTPUT_QUOTED_JSON:
            format_reply_json(&out, reply, options->output == OUTPUT_QUOTED_JSON);
            buffer_append(&out, "\n", 1);
            break;
        }
    }
    fwrite(out.data ? out.data : "", 1, out.size, stdout);
    fflush(stdout);
    buffer_deinit(&out);
}

static bool prints_json(const struct cli *cli)
{
    return cli->options.output == OUTPUT_JSON || cli->options.output == OUTPUT_QUOTED_JSON;
}

/* A text for people, when it is to be JSON all the same. */
static void print_text_as_json(const struct cli *cli, const struct reply_value *reply,
                               json_text *format)
{
    struct buffer out;
    buffer_init(&out, FORMATTED_SIZE_MAX);
    format(&out, reply->text, cli->options.output == OUTPUT_QUOTED_JSON);
    buffer_append(&out, "\n", 1);
    fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
    buffer_deinit(&out);
}

static void print_answer(const struct cli *cli, const struct command *command,
                         const struct reply_value *reply)
{
    bool is_text_reply = reply->type == REPLY_STRING || reply->type == REPLY_VERBATIM;
    if (command->json && prints_json(cli) && is_text_reply)
        print_text_as_json(cli, reply, command->json);
    else
        cli_print_reply(cli, reply, command->is_text && !prints_json(cli));
}

/* A push that nobody waits for. */
static void print_push(const struct cli *cli, const struct reply_value *push)
{
    if (!cli->options.is_showing_pushes)
        return;
    if (cli->options.output != OUTPUT_STANDARD || !reply_is_invalidation(push)) {
        cli_print_reply(cli, push, false);
        return;
    }
    struct buffer out;
    buffer_init(&out, FORMATTED_SIZE_MAX);
    format_invalidation(&out, push);
    fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
    buffer_deinit(&out);
}

/* -- redirections (-c) -- */

/* Takes "MOVED 3999 127.0.0.1:6381" or "ASK ..." apart. */
static bool follow_redirection(struct cli *cli, const struct reply_value *error)
{
    bool is_moved = strncmp(error->text.data, "MOVED ", 6) == 0;
    bool is_ask = strncmp(error->text.data, "ASK ", 4) == 0;
    if (!cli->options.is_redirecting || (!is_moved && !is_ask))
        return false;
    const char *slot = strchr(error->text.data, ' ') + 1;
    const char *host = strchr(slot, ' ');
    const char *colon = host ? strrchr(host, ':') : NULL;
    int64_t port;
    if (!colon || !number_parse_i64(bytes_of_text(colon + 1), &port) || port < 0 || port > 65535)
        return false;
    host++;
    char *name = mem_dup(host, (size_t)(colon - host) + 1);
    name[colon - host] = '\0';
    if (cli->is_interactive && cli->options.output == OUTPUT_STANDARD)
        printf("-> Redirected to slot [%.*s] located at %s:%d\n", (int)(host - 1 - slot), slot,
               name[0] ? name : cli->host, (int)port);
    if (name[0])
        cli_set_target(cli, name, (int)port);
    else
        cli_set_target(cli, cli->host, (int)port);
    mem_free(name);
    cli->is_redirected = true;
    cli->needs_asking = is_ask;
    return true;
}

/* -- reading -- */

/* The connection failed while a reply was awaited. */
static enum answer lose(struct cli *cli)
{
    if (cli->is_shutting_down) {
        cli->is_shutting_down = false;
        return ANSWER_OK;
    }
    if (cli->is_interactive)
        return ANSWER_LOST; /* cli_run says why */
    cli_print_error(cli);
    exit(1);
}

static enum answer abort_wait(struct cli *cli)
{
    interrupts_exit();
    if (cli_connect(cli) != 0)
        cli->has_failed = true;
    return ANSWER_ABORTED;
}

static void note_error(struct cli *cli, const struct reply_value *reply)
{
    cli->has_failed = true;
    if (!cli->is_interactive && cli->options.is_failing_fast) {
        fprintf(stderr, "%s\n", reply->text.data);
        exit(1);
    }
}

/* While messages are awaited on a terminal a line says so; it is gone before anything is shown. */
static enum sync_result await_reply(const struct cli *cli, int input_fd, struct reply_value **reply)
{
    bool is_said = cli->waiting_text != NULL;
    if (is_said) {
        enum sync_result result = sync_client_take(cli->client, reply);
        if (result != SYNC_TIMEOUT)
            return result;
        printf("%s\r", cli->waiting_text);
        fflush(stdout);
    }
    enum sync_result result = sync_client_read(cli->client, -1, input_fd, reply);
    if (is_said) {
        printf("\033[K");
        fflush(stdout);
    }
    return result;
}

/* One reply that is not beside the point, printed. With ANSWER_OK *kept is it (the caller frees),
 * or NULL when the server went away as it was told. */
static enum answer read_reply(struct cli *cli, const struct command *command, int input_fd,
                              struct reply_value **kept)
{
    bool takes_pushes = cli->is_subscribed || command->confirmations > 0;
    *kept = NULL;
    for (;;) {
        struct reply_value *reply;
        enum sync_result result = await_reply(cli, input_fd, &reply);
        if (result == SYNC_INTERRUPTED)
            return abort_wait(cli);
        if (result == SYNC_INPUT)
            return ANSWER_OK;
        if (result != SYNC_REPLY)
            return lose(cli);
        cli->reply_count++;
        if (reply->type == REPLY_ATTRIBUTE || (reply->type == REPLY_PUSH && !takes_pushes)) {
            if (reply->type == REPLY_PUSH)
                print_push(cli, reply);
            reply_value_free(reply);
            continue;
        }
        *kept = reply;
        cli->last_type = reply->type;
        if (reply->type == REPLY_ERROR && follow_redirection(cli, reply))
            return ANSWER_OK;
        if (reply->type == REPLY_ERROR)
            note_error(cli, reply);
        print_answer(cli, command, reply);
        return ANSWER_OK;
    }
}

static bool ends_with(struct bytes text, const char *end)
{
    size_t size = strlen(end);
    return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

/* A message of a subscription, or its confirmation. */
static bool is_message(const struct cli *cli, const struct reply_value *reply)
{
    enum reply_type type = cli->is_resp3 ? REPLY_PUSH : REPLY_ARRAY;
    if (reply->type != type || reply->count < 3 || reply->elements[0].type != REPLY_STRING)
        return false;
    struct bytes kind = reply->elements[0].text;
    return ends_with(kind, "message") || ends_with(kind, "subscribe");
}

void cli_forget_subscriptions(struct cli *cli)
{
    cli->is_subscribed = false;
    cli->channels = 0;
    cli->patterns = 0;
    cli->shard_channels = 0;
}

/* What a confirmation says is left; anything else says nothing. */
static void note_subscriptions(struct cli *cli, const struct reply_value *message)
{
    struct bytes kind = message->elements[0].text;
    const struct reply_value *left = &message->elements[2];
    if (!ends_with(kind, "subscribe") || left->type != REPLY_INTEGER)
        return;
    if (bytes_is(kind, "ssubscribe") || bytes_is(kind, "sunsubscribe"))
        cli->shard_channels = left->integer;
    else if (kind.data[0] == 'p')
        cli->patterns = left->integer - cli->channels;
    else
        cli->channels = left->integer - cli->patterns;
    cli->is_subscribed = cli->channels + cli->patterns + cli->shard_channels > 0;
}

/* True when `message` confirms the command. */
static bool note_confirmation(struct cli *cli, struct command *command,
                              const struct reply_value *message)
{
    struct bytes kind = message->elements[0].text;
    note_subscriptions(cli, message);
    bool is_confirmation = command->confirmations > 0 && kind.size == command->argv[0].size &&
                           strncasecmp(kind.data, command->argv[0].data, kind.size) == 0;
    command->confirmations -= is_confirmation;
    return is_confirmation;
}

/* One for each channel named. Without any, one for each of that kind, and one when there is none.
 */
static int64_t count_confirmations(const struct cli *cli, const struct command *command)
{
    if (!command->is_subscribing && !command->is_unsubscribing)
        return 0;
    int64_t count = command->argc - 1;
    if (count == 0 && bytes_is(command->argv[0], "unsubscribe"))
        count = cli->channels;
    else if (count == 0 && bytes_is(command->argv[0], "punsubscribe"))
        count = cli->patterns;
    else if (count == 0 && bytes_is(command->argv[0], "sunsubscribe"))
        count = cli->shard_channels;
    return count > 0 ? count : 1;
}

/* All that answers the command. */
static enum answer read_answer(struct cli *cli, struct command *command, struct reply_value **last)
{
    command->confirmations = count_confirmations(cli, command);
    for (;;) {
        enum answer answer = read_reply(cli, command, -1, last);
        if (answer != ANSWER_OK || !*last || cli->is_redirected)
            return answer;
        bool is_aside =
            (*last)->type == REPLY_PUSH && (cli->is_subscribed || command->confirmations);
        if (is_message(cli, *last) && (cli->is_subscribed || command->confirmations > 0))
            is_aside = !note_confirmation(cli, command, *last) || command->confirmations > 0;
        if (!is_aside)
            return ANSWER_OK;
        reply_value_free(*last);
        *last = NULL;
    }
}

static enum answer watch_monitor(struct cli *cli, const struct command *command)
{
    cli->is_monitoring = true;
    if (cli->is_interactive)
        interrupts_wake(cli->client);
    enum answer answer = ANSWER_OK;
    while (cli->is_monitoring && answer == ANSWER_OK) {
        struct reply_value *reply;
        answer = read_reply(cli, command, -1, &reply);
        if (!reply || reply->type == REPLY_ERROR)
            cli->is_monitoring = false;
        reply_value_free(reply);
    }
    cli->is_monitoring = false;
    if (cli->is_interactive)
        interrupts_exit();
    return answer;
}

bool cli_print_messages(struct cli *cli, int input_fd)
{
    const struct command none = {.argc = 0};
    struct reply_value *reply;
    enum answer answer;
    do {
        answer = read_reply(cli, &none, input_fd, &reply);
        if (answer != ANSWER_OK || !reply)
            break;
        if (is_message(cli, reply))
            note_subscriptions(cli, reply);
        reply_value_free(reply);
    } while (cli->is_subscribed);
    if (answer == ANSWER_LOST) {
        cli_print_error(cli);
        cli_forget_subscriptions(cli);
        cli->has_failed = true;
    }
    return answer == ANSWER_OK;
}

/* -- mirroring -- */

static void note_database(struct cli *cli, struct bytes number)
{
    int64_t db;
    if (number_parse_i64(number, &db) && db >= 0 && db <= INT32_MAX)
        cli->db = (int)db;
}

static void note_reset(struct cli *cli)
{
    cli->is_in_multi = false;
    cli->is_watching = false;
    cli->db = 0;
    cli->is_resp3 = false;
    cli_forget_subscriptions(cli);
}

/* A login in the middle: the server may not have let us choose a database before. */
static void select_again(struct cli *cli)
{
    struct sync_login login = {.db = cli->db};
    if (sync_client_login(cli->client, &login) != 0)
        fprintf(stderr, "%s\n", sync_client_error(cli->client));
}

static void note_effects(struct cli *cli, const struct command *command)
{
    struct bytes name = command->argv[0];
    bool is_alone = command->argc == 1;
    bool is_error = cli->last_type == REPLY_ERROR;
    if (bytes_is(name, "select") && command->argc == 2 && !is_error) {
        note_database(cli, command->argv[1]);
    } else if (bytes_is(name, "auth") && (command->argc == 2 || command->argc == 3)) {
        if (!is_error && !cli->is_in_multi) {
            select_again(cli);
            cli_remember_login(cli, command->argc == 3 ? command->argv[1].data : NULL,
                               command->argv[command->argc - 1].data);
        }
    } else if (bytes_is(name, "multi") && is_alone && !is_error) {
        cli->is_in_multi = true;
        cli->db_before_multi = cli->db;
    } else if (bytes_is(name, "watch") && !is_error) {
        cli->is_watching = true;
    } else if (bytes_is(name, "unwatch") && !cli->is_in_multi && !is_error) {
        cli->is_watching = false;
    } else if (bytes_is(name, "exec") && is_alone && cli->is_in_multi) {
        cli->is_in_multi = false;
        cli->is_watching = false;
        if (is_error || cli->last_type == REPLY_NIL)
            cli->db = cli->db_before_multi;
    } else if (bytes_is(name, "discard") && is_alone && !is_error) {
        cli->is_in_multi = false;
        cli->is_watching = false;
        cli->db = cli->db_before_multi;
    } else if (bytes_is(name, "reset") && is_alone && !is_error) {
        note_reset(cli);
    } else if (bytes_is(name, "hello") && !is_error) {
        cli->is_resp3 = cli->last_type == REPLY_MAP;
    }
}

/* -- sending -- */

static bool send_asking(struct cli *cli)
{
    cli->needs_asking = false;
    const char *asking[] = {"ASKING"};
    struct reply_value *reply = sync_client_ask(cli->client, asking, 1);
    bool was_sent = reply != NULL;
    reply_value_free(reply);
    return was_sent;
}

static enum answer exchange_once(struct cli *cli, struct command *command)
{
    if (cli->needs_asking && !send_asking(cli))
        return lose(cli);
    if (sync_client_send(cli->client, command->argc, command->argv) != 0)
        return lose(cli);
    if (bytes_is(command->argv[0], "monitor") && !cli->is_in_multi)
        return watch_monitor(cli, command);
    struct reply_value *last;
    enum answer answer = read_answer(cli, command, &last);
    if (answer == ANSWER_OK && last && !cli->is_redirected)
        note_effects(cli, command);
    reply_value_free(last);
    return answer;
}

/* `*repeat` is what is still to do, should the connection be lost. */
static enum answer exchange(struct cli *cli, struct command *command, int64_t *repeat)
{
    cli->is_shutting_down = bytes_is(command->argv[0], "shutdown");
    while (*repeat != 0) {
        enum answer answer = exchange_once(cli, command);
        if (answer != ANSWER_OK || cli->is_redirected)
            return answer;
        if (*repeat > 0)
            (*repeat)--;
        if (*repeat != 0 && cli->options.interval_s > 0)
            sync_client_pause(cli->client, (int64_t)(cli->options.interval_s * 1e6));
    }
    cli->is_shutting_down = false;
    return ANSWER_OK;
}

static bool is_replication(const struct bytes name)
{
    return bytes_is(name, "sync") || bytes_is(name, "psync");
}

int cli_run(struct cli *cli, int argc, const struct bytes *argv, int64_t repeat)
{
    struct command command = describe(argc, argv);
    if (bytes_is(argv[0], "help") || bytes_is(argv[0], "?")) {
        help_print(cli, argc - 1, argv + 1);
        return 0;
    }
    if (is_replication(argv[0])) {
        printf("Reading the stream of replication is not supported by this build yet.\n");
        cli->has_failed = true;
        return 0;
    }
    /* What belongs to a transaction is not sent over another connection, and nothing twice: the
     * server may have executed what it did not answer. */
    if ((cli->is_in_multi || cli->is_watching) && !sync_client_is_connected(cli->client)) {
        cli->is_in_multi = false;
        cli->is_watching = false;
        cli_print_error(cli);
        return -1;
    }
    enum answer answer;
    do {
        cli->is_redirected = false;
        if (cli_ensure_connected(cli) != 0)
            return -1;
        answer = exchange(cli, &command, &repeat);
    } while (answer == ANSWER_OK && cli->is_redirected && cli_connect(cli) == 0);
    if (answer == ANSWER_LOST)
        cli_print_error(cli);
    return answer == ANSWER_LOST || cli->is_redirected ? -1 : 0;
}
