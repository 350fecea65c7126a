/* Lines of input: edited with history and completion on a terminal (libedit), plain otherwise.
 * State of the process, as libedit's is. */
#ifndef TOOLS_CLI_LINE_INPUT_H
#define TOOLS_CLI_LINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

/* Loads the history when standard input is a terminal. `cli` answers what completes a word. */
void line_input_start(struct cli *cli);
void line_input_stop(void);
bool line_input_is_terminal(void);
/* The next line without its newline, mem_ allocated; NULL at the end of input or after Ctrl-C. */
char *line_input_read(const char *prompt);
/* Adds a line to the history, in memory and in the file. */
void line_input_remember(const char *line);
/* Hints: a command's arguments are shown behind the cursor. */
void line_input_set_hints(bool is_on);
/* The file that the environment variable names ("" and /dev/null: none), else `name` in the home
 * folder. False when there is none. */
bool line_input_home_file(char *path, size_t size, const char *variable, const char *name);

#endif
