/* Fields of hashes that expire: HEXPIRE and its relatives, HTTL and its relatives, and the commands
 * that get or set fields with a time. Main thread. */
#include "base/memory.h"
#include "base/number.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/hash_common.h"

enum {
    FIELD_ABSENT = -2,
    FIELD_WITHOUT_EXPIRY = -1,
    FIELD_UNCHANGED = 0,
    FIELD_CHANGED = 1,
    FIELD_DELETED = 2,
    /* Due fields that one reading command removes. */
    DUE_MAX = 1024
};

struct unit {
    bool is_seconds;
    bool is_absolute;
};

static bool refuse(struct call *call, const char *error)
{
    reply_error(call->reply, error);
    return false;
}

static bool refuse_time(struct call *call)
{
    reply_errorf(call->reply, "invalid expire time in '%s' command", call->command->name);
    return false;
}

/* -- fields that are due -- */

struct due {
    struct call *call;
    struct key key;
};

static void propagate_due(void *context, struct bytes name)
{
    const struct due *due = context;
    const struct bytes argv[] = {BYTES_LITERAL("HDEL"), due->key.name, name};
    call_propagate(due->call, 3, argv);
}

struct entry *hash_remove_due(struct call *call, struct key key, struct entry *entry)
{
    const struct keyspace *keyspace = call->services->keyspace;
    if (keyspace->active_expire_is_off || keyspace->expire_mode != EXPIRE_DELETE)
        return entry;
    struct value hash = entry_value(entry);
    int64_t next = hash_next_expiry(hash);
    if (next == HASH_NO_EXPIRY || next >= clock_wall_ms())
        return entry;
    struct due due = {call, key};
    db_fields_open(call->db, entry);
    size_t removed = hash_expire_due(&hash, clock_wall_ms(), DUE_MAX, propagate_due, &due);
    hash_put_back(call, key, entry, hash);
    if (removed == 0)
        return entry;
    call->services->keyspace->stats.expired_fields += removed;
    call->dirty += removed;
    db_changed(call->db, key.name, KEY_CLASS_HASH, "hexpired");
    if (hash_count(hash) > 0)
        return entry;
    hash_delete_if_empty(call, key, hash);
    return NULL;
}

/* -- arguments -- */

/* "FIELDS count field ..." at argv[index], up to the end; the fields begin at *first. */
static bool parse_fields(struct call *call, int index, int *first, const char *count_error)
{
    int64_t count;
    if (index >= call->argc || !call_is(call, index, "fields"))
        return refuse(call,
                      "ERR Mandatory argument FIELDS is missing or not at the right position");
    if (index + 1 >= call->argc)
        return call_arity_error(call);
    if (!call_integer_in(call, index + 1, 1, INT64_MAX, &count, count_error))
        return false;
    *first = index + 2;
    if (count != call->argc - *first)
        return refuse(call, "ERR The `numfields` parameter must match the number of arguments");
    return true;
}

static const char count_is_not_positive[] = "ERR Number of fields must be a positive integer";

/* Wall ms of argv[index]. */
static bool parse_time(struct call *call, int index, struct unit unit, int64_t *when_ms)
{
    int64_t value;
    int64_t base = unit.is_absolute ? 0 : clock_wall_ms();
    if (!call_integer(call, index, &value, NULL))
        return false;
    if (value < 0)
        return refuse(call, "ERR invalid expire time, must be >= 0");
    if (unit.is_seconds) {
        if (value > hash_expiry_max / 1000)
            return refuse_time(call);
        value *= 1000;
    }
    if (value > hash_expiry_max - base)
        return refuse_time(call);
    *when_ms = value + base;
    return true;
}

static bool time_is_past(const struct call *call, int64_t when_ms)
{
    return when_ms <= clock_wall_ms() && call->services->keyspace->expire_mode == EXPIRE_DELETE;
}

/* 0 means no time, so the first millisecond stands for it (only while loading). */
static int64_t time_to_keep(int64_t when_ms)
{
    return when_ms > 0 ? when_ms : 1;
}

/* -- propagation of what happened to some of the fields -- */

/* Indexes in argv. */
struct field_list {
    int *list;
    int count;
};

