/* Sorted sets, waiting: BZPOPMIN BZPOPMAX BZMPOP. See blocking_list.c. Main thread. */
#include "commands/all.h"
#include "commands/blocking_common.h"
#include "commands/zset_common.h"

static void bzpopmin_command(struct call *call)
{
    pop_or_block(call, VALUE_ZSET, false, zset_pop_first);
}

static void bzpopmax_command(struct call *call)
{
    pop_or_block(call, VALUE_ZSET, true, zset_pop_first);
}

static void bzmpop_command(struct call *call)
{
    int64_t timeout_ms;
    struct zmpop_options options;
    if (zmpop_parse(call, 2, &options) && call_timeout_seconds(call, 1, &timeout_ms) &&
        !zmpop_try(call, &options))
        block_or_null(call, VALUE_ZSET, options.first_key, (int)options.keys, timeout_ms);
}

const struct command_spec blocking_zset_commands[] = {
    POP_ROW("bzpopmin", bzpopmin_command, TAKE | FAST, CATEGORY_SORTEDSET),
    POP_ROW("bzpopmax", bzpopmax_command, TAKE | FAST, CATEGORY_SORTEDSET),
    MPOP_ROW("bzmpop", bzmpop_command, CATEGORY_SORTEDSET),
    {0},
};
