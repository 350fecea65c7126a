/* The three encodings of hashes. Main thread, except `free`. */
#include "types/hash_type.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

/* -- fields of the table -- */

struct hash_field *hash_field_create(struct bytes name, struct bytes value, int64_t expiry)
{
    bool is_long = name.size > HASH_FIELD_SIZE_MASK || value.size > UINT32_MAX;
    bool expires = expiry != HASH_NO_EXPIRY;
    size_t prefix = (is_long ? 16u : 0u) + (expires ? 8u : 0u);
    struct hash_field *field =
        mem_alloc(offsetof(struct hash_field, body) + prefix + name.size + value.size);
    char *at = field->body;
    field->name_size = (is_long ? (uint32_t)HASH_FIELD_LONG : (uint32_t)name.size) |
                       (expires ? (uint32_t)HASH_FIELD_EXPIRES : 0);
    field->value_size = is_long ? 0 : (uint32_t)value.size;
    if (is_long) {
        uint64_t sizes[2] = {name.size, value.size};
        memcpy(at, sizes, sizeof(sizes));
        at += sizeof(sizes);
    }
    if (expires) {
        memcpy(at, &expiry, sizeof(expiry));
        at += sizeof(expiry);
    }
    if (name.size)
        memcpy(at, name.data, name.size);
    if (value.size)
        memcpy(at + name.size, value.data, value.size);
    return field;
}

void hash_read_field(const struct hash_field *field, struct hash_item *item)
{
    const char *at = field->body;
    uint64_t sizes[2] = {field->name_size & HASH_FIELD_SIZE_MASK, field->value_size};
    if (__builtin_expect(field->name_size & HASH_FIELD_LONG, 0)) {
        memcpy(sizes, at, sizeof(sizes));
        at += sizeof(sizes);
    }
    item->expiry = HASH_NO_EXPIRY;
    if (field->name_size & HASH_FIELD_EXPIRES) {
        memcpy(&item->expiry, at, sizeof(item->expiry));
        at += sizeof(item->expiry);
    }
    item->name = bytes_of(at, sizes[0]);
    item->value = bytes_of(at + sizes[0], sizes[1]);
}

static struct bytes field_name(const struct hash_field *field)
{
    if (__builtin_expect(field->name_size & HASH_FIELD_LONG, 0)) {
        struct hash_item item;
        hash_read_field(field, &item);
        return item.name;
    }
    size_t prefix = field->name_size & HASH_FIELD_EXPIRES ? 8 : 0;
    return bytes_of(field->body + prefix, field->name_size & HASH_FIELD_SIZE_MASK);
}

static uint64_t field_hash(const void *entry)
{
    struct bytes name = field_name(entry);
    return hash_bytes(name.data, name.size);
}

static bool field_matches(const void *entry, struct bytes key)
{
    return bytes_equal(field_name(entry), key);
}

static const struct dict_type fields_type = {field_hash, field_matches, mem_free};

static struct hash_table *table_create(size_t count)
{
    struct hash_table *table = mem_alloc(sizeof(*table));
    dict_init(&table->fields, &fields_type);
    if (count)
        dict_reserve(&table->fields, count);
    expiry_index_init(&table->expiry);
    return table;
}

static void table_destroy(struct hash_table *table)
{
    dict_deinit(&table->fields);
    expiry_index_deinit(&table->expiry);
    mem_free(table);
}

/* The field must be absent. */
static void table_add(struct hash_table *table, struct bytes name, struct bytes value,
                      int64_t expiry)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    dict_add(&table->fields, hash, hash_field_create(name, value, expiry));
    if (expiry != HASH_NO_EXPIRY)
        expiry_index_add(&table->expiry, expiry, hash);
}

