/* SORT and SORT_RO: elements of a list, set or sorted set in order, by themselves or by keys that
 * are named after them. Main thread.
 *
 * Elements are copied into an arena first: reading other keys may expire some, and members of sets
 * and of compressed lists have no lasting place. The sort is a merge sort: stable, and nobody can
 * make it slow.
 */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/hash_common.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"
#include "types/list_type.h"
#include "types/set_type.h"
#include "types/zset_ranges.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* -- arguments -- */

struct sort {
    struct call *call;
    struct bytes by;  /* data NULL: by the element itself */
    bool is_unsorted; /* BY without '*' */
    bool is_descending;
    bool is_alpha;
    int64_t limit_start;
    int64_t limit_count; /* -1: all */
    int store;           /* index in argv, 0: none */
    int first_get;       /* where GETs begin in argv */
    int gets;            /* how many there are */
    bool has_bad_number;
};

static bool parse_limit(struct sort *sort, int index)
{
    return call_integer(sort->call, index, &sort->limit_start, NULL) &&
           call_integer(sort->call, index + 1, &sort->limit_count, NULL);
}

static bool parse_options(struct sort *sort, bool can_store)
{
    struct call *call = sort->call;
    for (int i = 2; i < call->argc; i++) {
        int left = call->argc - i - 1;
        if (call_is(call, i, "asc")) {
            sort->is_descending = false;
        } else if (call_is(call, i, "desc")) {
            sort->is_descending = true;
        } else if (call_is(call, i, "alpha")) {
            sort->is_alpha = true;
        } else if (call_is(call, i, "limit") && left >= 2) {
            if (!parse_limit(sort, i + 1))
                return false;
            i += 2;
        } else if (can_store && call_is(call, i, "store") && left >= 1) {
            sort->store = ++i;
        } else if (call_is(call, i, "by") && left >= 1) {
            sort->by = call->argv[++i];
            /* Once said it stays so, whatever pattern follows. */
            sort->is_unsorted |= !memchr(sort->by.data, '*', sort->by.size);
        } else if (call_is(call, i, "get") && left >= 1) {
            sort->first_get = sort->first_get ? sort->first_get : i;
            sort->gets++;
            i++;
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

/* The pattern of the next GET from argv[*at] on; *at goes behind it. */
static struct bytes next_get(const struct sort *sort, int *at)
{
    const struct call *call = sort->call;
    for (;; ++*at) {
        if (call_is(call, *at, "get"))
            break;
        /* What follows these is theirs, whatever it reads. */
        if (call_is(call, *at, "limit"))
            *at += 2;
        else if (call_is(call, *at, "by") || call_is(call, *at, "store"))
            *at += 1;
    }
    *at += 2;
    return call->argv[*at - 1];
}

/* -- memory of the elements -- */

struct chunk {
    struct chunk *next;
    char data[];
};

struct arena {
    struct chunk *chunks;
    char *at;
    size_t left;
};

/* A copy with a NUL behind it. */
static struct bytes arena_copy(struct arena *arena, struct bytes text)
{
    enum { CHUNK_SIZE = 64 * 1024 };
    size_t size = text.size + 1;
    if (size > arena->left) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        struct chunk *chunk = mem_alloc(sizeof(*chunk) + room);
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        arena->at = chunk->data;
        arena->left = room;
    }
    char *copy = arena->at;
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    arena->at += size;
    arena->left -= size;
    return bytes_of(copy, text.size);
}

static void arena_deinit(struct arena *arena)
{
    while (arena->chunks) {
        struct chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        mem_free(chunk);
    }
}

/* -- elements -- */

struct item {
    struct listpack_value element; /* text is in the arena; no integer when sorting by text */
    union {
        double score;
        struct bytes text; /* in the arena; data NULL: the key is missing */
    } weight;
};

struct items {
    struct arena arena;
    struct item *all;
    size_t count;
};

static void add_item(struct sort *sort, struct items *items, struct listpack_value element)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    struct item *item = &items->all[items->count++];
    *item = (struct item){.element = element};
    if (!element.data && !sort->is_alpha)
        return;
    struct bytes text = arena_copy(&items->arena, listpack_value_text(element, scratch));
    item->element = (struct listpack_value){.data = text.data, .size = text.size};
}

static void load_list(struct sort *sort, struct items *items, struct value list, size_t first,
                      size_t count)
{
    bool is_backward = sort->is_unsorted && sort->is_descending;
    int64_t index = is_backward ? -1 - (int64_t)first : (int64_t)first;
    struct quicklist_iterator iterator;
    struct listpack_value element;
    list_iterator_init(&iterator, list, index, is_backward);
    while (items->count < count && quicklist_iterate(&iterator, &element))
        add_item(sort, items, element);
    quicklist_iterator_deinit(&iterator);
}

static void load_set(struct sort *sort, struct items *items, struct value set)
{
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member))
        add_item(sort, items, member);
}

