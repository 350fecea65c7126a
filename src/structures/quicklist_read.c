/* Quicklists: iterators, figures, the checker. One owner, any thread. */
#include "base/assert.h"
#include "base/memory.h"
#include "structures/quicklist_internal.h"

/* The node's listpack or plain bytes, unpacked into the iterator's room when compressed. */
static const void *open_for_reading(struct quicklist_iterator *iterator,
                                    const struct quicklist_node *node)
{
    if (!node->compressed_size)
        return node->data;
    mem_free(iterator->scratch);
    iterator->scratch = mem_alloc(node->size);
    quicklist_unpack(node, iterator->scratch);
    return iterator->scratch;
}

bool quicklist_iterator_advance(struct quicklist_iterator *iterator, struct listpack_value *value)
{
    const struct quicklist_node *node = iterator->node;
    if (!node)
        return false;
    iterator->node = iterator->is_backward ? node->previous : node->next;
    const void *data = open_for_reading(iterator, node);
    if (node->is_plain) {
        iterator->pack = NULL;
        *value = (struct listpack_value){.data = data, .size = node->size};
        return true;
    }
    iterator->pack = data;
    iterator->at = iterator->is_backward ? listpack_last(data) : listpack_first(data);
    return true;
}

void quicklist_iterator_init(struct quicklist_iterator *iterator, const struct quicklist *list,
                             int64_t index, bool is_backward)
{
    *iterator = (struct quicklist_iterator){.is_backward = is_backward};
    size_t at = (size_t)(index < 0 ? index + (int64_t)list->count : index);
    const struct quicklist_node *node = quicklist_node_at(list, &at);
    iterator->node = node;
    if (!node || node->is_plain)
        return;
    struct listpack_value unused;
    quicklist_iterator_advance(iterator, &unused);
    iterator->at = listpack_seek(iterator->pack, (int64_t)at);
}

void quicklist_iterator_init_pack(struct quicklist_iterator *iterator, const struct listpack *pack,
                                  int64_t index, bool is_backward)
{
    *iterator = (struct quicklist_iterator){
        .pack = pack, .at = listpack_seek(pack, index), .is_backward = is_backward};
}

void quicklist_iterator_deinit(struct quicklist_iterator *iterator)
{
    mem_free(iterator->scratch);
    iterator->scratch = NULL;
}

/* -- figures -- */

size_t quicklist_memory(const struct quicklist *list, size_t samples)
{
    size_t memory = 0;
    size_t seen = 0;
    const struct quicklist_node *node = list->head;
    for (; node && (samples == 0 || seen < samples); node = node->next, seen++)
        memory += mem_usable_size(node) + mem_usable_size(node->data);
    if (seen < list->nodes)
        memory = (size_t)((double)memory / (double)seen * (double)list->nodes);
    return memory + mem_usable_size(list);
}

static void check_node(const struct quicklist_node *node)
{
    struct quicklist_iterator iterator = {0};
    const void *data = open_for_reading(&iterator, node);
    assert(node->count > 0);
    if (node->is_plain) {
        assert(node->count == 1);
    } else {
        listpack_check(data);
        assert(listpack_size(data) == node->size);
        assert(listpack_count(data) == node->count);
    }
    quicklist_iterator_deinit(&iterator);
}

void quicklist_check(const struct quicklist *list)
{
    size_t count = 0;
    size_t nodes = 0;
    const struct quicklist_node *previous = NULL;
    for (const struct quicklist_node *node = list->head; node; node = node->next) {
        assert(node->previous == previous);
        if (node->compressed_size)
            assert(nodes >= list->depth && list->nodes - 1 - nodes >= list->depth);
        if (node->compressed_size)
            assert(list->depth > 0);
        /* check_node's scratch is its own: a compressed node is unpacked there. */
        check_node(node);
        count += node->count;
        nodes++;
        previous = node;
    }
    assert(list->tail == previous && list->nodes == nodes && list->count == count);
}
