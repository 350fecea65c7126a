/* A fingerprint of data: the same for the same keys, values and times, whatever their order in
 * memory. Redis computes the same one (DEBUG DIGEST). Main thread.
 */
#ifndef KEYSPACE_DIGEST_H
#define KEYSPACE_DIGEST_H

#include "base/sha1.h"
#include "keyspace/keyspace.h"

void digest_entry(const struct entry *entry, uint8_t digest[SHA1_SIZE]);
void digest_keyspace(struct keyspace *keyspace, uint8_t digest[SHA1_SIZE]);

#endif