static void load_zset(struct sort *sort, struct items *items, struct value zset, size_t first,
                      size_t count)
{
    bool is_reverse = sort->is_unsorted && sort->is_descending;
    struct zset_walk walk;
    struct zset_item member;
    zset_walk_from(&walk, zset, is_reverse ? zset_count(zset) - 1 - first : first, is_reverse);
    while (items->count < count && zset_walk_next(&walk, &member)) {
        struct listpack_value value = {.data = member.member.data, .size = member.member.size};
        add_item(sort, items, value);
    }
}

/* Which elements are wanted, of `count` in order. */
struct range {
    size_t first;
    size_t count;
};

static struct range limit_range(const struct sort *sort, size_t count)
{
    struct range range = {0, 0};
    size_t start = sort->limit_start < 0 ? 0 : (size_t)sort->limit_start;
    if (start >= count)
        return range;
    range.first = start;
    range.count = count - start;
    if (sort->limit_count >= 0 && (size_t)sort->limit_count < range.count)
        range.count = (size_t)sort->limit_count;
    return range;
}

/* Unsorted lists and sorted sets give only what is wanted: the range then begins at 0. */
static void load(struct sort *sort, struct items *items, struct value value, struct range *range)
{
    size_t count = value_count(value);
    size_t first = 0;
    if (sort->is_unsorted && value.type != VALUE_SET) {
        first = range->first;
        count = range->count;
        range->first = 0;
    }
    if (count == 0)
        return;
    items->all = mem_alloc(count * sizeof(*items->all));
    if (value.type == VALUE_LIST)
        load_list(sort, items, value, first, count);
    else if (value.type == VALUE_ZSET)
        load_zset(sort, items, value, first, count);
    else
        load_set(sort, items, value);
    assert(items->count == count);
}

/* -- keys that are named after elements -- */

/* A value that was found; the struct must not be copied. */
struct found {
    struct bytes text; /* data NULL: none */
    struct hash_item field;
    char scratch[NUMBER_I64_TEXT_MAX];
};

static bool is_element_itself(struct bytes pattern)
{
    return pattern.size == 1 && pattern.data[0] == '#';
}

/* The field of "key->field" behind the '*'; data NULL when there is none. */
static struct bytes pattern_field(struct bytes pattern, size_t star)
{
    const char *begin = pattern.data + star + 1;
    const char *arrow = memmem(begin, pattern.size - star - 1, "->", 2);
    if (!arrow || arrow + 2 == pattern.data + pattern.size)
        return bytes_of(NULL, 0);
    return bytes_of(arrow + 2, (size_t)(pattern.data + pattern.size - arrow) - 2);
}

static struct bytes text_of(const struct entry *entry, struct found *found)
{
    return entry_is_string(entry) ? entry_string(entry, found->scratch) : bytes_of(NULL, 0);
}

