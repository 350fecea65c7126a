/* Sets as values: integers in order (intset) or a listpack while small, else a table (OBJECT
 * ENCODING: hashtable).
 *
 * Functions that change take the value by pointer: its encoding and pointer may change, and the
 * owner stores them again. An empty set stays a value: its owner deletes the key. Members are seen
 * as struct listpack_value: text, or the integer that it is the text of. Algebra is in
 * set_algebra.h, drawing at random in set_random.h. Main thread, except `free`.
 */
#ifndef TYPES_SET_TYPE_H
#define TYPES_SET_TYPE_H

#include "base/bytes.h"
#include "structures/dict.h"
#include "structures/intset.h"
#include "structures/listpack.h"
#include "types/set_member.h"
#include "types/type_options.h"
#include "types/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empty, in the encoding for about `count` members of which `first` is one. */
struct value set_create(const struct type_settings *settings, struct bytes first, size_t count);
/* Empty, for results of unknown contents: becomes what it must be. */
struct value set_create_result(void);
/* A table with room for `count` members. */
struct value set_create_table(size_t count);
/* To be called before `count` members are added: leaves an encoding that would not do. */
void set_expect(struct value *set, const struct type_settings *settings, size_t count);
/* Gives back what growing left unused. */
void set_shrink(struct value *set);

static inline struct intset *set_ints(struct value set)
{
    assert(set.type == VALUE_SET && set.encoding == ENCODING_INTSET);
    return (struct intset *)set.pointer;
}

static inline struct listpack *set_pack(struct value set)
{
    assert(set.type == VALUE_SET && set.encoding == ENCODING_LISTPACK);
    return (struct listpack *)set.pointer;
}

/* Of set members as in set_member.h. */
static inline struct dict *set_table(struct value set)
{
    assert(set.type == VALUE_SET && set.encoding == ENCODING_HASHTABLE);
    return (struct dict *)set.pointer;
}

size_t set_count(struct value set);
bool set_contains(struct value set, struct bytes member);
bool set_contains_value(struct value set, struct listpack_value member);
/* False when it was there already. */
bool set_add(struct value *set, const struct type_settings *settings, struct bytes member);
bool set_add_value(struct value *set, const struct type_settings *settings,
                   struct listpack_value member);
/* False when it was not there. `member` must not point into the set. */
bool set_remove(struct value *set, struct bytes member);

/* -- walking; the set must not change meanwhile -- */

struct set_iterator {
    struct value set;
    uint32_t at;                      /* index of an intset, position in a listpack */
    unsigned slot;                    /* in bucket */
    unsigned table;                   /* next_bucket's */
    size_t next_bucket;               /* of the table */
    const struct dict_bucket *bucket; /* being walked */
    char scratch[SET_MEMBER_SCRATCH];
};

void set_iterator_init(struct set_iterator *iterator, struct value set);
/* The next member; its data is valid until the next call. False at the end. */
bool set_iterate(struct set_iterator *iterator, struct listpack_value *member);

/* Aborts when an invariant does not hold. */
void set_check(struct value set);

/* For the table of types. */
extern const struct value_ops set_value_ops;

#endif
