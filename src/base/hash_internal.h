/* SipHash with the numbers of rounds as parameters: SipHash-2-4 has published test vectors, and
 * SipHash-1-3, which the tables use, differs from it in these two numbers only. Any thread. */
#ifndef BASE_HASH_INTERNAL_H
#define BASE_HASH_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_siphash(const void *data, size_t size, const uint8_t key[16], unsigned block_rounds,
                      unsigned final_rounds);

#endif