static bool table_set(struct hash_table *table, struct bytes name, struct bytes value,
                      bool keeps_expiry)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    void **slot = dict_find_slot(&table->fields, hash, name);
    if (!slot) {
        dict_add(&table->fields, hash, hash_field_create(name, value, HASH_NO_EXPIRY));
        return true;
    }
    struct hash_field *field = *slot;
    struct hash_item old;
    hash_read_field(field, &old);
    bool expires = old.expiry != HASH_NO_EXPIRY;
    if (expires && !keeps_expiry)
        expiry_index_remove(&table->expiry, old.expiry, hash);
    if (value.size == old.value.size && (!expires || keeps_expiry)) {
        char *at = field->body + (old.value.data - field->body);
        if (value.size)
            memmove(at, value.data, value.size);
        return false;
    }
    *slot = hash_field_create(name, value, keeps_expiry ? old.expiry : HASH_NO_EXPIRY);
    mem_free(field);
    return false;
}

static bool table_delete(struct hash_table *table, struct bytes name)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    struct hash_field *field = dict_remove(&table->fields, hash, name);
    if (!field)
        return false;
    struct hash_item item;
    hash_read_field(field, &item);
    if (item.expiry != HASH_NO_EXPIRY)
        expiry_index_remove(&table->expiry, item.expiry, hash);
    mem_free(field);
    return true;
}

/* -- listpacks -- */

void hash_pack_read(struct value hash, uint32_t position, struct hash_item *item)
{
    const struct listpack *pack = hash_pack(hash);
    item->name = listpack_text(pack, position, item->name_text);
    position = listpack_next(pack, position);
    item->value = listpack_text(pack, position, item->value_text);
    item->expiry = HASH_NO_EXPIRY;
    if (hash.encoding == ENCODING_LISTPACK_EX)
        item->expiry = listpack_get(pack, listpack_next(pack, position)).integer;
}

void hash_pack_put_ex(struct listpack **pack, struct bytes name, struct bytes value, int64_t expiry)
{
    uint32_t place = expiry == HASH_NO_EXPIRY ? 0 : listpack_first(*pack);
    while (place) {
        uint32_t time_position = listpack_next(*pack, listpack_next(*pack, place));
        int64_t time = listpack_get(*pack, time_position).integer;
        if (time == HASH_NO_EXPIRY || time > expiry)
            break;
        place = listpack_next(*pack, time_position);
    }
    if (!place)
        place = listpack_end(*pack);
    listpack_insert_integer(pack, place, expiry);
    listpack_insert(pack, place, value);
    listpack_insert(pack, place, name);
}

static uint32_t pack_find(struct value hash, struct bytes name)
{
    const struct listpack *pack = hash_pack(hash);
    return listpack_find(pack, listpack_first(pack), name, hash_pack_width(hash) - 1);
}

static uint32_t pack_next_field(struct value hash, uint32_t position)
{
    const struct listpack *pack = hash_pack(hash);
    for (uint32_t i = 0; i < hash_pack_width(hash) && position; i++)
        position = listpack_next(pack, position);
    return position;
}

static bool pack_set(struct value *hash, struct bytes name, struct bytes value, bool keeps_expiry)
{
    struct listpack *pack = hash_pack(*hash);
    uint32_t position = pack_find(*hash, name);
    bool is_new = !position;
    if (position && (keeps_expiry || hash->encoding == ENCODING_LISTPACK)) {
        listpack_replace(&pack, listpack_next(pack, position), value);
    } else if (hash->encoding == ENCODING_LISTPACK_EX) {
        if (position)
            listpack_delete_range(&pack, position, 3);
        hash_pack_put_ex(&pack, name, value, HASH_NO_EXPIRY);
    } else {
        listpack_append(&pack, name);
        listpack_append(&pack, value);
    }
    hash->pointer = pack;
    return is_new;
}

/* -- from one encoding to another -- */

static void add_to_table(void *context, const struct hash_item *item)
{
    table_add(context, item->name, item->value, item->expiry);
}

void hash_to_table(struct value *hash, size_t count)
{
    struct hash_table *table = table_create(count);
    hash_each(*hash, add_to_table, table);
    listpack_free(hash_pack(*hash));
    hash->encoding = ENCODING_HASHTABLE;
    hash->pointer = table;
}