/* "NAME key [extra] [FIELDS count] field..." */
static void propagate_fields(struct call *call, const char *name, struct bytes extra,
                             bool is_counted, const struct field_list *fields)
{
    if (fields->count == 0)
        return;
    struct bytes *argv = mem_alloc(((size_t)fields->count + 5) * sizeof(*argv));
    char digits[NUMBER_I64_TEXT_MAX];
    int argc = 0;
    argv[argc++] = bytes_of_text(name);
    argv[argc++] = call->argv[1];
    if (extra.data)
        argv[argc++] = extra;
    if (is_counted) {
        argv[argc++] = BYTES_LITERAL("FIELDS");
        argv[argc++] = bytes_of(digits, number_format_i64(digits, fields->count));
    }
    for (int i = 0; i < fields->count; i++)
        argv[argc++] = call->argv[fields->list[i]];
    call_propagate(call, argc, argv);
    mem_free(argv);
}

struct outcome {
    struct field_list changed;
    struct field_list deleted;
};

static void outcome_init(struct outcome *outcome, const struct call *call)
{
    size_t size = (size_t)call->argc * sizeof(int);
    *outcome = (struct outcome){{mem_alloc(size), 0}, {mem_alloc(size), 0}};
}

/* Events, dirty, propagation and, when nothing is left, the key's end. */
static void outcome_finish(struct call *call, struct key key, struct entry *entry,
                           struct value hash, struct outcome *outcome, const char *event,
                           const char *command, int64_t when_ms)
{
    int deleted = outcome->deleted.count;
    int changed = outcome->changed.count;
    hash_put_back(call, key, entry, hash);
    if (changed + deleted) {
        char digits[NUMBER_I64_TEXT_MAX];
        struct bytes when = {NULL, 0};
        if (when_ms != HASH_NO_EXPIRY)
            when = bytes_of(digits, number_format_i64(digits, when_ms));
        propagate_fields(call, command, when, true, &outcome->changed);
        propagate_fields(call, "HDEL", bytes_of(NULL, 0), false, &outcome->deleted);
        call->dirty += (uint64_t)(changed + deleted);
        db_signal(call->db, key.name);
        if (changed)
            db_notify(call->db, key.name, KEY_CLASS_HASH, event);
        if (deleted)
            db_notify(call->db, key.name, KEY_CLASS_HASH, "hdel");
        hash_delete_if_empty(call, key, hash);
    }
    mem_free(outcome->changed.list);
    mem_free(outcome->deleted.list);
}

static void note(struct field_list *fields, int index)
{
    fields->list[fields->count++] = index;
}

static void reply_absent(struct call *call, int count)
{
    reply_array(call->reply, count);
    for (int i = 0; i < count; i++)
        reply_integer(call->reply, FIELD_ABSENT);
}

/* -- HEXPIRE -- */

enum condition { ALWAYS, ONLY_WITHOUT, ONLY_WITH, ONLY_GREATER, ONLY_LESS };

static enum condition parse_condition(const struct call *call, int index)
{
    if (call_is(call, index, "nx"))
        return ONLY_WITHOUT;
    if (call_is(call, index, "xx"))
        return ONLY_WITH;
    if (call_is(call, index, "gt"))
        return ONLY_GREATER;
    return call_is(call, index, "lt") ? ONLY_LESS : ALWAYS;
}

/* No expiry counts as one that never comes. */
static bool condition_holds(enum condition condition, int64_t current, int64_t when_ms)
{
    bool expires = current != HASH_NO_EXPIRY;
    switch (condition) {
    case ALWAYS:
        return true;
    case ONLY_WITHOUT:
        return !expires;
    case ONLY_WITH:
        return expires;
    case ONLY_GREATER:
        return expires && when_ms > current;
    case ONLY_LESS:
        return !expires || when_ms < current;
    }
    return false;
}

static int expire_field(struct call *call, struct value *hash, struct bytes name,
                        enum condition condition, int64_t when_ms)
{
    struct hash_item item;
    if (!hash_get(*hash, name, hash_now(call), &item))
        return FIELD_ABSENT;
    if (!condition_holds(condition, item.expiry, when_ms))
        return FIELD_UNCHANGED;
    if (time_is_past(call, when_ms)) {
        hash_delete(hash, name);
        return FIELD_DELETED;
    }
    hash_set_expiry(hash, name, time_to_keep(when_ms));
    return FIELD_CHANGED;
}

