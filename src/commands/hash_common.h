/* What the files of hash commands share. Main thread. */
#ifndef COMMANDS_HASH_COMMON_H
#define COMMANDS_HASH_COMMON_H

#include "base/clock.h"
#include "commands/key_common.h"
#include "types/hash_field_expiry.h"

/* The time at which fields are looked at: while loading and in the primary's stream none expires.
 */
static inline int64_t hash_now(const struct call *call)
{
    return call->services->keyspace->expire_mode == EXPIRE_IGNORE ? INT64_MIN : clock_wall_ms();
}

/* Removes fields that are due, tells of them and propagates it; NULL when the key went with them.
 * For commands that read. */
struct entry *hash_remove_due(struct call *call, struct key key, struct entry *entry);

/* The entry in *entry (NULL: absent); false, with the error written, when it is no hash. */
static inline bool hash_find(struct call *call, struct key key, bool writes, struct entry **entry)
{
    *entry = writes ? db_find_write(call->db, key) : db_find_read(call->db, key);
    if (!*entry)
        return true;
    if (__builtin_expect(entry_type(*entry) != VALUE_HASH, 0))
        return call_wrong_type(call);
    if (writes)
        db_fields_open(call->db, *entry);
    else if ((*entry)->encoding != ENCODING_LISTPACK)
        *entry = hash_remove_due(call, key, *entry);
    return true;
}

static inline void hash_put_back(struct call *call, struct key key, struct entry *entry,
                                 struct value hash)
{
    put_back(entry, hash);
    db_fields_close(call->db, key, entry);
}

/* The hash to write to: of the entry, or a new one, which hash_finish adds. */
static inline struct value hash_open(const struct entry *entry)
{
    return entry ? entry_value(entry) : hash_create();
}

static inline void hash_finish(struct call *call, struct key key, struct entry *entry,
                               struct value hash)
{
    if (entry)
        hash_put_back(call, key, entry, hash);
    else
        db_add_value(call->db, key, hash);
}

/* After fields went: the key goes when nothing is left. */
static inline void hash_delete_if_empty(struct call *call, struct key key, struct value hash)
{
    if (hash_count(hash) == 0)
        delete_emptied(call, key);
}

#endif