static struct bytes field_of(struct call *call, const struct entry *entry, struct bytes field,
                             struct found *found)
{
    if (entry_type(entry) != VALUE_HASH ||
        !hash_get(entry_value(entry), field, hash_now(call), &found->field))
        return bytes_of(NULL, 0);
    return found->field.value;
}

/* The value of the key that the pattern names with `element` in place of its first '*'. */
static void find_by_pattern(struct call *call, struct bytes pattern, struct listpack_value element,
                            struct found *found)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    char short_name[256];
    const char *star_at = memchr(pattern.data, '*', pattern.size);
    found->text = bytes_of(NULL, 0);
    if (!star_at)
        return;
    struct bytes middle = listpack_value_text(element, scratch);
    size_t star = (size_t)(star_at - pattern.data);
    struct bytes field = pattern_field(pattern, star);
    size_t tail = pattern.size - star - 1 - (field.data ? field.size + 2 : 0);
    size_t size = star + middle.size + tail;
    char *name = size <= sizeof(short_name) ? short_name : mem_alloc(size);
    memcpy(name, pattern.data, star);
    if (middle.size)
        memcpy(name + star, middle.data, middle.size);
    memcpy(name + star + middle.size, star_at + 1, tail);
    const struct entry *entry = db_find_read(call->db, key_of(bytes_of(name, size)));
    if (entry)
        found->text = field.data ? field_of(call, entry, field, found) : text_of(entry, found);
    if (name != short_name)
        mem_free(name);
}

/* -- weights -- */

/* As strtod reads a C string, all of it; numbers that are too small to be exact are refused. */
static bool read_number(struct bytes text, double *number)
{
    if (number_parse_double(text, number))
        return fpclassify(*number) != FP_SUBNORMAL;
    char short_copy[64];
    char *copy = text.size < sizeof(short_copy) ? short_copy : mem_alloc(text.size + 1);
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    char *end;
    errno = 0;
    *number = strtod(copy, &end);
    bool is_number = *end == '\0' && errno != ERANGE && !isnan(*number);
    if (copy != short_copy)
        mem_free(copy);
    return is_number;
}

static void weigh_by_key(struct sort *sort, struct items *items, struct item *item)
{
    struct found found;
    find_by_pattern(sort->call, sort->by, item->element, &found);
    if (sort->is_alpha)
        item->weight.text = found.text.data ? arena_copy(&items->arena, found.text) : found.text;
    else if (found.text.data && !read_number(found.text, &item->weight.score))
        sort->has_bad_number = true;
}

static void weigh(struct sort *sort, struct items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        struct item *item = &items->all[i];
        if (sort->by.data)
            weigh_by_key(sort, items, item);
        else if (sort->is_alpha)
            item->weight.text = bytes_of(item->element.data, item->element.size);
        else if (!item->element.data)
            item->weight.score = (double)item->element.integer;
        else if (!read_number(bytes_of(item->element.data, item->element.size),
                              &item->weight.score))
            sort->has_bad_number = true;
    }
}

/* -- order -- */

static int compare_numbers(const struct item *a, const struct item *b)
{
    if (a->weight.score != b->weight.score)
        return a->weight.score < b->weight.score ? -1 : 1;
    char scratch[2][NUMBER_I64_TEXT_MAX];
    return bytes_compare(listpack_value_text(a->element, scratch[0]),
                         listpack_value_text(b->element, scratch[1]));
}

/* Missing keys come first. */
static int compare_missing(const struct item *a, const struct item *b)
{
    return (a->weight.text.data != NULL) - (b->weight.text.data != NULL);
}

/* What is stored must be the same everywhere: no locale. */
static int compare_bytes(const struct item *a, const struct item *b)
{
    if (!a->weight.text.data || !b->weight.text.data)
        return compare_missing(a, b);
    return bytes_compare(a->weight.text, b->weight.text);
}

static int compare_locale(const struct item *a, const struct item *b)
{
    if (!a->weight.text.data || !b->weight.text.data)
        return compare_missing(a, b);
    return strcoll(a->weight.text.data, b->weight.text.data);
}

