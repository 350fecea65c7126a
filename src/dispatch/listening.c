/* See listening.h. */
#include "dispatch/listening.h"

#include "base/memory.h"
#include "dispatch/key_spec.h"

static bool is_for_subscribers(const struct command *command)
{
    static const char *const names[] = {"subscribe",    "unsubscribe", "psubscribe",
                                        "punsubscribe", "ssubscribe",  "sunsubscribe",
                                        "ping",         "quit",        "reset"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(command->name, names[i]) == 0)
            return true;
    return false;
}

bool listening_refuses(struct call *call)
{
    const struct client *client = call->client;
    struct command *command = call->command;
    if (client->flags & CLIENT_PUBSUB && client->protocol == 2 && !is_for_subscribers(command)) {
        command->stats.rejected_calls++;
        bool is_exec = strcmp(command->name, "exec") == 0;
        reply_errorf(call->reply,
                     "-%s Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                     "QUIT / RESET are allowed in this context",
                     is_exec ? "EXECABORT Transaction discarded because of:" : "ERR",
                     command->name);
        return true;
    }
    uint32_t of_keys = COMMAND_WRITE | COMMAND_READONLY | COMMAND_MAY_REPLICATE;
    if (client->flags & CLIENT_MONITOR && command->flags & of_keys) {
        command->stats.rejected_calls++;
        reply_errorf(call->reply, "Replica can't interact with the keyspace");
        return true;
    }
    return false;
}

static void remember_keys(struct tracking *tracking, const struct client *client,
                          const struct call *call)
{
    enum { ON_STACK = 64 };
    struct key_position few[ON_STACK];
    struct key_position *positions = few;
    int count = command_find_keys(call->command, call->argv, call->argc, few, ON_STACK);
    if (count > ON_STACK) {
        positions = mem_alloc((size_t)count * sizeof(*positions));
        count = command_find_keys(call->command, call->argv, call->argc, positions, count);
    }
    for (int i = 0; i < count; i++)
        if (!(positions[i].flags & KEY_NOT_KEY))
            tracking_remember(tracking, client, call->argv[positions[i].index]);
    if (positions != few)
        mem_free(positions);
}

void listening_tell(const struct call *call)
{
    struct pubsub *pubsub = call->services->pubsub;
    uint32_t flags = call->command->flags;
    if (pubsub->monitors.count && !call->is_run_again &&
        !(flags & (COMMAND_SKIP_MONITOR | COMMAND_ADMIN)))
        monitors_feed(&pubsub->monitors, &(struct monitored){.client = call->client,
                                                             .argv = call->argv,
                                                             .argc = call->argc,
                                                             .db = call->client->db,
                                                             .redacted = call->redacted});
    const struct client *reader = pubsub->push.running;
    if (reader && flags & COMMAND_READONLY && tracking_remembers(reader))
        remember_keys(&pubsub->tracking, reader, call);
}

/* CLIENT CACHING holds for one command, or for a whole transaction. */
void listening_end_caching(struct client *client, const struct command *command)
{
    bool is_client = command && command->parent && strcmp(command->parent->name, "client") == 0;
    if (!is_client && !(client->flags & (CLIENT_MULTI | CLIENT_PAUSED)))
        client->tracking_flags &= (uint8_t)~TRACKING_CACHING;
}