static void expire(struct call *call, struct unit unit)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int64_t when_ms;
    int first;
    if (!hash_find(call, key, true, &entry) || !parse_time(call, 2, unit, &when_ms))
        return;
    enum condition condition = parse_condition(call, 3);
    if (!parse_fields(call, condition == ALWAYS ? 3 : 4, &first,
                      "ERR Parameter `numFields` should be greater than 0"))
        return;
    if (!entry) {
        reply_absent(call, call->argc - first);
        return;
    }
    struct value hash = entry_value(entry);
    struct outcome outcome;
    outcome_init(&outcome, call);
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++) {
        int result = expire_field(call, &hash, call->argv[i], condition, when_ms);
        if (result == FIELD_CHANGED)
            note(&outcome.changed, i);
        else if (result == FIELD_DELETED)
            note(&outcome.deleted, i);
        reply_integer(call->reply, result);
    }
    outcome_finish(call, key, entry, hash, &outcome, "hexpire", "HPEXPIREAT",
                   time_to_keep(when_ms));
}

static void hexpire_command(struct call *call)
{
    expire(call, (struct unit){true, false});
}

static void hpexpire_command(struct call *call)
{
    expire(call, (struct unit){false, false});
}

static void hexpireat_command(struct call *call)
{
    expire(call, (struct unit){true, true});
}

static void hpexpireat_command(struct call *call)
{
    expire(call, (struct unit){false, true});
}

static void hpersist_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int first;
    if (!hash_find(call, key, true, &entry) ||
        !parse_fields(call, 2, &first, count_is_not_positive))
        return;
    if (!entry) {
        reply_absent(call, call->argc - first);
        return;
    }
    struct value hash = entry_value(entry);
    struct outcome outcome;
    outcome_init(&outcome, call);
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++) {
        struct hash_item item;
        int result = FIELD_ABSENT;
        if (hash_get(hash, call->argv[i], hash_now(call), &item))
            result = item.expiry == HASH_NO_EXPIRY ? FIELD_WITHOUT_EXPIRY : FIELD_CHANGED;
        if (result == FIELD_CHANGED) {
            hash_set_expiry(&hash, call->argv[i], HASH_NO_EXPIRY);
            note(&outcome.changed, i);
        }
        reply_integer(call->reply, result);
    }
    outcome_finish(call, key, entry, hash, &outcome, "hpersist", "HPERSIST", HASH_NO_EXPIRY);
}

/* -- HTTL -- */

static void reply_times(struct call *call, struct unit unit)
{
    struct entry *entry;
    int first;
    if (!hash_find(call, call_key(call, 1), false, &entry) ||
        !parse_fields(call, 2, &first, count_is_not_positive))
        return;
    int64_t base = unit.is_absolute ? 0 : clock_wall_ms();
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++) {
        struct hash_item item;
        if (!entry || !hash_get(entry_value(entry), call->argv[i], hash_now(call), &item)) {
            reply_integer(call->reply, FIELD_ABSENT);
        } else if (item.expiry == HASH_NO_EXPIRY) {
            reply_integer(call->reply, FIELD_WITHOUT_EXPIRY);
        } else {
            int64_t time = item.expiry - base;
            reply_integer(call->reply, unit.is_seconds ? (time + 999) / 1000 : time);
        }
    }
}

static void httl_command(struct call *call)
{
    reply_times(call, (struct unit){true, false});
}

static void hpttl_command(struct call *call)
{
    reply_times(call, (struct unit){false, false});
}

static void hexpiretime_command(struct call *call)
{
    reply_times(call, (struct unit){true, true});
}

static void hpexpiretime_command(struct call *call)
{
    reply_times(call, (struct unit){false, true});
}

/* -- HGETDEL, HGETEX -- */

static void reply_nulls(struct call *call, int count)
{
    reply_array(call->reply, count);
    for (int i = 0; i < count; i++)
        reply_null(call->reply);
}

static void hgetdel_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int first;
    if (!hash_find(call, key, true, &entry) ||
        !parse_fields(call, 2, &first, count_is_not_positive))
        return;
    if (!entry) {
        reply_nulls(call, call->argc - first);
        return;
    }
    struct value hash = entry_value(entry);
    struct outcome outcome;
    outcome_init(&outcome, call);
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++) {
        struct hash_item item;
        if (!hash_get(hash, call->argv[i], hash_now(call), &item)) {
            reply_null(call->reply);
            continue;
        }
        reply_bulk_bytes(call->reply, item.value);
        hash_delete(&hash, call->argv[i]);
        note(&outcome.deleted, i);
    }
    outcome_finish(call, key, entry, hash, &outcome, NULL, NULL, HASH_NO_EXPIRY);
}

