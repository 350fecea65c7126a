/* Shorthand for the usual rows of an option table. Each names the settings struct, the field, the
 * option's name and alias (or NULL), flags and the default as text. Main thread. */
#ifndef BASE_OPTION_ROWS_H
#define BASE_OPTION_ROWS_H

#include "base/option.h"

#define OPTION_ROW_BOOL(settings, field, name_, alias_, flags_, default_)                          \
    {                                                                                              \
        .name = name_, .alias = alias_, .kind = OPTION_BOOL, .flags = flags_,                      \
        .offset = offsetof(struct settings, field), .default_text = default_                       \
    }
#define OPTION_ROW_INT(settings, field, name_, alias_, flags_, default_, minimum_, maximum_)       \
    {                                                                                              \
        .name = name_, .alias = alias_, .kind = OPTION_INT, .flags = flags_,                       \
        .offset = offsetof(struct settings, field), .default_text = default_, .minimum = minimum_, \
        .maximum = maximum_                                                                        \
    }
#define OPTION_ROW_MEMORY(settings, field, name_, alias_, flags_, default_, minimum_, maximum_)    \
    {                                                                                              \
        .name = name_, .alias = alias_, .kind = OPTION_MEMORY, .flags = flags_,                    \
        .offset = offsetof(struct settings, field), .default_text = default_, .minimum = minimum_, \
        .maximum = maximum_                                                                        \
    }
#define OPTION_ROW_ENUM(settings, field, name_, flags_, default_, names_)                          \
    {                                                                                              \
        .name = name_, .kind = OPTION_ENUM, .flags = flags_,                                       \
        .offset = offsetof(struct settings, field), .default_text = default_, .names = names_      \
    }
#define OPTION_ROW_STRING(settings, field, name_, alias_, flags_, default_, check_)                \
    {                                                                                              \
        .name = name_, .alias = alias_, .kind = OPTION_STRING, .flags = flags_,                    \
        .offset = offsetof(struct settings, field), .default_text = default_, .check = check_      \
    }
#define OPTION_ROW_SECRET(settings, field, name_, alias_, flags_, rewrite_)                        \
    {                                                                                              \
        .name = name_, .alias = alias_, .kind = OPTION_SECRET,                                     \
        .flags = OPTION_SENSITIVE | (flags_), .offset = offsetof(struct settings, field),          \
        .default_text = "", .rewrite = rewrite_                                                    \
    }
#define OPTION_ROW_CUSTOM(name_, alias_, flags_, default_, set_, get_, rewrite_)                   \
    {                                                                                              \
        .name = name_, .alias = alias_, .kind = OPTION_CUSTOM, .flags = flags_,                    \
        .default_text = default_, .set = set_, .get = get_, .rewrite = rewrite_                    \
    }
/* Accepted at start and forgotten: what older versions had. Not shown, not settable. */
static inline int option_set_gone(void *settings, int argc, const struct bytes *argv,
                                  struct buffer *error)
{
    (void)settings;
    (void)argv;
    if (argc == 1)
        return 0;
    buffer_append_text(error, "wrong number of arguments");
    return -1;
}
#define OPTION_ROW_GONE(name_)                                                                     \
    {                                                                                              \
        .name = name_, .kind = OPTION_CUSTOM, .flags = OPTION_IGNORED | OPTION_IMMUTABLE,          \
        .set = option_set_gone                                                                     \
    }
#define OPTION_GROUP(identifier, name_, rows, apply_)                                              \
    const struct option_group identifier = {                                                       \
        .name = name_, .options = rows, .count = sizeof rows / sizeof rows[0], .apply = apply_}

#endif
