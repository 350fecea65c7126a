/* Sets: which encoding holds them, and the operations on all three. Main thread, except set_free
 * and set_member_free. */
#include "types/set_type.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"

/* -- members of a table -- */

void *set_member_create(struct bytes text)
{
    if (text.size <= SET_MEMBER_INLINE_MAX)
        return set_member_inline(text);
    uint64_t size = text.size;
    bool is_long = size >= SET_MEMBER_LONG;
    char *block = mem_alloc(is_long ? sizeof(size) + size : size);
    assert((uintptr_t)block >> 48 == 0);
    if (is_long)
        memcpy(block, &size, sizeof(size));
    memcpy(is_long ? block + sizeof(size) : block, text.data, text.size);
    uint64_t code = is_long ? SET_MEMBER_LONG : size;
    return (void *)((uintptr_t)block | code << 48);
}

void set_member_free(void *entry)
{
    if (set_member_code(entry) < SET_MEMBER_INLINE)
        mem_free(set_member_block(entry));
}

size_t set_member_memory(const void *entry)
{
    return set_member_code(entry) < SET_MEMBER_INLINE ? mem_usable_size(set_member_block(entry))
                                                      : 0;
}

static uint64_t member_hash(const void *entry)
{
    char scratch[SET_MEMBER_SCRATCH];
    struct bytes text = set_member_text(entry, scratch);
    return hash_bytes(text.data, text.size);
}

static bool member_matches(const void *entry, struct bytes key)
{
    return set_member_equals(entry, key);
}

static const struct dict_type members_type = {member_hash, member_matches, set_member_free};

static struct dict *table_create(size_t count)
{
    struct dict *table = mem_alloc(sizeof(*table));
    dict_init(table, &members_type);
    if (count)
        dict_reserve(table, count);
    return table;
}

static bool table_add(struct dict *table, struct bytes member)
{
    uint64_t hash = hash_bytes(member.data, member.size);
    if (dict_find_slot_with(table, hash, member, member_matches))
        return false;
    dict_add(table, hash, set_member_create(member));
    return true;
}

static bool table_remove(struct dict *table, struct bytes member)
{
    uint64_t hash = hash_bytes(member.data, member.size);
    void **slot = dict_find_slot_with(table, hash, member, member_matches);
    if (!slot)
        return false;
    set_member_free(dict_remove_slot(table, hash, slot));
    return true;
}

/* -- encodings -- */

static struct value set_of(enum value_encoding encoding, void *pointer)
{
    return (struct value){VALUE_SET, (uint8_t)encoding, pointer};
}

/* Settings are never negative. */
static size_t intset_limit(const struct type_settings *settings)
{
    size_t limit = (size_t)settings->set_max_intset_entries;
    return limit < INTSET_COUNT_MAX ? limit : INTSET_COUNT_MAX - 1;
}

struct value set_create(const struct type_settings *settings, struct bytes first, size_t count)
{
    int64_t integer;
    if (count <= (size_t)settings->set_max_intset_entries && number_parse_i64(first, &integer))
        return set_create_result();
    if (count <= (size_t)settings->set_max_listpack_entries)
        return set_of(ENCODING_LISTPACK, listpack_create(0));
    return set_of(ENCODING_HASHTABLE, table_create(count));
}

struct value set_create_result(void)
{
    return set_of(ENCODING_INTSET, intset_create());
}

struct value set_create_table(size_t count)
{
    return set_of(ENCODING_HASHTABLE, table_create(count));
}

static void set_free(struct value set)
{
    if (set.encoding == ENCODING_INTSET) {
        intset_free(set_ints(set));
    } else if (set.encoding == ENCODING_LISTPACK) {
        listpack_free(set_pack(set));
    } else {
        dict_deinit(set_table(set));
        mem_free(set.pointer);
    }
}

/* To a table with room for `count` members. */
static void to_table(struct value *set, size_t count)
{
    struct dict *table = table_create(count);
    struct set_iterator iterator;
    struct listpack_value member;
    char scratch[NUMBER_I64_TEXT_MAX];
    set_iterator_init(&iterator, *set);
    while (set_iterate(&iterator, &member)) {
        bool is_new = table_add(table, listpack_value_text(member, scratch));
        assert(is_new);
    }
    set_free(*set);
    *set = set_of(ENCODING_HASHTABLE, table);
}

static void to_pack(struct value *set, size_t more)
{
    struct intset *ints = set_ints(*set);
    struct listpack *pack = listpack_create(LISTPACK_EMPTY_SIZE + intset_size(ints) + more);
    for (uint32_t i = 0; i < intset_count(ints); i++)
        listpack_append_integer(&pack, intset_get(ints, i));
    intset_free(ints);
    *set = set_of(ENCODING_LISTPACK, pack);
}

