/* Commands of Redis 8.0 that are not here yet: a configuration may name them. Any thread. */
#ifndef COMMANDS_NOT_SERVED_H
#define COMMANDS_NOT_SERVED_H

#include "base/bytes.h"
#include <stdbool.h>

/* True when `name` (any case) is one of them. A family that comes takes its names off the list. */
bool command_is_not_served(struct bytes name);

#endif
