/* Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB. Main thread. */
#include "base/number.h"
#include "commands/all.h"
#include "dispatch/call.h"
#include "dispatch/flush_wait.h"
#include "keyspace/keyspace.h"

static void dbsize_command(struct call *call)
{
    reply_integer(call->reply, (int64_t)db_count(call->db));
}

/* Reads SYNC or ASYNC; false with the error written. */
static bool parse_flush(struct call *call, bool *is_async)
{
    *is_async = call->services->keyspace->settings->lazyfree_lazy_user_flush;
    if (call->argc == 1)
        return true;
    if (call->argc > 2)
        return call_syntax_error(call);
    *is_async = call_is(call, 1, "async");
    return *is_async || call_is(call, 1, "sync") || call_syntax_error(call);
}

static void flush(struct call *call, int index)
{
    bool is_async;
    if (!parse_flush(call, &is_async))
        return;
    /* Propagated even when there was nothing to remove. */
    call->dirty += keyspace_flush(call->services->keyspace, index, is_async) + 1;
    if (is_async || !flush_wait_begin(call))
        reply_ok(call->reply);
}

static void flushdb_command(struct call *call)
{
    flush(call, call->db->index);
}

static void flushall_command(struct call *call)
{
    flush(call, -1);
}

static void swapdb_command(struct call *call)
{
    struct keyspace *keyspace = call->services->keyspace;
    int64_t first;
    int64_t second;
    if (!call_integer_in(call, 1, INT32_MIN, INT32_MAX, &first, "ERR invalid first DB index") ||
        !call_integer_in(call, 2, INT32_MIN, INT32_MAX, &second, "ERR invalid second DB index"))
        return;
    if (!keyspace_db(keyspace, first) || !keyspace_db(keyspace, second)) {
        reply_error(call->reply, "ERR DB index is out of range");
        return;
    }
    keyspace_swap(keyspace, (int)first, (int)second);
    call->dirty++;
    reply_ok(call->reply);
}

const struct command_spec flush_commands[] = {
    {.name = "dbsize",
     .handler = dbsize_command,
     .arity = 1,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE},
    {.name = "flushdb",
     .handler = flushdb_command,
     .arity = -1,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS},
    {.name = "flushall",
     .handler = flushall_command,
     .arity = -1,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS},
    {.name = "swapdb",
     .handler = swapdb_command,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS},
    {0},
};
