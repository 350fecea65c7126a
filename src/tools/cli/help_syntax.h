/* The argument syntax of a command, from COMMAND DOCS. */
#ifndef TOOLS_CLI_HELP_SYNTAX_H
#define TOOLS_CLI_HELP_SYNTAX_H

#include "protocol/resp_reply_reader.h"

/* A field of a map, or of an array of names and values; NULL when absent. `map` may be NULL. */
const struct reply_value *help_field(const struct reply_value *map, const char *name);
/* "key value [NX|XX] [EX seconds|PX milliseconds]": mem_ allocated. `arguments` may be NULL. */
char *help_format_syntax(const struct reply_value *arguments);

#endif
