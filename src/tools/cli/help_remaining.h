/* What of a command's syntax is still to be typed. No state; any thread. */
#ifndef TOOLS_CLI_HELP_REMAINING_H
#define TOOLS_CLI_HELP_REMAINING_H

#include "base/bytes.h"

/* Writes what the syntax ("key value [NX|XX] [EX seconds|PX milliseconds]") has left behind the
 * words of `line` ("k v ex" leaves "seconds [NX|XX]"), cut to the size; may be empty. */
void help_remaining(const char *syntax, struct bytes line, char *out, size_t size);
/* The next word by blanks, which `rest` loses; empty at the end. */
struct bytes help_next_word(struct bytes *rest);

#endif
