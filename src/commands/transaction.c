/* MULTI EXEC DISCARD WATCH UNWATCH; what they do is in dispatch/transaction.c and watch.c. Main
 * thread. */
#include "dispatch/transaction.h"

#include "commands/all.h"
#include "dispatch/call.h"
#include "dispatch/execute.h"
#include "dispatch/watch.h"

static void multi_command(struct call *call)
{
    if (call->client->flags & CLIENT_MULTI) {
        reply_error(call->reply, "ERR MULTI calls can not be nested");
        return;
    }
    transaction_begin(call->client);
    reply_ok(call->reply);
}

static void discard_command(struct call *call)
{
    if (!(call->client->flags & CLIENT_MULTI)) {
        reply_error(call->reply, "ERR DISCARD without MULTI");
        return;
    }
    transaction_discard(call->services->executor, call->client);
    reply_ok(call->reply);
}

static void exec_command(struct call *call)
{
    struct client *client = call->client;
    struct executor *executor = call->services->executor;
    if (!(client->flags & CLIENT_MULTI)) {
        reply_error(call->reply, "ERR EXEC without MULTI");
        return;
    }
    if (watch_has_expired(client))
        client->flags |= CLIENT_DIRTY_CAS;
    if (client->flags & CLIENT_DIRTY_EXEC) {
        reply_error(call->reply, "EXECABORT Transaction discarded because of previous errors.");
        transaction_discard(executor, client);
    } else if (client->flags & CLIENT_DIRTY_CAS) {
        reply_null_array(call->reply);
        transaction_discard(executor, client);
    } else {
        transaction_run(call);
    }
}

static void watch_command(struct call *call)
{
    struct client *client = call->client;
    if (client->flags & CLIENT_MULTI) {
        reply_error(call->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    /* Once a watched key has changed there is nothing more to know. */
    for (int i = 1; i < call->argc && !(client->flags & CLIENT_DIRTY_CAS); i++)
        watch_add(call->services->executor->watches, client, call->db, call_key(call, i));
    reply_ok(call->reply);
}

static void unwatch_command(struct call *call)
{
    watch_remove_all(call->services->executor->watches, call->client);
    call->client->flags &= ~(uint32_t)CLIENT_DIRTY_CAS;
    reply_ok(call->reply);
}

enum {
    CONTROL = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
    QUICK = CONTROL | COMMAND_FAST | COMMAND_ALLOW_BUSY
};

const struct command_spec transaction_commands[] = {
    {.name = "multi",
     .handler = multi_command,
     .arity = 1,
     .flags = QUICK,
     .categories = CATEGORY_TRANSACTION},
    {.name = "exec",
     .handler = exec_command,
     .arity = 1,
     .flags = CONTROL | COMMAND_SKIP_SLOWLOG,
     .categories = CATEGORY_TRANSACTION},
    {.name = "discard",
     .handler = discard_command,
     .arity = 1,
     .flags = QUICK,
     .categories = CATEGORY_TRANSACTION},
    {.name = "watch",
     .handler = watch_command,
     .arity = -2,
     .flags = QUICK,
     .categories = CATEGORY_TRANSACTION,
     .keys = KEY_ALL(KEY_RO, 1)},
    {.name = "unwatch",
     .handler = unwatch_command,
     .arity = 1,
     .flags = QUICK,
     .categories = CATEGORY_TRANSACTION},
    {0},
};
