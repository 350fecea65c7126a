/* Options of scripts and functions. Main thread. */
#ifndef SCRIPTING_SCRIPT_OPTIONS_H
#define SCRIPTING_SCRIPT_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

struct script_settings {
    int64_t busy_reply_threshold; /* ms */
    bool lua_enable_deprecated_api;
};

extern const struct option_group script_options;

#endif
