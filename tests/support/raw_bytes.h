/* Bytes for the far ends of connections. */
#ifndef SUPPORT_RAW_BYTES_H
#define SUPPORT_RAW_BYTES_H

#include "base/assert.h"
#include "base/random.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To be freed. */
static inline char *random_bytes(size_t size, uint64_t seed)
{
    struct random_state random;
    random_state_seed(&random, seed);
    char *bytes = malloc(size + 8);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = random_state_next(&random);
        memcpy(bytes + i, &word, 8);
    }
    return bytes;
}

/* The descriptor has room for them, or waits. */
static inline void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        assert(written > 0);
        data += written;
        size -= (size_t)written;
    }
}

#endif
