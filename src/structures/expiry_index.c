/* The B+ tree behind expiry_index.h. One owner, any thread.
 *
 * Nodes are 512 bytes. A leaf holds sorted items; an inner node holds children, and keys[i] is a
 * lower bound of what is under child i and an upper bound of what is under child i - 1 (keys[0]
 * means nothing). Leaves are never empty. Appending at the right end leaves full leaves behind:
 * keys that are all given the same time to live cost eight bytes each.
 */
#include "structures/expiry_index.h"
#include "base/assert.h"
#include "base/memory.h"
#include "base/random.h"
#include <string.h>

enum {
    NODE_SIZE = 512,
    LEAF_ITEMS = (NODE_SIZE - 8) / 8,
    INNER_CHILDREN = (NODE_SIZE - 8) / 16,
    /* 2^32 items of half-full nodes need seven levels. */
    HEIGHT_MAX = 12,
    MERGE_BELOW_DIVISOR = 4 /* a node under a quarter looks for a neighbour */
};

/* 2020-01-01T00:00:00Z */
static const int64_t unit_epoch_ms = 1577836800000;

struct expiry_node {
    uint32_t count; /* of items or children */
    uint32_t unused;
    union {
        uint64_t items[LEAF_ITEMS];
        struct {
            uint64_t keys[INNER_CHILDREN];
            struct expiry_node *children[INNER_CHILDREN];
        };
    };
};

_Static_assert(sizeof(struct expiry_node) == NODE_SIZE, "a node is one allocation class");

/* The way from the root to a leaf; index is the chosen child, in the leaf the item. */
struct path {
    struct expiry_node *nodes[HEIGHT_MAX];
    uint32_t indexes[HEIGHT_MAX];
};

uint32_t expiry_unit(int64_t time_ms)
{
    if (time_ms <= unit_epoch_ms)
        return 0;
    int64_t unit = (time_ms - unit_epoch_ms) / EXPIRY_UNIT_MS;
    return unit > UINT32_MAX ? UINT32_MAX : (uint32_t)unit;
}

int64_t expiry_unit_start(uint32_t unit)
{
    return unit_epoch_ms + (int64_t)unit * EXPIRY_UNIT_MS;
}

static uint64_t pack(uint32_t unit, uint64_t hash)
{
    return (uint64_t)unit << 32 | (hash & UINT32_MAX);
}

static struct expiry_item unpack(uint64_t item)
{
    return (struct expiry_item){(uint32_t)(item >> 32), (uint32_t)item};
}

void expiry_index_init(struct expiry_index *index)
{
    *index = (struct expiry_index){0};
}

static struct expiry_node *node_create(struct expiry_index *index, bool is_leaf)
{
    struct expiry_node *node = mem_alloc(sizeof(*node));
    node->count = 0;
    if (is_leaf)
        index->leaves++;
    else
        index->inners++;
    return node;
}

static void node_free(struct expiry_index *index, struct expiry_node *node, bool is_leaf)
{
    mem_free(node);
    if (is_leaf)
        index->leaves--;
    else
        index->inners--;
}

/* Recursion is bounded by the height. */
static void subtree_free(struct expiry_index *index, struct expiry_node *node, unsigned height)
{
    if (height > 0)
        for (uint32_t i = 0; i < node->count; i++)
            subtree_free(index, node->children[i], height - 1);
    node_free(index, node, height == 0);
}

void expiry_index_deinit(struct expiry_index *index)
{
    if (index->root)
        subtree_free(index, index->root, index->height);
    assert(index->leaves == 0 && index->inners == 0);
    expiry_index_init(index);
}

/* First position in values[0..count) that is not below `item`. */
static uint32_t lower_bound(const uint64_t *values, uint32_t count, uint64_t item)
{
    uint32_t low = 0;
    while (count > 0) {
        uint32_t half = count / 2;
        bool below = values[low + half] < item;
        low = below ? low + half + 1 : low;
        count = below ? count - half - 1 : half;
    }
    return low;
}

