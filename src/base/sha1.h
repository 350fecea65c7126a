/* SHA-1 (FIPS 180-4): names of scripts and digests of data sets. Not for secrets. Any thread. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20 };

void sha1(const void *data, size_t size, uint8_t digest[SHA1_SIZE]);

#endif
