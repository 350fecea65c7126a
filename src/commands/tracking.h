/* The subcommands of CLIENT about tracking; their rows are in client.c. Main thread. */
#ifndef COMMANDS_TRACKING_H
#define COMMANDS_TRACKING_H

struct call;

void tracking_command(struct call *call);
void tracking_caching_command(struct call *call);
void tracking_getredir_command(struct call *call);
void tracking_info_command(struct call *call);

#endif
