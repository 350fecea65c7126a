/* Sorted sets, waiting: BZPOPMIN BZPOPMAX BZMPOP. See blocking_list.c. Main thread. */
#include "commands/all.h"
#include "commands/zset_common.h"
#include "dispatch/blocking.h"

static void block_or_null(struct call *call, int first_key, int keys, int64_t timeout_ms)
{
    if (call->may_not_block) {
        reply_null_array(call->reply);
        return;
    }
    call_block(call, &(struct block_options){.first_key = first_key,
                                             .key_count = keys,
                                             .type = VALUE_ZSET,
                                             .timeout_ms = timeout_ms,
                                             .answer_timeout = reply_null_array});
}

static void pop(struct call *call, bool is_highest)
{
    int64_t timeout_ms;
    int keys = call->argc - 2;
    if (call_timeout_seconds(call, call->argc - 1, &timeout_ms) &&
        !zset_pop_first(call, 1, keys, is_highest))
        block_or_null(call, 1, keys, timeout_ms);
}

static void bzpopmin_command(struct call *call)
{
    pop(call, false);
}

static void bzpopmax_command(struct call *call)
{
    pop(call, true);
}

static void bzmpop_command(struct call *call)
{
    int64_t timeout_ms;
    struct zmpop_options options;
    if (zmpop_parse(call, 2, &options) && call_timeout_seconds(call, 1, &timeout_ms) &&
        !zmpop_try(call, &options))
        block_or_null(call, options.first_key, (int)options.keys, timeout_ms);
}

enum { TAKE = COMMAND_WRITE | COMMAND_BLOCKING };

#define KEYS_BEFORE_TIMEOUT                                                                        \
    {                                                                                              \
        {                                                                                          \
            .flags = KEY_RW | KEY_ACCESS | KEY_DELETE, .begin = KEY_SPEC_INDEX, .index = 1,        \
            .find = KEY_FIND_RANGE, .last = -2, .step = 1                                          \
        }                                                                                          \
    }

const struct command_spec blocking_zset_commands[] = {
    {.name = "bzpopmin",
     .handler = bzpopmin_command,
     .arity = -3,
     .flags = TAKE | COMMAND_FAST,
     .categories = CATEGORY_SORTEDSET,
     .keys = KEYS_BEFORE_TIMEOUT},
    {.name = "bzpopmax",
     .handler = bzpopmax_command,
     .arity = -3,
     .flags = TAKE | COMMAND_FAST,
     .categories = CATEGORY_SORTEDSET,
     .keys = KEYS_BEFORE_TIMEOUT},
    {.name = "bzmpop",
     .handler = bzmpop_command,
     .arity = -5,
     .flags = TAKE | COMMAND_MOVABLE_KEYS,
     .categories = CATEGORY_SORTEDSET,
     .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
               .begin = KEY_SPEC_INDEX,
               .index = 2,
               .find = KEY_FIND_KEYNUM,
               .last = 0,
               .step = 1,
               .limit = 1}}},
    {0},
};
