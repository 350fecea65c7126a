/* Keyed hashing (SipHash-1-3, Aumasson and Bernstein 2012) for every table that a client can fill.
 * The key is random per process (hash_init) so that collisions cannot be prepared. Any thread after
 * hash_init; the key is never written again. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

void hash_init(void);
/* Fixed key (tests). */
void hash_init_with(const uint8_t key[16]);
uint64_t hash_bytes(const void *data, size_t size);
/* ASCII letters hash as lower case. */
uint64_t hash_bytes_nocase(const void *data, size_t size);
uint64_t hash_siphash13(const void *data, size_t size, const uint8_t key[16]);

#endif
