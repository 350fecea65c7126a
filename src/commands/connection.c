/* Commands about the connection itself: HELLO AUTH SELECT RESET QUIT PING ECHO. */
#include "acl/acl_users.h"
#include "base/text.h"
#include "base/version.h"
#include "client/exchange.h"
#include "commands/all.h"
#include "dispatch/blocking.h"
#include "dispatch/call.h"
#include "dispatch/execute.h"
#include "dispatch/transaction.h"
#include "keyspace/keyspace.h"
#include "observability/stats.h"
#include "pubsub/pubsub.h"

static void ping_command(struct call *call)
{
    if (call->argc > 2) {
        call_arity_error(call);
        return;
    }
    bool is_subscriber = call->client->flags & CLIENT_PUBSUB && call->client->protocol == 2;
    if (is_subscriber) {
        reply_array(call->reply, 2);
        reply_bulk_text(call->reply, "pong");
        reply_bulk_bytes(call->reply, call->argc == 2 ? call->argv[1] : BYTES_LITERAL(""));
    } else if (call->argc == 1) {
        reply_simple(call->reply, "PONG");
    } else {
        reply_bulk_bytes(call->reply, call->argv[1]);
    }
}

static void echo_command(struct call *call)
{
    reply_bulk_bytes(call->reply, call->argv[1]);
}

static void quit_command(struct call *call)
{
    reply_ok(call->reply);
    call->client->flags |= CLIENT_CLOSE_AFTER_REPLY;
}

static void select_command(struct call *call)
{
    int64_t index;
    if (!call_integer_in(call, 1, INT32_MIN, INT32_MAX, &index, NULL))
        return;
    if (!keyspace_db(call->services->keyspace, index)) {
        reply_errorf(call->reply, "DB index is out of range");
        return;
    }
    call->client->db = (int32_t)index;
    reply_ok(call->reply);
}

enum { AUTH_FAILURES_FREE = 10, AUTH_DELAY_MS = 100 };

static void answer_wrong_password(struct reply *reply)
{
    reply_error(reply, "WRONGPASS invalid username-password pair or user is disabled.");
}

/* A few times at once; whoever goes on guessing waits for each answer. */
static void refuse_password(struct call *call)
{
    call->services->stats->acl_denied_auth++;
    if (call->client->auth_failures < AUTH_FAILURES_FREE)
        call->client->auth_failures++;
    else if (!call->may_not_block && call->request) {
        call_block(call, &(struct block_options){.timeout_ms = AUTH_DELAY_MS,
                                                 .answer_timeout = answer_wrong_password});
        return;
    }
    answer_wrong_password(call->reply);
}

/* True when the client is now authenticated as `user`; else the error reply is written, or will be.
 */
static bool authenticate(struct call *call, struct bytes user, struct bytes password) ON_MAIN
{
    if (!acl_authenticate(call->services->acl, user, password)) {
        refuse_password(call);
        return false;
    }
    call->client->user = "default";
    call->client->auth_failures = 0;
    call->client->flags |= CLIENT_AUTHENTICATED;
    strangers_remove(call->services->clients->strangers, call->client);
    exchange_send_limits(call->services->exchange, call->client);
    return true;
}

static void auth_command(struct call *call) ON_MAIN
{
    call->redacted = ~UINT64_C(1);
    if (call->argc > 3) {
        call_syntax_error(call);
        return;
    }
    if (call->argc == 2 && !acl_needs_password(call->services->acl)) {
        reply_errorf(call->reply,
                     "AUTH <password> called without any password configured for the default user. "
                     "Are you sure your configuration is correct?");
        return;
    }
    struct bytes user = call->argc == 3 ? call->argv[1] : BYTES_LITERAL("default");
    if (authenticate(call, user, call->argv[call->argc - 1]))
        reply_ok(call->reply);
}

struct hello {
    int64_t protocol; /* 0: as it is */
    bool has_auth;
    struct bytes user;
    struct bytes password;
    bool has_name;
    struct bytes name;
};