typedef int compare_items(const struct item *a, const struct item *b);

/* Merges two neighbouring runs of `from` into `to`; `sign` is -1 for descending order. */
static inline __attribute__((always_inline)) void merge(struct item *to, const struct item *from,
                                                        size_t middle, size_t end, int sign,
                                                        compare_items *compare)
{
    size_t a = 0;
    size_t b = middle;
    for (size_t i = 0; i < end; i++)
        to[i] = b >= end || (a < middle && compare(&from[a], &from[b]) * sign <= 0) ? from[a++]
                                                                                    : from[b++];
}

static inline __attribute__((always_inline)) void merge_sort(struct items *items, int sign,
                                                             compare_items *compare)
{
    size_t count = items->count;
    struct item *from = items->all;
    struct item *to = mem_alloc(count * sizeof(*to));
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += width * 2) {
            size_t left = count - at;
            merge(to + at, from + at, left < width ? left : width,
                  left < width * 2 ? left : width * 2, sign, compare);
        }
        struct item *swapped = from;
        from = to;
        to = swapped;
    }
    items->all = from;
    mem_free(to);
}

static void put_in_order(const struct sort *sort, struct items *items)
{
    int sign = sort->is_descending ? -1 : 1;
    if (items->count < 2)
        return;
    if (!sort->is_alpha)
        merge_sort(items, sign, compare_numbers);
    else if (sort->store)
        merge_sort(items, sign, compare_bytes);
    else
        merge_sort(items, sign, compare_locale);
}

/* -- results -- */

static void reply_element(struct reply *reply, struct listpack_value element)
{
    if (element.data)
        reply_bulk(reply, element.data, element.size);
    else
        reply_bulk_integer(reply, element.integer);
}

static void reply_items(struct sort *sort, const struct item *items, size_t count)
{
    struct reply *reply = sort->call->reply;
    reply_array(reply, (int64_t)count * (sort->gets ? sort->gets : 1));
    for (size_t i = 0; i < count; i++) {
        int at = sort->first_get;
        if (!sort->gets)
            reply_element(reply, items[i].element);
        for (int get = 0; get < sort->gets; get++) {
            struct bytes pattern = next_get(sort, &at);
            struct found found;
            if (is_element_itself(pattern)) {
                reply_element(reply, items[i].element);
                continue;
            }
            find_by_pattern(sort->call, pattern, items[i].element, &found);
            if (found.text.data)
                reply_bulk_bytes(reply, found.text);
            else
                reply_null(reply);
        }
    }
}

static void push(struct call *call, struct value *list, struct bytes text)
{
    list_expect(list, call->services->types, &text, 1);
    list_push(list, text, false);
}

static void push_item(struct sort *sort, struct value *list, const struct item *item)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    int at = sort->first_get;
    if (!sort->gets)
        push(sort->call, list, listpack_value_text(item->element, scratch));
    for (int get = 0; get < sort->gets; get++) {
        struct bytes pattern = next_get(sort, &at);
        struct found found;
        if (is_element_itself(pattern)) {
            push(sort->call, list, listpack_value_text(item->element, scratch));
            continue;
        }
        find_by_pattern(sort->call, pattern, item->element, &found);
        push(sort->call, list, found.text.data ? found.text : bytes_of("", 0));
    }
}

static void store_items(struct sort *sort, const struct item *items, size_t count)
{
    struct call *call = sort->call;
    struct key key = call_key(call, sort->store);
    if (count) {
        struct value list = list_create(NULL, 0);
        for (size_t i = 0; i < count; i++)
            push_item(sort, &list, &items[i]);
        size_t stored = list_count(list);
        db_set_value(call->db, key, list, 0);
        db_changed(call->db, key.name, KEY_CLASS_LIST, "sortstore");
        call->dirty += stored;
        reply_integer(call->reply, (int64_t)stored);
        return;
    }
    if (db_delete(call->db, key)) {
        db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
        call->dirty++;
    }
    reply_integer(call->reply, 0);
}

