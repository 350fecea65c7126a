/* Where the keys of a command line stand, by the command's key specifications. Any thread (pure).
 */
#ifndef DISPATCH_KEY_SPEC_H
#define DISPATCH_KEY_SPEC_H

#include "dispatch/command.h"

struct key_position {
    int index;      /* in argv */
    uint16_t flags; /* enum key_spec_flag of the specification */
};

/* Writes at most `positions_max` positions; returns how many keys there are (more than fit are
 * counted but not written), 0 for a command without keys, or -1 when the arguments make no sense (a
 * bad number of keys). */
int command_find_keys(const struct command *command, const struct bytes *argv, int argc,
                      struct key_position *positions, int positions_max);

#endif
