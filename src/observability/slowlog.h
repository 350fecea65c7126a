/* The slow log: commands that ran longer than slowlog-log-slower-than, newest first, bounded in
 * number and in what is kept of their arguments. Main thread. */
#ifndef OBSERVABILITY_SLOWLOG_H
#define OBSERVABILITY_SLOWLOG_H

#include "base/bytes.h"
#include <stddef.h>
#include <stdint.h>

enum { SLOWLOG_ARGS_MAX = 32, SLOWLOG_ARG_SIZE_MAX = 128 };

struct slowlog_entry {
    struct slowlog_entry *next; /* older */
    uint64_t id;
    int64_t wall_s;
    int64_t duration_us;
    char *peer;
    char *client_name;
    int argc;
    struct bytes argv[]; /* copies, owned; the last ones say what was left out */
};

struct slowlog {
    struct slowlog_entry *newest;
    size_t count;
    uint64_t next_id;
    uint64_t total; /* ever logged */
};

struct slowlog *slowlog_create(void);
void slowlog_destroy(struct slowlog *slowlog);
/* Bit i of `redacted` hides argv[i] (i < 64). Entries beyond `count_max` are dropped, oldest first.
 */
void slowlog_add(struct slowlog *slowlog, const struct bytes *argv, int argc, uint64_t redacted,
                 int64_t duration_us, const char *peer, const char *client_name, size_t count_max);
void slowlog_reset(struct slowlog *slowlog);

#endif
