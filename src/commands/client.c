/* CLIENT and its subcommands. Other clients are reached through their fields on main and by
 * messages to their I/O threads; nothing is paused. */
#include "base/clock.h"
#include "base/number.h"
#include "client/client_describe.h"
#include "client/client_output.h"
#include "client/exchange.h"
#include "commands/all.h"
#include "commands/tracking.h"
#include "dispatch/blocking.h"
#include "dispatch/call.h"
#include "dispatch/execute.h"
#include "keyspace/keyspace.h"

enum { LIST_SIZE_MAX = 512 * 1024 * 1024 };

static const char invalid_name[] = "%s cannot contain spaces, newlines or special characters.";

static void id_command(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->client->id);
}

static void getname_command(struct call *call)
{
    if (call->client->name)
        reply_bulk_text(call->reply, call->client->name);
    else
        reply_null(call->reply);
}

static void setname_command(struct call *call)
{
    if (!client_name_is_valid(call->argv[2])) {
        reply_errorf(call->reply, invalid_name, "Client names");
        return;
    }
    client_set_text(&call->client->name, call->argv[2]);
    reply_ok(call->reply);
}

static void setinfo_command(struct call *call)
{
    char **field = NULL;
    const char *what = NULL;
    if (call_is(call, 2, "LIB-NAME")) {
        field = &call->client->lib_name;
        what = "lib-name";
    } else if (call_is(call, 2, "LIB-VER")) {
        field = &call->client->lib_version;
        what = "lib-ver";
    } else {
        reply_errorf(call->reply, "Unrecognized option '%.*s'", reply_quoted_size(call->argv[2]),
                     call->argv[2].data);
        return;
    }
    if (!client_name_is_valid(call->argv[3])) {
        reply_errorf(call->reply, invalid_name, what);
        return;
    }
    client_set_text(field, call->argv[3]);
    reply_ok(call->reply);
}

static const char *last_command_name(const struct client *client)
{
    const struct command *command = client->last_command;
    return command ? command->name : "NULL";
}

static void info_command(struct call *call)
{
    struct buffer text;
    buffer_init(&text, LIST_SIZE_MAX);
    client_describe(call->client, last_command_name(call->client), &text);
    (void)buffer_append(&text, "\n", 1);
    reply_verbatim(call->reply, "txt", text.data, text.size);
    buffer_deinit(&text);
}

/* -- which clients: filters of LIST and KILL -- */

enum client_type { TYPE_ANY, TYPE_NORMAL, TYPE_MASTER, TYPE_REPLICA, TYPE_PUBSUB };

struct filter {
    int type;
    bool has_id;
    uint64_t id;
    struct bytes peer; /* data NULL: any */
    struct bytes local;
    struct bytes user;
    int64_t age_min_s;
    bool skips_me;
};

static bool parse_type(struct call *call, struct bytes name, int *type)
{
    if (bytes_is(name, "normal"))
        *type = TYPE_NORMAL;
    else if (bytes_is(name, "master") || bytes_is(name, "primary"))
        *type = TYPE_MASTER;
    else if (bytes_is(name, "replica") || bytes_is(name, "slave"))
        *type = TYPE_REPLICA;
    else if (bytes_is(name, "pubsub"))
        *type = TYPE_PUBSUB;
    else {
        reply_errorf(call->reply, "Unknown client type '%.*s'", reply_quoted_size(name), name.data);
        return false;
    }
    return true;
}

static int type_of(const struct client *client)
{
    if (client->flags & CLIENT_PRIMARY)
        return TYPE_MASTER;
    if (client->flags & CLIENT_REPLICA)
        return TYPE_REPLICA;
    return client->flags & CLIENT_PUBSUB ? TYPE_PUBSUB : TYPE_NORMAL;
}

static bool matches(const struct filter *filter, const struct client *client,
                    const struct client *me)
{
    if (filter->type != TYPE_ANY && type_of(client) != filter->type)
        return false;
    if (filter->has_id && client->id != filter->id)
        return false;
    if (filter->peer.data && !bytes_equal(filter->peer, bytes_of_text(client->peer)))
        return false;
    if (filter->local.data && !bytes_equal(filter->local, bytes_of_text(client->local)))
        return false;
    if (filter->user.data && !bytes_equal(filter->user, bytes_of_text(client->user)))
        return false;
    if (filter->age_min_s && (clock_us() - client->created_us) / 1000000 < filter->age_min_s)
        return false;
    return !(filter->skips_me && client == me);
}

static bool is_listed(const struct client *client)
{
    return !(client->flags & CLIENT_CLOSING);
}

static void list_client(struct client *client, struct buffer *text)
{
    if (!is_listed(client))
        return;
    client_describe(client, last_command_name(client), text);
    (void)buffer_append(text, "\n", 1);
}

/* In the order of the ids, and as often as they are named. */
static bool list_by_id(struct call *call, struct buffer *text) ON_MAIN
{
    for (int i = 3; i < call->argc; i++) {
        int64_t id;
        if (!call_integer(call, i, &id, "ERR Invalid client ID"))
            return false;
        struct client *client = client_table_find(call->services->clients, (uint64_t)id);
        if (client)
            list_client(client, text);
    }
    return true;
}

