/* Hashes: setting, getting, counting, walking. What expires is in hash_expiry.c. Main thread. */
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/element_scan.h"
#include "commands/hash_common.h"
#include "commands/random_count.h"
#include "types/sample.h"
#include <math.h>

/* -- setting -- */

static void set_pairs(struct call *call, bool answers_ok)
{
    if (call->argc % 2 == 1) {
        call_arity_error(call);
        return;
    }
    const struct type_settings *types = call->services->types;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!hash_find(call, key, true, &entry))
        return;
    struct value hash = hash_open(entry);
    hash_expect(&hash, types, call->argv + 2, call->argc - 2);
    int64_t created = 0;
    for (int i = 2; i < call->argc; i += 2)
        created += hash_set(&hash, types, call->argv[i], call->argv[i + 1], false);
    hash_finish(call, key, entry, hash);
    call->dirty += (uint64_t)(call->argc - 2) / 2;
    db_changed(call->db, key.name, KEY_CLASS_HASH, "hset");
    if (answers_ok)
        reply_ok(call->reply);
    else
        reply_integer(call->reply, created);
}

static void hset_command(struct call *call)
{
    set_pairs(call, false);
}

static void hmset_command(struct call *call)
{
    set_pairs(call, true);
}

static void hsetnx_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct hash_item item;
    if (!hash_find(call, key, true, &entry))
        return;
    if (entry && hash_get(entry_value(entry), call->argv[2], hash_now(call), &item)) {
        reply_integer(call->reply, 0);
        return;
    }
    struct value hash = hash_open(entry);
    hash_set(&hash, call->services->types, call->argv[2], call->argv[3], false);
    hash_finish(call, key, entry, hash);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_HASH, "hset");
    reply_integer(call->reply, 1);
}

static void hdel_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!hash_find(call, key, true, &entry))
        return;
    uint64_t deleted = 0;
    if (entry) {
        struct value hash = entry_value(entry);
        for (int i = 2; i < call->argc && hash_count(hash) > 0; i++)
            deleted += hash_delete(&hash, call->argv[i]);
        hash_put_back(call, key, entry, hash);
        if (deleted) {
            call->dirty += deleted;
            db_changed(call->db, key.name, KEY_CLASS_HASH, "hdel");
            hash_delete_if_empty(call, key, hash);
        }
    }
    reply_integer(call->reply, (int64_t)deleted);
}

/* -- counters -- */

/* Stores a number in the field, whose expiry stays. */
static void set_number(struct call *call, struct key key, struct entry *entry, struct bytes text,
                       const char *event)
{
    struct value hash = hash_open(entry);
    hash_set(&hash, call->services->types, call->argv[2], text, true);
    hash_finish(call, key, entry, hash);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_HASH, event);
}

/* A field that is there but expired must not lend its expiry to the new number. */
static void forget_expired(struct call *call, struct key key, struct entry *entry)
{
    struct hash_item item;
    struct value hash = entry_value(entry);
    if (hash_get(hash, call->argv[2], INT64_MIN, &item) &&
        !hash_item_is_live(&item, hash_now(call))) {
        hash_delete(&hash, call->argv[2]);
        hash_put_back(call, key, entry, hash);
    }
}

static void hincrby_command(struct call *call)
{
    int64_t by;
    int64_t value = 0;
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct hash_item item;
    if (!call_integer(call, 3, &by, NULL) || !hash_find(call, key, true, &entry))
        return;
    if (entry && hash_get(entry_value(entry), call->argv[2], hash_now(call), &item)) {
        if (!number_parse_i64(item.value, &value)) {
            reply_error(call->reply, "ERR hash value is not an integer");
            return;
        }
    } else if (entry) {
        forget_expired(call, key, entry);
    }
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    char digits[NUMBER_I64_TEXT_MAX];
    set_number(call, key, entry, bytes_of(digits, number_format_i64(digits, value)), "hincrby");
    reply_integer(call->reply, value);
}

/* As the result, so that replicas do not add with another precision. */
static void propagate_float(struct call *call, struct key key, struct bytes text, bool expires)
{
    if (!expires) {
        const struct bytes argv[] = {BYTES_LITERAL("HSET"), key.name, call->argv[2], text};
        call_propagate(call, 4, argv);
        return;
    }
    const struct bytes argv[] = {BYTES_LITERAL("HSETEX"),
                                 key.name,
                                 BYTES_LITERAL("KEEPTTL"),
                                 BYTES_LITERAL("FIELDS"),
                                 BYTES_LITERAL("1"),
                                 call->argv[2],
                                 text};
    call_propagate(call, 7, argv);
}

