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

/* The first key loses what the second one gets. */
#define KEYS_FROM_AND_TO                                                                           \
    {                                                                                              \
        {.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,                                                \
         .begin = KEY_SPEC_INDEX,                                                                  \
         .index = 1,                                                                               \
         .find = KEY_FIND_RANGE,                                                                   \
         .step = 1},                                                                               \
        {                                                                                          \
            .flags = KEY_RW | KEY_INSERT, .begin = KEY_SPEC_INDEX, .index = 2,                     \
            .find = KEY_FIND_RANGE, .step = 1                                                      \
        }                                                                                          \
    }

#endif
