/* What handlers use to read arguments and to answer with Redis's standard errors. Main thread. */
#include "dispatch/call.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>

static const char not_an_integer[] = "ERR value is not an integer or out of range";

/* -- propagation -- */

void call_propagate(struct call *call, int argc, const struct bytes *argv)
{
    call->is_propagated_as_is = false;
    if (!call->has_listeners)
        return;
    size_t size = sizeof(struct call_propagated) + (size_t)argc * sizeof(struct bytes);
    for (int i = 0; i < argc; i++)
        size += argv[i].size;
    struct call_propagated *propagated = mem_alloc(size);
    propagated->next = NULL;
    propagated->argc = argc;
    char *at = (char *)&propagated->argv[argc];
    for (int i = 0; i < argc; i++) {
        if (argv[i].size)
            memcpy(at, argv[i].data, argv[i].size);
        propagated->argv[i] = bytes_of(at, argv[i].size);
        at += argv[i].size;
    }
    struct call_propagated **tail = &call->propagated;
    while (*tail)
        tail = &(*tail)->next;
    *tail = propagated;
}

void call_propagate_none(struct call *call)
{
    call->is_propagated_as_is = false;
}

void call_propagated_free(struct call *call)
{
    while (call->propagated) {
        struct call_propagated *next = call->propagated->next;
        mem_free(call->propagated);
        call->propagated = next;
    }
}

/* -- arguments -- */

bool call_integer(struct call *call, int index, int64_t *value, const char *error)
{
    if (number_parse_i64(call->argv[index], value))
        return true;
    reply_error(call->reply, error ? error : not_an_integer);
    return false;
}

bool call_integer_in(struct call *call, int index, int64_t minimum, int64_t maximum, int64_t *value,
                     const char *error)
{
    if (!call_integer(call, index, value, error))
        return false;
    if (*value >= minimum && *value <= maximum)
        return true;
    if (error)
        reply_error(call->reply, error);
    else if (minimum == 0 && maximum == INT64_MAX)
        reply_error(call->reply, "ERR value is out of range, must be positive");
    else
        reply_errorf(call->reply,
                     "value is out of range, value must between %" PRId64 " and %" PRId64, minimum,
                     maximum);
    return false;
}

/* By the rules of strtoul, without space before it: signs and zeros may lead, a minus wraps, a NUL
 * ends. That the empty text is no cursor is 7.2's. */
bool call_cursor(struct call *call, int index, uint64_t *cursor)
{
    struct bytes text = call->argv[index];
    bool is_negative = text.size > 0 && text.data[0] == '-';
    size_t start = is_negative || (text.size > 0 && text.data[0] == '+');
    size_t end = start;
    uint64_t value = 0;
    bool is_valid = true;
    for (; end < text.size && text.data[end] >= '0' && text.data[end] <= '9'; end++) {
        is_valid &= !__builtin_mul_overflow(value, 10, &value);
        is_valid &= !__builtin_add_overflow(value, (uint64_t)(text.data[end] - '0'), &value);
    }
    is_valid &= end > start && (end == text.size || text.data[end] == '\0');
    if (!is_valid) {
        reply_error(call->reply, "ERR invalid cursor");
        return false;
    }
    *cursor = is_negative ? -value : value;
    return true;
}

bool call_double(struct call *call, int index, double *value, const char *error)
{
    if (number_parse_double(call->argv[index], value))
        return true;
    reply_error(call->reply, error ? error : "ERR value is not a valid float");
    return false;
}

/* -- errors -- */

bool call_arity_error(struct call *call)
{
    reply_errorf(call->reply, "wrong number of arguments for '%s' command", call->command->name);
    return false;
}

bool call_syntax_error(struct call *call)
{
    reply_error(call->reply, "ERR syntax error");
    return false;
}

bool call_wrong_type(struct call *call)
{
    reply_error(call->reply, "WRONGTYPE Operation against a key holding the wrong kind of value");
    return false;
}

bool call_no_such_key(struct call *call)
{
    reply_error(call->reply, "ERR no such key");
    return false;
}

bool call_unknown_subcommand(struct call *call)
{
    enum { SHOWN_MAX = 128 };
    char container[64];
    const struct command *parent = call->command->parent;
    text_copy(container, sizeof(container), parent ? parent->called : call->command->called);
    text_upper(container, strlen(container));
    int shown = call->argv[1].size < SHOWN_MAX ? (int)call->argv[1].size : SHOWN_MAX;
    reply_errorf(call->reply,
                 "unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.", shown,
                 call->argv[1].data, container);
    return false;
}
