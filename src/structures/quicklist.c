/* Quicklists: nodes, pushing, inserting, removing. Reading, figures and the checker are in
 * quicklist_read.c. One owner, any thread.
 *
 * Invariants (quicklist_check): no node is empty; a plain node's element is too large for a
 * listpack at the time it came; compressed are only nodes further than `depth` from both ends.
 * Functions that change a node unpack it first (open_node) and settle the list at their end.
 */
#include "structures/quicklist.h"
#include "base/assert.h"
#include "base/memory.h"
#include "structures/quicklist_internal.h"
#include <liblzf/lzf.h>

enum {
    /* A node bounded by a number of elements is bounded by this too. */
    SAFE_SIZE_MAX = 8192,
    FILL_MAX = 32767,
    DEPTH_MAX = 65535,
    /* What an element is taken to need beside its text. */
    ELEMENT_OVERHEAD = 8,
    /* Smaller nodes are not compressed, nor when fewer bytes are saved. */
    COMPRESS_SIZE_MIN = 48,
    COMPRESS_GAIN_MIN = 8
};

/* -- limits -- */

static size_t size_limit(int64_t fill)
{
    static const size_t sizes[] = {4096, 8192, 16384, 32768, 65536};
    return fill < -5 ? sizes[4] : sizes[-fill - 1];
}

bool quicklist_exceeds(int64_t fill, size_t size, size_t count)
{
    if (fill < 0)
        return size > size_limit(fill);
    return size > SAFE_SIZE_MAX || count > (fill == 0 ? 1 : (size_t)fill);
}

/* Process-wide, a tool of tests: elements from this size on are large; 0: as `fill` says. Main. */
static size_t packed_threshold;

void quicklist_set_packed_threshold(size_t size)
{
    packed_threshold = size;
}

/* True when the element gets a node to itself. */
static bool is_large(const struct quicklist *list, size_t size)
{
    if (__builtin_expect(packed_threshold != 0, 0))
        return size >= packed_threshold || size > LISTPACK_SIZE_MAX / 2;
    return size > (list->fill < 0 ? size_limit(list->fill) : (size_t)SAFE_SIZE_MAX);
}

static bool has_room(const struct quicklist *list, const struct quicklist_node *node, size_t size)
{
    return node && !node->is_plain &&
           !quicklist_exceeds(list->fill, node->size + size + ELEMENT_OVERHEAD, node->count + 1u);
}

/* -- nodes -- */

static struct listpack *pack_of(const struct quicklist_node *node)
{
    assert(!node->is_plain && !node->compressed_size);
    return node->data;
}

/* After the listpack changed. */
static void set_pack(struct quicklist_node *node, struct listpack *pack)
{
    node->data = pack;
    node->size = listpack_size(pack);
}

static struct quicklist_node *node_of_pack(struct listpack *pack, uint32_t count)
{
    struct quicklist_node *node = mem_calloc(1, sizeof(*node));
    node->count = count & 0x7fffffff;
    set_pack(node, pack);
    return node;
}

static struct quicklist_node *node_of_text(const struct quicklist *list, struct bytes text)
{
    if (is_large(list, text.size)) {
        struct quicklist_node *node = mem_calloc(1, sizeof(*node));
        node->count = 1;
        node->is_plain = 1;
        node->size = text.size;
        node->data = mem_dup(text.data, text.size);
        return node;
    }
    struct listpack *pack = listpack_create(0);
    listpack_append(&pack, text);
    return node_of_pack(pack, 1);
}

static void node_free(struct quicklist_node *node)
{
    mem_free(node->data);
    mem_free(node);
}

/* Puts the node behind `previous`, NULL: at the head. */
static void link_node(struct quicklist *list, struct quicklist_node *previous,
                      struct quicklist_node *node)
{
    node->previous = previous;
    node->next = previous ? previous->next : list->head;
    *(previous ? &previous->next : &list->head) = node;
    *(node->next ? &node->next->previous : &list->tail) = node;
    list->nodes++;
    list->count += node->count;
}

static void unlink_node(struct quicklist *list, struct quicklist_node *node)
{
    *(node->previous ? &node->previous->next : &list->head) = node->next;
    *(node->next ? &node->next->previous : &list->tail) = node->previous;
    list->nodes--;
    list->count -= node->count;
    node_free(node);
}

