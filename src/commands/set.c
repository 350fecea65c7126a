/* Sets: adding, removing, asking, drawing at random, scanning. Algebra is in set_algebra.c. Main
 * thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/element_scan.h"
#include "commands/key_common.h"
#include "commands/random_count.h"
#include "commands/set_common.h"
#include "keyspace/keyspace.h"
#include "types/set_random.h"
#include "types/set_type.h"

/* After members were removed and the set was stored: an empty set goes. */
static void settle_removal(struct call *call, const struct value_at *at)
{
    if (set_count(at->value) == 0)
        delete_emptied(call, at->key);
}

/* -- adding and removing -- */

static void sadd_command(struct call *call)
{
    struct value_at at;
    if (!find_to_write(call, 1, VALUE_SET, &at))
        return;
    const struct type_settings *settings = call->services->types;
    size_t count = (size_t)call->argc - 2;
    if (at.entry)
        set_expect(&at.value, settings, count);
    else
        at.value = set_create(settings, call->argv[2], count);
    int64_t added = 0;
    for (int i = 2; i < call->argc; i++)
        added += set_add(&at.value, settings, call->argv[i]);
    if (at.entry)
        put_value_back(&at);
    else
        db_add_value(call->db, at.key, at.value);
    if (added)
        db_changed(call->db, at.key.name, KEY_CLASS_SET, "sadd");
    call->dirty += (uint64_t)added;
    reply_integer(call->reply, added);
}

static void srem_command(struct call *call)
{
    struct value_at at;
    if (!find_to_write(call, 1, VALUE_SET, &at))
        return;
    int64_t removed = 0;
    if (at.entry) {
        for (int i = 2; i < call->argc; i++)
            removed += set_remove(&at.value, call->argv[i]);
        put_value_back(&at);
    }
    if (removed) {
        db_changed(call->db, at.key.name, KEY_CLASS_SET, "srem");
        settle_removal(call, &at);
        call->dirty += (uint64_t)removed;
    }
    reply_integer(call->reply, removed);
}

static void add_moved(struct call *call, struct value_at *to, struct bytes member)
{
    const struct type_settings *settings = call->services->types;
    if (!to->entry)
        to->value = set_create(settings, member, 1);
    bool is_new = set_add(&to->value, settings, member);
    if (to->entry)
        put_value_back(to);
    else
        db_add_value(call->db, to->key, to->value);
    if (!is_new)
        return;
    call->dirty++;
    db_changed(call->db, to->key.name, KEY_CLASS_SET, "sadd");
}

static void smove_command(struct call *call)
{
    struct value_at from = {.key = call_key(call, 1)};
    struct value_at to = {.key = call_key(call, 2)};
    from.entry = db_find_write(call->db, from.key);
    to.entry = db_find_write(call->db, to.key);
    if (!from.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    if (!take_value(call, VALUE_SET, &from) || !take_value(call, VALUE_SET, &to))
        return;
    struct bytes member = call->argv[3];
    if (from.entry == to.entry) {
        reply_integer(call->reply, set_contains(from.value, member));
        return;
    }
    if (!set_remove(&from.value, member)) {
        reply_integer(call->reply, 0);
        return;
    }
    put_value_back(&from);
    call->dirty++;
    db_changed(call->db, from.key.name, KEY_CLASS_SET, "srem");
    settle_removal(call, &from);
    add_moved(call, &to, member);
    reply_integer(call->reply, 1);
}

/* -- asking -- */

static void sismember_command(struct call *call)
{
    struct value_at at;
    if (find_to_read(call, 1, VALUE_SET, &at))
        reply_integer(call->reply, at.entry && set_contains(at.value, call->argv[2]));
}

static void smismember_command(struct call *call)
{
    struct value_at at;
    if (!find_to_read(call, 1, VALUE_SET, &at))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++)
        reply_integer(call->reply, at.entry && set_contains(at.value, call->argv[i]));
}

static void scard_command(struct call *call)
{
    struct value_at at;
    if (find_to_read(call, 1, VALUE_SET, &at))
        reply_integer(call->reply, at.entry ? (int64_t)set_count(at.value) : 0);
}

static void reply_members(struct call *call, struct value set)
{
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member))
        set_reply_member(call->reply, member);
}

static void smembers_command(struct call *call)
{
    struct value_at at;
    if (!find_to_read(call, 1, VALUE_SET, &at))
        return;
    reply_set(call->reply, at.entry ? (int64_t)set_count(at.value) : 0);
    if (at.entry)
        reply_members(call, at.value);
}

static void sscan_command(struct call *call)
{
    struct element_scan scan;
    struct value_at at;
    if (!element_scan_begin(call, 2, &scan) || !find_to_read(call, 1, VALUE_SET, &at))
        return;
    if (!at.entry) {
        element_scan_reply_nothing(call);
        return;
    }
    if (!element_scan_options(call, 3, &scan, 0))
        return;
    int64_t count = 0;
    bool is_table = at.value.encoding == ENCODING_HASHTABLE;
    if (is_table)
        element_scan_dict(&scan, set_table(at.value));
    else
        scan.cursor = 0;
    struct reply_mark mark = element_scan_reply(call, &scan);
    for (size_t i = 0; is_table && i < scan.entry_count; i++) {
        char scratch[SET_MEMBER_SCRATCH];
        struct bytes name = set_member_text(scan.entries[i], scratch);
        if (element_scan_wants(&scan, name)) {
            reply_bulk_bytes(call->reply, name);
            count++;
        }
    }
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, at.value);
    while (!is_table && set_iterate(&iterator, &member)) {
        char digits[NUMBER_I64_TEXT_MAX];
        struct bytes name = listpack_value_text(member, digits);
        if (element_scan_wants(&scan, name)) {
            reply_bulk_bytes(call->reply, name);
            count++;
        }
    }
    reply_defer_array(call->reply, mark, count);
    element_scan_end(&scan);
}

