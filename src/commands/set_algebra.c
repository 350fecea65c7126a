/* Intersection, union and difference of sets, answered or stored. Main thread. */
#include "types/set_algebra.h"
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/set_common.h"
#include "keyspace/keyspace.h"

/* The sets of a command; absent ones have no pointer. */
struct sets {
    struct value *values;
    size_t count;
    size_t absent;
};

/* Reads `count` keys from argv[first] on; false with the error written. */
static bool gather(struct call *call, int first, size_t count, struct sets *sets)
{
    *sets = (struct sets){mem_alloc(count * sizeof(struct value)), count, 0};
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = db_find_read(call->db, call_key(call, first + (int)i));
        if (entry && entry_type(entry) != VALUE_SET) {
            mem_free(sets->values);
            return call_wrong_type(call);
        }
        sets->values[i] = entry ? entry_value(entry) : (struct value){.type = VALUE_SET};
        sets->absent += entry == NULL;
    }
    return true;
}

/* -- what is done with each member -- */

struct answer {
    struct call *call;
    int64_t count;
};

static bool answer_member(void *context, struct listpack_value member)
{
    struct answer *answer = context;
    set_reply_member(answer->call->reply, member);
    answer->count++;
    return true;
}

struct result {
    const struct type_settings *settings;
    struct value set;
};

static bool keep_member(void *context, struct listpack_value member)
{
    struct result *result = context;
    set_add_value(&result->set, result->settings, member);
    return true;
}

/* Puts the result at argv[1], or removes what is there when it is empty. Takes the set over. */
static void store_result(struct call *call, struct value set, const char *event)
{
    struct key key = call_key(call, 1);
    int64_t count = (int64_t)set_count(set);
    if (count) {
        set_shrink(&set);
        db_set_value(call->db, key, set, 0);
        call->dirty++;
        db_changed(call->db, key.name, KEY_CLASS_SET, event);
    } else {
        value_free(set);
        if (db_delete(call->db, key)) {
            call->dirty++;
            db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
        }
    }
    reply_integer(call->reply, count);
}

/* -- SINTER -- */

static void sinter_command(struct call *call)
{
    struct sets sets;
    if (!gather(call, 1, (size_t)call->argc - 1, &sets))
        return;
    if (sets.absent) {
        reply_set(call->reply, 0);
    } else {
        struct answer answer = {call, 0};
        struct reply_mark mark = reply_defer(call->reply);
        set_intersect(sets.values, sets.count, answer_member, &answer);
        reply_defer_set(call->reply, mark, answer.count);
    }
    mem_free(sets.values);
}

static void sinterstore_command(struct call *call)
{
    struct sets sets;
    if (!gather(call, 2, (size_t)call->argc - 2, &sets))
        return;
    struct result result = {call->services->types, set_create_result()};
    if (!sets.absent)
        set_intersect(sets.values, sets.count, keep_member, &result);
    mem_free(sets.values);
    store_result(call, result.set, "sinterstore");
}

struct counter {
    int64_t count;
    int64_t limit; /* 0: none */
};

static bool count_member(void *context, struct listpack_value member)
{
    (void)member;
    struct counter *counter = context;
    return ++counter->count != counter->limit;
}

static void sintercard_command(struct call *call)
{
    int64_t keys;
    struct counter counter = {0, 0};
    struct sets sets;
    if (!call_integer_in(call, 1, 1, INT64_MAX, &keys, "ERR numkeys should be greater than 0"))
        return;
    if (keys > call->argc - 2) {
        reply_error(call->reply, "ERR Number of keys can't be greater than number of args");
        return;
    }
    for (int i = 2 + (int)keys; i < call->argc; i += 2) {
        if (i + 1 == call->argc || !call_is(call, i, "limit")) {
            call_syntax_error(call);
            return;
        }
        if (!call_integer_in(call, i + 1, 0, INT64_MAX, &counter.limit,
                             "ERR LIMIT can't be negative"))
            return;
    }
    if (!gather(call, 2, (size_t)keys, &sets))
        return;
    if (!sets.absent)
        set_intersect(sets.values, sets.count, count_member, &counter);
    mem_free(sets.values);
    reply_integer(call->reply, counter.count);
}

/* -- SUNION -- */

static void reply_whole(struct call *call, struct value set)
{
    struct answer answer = {call, 0};
    struct set_iterator iterator;
    struct listpack_value member;
    reply_set(call->reply, (int64_t)set_count(set));
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member))
        answer_member(&answer, member);
}

static void sunion_command(struct call *call)
{
    struct sets sets;
    if (!gather(call, 1, (size_t)call->argc - 1, &sets))
        return;
    if (sets.count == 1 && !sets.absent) {
        reply_whole(call, sets.values[0]);
    } else {
        struct value result = set_create_for_union(sets.values, sets.count);
        set_unite(&result, call->services->types, sets.values, sets.count);
        reply_whole(call, result);
        value_free(result);
    }
    mem_free(sets.values);
}

static void sunionstore_command(struct call *call)
{
    struct sets sets;
    if (!gather(call, 2, (size_t)call->argc - 2, &sets))
        return;
    struct value result = set_create_result();
    set_unite(&result, call->services->types, sets.values, sets.count);
    mem_free(sets.values);
    store_result(call, result, "sunionstore");
}

/* -- SDIFF -- */

static void sdiff_command(struct call *call)
{
    struct sets sets;
    if (!gather(call, 1, (size_t)call->argc - 1, &sets))
        return;
    struct answer answer = {call, 0};
    struct reply_mark mark = reply_defer(call->reply);
    set_difference(sets.values, sets.count, answer_member, &answer);
    reply_defer_set(call->reply, mark, answer.count);
    mem_free(sets.values);
}

static void sdiffstore_command(struct call *call)
{
    struct sets sets;
    if (!gather(call, 2, (size_t)call->argc - 2, &sets))
        return;
    struct result result = {call->services->types, set_create_result()};
    set_difference(sets.values, sets.count, keep_member, &result);
    mem_free(sets.values);
    store_result(call, result.set, "sdiffstore");
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_specs)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_SET, key_specs)

#define KEYS_TO_AND_FROM(to_flags)                                                                 \
    {                                                                                              \
        KEY_AT((to_flags) | KEY_UPDATE, 1), KEYS_FROM(KEY_RO | KEY_ACCESS, 2)                      \
    }

const struct command_spec set_algebra_commands[] = {
    ROW("sinter", sinter_command, -2, READ, KEY_ALL(KEY_RO | KEY_ACCESS, 1)),
    ROW("sintercard", sintercard_command, -3, READ | COMMAND_MOVABLE_KEYS,
        {KEYS_COUNTED(KEY_RO | KEY_ACCESS, 1)}),
    ROW("sinterstore", sinterstore_command, -3, GROW, KEYS_TO_AND_FROM(KEY_RW)),
    ROW("sunion", sunion_command, -2, READ, KEY_ALL(KEY_RO | KEY_ACCESS, 1)),
    ROW("sunionstore", sunionstore_command, -3, GROW, KEYS_TO_AND_FROM(KEY_OW)),
    ROW("sdiff", sdiff_command, -2, READ, KEY_ALL(KEY_RO | KEY_ACCESS, 1)),
    ROW("sdiffstore", sdiffstore_command, -3, GROW, KEYS_TO_AND_FROM(KEY_OW)),
    {0},
};
