/* Strings as values: GET, SET and their relatives, counters. Ranges are in string_range.c. Main
 * thread. */
#include "base/clock.h"
#include "base/number.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/expire_time.h"
#include "commands/key_common.h"
#include "protocol/limits.h"
#include <math.h>

/* -- reading -- */

static void get_command(struct call *call)
{
    const struct entry *entry = db_find_read(call->db, call_key(call, 1));
    if (!entry)
        reply_null(call->reply);
    else if (__builtin_expect(!entry_is_string(entry), 0))
        call_wrong_type(call);
    else
        call_reply_string(call, entry);
}

/* Answers with the value as GET does; false when that was an error. */
static bool reply_old_value(struct call *call, const struct entry *entry)
{
    if (!entry) {
        reply_null(call->reply);
        return true;
    }
    if (!entry_is_string(entry))
        return call_wrong_type(call);
    call_reply_string(call, entry);
    return true;
}

static void mget_command(struct call *call)
{
    reply_array(call->reply, call->argc - 1);
    for (int i = 1; i < call->argc; i++) {
        const struct entry *entry = db_find_read(call->db, call_key(call, i));
        if (!entry || !entry_is_string(entry))
            reply_null(call->reply);
        else
            call_reply_string(call, entry);
    }
}

/* -- SET -- */

/* Stores argv[index]; a large one is adopted, not copied. */
static struct entry *set_argument(struct call *call, struct key key, int index, unsigned flags)
{
    if (__builtin_expect(call->argv[index].size >= RESP_LARGE_BULK_SIZE, 0)) {
        struct shared_bytes *large = request_take_large(call->request, index);
        if (large)
            return db_set_shared(call->db, key, large, flags);
    }
    return db_set_string(call->db, key, call->argv[index], flags);
}

static void set_and_tell(struct call *call, struct key key, int index, unsigned flags)
{
    set_argument(call, key, index, flags);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_STRING, "set");
}

struct set_options {
    bool only_absent;
    bool only_present;
    bool returns_old;
    bool keeps_ttl;
    bool persists;    /* GETEX */
    int expire_index; /* of the time in argv, 0: none */
    struct expire_unit unit;
};

/* One of EX PX EXAT PXAT at argv[*i]; moves *i to its argument. */
static bool parse_expire_option(struct call *call, int *i, struct set_options *options)
{
    static const struct {
        const char *name;
        struct expire_unit unit;
    } names[] = {{"ex", {true, false}},
                 {"px", {false, false}},
                 {"exat", {true, true}},
                 {"pxat", {false, true}}};
    if (*i + 1 >= call->argc || options->keeps_ttl || options->persists)
        return false;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        if (!call_is(call, *i, names[n].name))
            continue;
        /* The same option again replaces the first; a different one is an error. */
        if (options->expire_index && (options->unit.is_seconds != names[n].unit.is_seconds ||
                                      options->unit.is_absolute != names[n].unit.is_absolute))
            return false;
        options->unit = names[n].unit;
        options->expire_index = ++*i;
        return true;
    }
    return false;
}

static bool parse_set_options(struct call *call, struct set_options *options)
{
    for (int i = 3; i < call->argc; i++) {
        if (call_is(call, i, "nx") && !options->only_present)
            options->only_absent = true;
        else if (call_is(call, i, "xx") && !options->only_absent)
            options->only_present = true;
        else if (call_is(call, i, "get"))
            options->returns_old = true;
        else if (call_is(call, i, "keepttl") && !options->expire_index)
            options->keeps_ttl = true;
        else if (!parse_expire_option(call, &i, options))
            return call_syntax_error(call);
    }
    return true;
}

/* Propagated with an absolute time, whatever form it came in. */
static void propagate_set_until(struct call *call, struct key key, int value_index, int64_t when_ms)
{
    char digits[NUMBER_I64_TEXT_MAX];
    const struct bytes argv[] = {BYTES_LITERAL("SET"), key.name, call->argv[value_index],
                                 BYTES_LITERAL("PXAT"),
                                 bytes_of(digits, number_format_i64(digits, when_ms))};
    call_propagate(call, 5, argv);
}

static void set_until(struct call *call, struct key key, int value_index, int64_t when_ms)
{
    struct entry *entry = set_argument(call, key, value_index, 0);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_STRING, "set");
    db_set_expiry(call->db, key, entry, when_ms);
    db_notify(call->db, key.name, KEY_CLASS_GENERIC, "expire");
    propagate_set_until(call, key, value_index, when_ms);
}