static bool list_by_type(struct call *call, int type, struct buffer *text) ON_MAIN
{
    struct filter filter = {.type = type};
    for (struct client *client = call->services->clients->first; client; client = client->next)
        if (matches(&filter, client, call->client))
            list_client(client, text);
    return true;
}

static bool list(struct call *call, struct buffer *text) ON_MAIN
{
    int type = TYPE_ANY;
    if (call->argc > 3 && call_is(call, 2, "ID"))
        return list_by_id(call, text);
    if (call->argc == 4 && call_is(call, 2, "TYPE"))
        return parse_type(call, call->argv[3], &type) && list_by_type(call, type, text);
    if (call->argc != 2)
        return call_syntax_error(call);
    return list_by_type(call, type, text);
}

static void list_command(struct call *call) ON_MAIN
{
    struct buffer text;
    buffer_init(&text, LIST_SIZE_MAX);
    if (list(call, &text))
        reply_verbatim(call->reply, "txt", text.data ? text.data : "", text.size);
    buffer_deinit(&text);
}

/* -- KILL -- */

static bool parse_yes_no(struct call *call, struct bytes word, bool *value)
{
    if (!bytes_is(word, "yes") && !bytes_is(word, "no"))
        return call_syntax_error(call);
    *value = bytes_is(word, "yes");
    return true;
}

static bool parse_kill_filter(struct call *call, int at, struct filter *filter)
{
    struct bytes value = call->argv[at + 1];
    int64_t number;
    if (call_is(call, at, "ID")) {
        if (!number_parse_i64(value, &number) || number <= 0) {
            reply_errorf(call->reply, "client-id should be greater than 0");
            return false;
        }
        filter->has_id = true;
        filter->id = (uint64_t)number;
    } else if (call_is(call, at, "MAXAGE")) {
        if (!number_parse_i64(value, &number)) {
            reply_errorf(call->reply, "maxage is not an integer or out of range");
            return false;
        }
        if (number <= 0) {
            reply_errorf(call->reply, "maxage should be greater than 0");
            return false;
        }
        filter->age_min_s = number;
    } else if (call_is(call, at, "TYPE")) {
        return parse_type(call, value, &filter->type);
    } else if (call_is(call, at, "ADDR")) {
        filter->peer = value;
    } else if (call_is(call, at, "LADDR")) {
        filter->local = value;
    } else if (call_is(call, at, "USER")) {
        if (!bytes_is(value, "default")) {
            reply_errorf(call->reply, "No such user '%.*s'", reply_quoted_size(value), value.data);
            return false;
        }
        filter->user = value;
    } else if (call_is(call, at, "SKIPME")) {
        return parse_yes_no(call, value, &filter->skips_me);
    } else {
        return call_syntax_error(call);
    }
    return true;
}

static bool parse_kill(struct call *call, struct filter *filter)
{
    if (call->argc == 3) {
        filter->peer = call->argv[2];
        filter->skips_me = false;
        return true;
    }
    for (int at = 2; at + 1 < call->argc; at += 2)
        if (!parse_kill_filter(call, at, filter))
            return false;
    return call->argc % 2 == 0 || call_syntax_error(call);
}

static void kill_client(struct call *call, struct client *client) ON_MAIN
{
    if (client == call->client)
        client->flags |= CLIENT_CLOSE_AFTER_REPLY;
    else
        exchange_close(call->services->exchange, client, CONNECTION_CLOSE_NOW);
}

static void kill_command(struct call *call) ON_MAIN
{
    struct filter filter = {.skips_me = true};
    if (!parse_kill(call, &filter))
        return;
    int64_t killed = 0;
    for (struct client *client = call->services->clients->first; client; client = client->next) {
        if (!is_listed(client) || !matches(&filter, client, call->client))
            continue;
        kill_client(call, client);
        killed++;
    }
    if (call->argc > 3)
        reply_integer(call->reply, killed);
    else if (killed)
        reply_ok(call->reply);
    else
        reply_errorf(call->reply, "No such client");
}

/* -- switches -- */

