/* What set.c and set_algebra.c share. Main thread. */
#ifndef COMMANDS_SET_COMMON_H
#define COMMANDS_SET_COMMON_H

#include "dispatch/call.h"
#include "structures/listpack.h"

static inline void set_reply_member(struct reply *reply, struct listpack_value member)
{
    if (member.data)
        reply_bulk(reply, member.data, member.size);
    else
        reply_bulk_integer(reply, member.integer);
}

#endif