static void set_with_options(struct call *call)
{
    struct set_options options = {0};
    int64_t when_ms = 0;
    if (!parse_set_options(call, &options))
        return;
    if (options.expire_index &&
        !expire_time_parse(call, options.expire_index, options.unit, true, &when_ms))
        return;
    struct key key = call_key(call, 1);
    /* GET reads (and counts a hit or miss); NX and XX only ask. */
    const struct entry *old = NULL;
    if (options.returns_old) {
        old = db_find_read(call->db, key);
        if (!reply_old_value(call, old))
            return;
    } else if (options.only_absent || options.only_present) {
        old = db_find_write(call->db, key);
    }
    if ((options.only_absent && old) || (options.only_present && !old)) {
        if (!options.returns_old)
            reply_null(call->reply);
        return;
    }
    if (options.expire_index)
        set_until(call, key, 2, when_ms);
    else
        set_and_tell(call, key, 2, options.keeps_ttl ? DB_SET_KEEP_TTL : 0);
    if (!options.returns_old)
        reply_ok(call->reply);
}

static void set_command(struct call *call)
{
    if (__builtin_expect(call->argc > 3, 0)) {
        set_with_options(call);
        return;
    }
    set_and_tell(call, call_key(call, 1), 2, 0);
    reply_ok(call->reply);
}

static void setnx_command(struct call *call)
{
    struct key key = call_key(call, 1);
    if (db_find_write(call->db, key)) {
        reply_integer(call->reply, 0);
        return;
    }
    set_and_tell(call, key, 2, 0);
    reply_integer(call->reply, 1);
}

static void set_for(struct call *call, bool is_seconds)
{
    int64_t when_ms;
    if (!expire_time_parse(call, 2, (struct expire_unit){is_seconds, false}, true, &when_ms))
        return;
    set_until(call, call_key(call, 1), 3, when_ms);
    reply_ok(call->reply);
}

static void setex_command(struct call *call)
{
    set_for(call, true);
}

static void psetex_command(struct call *call)
{
    set_for(call, false);
}

static void getset_command(struct call *call)
{
    struct key key = call_key(call, 1);
    if (!reply_old_value(call, db_find_read(call->db, key)))
        return;
    const struct bytes argv[] = {BYTES_LITERAL("SET"), key.name, call->argv[2]};
    call_propagate(call, 3, argv);
    set_and_tell(call, key, 2, 0);
}

static void getdel_command(struct call *call)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = db_find_read(call->db, key);
    if (!reply_old_value(call, entry) || !entry)
        return;
    db_delete(call->db, key);
    propagate_removal(call, key.name, call->services->keyspace->settings->lazyfree_lazy_user_del);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
}

/* -- GETEX -- */

static bool parse_getex_options(struct call *call, struct set_options *options)
{
    for (int i = 2; i < call->argc; i++) {
        if (call_is(call, i, "persist") && !options->expire_index)
            options->persists = true;
        else if (!parse_expire_option(call, &i, options))
            return call_syntax_error(call);
    }
    return true;
}

static void getex_expire(struct call *call, struct key key, struct entry *entry, int64_t when_ms,
                         bool is_absolute)
{
    if (is_absolute && expire_time_is_past(call, when_ms)) {
        expire_time_delete(call, key);
        return;
    }
    expire_time_set(call, key, entry, when_ms);
}

static void getex_command(struct call *call)
{
    struct set_options options = {0};
    int64_t when_ms = 0;
    if (!parse_getex_options(call, &options))
        return;
    struct key key = call_key(call, 1);
    struct entry *entry = db_find_read(call->db, key);
    if (!entry) {
        reply_null(call->reply);
        return;
    }
    if (!entry_is_string(entry)) {
        call_wrong_type(call);
        return;
    }
    if (options.expire_index &&
        !expire_time_parse(call, options.expire_index, options.unit, true, &when_ms))
        return;
    call_reply_string(call, entry);
    if (options.expire_index) {
        getex_expire(call, key, entry, when_ms, options.unit.is_absolute);
    } else if (options.persists && entry_expires(entry)) {
        db_set_expiry(call->db, key, entry, ENTRY_NO_EXPIRY);
        const struct bytes argv[] = {BYTES_LITERAL("PERSIST"), key.name};
        call_propagate(call, 2, argv);
        call->dirty++;
        db_changed(call->db, key.name, KEY_CLASS_GENERIC, "persist");
    }
}

/* -- several keys -- */

static bool mset_arguments_are_pairs(struct call *call)
{
    return call->argc % 2 == 1 || call_arity_error(call);
}

static void mset_all(struct call *call)
{
    for (int i = 1; i < call->argc; i += 2)
        set_and_tell(call, call_key(call, i), i + 1, 0);
}

static void mset_command(struct call *call)
{
    if (!mset_arguments_are_pairs(call))
        return;
    mset_all(call);
    reply_ok(call->reply);
}

static void msetnx_command(struct call *call)
{
    if (!mset_arguments_are_pairs(call))
        return;
    for (int i = 1; i < call->argc; i += 2)
        if (db_find_write(call->db, call_key(call, i))) {
            reply_integer(call->reply, 0);
            return;
        }
    mset_all(call);
    reply_integer(call->reply, 1);
}

