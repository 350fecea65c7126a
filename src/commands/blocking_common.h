/* What the files of blocking commands share. Main thread. */
#ifndef COMMANDS_BLOCKING_COMMON_H
#define COMMANDS_BLOCKING_COMMON_H

#include "commands/command_rows.h"
#include "dispatch/blocking.h"

/* The client waits for a value of the type at one of the keys. */
static inline void block_for(struct call *call, enum value_type type, int first_key, int keys,
                             int64_t timeout_ms)
{
    call_block(call, &(struct block_options){.first_key = first_key,
                                             .key_count = keys,
                                             .type = type,
                                             .timeout_ms = timeout_ms,
                                             .answer_timeout = reply_null_array});
}

/* The same, or the answer of a timeout at once where it may not wait. */
static inline void block_or_null(struct call *call, enum value_type type, int first_key, int keys,
                                 int64_t timeout_ms)
{
    if (call->may_not_block)
        reply_null_array(call->reply);
    else
        block_for(call, type, first_key, keys, timeout_ms);
}

/* "key... timeout": pops from the first key that is there, at one of two ends, or waits. */
static inline void pop_or_block(struct call *call, enum value_type type, bool end,
                                bool (*pop_first)(struct call *call, int first_key, int keys,
                                                  bool end))
{
    int64_t timeout_ms;
    int keys = call->argc - 2;
    if (call_timeout_seconds(call, call->argc - 1, &timeout_ms) && !pop_first(call, 1, keys, end))
        block_or_null(call, type, 1, keys, timeout_ms);
}

/* -- rows -- */

enum { TAKE = COMMAND_WRITE | COMMAND_BLOCKING };

#define POP_ROW(text, function, command_flags, command_categories)                                 \
    COMMAND_ROW(text, function, -3, command_flags, command_categories,                             \
                {KEY_RANGE(KEY_RW | KEY_ACCESS | KEY_DELETE, 1, -2)})
#define MPOP_ROW(text, function, command_categories)                                               \
    COMMAND_ROW(text, function, -5, TAKE | COMMAND_MOVABLE_KEYS, command_categories,               \
                {KEYS_COUNTED(KEY_RW | KEY_ACCESS | KEY_DELETE, 2)})

#endif
