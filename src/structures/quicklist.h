/* A long list: a doubly linked chain of listpacks, each of a bounded size.
 *
 *   head ─▶ [ listpack │ n ] ⇄ [ compressed │ n ] ⇄ [ plain, one large element ] ⇄ … ◀─ tail
 *
 * `fill` bounds a node: -1..-5 are 4, 8, 16, 32, 64 KB, a positive number is that many elements
 * (and 8 KB). An element that is larger than a node may be has a plain node to itself. With a depth
 * d > 0, only d nodes from either end are kept as they are, those between are compressed (LZF)
 * where that gains something. Reading never changes a node; an iterator decompresses into room of
 * its own. Texts given must not point into the list. One owner, any thread.
 */
#ifndef STRUCTURES_QUICKLIST_H
#define STRUCTURES_QUICKLIST_H

#include "structures/listpack.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quicklist_node {
    struct quicklist_node *previous;
    struct quicklist_node *next;
    void *data;               /* struct listpack, plain bytes, or LZF of either */
    size_t size;              /* of the listpack or the plain element, uncompressed */
    uint32_t compressed_size; /* 0: not compressed */
    uint32_t count : 31;      /* elements; 1 when plain */
    uint32_t is_plain : 1;
};

struct quicklist {
    struct quicklist_node *head;
    struct quicklist_node *tail;
    size_t count; /* elements of all nodes */
    size_t nodes;
    int32_t fill;
    uint32_t depth;
};

/* -- limits of a node -- */

/* True when a node of so many bytes and elements is larger than `fill` says. */
bool quicklist_exceeds(int64_t fill, size_t size, size_t count);

/* DEBUG QUICKLIST-PACKED-THRESHOLD, for all lists: elements from this size on get a node to
 * themselves; 0: those that are larger than a node may be. Main thread. */
void quicklist_set_packed_threshold(size_t size);

/* -- life -- */

struct quicklist *quicklist_create(int64_t fill, int64_t depth);
void quicklist_free(struct quicklist *list);
struct quicklist *quicklist_copy(const struct quicklist *list);
/* Appends a node of these elements; takes the listpack over, which must not be empty. */
void quicklist_append_pack(struct quicklist *list, struct listpack *pack);
/* Appends a plain node of this element (loading). */
void quicklist_append_plain(struct quicklist *list, struct bytes text);
/* The listpack of a list of one node that is not plain; the list is left without it, and is to be
 * freed. */
struct listpack *quicklist_take_pack(struct quicklist *list);

static inline size_t quicklist_count(const struct quicklist *list)
{
    return list->count;
}

/* -- changing; indexes count from 0, or from -1 backwards -- */

void quicklist_push_head(struct quicklist *list, struct bytes text);
void quicklist_push_tail(struct quicklist *list, struct bytes text);
/* False when there is no such index. */
bool quicklist_replace(struct quicklist *list, int64_t index, struct bytes text);
/* Beside the first element that reads as `pivot`; false when there is none. */
bool quicklist_insert(struct quicklist *list, struct bytes pivot, struct bytes text, bool after);
/* Before the element at index (0..count). */
void quicklist_insert_at(struct quicklist *list, size_t index, struct bytes text);
/* Removes up to `count` elements from `start` (0..) on; returns how many. */
size_t quicklist_delete_range(struct quicklist *list, size_t start, size_t count);
/* Removes up to `count` elements that read as `text`, from the head or the tail on. */
size_t quicklist_remove(struct quicklist *list, struct bytes text, size_t count, bool from_tail);

/* -- reading -- */

/* Over a quicklist or a single listpack. */
struct quicklist_iterator {
    const struct listpack *pack; /* being walked; NULL: the node is plain */
    uint32_t at;                 /* in pack; 0: go to the next node */
    bool is_backward;
    const struct quicklist_node *node; /* the next to be opened */
    void *scratch;                     /* what a compressed node unpacks to */
};

/* Begins at an index (0.., or from -1 backwards); out of range is an iterator at its end. */
void quicklist_iterator_init(struct quicklist_iterator *iterator, const struct quicklist *list,
                             int64_t index, bool is_backward);
void quicklist_iterator_init_pack(struct quicklist_iterator *iterator, const struct listpack *pack,
                                  int64_t index, bool is_backward);
void quicklist_iterator_deinit(struct quicklist_iterator *iterator);
/* Opens the next node; a plain one's element is *value. False at the end. */
bool quicklist_iterator_advance(struct quicklist_iterator *iterator, struct listpack_value *value);

/* The next element; its data is valid until the next call. False at the end. */
static inline bool quicklist_iterate(struct quicklist_iterator *iterator,
                                     struct listpack_value *value)
{
    if (__builtin_expect(iterator->at == 0, 0)) {
        if (!quicklist_iterator_advance(iterator, value))
            return false;
        if (!iterator->pack)
            return true;
    }
    *value = listpack_get(iterator->pack, iterator->at);
    iterator->at = iterator->is_backward ? listpack_previous(iterator->pack, iterator->at)
                                         : listpack_next(iterator->pack, iterator->at);
    return true;
}

/* -- figures -- */

/* Bytes of all nodes, estimated from the first `samples` of them (0: all). */
size_t quicklist_memory(const struct quicklist *list, size_t samples);
/* Aborts when an invariant does not hold. */
void quicklist_check(const struct quicklist *list);

#endif