static void append_ex(void *context, const struct hash_item *item)
{
    struct listpack **pack = context;
    listpack_append(pack, item->name);
    listpack_append(pack, item->value);
    listpack_append_integer(pack, HASH_NO_EXPIRY);
}

void hash_to_listpack_ex(struct value *hash)
{
    assert(hash->encoding == ENCODING_LISTPACK);
    struct listpack *pack = listpack_create(listpack_size(hash_pack(*hash)) * 5 / 4);
    hash_each(*hash, append_ex, &pack);
    listpack_free(hash_pack(*hash));
    hash->encoding = ENCODING_LISTPACK_EX;
    hash->pointer = pack;
}

struct value hash_create(void)
{
    return (struct value){VALUE_HASH, ENCODING_LISTPACK, listpack_create(0)};
}

void hash_expect(struct value *hash, const struct type_settings *settings, const struct bytes *argv,
                 int argc)
{
    if (!hash_is_packed(*hash))
        return;
    size_t bytes = 0;
    bool fits = argc / 2 <= settings->hash_max_listpack_entries;
    for (int i = 0; i < argc && fits; i++) {
        fits = argv[i].size <= (size_t)settings->hash_max_listpack_value;
        bytes += argv[i].size;
    }
    if (!fits || !listpack_can_add(hash_pack(*hash), bytes))
        hash_to_table(hash, hash_count(*hash) + (size_t)argc / 2);
}

/* -- setting, deleting, getting -- */

bool hash_set(struct value *hash, const struct type_settings *settings, struct bytes name,
              struct bytes value, bool keeps_expiry)
{
    if (hash_is_packed(*hash) && (name.size > (size_t)settings->hash_max_listpack_value ||
                                  value.size > (size_t)settings->hash_max_listpack_value ||
                                  !listpack_can_add(hash_pack(*hash), name.size + value.size)))
        hash_to_table(hash, hash_count(*hash) + 1);
    if (!hash_is_packed(*hash))
        return table_set(hash_table_of(*hash), name, value, keeps_expiry);
    bool is_new = pack_set(hash, name, value, keeps_expiry);
    size_t count = hash_count(*hash);
    if (count > (size_t)settings->hash_max_listpack_entries)
        hash_to_table(hash, count);
    return is_new;
}

bool hash_delete(struct value *hash, struct bytes name)
{
    if (!hash_is_packed(*hash))
        return table_delete(hash_table_of(*hash), name);
    struct listpack *pack = hash_pack(*hash);
    uint32_t position = pack_find(*hash, name);
    if (!position)
        return false;
    listpack_delete_range(&pack, position, hash_pack_width(*hash));
    hash->pointer = pack;
    return true;
}

size_t hash_count(struct value hash)
{
    if (!hash_is_packed(hash))
        return dict_count(&hash_table_of(hash)->fields);
    return listpack_count(hash_pack(hash)) / hash_pack_width(hash);
}

bool hash_get(struct value hash, struct bytes name, int64_t now_ms, struct hash_item *item)
{
    if (hash_is_packed(hash)) {
        uint32_t position = pack_find(hash, name);
        if (!position)
            return false;
        hash_pack_read(hash, position, item);
    } else {
        const struct dict *fields = &hash_table_of(hash)->fields;
        void **slot =
            dict_find_slot_with(fields, hash_bytes(name.data, name.size), name, field_matches);
        if (!slot)
            return false;
        hash_read_field(*slot, item);
    }
    return hash_item_is_live(item, now_ms);
}

/* -- all of them -- */

struct each {
    void (*visit)(void *context, const struct hash_item *item);
    void *context;
};

static void visit_field(void *context, void *entry)
{
    const struct each *each = context;
    struct hash_item item;
    hash_read_field(entry, &item);
    each->visit(each->context, &item);
}

