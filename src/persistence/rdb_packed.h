/* Packed forms in RDB bytes as listpacks: what is a listpack is checked through and through, what
 * older versions wrote (ziplist, zipmap) is converted. Any thread.
 */
#ifndef PERSISTENCE_RDB_PACKED_H
#define PERSISTENCE_RDB_PACKED_H

#include "base/bytes.h"
#include "structures/listpack.h"
#include <stdbool.h>

/* Each returns a new listpack, or NULL when the bytes are not of that form. Elements that read as
 * integers are stored as such afterwards. */
struct listpack *rdb_pack_of_listpack(struct bytes bytes);
struct listpack *rdb_pack_of_ziplist(struct bytes bytes);
struct listpack *rdb_pack_of_zipmap(struct bytes bytes);

/* True when the listpack may be a value of the kind: not empty, elements in whole groups of
 * `width`, of which the first all differ. */
bool rdb_pack_is_distinct(const struct listpack *pack, uint32_t width);
/* Moreover: second elements are scores, in order of score and member. */
bool rdb_pack_is_zset(const struct listpack *pack);
/* Moreover: third elements are times, those that expire first and in order, then zeroes. */
bool rdb_pack_is_expiring_hash(const struct listpack *pack, int64_t time_max);

#endif