/* -- counters -- */

/* Adds to the integer at the key and answers with the sum. */
static void increment(struct call *call, int64_t by)
{
    struct key key = call_key(call, 1);
    struct entry *entry = db_find_write(call->db, key);
    int64_t value = 0;
    if (entry && !entry_is_string(entry)) {
        call_wrong_type(call);
        return;
    }
    if (entry && entry_is_integer(entry)) {
        value = entry_integer(entry);
    } else if (entry) {
        char scratch[NUMBER_I64_TEXT_MAX];
        if (!number_parse_i64(entry_string(entry, scratch), &value)) {
            reply_error(call->reply, "ERR value is not an integer or out of range");
            return;
        }
    }
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    if (entry && entry_is_integer(entry))
        entry_set_integer(entry, value);
    else
        db_set_integer(call->db, key, value, DB_SET_KEEP_TTL);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_STRING, "incrby");
    reply_integer(call->reply, value);
}

static void incr_command(struct call *call)
{
    increment(call, 1);
}

static void decr_command(struct call *call)
{
    increment(call, -1);
}

static void incrby_command(struct call *call)
{
    int64_t by;
    if (call_integer(call, 2, &by, NULL))
        increment(call, by);
}

static void decrby_command(struct call *call)
{
    int64_t by;
    if (!call_integer(call, 2, &by, NULL))
        return;
    if (by == INT64_MIN)
        reply_error(call->reply, "ERR decrement would overflow");
    else
        increment(call, -by);
}

/* The number at the key (0 when absent); false with the error written. */
static bool float_at(struct call *call, const struct entry *entry, long double *value)
{
    *value = 0;
    if (!entry)
        return true;
    if (!entry_is_string(entry))
        return call_wrong_type(call);
    char scratch[NUMBER_I64_TEXT_MAX];
    if (number_parse_long_double(entry_string(entry, scratch), value))
        return true;
    reply_error(call->reply, "ERR value is not a valid float");
    return false;
}

static void incrbyfloat_command(struct call *call)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = db_find_write(call->db, key);
    long double value;
    long double by;
    if (!float_at(call, entry, &value))
        return;
    if (!number_parse_long_double(call->argv[2], &by)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return;
    }
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[NUMBER_DOUBLE_TEXT_MAX];
    struct bytes result =
        bytes_of(text, number_format_long_double_human(text, sizeof(text), value));
    db_set_string(call->db, key, result, DB_SET_KEEP_TTL | DB_SET_NO_INTEGER);
    /* As a SET, so that replicas do not add with another precision. */
    const struct bytes argv[] = {BYTES_LITERAL("SET"), key.name, result, BYTES_LITERAL("KEEPTTL")};
    call_propagate(call, 4, argv);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_STRING, "incrbyfloat");
    reply_bulk_bytes(call->reply, result);
}

/* With GET the old value is read. */
static uint16_t set_key_flags(const struct bytes *argv, int argc)
{
    for (int i = 3; i < argc; i++)
        if (bytes_is(argv[i], "GET"))
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    return KEY_OW | KEY_UPDATE;
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_specs)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_STRING, key_specs)

const struct command_spec string_commands[] = {
    ROW("get", get_command, 2, READ | FAST, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    {.name = "set",
     .handler = set_command,
     .arity = -3,
     .flags = GROW,
     .categories = CATEGORY_STRING,
     .keys = KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS),
     .key_flags = set_key_flags},
    ROW("getex", getex_command, -2, WRITE | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    ROW("getdel", getdel_command, 2, WRITE | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)),
    ROW("getset", getset_command, 3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    ROW("setnx", setnx_command, 3, GROW | FAST, KEY_FIRST(KEY_OW | KEY_INSERT)),
    ROW("setex", setex_command, 4, GROW, KEY_FIRST(KEY_OW | KEY_UPDATE)),
    ROW("psetex", psetex_command, 4, GROW, KEY_FIRST(KEY_OW | KEY_UPDATE)),
    ROW("mget", mget_command, -2, READ | FAST, KEY_ALL(KEY_RO | KEY_ACCESS, 1)),
    ROW("mset", mset_command, -3, GROW, KEY_ALL(KEY_OW | KEY_UPDATE, 2)),
    ROW("msetnx", msetnx_command, -3, GROW, KEY_ALL(KEY_OW | KEY_INSERT, 2)),
    ROW("incr", incr_command, 2, GROW | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    ROW("decr", decr_command, 2, GROW | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    ROW("incrby", incrby_command, 3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    ROW("decrby", decrby_command, 3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    ROW("incrbyfloat", incrbyfloat_command, 3, GROW | FAST,
        KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)),
    {0},
};