/* Descends to the first place where `item` is or would be. */
static void descend(const struct expiry_index *index, uint64_t item, struct path *path)
{
    struct expiry_node *node = index->root;
    for (unsigned level = 0; level < index->height; level++) {
        /* The last child whose bound is below the item; keys[0] counts as below all. */
        uint32_t child = lower_bound(node->keys + 1, node->count - 1, item);
        path->nodes[level] = node;
        path->indexes[level] = child;
        node = node->children[child];
    }
    path->nodes[index->height] = node;
    path->indexes[index->height] = lower_bound(node->items, node->count, item);
}

/* Goes on to the first item of the next leaf; false at the end. */
static bool path_next_leaf(const struct expiry_index *index, struct path *path)
{
    unsigned level = index->height;
    while (level > 0 && path->indexes[level - 1] + 1 == path->nodes[level - 1]->count)
        level--;
    if (level == 0)
        return false;
    path->indexes[level - 1]++;
    for (; level <= index->height; level++) {
        path->nodes[level] = path->nodes[level - 1]->children[path->indexes[level - 1]];
        path->indexes[level] = 0;
    }
    return true;
}

/* -- adding -- */

static void items_insert(struct expiry_node *leaf, uint32_t at, uint64_t item)
{
    memmove(leaf->items + at + 1, leaf->items + at, (leaf->count - at) * sizeof(uint64_t));
    leaf->items[at] = item;
    leaf->count++;
}

static void children_insert(struct expiry_node *node, uint32_t at, uint64_t key,
                            struct expiry_node *child)
{
    memmove(node->keys + at + 1, node->keys + at, (node->count - at) * sizeof(uint64_t));
    memmove(node->children + at + 1, node->children + at, (node->count - at) * sizeof(void *));
    node->keys[at] = key;
    node->children[at] = child;
    node->count++;
}

/* Splits the full leaf and adds the item; returns the new right half. */
static struct expiry_node *leaf_split(struct expiry_index *index, struct expiry_node *leaf,
                                      uint32_t at, uint64_t item)
{
    struct expiry_node *right = node_create(index, true);
    /* Appending: the left half stays full. */
    uint32_t keep = at == leaf->count ? leaf->count : leaf->count / 2;
    right->count = leaf->count - keep;
    memcpy(right->items, leaf->items + keep, right->count * sizeof(uint64_t));
    leaf->count = keep;
    if (at < keep)
        items_insert(leaf, at, item);
    else
        items_insert(right, at - keep, item);
    return right;
}

static struct expiry_node *inner_split(struct expiry_index *index, struct expiry_node *node,
                                       uint32_t at, uint64_t key, struct expiry_node *child)
{
    struct expiry_node *right = node_create(index, false);
    uint32_t keep = at == node->count ? node->count - 1 : node->count / 2;
    right->count = node->count - keep;
    memcpy(right->keys, node->keys + keep, right->count * sizeof(uint64_t));
    memcpy(right->children, node->children + keep, right->count * sizeof(void *));
    node->count = keep;
    if (at <= keep)
        children_insert(node, at, key, child);
    else
        children_insert(right, at - keep, key, child);
    return right;
}

/* Hangs `right` beside the node at `level`, splitting upwards as needed. */
static void add_sibling(struct expiry_index *index, struct path *path, unsigned level, uint64_t key,
                        struct expiry_node *right)
{
    while (level > 0) {
        level--;
        struct expiry_node *parent = path->nodes[level];
        uint32_t at = path->indexes[level] + 1;
        if (parent->count < INNER_CHILDREN) {
            children_insert(parent, at, key, right);
            return;
        }
        right = inner_split(index, parent, at, key, right);
        key = right->keys[0];
    }
    struct expiry_node *root = node_create(index, false);
    root->count = 2;
    root->children[0] = index->root;
    root->keys[0] = 0;
    root->children[1] = right;
    root->keys[1] = key;
    index->root = root;
    index->height++;
    assert(index->height < HEIGHT_MAX);
}