/* -- SRANDMEMBER -- */

static void reply_visited(void *context, struct listpack_value member)
{
    set_reply_member(context, member);
}

static void random_member(struct call *call, struct value set)
{
    char scratch[SET_MEMBER_SCRATCH];
    set_reply_member(call->reply, set_random(set, scratch));
}

static void random_members(struct call *call, struct value set, int64_t count)
{
    if (count <= 0) {
        reply_array(call->reply, -count);
        while (count++ < 0)
            random_member(call, set);
        return;
    }
    size_t present = set_count(set);
    if ((uint64_t)count >= present) {
        reply_array(call->reply, (int64_t)present);
        reply_members(call, set);
        return;
    }
    reply_array(call->reply, count);
    set_random_distinct(set, (size_t)count, reply_visited, call->reply);
}

static void srandmember_command(struct call *call)
{
    int64_t count = 0;
    bool has_count = call->argc == 3;
    struct value_at at;
    if (!random_count_parse(call, NULL, &count))
        return;
    if (!find_to_read(call, 1, VALUE_SET, &at))
        return;
    if (at.entry && has_count)
        random_members(call, at.value, count);
    else if (at.entry)
        random_member(call, at.value);
    else if (has_count)
        reply_array(call->reply, 0);
    else
        reply_null(call->reply);
}

/* -- SPOP -- */

/* Members that were drawn, on their way to the client and, as SREM, to whoever follows. */
struct popped {
    struct call *call;
    struct key key;
    struct bytes *argv; /* NULL when nobody follows */
    int argc;
};

enum { SREM_MEMBERS_MAX = 1024, SREM_HEAD = 2 };

static void propagate_popped(struct popped *popped)
{
    if (!popped->argv || popped->argc == SREM_HEAD)
        return;
    call_propagate(popped->call, popped->argc, popped->argv);
    while (popped->argc > SREM_HEAD)
        mem_free((char *)(uintptr_t)popped->argv[--popped->argc].data);
}

static void take_popped(void *context, struct listpack_value member)
{
    struct popped *popped = context;
    set_reply_member(popped->call->reply, member);
    if (!popped->argv)
        return;
    char scratch[NUMBER_I64_TEXT_MAX];
    struct bytes text = listpack_value_text(member, scratch);
    if (popped->argc == SREM_HEAD + SREM_MEMBERS_MAX)
        propagate_popped(popped);
    /* At least one byte: an empty text has an address too. */
    char *copy = mem_alloc(text.size + 1);
    memcpy(copy, text.data, text.size);
    popped->argv[popped->argc++] = bytes_of(copy, text.size);
}

/* Draws fewer than all, or the only one. */
static void pop_some(struct call *call, struct value_at *at, size_t count)
{
    struct popped popped = {.call = call, .key = at->key, .argc = SREM_HEAD};
    if (call->has_listeners) {
        popped.argv = mem_alloc((SREM_HEAD + SREM_MEMBERS_MAX) * sizeof(popped.argv[0]));
        popped.argv[0] = BYTES_LITERAL("SREM");
        popped.argv[1] = at->key.name;
    }
    set_pop_random(&at->value, count, take_popped, &popped);
    put_value_back(at);
    propagate_popped(&popped);
    mem_free(popped.argv);
    call->dirty += count;
    db_changed(call->db, at->key.name, KEY_CLASS_SET, "spop");
    settle_removal(call, at);
}

static void pop_all(struct call *call, struct value_at *at)
{
    reply_members(call, at->value);
    call->dirty += set_count(at->value);
    db_changed(call->db, at->key.name, KEY_CLASS_SET, "spop");
    delete_emptied(call, at->key);
    propagate_removal(call, at->key.name,
                      call->services->keyspace->settings->lazyfree_lazy_server_del);
}

static void spop_command(struct call *call)
{
    int64_t count = 1;
    bool has_count = call->argc == 3;
    struct value_at at;
    if (call->argc > 3) {
        call_syntax_error(call);
        return;
    }
    if (has_count && !call_integer_in(call, 2, 0, INT64_MAX, &count,
                                      "ERR value is out of range, must be positive"))
        return;
    if (!find_to_write(call, 1, VALUE_SET, &at))
        return;
    if (!has_count) {
        if (at.entry)
            pop_some(call, &at, 1);
        else
            reply_null(call->reply);
        return;
    }
    if (!at.entry || count == 0) {
        reply_set(call->reply, 0);
        return;
    }
    size_t present = set_count(at.value);
    bool is_all = (uint64_t)count >= present;
    reply_set(call->reply, is_all ? (int64_t)present : count);
    if (is_all)
        pop_all(call, &at);
    else
        pop_some(call, &at, (size_t)count);
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_specs)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_SET, key_specs)

const struct command_spec set_commands[] = {
    ROW("sadd", sadd_command, -3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_INSERT)),
    ROW("srem", srem_command, -3, WRITE | FAST, KEY_FIRST(KEY_RW | KEY_DELETE)),
    ROW("smove", smove_command, 4, WRITE | FAST, KEYS_FROM_AND_TO),
    ROW("sismember", sismember_command, 3, READ | FAST, KEY_FIRST(KEY_RO)),
    ROW("smismember", smismember_command, -3, READ | FAST, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    ROW("scard", scard_command, 2, READ | FAST, KEY_FIRST(KEY_RO)),
    ROW("smembers", smembers_command, 2, READ, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    ROW("sscan", sscan_command, -3, READ, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    ROW("spop", spop_command, -2, WRITE | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)),
    ROW("srandmember", srandmember_command, -2, READ, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    {0},
};
