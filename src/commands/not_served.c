/* See not_served.h. The names are COMMAND LIST's of redis-server, without those of our tables. */
#include "commands/not_served.h"

#include <stddef.h>

static const char *const names[] = {
    /* streams */
    "xack", "xadd", "xautoclaim", "xclaim", "xdel", "xgroup", "xinfo", "xlen", "xpending", "xrange",
    "xread", "xreadgroup", "xrevrange", "xsetid", "xtrim",
    /* scripting */
    "eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro", "function", "script",
    /* persistence */
    "bgrewriteaof", "bgsave", "lastsave", "save",
    /* replication */
    "failover", "psync", "replconf", "replicaof", "role", "slaveof", "sync",
    /* cluster */
    "asking", "cluster", "migrate", "readonly", "readwrite",
    /* the rest */
    "acl", "module", "sentinel"};

bool command_is_not_served(struct bytes name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (bytes_is(name, names[i]))
            return true;
    return false;
}
