/* Walking over keys: SCAN and KEYS. Main thread. */
#include "base/text.h"
#include "commands/all.h"
#include "commands/element_scan.h"
#include "dispatch/call.h"
#include "dispatch/key_walk.h"
#include "keyspace/keyspace.h"

/* -- SCAN -- */

/* Whether the options want it. One that has expired goes. */
static bool is_wanted(struct call *call, const struct element_scan *scan, struct entry *entry)
{
    struct bytes name = entry_key(entry);
    if (scan->has_type && (int)entry_type(entry) != scan->type)
        return false;
    if (!element_scan_wants(scan, name))
        return false;
    /* Finding it removes it when its time has come. */
    return !db_entry_is_expired(call->db, entry) || db_peek(call->db, key_of(name));
}

static void scan_command(struct call *call)
{
    struct element_scan scan;
    int64_t count = 0;
    if (!element_scan_begin(call, 1, &scan) ||
        !element_scan_options(call, 2, &scan, ELEMENT_SCAN_TYPE))
        return;
    element_scan_dict(&scan, &call->db->keys);
    struct reply_mark mark = element_scan_reply(call, &scan);
    for (size_t i = 0; i < scan.entry_count; i++) {
        struct entry *entry = scan.entries[i];
        if (is_wanted(call, &scan, entry)) {
            reply_bulk_bytes(call->reply, entry_key(entry));
            count++;
        }
    }
    reply_defer_array(call->reply, mark, count);
    element_scan_end(&scan);
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
