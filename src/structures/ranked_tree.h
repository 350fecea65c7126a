/* Elements in order of score and then of member, each found by its rank: the order behind large
 * sorted sets (OBJECT ENCODING calls it skiplist).
 *
 * A counted B+ tree. An element is one allocation with score and member; leaves hold pointers to
 * elements and are chained; an inner node holds, for each child, the number of elements below it
 * and the first of them with its score, so that a descent reads few members. A boundary between
 * two elements is found in O(log n) together with its rank: counting a range is a subtraction.
 *
 * The owner of the tree owns the elements and must not change score or member of one that is in
 * the tree (ranked_tree_set_score does). One owner, any thread.
 */
#ifndef STRUCTURES_RANKED_TREE_H
#define STRUCTURES_RANKED_TREE_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Made by ranked_element_create, freed with mem_free. */
struct ranked_element {
    double score;
    uint32_t short_size; /* of the member; UINT32_MAX: a 64-bit size stands before it */
    char body[];
};

struct ranked_tree {
    void *root;      /* NULL when empty */
    unsigned height; /* 0: the root is a leaf */
    size_t count;
    size_t leaves;
    size_t inners;
};

/* A place between two elements. */
struct ranked_bound {
    enum { RANKED_BY_SCORE, RANKED_BY_MEMBER, RANKED_BY_BOTH } by;
    double score;
    struct bytes member;
    bool is_after; /* behind the elements that are equal to it, else before them */
};

/* Where an element stands. Valid until the next change of the tree. */
struct ranked_cursor {
    const void *leaf; /* NULL: no element */
    uint32_t index;
};

struct ranked_element *ranked_element_create(double score, struct bytes member);

static inline struct bytes ranked_element_member(const struct ranked_element *element)
{
    if (__builtin_expect(element->short_size == UINT32_MAX, 0)) {
        uint64_t size;
        memcpy(&size, element->body, sizeof(size));
        return bytes_of(element->body + sizeof(size), size);
    }
    return bytes_of(element->body, element->short_size);
}

void ranked_tree_init(struct ranked_tree *tree);
/* Frees nodes and elements. */
void ranked_tree_deinit(struct ranked_tree *tree);

/* Score (not NaN) and member must be absent as a pair; the tree refers to the element from now on.
 */
void ranked_tree_insert(struct ranked_tree *tree, struct ranked_element *element);
/* The element must be in the tree; it is not freed. */
void ranked_tree_remove(struct ranked_tree *tree, struct ranked_element *element);
/* Gives an element of the tree another score (not NaN). */
void ranked_tree_set_score(struct ranked_tree *tree, struct ranked_element *element, double score);

/* How many elements are before the boundary: the rank of the first one behind it. */
size_t ranked_tree_rank_of_bound(const struct ranked_tree *tree, const struct ranked_bound *bound);
/* The element must be in the tree. */
size_t ranked_tree_rank(const struct ranked_tree *tree, const struct ranked_element *element);
/* NULL when there is no such rank. */
struct ranked_element *ranked_tree_at(const struct ranked_tree *tree, size_t rank);

/* -- walking -- */

struct ranked_cursor ranked_tree_cursor(const struct ranked_tree *tree, size_t rank);
/* The element at the cursor (NULL behind the end); the cursor goes on by one, up or down. */
struct ranked_element *ranked_cursor_next(struct ranked_cursor *cursor);
struct ranked_element *ranked_cursor_previous(struct ranked_cursor *cursor);

/* Bytes of the nodes, without the elements. */
size_t ranked_tree_memory(const struct ranked_tree *tree);
/* Aborts when an invariant does not hold. */
void ranked_tree_check(const struct ranked_tree *tree);

#endif
