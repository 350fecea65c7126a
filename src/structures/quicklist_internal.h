/* What quicklist.c and quicklist_read.c share. */
#ifndef STRUCTURES_QUICKLIST_INTERNAL_H
#define STRUCTURES_QUICKLIST_INTERNAL_H

#include "structures/quicklist.h"

/* Unpacks a compressed node into node->size bytes. */
void quicklist_unpack(const struct quicklist_node *node, void *room);
/* The node that holds element *index, which becomes the index in the node; NULL: out of range. */
struct quicklist_node *quicklist_node_at(const struct quicklist *list, size_t *index);

#endif
