/* The counted B+ tree behind ranked_tree.h. One owner, any thread.
 *
 * Invariants: no node is empty; counts[i] and firsts[i] of an inner node are the number of elements
 * below child i and the first of them, scores[i] is its score. A node that falls under a quarter
 * looks for a neighbour. Appending (or prepending) leaves full nodes behind: sets filled in order
 * are dense.
 */
#include "structures/ranked_tree.h"
#include "base/assert.h"
#include "base/memory.h"
#include <math.h>
#include <string.h>

enum { LEAF_MAX = 61, INNER_MAX = 31, HEIGHT_MAX = 16, UNDERFULL_DIVISOR = 4, PREFETCH_AHEAD = 4 };

struct leaf {
    uint32_t count;
    uint32_t unused;
    struct leaf *previous;
    struct leaf *next;
    struct ranked_element *items[LEAF_MAX];
};

struct inner {
    uint32_t count;
    uint32_t unused;
    double scores[INNER_MAX];
    struct ranked_element *firsts[INNER_MAX];
    size_t counts[INNER_MAX];
    void *children[INNER_MAX];
};

_Static_assert(sizeof(struct leaf) == 512, "a leaf fills its allocation class");
_Static_assert(sizeof(struct inner) <= 1024, "an inner node fits its allocation class");

/* The way from the root to a boundary: the inner nodes with the child that was chosen, then the
 * position in the leaf. */
struct path {
    struct inner *inners[HEIGHT_MAX];
    uint32_t indexes[HEIGHT_MAX];
    struct leaf *leaf;
    uint32_t position;
    size_t rank;
};

/* A node that was split off to the right, to be hung into the parent. */
struct split {
    void *node; /* NULL: none */
    size_t count;
    struct ranked_element *first;
};

struct ranked_element *ranked_element_create(double score, struct bytes member)
{
    bool is_long = member.size >= UINT32_MAX;
    size_t prefix = is_long ? sizeof(uint64_t) : 0;
    struct ranked_element *element =
        mem_alloc(offsetof(struct ranked_element, body) + prefix + member.size);
    element->score = score;
    element->short_size = is_long ? UINT32_MAX : (uint32_t)member.size;
    if (is_long) {
        uint64_t size = member.size;
        memcpy(element->body, &size, sizeof(size));
    }
    if (member.size)
        memcpy(element->body + prefix, member.data, member.size);
    return element;
}

void ranked_tree_init(struct ranked_tree *tree)
{
    *tree = (struct ranked_tree){0};
}

static struct leaf *leaf_create(struct ranked_tree *tree)
{
    struct leaf *leaf = mem_alloc(sizeof(*leaf));
    leaf->count = 0;
    leaf->unused = 0;
    leaf->previous = NULL;
    leaf->next = NULL;
    tree->leaves++;
    return leaf;
}

static struct inner *inner_create(struct ranked_tree *tree)
{
    struct inner *inner = mem_alloc(sizeof(*inner));
    inner->count = 0;
    inner->unused = 0;
    tree->inners++;
    return inner;
}

static void leaf_free(struct ranked_tree *tree, struct leaf *leaf)
{
    if (leaf->previous)
        leaf->previous->next = leaf->next;
    if (leaf->next)
        leaf->next->previous = leaf->previous;
    mem_free(leaf);
    tree->leaves--;
}

static void inner_free(struct ranked_tree *tree, struct inner *inner)
{
    mem_free(inner);
    tree->inners--;
}

/* Recursion is bounded by the height. */
static void subtree_free(struct ranked_tree *tree, void *node, unsigned height)
{
    if (height == 0) {
        struct leaf *leaf = node;
        for (uint32_t i = 0; i < leaf->count; i++)
            mem_free(leaf->items[i]);
        leaf_free(tree, leaf);
        return;
    }
    struct inner *inner = node;
    for (uint32_t i = 0; i < inner->count; i++)
        subtree_free(tree, inner->children[i], height - 1);
    inner_free(tree, inner);
}