/* -- compression -- */

void quicklist_unpack(const struct quicklist_node *node, void *room)
{
    unsigned size = lzf_decompress(node->data, node->compressed_size, room, (unsigned)node->size);
    assert(size == node->size);
}

static void open_node(struct quicklist_node *node)
{
    if (!node->compressed_size)
        return;
    void *room = mem_alloc(node->size);
    quicklist_unpack(node, room);
    mem_free(node->data);
    node->data = room;
    node->compressed_size = 0;
}

static void compress_node(struct quicklist_node *node)
{
    if (node->compressed_size || node->size < COMPRESS_SIZE_MIN || node->size > UINT32_MAX)
        return;
    unsigned room = (unsigned)node->size - COMPRESS_GAIN_MIN;
    void *data = mem_try_alloc(room);
    if (!data)
        return;
    unsigned size = lzf_compress(node->data, (unsigned)node->size, data, room);
    if (size == 0) {
        mem_free(data);
        return;
    }
    mem_free(node->data);
    node->data = mem_realloc(data, size);
    node->compressed_size = size;
}

/* Opens the nodes that lie at the ends now and compresses those that have just left them; `touched`
 * (may be NULL) is a node that may be anywhere. */
static void settle(struct quicklist *list, struct quicklist_node *touched)
{
    if (list->depth == 0)
        return;
    struct quicklist_node *front = list->head;
    struct quicklist_node *back = list->tail;
    bool is_touched_inside = touched != NULL;
    size_t inside = list->nodes > 2 * (size_t)list->depth ? list->nodes - 2 * list->depth : 0;
    for (uint32_t i = 0; i < list->depth && front; i++) {
        open_node(front);
        open_node(back);
        is_touched_inside = is_touched_inside && front != touched && back != touched;
        front = front->next;
        back = back->previous;
    }
    if (inside == 0)
        return;
    compress_node(front);
    compress_node(back);
    if (is_touched_inside)
        compress_node(touched);
}

/* -- life -- */

struct quicklist *quicklist_create(int64_t fill, int64_t depth)
{
    struct quicklist *list = mem_calloc(1, sizeof(*list));
    list->fill = (int32_t)(fill > FILL_MAX ? FILL_MAX : fill < -5 ? -5 : fill);
    list->depth = (uint32_t)(depth > DEPTH_MAX ? DEPTH_MAX : depth);
    return list;
}

void quicklist_free(struct quicklist *list)
{
    for (struct quicklist_node *node = list->head; node;) {
        struct quicklist_node *next = node->next;
        node_free(node);
        node = next;
    }
    mem_free(list);
}

struct quicklist *quicklist_copy(const struct quicklist *list)
{
    struct quicklist *copy = quicklist_create(list->fill, list->depth);
    for (const struct quicklist_node *node = list->head; node; node = node->next) {
        struct quicklist_node *same = mem_dup(node, sizeof(*node));
        same->data =
            mem_dup(node->data, node->compressed_size ? node->compressed_size : node->size);
        link_node(copy, copy->tail, same);
    }
    return copy;
}

void quicklist_append_pack(struct quicklist *list, struct listpack *pack)
{
    uint32_t count = listpack_count(pack);
    assert(count > 0);
    link_node(list, list->tail, node_of_pack(pack, count));
    settle(list, NULL);
}

void quicklist_append_plain(struct quicklist *list, struct bytes text)
{
    struct quicklist_node *node = mem_calloc(1, sizeof(*node));
    node->count = 1;
    node->is_plain = 1;
    node->size = text.size;
    node->data = mem_dup(text.data, text.size);
    link_node(list, list->tail, node);
    settle(list, NULL);
}

struct listpack *quicklist_take_pack(struct quicklist *list)
{
    assert(list->nodes == 1);
    open_node(list->head);
    struct listpack *pack = pack_of(list->head);
    list->head->data = NULL;
    unlink_node(list, list->head);
    return pack;
}

/* -- pushing -- */

void quicklist_push_head(struct quicklist *list, struct bytes text)
{
    struct quicklist_node *node = list->head;
    if (has_room(list, node, text.size) && !is_large(list, text.size)) {
        struct listpack *pack = pack_of(node);
        listpack_prepend(&pack, text);
        set_pack(node, pack);
        node->count++;
        list->count++;
        return;
    }
    link_node(list, NULL, node_of_text(list, text));
    settle(list, NULL);
}