static void hincrbyfloat_command(struct call *call)
{
    long double by;
    long double value = 0;
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct hash_item item = {.expiry = HASH_NO_EXPIRY};
    if (!number_parse_long_double(call->argv[3], &by)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return;
    }
    if (isnan(by) || isinf(by)) {
        reply_error(call->reply, "ERR value is NaN or Infinity");
        return;
    }
    if (!hash_find(call, key, true, &entry))
        return;
    if (entry && hash_get(entry_value(entry), call->argv[2], hash_now(call), &item)) {
        if (!number_parse_long_double(item.value, &value)) {
            reply_error(call->reply, "ERR hash value is not a float");
            return;
        }
    } else if (entry) {
        forget_expired(call, key, entry);
        item.expiry = HASH_NO_EXPIRY;
    }
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[NUMBER_DOUBLE_TEXT_MAX];
    struct bytes result =
        bytes_of(text, number_format_long_double_human(text, sizeof(text), value));
    set_number(call, key, entry, result, "hincrbyfloat");
    propagate_float(call, key, result, item.expiry != HASH_NO_EXPIRY);
    reply_bulk_bytes(call->reply, result);
}

/* -- getting -- */

static void reply_value(struct call *call, const struct entry *entry, struct bytes name)
{
    struct hash_item item;
    if (entry && hash_get(entry_value(entry), name, hash_now(call), &item))
        reply_bulk_bytes(call->reply, item.value);
    else
        reply_null(call->reply);
}

static void hget_command(struct call *call)
{
    struct entry *entry;
    if (hash_find(call, call_key(call, 1), false, &entry))
        reply_value(call, entry, call->argv[2]);
}

static void hmget_command(struct call *call)
{
    struct entry *entry;
    if (!hash_find(call, call_key(call, 1), false, &entry))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++)
        reply_value(call, entry, call->argv[i]);
}

static void hexists_command(struct call *call)
{
    struct entry *entry;
    struct hash_item item;
    if (hash_find(call, call_key(call, 1), false, &entry))
        reply_integer(call->reply,
                      entry && hash_get(entry_value(entry), call->argv[2], hash_now(call), &item));
}

static void hstrlen_command(struct call *call)
{
    struct entry *entry;
    struct hash_item item;
    if (!hash_find(call, call_key(call, 1), false, &entry))
        return;
    bool found = entry && hash_get(entry_value(entry), call->argv[2], hash_now(call), &item);
    reply_integer(call->reply, found ? (int64_t)item.value.size : 0);
}

static void hlen_command(struct call *call)
{
    struct entry *entry;
    if (hash_find(call, call_key(call, 1), false, &entry))
        reply_integer(call->reply, entry ? (int64_t)hash_count(entry_value(entry)) : 0);
}

/* -- all fields -- */

enum parts { PART_NAMES = 1, PART_VALUES = 2, PART_BOTH = 3 };

struct listing {
    struct reply *reply;
    enum parts parts;
    int64_t now_ms;
    int64_t count;
};

static void list_item(void *context, const struct hash_item *item)
{
    struct listing *listing = context;
    if (!hash_item_is_live(item, listing->now_ms))
        return;
    listing->count++;
    if (listing->parts & PART_NAMES)
        reply_bulk_bytes(listing->reply, item->name);
    if (listing->parts & PART_VALUES)
        reply_bulk_bytes(listing->reply, item->value);
}

static void list_all(struct call *call, enum parts parts)
{
    struct entry *entry;
    if (!hash_find(call, call_key(call, 1), false, &entry))
        return;
    struct listing listing = {call->reply, parts, hash_now(call), 0};
    bool is_map = parts == PART_BOTH;
    if (!entry || !hash_has_expiry(entry_value(entry))) {
        int64_t count = entry ? (int64_t)hash_count(entry_value(entry)) : 0;
        if (is_map)
            reply_map(call->reply, count);
        else
            reply_array(call->reply, count);
        if (entry)
            hash_each(entry_value(entry), list_item, &listing);
        return;
    }
    /* Some may have expired: the number is known at the end. */
    struct reply_mark mark = reply_defer(call->reply);
    hash_each(entry_value(entry), list_item, &listing);
    if (is_map)
        reply_defer_map(call->reply, mark, listing.count);
    else
        reply_defer_array(call->reply, mark, listing.count);
}

