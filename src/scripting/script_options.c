/* The table of script options. */
#include "scripting/script_options.h"

#include <limits.h>

#include "base/option_rows.h"

static const struct option rows[] = {
    OPTION_ROW_INT(script_settings, busy_reply_threshold, "busy-reply-threshold", "lua-time-limit",
                   0, "5000", 0, LONG_MAX),
    OPTION_ROW_BOOL(script_settings, lua_enable_deprecated_api, "lua-enable-deprecated-api", NULL,
                    OPTION_IMMUTABLE | OPTION_HIDDEN, "no"),
    OPTION_ROW_GONE("lua-replicate-commands"), /* effects are always what is replicated */
};

OPTION_GROUP(script_options, "scripting", rows, NULL);
