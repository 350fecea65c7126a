/* An immutable byte string with a reference count: large arguments that the keyspace adopts and
 * large values that replies point at instead of copying.
 *
 * An I/O thread allocates and fills one for a large bulk argument and moves it to main; from then
 * on only main touches the count (it is not atomic). Bytes after data[size] hold a NUL.
 */
#ifndef BASE_SHARED_BYTES_H
#define BASE_SHARED_BYTES_H

#include "base/bytes.h"
#include <stdint.h>

struct shared_bytes {
    size_t size;
    uint32_t references;
    uint32_t unused;
    char data[];
};

/* References 1, `size` bytes uninitialised and a NUL (room for two more bytes after it). NULL when
 * memory is short. */
struct shared_bytes *shared_bytes_try_create(size_t size);
struct shared_bytes *shared_bytes_create(const void *data, size_t size);
/* Main thread. */
static inline struct shared_bytes *shared_bytes_acquire(struct shared_bytes *bytes)
{
    bytes->references++;
    return bytes;
}
/* Main thread (or the only owner); frees at zero. */
void shared_bytes_release(struct shared_bytes *bytes);

static inline struct bytes shared_bytes_view(const struct shared_bytes *bytes)
{
    return bytes_of(bytes->data, bytes->size);
}

#endif