static void hgetall_command(struct call *call)
{
    list_all(call, PART_BOTH);
}

static void hkeys_command(struct call *call)
{
    list_all(call, PART_NAMES);
}

static void hvals_command(struct call *call)
{
    list_all(call, PART_VALUES);
}

/* -- random fields -- */

enum { SPARSE_DIVISOR = 3 };

/* The live fields: positions in the listpack, or addresses of the table's fields. */
struct handles {
    struct value hash;
    int64_t now_ms;
    uint64_t *list;
    size_t count;
};

static void read_handle(const struct handles *handles, uint64_t handle, struct hash_item *item)
{
    if (hash_is_packed(handles->hash))
        hash_pack_read(handles->hash, (uint32_t)handle, item);
    else
        hash_read_field((const struct hash_field *)(uintptr_t)handle, item);
}

static void add_handle(struct handles *handles, uint64_t handle)
{
    struct hash_item item;
    read_handle(handles, handle, &item);
    if (hash_item_is_live(&item, handles->now_ms))
        handles->list[handles->count++] = handle;
}

static void add_field(void *context, void *entry)
{
    add_handle(context, (uint64_t)(uintptr_t)entry);
}

static void handles_init(struct handles *handles, struct value hash, int64_t now_ms)
{
    *handles = (struct handles){hash, now_ms,
                                mem_alloc((hash_count(hash) + 1) * sizeof(handles->list[0])), 0};
    if (!hash_is_packed(hash)) {
        dict_each(&hash_table_of(hash)->fields, add_field, handles);
        return;
    }
    const struct listpack *pack = hash_pack(hash);
    uint32_t position = listpack_first(pack);
    while (position) {
        add_handle(handles, position);
        for (uint32_t i = 0; i < hash_pack_width(hash) && position; i++)
            position = listpack_next(pack, position);
    }
}

static void reply_random_header(struct call *call, size_t count, bool has_values)
{
    bool is_flat = has_values && call->reply->protocol == 2;
    reply_array(call->reply, (int64_t)(is_flat ? count * 2 : count));
}

static void reply_random(struct call *call, const struct hash_item *item, bool has_values)
{
    if (has_values && call->reply->protocol > 2)
        reply_array(call->reply, 2);
    reply_bulk_bytes(call->reply, item->name);
    if (has_values)
        reply_bulk_bytes(call->reply, item->value);
}

/* With repetition. */
static void reply_repeated(struct call *call, struct value hash, size_t count, bool has_values)
{
    struct handles handles;
    struct hash_item item;
    handles_init(&handles, hash, hash_now(call));
    if (handles.count == 0)
        count = 0;
    reply_random_header(call, count, has_values);
    for (size_t i = 0; i < count; i++) {
        read_handle(&handles, handles.list[random_below(handles.count)], &item);
        reply_random(call, &item, has_values);
    }
    mem_free(handles.list);
}

/* Few of many: drawn until they are different. */
static void reply_sparse(struct call *call, struct value hash, size_t count, bool has_values)
{
    const struct dict *fields = &hash_table_of(hash)->fields;
    struct distinct distinct;
    distinct_init(&distinct, count);
    reply_random_header(call, count, has_values);
    while (distinct.count < count) {
        struct hash_field *field = dict_random(fields);
        if (!distinct_add(&distinct, (uint64_t)(uintptr_t)field))
            continue;
        struct hash_item item;
        hash_read_field(field, &item);
        reply_random(call, &item, has_values);
    }
    distinct_deinit(&distinct);
}

static void reply_distinct(struct call *call, struct value hash, size_t count, bool has_values)
{
    if (!hash_is_packed(hash) && !hash_has_expiry(hash) &&
        count < hash_count(hash) / SPARSE_DIVISOR) {
        reply_sparse(call, hash, count, has_values);
        return;
    }
    struct handles handles;
    handles_init(&handles, hash, hash_now(call));
    if (count > handles.count)
        count = handles.count;
    uint64_t *indexes = sample_indexes(handles.count, count);
    reply_random_header(call, count, has_values);
    for (size_t i = 0; i < count; i++) {
        struct hash_item item;
        read_handle(&handles, handles.list[indexes[i]], &item);
        reply_random(call, &item, has_values);
    }
    mem_free(indexes);
    mem_free(handles.list);
}