static void reply_command(struct call *call)
{
    struct client *client = call->client;
    if (call_is(call, 2, "ON")) {
        client->flags &= ~(uint32_t)(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
        call->reply->is_discarded = false;
        reply_ok(call->reply);
    } else if (call_is(call, 2, "OFF")) {
        client->flags |= CLIENT_REPLY_OFF;
    } else if (call_is(call, 2, "SKIP")) {
        if (!(client->flags & CLIENT_REPLY_OFF))
            client->flags |= CLIENT_REPLY_SKIP_NEXT;
    } else {
        call_syntax_error(call);
    }
}

static void set_switch(struct call *call, uint32_t flag)
{
    if (call_is(call, 2, "ON"))
        call->client->flags |= flag;
    else if (call_is(call, 2, "OFF"))
        call->client->flags &= ~flag;
    else {
        call_syntax_error(call);
        return;
    }
    reply_ok(call->reply);
}

static void no_evict_command(struct call *call)
{
    set_switch(call, CLIENT_NO_EVICT);
}

static void no_touch_command(struct call *call)
{
    set_switch(call, CLIENT_NO_TOUCH);
}

static void pause_command(struct call *call)
{
    int64_t timeout_ms;
    enum client_pause_mode mode = CLIENT_PAUSE_ALL;
    if (call->argc > 4) {
        call_unknown_subcommand(call);
        return;
    }
    if (call->argc == 4) {
        if (call_is(call, 3, "WRITE"))
            mode = CLIENT_PAUSE_WRITE;
        else if (!call_is(call, 3, "ALL")) {
            reply_errorf(call->reply, "CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!number_parse_i64(call->argv[2], &timeout_ms)) {
        reply_errorf(call->reply, "timeout is not an integer or out of range");
        return;
    }
    if (timeout_ms < 0) {
        reply_errorf(call->reply, "timeout is negative");
        return;
    }
    int64_t until_ms;
    if (__builtin_add_overflow(clock_wall_ms(), timeout_ms, &until_ms)) {
        reply_errorf(call->reply, "timeout is out of range");
        return;
    }
    client_pause_start(&call->services->executor->pause, mode, until_ms);
    keyspace_set_expire_mode(call->services->keyspace, EXPIRE_HIDE);
    reply_ok(call->reply);
}

static void unpause_command(struct call *call)
{
    client_pause_end(&call->services->executor->pause);
    keyspace_set_expire_mode(call->services->keyspace, EXPIRE_DELETE);
    reply_ok(call->reply);
}

static void unblock_command(struct call *call) ON_MAIN
{
    int64_t id;
    if (call->argc > 4) {
        call_unknown_subcommand(call);
        return;
    }
    if (call->argc == 4 && !call_is(call, 3, "TIMEOUT") && !call_is(call, 3, "ERROR")) {
        reply_errorf(call->reply, "CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (!call_integer(call, 2, &id, NULL))
        return;
    bool with_error = call->argc == 4 && call_is(call, 3, "ERROR");
    struct client *client = client_table_find(call->services->clients, (uint64_t)id);
    reply_integer(call->reply, client && blocking_unblock(client, with_error));
}

static void help_command(struct call *call)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        "GETNAME",
        "    Return the name of the current connection.",
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.",
        "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)",
        "      Skip killing current connection (default: yes).",
        "    * ID <client-id>",
        "      Kill connections by client id.",
        "    * MAXAGE <maxage>",
        "      Kill connections older than the specified age.",
        "LIST [options ...]",
        "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "    * ID <client-id> [<client-id> ...]",
        "      Return clients of the specified IDs only.",
        "NO-EVICT (ON|OFF)",
        "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Will not touch LRU/LFU stats when this mode is on.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETINFO <option> <value>",
        "    Set client meta attr. Options are:",
        "    * LIB-NAME: the client lib name.",
        "    * LIB-VER: the client lib version.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Control server assisted client side caching.",
        "TRACKINGINFO",
        "    Report tracking status for the current connection.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    Unblock the specified blocked client.",
        "UNPAUSE",
        "    Stop the current client pause, resuming traffic.",
        NULL};
    reply_help(call->reply, "CLIENT", lines);
}

enum { QUICK = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE, POWER = QUICK | COMMAND_ADMIN };

#define ROW(title, function, count, bits)                                                          \
    {                                                                                              \
        .name = (title), .handler = (function), .arity = (count), .flags = (bits),                 \
        .categories = CATEGORY_CONNECTION                                                          \
    }

static const struct command_spec client_subcommands[] = {
    ROW("id", id_command, 2, QUICK),
    ROW("getname", getname_command, 2, QUICK),
    ROW("setname", setname_command, 3, QUICK),
    ROW("setinfo", setinfo_command, 4, QUICK),
    ROW("info", info_command, 2, QUICK),
    ROW("list", list_command, -2, POWER),
    ROW("kill", kill_command, -3, POWER),
    ROW("reply", reply_command, 3, QUICK),
    ROW("no-evict", no_evict_command, 3, POWER),
    ROW("no-touch", no_touch_command, 3, QUICK),
    ROW("pause", pause_command, -3, POWER),
    ROW("unpause", unpause_command, 2, POWER),
    ROW("unblock", unblock_command, -3, POWER),
    ROW("getredir", tracking_getredir_command, 2, QUICK),
    ROW("tracking", tracking_command, -3, QUICK),
    ROW("caching", tracking_caching_command, 3, QUICK),
    ROW("trackinginfo", tracking_info_command, 2, QUICK),
    ROW("help", help_command, 2, COMMAND_LOADING | COMMAND_STALE),
    {0},
};

const struct command_spec client_commands[] = {
    {.name = "client", .arity = -2, .subcommands = client_subcommands},
    {0},
};
