/* Lists as values: one listpack while small, else a quicklist (OBJECT ENCODING says which).
 *
 * Functions that change take the value by pointer: its encoding and pointer may change, and the
 * owner stores them again. An empty list stays a value: its owner deletes the key. Texts given must
 * not point into the list. Indexes count from 0, or from -1 backwards. Main thread, except `free`.
 */
#ifndef TYPES_LIST_TYPE_H
#define TYPES_LIST_TYPE_H

#include "base/bytes.h"
#include "structures/quicklist.h"
#include "types/type_options.h"
#include "types/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empty, with room for these items, which will be pushed. */
struct value list_create(const struct bytes *items, size_t count);
/* To be called before items are pushed, inserted or set: leaves the listpack when it would become
 * too large with them. */
void list_expect(struct value *list, const struct type_settings *settings,
                 const struct bytes *items, size_t count);
/* To be called after removing or replacing: returns to a listpack when it is small enough. */
void list_compact(struct value *list, const struct type_settings *settings);

static inline struct listpack *list_pack(struct value list)
{
    assert(list.type == VALUE_LIST && list.encoding == ENCODING_LISTPACK);
    return (struct listpack *)list.pointer;
}

static inline struct quicklist *list_quick(struct value list)
{
    assert(list.type == VALUE_LIST && list.encoding == ENCODING_QUICKLIST);
    return (struct quicklist *)list.pointer;
}

static inline size_t list_count(struct value list)
{
    return list.encoding == ENCODING_LISTPACK ? listpack_count(list_pack(list))
                                              : quicklist_count(list_quick(list));
}

void list_push(struct value *list, struct bytes text, bool at_head);
/* False when there is no such index. */
bool list_replace(struct value *list, int64_t index, struct bytes text);
/* Beside the first element that reads as `pivot`; false when there is none. */
bool list_insert(struct value *list, struct bytes pivot, struct bytes text, bool after);
/* Removes up to `count` elements from `start` (0..) on; returns how many. */
size_t list_delete_range(struct value *list, size_t start, size_t count);
/* Removes up to `count` elements that read as `text`, from the head or the tail on. */
size_t list_remove(struct value *list, struct bytes text, size_t count, bool from_tail);

/* To be walked with quicklist_iterate, and ended with quicklist_iterator_deinit. */
void list_iterator_init(struct quicklist_iterator *iterator, struct value list, int64_t index,
                        bool is_backward);

/* Aborts when an invariant does not hold. */
void list_check(struct value list);

/* For the table of types. */
extern const struct value_ops list_value_ops;

#endif
