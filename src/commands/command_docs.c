/* COMMAND DOCS replies from the compiled table (command_docs_all is in the generated
 * command_docs_table.c). Main thread for replies; the table is constant. */
#include "commands/command_docs.h"

#include "base/assert.h"
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE_MAX = 128 };

static const struct command_doc *find(const char *name)
{
    int count;
    const struct command_doc *docs = command_docs_all(&count);
    int low = 0;
    int high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(name, docs[middle].name);
        if (order == 0)
            return &docs[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct command_doc *command_doc_find(const struct command_spec *spec,
                                           const struct command_spec *parent)
{
    if (!parent)
        return find(spec->name);
    char name[NAME_SIZE_MAX];
    int size = snprintf(name, sizeof(name), "%s|%s", parent->name, spec->name);
    assert(size > 0 && size < NAME_SIZE_MAX);
    return find(name);
}

/* -- replies: a map is counted before it is written, so the counts and the fields stand together --
 */

static void reply_text_field(struct reply *reply, const char *field, const char *text)
{
    if (!text)
        return;
    reply_bulk_text(reply, field);
    reply_bulk_text(reply, text);
}

static void reply_flag_names(struct reply *reply, unsigned flags, const char *const *names,
                             int count)
{
    reply_bulk_text(reply, "flags");
    reply_set(reply, __builtin_popcount(flags));
    for (int i = 0; i < count; i++)
        if (flags & 1u << i)
            reply_simple(reply, names[i]);
}

static void reply_args(struct reply *reply, const struct command_arg *args, int count);

static void reply_arg(struct reply *reply, const struct command_arg *arg)
{
    static const char *const flag_names[] = {"optional", "multiple", "multiple_token"};
    reply_map(reply, 2 + !!arg->display + (arg->key_spec_index >= 0) + !!arg->token + !!arg->since +
                         !!arg->deprecated_since + !!arg->flags + !!arg->args);
    reply_text_field(reply, "name", arg->name);
    reply_text_field(reply, "type", arg->type);
    reply_text_field(reply, "display_text", arg->display);
    if (arg->key_spec_index >= 0) {
        reply_bulk_text(reply, "key_spec_index");
        reply_integer(reply, arg->key_spec_index);
    }
    reply_text_field(reply, "token", arg->token);
    reply_text_field(reply, "since", arg->since);
    reply_text_field(reply, "deprecated_since", arg->deprecated_since);
    if (arg->flags)
        reply_flag_names(reply, arg->flags, flag_names, 3);
    if (arg->args) {
        reply_bulk_text(reply, "arguments");
        reply_args(reply, arg->args, arg->count);
    }
}

static void reply_args(struct reply *reply, const struct command_arg *args, int count)
{
    reply_array(reply, count);
    for (int i = 0; i < count; i++)
        reply_arg(reply, &args[i]);
}

static void reply_doc_flags(struct reply *reply, unsigned flags)
{
    reply_bulk_text(reply, "doc_flags");
    reply_set(reply, __builtin_popcount(flags));
    if (flags & DOC_DEPRECATED)
        reply_simple(reply, "deprecated");
    if (flags & DOC_SYSTEM)
        reply_simple(reply, "syscmd");
}

static void reply_history(struct reply *reply, const struct command_doc *doc)
{
    reply_bulk_text(reply, "history");
    reply_set(reply, doc->history_count);
    for (int i = 0; i < doc->history_count; i++) {
        reply_array(reply, 2);
        reply_bulk_text(reply, doc->history[2 * i]);
        reply_bulk_text(reply, doc->history[2 * i + 1]);
    }
}

static void reply_subcommands(struct reply *reply, const struct command *command)
{
    reply_bulk_text(reply, "subcommands");
    reply_map(reply, command->subcommand_count);
    for (uint32_t i = 0; i < command->subcommand_count; i++) {
        reply_bulk_text(reply, command->subcommands[i].name);
        command_doc_reply(reply, &command->subcommands[i]);
    }
}

void command_doc_reply(struct reply *reply, const struct command *command)
{
    static const struct command_doc nothing;
    const struct command_doc *doc =
        command_doc_find(command->spec, command->parent ? command->parent->spec : NULL);
    if (!doc)
        doc = &nothing;
    reply_map(reply, !!doc->summary + !!doc->since + !!doc->group + !!doc->complexity +
                         !!doc->flags + !!doc->deprecated_since + !!doc->replaced_by +
                         !!doc->history_count + !!doc->arg_count + !!command->subcommand_count);
    reply_text_field(reply, "summary", doc->summary);
    reply_text_field(reply, "since", doc->since);
    reply_text_field(reply, "group", doc->group);
    reply_text_field(reply, "complexity", doc->complexity);
    if (doc->flags)
        reply_doc_flags(reply, doc->flags);
    reply_text_field(reply, "deprecated_since", doc->deprecated_since);
    reply_text_field(reply, "replaced_by", doc->replaced_by);
    if (doc->history_count)
        reply_history(reply, doc);
    if (doc->arg_count) {
        reply_bulk_text(reply, "arguments");
        reply_args(reply, doc->args, doc->arg_count);
    }
    if (command->subcommand_count)
        reply_subcommands(reply, command);
}
