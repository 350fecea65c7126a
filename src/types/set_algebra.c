/* Set algebra over all encodings. Main thread. */
#include "types/set_algebra.h"
#include "base/assert.h"
#include "base/memory.h"
#include <stdlib.h>

static size_t count_of(struct value set)
{
    return set.pointer ? set_count(set) : 0;
}

/* Smallest first. */
static int compare_counts(const void *a, const void *b)
{
    size_t x = count_of(*(const struct value *)a);
    size_t y = count_of(*(const struct value *)b);
    return x < y ? -1 : x > y;
}

static int compare_counts_descending(const void *a, const void *b)
{
    return compare_counts(b, a);
}

static struct value *sorted(const struct value *sets, size_t count,
                            int (*compare)(const void *a, const void *b))
{
    struct value *copy = mem_alloc((count + 1) * sizeof(*copy));
    memcpy(copy, sets, count * sizeof(*copy));
    qsort(copy, count, sizeof(*copy), compare);
    return copy;
}

/* -- intersection -- */

static bool is_in_all(const struct value *sets, size_t count, struct value but,
                      struct listpack_value member)
{
    for (size_t i = 0; i < count; i++)
        if (sets[i].pointer != but.pointer && !set_contains_value(sets[i], member))
            return false;
    return true;
}

void set_intersect(const struct value *sets, size_t count, set_visitor *visit, void *context)
{
    struct value *by_count = sorted(sets, count, compare_counts);
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, by_count[0]);
    while (set_iterate(&iterator, &member))
        if (is_in_all(by_count + 1, count - 1, by_count[0], member) && !visit(context, member))
            break;
    mem_free(by_count);
}

/* -- difference -- */

static bool is_in_any(const struct value *sets, size_t count, struct listpack_value member)
{
    for (size_t i = 0; i < count; i++)
        if (sets[i].pointer && set_contains_value(sets[i], member))
            return true;
    return false;
}

/* Looks each member of the first up in the others, the largest first: it will have it soonest. */
static void difference_by_lookup(const struct value *sets, size_t count, set_visitor *visit,
                                 void *context)
{
    struct value *others = sorted(sets + 1, count - 1, compare_counts_descending);
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, sets[0]);
    while (set_iterate(&iterator, &member))
        if (!is_in_any(others, count - 1, member) && !visit(context, member))
            break;
    mem_free(others);
}

static void remove_all(struct value *set, struct value others)
{
    struct set_iterator iterator;
    struct listpack_value member;
    char scratch[NUMBER_I64_TEXT_MAX];
    set_iterator_init(&iterator, others);
    while (set_iterate(&iterator, &member))
        set_remove(set, listpack_value_text(member, scratch));
}

/* Removes the members of the others from a copy of the first. */
static void difference_by_removal(const struct value *sets, size_t count, set_visitor *visit,
                                  void *context)
{
    struct value left = value_copy(sets[0]);
    for (size_t i = 1; i < count && set_count(left); i++)
        if (sets[i].pointer)
            remove_all(&left, sets[i]);
    struct set_iterator iterator;
    struct listpack_value member;
    set_iterator_init(&iterator, left);
    while (set_iterate(&iterator, &member) && visit(context, member))
        continue;
    value_free(left);
}

void set_difference(const struct value *sets, size_t count, set_visitor *visit, void *context)
{
    if (count_of(sets[0]) == 0)
        return;
    size_t lookup_work = 0;
    size_t removal_work = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && sets[i].pointer == sets[0].pointer)
            return;
        if (!sets[i].pointer)
            continue;
        lookup_work += count_of(sets[0]);
        removal_work += count_of(sets[i]);
    }
    /* A lookup costs half of what copying and removing costs. */
    if (lookup_work / 2 <= removal_work)
        difference_by_lookup(sets, count, visit, context);
    else
        difference_by_removal(sets, count, visit, context);
}

/* -- union -- */

struct value set_create_for_union(const struct value *sets, size_t count)
{
    size_t largest = 0;
    bool is_integers = true;
    for (size_t i = 0; i < count; i++) {
        size_t members = count_of(sets[i]);
        if (members && sets[i].encoding != ENCODING_INTSET)
            is_integers = false;
        if (members > largest)
            largest = members;
    }
    return is_integers ? set_create_result() : set_create_table(largest);
}

void set_unite(struct value *result, const struct type_settings *settings, const struct value *sets,
               size_t count)
{
    struct set_iterator iterator;
    struct listpack_value member;
    for (size_t i = 0; i < count; i++) {
        if (!sets[i].pointer)
            continue;
        set_iterator_init(&iterator, sets[i]);
        while (set_iterate(&iterator, &member))
            set_add_value(result, settings, member);
    }
}
