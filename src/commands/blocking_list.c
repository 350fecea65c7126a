/* Lists, waiting: BLPOP BRPOP BLMPOP BLMOVE BRPOPLPUSH. Each tries what its sibling does and blocks
 * when there is nothing; it is run again when a key has become ready. Main thread. */
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/list_common.h"
#include "dispatch/blocking.h"

static void block(struct call *call, int first_key, int keys, int64_t timeout_ms)
{
    call_block(call, &(struct block_options){.first_key = first_key,
                                             .key_count = keys,
                                             .type = VALUE_LIST,
                                             .timeout_ms = timeout_ms,
                                             .answer_timeout = reply_null_array});
}

static void pop(struct call *call, bool at_head)
{
    int64_t timeout_ms;
    int keys = call->argc - 2;
    if (!call_timeout_seconds(call, call->argc - 1, &timeout_ms) ||
        list_pop_first(call, 1, keys, at_head))
        return;
    if (call->may_not_block)
        reply_null_array(call->reply);
    else
        block(call, 1, keys, timeout_ms);
}

static void blpop_command(struct call *call)
{
    pop(call, true);
}

static void brpop_command(struct call *call)
{
    pop(call, false);
}

static void blmpop_command(struct call *call)
{
    int64_t timeout_ms;
    struct lmpop_options options;
    if (!lmpop_parse(call, 2, &options) || !call_timeout_seconds(call, 1, &timeout_ms) ||
        lmpop_try(call, &options))
        return;
    if (call->may_not_block)
        reply_null_array(call->reply);
    else
        block(call, options.first_key, options.keys, timeout_ms);
}

static void move(struct call *call, bool from_head, bool to_head, int64_t timeout_ms)
{
    if (list_move_element(call, from_head, to_head)) {
        if (!call->dirty)
            return;
        const struct bytes left = BYTES_LITERAL("LEFT");
        const struct bytes right = BYTES_LITERAL("RIGHT");
        const struct bytes argv[] = {BYTES_LITERAL("LMOVE"), call->argv[1], call->argv[2],
                                     from_head ? left : right, to_head ? left : right};
        call_propagate(call, 5, argv);
    } else if (call->may_not_block) {
        reply_null(call->reply);
    } else {
        block(call, 1, 1, timeout_ms);
    }
}

static void blmove_command(struct call *call)
{
    bool from_head;
    bool to_head;
    int64_t timeout_ms;
    if (list_parse_end(call, 3, &from_head) && list_parse_end(call, 4, &to_head) &&
        call_timeout_seconds(call, 5, &timeout_ms))
        move(call, from_head, to_head, timeout_ms);
}

static void brpoplpush_command(struct call *call)
{
    int64_t timeout_ms;
    if (call_timeout_seconds(call, 3, &timeout_ms))
        move(call, false, true, timeout_ms);
}

enum { TAKE = COMMAND_WRITE | COMMAND_BLOCKING, MOVE = TAKE | COMMAND_DENYOOM };

#define KEYS_BEFORE_TIMEOUT                                                                        \
    {                                                                                              \
        {                                                                                          \
            .flags = KEY_RW | KEY_ACCESS | KEY_DELETE, .begin = KEY_SPEC_INDEX, .index = 1,        \
            .find = KEY_FIND_RANGE, .last = -2, .step = 1                                          \
        }                                                                                          \
    }

const struct command_spec blocking_list_commands[] = {
    {.name = "blpop",
     .handler = blpop_command,
     .arity = -3,
     .flags = TAKE,
     .categories = CATEGORY_LIST,
     .keys = KEYS_BEFORE_TIMEOUT},
    {.name = "brpop",
     .handler = brpop_command,
     .arity = -3,
     .flags = TAKE,
     .categories = CATEGORY_LIST,
     .keys = KEYS_BEFORE_TIMEOUT},
    {.name = "blmpop",
     .handler = blmpop_command,
     .arity = -5,
     .flags = TAKE | COMMAND_MOVABLE_KEYS,
     .categories = CATEGORY_LIST,
     .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
               .begin = KEY_SPEC_INDEX,
               .index = 2,
               .find = KEY_FIND_KEYNUM,
               .last = 0,
               .step = 1,
               .limit = 1}}},
    {.name = "blmove",
     .handler = blmove_command,
     .arity = 6,
     .flags = MOVE,
     .categories = CATEGORY_LIST,
     .keys = KEYS_FROM_AND_TO},
    {.name = "brpoplpush",
     .handler = brpoplpush_command,
     .arity = 4,
     .flags = MOVE,
     .categories = CATEGORY_LIST,
     .keys = KEYS_FROM_AND_TO},
    {0},
};