void quicklist_push_tail(struct quicklist *list, struct bytes text)
{
    struct quicklist_node *node = list->tail;
    if (has_room(list, node, text.size) && !is_large(list, text.size)) {
        struct listpack *pack = pack_of(node);
        listpack_append(&pack, text);
        set_pack(node, pack);
        node->count++;
        list->count++;
        return;
    }
    link_node(list, list->tail, node_of_text(list, text));
    settle(list, NULL);
}

/* -- inserting -- */

/* The node that holds element `index`, which becomes the index in the node. */
struct quicklist_node *quicklist_node_at(const struct quicklist *list, size_t *index)
{
    if (*index >= list->count)
        return NULL;
    struct quicklist_node *node;
    if (*index < list->count / 2) {
        for (node = list->head; *index >= node->count; node = node->next)
            *index -= node->count;
        return node;
    }
    size_t behind = list->count - 1 - *index;
    for (node = list->tail; behind >= node->count; node = node->previous)
        behind -= node->count;
    *index = node->count - 1 - behind;
    return node;
}

static void insert_into_node(struct quicklist *list, struct quicklist_node *node, uint32_t index,
                             struct bytes text)
{
    open_node(node);
    struct listpack *pack = pack_of(node);
    listpack_insert(&pack, index == node->count ? listpack_end(pack) : listpack_seek(pack, index),
                    text);
    set_pack(node, pack);
    node->count++;
    list->count++;
    settle(list, node);
}

/* Cuts an opened node in two before element `index`; the second half becomes its successor. */
static void split_node(struct quicklist *list, struct quicklist_node *node, uint32_t index)
{
    assert(index > 0 && index < node->count);
    struct listpack *pack = pack_of(node);
    uint32_t moved = node->count - index;
    struct listpack *tail = listpack_split(&pack, listpack_seek(pack, index), moved);
    set_pack(node, pack);
    node->count = index & 0x7fffffff;
    list->count -= moved;
    link_node(list, node, node_of_pack(tail, moved));
}

/* Joins the node with its successor when one node has room for both. */
static void merge_with_next(struct quicklist *list, struct quicklist_node *node)
{
    struct quicklist_node *next = node ? node->next : NULL;
    if (!next || node->is_plain || next->is_plain ||
        quicklist_exceeds(list->fill, node->size + next->size - LISTPACK_EMPTY_SIZE,
                          (size_t)node->count + next->count))
        return;
    open_node(node);
    open_node(next);
    struct listpack *pack = pack_of(node);
    listpack_append_pack(&pack, pack_of(next));
    set_pack(node, pack);
    uint32_t moved = next->count;
    unlink_node(list, next);
    node->count += moved & 0x7fffffff;
    list->count += moved;
}

/* Before element `index` of the node (its count: behind the last). */
static void insert_at_node(struct quicklist *list, struct quicklist_node *node, uint32_t index,
                           struct bytes text)
{
    bool large = is_large(list, text.size);
    if (!large && has_room(list, node, text.size)) {
        insert_into_node(list, node, index, text);
        return;
    }
    if (!large && index == node->count && has_room(list, node->next, text.size)) {
        insert_into_node(list, node->next, 0, text);
        return;
    }
    if (!large && index == 0 && has_room(list, node->previous, text.size)) {
        insert_into_node(list, node->previous, node->previous->count, text);
        return;
    }
    if (index > 0 && index < node->count) {
        open_node(node);
        split_node(list, node, index);
    }
    struct quicklist_node *added = node_of_text(list, text);
    link_node(list, index == 0 ? node->previous : node, added);
    /* The halves of a split may have room for the new one. */
    struct quicklist_node *next = added->next;
    settle(list, added);
    settle(list, next);
    struct quicklist_node *previous = added->previous;
    merge_with_next(list, added);
    settle(list, added);
    if (previous) {
        merge_with_next(list, previous);
        settle(list, previous);
    }
}

void quicklist_insert_at(struct quicklist *list, size_t index, struct bytes text)
{
    assert(index <= list->count);
    if (index == 0) {
        quicklist_push_head(list, text);
        return;
    }
    if (index == list->count) {
        quicklist_push_tail(list, text);
        return;
    }
    struct quicklist_node *node = quicklist_node_at(list, &index);
    insert_at_node(list, node, (uint32_t)index, text);
}

