/* Lists: which encoding holds them, and the operations on both. Main thread, except list_free. */
#include "types/list_type.h"
#include "base/assert.h"

enum {
    /* Items whose room is computed when a list is made; more of them just grow it. */
    SIZED_ITEMS_MAX = 16
};

/* -- encodings -- */

struct value list_create(const struct bytes *items, size_t count)
{
    size_t size = LISTPACK_EMPTY_SIZE;
    for (size_t i = 0; i < count && i < SIZED_ITEMS_MAX; i++)
        size += items[i].size < LISTPACK_SIZE_MAX ? listpack_element_size(items[i]) : 0;
    /* What does not fit a listpack will not be pushed to this one. */
    bool is_small = size <= 64 * 1024;
    return (struct value){VALUE_LIST, ENCODING_LISTPACK, listpack_create(is_small ? size : 0)};
}

void list_expect(struct value *list, const struct type_settings *settings,
                 const struct bytes *items, size_t count)
{
    if (list->encoding != ENCODING_LISTPACK)
        return;
    struct listpack *pack = list_pack(*list);
    uint32_t present = listpack_count(pack);
    size_t size = listpack_size(pack);
    for (size_t i = 0; i < count; i++)
        size += items[i].size;
    if (!quicklist_exceeds(settings->list_max_listpack_size, size, present + count))
        return;
    struct quicklist *quick =
        quicklist_create(settings->list_max_listpack_size, settings->list_compress_depth);
    if (present)
        quicklist_append_pack(quick, pack);
    else
        listpack_free(pack);
    *list = (struct value){VALUE_LIST, ENCODING_QUICKLIST, quick};
}

/* Half of what a listpack may be, so that a list at the border does not change at each step. */
static bool fits_pack(const struct quicklist *quick, int64_t fill)
{
    if (fill < 0)
        return !quicklist_exceeds(fill, quick->head->size * 2, 0);
    return quick->count * 2 <= (size_t)(fill ? fill : 1);
}

void list_compact(struct value *list, const struct type_settings *settings)
{
    if (list->encoding != ENCODING_QUICKLIST)
        return;
    struct quicklist *quick = list_quick(*list);
    if (quick->nodes != 1 || quick->head->is_plain ||
        !fits_pack(quick, settings->list_max_listpack_size))
        return;
    struct listpack *pack = quicklist_take_pack(quick);
    quicklist_free(quick);
    *list = (struct value){VALUE_LIST, ENCODING_LISTPACK, pack};
}

/* -- operations -- */

void list_push(struct value *list, struct bytes text, bool at_head)
{
    if (list->encoding == ENCODING_QUICKLIST) {
        if (at_head)
            quicklist_push_head(list_quick(*list), text);
        else
            quicklist_push_tail(list_quick(*list), text);
        return;
    }
    struct listpack *pack = list_pack(*list);
    if (at_head)
        listpack_prepend(&pack, text);
    else
        listpack_append(&pack, text);
    list->pointer = pack;
}

bool list_replace(struct value *list, int64_t index, struct bytes text)
{
    if (list->encoding == ENCODING_QUICKLIST)
        return quicklist_replace(list_quick(*list), index, text);
    struct listpack *pack = list_pack(*list);
    uint32_t at = listpack_seek(pack, index);
    if (!at)
        return false;
    listpack_replace(&pack, at, text);
    list->pointer = pack;
    return true;
}

bool list_insert(struct value *list, struct bytes pivot, struct bytes text, bool after)
{
    if (list->encoding == ENCODING_QUICKLIST)
        return quicklist_insert(list_quick(*list), pivot, text, after);
    struct listpack *pack = list_pack(*list);
    uint32_t at = listpack_find(pack, listpack_first(pack), pivot, 0);
    if (!at)
        return false;
    if (after)
        at = listpack_next(pack, at);
    listpack_insert(&pack, at ? at : listpack_end(pack), text);
    list->pointer = pack;
    return true;
}

size_t list_delete_range(struct value *list, size_t start, size_t count)
{
    if (list->encoding == ENCODING_QUICKLIST)
        return quicklist_delete_range(list_quick(*list), start, count);
    struct listpack *pack = list_pack(*list);
    uint32_t at = start < UINT32_MAX ? listpack_seek(pack, (int64_t)start) : 0;
    if (!at)
        return 0;
    uint32_t limit = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    uint32_t removed = listpack_delete_range(&pack, at, limit);
    list->pointer = pack;
    return removed;
}

size_t list_remove(struct value *list, struct bytes text, size_t count, bool from_tail)
{
    if (list->encoding == ENCODING_QUICKLIST)
        return quicklist_remove(list_quick(*list), text, count, from_tail);
    struct listpack *pack = list_pack(*list);
    size_t removed = listpack_remove(&pack, text, count, from_tail);
    list->pointer = pack;
    return removed;
}

void list_iterator_init(struct quicklist_iterator *iterator, struct value list, int64_t index,
                        bool is_backward)
{
    if (list.encoding == ENCODING_QUICKLIST)
        quicklist_iterator_init(iterator, list_quick(list), index, is_backward);
    else
        quicklist_iterator_init_pack(iterator, list_pack(list), index, is_backward);
}

/* -- as a type -- */

static void list_free(struct value list)
{
    if (list.encoding == ENCODING_QUICKLIST)
        quicklist_free(list_quick(list));
    else
        listpack_free(list_pack(list));
}

static size_t list_memory(struct value list, size_t samples)
{
    return list.encoding == ENCODING_QUICKLIST ? quicklist_memory(list_quick(list), samples)
                                               : listpack_memory(list_pack(list));
}

static struct value list_copy(struct value list)
{
    struct value copy = list;
    if (list.encoding == ENCODING_QUICKLIST)
        copy.pointer = quicklist_copy(list_quick(list));
    else
        copy.pointer = listpack_copy(list_pack(list));
    return copy;
}

static size_t list_free_effort(struct value list)
{
    return list.encoding == ENCODING_QUICKLIST ? list_quick(list)->nodes : 1;
}

const struct value_ops list_value_ops = {.name = "list",
                                         .free = list_free,
                                         .memory = list_memory,
                                         .copy = list_copy,
                                         .free_effort = list_free_effort,
                                         .count = list_count};

void list_check(struct value list)
{
    assert(list.type == VALUE_LIST);
    if (list.encoding == ENCODING_QUICKLIST)
        quicklist_check(list_quick(list));
    else
        listpack_check(list_pack(list));
}
