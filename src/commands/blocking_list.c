/* Lists, waiting: BLPOP BRPOP BLMPOP BLMOVE BRPOPLPUSH. Each tries what its sibling does and blocks
 * when there is nothing; it is run again when a key has become ready. Main thread. */
#include "commands/all.h"
#include "commands/blocking_common.h"
#include "commands/list_common.h"

static void blpop_command(struct call *call)
{
    pop_or_block(call, VALUE_LIST, true, list_pop_first);
}

static void brpop_command(struct call *call)
{
    pop_or_block(call, VALUE_LIST, false, list_pop_first);
}

static void blmpop_command(struct call *call)
{
    int64_t timeout_ms;
    struct lmpop_options options;
    if (lmpop_parse(call, 2, &options) && call_timeout_seconds(call, 1, &timeout_ms) &&
        !lmpop_try(call, &options))
        block_or_null(call, VALUE_LIST, options.first_key, options.keys, timeout_ms);
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
        block_for(call, VALUE_LIST, 1, 1, timeout_ms);
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

#define MOVE_ROW(text, function, arguments)                                                        \
    COMMAND_ROW(text, function, arguments, TAKE | COMMAND_DENYOOM, CATEGORY_LIST, KEYS_FROM_AND_TO)

const struct command_spec blocking_list_commands[] = {
    POP_ROW("blpop", blpop_command, TAKE, CATEGORY_LIST),
    POP_ROW("brpop", brpop_command, TAKE, CATEGORY_LIST),
    MPOP_ROW("blmpop", blmpop_command, CATEGORY_LIST),
    MOVE_ROW("blmove", blmove_command, 6),
    MOVE_ROW("brpoplpush", brpoplpush_command, 4),
    {0},
};
