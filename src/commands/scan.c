/* Walking over keys: SCAN and KEYS. Main thread. */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "commands/all.h"
#include "dispatch/call.h"
#include "dispatch/key_walk.h"
#include "keyspace/keyspace.h"

/* -- SCAN -- */

struct scan_options {
    struct bytes pattern; /* data NULL: every key */
    int64_t count;
    bool has_type;
    int type; /* -1: a type that nothing has */
};

/* Entries seen by one call. */
struct scan_result {
    struct entry **entries;
    size_t count;
    size_t capacity;
};

enum {
    SCAN_COUNT_DEFAULT = 10,
    /* Empty buckets that a call may visit, for each key that it was asked for. */
    SCAN_STEPS_FACTOR = 10,
    SCAN_RESULT_INITIAL = 32
};

static void collect(void *context, void *entry)
{
    struct scan_result *result = context;
    if (result->count == result->capacity) {
        result->capacity = result->capacity ? result->capacity * 2 : SCAN_RESULT_INITIAL;
        result->entries =
            mem_realloc(result->entries, result->capacity * sizeof(result->entries[0]));
    }
    result->entries[result->count++] = entry;
}

static bool parse_scan_options(struct call *call, struct scan_options *options)
{
    for (int i = 2; i < call->argc; i += 2) {
        if (call_is(call, i, "novalues")) {
            reply_error(call->reply, "ERR NOVALUES option can only be used in HSCAN");
            return false;
        }
        if (i + 1 == call->argc)
            return call_syntax_error(call);
        if (call_is(call, i, "count")) {
            if (!call_integer(call, i + 1, &options->count, NULL))
                return false;
            if (options->count < 1)
                return call_syntax_error(call);
        } else if (call_is(call, i, "match")) {
            options->pattern = call->argv[i + 1];
            if (bytes_equal(options->pattern, BYTES_LITERAL("*")))
                options->pattern = bytes_of(NULL, 0);
        } else if (call_is(call, i, "type")) {
            options->has_type = true;
            options->type = value_type_of_name(call->argv[i + 1].data, call->argv[i + 1].size);
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

/* Scans until enough keys were seen or enough buckets visited. */
static uint64_t scan_some(struct db *db, uint64_t cursor, int64_t count, struct scan_result *result)
{
    uint64_t steps = (uint64_t)count > UINT64_MAX / SCAN_STEPS_FACTOR
                         ? UINT64_MAX
                         : (uint64_t)count * SCAN_STEPS_FACTOR;
    do {
        cursor = db_scan(db, cursor, collect, result);
    } while (cursor && --steps && result->count < (uint64_t)count);
    return cursor;
}

/* Removes entries that have expired and those that the options do not want. */
static void filter(struct call *call, const struct scan_options *options,
                   struct scan_result *result)
{
    size_t kept = 0;
    for (size_t i = 0; i < result->count; i++) {
        struct entry *entry = result->entries[i];
        struct bytes name = entry_key(entry);
        if (options->has_type && (int)entry_type(entry) != options->type)
            continue;
        if (options->pattern.data && !text_glob_match(options->pattern, name, false))
            continue;
        /* Finding it removes it when its time has come. */
        if (db_entry_is_expired(call->db, entry) && !db_peek(call->db, key_of(name)))
            continue;
        result->entries[kept++] = entry;
    }
    result->count = kept;
}

static void scan_command(struct call *call)
{
    uint64_t cursor;
    struct scan_options options = {.count = SCAN_COUNT_DEFAULT};
    if (!call_cursor(call, 1, &cursor) || !parse_scan_options(call, &options))
        return;
    struct scan_result result = {0};
    cursor = scan_some(call->db, cursor, options.count, &result);
    filter(call, &options, &result);
    char digits[NUMBER_I64_TEXT_MAX];
    reply_array(call->reply, 2);
    reply_bulk(call->reply, digits, number_format_u64(digits, cursor));
    reply_array(call->reply, (int64_t)result.count);
    for (size_t i = 0; i < result.count; i++)
        reply_bulk_bytes(call->reply, entry_key(result.entries[i]));
    mem_free(result.entries);
}

/* -- KEYS -- */

struct keys_context {
    struct call *call;
    struct bytes pattern;
    bool is_all;
    int64_t count;
};

static void reply_if_matches(void *opaque, void *entry)
{
    struct keys_context *context = opaque;
    struct bytes name = entry_key(entry);
    if (!context->is_all && !text_glob_match(context->pattern, name, false))
        return;
    if (db_entry_is_expired(context->call->db, entry))
        return;
    reply_bulk_bytes(context->call->reply, name);
    context->count++;
}

static void keys_command(struct call *call)
{
    if (key_walk_is_worth_it(call)) {
        key_walk_begin(call, 1);
        return;
    }
    struct keys_context context = {
        .call = call,
        .pattern = call->argv[1],
        .is_all = bytes_equal(call->argv[1], BYTES_LITERAL("*")),
    };
    struct reply_mark mark = reply_defer(call->reply);
    dict_each(&call->db->keys, reply_if_matches, &context);
    reply_defer_array(call->reply, mark, context.count);
}

const struct command_spec scan_commands[] = {
    {.name = "scan",
     .handler = scan_command,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_TOUCHES_ARBITRARY_KEYS,
     .categories = CATEGORY_KEYSPACE},
    {.name = "keys",
     .handler = keys_command,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_TOUCHES_ARBITRARY_KEYS,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS},
    {0},
};