void set_expect(struct value *set, const struct type_settings *settings, size_t count)
{
    if ((set->encoding == ENCODING_LISTPACK &&
         count > (size_t)settings->set_max_listpack_entries) ||
        (set->encoding == ENCODING_INTSET && count > (size_t)settings->set_max_intset_entries))
        to_table(set, count);
}

void set_shrink(struct value *set)
{
    if (set->encoding != ENCODING_LISTPACK)
        return;
    struct listpack *pack = set_pack(*set);
    listpack_shrink(&pack);
    set->pointer = pack;
}

/* -- adding -- */

static bool pack_has_room(const struct listpack *pack, const struct type_settings *settings,
                          size_t size)
{
    return listpack_count(pack) < (size_t)settings->set_max_listpack_entries &&
           size <= (size_t)settings->set_max_listpack_value && listpack_can_add(pack, size);
}

static bool pack_add(struct value *set, const struct type_settings *settings, struct bytes member)
{
    struct listpack *pack = set_pack(*set);
    if (listpack_find(pack, listpack_first(pack), member, 0))
        return false;
    if (pack_has_room(pack, settings, member.size)) {
        listpack_append(&pack, member);
        set->pointer = pack;
        return true;
    }
    to_table(set, listpack_count(pack) + 1);
    return table_add(set_table(*set), member);
}

static bool ints_add(struct value *set, const struct type_settings *settings, int64_t integer)
{
    struct intset *ints = set_ints(*set);
    bool is_new = intset_add(&ints, integer);
    set->pointer = ints;
    if (is_new && intset_count(ints) > intset_limit(settings))
        to_table(set, intset_count(ints));
    return is_new;
}

/* A text that is no integer joins integers. */
static bool ints_add_text(struct value *set, const struct type_settings *settings,
                          struct bytes member)
{
    struct intset *ints = set_ints(*set);
    uint32_t count = intset_count(ints);
    size_t longest = 0;
    if (count) {
        char digits[NUMBER_I64_TEXT_MAX];
        size_t lowest = number_format_i64(digits, intset_get(ints, 0));
        size_t highest = number_format_i64(digits, intset_get(ints, count - 1));
        longest = lowest > highest ? lowest : highest;
    }
    size_t limit = (size_t)settings->set_max_listpack_value;
    if (count < (size_t)settings->set_max_listpack_entries && member.size <= limit &&
        longest <= limit && (uint64_t)count * 11 + member.size < LISTPACK_SIZE_MAX) {
        to_pack(set, 0);
        struct listpack *pack = set_pack(*set);
        listpack_append(&pack, member);
        listpack_shrink(&pack);
        set->pointer = pack;
        return true;
    }
    to_table(set, count + 1u);
    return table_add(set_table(*set), member);
}

bool set_add(struct value *set, const struct type_settings *settings, struct bytes member)
{
    if (set->encoding == ENCODING_HASHTABLE)
        return table_add(set_table(*set), member);
    if (set->encoding == ENCODING_LISTPACK)
        return pack_add(set, settings, member);
    int64_t integer;
    if (number_parse_i64(member, &integer))
        return ints_add(set, settings, integer);
    return ints_add_text(set, settings, member);
}

bool set_add_value(struct value *set, const struct type_settings *settings,
                   struct listpack_value member)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    if (!member.data && set->encoding == ENCODING_INTSET)
        return ints_add(set, settings, member.integer);
    return set_add(set, settings, listpack_value_text(member, scratch));
}

/* -- removing and finding -- */

bool set_remove(struct value *set, struct bytes member)
{
    if (set->encoding == ENCODING_HASHTABLE)
        return table_remove(set_table(*set), member);
    if (set->encoding == ENCODING_LISTPACK) {
        struct listpack *pack = set_pack(*set);
        uint32_t at = listpack_find(pack, listpack_first(pack), member, 0);
        if (!at)
            return false;
        listpack_delete(&pack, at);
        set->pointer = pack;
        return true;
    }
    int64_t integer;
    struct intset *ints = set_ints(*set);
    if (!number_parse_i64(member, &integer) || !intset_remove(&ints, integer))
        return false;
    set->pointer = ints;
    return true;
}

bool set_contains(struct value set, struct bytes member)
{
    if (set.encoding == ENCODING_HASHTABLE)
        return dict_find_slot_with(set_table(set), hash_bytes(member.data, member.size), member,
                                   member_matches) != NULL;
    if (set.encoding == ENCODING_LISTPACK)
        return listpack_find(set_pack(set), listpack_first(set_pack(set)), member, 0) != 0;
    int64_t integer;
    return number_parse_i64(member, &integer) && intset_contains(set_ints(set), integer);
}