void expiry_index_add(struct expiry_index *index, int64_t time_ms, uint64_t hash)
{
    uint64_t item = pack(expiry_unit(time_ms), hash);
    if (!index->root) {
        index->root = node_create(index, true);
        index->height = 0;
    }
    struct path path;
    descend(index, item, &path);
    struct expiry_node *leaf = path.nodes[index->height];
    uint32_t at = path.indexes[index->height];
    if (leaf->count < LEAF_ITEMS) {
        items_insert(leaf, at, item);
    } else {
        struct expiry_node *right = leaf_split(index, leaf, at, item);
        add_sibling(index, &path, index->height, right->items[0], right);
    }
    index->count++;
    index->unit_sum += item >> 32;
}

/* -- removing -- */

static void child_remove(struct expiry_node *node, uint32_t at)
{
    uint32_t after = node->count - at - 1;
    memmove(node->keys + at, node->keys + at + 1, after * sizeof(uint64_t));
    memmove(node->children + at, node->children + at + 1, after * sizeof(void *));
    node->count--;
}

/* Moves all of parent's child `at + 1` into child `at` when they fill three quarters together. */
static bool merge_children(struct expiry_index *index, struct expiry_node *parent, uint32_t at,
                           bool are_leaves)
{
    struct expiry_node *left = parent->children[at];
    struct expiry_node *right = parent->children[at + 1];
    uint32_t capacity = are_leaves ? LEAF_ITEMS : INNER_CHILDREN;
    if (left->count + right->count > capacity * 3 / 4)
        return false;
    if (are_leaves) {
        memcpy(left->items + left->count, right->items, right->count * sizeof(uint64_t));
    } else {
        right->keys[0] = parent->keys[at + 1];
        memcpy(left->keys + left->count, right->keys, right->count * sizeof(uint64_t));
        memcpy(left->children + left->count, right->children, right->count * sizeof(void *));
    }
    left->count += right->count;
    node_free(index, right, are_leaves);
    child_remove(parent, at + 1);
    return true;
}

/* The node at `level` lost something: frees it when empty, merges it when small; and so on upwards.
 */
static void shrink_upwards(struct expiry_index *index, struct path *path)
{
    for (unsigned level = index->height; level > 0; level--) {
        struct expiry_node *node = path->nodes[level];
        struct expiry_node *parent = path->nodes[level - 1];
        uint32_t at = path->indexes[level - 1];
        bool is_leaf = level == index->height;
        uint32_t capacity = is_leaf ? LEAF_ITEMS : INNER_CHILDREN;
        if (node->count == 0) {
            node_free(index, node, is_leaf);
            child_remove(parent, at);
        } else if (node->count >= capacity / MERGE_BELOW_DIVISOR) {
            return;
        } else if (!(at + 1 < parent->count && merge_children(index, parent, at, is_leaf)) &&
                   !(at > 0 && merge_children(index, parent, at - 1, is_leaf))) {
            return;
        }
    }
}

static void shrink_root(struct expiry_index *index)
{
    while (index->height > 0 && index->root->count == 1) {
        struct expiry_node *root = index->root;
        index->root = root->children[0];
        node_free(index, root, false);
        index->height--;
    }
    if (index->root->count == 0) {
        node_free(index, index->root, index->height == 0);
        index->root = NULL;
        index->height = 0;
    }
}

static bool remove_packed(struct expiry_index *index, uint64_t item)
{
    if (!index->root)
        return false;
    struct path path;
    descend(index, item, &path);
    unsigned height = index->height;
    if (path.indexes[height] == path.nodes[height]->count && !path_next_leaf(index, &path))
        return false;
    struct expiry_node *leaf = path.nodes[height];
    uint32_t at = path.indexes[height];
    if (leaf->items[at] != item)
        return false;
    memmove(leaf->items + at, leaf->items + at + 1, (leaf->count - at - 1) * sizeof(uint64_t));
    leaf->count--;
    index->count--;
    index->unit_sum -= item >> 32;
    shrink_upwards(index, &path);
    shrink_root(index);
    return true;
}

bool expiry_index_remove(struct expiry_index *index, int64_t time_ms, uint64_t hash)
{
    return remove_packed(index, pack(expiry_unit(time_ms), hash));
}

