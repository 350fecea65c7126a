/* Editing a line on a terminal: libedit, with completion, hints behind the cursor, and asterisks
 * for what follows AUTH. State of the process, as the terminal is. */
#ifndef TOOLS_CLI_LINE_EDITOR_H
#define TOOLS_CLI_LINE_EDITOR_H

#include <stdbool.h>

struct cli;

/* `cli` answers what completes a word and what a command takes. */
void line_editor_start(struct cli *cli, int history_max);
void line_editor_stop(void);
/* The next line without its newline, mem_ allocated; NULL at the end of input or after Ctrl-C. The
 * terminal is as before then. */
char *line_editor_read(const char *prompt);
/* Adds a line to what the arrow keys offer. */
void line_editor_remember(const char *line);
void line_editor_set_hints(bool is_on);

#endif
