/* Keys as such, whatever they hold: deleting, asking, renaming, copying. Main thread. */
#include "commands/all.h"
#include "commands/command_rows.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"

static void delete_keys(struct call *call, bool (*remove)(struct db *db, struct key key))
{
    int64_t count = 0;
    for (int i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        if (!remove(call->db, key))
            continue;
        db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
        count++;
    }
    call->dirty += (uint64_t)count;
    reply_integer(call->reply, count);
}

static void del_command(struct call *call)
{
    delete_keys(call, db_delete);
}

static void unlink_command(struct call *call)
{
    delete_keys(call, db_unlink);
}

static void exists_command(struct call *call)
{
    int64_t count = 0;
    for (int i = 1; i < call->argc; i++)
        count += db_find(call->db, call_key(call, i), DB_FIND_NO_TOUCH) != NULL;
    reply_integer(call->reply, count);
}

static void touch_command(struct call *call)
{
    struct keyspace *keyspace = call->services->keyspace;
    /* TOUCH touches even for a client in NO-TOUCH mode. */
    bool no_touch = keyspace->no_touch;
    keyspace->no_touch = false;
    int64_t count = 0;
    for (int i = 1; i < call->argc; i++)
        count += db_find_read(call->db, call_key(call, i)) != NULL;
    keyspace->no_touch = no_touch;
    reply_integer(call->reply, count);
}

static void type_command(struct call *call)
{
    const struct entry *entry = db_find(call->db, call_key(call, 1), DB_FIND_NO_TOUCH);
    reply_simple(call->reply, entry ? value_type_name(entry_type(entry)) : "none");
}

/* Removes the key that a copy or a renamed one takes the place of. */
static void remove_target(struct db *db, struct key key)
{
    if (db->keyspace->settings->lazyfree_lazy_server_del)
        db_unlink(db, key);
    else
        db_delete(db, key);
}

/* -- renaming -- */

static void rename_key(struct call *call, bool only_absent)
{
    struct key from = call_key(call, 1);
    struct key to = call_key(call, 2);
    bool is_same = bytes_equal(from.name, to.name);
    if (!db_find_write(call->db, from)) {
        call_no_such_key(call);
        return;
    }
    if (is_same) {
        if (only_absent)
            reply_integer(call->reply, 0);
        else
            reply_ok(call->reply);
        return;
    }
    if (db_find_write(call->db, to)) {
        if (only_absent) {
            reply_integer(call->reply, 0);
            return;
        }
        remove_target(call->db, to);
    }
    db_move(call->db, from, call->db, to);
    db_changed(call->db, from.name, KEY_CLASS_GENERIC, "rename_from");
    db_changed(call->db, to.name, KEY_CLASS_GENERIC, "rename_to");
    call->dirty++;
    if (only_absent)
        reply_integer(call->reply, 1);
    else
        reply_ok(call->reply);
}

static void rename_command(struct call *call)
{
    rename_key(call, false);
}

static void renamenx_command(struct call *call)
{
    rename_key(call, true);
}

/* -- between databases -- */

/* The database numbered by argv[index], NULL with the error written. */
static struct db *database_argument(struct call *call, int index)
{
    int64_t number;
    if (!call_integer_in(call, index, INT32_MIN, INT32_MAX, &number, NULL))
        return NULL;
    struct db *db = keyspace_db(call->services->keyspace, number);
    if (!db)
        reply_error(call->reply, "ERR DB index is out of range");
    return db;
}

static void move_command(struct call *call)
{
    struct db *to = database_argument(call, 2);
    if (!to)
        return;
    if (to == call->db) {
        reply_error(call->reply, "ERR source and destination objects are the same");
        return;
    }
    struct key key = call_key(call, 1);
    if (!db_find_write(call->db, key) || db_find_write(to, key)) {
        reply_integer(call->reply, 0);
        return;
    }
    db_move(call->db, key, to, key);
    db_changed(call->db, key.name, KEY_CLASS_GENERIC, "move_from");
    db_changed(to, key.name, KEY_CLASS_GENERIC, "move_to");
    call->dirty++;
    reply_integer(call->reply, 1);
}

struct copy_options {
    struct db *to;
    bool replaces;
};

static bool parse_copy_options(struct call *call, struct copy_options *options)
{
    for (int i = 3; i < call->argc; i++) {
        if (call_is(call, i, "replace")) {
            options->replaces = true;
        } else if (call_is(call, i, "db") && i + 1 < call->argc) {
            options->to = database_argument(call, ++i);
            if (!options->to)
                return false;
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

static void copy_command(struct call *call)
{
    struct copy_options options = {.to = call->db};
    if (!parse_copy_options(call, &options))
        return;
    struct key from = call_key(call, 1);
    struct key to = call_key(call, 2);
    if (options.to == call->db && bytes_equal(from.name, to.name)) {
        reply_error(call->reply, "ERR source and destination objects are the same");
        return;
    }
    if (!db_find_read(call->db, from)) {
        reply_integer(call->reply, 0);
        return;
    }
    if (db_find_write(options.to, to)) {
        if (!options.replaces) {
            reply_integer(call->reply, 0);
            return;
        }
        remove_target(options.to, to);
    }
    db_copy(call->db, from, options.to, to);
    db_changed(options.to, to.name, KEY_CLASS_GENERIC, "copy_to");
    call->dirty++;
    reply_integer(call->reply, 1);
}

static void randomkey_command(struct call *call)
{
    const struct entry *entry = db_random(call->db);
    if (entry)
        reply_bulk_bytes(call->reply, entry_key(entry));
    else
        reply_null(call->reply);
}

/* -- the table -- */

#define KEY_TWO(first_flags, second_flags)                                                         \
    {                                                                                              \
        KEY_AT(first_flags, 1), KEY_AT(second_flags, 2)                                            \
    }

const struct command_spec keys_commands[] = {
    {.name = "del",
     .handler = del_command,
     .arity = -2,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_ALL(KEY_RM | KEY_DELETE, 1)},
    {.name = "unlink",
     .handler = unlink_command,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_ALL(KEY_RM | KEY_DELETE, 1)},
    {.name = "exists",
     .handler = exists_command,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_ALL(KEY_RO, 1)},
    {.name = "touch",
     .handler = touch_command,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_ALL(KEY_RO, 1)},
    {.name = "type",
     .handler = type_command,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_FIRST(KEY_RO)},
    {.name = "rename",
     .handler = rename_command,
     .arity = 3,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_TWO(KEY_RW | KEY_ACCESS | KEY_DELETE, KEY_OW | KEY_UPDATE)},
    {.name = "renamenx",
     .handler = renamenx_command,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_TWO(KEY_RW | KEY_ACCESS | KEY_DELETE, KEY_OW | KEY_INSERT)},
    {.name = "copy",
     .handler = copy_command,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_TWO(KEY_RO | KEY_ACCESS, KEY_OW | KEY_UPDATE)},
    {.name = "move",
     .handler = move_command,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
    {.name = "randomkey",
     .handler = randomkey_command,
     .arity = 1,
     .flags = COMMAND_READONLY | COMMAND_TOUCHES_ARBITRARY_KEYS,
     .categories = CATEGORY_KEYSPACE},
    {0},
};
