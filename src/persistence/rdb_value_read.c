/* Reading values in the RDB format. Main thread. */
#include "base/memory.h"
#include "persistence/rdb_format.h"
#include "persistence/rdb_packed.h"
#include "persistence/rdb_value.h"
#include "structures/quicklist.h"
#include "types/hash_field_expiry.h"
#include "types/list_type.h"
#include "types/set_type.h"
#include "types/zset_type.h"
#include <math.h>

/* What is being read: each reader makes `value` and may leave it half filled when it fails. */
struct loader {
    struct rdb_reader *reader;
    const struct type_settings *settings;
    struct value *value;
};

typedef struct listpack *pack_reader(struct bytes bytes);

/* A string that holds a packed form, as listpack; NULL when it is none. */
static struct listpack *read_pack(struct loader *loader, pack_reader *read)
{
    struct rdb_string string;
    if (!rdb_read_string(loader->reader, &string))
        return NULL;
    struct listpack *pack = read(string.text);
    rdb_string_deinit(&string);
    return pack;
}

/* -- lists -- */

static void begin_list(struct loader *loader)
{
    *loader->value = (struct value){VALUE_LIST, ENCODING_QUICKLIST,
                                    quicklist_create(loader->settings->list_max_listpack_size,
                                                     loader->settings->list_compress_depth)};
}

/* A list that holds something, in the encoding that it would have. */
static bool finish_list(struct loader *loader)
{
    if (list_count(*loader->value) == 0)
        return false;
    struct quicklist *quick = list_quick(*loader->value);
    if (quick->nodes == 1 && !quick->head->is_plain &&
        !quicklist_exceeds(quick->fill, quick->head->size, quick->count)) {
        struct listpack *pack = quicklist_take_pack(quick);
        quicklist_free(quick);
        *loader->value = (struct value){VALUE_LIST, ENCODING_LISTPACK, pack};
    }
    return true;
}

static bool read_list(struct loader *loader)
{
    size_t count;
    if (!rdb_read_count(loader->reader, 1, &count))
        return false;
    begin_list(loader);
    for (size_t i = 0; i < count; i++) {
        struct rdb_string string;
        if (!rdb_read_string(loader->reader, &string))
            return false;
        quicklist_push_tail(list_quick(*loader->value), string.text);
        rdb_string_deinit(&string);
    }
    return finish_list(loader);
}

static bool append_pack(struct loader *loader, pack_reader *read)
{
    struct listpack *pack = read_pack(loader, read);
    if (!pack)
        return false;
    if (listpack_is_empty(pack))
        listpack_free(pack);
    else
        quicklist_append_pack(list_quick(*loader->value), pack);
    return true;
}

static bool append_plain(struct loader *loader)
{
    struct rdb_string string;
    if (!rdb_read_string(loader->reader, &string))
        return false;
    bool is_usable = string.text.size > 0;
    if (is_usable)
        quicklist_append_plain(list_quick(*loader->value), string.text);
    rdb_string_deinit(&string);
    return is_usable;
}

static bool append_node(struct loader *loader)
{
    uint64_t container;
    if (!rdb_read_length(loader->reader, &container))
        return false;
    if (container == RDB_NODE_PLAIN)
        return append_plain(loader);
    return container == RDB_NODE_PACKED && append_pack(loader, rdb_pack_of_listpack);
}

static bool read_list_ziplist(struct loader *loader)
{
    begin_list(loader);
    return append_pack(loader, rdb_pack_of_ziplist) && finish_list(loader);
}

static bool read_list_quicklist(struct loader *loader)
{
    size_t count;
    if (!rdb_read_count(loader->reader, 1, &count))
        return false;
    begin_list(loader);
    for (size_t i = 0; i < count; i++)
        if (!append_pack(loader, rdb_pack_of_ziplist))
            return false;
    return finish_list(loader);
}

static bool read_list_quicklist_2(struct loader *loader)
{
    size_t count;
    if (!rdb_read_count(loader->reader, 2, &count))
        return false;
    begin_list(loader);
    for (size_t i = 0; i < count; i++)
        if (!append_node(loader))
            return false;
    return finish_list(loader);
}

/* -- sets -- */

static bool read_set(struct loader *loader)
{
    size_t count;
    if (!rdb_read_count(loader->reader, 1, &count) || count == 0)
        return false;
    bool is_large = count > (size_t)loader->settings->set_max_intset_entries;
    *loader->value = is_large ? set_create_table(count) : set_create_result();
    for (size_t i = 0; i < count; i++) {
        struct rdb_string string;
        if (!rdb_read_string(loader->reader, &string))
            return false;
        bool is_new = set_add(loader->value, loader->settings, string.text);
        rdb_string_deinit(&string);
        if (!is_new)
            return false;
    }
    return true;
}

