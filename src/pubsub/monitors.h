/* MONITOR: clients that see every command. Main thread. Without any the cost is one test a command.
 */
#ifndef PUBSUB_MONITORS_H
#define PUBSUB_MONITORS_H

#include "base/buffer.h"
#include "pubsub/push.h"

struct monitors {
    struct push_queue *push;
    struct client **clients;
    uint32_t count;
    uint32_t capacity;
};

/* One command as monitors see it. */
struct monitored {
    const struct client *client;
    const struct bytes *argv;
    int argc;
    int db;
    uint64_t redacted; /* bit i: argv[i] is shown as "(redacted)" */
    bool is_script;    /* called by a script: "lua" in place of the address */
};

void monitors_init(struct monitors *monitors, struct push_queue *push);
void monitors_deinit(struct monitors *monitors);
/* False when it is one already. Sets CLIENT_MONITOR. */
bool monitors_add(struct monitors *monitors, struct client *client);
void monitors_remove(struct monitors *monitors, struct client *client);
void monitors_feed(struct monitors *monitors, const struct monitored *command);
/* Appends `+<seconds>.<micros> [db address] "cmd" "arg"` and a line end. */
void monitors_format(const struct monitored *command, int64_t wall_us, struct buffer *out);

#endif
