/* Strings as values. Main thread. */
#include "types/string_type.h"
#include "base/memory.h"
#include "base/number.h"

enum { GROWTH_DOUBLES_UP_TO = 1024 * 1024 };

enum value_encoding string_classify(struct bytes text, int64_t *integer)
{
    if (text.size <= STRING_INTEGER_TEXT_MAX && text.size > 0 &&
        (unsigned char)(text.data[0] - '-') <= '9' - '-' && number_parse_i64(text, integer))
        return ENCODING_INT;
    return string_encoding_of_size(text.size);
}

size_t string_shared_capacity(const struct shared_bytes *shared)
{
    return mem_usable_size(shared) - sizeof(struct shared_bytes) - 1;
}

size_t string_capacity_for(size_t size)
{
    size_t more = size < GROWTH_DOUBLES_UP_TO ? size : GROWTH_DOUBLES_UP_TO;
    return size > SIZE_MAX - more ? size : size + more;
}

static void set_size(struct shared_bytes *shared, size_t size)
{
    if (size > shared->size)
        memset(shared->data + shared->size, 0, size - shared->size);
    shared->size = size;
    shared->data[size] = '\0';
}

struct shared_bytes *string_shared_writable(struct shared_bytes *shared, size_t size, bool grows)
{
    size_t wanted = size > shared->size ? size : shared->size;
    if (shared->references == 1 && wanted <= string_shared_capacity(shared)) {
        set_size(shared, wanted);
        return shared;
    }
    size_t capacity = grows && wanted > shared->size ? string_capacity_for(wanted) : wanted;
    struct shared_bytes *fresh = shared_bytes_try_create(capacity);
    if (!fresh && capacity > wanted)
        fresh = shared_bytes_try_create(wanted);
    if (!fresh)
        return NULL;
    memcpy(fresh->data, shared->data, shared->size);
    fresh->size = shared->size;
    set_size(fresh, wanted);
    shared_bytes_release(shared);
    return fresh;
}
