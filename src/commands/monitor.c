/* MONITOR: every command that is executed, as a line. Main thread. */
#include "commands/all.h"
#include "dispatch/call.h"
#include "pubsub/pubsub.h"

static void monitor_command(struct call *call)
{
    if (call->may_not_block) {
        /* In a transaction each command has exactly one reply. */
        reply_errorf(call->reply, "MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    if (monitors_add(&call->services->pubsub->monitors, call->client))
        reply_ok(call->reply);
    /* A second MONITOR is not answered, as in Redis. */
}

const struct command_spec monitor_commands[] = {
    {.name = "monitor",
     .handler = monitor_command,
     .arity = 1,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE},
    {0},
};
