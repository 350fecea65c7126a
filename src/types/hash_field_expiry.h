/* Fields of hashes that expire: giving them a time, asking for the next, removing what is due.
 * Main thread.
 */
#ifndef TYPES_HASH_FIELD_EXPIRY_H
#define TYPES_HASH_FIELD_EXPIRY_H

#include "types/hash_type.h"

/* The latest time that a field may have, wall ms (46 bits, as RDB files keep it). */
static const int64_t hash_expiry_max = 0x0000fffffffffffe >> 2;

/* Gives the field (it must be there) a time, wall ms > 0, or takes it away with HASH_NO_EXPIRY. */
void hash_set_expiry(struct value *hash, struct bytes name, int64_t expiry);
/* True when some field has a time. */
bool hash_has_expiry(struct value hash);
/* When hash_expire_due may next find something, wall ms; HASH_NO_EXPIRY when no field expires. A
 * large hash removes with a delay of up to a quarter of a second. */
int64_t hash_next_expiry(struct value hash);
/* Removes up to `max` fields whose time is past, earliest first; `visit` (may be NULL) hears each
 * name before. Returns how many. */
size_t hash_expire_due(struct value *hash, int64_t now_ms, size_t max,
                       void (*visit)(void *context, struct bytes name), void *context);

#endif