/* EX, PX, EXAT or PXAT. */
static bool parse_time_unit(const struct call *call, int index, struct unit *unit)
{
    unit->is_absolute = call_is(call, index, "exat") || call_is(call, index, "pxat");
    unit->is_seconds = call_is(call, index, "ex") || call_is(call, index, "exat");
    return unit->is_absolute || unit->is_seconds || call_is(call, index, "px");
}

struct getex_options {
    bool persists;
    bool expires;
    int64_t when_ms;
    int first;
};

static bool parse_getex(struct call *call, struct getex_options *options)
{
    struct unit unit;
    int index = 2;
    if (call_is(call, index, "persist")) {
        options->persists = true;
        index++;
    } else if (parse_time_unit(call, index, &unit)) {
        if (!parse_time(call, index + 1, unit, &options->when_ms))
            return false;
        options->expires = true;
        index += 2;
    }
    return parse_fields(call, index, &options->first, count_is_not_positive);
}

static void hgetex_command(struct call *call)
{
    struct getex_options options = {0};
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!hash_find(call, key, true, &entry) || !parse_getex(call, &options))
        return;
    if (!entry) {
        reply_nulls(call, call->argc - options.first);
        return;
    }
    struct value hash = entry_value(entry);
    struct outcome outcome;
    outcome_init(&outcome, call);
    reply_array(call->reply, call->argc - options.first);
    for (int i = options.first; i < call->argc; i++) {
        struct hash_item item;
        if (!hash_get(hash, call->argv[i], hash_now(call), &item)) {
            reply_null(call->reply);
            continue;
        }
        reply_bulk_bytes(call->reply, item.value);
        if (options.expires && time_is_past(call, options.when_ms)) {
            hash_delete(&hash, call->argv[i]);
            note(&outcome.deleted, i);
        } else if (options.expires) {
            hash_set_expiry(&hash, call->argv[i], time_to_keep(options.when_ms));
            note(&outcome.changed, i);
        } else if (options.persists && item.expiry != HASH_NO_EXPIRY) {
            hash_set_expiry(&hash, call->argv[i], HASH_NO_EXPIRY);
            note(&outcome.changed, i);
        }
    }
    outcome_finish(call, key, entry, hash, &outcome, options.expires ? "hexpire" : "hpersist",
                   options.expires ? "HPEXPIREAT" : "HPERSIST",
                   options.expires ? time_to_keep(options.when_ms) : HASH_NO_EXPIRY);
}

/* -- HSETEX -- */

struct setex_options {
    bool only_absent;  /* FNX */
    bool only_present; /* FXX */
    bool keeps_ttl;
    bool expires;
    int64_t when_ms;
    int time_index; /* of the option's name in argv, 0: none */
    int first;      /* of the pairs */
};

/* "FIELDS count field value ..." at argv[index]. */
static bool parse_pairs(struct call *call, int index, int *first)
{
    int64_t count;
    if (index >= call->argc - 3)
        return call_arity_error(call);
    if (!call_integer_in(call, index + 1, 1, INT32_MAX, &count, "ERR invalid number of fields"))
        return false;
    *first = index + 2;
    int rest = call->argc - *first;
    return (rest % 2 == 0 && count == rest / 2) || call_arity_error(call);
}

