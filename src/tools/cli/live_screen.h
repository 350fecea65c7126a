/* The live view's lines. No terminal is needed; any thread. */
#ifndef TOOLS_CLI_LIVE_SCREEN_H
#define TOOLS_CLI_LIVE_SCREEN_H

#include "base/buffer.h"
#include "tools/cli/live_figures.h"
#include <stdbool.h>

struct live_screen {
    int width;
    int height;
    bool is_coloured; /* escape sequences: title, bars, erasing the rest of lines */
};

/* Appends at most `height` lines of at most `width` columns; no newline behind the last one, but
 * the rest of a coloured screen is erased. `target` is what the server is called, `time` the time
 * of day. */
void live_screen_draw(struct buffer *out, const struct live_screen *screen,
                      const struct live_figures *figures, const char *target, const char *time);

#endif
