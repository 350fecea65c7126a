/* Both encodings of sorted sets. Main thread, except `free`. */
#include "types/zset_type.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "types/zset_ranges.h"
#include <math.h>

/* -- the table of members -- */

static uint64_t element_hash(const void *entry)
{
    struct bytes member = ranked_element_member(entry);
    return hash_bytes(member.data, member.size);
}

static bool element_matches(const void *entry, struct bytes key)
{
    return bytes_equal(ranked_element_member(entry), key);
}

/* The tree frees the elements. */
static const struct dict_type members_type = {element_hash, element_matches, NULL};

static struct zset *tree_create(size_t count)
{
    struct zset *set = mem_alloc(sizeof(*set));
    dict_init(&set->members, &members_type);
    if (count)
        dict_reserve(&set->members, count);
    ranked_tree_init(&set->order);
    return set;
}

static void tree_destroy(struct zset *set)
{
    dict_deinit(&set->members);
    ranked_tree_deinit(&set->order);
    mem_free(set);
}

static void tree_add(struct zset *set, struct bytes member, uint64_t hash, double score)
{
    struct ranked_element *element = ranked_element_create(score, member);
    dict_add(&set->members, hash, element);
    ranked_tree_insert(&set->order, element);
}

static struct ranked_element *tree_find(const struct zset *set, struct bytes member)
{
    return dict_find(&set->members, hash_bytes(member.data, member.size), member);
}

void zset_drop_element(struct zset *set, struct ranked_element *element)
{
    struct bytes member = ranked_element_member(element);
    ranked_tree_remove(&set->order, element);
    dict_remove(&set->members, hash_bytes(member.data, member.size), member);
    mem_free(element);
}

/* -- the listpack -- */

double zset_pack_score(const struct listpack *pack, uint32_t position)
{
    struct listpack_value value = listpack_get(pack, position);
    if (!value.data)
        return (double)value.integer;
    double score = 0;
    bool is_number = number_parse_double(bytes_of(value.data, value.size), &score);
    assert(is_number);
    return score;
}

static void pack_insert(struct listpack **pack, uint32_t position, struct bytes member,
                        double score)
{
    char text[128];
    struct bytes digits = bytes_of(text, number_format_double(text, sizeof(text), score));
    listpack_insert(pack, position, digits);
    listpack_insert(pack, position, member);
}

/* Where member and score belong: the position of the first pair behind them, or the end. */
static uint32_t pack_place(const struct listpack *pack, struct bytes member, double score)
{
    uint32_t position = listpack_first(pack);
    while (position) {
        uint32_t score_position = listpack_next(pack, position);
        double other = zset_pack_score(pack, score_position);
        if (other > score)
            return position;
        if (other == score) {
            char scratch[NUMBER_I64_TEXT_MAX];
            if (bytes_compare(listpack_text(pack, position, scratch), member) > 0)
                return position;
        }
        position = listpack_next(pack, score_position);
    }
    return listpack_end(pack);
}

static uint32_t pack_find(const struct listpack *pack, struct bytes member)
{
    return listpack_find(pack, listpack_first(pack), member, 1);
}

static void pack_set_score(struct listpack **pack, uint32_t position, struct bytes member,
                           double score)
{
    listpack_delete_range(pack, position, 2);
    pack_insert(pack, pack_place(*pack, member, score), member, score);
}

/* -- from one encoding to the other -- */

/* With room for `count` members. */
static void to_tree(struct value *zset, size_t count)
{
    struct listpack *pack = zset_pack(*zset);
    struct zset *set = tree_create(count);
    uint32_t position = listpack_first(pack);
    while (position) {
        char scratch[NUMBER_I64_TEXT_MAX];
        struct bytes member = listpack_text(pack, position, scratch);
        position = listpack_next(pack, position);
        tree_add(set, member, hash_bytes(member.data, member.size),
                 zset_pack_score(pack, position));
        position = listpack_next(pack, position);
    }
    listpack_free(pack);
    zset->encoding = ENCODING_SKIPLIST;
    zset->pointer = set;
}

struct value zset_create(const struct type_settings *settings, size_t count, size_t member_size)
{
    struct value zset = {.type = VALUE_ZSET};
    if (count <= (size_t)settings->zset_max_listpack_entries &&
        member_size <= (size_t)settings->zset_max_listpack_value) {
        zset.encoding = ENCODING_LISTPACK;
        zset.pointer = listpack_create(0);
    } else {
        zset.encoding = ENCODING_SKIPLIST;
        zset.pointer = tree_create(count);
    }
    return zset;
}

