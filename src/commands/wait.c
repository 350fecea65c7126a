/* WAIT and WAITAOF. There are no replicas and no append-only file yet, so none of them has
 * anything: who asks for one waits until the time is over. Main thread. */
#include "commands/all.h"
#include "dispatch/blocking.h"

static void answer_none(struct reply *reply)
{
    reply_integer(reply, 0);
}

static void answer_none_local_and_remote(struct reply *reply)
{
    reply_array(reply, 2);
    reply_integer(reply, 0);
    reply_integer(reply, 0);
}

static void wait_until_timeout(struct call *call, bool is_satisfied, int64_t timeout_ms,
                               void (*answer)(struct reply *reply))
{
    if (is_satisfied || call->may_not_block)
        answer(call->reply);
    else
        call_block(call,
                   &(struct block_options){.timeout_ms = timeout_ms, .answer_timeout = answer});
}

static void wait_command(struct call *call)
{
    int64_t replicas;
    int64_t timeout_ms;
    if (call_integer(call, 1, &replicas, NULL) && call_timeout_ms(call, 2, &timeout_ms))
        wait_until_timeout(call, replicas <= 0, timeout_ms, answer_none);
}

static void waitaof_command(struct call *call)
{
    int64_t local;
    int64_t replicas;
    int64_t timeout_ms;
    if (!call_integer_in(call, 1, 0, 1, &local, NULL) ||
        !call_integer_in(call, 2, 0, INT64_MAX, &replicas, NULL) ||
        !call_timeout_ms(call, 3, &timeout_ms))
        return;
    if (local) {
        reply_error(call->reply,
                    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
        return;
    }
    wait_until_timeout(call, replicas == 0, timeout_ms, answer_none_local_and_remote);
}

const struct command_spec wait_commands[] = {
    {.name = "wait",
     .handler = wait_command,
     .arity = 3,
     .flags = COMMAND_BLOCKING,
     .categories = CATEGORY_CONNECTION},
    {.name = "waitaof",
     .handler = waitaof_command,
     .arity = 4,
     .flags = COMMAND_BLOCKING,
     .categories = CATEGORY_CONNECTION},
    {0},
};
