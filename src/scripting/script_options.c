/* The table of script options. */
#include "scripting/script_options.h"

#include <limits.h>

#include "base/option_rows.h"

/* lua-replicate-commands: effects are always what is replicated. */
static int set_gone(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    (void)settings;
    (void)argv;
    if (argc == 1)
        return 0;
    buffer_append_text(error, "wrong number of arguments");
    return -1;
}

static const struct option rows[] = {
    OPTION_ROW_INT(script_settings, busy_reply_threshold, "busy-reply-threshold", "lua-time-limit",
                   0, "5000", 0, LONG_MAX),
    OPTION_ROW_BOOL(script_settings, lua_enable_deprecated_api, "lua-enable-deprecated-api", NULL,
                    OPTION_IMMUTABLE | OPTION_HIDDEN, "no"),
    OPTION_ROW_GONE("lua-replicate-commands", set_gone),
};

OPTION_GROUP(script_options, "scripting", rows, NULL);