void zset_expect(struct value *zset, const struct type_settings *settings, size_t count)
{
    if (zset->encoding == ENCODING_LISTPACK && count > (size_t)settings->zset_max_listpack_entries)
        to_tree(zset, count);
}

void zset_compact(struct value *zset, const struct type_settings *settings)
{
    if (zset->encoding != ENCODING_SKIPLIST)
        return;
    struct zset *set = zset_tree(*zset);
    if (set->order.count > (size_t)settings->zset_max_listpack_entries)
        return;
    size_t bytes = 0;
    struct ranked_cursor cursor = ranked_tree_cursor(&set->order, 0);
    const struct ranked_element *element;
    while ((element = ranked_cursor_next(&cursor))) {
        size_t size = ranked_element_member(element).size;
        if (size > (size_t)settings->zset_max_listpack_value)
            return;
        bytes += size;
    }
    struct listpack *pack = listpack_create(0);
    if (!listpack_can_add(pack, bytes)) {
        listpack_free(pack);
        return;
    }
    cursor = ranked_tree_cursor(&set->order, 0);
    while ((element = ranked_cursor_next(&cursor)))
        pack_insert(&pack, listpack_end(pack), ranked_element_member(element), element->score);
    tree_destroy(set);
    zset->encoding = ENCODING_LISTPACK;
    zset->pointer = pack;
}

/* -- adding -- */

/* What becomes of a member with the score `current`; *score is the new one. */
static enum zset_add_result decide(double current, double *score, unsigned flags)
{
    if (flags & ZSET_ONLY_ABSENT)
        return ZSET_REFUSED;
    double wanted = *score;
    if (flags & ZSET_INCREMENT) {
        wanted += current;
        if (isnan(wanted))
            return ZSET_NAN;
    }
    if ((flags & ZSET_ONLY_LESS && wanted >= current) ||
        (flags & ZSET_ONLY_GREATER && wanted <= current))
        return ZSET_REFUSED;
    *score = wanted;
    return wanted == current ? ZSET_SAME : ZSET_UPDATED;
}

static bool pack_has_room(const struct listpack *pack, const struct type_settings *settings,
                          struct bytes member)
{
    return listpack_count(pack) / 2 + 1 <= (size_t)settings->zset_max_listpack_entries &&
           member.size <= (size_t)settings->zset_max_listpack_value &&
           listpack_can_add(pack, member.size);
}

static enum zset_add_result tree_put(struct zset *set, struct bytes member, double *score,
                                     unsigned flags)
{
    uint64_t hash = hash_bytes(member.data, member.size);
    struct ranked_element *element = dict_find(&set->members, hash, member);
    if (!element) {
        if (flags & ZSET_ONLY_PRESENT)
            return ZSET_REFUSED;
        tree_add(set, member, hash, *score);
        return ZSET_ADDED;
    }
    enum zset_add_result result = decide(element->score, score, flags);
    if (result == ZSET_UPDATED)
        ranked_tree_set_score(&set->order, element, *score);
    return result;
}

enum zset_add_result zset_add(struct value *zset, const struct type_settings *settings,
                              struct bytes member, double *score, unsigned flags)
{
    assert(!isnan(*score));
    if (zset->encoding == ENCODING_SKIPLIST)
        return tree_put(zset_tree(*zset), member, score, flags);
    struct listpack *pack = zset_pack(*zset);
    uint32_t position = pack_find(pack, member);
    if (position) {
        double current = zset_pack_score(pack, listpack_next(pack, position));
        enum zset_add_result result = decide(current, score, flags);
        if (result == ZSET_UPDATED)
            pack_set_score(&pack, position, member, *score);
        zset->pointer = pack;
        return result;
    }
    if (flags & ZSET_ONLY_PRESENT)
        return ZSET_REFUSED;
    if (!pack_has_room(pack, settings, member)) {
        to_tree(zset, listpack_count(pack) / 2 + 1);
        return tree_put(zset_tree(*zset), member, score, flags);
    }
    pack_insert(&pack, pack_place(pack, member, *score), member, *score);
    zset->pointer = pack;
    return ZSET_ADDED;
}

bool zset_remove(struct value *zset, struct bytes member)
{
    if (zset->encoding == ENCODING_SKIPLIST) {
        struct zset *set = zset_tree(*zset);
        struct ranked_element *element = tree_find(set, member);
        if (element)
            zset_drop_element(set, element);
        return element != NULL;
    }
    struct listpack *pack = zset_pack(*zset);
    uint32_t position = pack_find(pack, member);
    if (!position)
        return false;
    listpack_delete_range(&pack, position, 2);
    zset->pointer = pack;
    return true;
}

