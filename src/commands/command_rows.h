/* Words that the tables of several families use. */
#ifndef COMMANDS_COMMAND_ROWS_H
#define COMMANDS_COMMAND_ROWS_H

#include "dispatch/command.h"

enum {
    READ = COMMAND_READONLY,
    WRITE = COMMAND_WRITE,
    GROW = COMMAND_WRITE | COMMAND_DENYOOM,
    FAST = COMMAND_FAST
};

/* Keys: those between two arguments, one, all from an argument on, as many as an argument says. */
#define KEY_RANGE(key_flags, first, to)                                                            \
    {                                                                                              \
        .flags = (key_flags), .begin = KEY_SPEC_INDEX, .index = (first), .find = KEY_FIND_RANGE,   \
        .last = (to), .step = 1                                                                    \
    }
#define KEY_AT(key_flags, at)    KEY_RANGE(key_flags, at, 0)
#define KEYS_FROM(key_flags, at) KEY_RANGE(key_flags, at, -1)
#define KEYS_COUNTED(key_flags, count_index)                                                       \
    {                                                                                              \
        .flags = (key_flags), .begin = KEY_SPEC_INDEX, .index = (count_index),                     \
        .find = KEY_FIND_KEYNUM, .last = 0, .step = 1, .limit = 1                                  \
    }

/* The first key loses what the second one gets. */
#define KEYS_FROM_AND_TO                                                                           \
    {                                                                                              \
        KEY_AT(KEY_RW | KEY_ACCESS | KEY_DELETE, 1), KEY_AT(KEY_RW | KEY_INSERT, 2)                \
    }

/* A row of a table; its keys come last. */
#define COMMAND_ROW(text, function, arguments, command_flags, command_categories, ...)             \
    {                                                                                              \
        .name = (text), .handler = (function), .arity = (arguments), .flags = (command_flags),     \
        .categories = (command_categories), .keys = __VA_ARGS__                                    \
    }

#endif
