/* Times to live: EXPIRE and its relatives, TTL and its relatives, PERSIST. Main thread. */
#include "base/clock.h"
#include "base/number.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/expire_time.h"
#include "commands/key_common.h"

/* -- shared with string.c (expire_time.h) -- */

static bool refuse_time(struct call *call)
{
    reply_errorf(call->reply, "invalid expire time in '%s' command", call->command->name);
    return false;
}

bool expire_time_parse(struct call *call, int index, struct expire_unit unit, bool must_be_positive,
                       int64_t *when_ms)
{
    int64_t value;
    if (!call_integer(call, index, &value, NULL))
        return false;
    if (must_be_positive && value <= 0)
        return refuse_time(call);
    if (unit.is_seconds && __builtin_mul_overflow(value, 1000, &value))
        return refuse_time(call);
    if (!unit.is_absolute && __builtin_add_overflow(value, clock_wall_ms(), &value))
        return refuse_time(call);
    if (must_be_positive && value <= 0)
        return refuse_time(call);
    *when_ms = value;
    return true;
}

bool expire_time_is_past(const struct call *call, int64_t when_ms)
{
    return when_ms <= clock_wall_ms() && call->services->keyspace->expire_mode == EXPIRE_DELETE;
}

void expire_time_delete(struct call *call, struct key key)
{
    bool is_lazy = call->services->keyspace->settings->lazyfree_lazy_expire;
    if (is_lazy)
        db_unlink(call->db, key);
    else
        db_delete(call->db, key);
    propagate_removal(call, key.name, is_lazy);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
}

/* -- EXPIRE -- */

struct expire_options {
    bool only_without; /* NX */
    bool only_with;    /* XX */
    bool only_greater; /* GT */
    bool only_less;    /* LT */
};

static bool parse_expire_options(struct call *call, struct expire_options *options)
{
    for (int i = 3; i < call->argc; i++) {
        if (call_is(call, i, "nx"))
            options->only_without = true;
        else if (call_is(call, i, "xx"))
            options->only_with = true;
        else if (call_is(call, i, "gt"))
            options->only_greater = true;
        else if (call_is(call, i, "lt"))
            options->only_less = true;
        else {
            reply_errorf(call->reply, "Unsupported option %.*s", (int)call->argv[i].size,
                         call->argv[i].data);
            return false;
        }
    }
    if (options->only_without &&
        (options->only_with || options->only_greater || options->only_less)) {
        reply_error(call->reply,
                    "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (options->only_greater && options->only_less) {
        reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* No expiry counts as one that never comes. */
static bool options_allow(const struct expire_options *options, int64_t current, int64_t when_ms)
{
    if (options->only_without && current != ENTRY_NO_EXPIRY)
        return false;
    if (options->only_with && current == ENTRY_NO_EXPIRY)
        return false;
    if (options->only_greater && (current == ENTRY_NO_EXPIRY || when_ms <= current))
        return false;
    return !(options->only_less && current != ENTRY_NO_EXPIRY && when_ms >= current);
}

void expire_time_set(struct call *call, struct key key, struct entry *entry, int64_t when_ms)
{
    /* While loading, a time in the past is kept; a negative one would look like none. */
    db_set_expiry(call->db, key, entry, when_ms < 0 ? 0 : when_ms);
    char digits[NUMBER_I64_TEXT_MAX];
    const struct bytes argv[] = {BYTES_LITERAL("PEXPIREAT"), key.name,
                                 bytes_of(digits, number_format_i64(digits, when_ms))};
    call_propagate(call, 3, argv);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_GENERIC, "expire");
}

static void expire(struct call *call, struct expire_unit unit)
{
    struct expire_options options = {0};
    int64_t when_ms;
    if (!parse_expire_options(call, &options) || !expire_time_parse(call, 2, unit, false, &when_ms))
        return;
    struct key key = call_key(call, 1);
    struct entry *entry = db_find_write(call->db, key);
    if (!entry || !options_allow(&options, entry_expiry(entry), when_ms)) {
        reply_integer(call->reply, 0);
        return;
    }
    if (expire_time_is_past(call, when_ms)) {
        expire_time_delete(call, key);
        reply_integer(call->reply, 1);
        return;
    }
    expire_time_set(call, key, entry, when_ms);
    reply_integer(call->reply, 1);
}

static void expire_command(struct call *call)
{
    expire(call, (struct expire_unit){true, false});
}

static void pexpire_command(struct call *call)
{
    expire(call, (struct expire_unit){false, false});
}

static void expireat_command(struct call *call)
{
    expire(call, (struct expire_unit){true, true});
}

static void pexpireat_command(struct call *call)
{
    expire(call, (struct expire_unit){false, true});
}

static void persist_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry = db_find_write(call->db, key);
    if (!entry || !entry_expires(entry)) {
        reply_integer(call->reply, 0);
        return;
    }
    db_set_expiry(call->db, key, entry, ENTRY_NO_EXPIRY);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_GENERIC, "persist");
    reply_integer(call->reply, 1);
}

/* -- TTL -- */

static void reply_time(struct call *call, struct expire_unit unit)
{
    const struct entry *entry = db_find(call->db, call_key(call, 1), DB_FIND_NO_TOUCH);
    if (!entry || !entry_expires(entry)) {
        reply_integer(call->reply, entry ? -1 : -2);
        return;
    }
    int64_t time = entry_expiry(entry);
    if (!unit.is_absolute) {
        time -= clock_wall_ms();
        if (time < 0)
            time = 0;
    }
    /* Rounded to the nearest second; unsigned, for the greatest time of all. */
    reply_integer(call->reply, unit.is_seconds ? (int64_t)(((uint64_t)time + 500) / 1000) : time);
}

static void ttl_command(struct call *call)
{
    reply_time(call, (struct expire_unit){true, false});
}

static void pttl_command(struct call *call)
{
    reply_time(call, (struct expire_unit){false, false});
}

static void expiretime_command(struct call *call)
{
    reply_time(call, (struct expire_unit){true, true});
}

static void pexpiretime_command(struct call *call)
{
    reply_time(call, (struct expire_unit){false, true});
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, (command_flags) | COMMAND_FAST, CATEGORY_KEYSPACE,      \
                KEY_FIRST(key_flags))

const struct command_spec expire_commands[] = {
    ROW("expire", expire_command, -3, COMMAND_WRITE, KEY_RW | KEY_UPDATE),
    ROW("pexpire", pexpire_command, -3, COMMAND_WRITE, KEY_RW | KEY_UPDATE),
    ROW("expireat", expireat_command, -3, COMMAND_WRITE, KEY_RW | KEY_UPDATE),
    ROW("pexpireat", pexpireat_command, -3, COMMAND_WRITE, KEY_RW | KEY_UPDATE),
    ROW("persist", persist_command, 2, COMMAND_WRITE, KEY_RW | KEY_UPDATE),
    ROW("ttl", ttl_command, 2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    ROW("pttl", pttl_command, 2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    ROW("expiretime", expiretime_command, 2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    ROW("pexpiretime", pexpiretime_command, 2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    {0},
};