bool quicklist_insert(struct quicklist *list, struct bytes pivot, struct bytes text, bool after)
{
    struct quicklist_iterator iterator;
    struct listpack_value value;
    size_t index = 0;
    bool is_found = false;
    int64_t integer = 0;
    bool is_integer = number_parse_i64(pivot, &integer);
    quicklist_iterator_init(&iterator, list, 0, false);
    for (; !is_found && quicklist_iterate(&iterator, &value); index++)
        is_found = value.data ? bytes_equal(bytes_of(value.data, value.size), pivot)
                              : is_integer && value.integer == integer;
    quicklist_iterator_deinit(&iterator);
    if (is_found)
        quicklist_insert_at(list, after ? index : index - 1, text);
    return is_found;
}

bool quicklist_replace(struct quicklist *list, int64_t index, struct bytes text)
{
    size_t at = (size_t)(index < 0 ? index + (int64_t)list->count : index);
    size_t in_node = at;
    struct quicklist_node *node = quicklist_node_at(list, &in_node);
    if (!node)
        return false;
    if (!is_large(list, text.size) && has_room(list, node, text.size)) {
        open_node(node);
        struct listpack *pack = pack_of(node);
        listpack_replace(&pack, listpack_seek(pack, (int64_t)in_node), text);
        set_pack(node, pack);
        settle(list, node);
        return true;
    }
    quicklist_insert_at(list, at, text);
    quicklist_delete_range(list, at + 1, 1);
    return true;
}

/* -- removing -- */

static void delete_in_node(struct quicklist *list, struct quicklist_node *node, uint32_t index,
                           uint32_t count)
{
    open_node(node);
    struct listpack *pack = pack_of(node);
    uint32_t at = index == 0 ? LISTPACK_HEADER_SIZE : listpack_seek(pack, index);
    uint32_t removed = listpack_delete_range(&pack, at, count);
    assert(removed == count);
    set_pack(node, pack);
    node->count -= count & 0x7fffffff;
    list->count -= count;
}

size_t quicklist_delete_range(struct quicklist *list, size_t start, size_t count)
{
    size_t removed = 0;
    size_t index = start;
    struct quicklist_node *node = quicklist_node_at(list, &index);
    struct quicklist_node *first = node;
    if (count > list->count - start)
        count = list->count - start;
    while (node && removed < count) {
        struct quicklist_node *next = node->next;
        uint32_t here = node->count - (uint32_t)index;
        if (here > count - removed)
            here = (uint32_t)(count - removed);
        if (here == node->count) {
            if (node == first)
                first = NULL;
            unlink_node(list, node);
        } else {
            delete_in_node(list, node, (uint32_t)index, here);
            if (node != first)
                settle(list, node);
        }
        removed += here;
        index = 0;
        node = next;
    }
    settle(list, first);
    return removed;
}

/* Removes what matches in one node; true when the node is gone. */
static bool remove_in_node(struct quicklist *list, struct quicklist_node *node, struct bytes text,
                           size_t *left, bool from_tail)
{
    if (node->is_plain) {
        open_node(node);
        if (!bytes_equal(bytes_of(node->data, node->size), text)) {
            settle(list, node);
            return false;
        }
        --*left;
        unlink_node(list, node);
        return true;
    }
    open_node(node);
    struct listpack *pack = pack_of(node);
    uint32_t removed = listpack_remove(&pack, text, *left, from_tail);
    *left -= removed;
    set_pack(node, pack);
    node->count -= removed & 0x7fffffff;
    list->count -= removed;
    if (node->count == 0) {
        unlink_node(list, node);
        return true;
    }
    settle(list, node);
    return false;
}

size_t quicklist_remove(struct quicklist *list, struct bytes text, size_t count, bool from_tail)
{
    size_t left = count;
    struct quicklist_node *node = from_tail ? list->tail : list->head;
    while (node && left) {
        struct quicklist_node *next = from_tail ? node->previous : node->next;
        if (remove_in_node(list, node, text, &left, from_tail))
            settle(list, NULL);
        node = next;
    }
    return count - left;
}
