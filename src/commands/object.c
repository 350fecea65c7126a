/* OBJECT: how a value is kept. Main thread. */
#include "commands/all.h"
#include "commands/command_rows.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"

enum { SHARED_INTEGER_MAX = 10000, SHARED_REFERENCES = INT32_MAX };

/* The entry of argv[2]; when absent null is answered. */
static struct entry *find_or_reply_null(struct call *call)
{
    struct entry *entry =
        db_find(call->db, call_key(call, 2), DB_FIND_NO_TOUCH | DB_FIND_NO_NOTIFY);
    if (!entry)
        reply_null(call->reply);
    return entry;
}

static void encoding_command(struct call *call)
{
    const struct entry *entry = find_or_reply_null(call);
    if (entry)
        reply_bulk_text(call->reply, value_encoding_name((enum value_encoding)entry->encoding));
}

static bool policy_has_access_time(int policy)
{
    return policy == POLICY_ALLKEYS_LRU || policy == POLICY_VOLATILE_LRU ||
           policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
}

/* Values have one owner here; small integers are as Redis shows its shared objects. */
static void refcount_command(struct call *call)
{
    const struct entry *entry = find_or_reply_null(call);
    if (!entry)
        return;
    const struct keyspace_settings *settings = call->services->keyspace->settings;
    bool shares_integers =
        settings->maxmemory == 0 || !policy_has_access_time(settings->maxmemory_policy);
    bool is_shared = shares_integers && entry_is_integer(entry) && entry_integer(entry) >= 0 &&
                     entry_integer(entry) < SHARED_INTEGER_MAX;
    reply_integer(call->reply, is_shared ? SHARED_REFERENCES : 1);
}

static void idletime_command(struct call *call)
{
    const struct keyspace *keyspace = call->services->keyspace;
    const struct entry *entry = find_or_reply_null(call);
    if (!entry)
        return;
    if (keyspace->is_lfu)
        reply_error(call->reply,
                    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note "
                    "that when switching between policies at runtime LRU and LFU data will take "
                    "some time to adjust.");
    else
        reply_integer(call->reply, (int64_t)keyspace_idle_seconds(keyspace, entry));
}

static void freq_command(struct call *call)
{
    const struct keyspace *keyspace = call->services->keyspace;
    const struct entry *entry = find_or_reply_null(call);
    if (!entry)
        return;
    if (!keyspace->is_lfu)
        reply_error(call->reply,
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                    "Please note that when switching between policies at runtime LRU and LFU data "
                    "will take some time to adjust.");
    else
        reply_integer(call->reply, keyspace_frequency(keyspace, entry));
}

static void help_command(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        NULL,
    };
    reply_help(call->reply, "OBJECT", lines);
}

#define ROW(text, function)                                                                        \
    COMMAND_ROW(text, function, 3, COMMAND_READONLY, CATEGORY_KEYSPACE, {KEY_AT(KEY_RO, 2)})

static const struct command_spec subcommands[] = {
    ROW("encoding", encoding_command),
    ROW("freq", freq_command),
    ROW("idletime", idletime_command),
    ROW("refcount", refcount_command),
    {.name = "help",
     .handler = help_command,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .categories = CATEGORY_KEYSPACE},
    {0},
};

const struct command_spec object_commands[] = {
    {.name = "object", .arity = -2, .subcommands = subcommands},
    {0},
};
