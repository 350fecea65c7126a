/* What the files of sorted set commands share. Main thread. */
#ifndef COMMANDS_ZSET_COMMON_H
#define COMMANDS_ZSET_COMMON_H

#include "commands/key_common.h"
#include "types/zset_ranges.h"

/* The entry in *entry (NULL: absent); false, with the error written, when it is no sorted set. */
static inline bool zset_find(struct call *call, struct key key, bool writes, struct entry **entry)
{
    *entry = writes ? db_find_write(call->db, key) : db_find_read(call->db, key);
    return !*entry || entry_type(*entry) == VALUE_ZSET || call_wrong_type(call);
}

/* After `removed` members went: event, dirty, and the key goes when nothing is left. */
static inline void zset_removed(struct call *call, struct key key, struct entry *entry,
                                struct value zset, const char *event, uint64_t removed)
{
    put_back(entry, zset);
    call->dirty += removed;
    db_changed(call->db, key.name, KEY_CLASS_ZSET, event);
    if (zset_count(zset) == 0)
        delete_emptied(call, key);
}

/* The result of a STORE command, taken over; an empty one deletes the key. Answers the count. */
void zset_store(struct call *call, struct key key, struct value zset, const char *event);

/* The header of `count` members; with scores RESP2 has a flat array, RESP3 pairs. */
static inline void zset_reply_header(struct call *call, size_t count, bool has_scores)
{
    bool is_flat = has_scores && call->reply->protocol == 2;
    reply_array(call->reply, (int64_t)(is_flat ? count * 2 : count));
}

static inline void zset_reply_item(struct call *call, struct zset_item item, bool has_scores)
{
    if (has_scores && call->reply->protocol > 2)
        reply_array(call->reply, 2);
    reply_bulk_bytes(call->reply, item.member);
    if (has_scores)
        reply_double(call->reply, item.score);
}

/* -- zset.c, for the blocking commands: false, with nothing answered, when nothing is there -- */

struct zmpop_options {
    int first_key;
    int64_t keys;
    int64_t count;
    bool is_highest;
};

/* "numkeys key... MIN|MAX [COUNT n]" from argv[first] on. */
bool zmpop_parse(struct call *call, int first, struct zmpop_options *options);
bool zmpop_try(struct call *call, const struct zmpop_options *options);
/* From the first key that is there: its name, a member and the score. */
bool zset_pop_first(struct call *call, int first_key, int keys, bool is_highest);

#endif