/* -- asking -- */

size_t zset_count(struct value zset)
{
    if (zset.encoding == ENCODING_SKIPLIST)
        return zset_tree(zset)->order.count;
    return listpack_count(zset_pack(zset)) / 2;
}

bool zset_score(struct value zset, struct bytes member, double *score)
{
    if (zset.encoding == ENCODING_SKIPLIST) {
        const struct ranked_element *element = tree_find(zset_tree(zset), member);
        if (element)
            *score = element->score;
        return element != NULL;
    }
    const struct listpack *pack = zset_pack(zset);
    uint32_t position = pack_find(pack, member);
    if (position)
        *score = zset_pack_score(pack, listpack_next(pack, position));
    return position != 0;
}

bool zset_rank(struct value zset, struct bytes member, size_t *rank, double *score)
{
    if (zset.encoding == ENCODING_SKIPLIST) {
        const struct zset *set = zset_tree(zset);
        const struct ranked_element *element = tree_find(set, member);
        if (!element)
            return false;
        *rank = ranked_tree_rank(&set->order, element);
        *score = element->score;
        return true;
    }
    const struct listpack *pack = zset_pack(zset);
    *rank = 0;
    for (uint32_t position = listpack_first(pack); position; ++*rank) {
        uint32_t score_position = listpack_next(pack, position);
        if (listpack_equals(pack, position, member)) {
            *score = zset_pack_score(pack, score_position);
            return true;
        }
        position = listpack_next(pack, score_position);
    }
    return false;
}

/* -- the row of the table of types -- */

static void zset_free(struct value zset)
{
    if (zset.encoding == ENCODING_SKIPLIST)
        tree_destroy(zset_tree(zset));
    else
        listpack_free(zset_pack(zset));
}

static struct value zset_copy(struct value zset)
{
    struct value copy = zset;
    if (zset.encoding == ENCODING_LISTPACK) {
        copy.pointer = listpack_copy(zset_pack(zset));
        return copy;
    }
    const struct zset *set = zset_tree(zset);
    struct zset *other = tree_create(set->order.count);
    struct ranked_cursor cursor = ranked_tree_cursor(&set->order, 0);
    const struct ranked_element *element;
    while ((element = ranked_cursor_next(&cursor)))
        tree_add(other, ranked_element_member(element), element_hash(element), element->score);
    copy.pointer = other;
    return copy;
}

static size_t zset_memory(struct value zset, size_t samples)
{
    if (zset.encoding == ENCODING_LISTPACK)
        return listpack_memory(zset_pack(zset));
    const struct zset *set = zset_tree(zset);
    size_t size =
        mem_usable_size(set) + dict_memory(&set->members) + ranked_tree_memory(&set->order);
    size_t sampled = 0;
    size_t bytes = 0;
    struct ranked_cursor cursor = ranked_tree_cursor(&set->order, 0);
    const struct ranked_element *element;
    while ((samples == 0 || sampled < samples) && (element = ranked_cursor_next(&cursor))) {
        bytes += mem_usable_size(element);
        sampled++;
    }
    if (sampled)
        size += (size_t)((double)bytes / (double)sampled * (double)set->order.count);
    return size;
}

static size_t zset_free_effort(struct value zset)
{
    return zset.encoding == ENCODING_SKIPLIST ? zset_tree(zset)->order.count : 1;
}

const struct value_ops zset_value_ops = {
    .name = "zset",
    .free = zset_free,
    .memory = zset_memory,
    .copy = zset_copy,
    .free_effort = zset_free_effort,
    .count = zset_count,
};

void zset_check(struct value zset)
{
    if (zset.encoding == ENCODING_LISTPACK) {
        listpack_check(zset_pack(zset));
        assert(listpack_count(zset_pack(zset)) % 2 == 0);
    } else {
        const struct zset *set = zset_tree(zset);
        dict_check(&set->members);
        ranked_tree_check(&set->order);
        assert(dict_count(&set->members) == set->order.count);
    }
    struct zset_walk walk;
    zset_walk_from(&walk, zset, 0, false);
    struct zset_item item;
    size_t rank = 0;
    for (; zset_walk_next(&walk, &item); rank++) {
        size_t found;
        double score;
        bool is_there = zset_rank(zset, item.member, &found, &score);
        assert(is_there && found == rank && score == item.score);
    }
    assert(rank == zset_count(zset));
}
