/* Intersection, union and difference of sets. Members are given to `visit`, which returns false to
 * end the walk, or added to a result. A value without a pointer is an absent set. Nothing may
 * change the sets meanwhile. Main thread. */
#ifndef TYPES_SET_ALGEBRA_H
#define TYPES_SET_ALGEBRA_H

#include "types/set_type.h"

typedef bool set_visitor(void *context, struct listpack_value member);

/* What all sets hold (count >= 1, none absent). */
void set_intersect(const struct value *sets, size_t count, set_visitor *visit, void *context);
/* What the first set holds and no other; chooses the cheaper way. */
void set_difference(const struct value *sets, size_t count, set_visitor *visit, void *context);
/* Adds what any set holds to `result`. */
void set_unite(struct value *result, const struct type_settings *settings, const struct value *sets,
               size_t count);
/* An empty value in which a union of these sets is built fast, whatever its final encoding. */
struct value set_create_for_union(const struct value *sets, size_t count);

#endif
