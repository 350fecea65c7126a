/* Ctrl-C. Process-wide, as signals are. */
#ifndef TOOLS_CLI_INTERRUPTS_H
#define TOOLS_CLI_INTERRUPTS_H

#include <stdbool.h>

struct sync_client;

/* From now on an interrupt ends the client's wait (SYNC_INTERRUPTED) instead of the process. */
void interrupts_wake(struct sync_client *client);
/* From now on an interrupt ends the process with 1. */
void interrupts_exit(void);

/* For a loop that waits for nothing: interrupts stay pending from now on, and are asked for. */
void interrupts_hold(void);
bool interrupts_are_held(void);

#endif
