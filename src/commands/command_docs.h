/* Documentation of the commands: what COMMAND DOCS shows and the tips of COMMAND INFO. The texts
 * are JSON files in commands/docs/, compiled into a table by utils/compile-command-docs. Constant.
 */
#ifndef COMMANDS_COMMAND_DOCS_H
#define COMMANDS_COMMAND_DOCS_H

#include "dispatch/command.h"
#include "protocol/resp_writer.h"

enum command_arg_flag { ARG_OPTIONAL = 1 << 0, ARG_MULTIPLE = 1 << 1, ARG_MULTIPLE_TOKEN = 1 << 2 };

struct command_arg {
    const char *name;
    /* "key", "string", "integer", "double", "pattern", "unix-time", "pure-token"; or a group,
     * "oneof" or "block". */
    const char *type;
    const char *display; /* display_text; NULL for "oneof" and "block" */
    const char *token;   /* NULL: none */
    const char *since;   /* NULL: the command's */
    const char *deprecated_since;
    int key_spec_index; /* -1: none */
    unsigned flags;
    int count; /* of args */
    const struct command_arg *args;
};

enum command_doc_flag { DOC_DEPRECATED = 1 << 0, DOC_SYSTEM = 1 << 1 };

struct command_doc {
    const char *name; /* "get", "client|list" */
    const char *summary;
    const char *since;
    const char *group;
    const char *complexity; /* NULL: none */
    unsigned flags;         /* enum command_doc_flag */
    const char *deprecated_since;
    const char *replaced_by;
    const char *const *history; /* pairs: version, text */
    int history_count;          /* of pairs */
    const char *const *tips;
    int tip_count;
    const struct command_arg *args;
    int arg_count;
};

/* The whole table, sorted by name (bytewise). */
const struct command_doc *command_docs_all(int *count);
/* By the rows' names (not renamed ones); NULL when there is no text. */
const struct command_doc *command_doc_find(const struct command_spec *spec,
                                           const struct command_spec *parent);
/* The map that COMMAND DOCS shows for one command, its subcommands included. */
void command_doc_reply(struct reply *reply, const struct command *command);

#endif
