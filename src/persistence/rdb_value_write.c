/* Writing values in the RDB format. Main thread. */
#include "persistence/rdb_format.h"
#include "persistence/rdb_value.h"
#include "structures/quicklist.h"
#include "types/hash_field_expiry.h"
#include "types/set_type.h"
#include "types/zset_type.h"

unsigned rdb_value_version(const struct entry *entry)
{
    if (entry_type(entry) == VALUE_HASH && hash_has_expiry(entry_value(entry)))
        return RDB_VERSION_FIELD_EXPIRY;
    return RDB_VERSION_COMMON;
}

static unsigned set_type(const struct rdb_writer *writer, enum value_encoding encoding)
{
    if (encoding == ENCODING_INTSET)
        return RDB_SET_INTSET;
    if (encoding == ENCODING_LISTPACK && writer->version >= RDB_VERSION_SET_LISTPACK)
        return RDB_SET_LISTPACK;
    return RDB_SET;
}

static unsigned hash_type(const struct rdb_writer *writer, struct value hash)
{
    bool expires = hash_has_expiry(hash) && writer->version >= RDB_VERSION_FIELD_EXPIRY;
    if (hash.encoding == ENCODING_LISTPACK)
        return RDB_HASH_LISTPACK;
    if (!expires)
        return RDB_HASH;
    return hash.encoding == ENCODING_LISTPACK_EX ? RDB_HASH_LISTPACK_EX : RDB_HASH_METADATA;
}

unsigned rdb_value_type(const struct rdb_writer *writer, const struct entry *entry)
{
    switch (entry_type(entry)) {
    case VALUE_STRING:
        return RDB_STRING;
    case VALUE_LIST:
        return RDB_LIST_QUICKLIST_2;
    case VALUE_SET:
        return set_type(writer, (enum value_encoding)entry->encoding);
    case VALUE_ZSET:
        return entry->encoding == ENCODING_LISTPACK ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
    case VALUE_HASH:
        return hash_type(writer, entry_value(entry));
    case VALUE_MODULE:
    case VALUE_STREAM:
    case VALUE_TYPES:
        break;
    }
    panic("rdb: no such type of value: %u", entry->type);
}

static void write_pack(struct rdb_writer *writer, const struct listpack *pack)
{
    rdb_write_string(writer, bytes_of(pack, listpack_size(pack)));
}

static void write_packed_value(struct rdb_writer *writer, struct listpack_value value)
{
    if (value.data)
        rdb_write_string(writer, bytes_of(value.data, value.size));
    else
        rdb_write_string_integer(writer, value.integer);
}

/* -- lists -- */

static void write_node(struct rdb_writer *writer, const struct quicklist_node *node)
{
    rdb_write_length(writer, node->is_plain ? RDB_NODE_PLAIN : RDB_NODE_PACKED);
    if (node->compressed_size)
        rdb_write_compressed(writer, bytes_of(node->data, node->compressed_size), node->size);
    else
        rdb_write_string(writer, bytes_of(node->data, node->size));
}

static void write_list(struct rdb_writer *writer, struct value list)
{
    if (list.encoding == ENCODING_LISTPACK) {
        /* A quicklist of one node. */
        rdb_write_length(writer, 1);
        rdb_write_length(writer, RDB_NODE_PACKED);
        write_pack(writer, list.pointer);
        return;
    }
    const struct quicklist *quick = list.pointer;
    rdb_write_length(writer, quick->nodes);
    for (const struct quicklist_node *node = quick->head; node; node = node->next)
        write_node(writer, node);
}

/* -- sets and sorted sets -- */

static void write_set(struct rdb_writer *writer, struct value set)
{
    if (set.encoding == ENCODING_INTSET) {
        rdb_write_string(writer, bytes_of(set_ints(set), intset_size(set_ints(set))));
        return;
    }
    if (set_type(writer, (enum value_encoding)set.encoding) == RDB_SET_LISTPACK) {
        write_pack(writer, set_pack(set));
        return;
    }
    struct set_iterator iterator;
    struct listpack_value member;
    rdb_write_length(writer, set_count(set));
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member))
        write_packed_value(writer, member);
}

static void write_zset(struct rdb_writer *writer, struct value zset)
{
    if (zset.encoding == ENCODING_LISTPACK) {
        write_pack(writer, zset_pack(zset));
        return;
    }
    /* From the last on: what is read is then put in front. */
    const struct ranked_tree *order = &zset_tree(zset)->order;
    rdb_write_length(writer, order->count);
    struct ranked_cursor cursor = ranked_tree_cursor(order, order->count ? order->count - 1 : 0);
    const struct ranked_element *element;
    while ((element = ranked_cursor_previous(&cursor))) {
        rdb_write_string(writer, ranked_element_member(element));
        rdb_write_double(writer, element->score);
    }
}

/* -- hashes -- */

struct field_writer {
    struct rdb_writer *writer;
    int64_t earliest; /* times are written as distances from it */
};

static void write_field(void *context, const struct hash_item *item)
{
    struct rdb_writer *writer = ((struct field_writer *)context)->writer;
    rdb_write_string(writer, item->name);
    rdb_write_string(writer, item->value);
}

static void write_expiring_field(void *context, const struct hash_item *item)
{
    struct field_writer *fields = context;
    bool expires = item->expiry != HASH_NO_EXPIRY;
    rdb_write_length(fields->writer, expires ? (uint64_t)(item->expiry - fields->earliest) + 1 : 0);
    write_field(context, item);
}

static void find_earliest(void *context, const struct hash_item *item)
{
    int64_t *earliest = context;
    if (item->expiry != HASH_NO_EXPIRY && (*earliest == 0 || item->expiry < *earliest))
        *earliest = item->expiry;
}

static void write_hash(struct rdb_writer *writer, struct value hash)
{
    struct field_writer fields = {writer, 0};
    switch (hash_type(writer, hash)) {
    case RDB_HASH_LISTPACK:
        write_pack(writer, hash_pack(hash));
        return;
    case RDB_HASH_LISTPACK_EX:
        rdb_write_ms(writer, hash_next_expiry(hash));
        write_pack(writer, hash_pack(hash));
        return;
    case RDB_HASH:
        rdb_write_length(writer, hash_count(hash));
        hash_each(hash, write_field, &fields);
        return;
    default:
        hash_each(hash, find_earliest, &fields.earliest);
        rdb_write_ms(writer, fields.earliest);
        rdb_write_length(writer, hash_count(hash));
        hash_each(hash, write_expiring_field, &fields);
    }
}

void rdb_write_value(struct rdb_writer *writer, const struct entry *entry)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    switch (entry_type(entry)) {
    case VALUE_STRING:
        if (entry_is_integer(entry))
            rdb_write_string_integer(writer, entry_integer(entry));
        else
            rdb_write_string(writer, entry_string(entry, scratch));
        return;
    case VALUE_LIST:
        write_list(writer, entry_value(entry));
        return;
    case VALUE_SET:
        write_set(writer, entry_value(entry));
        return;
    case VALUE_ZSET:
        write_zset(writer, entry_value(entry));
        return;
    case VALUE_HASH:
        write_hash(writer, entry_value(entry));
        return;
    case VALUE_MODULE:
    case VALUE_STREAM:
    case VALUE_TYPES:
        break;
    }
    panic("rdb: no such type of value: %u", entry->type);
}
