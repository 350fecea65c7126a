/* COMMAND and its subcommands. Documentation texts are in commands/docs/ and compiled into a table
 * that only this file reads. */
#include "base/memory.h"
#include "base/text.h"
#include "commands/all.h"
#include "commands/command_docs.h"
#include "dispatch/call.h"
#include "dispatch/key_spec.h"

/* -- COMMAND INFO -- */

struct flag_name {
    uint32_t flag;
    const char *name;
};

/* The other flags are not shown (may_replicate, protected, ...), as in Redis. */
static const struct flag_name flag_names[] = {
    {COMMAND_WRITE, "write"},
    {COMMAND_READONLY, "readonly"},
    {COMMAND_DENYOOM, "denyoom"},
    {COMMAND_ADMIN, "admin"},
    {COMMAND_PUBSUB, "pubsub"},
    {COMMAND_NOSCRIPT, "noscript"},
    {COMMAND_BLOCKING, "blocking"},
    {COMMAND_LOADING, "loading"},
    {COMMAND_STALE, "stale"},
    {COMMAND_SKIP_MONITOR, "skip_monitor"},
    {COMMAND_SKIP_SLOWLOG, "skip_slowlog"},
    {COMMAND_ASKING, "asking"},
    {COMMAND_FAST, "fast"},
    {COMMAND_NO_AUTH, "no_auth"},
    {COMMAND_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {COMMAND_NO_ASYNC_LOADING, "no_async_loading"},
    {COMMAND_NO_MULTI, "no_multi"},
    {COMMAND_MOVABLE_KEYS, "movablekeys"},
    {COMMAND_ALLOW_BUSY, "allow_busy"},
};

static const struct flag_name category_names[] = {
    {CATEGORY_KEYSPACE, "@keyspace"},
    {CATEGORY_READ, "@read"},
    {CATEGORY_WRITE, "@write"},
    {CATEGORY_SET, "@set"},
    {CATEGORY_SORTEDSET, "@sortedset"},
    {CATEGORY_LIST, "@list"},
    {CATEGORY_HASH, "@hash"},
    {CATEGORY_STRING, "@string"},
    {CATEGORY_BITMAP, "@bitmap"},
    {CATEGORY_HYPERLOGLOG, "@hyperloglog"},
    {CATEGORY_GEO, "@geo"},
    {CATEGORY_STREAM, "@stream"},
    {CATEGORY_PUBSUB, "@pubsub"},
    {CATEGORY_ADMIN, "@admin"},
    {CATEGORY_FAST, "@fast"},
    {CATEGORY_SLOW, "@slow"},
    {CATEGORY_BLOCKING, "@blocking"},
    {CATEGORY_DANGEROUS, "@dangerous"},
    {CATEGORY_CONNECTION, "@connection"},
    {CATEGORY_TRANSACTION, "@transaction"},
    {CATEGORY_SCRIPTING, "@scripting"},
};

static const struct flag_name key_flag_names[] = {
    {KEY_RO, "RO"},
    {KEY_RW, "RW"},
    {KEY_OW, "OW"},
    {KEY_RM, "RM"},
    {KEY_ACCESS, "access"},
    {KEY_UPDATE, "update"},
    {KEY_INSERT, "insert"},
    {KEY_DELETE, "delete"},
    {KEY_NOT_KEY, "not_key"},
    {KEY_INCOMPLETE, "incomplete"},
    {KEY_VARIABLE_FLAGS, "variable_flags"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void reply_flags(struct reply *reply, uint32_t flags, const struct flag_name *names,
                        size_t count)
{
    int64_t set = 0;
    for (size_t i = 0; i < count; i++)
        set += (flags & names[i].flag) != 0;
    reply_set(reply, set);
    for (size_t i = 0; i < count; i++)
        if (flags & names[i].flag)
            reply_simple(reply, names[i].name);
}

static void reply_key_begin(struct reply *reply, const struct key_spec *spec)
{
    reply_bulk_text(reply, "begin_search");
    reply_map(reply, 2);
    reply_bulk_text(reply, "type");
    if (spec->begin == KEY_SPEC_INDEX) {
        reply_bulk_text(reply, "index");
        reply_bulk_text(reply, "spec");
        reply_map(reply, 1);
        reply_bulk_text(reply, "index");
        reply_integer(reply, spec->index);
    } else if (spec->begin == KEY_SPEC_KEYWORD) {
        reply_bulk_text(reply, "keyword");
        reply_bulk_text(reply, "spec");
        reply_map(reply, 2);
        reply_bulk_text(reply, "keyword");
        reply_bulk_text(reply, spec->keyword);
        reply_bulk_text(reply, "startfrom");
        reply_integer(reply, spec->index);
    } else {
        reply_bulk_text(reply, "unknown");
        reply_bulk_text(reply, "spec");
        reply_map(reply, 0);
    }
}

static void reply_key_find(struct reply *reply, const struct key_spec *spec)
{
    bool is_range = spec->find == KEY_FIND_RANGE;
    reply_bulk_text(reply, "find_keys");
    reply_map(reply, 2);
    reply_bulk_text(reply, "type");
    if (spec->find == KEY_FIND_UNKNOWN) {
        reply_bulk_text(reply, "unknown");
        reply_bulk_text(reply, "spec");
        reply_map(reply, 0);
        return;
    }
    reply_bulk_text(reply, is_range ? "range" : "keynum");
    reply_bulk_text(reply, "spec");
    reply_map(reply, 3);
    reply_bulk_text(reply, is_range ? "lastkey" : "keynumidx");
    reply_integer(reply, spec->last);
    reply_bulk_text(reply, is_range ? "keystep" : "firstkey");
    reply_integer(reply, is_range ? spec->step : spec->limit);
    reply_bulk_text(reply, is_range ? "limit" : "keystep");
    reply_integer(reply, is_range ? spec->limit : spec->step);
}

static void reply_key_specs(struct reply *reply, const struct command *command)
{
    const struct key_spec *specs = command->spec->keys;
    int64_t count = 0;
    while (count < COMMAND_KEY_SPECS_MAX && specs[count].begin != KEY_SPEC_NONE)
        count++;
    reply_set(reply, count);
    for (int64_t i = 0; i < count; i++) {
        reply_map(reply, 3);
        reply_bulk_text(reply, "flags");
        reply_flags(reply, specs[i].flags, key_flag_names, COUNT_OF(key_flag_names));
        reply_key_begin(reply, &specs[i]);
        reply_key_find(reply, &specs[i]);
    }
}

static void reply_info(struct reply *reply, const struct command *command)
{
    reply_array(reply, 10);
    reply_bulk_text(reply, command->name);
    reply_integer(reply, command->spec->arity);
    reply_flags(reply, command->flags, flag_names, COUNT_OF(flag_names));
    reply_integer(reply, command->first_key);
    reply_integer(reply, command->last_key);
    reply_integer(reply, command->step);
    reply_flags(reply, command->categories, category_names, COUNT_OF(category_names));
    const struct command_doc *doc =
        command_doc_find(command->spec, command->parent ? command->parent->spec : NULL);
    reply_set(reply, doc ? doc->tip_count : 0);
    for (int i = 0; doc && i < doc->tip_count; i++)
        reply_bulk_text(reply, doc->tips[i]);
    reply_key_specs(reply, command);
    if (command->subcommand_count == 0)
        reply_set(reply, 0); /* clients know it so */
    else
        reply_array(reply, command->subcommand_count);
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        reply_info(reply, &command->subcommands[i]);
}

static void visit_info(struct command *command, void *reply)
{
    reply_info(reply, command);
}

static void reply_all_info(struct call *call)
{
    reply_array(call->reply, (int64_t)command_table_count(call->services->commands));
    command_table_each(call->services->commands, visit_info, call->reply);
}

static void info_subcommand(struct call *call)
{
    if (call->argc == 2) {
        reply_all_info(call);
        return;
    }
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        const struct command *command =
            command_lookup_name(call->services->commands, call->argv[i]);
        if (command)
            reply_info(call->reply, command);
        else
            reply_null(call->reply);
    }
}

static void count_subcommand(struct call *call)
{
    reply_integer(call->reply, (int64_t)command_table_count(call->services->commands));
}

/* -- COMMAND DOCS -- */

static void visit_docs(struct command *command, void *reply)
{
    reply_bulk_text(reply, command->name);
    command_doc_reply(reply, command);
}

static void docs_subcommand(struct call *call)
{
    if (call->argc == 2) {
        reply_map(call->reply, (int64_t)command_table_count(call->services->commands));
        command_table_each(call->services->commands, visit_docs, call->reply);
        return;
    }
    struct reply_mark mark = reply_defer(call->reply);
    int64_t found = 0;
    for (int i = 2; i < call->argc; i++) {
        struct command *command = command_lookup_name(call->services->commands, call->argv[i]);
        if (!command)
            continue;
        visit_docs(command, call->reply);
        found++;
    }
    reply_defer_map(call->reply, mark, found);
}

/* -- COMMAND LIST -- */

struct list_filter {
    struct reply *reply;
    enum { LIST_ALL, LIST_MODULE, LIST_ACLCAT, LIST_PATTERN } kind;
    struct bytes value;
    int64_t count;
};

static bool list_wants(const struct list_filter *filter, const struct command *command)
{
    switch (filter->kind) {
    case LIST_ALL:
        return true;
    case LIST_MODULE:
        return false; /* there are none */
    case LIST_PATTERN:
        return text_glob_match(filter->value, bytes_of_text(command->name), true);
    case LIST_ACLCAT:
        for (size_t i = 0; i < COUNT_OF(category_names); i++)
            if (bytes_is(filter->value, category_names[i].name + 1))
                return command->categories & category_names[i].flag;
        return false;
    }
    return false;
}

static void visit_list(struct command *command, void *context)
{
    struct list_filter *filter = context;
    if (list_wants(filter, command)) {
        reply_bulk_text(filter->reply, command->name);
        filter->count++;
    }
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        visit_list(&command->subcommands[i], context);
}

static void list_subcommand(struct call *call)
{
    struct list_filter filter = {.reply = call->reply, .kind = LIST_ALL};
    if (call->argc == 5 && call_is(call, 2, "FILTERBY")) {
        filter.value = call->argv[4];
        if (call_is(call, 3, "MODULE"))
            filter.kind = LIST_MODULE;
        else if (call_is(call, 3, "ACLCAT"))
            filter.kind = LIST_ACLCAT;
        else if (call_is(call, 3, "PATTERN"))
            filter.kind = LIST_PATTERN;
        else {
            call_syntax_error(call);
            return;
        }
    } else if (call->argc != 2) {
        call_syntax_error(call);
        return;
    }
    struct reply_mark mark = reply_defer(call->reply);
    command_table_each(call->services->commands, visit_list, &filter);
    reply_defer_array(call->reply, mark, filter.count);
}

/* -- COMMAND GETKEYS -- */

static bool has_keys(const struct command_spec *spec)
{
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && spec->keys[i].begin != KEY_SPEC_NONE; i++)
        if (!(spec->keys[i].flags & KEY_NOT_KEY))
            return true;
    return spec->find_keys != NULL;
}

/* Where the keys are, to be freed; NULL when there is an error, which is answered. Each key
 * specification names each argument once at most. */
static struct key_position *find_keys(struct call *call, int *count)
{
    const struct bytes *argv = call->argv + 2;
    int argc = call->argc - 2;
    const struct command *command = command_lookup(call->services->commands, argv, argc);
    if (!command || (argc > 1 && command->subcommand_count > 0)) {
        reply_errorf(call->reply, "Invalid command specified");
        return NULL;
    }
    int arity = command->spec->arity;
    if (!has_keys(command->spec)) {
        reply_errorf(call->reply, "The command has no key arguments");
        return NULL;
    }
    if ((arity > 0 && arity != argc) || argc < -arity) {
        reply_errorf(call->reply, "Invalid number of arguments specified for command");
        return NULL;
    }
    size_t max = (size_t)argc * COMMAND_KEY_SPECS_MAX;
    struct key_position *positions = mem_alloc(max * sizeof *positions);
    int positions_max = max < INT32_MAX ? (int)max : INT32_MAX;
    *count = command_find_keys(command, argv, argc, positions, positions_max);
    if (*count < 0 || (*count == 0 && !(command->flags & COMMAND_NO_MANDATORY_KEYS))) {
        reply_errorf(call->reply, "Invalid arguments specified for command");
        mem_free(positions);
        return NULL;
    }
    assert(*count <= positions_max);
    return positions;
}

static void reply_keys(struct call *call, bool with_flags)
{
    int count;
    struct key_position *positions = find_keys(call, &count);
    if (!positions)
        return;
    reply_array(call->reply, count);
    for (int i = 0; i < count; i++) {
        if (with_flags)
            reply_array(call->reply, 2);
        reply_bulk_bytes(call->reply, call->argv[positions[i].index + 2]);
        if (with_flags)
            reply_flags(call->reply, positions[i].flags, key_flag_names, COUNT_OF(key_flag_names));
    }
    mem_free(positions);
}

static void getkeys_subcommand(struct call *call)
{
    reply_keys(call, false);
}

static void getkeysandflags_subcommand(struct call *call)
{
    reply_keys(call, true);
}

static void help_subcommand(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details about all Redis commands.",
        "COUNT",
        "    Return the total number of commands in this Redis server.",
        "LIST",
        "    Return a list of all commands in this Redis server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full Redis command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full Redis command.",
        NULL};
    reply_help(call->reply, "COMMAND", lines);
}

enum { QUICK = COMMAND_LOADING | COMMAND_STALE };

#define ROW(title, function, count)                                                                \
    {                                                                                              \
        .name = (title), .handler = (function), .arity = (count), .flags = QUICK,                  \
        .categories = CATEGORY_CONNECTION                                                          \
    }

static const struct command_spec command_subcommands[] = {
    ROW("info", info_subcommand, -2),       ROW("count", count_subcommand, 2),
    ROW("docs", docs_subcommand, -2),       ROW("list", list_subcommand, -2),
    ROW("getkeys", getkeys_subcommand, -3), ROW("getkeysandflags", getkeysandflags_subcommand, -3),
    ROW("help", help_subcommand, 2),        {0},
};

const struct command_spec introspection_commands[] = {
    {.name = "command",
     .handler = reply_all_info,
     .arity = -1,
     .flags = QUICK,
     .categories = CATEGORY_CONNECTION,
     .subcommands = command_subcommands},
    {0},
};
