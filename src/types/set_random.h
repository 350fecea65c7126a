/* Members of a set drawn at random. Main thread. */
#ifndef TYPES_SET_RANDOM_H
#define TYPES_SET_RANDOM_H

#include "types/set_type.h"

/* A member, each equally likely; text of short ones is in `scratch`. The set must not be empty. */
struct listpack_value set_random(struct value set, char scratch[SET_MEMBER_SCRATCH]);

/* Calls visit for `count` different members (count <= set_count); each choice is equally likely. */
void set_random_distinct(struct value set, size_t count,
                         void (*visit)(void *context, struct listpack_value member), void *context);

/* Removes `count` different members (count <= set_count); each is shown to `visit` first. */
void set_pop_random(struct value *set, size_t count,
                    void (*visit)(void *context, struct listpack_value member), void *context);

#endif