static bool read_set_intset(struct loader *loader)
{
    struct rdb_string string;
    if (!rdb_read_string(loader->reader, &string))
        return false;
    bool is_usable = intset_validate(string.text.data, string.text.size);
    if (is_usable) {
        struct intset *ints = intset_of_bytes(string.text.data, string.text.size);
        *loader->value = (struct value){VALUE_SET, ENCODING_INTSET, ints};
        set_expect(loader->value, loader->settings, intset_count(ints));
    }
    rdb_string_deinit(&string);
    return is_usable && set_count(*loader->value) > 0;
}

static bool read_set_listpack(struct loader *loader)
{
    struct listpack *pack = read_pack(loader, rdb_pack_of_listpack);
    if (!pack)
        return false;
    *loader->value = (struct value){VALUE_SET, ENCODING_LISTPACK, pack};
    if (!rdb_pack_is_distinct(pack, 1))
        return false;
    set_expect(loader->value, loader->settings, listpack_count(pack));
    return true;
}

/* -- sorted sets -- */

static bool read_member(struct loader *loader, bool is_text)
{
    struct rdb_string string;
    double score;
    if (!rdb_read_string(loader->reader, &string))
        return false;
    bool is_new = (is_text ? rdb_read_double_text(loader->reader, &score)
                           : rdb_read_double(loader->reader, &score)) &&
                  !isnan(score) &&
                  zset_add(loader->value, loader->settings, string.text, &score, 0) == ZSET_ADDED;
    rdb_string_deinit(&string);
    return is_new;
}

static bool read_members(struct loader *loader, bool is_text)
{
    size_t count;
    if (!rdb_read_count(loader->reader, is_text ? 2 : 9, &count) || count == 0)
        return false;
    *loader->value = zset_create(loader->settings, count, 0);
    for (size_t i = 0; i < count; i++)
        if (!read_member(loader, is_text))
            return false;
    return true;
}

static bool read_zset(struct loader *loader)
{
    return read_members(loader, true);
}

static bool read_zset_2(struct loader *loader)
{
    return read_members(loader, false);
}

static bool take_zset_pack(struct loader *loader, pack_reader *read)
{
    struct listpack *pack = read_pack(loader, read);
    if (!pack)
        return false;
    *loader->value = (struct value){VALUE_ZSET, ENCODING_LISTPACK, pack};
    if (!rdb_pack_is_zset(pack))
        return false;
    zset_expect(loader->value, loader->settings, listpack_count(pack) / 2);
    return true;
}

static bool read_zset_ziplist(struct loader *loader)
{
    return take_zset_pack(loader, rdb_pack_of_ziplist);
}

static bool read_zset_listpack(struct loader *loader)
{
    return take_zset_pack(loader, rdb_pack_of_listpack);
}

/* -- hashes -- */

/* The time that a field was written with, as it is kept; false when it cannot be one. */
static bool field_expiry(uint64_t written, int64_t earliest, int64_t *expiry)
{
    *expiry = HASH_NO_EXPIRY;
    if (written == 0)
        return true;
    if (written > (uint64_t)hash_expiry_max || earliest < 0 || earliest > hash_expiry_max)
        return false;
    *expiry = earliest ? earliest + (int64_t)written - 1 : (int64_t)written;
    return *expiry <= hash_expiry_max;
}

static bool read_field(struct loader *loader, int64_t expiry)
{
    struct rdb_string name;
    struct rdb_string value;
    if (!rdb_read_string(loader->reader, &name))
        return false;
    if (!rdb_read_string(loader->reader, &value)) {
        rdb_string_deinit(&name);
        return false;
    }
    struct bytes pair[] = {name.text, value.text};
    hash_expect(loader->value, loader->settings, pair, 2);
    bool is_new = hash_set(loader->value, loader->settings, name.text, value.text, false);
    if (is_new && expiry != HASH_NO_EXPIRY)
        hash_set_expiry(loader->value, name.text, expiry);
    rdb_string_deinit(&name);
    rdb_string_deinit(&value);
    return is_new;
}