void hash_each(struct value hash, void (*visit)(void *context, const struct hash_item *item),
               void *context)
{
    if (!hash_is_packed(hash)) {
        struct each each = {visit, context};
        dict_each(&hash_table_of(hash)->fields, visit_field, &each);
        return;
    }
    uint32_t position = listpack_first(hash_pack(hash));
    for (; position; position = pack_next_field(hash, position)) {
        struct hash_item item;
        hash_pack_read(hash, position, &item);
        visit(context, &item);
    }
}

void hash_random(struct value hash, struct hash_item *item)
{
    if (!hash_is_packed(hash)) {
        hash_read_field(dict_random(&hash_table_of(hash)->fields), item);
        return;
    }
    uint64_t index = random_below(hash_count(hash)) * hash_pack_width(hash);
    hash_pack_read(hash, listpack_seek(hash_pack(hash), (int64_t)index), item);
}

/* -- the row of the table of types -- */

static void hash_free(struct value hash)
{
    if (hash_is_packed(hash))
        listpack_free(hash_pack(hash));
    else
        table_destroy(hash_table_of(hash));
}

static struct value hash_copy(struct value hash)
{
    struct value copy = hash;
    if (hash_is_packed(hash)) {
        copy.pointer = listpack_copy(hash_pack(hash));
        return copy;
    }
    copy.pointer = table_create(hash_count(hash));
    hash_each(hash, add_to_table, copy.pointer);
    return copy;
}

enum { SAMPLES_MAX = 64 };

static void add_size(void *context, void *entry)
{
    *(size_t *)context += mem_usable_size(entry);
}

static size_t hash_memory(struct value hash, size_t samples)
{
    if (hash_is_packed(hash))
        return listpack_memory(hash_pack(hash));
    struct hash_table *table = hash_table_of(hash);
    size_t size =
        mem_usable_size(table) + dict_memory(&table->fields) + expiry_index_memory(&table->expiry);
    size_t count = dict_count(&table->fields);
    size_t bytes = 0;
    if (samples == 0 || samples >= count) {
        dict_each(&table->fields, add_size, &bytes);
        return size + bytes;
    }
    void *sampled[SAMPLES_MAX];
    size_t found =
        dict_sample(&table->fields, sampled, samples < SAMPLES_MAX ? samples : SAMPLES_MAX);
    for (size_t i = 0; i < found; i++)
        bytes += mem_usable_size(sampled[i]);
    return found ? size + (size_t)((double)bytes / (double)found * (double)count) : size;
}

static size_t hash_free_effort(struct value hash)
{
    return hash_is_packed(hash) ? 1 : hash_count(hash);
}

const struct value_ops hash_value_ops = {
    .name = "hash",
    .free = hash_free,
    .memory = hash_memory,
    .copy = hash_copy,
    .free_effort = hash_free_effort,
    .count = hash_count,
};

struct check {
    struct value hash;
    size_t fields;
    size_t expiring;
    int64_t last; /* time in a listpackex */
};

static void check_field(void *context, const struct hash_item *item)
{
    struct check *check = context;
    struct hash_item found;
    bool is_there = hash_get(check->hash, item->name, INT64_MIN, &found);
    assert(is_there && bytes_equal(found.value, item->value) && found.expiry == item->expiry);
    check->fields++;
    check->expiring += item->expiry != HASH_NO_EXPIRY;
    if (check->hash.encoding == ENCODING_LISTPACK_EX) {
        int64_t order = item->expiry == HASH_NO_EXPIRY ? INT64_MAX : item->expiry;
        assert(order >= check->last);
        check->last = order;
    }
}

void hash_check(struct value hash)
{
    struct check check = {.hash = hash, .last = INT64_MIN};
    if (hash_is_packed(hash)) {
        listpack_check(hash_pack(hash));
        assert(listpack_count(hash_pack(hash)) % hash_pack_width(hash) == 0);
    } else {
        dict_check(&hash_table_of(hash)->fields);
        expiry_index_check(&hash_table_of(hash)->expiry);
    }
    hash_each(hash, check_field, &check);
    assert(check.fields == hash_count(hash));
    assert(hash_is_packed(hash) ||
           check.expiring == expiry_index_count(&hash_table_of(hash)->expiry));
}