static bool parse_hello(struct call *call, struct hello *hello)
{
    if (call->argc < 2)
        return true;
    if (!call_integer(call, 1, &hello->protocol,
                      "ERR Protocol version is not an integer or out of range"))
        return false;
    if (hello->protocol < 2 || hello->protocol > 3) {
        reply_error(call->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    for (int i = 2; i < call->argc; i++) {
        int left = call->argc - 1 - i;
        if (call_is(call, i, "AUTH") && left >= 2) {
            hello->has_auth = true;
            if (i < 62)
                call->redacted |= UINT64_C(3) << (i + 1);
            hello->user = call->argv[++i];
            hello->password = call->argv[++i];
        } else if (call_is(call, i, "SETNAME") && left >= 1) {
            hello->has_name = true;
            hello->name = call->argv[++i];
            if (!client_name_is_valid(hello->name)) {
                reply_errorf(call->reply, "Client names cannot contain spaces, newlines or special "
                                          "characters.");
                return false;
            }
        } else {
            struct bytes option = call->argv[i];
            reply_errorf(call->reply, "Syntax error in HELLO option '%.*s'",
                         reply_quoted_size(option), option.data);
            return false;
        }
    }
    return true;
}

static void reply_hello(struct call *call)
{
    struct reply *reply = call->reply;
    reply_map(reply, 7);
    reply_bulk_text(reply, "server");
    reply_bulk_text(reply, "redis");
    reply_bulk_text(reply, "version");
    reply_bulk_text(reply, REDIS_VERSION);
    reply_bulk_text(reply, "proto");
    reply_integer(reply, call->client->protocol);
    reply_bulk_text(reply, "id");
    reply_integer(reply, (int64_t)call->client->id);
    reply_bulk_text(reply, "mode");
    reply_bulk_text(reply, "standalone");
    reply_bulk_text(reply, "role");
    reply_bulk_text(reply, "master");
    reply_bulk_text(reply, "modules");
    reply_array(reply, 0);
}

static void hello_command(struct call *call) ON_MAIN
{
    struct hello hello = {0};
    if (!parse_hello(call, &hello))
        return;
    if (hello.has_auth && !authenticate(call, hello.user, hello.password))
        return;
    if (!(call->client->flags & CLIENT_AUTHENTICATED)) {
        reply_error(
            call->reply,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
            "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
            "select the RESP protocol version at the same time");
        return;
    }
    if (hello.has_name)
        client_set_text(&call->client->name, hello.name);
    if (hello.protocol) {
        call->client->protocol = (uint8_t)hello.protocol;
        call->reply->protocol = (uint8_t)hello.protocol;
    }
    reply_hello(call);
}

static void reset_command(struct call *call) ON_MAIN
{
    struct client *client = call->client;
    transaction_discard(call->services->executor, client);
    client->flags &= ~(uint32_t)(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP_NEXT | CLIENT_NO_EVICT |
                                 CLIENT_NO_TOUCH | CLIENT_READONLY | CLIENT_ASKING);
    if (call->services->pubsub)
        pubsub_reset_client(call->services->pubsub, client);
    client->db = 0;
    client->protocol = call->reply->protocol = 2;
    call->reply->is_discarded =
        client->flags & CLIENT_REPLY_SKIP; /* the SKIP of the command before */
    client_set_text(&client->name, BYTES_LITERAL(""));
    client->user = "default";
    client->flags &= ~(uint32_t)CLIENT_AUTH_WAIVED;
    if (acl_needs_password(call->services->acl)) {
        client->flags &= ~(uint32_t)CLIENT_AUTHENTICATED;
        (void)strangers_add(call->services->clients->strangers, client, 0);
    } else {
        client->flags |= CLIENT_AUTHENTICATED; /* as a new connection */
    }
    exchange_send_limits(call->services->exchange, client);
    reply_simple(call->reply, "RESET");
}

enum {
    ALWAYS = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST | COMMAND_NO_AUTH |
             COMMAND_ALLOW_BUSY
};

const struct command_spec connection_commands[] = {
    {.name = "ping",
     .handler = ping_command,
     .arity = -1,
     .flags = COMMAND_FAST,
     .categories = CATEGORY_CONNECTION},
    {.name = "echo",
     .handler = echo_command,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .categories = CATEGORY_CONNECTION},
    {.name = "quit",
     .handler = quit_command,
     .arity = -1,
     .flags = ALWAYS,
     .categories = CATEGORY_CONNECTION},
    {.name = "select",
     .handler = select_command,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
     .categories = CATEGORY_CONNECTION},
    {.name = "auth",
     .handler = auth_command,
     .arity = -2,
     .flags = ALWAYS,
     .categories = CATEGORY_CONNECTION},
    {.name = "hello",
     .handler = hello_command,
     .arity = -1,
     .flags = ALWAYS,
     .categories = CATEGORY_CONNECTION},
    {.name = "reset",
     .handler = reset_command,
     .arity = 1,
     .flags = ALWAYS,
     .categories = CATEGORY_CONNECTION},
    {0},
};