/* `has_times`: a length before each field, counted from `earliest`. */
static bool read_fields(struct loader *loader, bool has_times, int64_t earliest)
{
    size_t count;
    if (!rdb_read_count(loader->reader, has_times ? 3 : 2, &count) || count == 0)
        return false;
    *loader->value = hash_create();
    if (count > (size_t)loader->settings->hash_max_listpack_entries)
        hash_to_table(loader->value, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t written = 0;
        int64_t expiry;
        if ((has_times && !rdb_read_length(loader->reader, &written)) ||
            !field_expiry(written, earliest, &expiry) || !read_field(loader, expiry))
            return false;
    }
    return true;
}

static bool read_hash(struct loader *loader)
{
    return read_fields(loader, false, 0);
}

static bool read_hash_metadata_old(struct loader *loader)
{
    return read_fields(loader, true, 0);
}

static bool read_hash_metadata(struct loader *loader)
{
    int64_t earliest;
    return rdb_read_ms(loader->reader, &earliest) && read_fields(loader, true, earliest);
}

static bool take_hash_pack(struct loader *loader, pack_reader *read, uint32_t width)
{
    struct listpack *pack = read_pack(loader, read);
    if (!pack)
        return false;
    enum value_encoding encoding = width == 3 ? ENCODING_LISTPACK_EX : ENCODING_LISTPACK;
    *loader->value = (struct value){VALUE_HASH, (uint8_t)encoding, pack};
    bool is_usable = width == 3 ? rdb_pack_is_expiring_hash(pack, hash_expiry_max)
                                : rdb_pack_is_distinct(pack, 2);
    size_t count = listpack_count(pack) / width;
    if (is_usable && count > (size_t)loader->settings->hash_max_listpack_entries)
        hash_to_table(loader->value, count);
    return is_usable;
}

static bool read_hash_zipmap(struct loader *loader)
{
    return take_hash_pack(loader, rdb_pack_of_zipmap, 2);
}

static bool read_hash_ziplist(struct loader *loader)
{
    return take_hash_pack(loader, rdb_pack_of_ziplist, 2);
}

static bool read_hash_listpack(struct loader *loader)
{
    return take_hash_pack(loader, rdb_pack_of_listpack, 2);
}

static bool read_hash_listpack_ex_old(struct loader *loader)
{
    return take_hash_pack(loader, rdb_pack_of_listpack, 3);
}

static bool read_hash_listpack_ex(struct loader *loader)
{
    int64_t earliest; /* known from the listpack too */
    return rdb_read_ms(loader->reader, &earliest) && read_hash_listpack_ex_old(loader);
}

/* -- any value -- */

static bool (*const readers[])(struct loader *loader) = {
    [RDB_LIST] = read_list,
    [RDB_SET] = read_set,
    [RDB_ZSET] = read_zset,
    [RDB_HASH] = read_hash,
    [RDB_ZSET_2] = read_zset_2,
    [RDB_HASH_ZIPMAP] = read_hash_zipmap,
    [RDB_LIST_ZIPLIST] = read_list_ziplist,
    [RDB_SET_INTSET] = read_set_intset,
    [RDB_ZSET_ZIPLIST] = read_zset_ziplist,
    [RDB_HASH_ZIPLIST] = read_hash_ziplist,
    [RDB_LIST_QUICKLIST] = read_list_quicklist,
    [RDB_HASH_LISTPACK] = read_hash_listpack,
    [RDB_ZSET_LISTPACK] = read_zset_listpack,
    [RDB_LIST_QUICKLIST_2] = read_list_quicklist_2,
    [RDB_SET_LISTPACK] = read_set_listpack,
    [RDB_HASH_METADATA_OLD] = read_hash_metadata_old,
    [RDB_HASH_LISTPACK_EX_OLD] = read_hash_listpack_ex_old,
    [RDB_HASH_METADATA] = read_hash_metadata,
    [RDB_HASH_LISTPACK_EX] = read_hash_listpack_ex,
};

bool rdb_read_value(struct rdb_reader *reader, unsigned type, const struct type_settings *settings,
                    struct rdb_value *value)
{
    value->value = (struct value){0};
    value->string.owned = NULL;
    value->is_string = type == RDB_STRING;
    if (value->is_string)
        return rdb_read_string(reader, &value->string);
    struct loader loader = {reader, settings, &value->value};
    if (type < sizeof(readers) / sizeof(readers[0]) && readers[type] && readers[type](&loader))
        return true;
    rdb_value_deinit(value);
    return false;
}

void rdb_value_deinit(struct rdb_value *value)
{
    rdb_string_deinit(&value->string);
    if (value->value.pointer)
        value_free(value->value);
    value->value.pointer = NULL;
}
