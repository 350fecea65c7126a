/* Reference-counted immutable byte strings. The count belongs to one thread at a time. */
#include "base/shared_bytes.h"

#include "base/assert.h"
#include "base/memory.h"

/* The NUL, and two more so that a line end can follow the data in place. */
enum { TAIL_SIZE = 3 };

struct shared_bytes *shared_bytes_try_create(size_t size)
{
    if (size > PTRDIFF_MAX - sizeof(struct shared_bytes) - TAIL_SIZE)
        return NULL;
    struct shared_bytes *bytes = mem_try_alloc(sizeof *bytes + size + TAIL_SIZE);
    if (!bytes)
        return NULL;
    bytes->size = size;
    bytes->references = 1;
    bytes->unused = 0;
    bytes->data[size] = '\0';
    return bytes;
}

struct shared_bytes *shared_bytes_create(const void *data, size_t size)
{
    struct shared_bytes *bytes = mem_alloc(sizeof *bytes + size + TAIL_SIZE);
    bytes->size = size;
    bytes->references = 1;
    bytes->unused = 0;
    if (size)
        memcpy(bytes->data, data, size);
    bytes->data[size] = '\0';
    return bytes;
}

void shared_bytes_release(struct shared_bytes *bytes)
{
    assert(bytes->references > 0);
    if (--bytes->references == 0)
        mem_free(bytes);
}