bool expiry_index_remove_item(struct expiry_index *index, struct expiry_item item)
{
    return remove_packed(index, pack(item.unit, item.hash));
}

/* -- looking -- */

/* Copies the earliest items below `end`. */
static size_t copy_below(const struct expiry_index *index, uint64_t end, struct expiry_item *items,
                         size_t max)
{
    if (!index->root)
        return 0;
    struct path path;
    descend(index, 0, &path);
    size_t count = 0;
    do {
        const struct expiry_node *leaf = path.nodes[index->height];
        for (uint32_t i = 0; i < leaf->count; i++) {
            if (count == max || leaf->items[i] >= end)
                return count;
            items[count++] = unpack(leaf->items[i]);
        }
    } while (path_next_leaf(index, &path));
    return count;
}

size_t expiry_index_due(const struct expiry_index *index, int64_t now_ms, struct expiry_item *items,
                        size_t max)
{
    return copy_below(index, pack(expiry_unit(now_ms), 0), items, max);
}

size_t expiry_index_first(const struct expiry_index *index, struct expiry_item *items, size_t max)
{
    return copy_below(index, UINT64_MAX, items, max);
}

bool expiry_index_last(const struct expiry_index *index, struct expiry_item *item)
{
    if (!index->root)
        return false;
    const struct expiry_node *node = index->root;
    for (unsigned level = 0; level < index->height; level++)
        node = node->children[node->count - 1];
    *item = unpack(node->items[node->count - 1]);
    return true;
}

bool expiry_index_random(const struct expiry_index *index, struct expiry_item *item)
{
    if (!index->root)
        return false;
    const struct expiry_node *node = index->root;
    for (unsigned level = 0; level < index->height; level++)
        node = node->children[random_below(node->count)];
    *item = unpack(node->items[random_below(node->count)]);
    return true;
}

int64_t expiry_index_mean(const struct expiry_index *index)
{
    if (index->count == 0)
        return 0;
    int64_t whole = expiry_unit_start((uint32_t)(index->unit_sum / index->count));
    uint64_t rest = index->unit_sum % index->count;
    return whole + (int64_t)(rest * EXPIRY_UNIT_MS / index->count) + EXPIRY_UNIT_MS / 2;
}

size_t expiry_index_memory(const struct expiry_index *index)
{
    return (index->leaves + index->inners) * sizeof(struct expiry_node);
}

/* -- checker -- */

struct check {
    size_t items;
    size_t leaves;
    size_t inners;
    uint64_t unit_sum;
};

/* Everything under `node` is in low..high, both included. Recursion is bounded by the height. */
static void check_subtree(const struct expiry_node *node, unsigned height, uint64_t low,
                          uint64_t high, struct check *check)
{
    assert(node->count > 0);
    if (height == 0) {
        assert(node->count <= LEAF_ITEMS);
        check->leaves++;
        check->items += node->count;
        for (uint32_t i = 0; i < node->count; i++) {
            assert(node->items[i] >= low && node->items[i] <= high);
            assert(i == 0 || node->items[i - 1] <= node->items[i]);
            check->unit_sum += node->items[i] >> 32;
        }
        return;
    }
    assert(node->count <= INNER_CHILDREN);
    check->inners++;
    for (uint32_t i = 0; i < node->count; i++) {
        uint64_t child_low = i == 0 ? low : node->keys[i];
        uint64_t child_high = i + 1 < node->count ? node->keys[i + 1] : high;
        assert(child_low >= low && child_high <= high && child_low <= child_high);
        check_subtree(node->children[i], height - 1, child_low, child_high, check);
    }
}

void expiry_index_check(const struct expiry_index *index)
{
    struct check check = {0};
    assert((index->root == NULL) == (index->count == 0));
    if (index->root)
        check_subtree(index->root, index->height, 0, UINT64_MAX, &check);
    assert(check.items == index->count && check.unit_sum == index->unit_sum);
    assert(check.leaves == index->leaves && check.inners == index->inners);
}
