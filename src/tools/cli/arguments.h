/* The words of a command, from argv, from standard input, or from a script file. */
#ifndef TOOLS_CLI_ARGUMENTS_H
#define TOOLS_CLI_ARGUMENTS_H

#include "base/assert.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "tools/cli/options.h"

struct arguments {
    int count;
    struct bytes *items; /* items[i].data is mem_ allocated */
};

/* The command in argv, with what -x, -X and --quoted-input make of it. 0, or -1 after printing why.
 */
int arguments_init(struct arguments *arguments, const struct cli_options *options, int argc,
                   char **argv) MUST_CHECK;
/* EVAL with the script of --eval: keys, a comma, then the script's arguments. */
int arguments_init_eval(struct arguments *arguments, const struct cli_options *options, int argc,
                        char **argv) MUST_CHECK;
/* A line with Redis's quoting. -1 (nothing to free) when quotes are unbalanced. */
int arguments_init_line(struct arguments *arguments, const char *line) MUST_CHECK;
void arguments_deinit(struct arguments *arguments);

/* One quoted or plain word: mem_ allocated, terminated. -1 when its quotes are wrong. */
int arguments_unquote(const char *text, struct bytes *word) MUST_CHECK;
/* Appends all of standard input. */
int arguments_read_stdin(struct buffer *out) MUST_CHECK;
/* Asks when standard input is a terminal, showing an asterisk for each character; otherwise it
 * takes a line of it. 0 or -1. */
int arguments_read_password(const char *question, char *password, size_t size) MUST_CHECK;
/* Asks on the process's terminal, whatever standard input is; -1 when there is none. */
int arguments_ask_terminal(const char *question, char *password, size_t size) MUST_CHECK;

#endif