static void finish(struct sort *sort, struct items *items, struct range range)
{
    if (sort->has_bad_number)
        reply_error(sort->call->reply, "ERR One or more scores can't be converted into double");
    else if (sort->store)
        store_items(sort, items->all + range.first, range.count);
    else
        reply_items(sort, items->all + range.first, range.count);
}

static void sort_key(struct call *call, bool can_store)
{
    struct sort sort = {.call = call, .limit_count = -1};
    if (!parse_options(&sort, can_store))
        return;
    struct items items = {0};
    struct range range = {0, 0};
    const struct entry *entry = db_find_read(call->db, call_key(call, 1));
    if (entry) {
        enum value_type type = entry_type(entry);
        if (type != VALUE_LIST && type != VALUE_SET && type != VALUE_ZSET) {
            call_wrong_type(call);
            return;
        }
        if (sort.is_unsorted && sort.store && type == VALUE_SET) {
            /* What is stored must not depend on the order in memory. */
            sort.is_unsorted = false;
            sort.is_alpha = true;
            sort.by = bytes_of(NULL, 0);
        }
        range = limit_range(&sort, value_count(entry_value(entry)));
        load(&sort, &items, entry_value(entry), &range);
        if (!sort.is_unsorted) {
            weigh(&sort, &items);
            if (!sort.has_bad_number)
                put_in_order(&sort, &items);
        }
    }
    finish(&sort, &items, range);
    mem_free(items.all);
    arena_deinit(&items.arena);
}

static void sort_command(struct call *call)
{
    sort_key(call, true);
}

static void sort_ro_command(struct call *call)
{
    sort_key(call, false);
}

/* -- the table -- */

/* The key, and the last STORE: that one counts. */
static int find_sort_keys(const struct bytes *argv, int argc, int *positions, int positions_max)
{
    int store = 0;
    for (int i = 2; i < argc; i++) {
        if (bytes_is(argv[i], "limit"))
            i += 2;
        else if (bytes_is(argv[i], "get") || bytes_is(argv[i], "by"))
            i += 1;
        else if (bytes_is(argv[i], "store") && i + 1 < argc)
            store = ++i;
    }
    int count = store ? 2 : 1;
    if (argc < 2 || positions_max < count)
        return -1;
    positions[0] = 1;
    if (store)
        positions[1] = store;
    return count;
}

static int find_sort_ro_keys(const struct bytes *argv, int argc, int *positions, int positions_max)
{
    (void)argv;
    if (argc < 2 || positions_max < 1)
        return -1;
    positions[0] = 1;
    return 1;
}

#define KEY_UNKNOWN(key_flags)                                                                     \
    {                                                                                              \
        .flags = (key_flags), .begin = KEY_SPEC_UNKNOWN, .find = KEY_FIND_UNKNOWN                  \
    }

const struct command_spec sort_commands[] = {
    {.name = "sort",
     .handler = sort_command,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS,
     .categories = CATEGORY_SET | CATEGORY_SORTEDSET | CATEGORY_LIST | CATEGORY_DANGEROUS,
     .keys = {KEY_AT(KEY_RO | KEY_ACCESS, 1), KEY_UNKNOWN(KEY_RO | KEY_ACCESS),
              KEY_UNKNOWN(KEY_OW | KEY_UPDATE)},
     .find_keys = find_sort_keys},
    {.name = "sort_ro",
     .handler = sort_ro_command,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_MOVABLE_KEYS,
     .categories = CATEGORY_SET | CATEGORY_SORTEDSET | CATEGORY_LIST | CATEGORY_DANGEROUS,
     .keys = {KEY_AT(KEY_RO | KEY_ACCESS, 1), KEY_UNKNOWN(KEY_RO | KEY_ACCESS)},
     .find_keys = find_sort_ro_keys},
    {0},
};
