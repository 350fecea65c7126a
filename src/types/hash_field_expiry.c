/* Expiry of fields in listpackex and table. Main thread. */
#include "types/hash_field_expiry.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"

static void table_set_expiry(struct hash_table *table, struct bytes name, int64_t expiry)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    void **slot = dict_find_slot(&table->fields, hash, name);
    assert(slot);
    struct hash_field *field = *slot;
    struct hash_item item;
    hash_read_field(field, &item);
    if (item.expiry == expiry)
        return;
    if (item.expiry != HASH_NO_EXPIRY)
        expiry_index_remove(&table->expiry, item.expiry, hash);
    if (expiry != HASH_NO_EXPIRY)
        expiry_index_add(&table->expiry, expiry, hash);
    if (item.expiry != HASH_NO_EXPIRY && expiry != HASH_NO_EXPIRY) {
        /* In its place, in front of the name. */
        char *at = field->body + (item.name.data - field->body) - sizeof(expiry);
        memcpy(at, &expiry, sizeof(expiry));
        return;
    }
    *slot = hash_field_create(item.name, item.value, expiry);
    mem_free(field);
}

void hash_set_expiry(struct value *hash, struct bytes name, int64_t expiry)
{
    assert(expiry >= 0);
    if (!hash_is_packed(*hash)) {
        table_set_expiry(hash_table_of(*hash), name, expiry);
        return;
    }
    if (hash->encoding == ENCODING_LISTPACK) {
        if (expiry == HASH_NO_EXPIRY)
            return;
        hash_to_listpack_ex(hash);
    }
    struct listpack *pack = hash_pack(*hash);
    uint32_t position = listpack_find(pack, listpack_first(pack), name, 2);
    assert(position);
    char scratch[NUMBER_I64_TEXT_MAX];
    struct bytes text = listpack_text(pack, listpack_next(pack, position), scratch);
    char *value = mem_dup(text.data, text.size ? text.size : 1);
    listpack_delete_range(&pack, position, 3);
    hash_pack_put_ex(&pack, name, bytes_of(value, text.size), expiry);
    mem_free(value);
    hash->pointer = pack;
}

bool hash_has_expiry(struct value hash)
{
    return hash_next_expiry(hash) != HASH_NO_EXPIRY;
}

int64_t hash_next_expiry(struct value hash)
{
    if (hash.encoding == ENCODING_LISTPACK)
        return HASH_NO_EXPIRY;
    if (hash.encoding == ENCODING_LISTPACK_EX) {
        struct hash_item item;
        uint32_t position = listpack_first(hash_pack(hash));
        if (!position)
            return HASH_NO_EXPIRY;
        hash_pack_read(hash, position, &item);
        return item.expiry;
    }
    struct expiry_item first;
    if (expiry_index_first(&hash_table_of(hash)->expiry, &first, 1) == 0)
        return HASH_NO_EXPIRY;
    return expiry_unit_start(first.unit) + EXPIRY_UNIT_MS;
}

/* -- removing -- */

static size_t pack_expire(struct value *hash, int64_t now_ms, size_t max,
                          void (*visit)(void *context, struct bytes name), void *context)
{
    struct listpack *pack = hash_pack(*hash);
    uint32_t position = listpack_first(pack);
    size_t count = 0;
    while (position && count < max) {
        struct hash_item item;
        hash_pack_read(*hash, position, &item);
        if (hash_item_is_live(&item, now_ms))
            break;
        if (visit)
            visit(context, item.name);
        count++;
        for (int i = 0; i < 3 && position; i++)
            position = listpack_next(pack, position);
    }
    if (count)
        listpack_delete_range(&pack, listpack_first(pack), (uint32_t)count * 3);
    hash->pointer = pack;
    return count;
}

/* The field with the item's hash and unit. */
static struct hash_field *field_of_item(const struct dict *fields, struct expiry_item wanted,
                                        uint64_t *hash, void ***slot)
{
    for (unsigned table = 0; table < 2 && fields->tables[table]; table++) {
        assert(fields->masks[table] <= UINT32_MAX);
        struct dict_bucket *bucket = &fields->tables[table][wanted.hash & fields->masks[table]];
        for (; bucket; bucket = dict_bucket_child(bucket))
            for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++) {
                struct hash_field *field = bucket->tags[i] ? bucket->slots[i] : NULL;
                struct hash_item item;
                if (!field || !(field->name_size & HASH_FIELD_EXPIRES))
                    continue;
                hash_read_field(field, &item);
                if (expiry_unit(item.expiry) != wanted.unit)
                    continue;
                *hash = fields->type->hash(field);
                *slot = &bucket->slots[i];
                if ((uint32_t)*hash == wanted.hash)
                    return field;
            }
    }
    return NULL;
}

enum { BATCH = 64 };

static size_t table_expire(struct hash_table *table, int64_t now_ms, size_t max,
                           void (*visit)(void *context, struct bytes name), void *context)
{
    size_t count = 0;
    while (count < max) {
        struct expiry_item items[BATCH];
        size_t due = expiry_index_due(&table->expiry, now_ms, items,
                                      max - count < BATCH ? max - count : BATCH);
        for (size_t i = 0; i < due; i++) {
            uint64_t hash;
            void **slot;
            struct hash_field *field = field_of_item(&table->fields, items[i], &hash, &slot);
            assert(field);
            struct hash_item item;
            hash_read_field(field, &item);
            if (visit)
                visit(context, item.name);
            dict_remove_slot(&table->fields, hash, slot);
            expiry_index_remove_item(&table->expiry, items[i]);
            mem_free(field);
        }
        count += due;
        if (due == 0)
            break;
    }
    return count;
}

size_t hash_expire_due(struct value *hash, int64_t now_ms, size_t max,
                       void (*visit)(void *context, struct bytes name), void *context)
{
    if (hash->encoding == ENCODING_LISTPACK_EX)
        return pack_expire(hash, now_ms, max, visit, context);
    if (hash->encoding == ENCODING_HASHTABLE)
        return table_expire(hash_table_of(*hash), now_ms, max, visit, context);
    return 0;
}