static void reply_one(struct call *call, struct value hash)
{
    struct hash_item item;
    if (!hash_has_expiry(hash)) {
        hash_random(hash, &item);
        reply_bulk_bytes(call->reply, item.name);
        return;
    }
    struct handles handles;
    handles_init(&handles, hash, hash_now(call));
    if (handles.count) {
        read_handle(&handles, handles.list[random_below(handles.count)], &item);
        reply_bulk_bytes(call->reply, item.name);
    } else {
        reply_null(call->reply);
    }
    mem_free(handles.list);
}

static void hrandfield_command(struct call *call)
{
    int64_t count = 1;
    bool has_values = call->argc > 3;
    if (!random_count_parse(call, "withvalues", &count))
        return;
    struct entry *entry;
    if (!hash_find(call, call_key(call, 1), false, &entry))
        return;
    if (call->argc == 2) {
        if (entry)
            reply_one(call, entry_value(entry));
        else
            reply_null(call->reply);
    } else if (!entry || count == 0) {
        reply_array(call->reply, 0);
    } else if (count < 0) {
        reply_repeated(call, entry_value(entry), (size_t)-count, has_values);
    } else {
        reply_distinct(call, entry_value(entry), (size_t)count, has_values);
    }
}

/* -- HSCAN -- */

struct scanned {
    struct call *call;
    const struct element_scan *scan;
    int64_t now_ms;
    int64_t count;
};

static void reply_scanned(void *context, const struct hash_item *item)
{
    struct scanned *scanned = context;
    if (!hash_item_is_live(item, scanned->now_ms) || !element_scan_wants(scanned->scan, item->name))
        return;
    reply_bulk_bytes(scanned->call->reply, item->name);
    scanned->count++;
    if (scanned->scan->omits_values)
        return;
    reply_bulk_bytes(scanned->call->reply, item->value);
    scanned->count++;
}

static void hscan_command(struct call *call)
{
    struct element_scan scan;
    struct entry *entry;
    if (!element_scan_begin(call, 2, &scan) || !hash_find(call, call_key(call, 1), false, &entry))
        return;
    if (!entry) {
        element_scan_reply_nothing(call);
        return;
    }
    if (!element_scan_options(call, 3, &scan, ELEMENT_SCAN_NOVALUES))
        return;
    struct value hash = entry_value(entry);
    struct scanned scanned = {call, &scan, hash_now(call), 0};
    if (hash_is_packed(hash))
        scan.cursor = 0;
    else
        element_scan_dict(&scan, &hash_table_of(hash)->fields);
    struct reply_mark mark = element_scan_reply(call, &scan);
    if (hash_is_packed(hash))
        hash_each(hash, reply_scanned, &scanned);
    for (size_t i = 0; i < scan.entry_count; i++) {
        struct hash_item item;
        hash_read_field(scan.entries[i], &item);
        reply_scanned(&scanned, &item);
    }
    reply_defer_array(call->reply, mark, scanned.count);
    element_scan_end(&scan);
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_HASH, KEY_FIRST(key_flags))

const struct command_spec hash_commands[] = {
    ROW("hset", hset_command, -4, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("hsetnx", hsetnx_command, 4, GROW | FAST, KEY_RW | KEY_INSERT),
    ROW("hmset", hmset_command, -4, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("hget", hget_command, 3, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("hmget", hmget_command, -3, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("hgetall", hgetall_command, 2, READ, KEY_RO | KEY_ACCESS),
    ROW("hdel", hdel_command, -3, WRITE | FAST, KEY_RW | KEY_DELETE),
    ROW("hlen", hlen_command, 2, READ | FAST, KEY_RO),
    ROW("hstrlen", hstrlen_command, 3, READ | FAST, KEY_RO),
    ROW("hexists", hexists_command, 3, READ | FAST, KEY_RO),
    ROW("hkeys", hkeys_command, 2, READ, KEY_RO | KEY_ACCESS),
    ROW("hvals", hvals_command, 2, READ, KEY_RO | KEY_ACCESS),
    ROW("hincrby", hincrby_command, 4, GROW | FAST, KEY_RW | KEY_ACCESS | KEY_UPDATE),
    ROW("hincrbyfloat", hincrbyfloat_command, 4, GROW | FAST, KEY_RW | KEY_ACCESS | KEY_UPDATE),
    ROW("hrandfield", hrandfield_command, -2, READ, KEY_RO | KEY_ACCESS),
    ROW("hscan", hscan_command, -3, READ, KEY_RO | KEY_ACCESS),
    {0},
};