static bool parse_setex_option(struct call *call, int *i, struct setex_options *options)
{
    struct unit unit;
    if (call_is(call, *i, "fnx") || call_is(call, *i, "fxx")) {
        if (options->only_absent || options->only_present)
            return refuse(call, "ERR Only one of FXX or FNX arguments can be specified");
        options->only_absent = call_is(call, *i, "fnx");
        options->only_present = !options->only_absent;
        return true;
    }
    bool keeps_ttl = call_is(call, *i, "keepttl");
    if (!keeps_ttl && !parse_time_unit(call, *i, &unit)) {
        reply_errorf(call->reply, "unknown argument: %.*s", (int)call->argv[*i].size,
                     call->argv[*i].data);
        return false;
    }
    if (options->expires || options->keeps_ttl)
        return refuse(call,
                      "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    options->keeps_ttl = keeps_ttl;
    options->expires = !keeps_ttl;
    if (keeps_ttl)
        return true;
    if (*i + 1 >= call->argc)
        return refuse(call, "ERR missing expire time");
    options->time_index = (*i)++;
    return parse_time(call, *i, unit, &options->when_ms);
}

static bool parse_setex(struct call *call, struct setex_options *options)
{
    for (int i = 2; i < call->argc; i++) {
        if (call_is(call, i, "fields"))
            return parse_pairs(call, i, &options->first);
        if (!parse_setex_option(call, &i, options))
            return false;
    }
    return call_arity_error(call);
}

/* FNX and FXX hold for all fields or nothing is set. */
static bool setex_may_set(struct call *call, const struct entry *entry,
                          const struct setex_options *options)
{
    if (!options->only_absent && !options->only_present)
        return true;
    for (int i = options->first; i < call->argc; i += 2) {
        struct hash_item item;
        bool is_there = entry && hash_get(entry_value(entry), call->argv[i], hash_now(call), &item);
        if (is_there != options->only_present)
            return false;
    }
    return true;
}

/* With an absolute time, whatever form it came in. */
static void propagate_setex(struct call *call, const struct setex_options *options)
{
    char digits[NUMBER_I64_TEXT_MAX];
    struct bytes *argv = mem_dup(call->argv, (size_t)call->argc * sizeof(*argv));
    argv[options->time_index] = BYTES_LITERAL("PXAT");
    argv[options->time_index + 1] = bytes_of(digits, number_format_i64(digits, options->when_ms));
    call_propagate(call, call->argc, argv);
    mem_free(argv);
}

static void set_pairs(struct call *call, struct key key, struct entry *entry,
                      const struct setex_options *options)
{
    bool is_past = options->expires && time_is_past(call, options->when_ms);
    struct value hash = hash_open(entry);
    hash_expect(&hash, call->services->types, call->argv + options->first,
                call->argc - options->first);
    for (int i = options->first; i < call->argc; i += 2) {
        struct bytes name = call->argv[i];
        hash_set(&hash, call->services->types, name, call->argv[i + 1], options->keeps_ttl);
        if (is_past)
            hash_delete(&hash, name);
        else if (options->expires)
            hash_set_expiry(&hash, name, time_to_keep(options->when_ms));
    }
    hash_finish(call, key, entry, hash);
    call->dirty += (uint64_t)(call->argc - options->first) / 2;
    db_changed(call->db, key.name, KEY_CLASS_HASH, "hset");
    if (options->expires) {
        db_notify(call->db, key.name, KEY_CLASS_HASH, is_past ? "hdel" : "hexpire");
        propagate_setex(call, options);
    }
    hash_delete_if_empty(call, key, hash);
}

static void hsetex_command(struct call *call)
{
    struct setex_options options = {0};
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!parse_setex(call, &options) || !hash_find(call, key, true, &entry))
        return;
    bool may_set = setex_may_set(call, entry, &options);
    if (may_set)
        set_pairs(call, key, entry, &options);
    reply_integer(call->reply, may_set);
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_HASH, KEY_FIRST(key_flags))

const struct command_spec hash_expiry_commands[] = {
    ROW("hexpire", hexpire_command, -6, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("hpexpire", hpexpire_command, -6, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("hexpireat", hexpireat_command, -6, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("hpexpireat", hpexpireat_command, -6, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("hpersist", hpersist_command, -5, WRITE | FAST, KEY_RW | KEY_UPDATE),
    ROW("httl", httl_command, -5, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("hpttl", hpttl_command, -5, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("hexpiretime", hexpiretime_command, -5, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("hpexpiretime", hpexpiretime_command, -5, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("hgetdel", hgetdel_command, -5, WRITE | FAST, KEY_RW | KEY_ACCESS | KEY_DELETE),
    ROW("hgetex", hgetex_command, -5, WRITE | FAST, KEY_RW | KEY_ACCESS | KEY_UPDATE),
    ROW("hsetex", hsetex_command, -6, GROW | FAST, KEY_RW | KEY_UPDATE),
    {0},
};