bool set_contains_value(struct value set, struct listpack_value member)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    if (!member.data && set.encoding == ENCODING_INTSET)
        return intset_contains(set_ints(set), member.integer);
    return set_contains(set, listpack_value_text(member, scratch));
}

size_t set_count(struct value set)
{
    if (set.encoding == ENCODING_INTSET)
        return intset_count(set_ints(set));
    if (set.encoding == ENCODING_LISTPACK)
        return listpack_count(set_pack(set));
    return dict_count(set_table(set));
}

/* -- walking -- */

void set_iterator_init(struct set_iterator *iterator, struct value set)
{
    *iterator = (struct set_iterator){.set = set};
    if (set.encoding == ENCODING_LISTPACK)
        iterator->at = listpack_first(set_pack(set));
}

/* The first bucket of the next chain, NULL at the end of the table(s). */
static const struct dict_bucket *next_chain(struct set_iterator *iterator, const struct dict *table)
{
    for (; iterator->table < 2 && table->tables[iterator->table]; iterator->table++) {
        if (iterator->next_bucket <= table->masks[iterator->table])
            return &table->tables[iterator->table][iterator->next_bucket++];
        iterator->next_bucket = 0;
    }
    return NULL;
}

static bool iterate_table(struct set_iterator *iterator, struct listpack_value *member)
{
    const struct dict *table = set_table(iterator->set);
    for (;;) {
        const struct dict_bucket *bucket = iterator->bucket;
        for (; bucket && iterator->slot < DICT_BUCKET_SLOTS; iterator->slot++) {
            if (!bucket->tags[iterator->slot])
                continue;
            struct bytes text = set_member_text(bucket->slots[iterator->slot++], iterator->scratch);
            *member = (struct listpack_value){.data = text.data, .size = text.size};
            return true;
        }
        iterator->slot = 0;
        iterator->bucket = bucket ? dict_bucket_child(bucket) : NULL;
        if (iterator->bucket)
            continue;
        iterator->bucket = next_chain(iterator, table);
        if (!iterator->bucket)
            return false;
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            __builtin_prefetch(set_member_block(iterator->bucket->slots[i]));
    }
}

bool set_iterate(struct set_iterator *iterator, struct listpack_value *member)
{
    struct value set = iterator->set;
    if (set.encoding == ENCODING_HASHTABLE)
        return iterate_table(iterator, member);
    if (set.encoding == ENCODING_LISTPACK) {
        if (!iterator->at)
            return false;
        *member = listpack_get(set_pack(set), iterator->at);
        iterator->at = listpack_next(set_pack(set), iterator->at);
        return true;
    }
    if (iterator->at == intset_count(set_ints(set)))
        return false;
    *member = (struct listpack_value){.integer = intset_get(set_ints(set), iterator->at++)};
    return true;
}

/* -- as a type -- */

static size_t set_memory(struct value set, size_t samples)
{
    if (set.encoding == ENCODING_INTSET)
        return intset_memory(set_ints(set));
    if (set.encoding == ENCODING_LISTPACK)
        return listpack_memory(set_pack(set));
    const struct dict *table = set_table(set);
    size_t members = 0;
    size_t seen = 0;
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, set);
    while ((samples == 0 || seen < samples) && set_iterate(&iterator, &member)) {
        members += set_member_memory(iterator.bucket->slots[iterator.slot - 1]);
        seen++;
    }
    if (seen < dict_count(table))
        members = (size_t)((double)members / (double)seen * (double)dict_count(table));
    return mem_usable_size(table) + dict_memory(table) + members;
}

static struct value set_copy(struct value set)
{
    if (set.encoding == ENCODING_INTSET)
        return set_of(ENCODING_INTSET, intset_copy(set_ints(set)));
    if (set.encoding == ENCODING_LISTPACK)
        return set_of(ENCODING_LISTPACK, listpack_copy(set_pack(set)));
    struct dict *table = table_create(set_count(set));
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member)) {
        struct bytes text = bytes_of(member.data, member.size);
        dict_add(table, hash_bytes(text.data, text.size), set_member_create(text));
    }
    return set_of(ENCODING_HASHTABLE, table);
}

static size_t set_free_effort(struct value set)
{
    return set.encoding == ENCODING_HASHTABLE ? set_count(set) : 1;
}

const struct value_ops set_value_ops = {.name = "set",
                                        .free = set_free,
                                        .memory = set_memory,
                                        .copy = set_copy,
                                        .free_effort = set_free_effort,
                                        .count = set_count};

void set_check(struct value set)
{
    assert(set.type == VALUE_SET);
    if (set.encoding == ENCODING_INTSET)
        intset_check(set_ints(set));
    else if (set.encoding == ENCODING_LISTPACK)
        listpack_check(set_pack(set));
    else
        dict_check(set_table(set));
}