void ranked_tree_deinit(struct ranked_tree *tree)
{
    if (tree->root)
        subtree_free(tree, tree->root, tree->height);
    assert(tree->leaves == 0 && tree->inners == 0);
    ranked_tree_init(tree);
}

/* -- descending -- */

static bool order_is_before(int order, bool is_after)
{
    return order < 0 || (order == 0 && is_after);
}

/* True when the element, whose score is at hand, is before the boundary. */
static inline bool is_before(const struct ranked_bound *bound, double score,
                             const struct ranked_element *element)
{
    if (bound->by != RANKED_BY_MEMBER && score != bound->score)
        return score < bound->score;
    if (bound->by == RANKED_BY_SCORE)
        return bound->is_after;
    return order_is_before(bytes_compare(ranked_element_member(element), bound->member),
                           bound->is_after);
}

/* How many of the children begin before the boundary; the first one is taken to. */
static uint32_t inner_search(const struct inner *inner, const struct ranked_bound *bound)
{
    uint32_t low = 1;
    uint32_t high = inner->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (is_before(bound, inner->scores[middle], inner->firsts[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t leaf_search(const struct leaf *leaf, const struct ranked_bound *bound)
{
    uint32_t low = 0;
    uint32_t high = leaf->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (is_before(bound, leaf->items[middle]->score, leaf->items[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void descend(const struct ranked_tree *tree, const struct ranked_bound *bound,
                    struct path *path)
{
    void *node = tree->root;
    path->rank = 0;
    for (unsigned depth = 0; depth < tree->height; depth++) {
        struct inner *inner = node;
        uint32_t index = inner_search(inner, bound) - 1;
        for (uint32_t i = 0; i < index; i++)
            path->rank += inner->counts[i];
        path->inners[depth] = inner;
        path->indexes[depth] = index;
        node = inner->children[index];
    }
    path->leaf = node;
    path->position = leaf_search(path->leaf, bound);
    path->rank += path->position;
}

/* The way to an element of the tree. */
static void descend_to(const struct ranked_tree *tree, const struct ranked_element *element,
                       struct path *path)
{
    struct ranked_bound bound = {.by = RANKED_BY_BOTH,
                                 .score = element->score,
                                 .member = ranked_element_member(element),
                                 .is_after = true};
    assert(tree->root);
    descend(tree, &bound, path);
    assert(path->position > 0);
    path->position--;
    path->rank--;
    assert(path->leaf->items[path->position] == element);
}

/* -- moving parts of nodes -- */

static void leaf_move(struct leaf *to, uint32_t to_index, const struct leaf *from,
                      uint32_t from_index, uint32_t count)
{
    memmove(&to->items[to_index], &from->items[from_index], count * sizeof(to->items[0]));
}

static void inner_move(struct inner *to, uint32_t to_index, const struct inner *from,
                       uint32_t from_index, uint32_t count)
{
    memmove(&to->scores[to_index], &from->scores[from_index], count * sizeof(to->scores[0]));
    memmove(&to->firsts[to_index], &from->firsts[from_index], count * sizeof(to->firsts[0]));
    memmove(&to->counts[to_index], &from->counts[from_index], count * sizeof(to->counts[0]));
    memmove(&to->children[to_index], &from->children[from_index], count * sizeof(to->children[0]));
}

static size_t inner_sum(const struct inner *inner)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < inner->count; i++)
        sum += inner->counts[i];
    return sum;
}

static void inner_set_first(struct inner *inner, uint32_t index, struct ranked_element *first)
{
    inner->firsts[index] = first;
    inner->scores[index] = first->score;
}

/* -- inserting -- */

/* Where a full node is cut for an insertion at `position`: at the ends the full part stays whole.
 */
static uint32_t cut_of(uint32_t position, uint32_t max)
{
    if (position == max)
        return max;
    return position == 0 ? 0 : max / 2;
}

static void leaf_put(struct leaf *leaf, uint32_t position, struct ranked_element *element)
{
    assert(leaf->count < LEAF_MAX && position <= leaf->count);
    leaf_move(leaf, position + 1, leaf, position, leaf->count - position);
    leaf->items[position] = element;
    leaf->count++;
}

static struct split leaf_insert(struct ranked_tree *tree, struct leaf *leaf, uint32_t position,
                                struct ranked_element *element)
{
    if (leaf->count < LEAF_MAX) {
        leaf_put(leaf, position, element);
        return (struct split){0};
    }
    uint32_t cut = cut_of(position, LEAF_MAX);
    struct leaf *right = leaf_create(tree);
    right->count = LEAF_MAX - cut;
    leaf_move(right, 0, leaf, cut, right->count);
    leaf->count = cut;
    right->previous = leaf;
    right->next = leaf->next;
    if (right->next)
        right->next->previous = right;
    leaf->next = right;
    if (position > cut || cut == LEAF_MAX)
        leaf_put(right, position - cut, element);
    else
        leaf_put(leaf, position, element);
    return (struct split){right, right->count, right->items[0]};
}

static void inner_put(struct inner *inner, uint32_t index, const struct split *child)
{
    assert(inner->count < INNER_MAX && index <= inner->count);
    inner_move(inner, index + 1, inner, index, inner->count - index);
    inner->children[index] = child->node;
    inner->counts[index] = child->count;
    inner_set_first(inner, index, child->first);
    inner->count++;
}

/* Puts `child` behind child `index`, from which it was split off. */
static struct split inner_insert(struct ranked_tree *tree, struct inner *inner, uint32_t index,
                                 const struct split *child)
{
    inner->counts[index] -= child->count;
    if (inner->count < INNER_MAX) {
        inner_put(inner, index + 1, child);
        return (struct split){0};
    }
    uint32_t cut = cut_of(index + 1, INNER_MAX);
    struct inner *right = inner_create(tree);
    right->count = INNER_MAX - cut;
    inner_move(right, 0, inner, cut, right->count);
    inner->count = cut;
    if (index + 1 > cut || cut == INNER_MAX)
        inner_put(right, index + 1 - cut, child);
    else
        inner_put(inner, index + 1, child);
    return (struct split){right, inner_sum(right), right->firsts[0]};
}

static void grow_root(struct ranked_tree *tree, const struct split *right)
{
    struct inner *root = inner_create(tree);
    struct ranked_element *first = tree->height > 0 ? ((struct inner *)tree->root)->firsts[0]
                                                    : ((struct leaf *)tree->root)->items[0];
    struct split left = {tree->root, tree->count - right->count, first};
    inner_put(root, 0, &left);
    inner_put(root, 1, right);
    tree->root = root;
    tree->height++;
    assert(tree->height < HEIGHT_MAX);
}

void ranked_tree_insert(struct ranked_tree *tree, struct ranked_element *element)
{
    assert(!isnan(element->score));
    if (!tree->root)
        tree->root = leaf_create(tree);
    struct ranked_bound bound = {
        .by = RANKED_BY_BOTH, .score = element->score, .member = ranked_element_member(element)};
    struct path path;
    descend(tree, &bound, &path);
    struct split split = leaf_insert(tree, path.leaf, path.position, element);
    struct ranked_element *first = path.leaf->items[0];
    tree->count++;
    for (unsigned depth = tree->height; depth-- > 0;) {
        struct inner *inner = path.inners[depth];
        uint32_t index = path.indexes[depth];
        inner->counts[index]++;
        inner_set_first(inner, index, first);
        if (split.node)
            split = inner_insert(tree, inner, index, &split);
        first = inner->firsts[0];
    }
    if (split.node)
        grow_root(tree, &split);
}

/* -- removing -- */

/* How many items go from the right of two neighbours to the left (negative: the other way): all,
 * when one of `max` has room for them and some more, or as many as even the two out. */
static int64_t to_balance(uint32_t left, uint32_t right, uint32_t max)
{
    uint32_t total = left + right;
    return total <= max * 3 / 4 ? right : (int64_t)(total / 2) - left;
}

/* True when `right` is empty afterwards. */
static bool leaf_balance(struct leaf *left, struct leaf *right)
{
    int64_t shift = to_balance(left->count, right->count, LEAF_MAX);
    uint32_t moved = (uint32_t)(shift < 0 ? -shift : shift);
    if (shift >= 0) {
        leaf_move(left, left->count, right, 0, moved);
        leaf_move(right, 0, right, moved, right->count - moved);
    } else {
        leaf_move(right, moved, right, 0, right->count);
        leaf_move(right, 0, left, left->count - moved, moved);
    }
    left->count = (uint32_t)(left->count + shift);
    right->count = (uint32_t)(right->count - shift);
    return right->count == 0;
}

static bool inner_balance(struct inner *left, struct inner *right)
{
    int64_t shift = to_balance(left->count, right->count, INNER_MAX);
    uint32_t moved = (uint32_t)(shift < 0 ? -shift : shift);
    if (shift >= 0) {
        inner_move(left, left->count, right, 0, moved);
        inner_move(right, 0, right, moved, right->count - moved);
    } else {
        inner_move(right, moved, right, 0, right->count);
        inner_move(right, 0, left, left->count - moved, moved);
    }
    left->count = (uint32_t)(left->count + shift);
    right->count = (uint32_t)(right->count - shift);
    return right->count == 0;
}

static void inner_take_out(struct inner *inner, uint32_t index)
{
    inner_move(inner, index, inner, index + 1, inner->count - index - 1);
    inner->count--;
}

static uint32_t node_count(const void *node, bool is_leaf)
{
    return is_leaf ? ((const struct leaf *)node)->count : ((const struct inner *)node)->count;
}

static void node_free(struct ranked_tree *tree, void *node, bool is_leaf)
{
    if (is_leaf)
        leaf_free(tree, node);
    else
        inner_free(tree, node);
}

/* Refreshes what `inner` knows of child `index`. */
static void inner_refresh(struct inner *inner, uint32_t index, bool is_leaf)
{
    if (is_leaf) {
        const struct leaf *leaf = inner->children[index];
        inner->counts[index] = leaf->count;
        inner_set_first(inner, index, leaf->items[0]);
    } else {
        const struct inner *child = inner->children[index];
        inner->counts[index] = inner_sum(child);
        inner_set_first(inner, index, child->firsts[0]);
    }
}

/* Child `index` is underfull: joins it with a neighbour or takes some from there. */
static void rebalance(struct ranked_tree *tree, struct inner *inner, uint32_t index, bool is_leaf)
{
    if (inner->count == 1) {
        if (node_count(inner->children[0], is_leaf) == 0) {
            node_free(tree, inner->children[0], is_leaf);
            inner->count = 0;
        } else {
            inner_refresh(inner, 0, is_leaf);
        }
        return;
    }
    uint32_t left = index > 0 ? index - 1 : 0;
    void *first = inner->children[left];
    void *second = inner->children[left + 1];
    bool is_joined = is_leaf ? leaf_balance(first, second) : inner_balance(first, second);
    inner_refresh(inner, left, is_leaf);
    if (is_joined) {
        node_free(tree, second, is_leaf);
        inner_take_out(inner, left + 1);
    } else {
        inner_refresh(inner, left + 1, is_leaf);
    }
}

static void shrink_root(struct ranked_tree *tree)
{
    while (tree->height > 0 && ((struct inner *)tree->root)->count == 1) {
        struct inner *root = tree->root;
        tree->root = root->children[0];
        tree->height--;
        inner_free(tree, root);
    }
    if (tree->height == 0 && ((struct leaf *)tree->root)->count == 0) {
        leaf_free(tree, tree->root);
        tree->root = NULL;
    }
}

static void remove_at(struct ranked_tree *tree, struct path *path)
{
    struct leaf *leaf = path->leaf;
    leaf_move(leaf, path->position, leaf, path->position + 1, leaf->count - path->position - 1);
    leaf->count--;
    tree->count--;
    for (unsigned depth = tree->height; depth-- > 0;) {
        struct inner *inner = path->inners[depth];
        uint32_t index = path->indexes[depth];
        bool is_leaf = depth + 1 == tree->height;
        uint32_t minimum = (is_leaf ? 0u + LEAF_MAX : INNER_MAX) / UNDERFULL_DIVISOR;
        inner->counts[index]--;
        if (node_count(inner->children[index], is_leaf) < minimum)
            rebalance(tree, inner, index, is_leaf);
        else if (is_leaf)
            inner_set_first(inner, index, leaf->items[0]);
        else
            inner_set_first(inner, index, ((struct inner *)inner->children[index])->firsts[0]);
    }
    shrink_root(tree);
}

void ranked_tree_remove(struct ranked_tree *tree, struct ranked_element *element)
{
    struct path path;
    descend_to(tree, element, &path);
    remove_at(tree, &path);
}

/* -- changing a score -- */

static bool is_ordered(const struct ranked_element *a, double a_score,
                       const struct ranked_element *b, double b_score)
{
    if (a_score != b_score)
        return a_score < b_score;
    return bytes_compare(ranked_element_member(a), ranked_element_member(b)) < 0;
}

/* True when the element at the path would stay where it is. */
static bool stays(const struct path *path, double score)
{
    const struct leaf *leaf = path->leaf;
    const struct ranked_element *element = leaf->items[path->position];
    struct ranked_cursor before = {leaf, path->position};
    struct ranked_cursor after = before;
    ranked_cursor_previous(&before);
    ranked_cursor_next(&after);
    const struct ranked_element *previous = ranked_cursor_previous(&before);
    const struct ranked_element *next = ranked_cursor_next(&after);
    return (!previous || is_ordered(previous, previous->score, element, score)) &&
           (!next || is_ordered(element, score, next, next->score));
}

void ranked_tree_set_score(struct ranked_tree *tree, struct ranked_element *element, double score)
{
    assert(!isnan(score));
    struct path path;
    descend_to(tree, element, &path);
    if (!stays(&path, score)) {
        remove_at(tree, &path);
        element->score = score;
        ranked_tree_insert(tree, element);
        return;
    }
    element->score = score;
    for (unsigned depth = tree->height; depth-- > 0;) {
        struct inner *inner = path.inners[depth];
        if (inner->firsts[path.indexes[depth]] != element)
            break;
        inner->scores[path.indexes[depth]] = score;
    }
}

/* -- ranks -- */

size_t ranked_tree_rank_of_bound(const struct ranked_tree *tree, const struct ranked_bound *bound)
{
    if (!tree->root)
        return 0;
    struct path path;
    descend(tree, bound, &path);
    return path.rank;
}

size_t ranked_tree_rank(const struct ranked_tree *tree, const struct ranked_element *element)
{
    struct path path;
    descend_to(tree, element, &path);
    return path.rank;
}

struct ranked_cursor ranked_tree_cursor(const struct ranked_tree *tree, size_t rank)
{
    if (rank >= tree->count)
        return (struct ranked_cursor){NULL, 0};
    const void *node = tree->root;
    for (unsigned depth = 0; depth < tree->height; depth++) {
        const struct inner *inner = node;
        uint32_t index = 0;
        while (rank >= inner->counts[index]) {
            rank -= inner->counts[index];
            index++;
        }
        assert(index < inner->count);
        node = inner->children[index];
    }
    return (struct ranked_cursor){node, (uint32_t)rank};
}

struct ranked_element *ranked_tree_at(const struct ranked_tree *tree, size_t rank)
{
    struct ranked_cursor cursor = ranked_tree_cursor(tree, rank);
    return cursor.leaf ? ((const struct leaf *)cursor.leaf)->items[cursor.index] : NULL;
}

struct ranked_element *ranked_cursor_next(struct ranked_cursor *cursor)
{
    const struct leaf *leaf = cursor->leaf;
    if (!leaf)
        return NULL;
    struct ranked_element *element = leaf->items[cursor->index];
    if (cursor->index + PREFETCH_AHEAD < leaf->count)
        __builtin_prefetch(leaf->items[cursor->index + PREFETCH_AHEAD]);
    if (++cursor->index == leaf->count) {
        cursor->leaf = leaf->next;
        cursor->index = 0;
    }
    return element;
}

struct ranked_element *ranked_cursor_previous(struct ranked_cursor *cursor)
{
    const struct leaf *leaf = cursor->leaf;
    if (!leaf)
        return NULL;
    struct ranked_element *element = leaf->items[cursor->index];
    if (cursor->index >= PREFETCH_AHEAD)
        __builtin_prefetch(leaf->items[cursor->index - PREFETCH_AHEAD]);
    if (cursor->index > 0) {
        cursor->index--;
    } else {
        cursor->leaf = leaf->previous;
        cursor->index = leaf->previous ? leaf->previous->count - 1 : 0;
    }
    return element;
}

/* -- figures and checks -- */

size_t ranked_tree_memory(const struct ranked_tree *tree)
{
    return tree->leaves * mem_good_size(sizeof(struct leaf)) +
           tree->inners * mem_good_size(sizeof(struct inner));
}

struct check {
    const struct leaf *last;
    size_t leaves;
    size_t inners;
};

static size_t check_leaf(const struct leaf *leaf, struct check *check)
{
    assert(leaf->count > 0 && leaf->count <= LEAF_MAX);
    assert(leaf->previous == check->last);
    const struct ranked_element *before =
        check->last ? check->last->items[check->last->count - 1] : NULL;
    for (uint32_t i = 0; i < leaf->count; i++) {
        const struct ranked_element *element = leaf->items[i];
        assert(!isnan(element->score));
        assert(!before || is_ordered(before, before->score, element, element->score));
        before = element;
    }
    assert(!check->last || check->last->next == leaf);
    check->last = leaf;
    check->leaves++;
    return leaf->count;
}

static const struct ranked_element *first_of(const void *node, unsigned height)
{
    return height == 0 ? ((const struct leaf *)node)->items[0]
                       : ((const struct inner *)node)->firsts[0];
}

static size_t check_subtree(const void *node, unsigned height, struct check *check)
{
    if (height == 0)
        return check_leaf(node, check);
    const struct inner *inner = node;
    assert(inner->count > 0 && inner->count <= INNER_MAX);
    size_t sum = 0;
    for (uint32_t i = 0; i < inner->count; i++) {
        size_t count = check_subtree(inner->children[i], height - 1, check);
        assert(inner->counts[i] == count);
        assert(inner->firsts[i] == first_of(inner->children[i], height - 1));
        assert(inner->scores[i] == inner->firsts[i]->score);
        sum += count;
    }
    check->inners++;
    return sum;
}

void ranked_tree_check(const struct ranked_tree *tree)
{
    struct check check = {0};
    if (!tree->root) {
        assert(tree->count == 0 && tree->leaves == 0 && tree->inners == 0 && tree->height == 0);
        return;
    }
    size_t count = check_subtree(tree->root, tree->height, &check);
    assert(count == tree->count);
    assert(check.leaves == tree->leaves && check.inners == tree->inners);
    assert(!check.last->next);
    assert(tree->height == 0 || ((const struct inner *)tree->root)->count > 1);
}
