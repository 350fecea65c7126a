/* A slice: a pointer and a size, not owned, not terminated. Any thread. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct bytes {
    const char *data;
    size_t size;
};

#define BYTES_LITERAL(text) ((struct bytes){(text), sizeof(text) - 1})

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){data, size};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* memcmp order, the shorter one first when one is the other's prefix. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    if (order)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

/* ASCII case-insensitive equality with a C string. */
static inline bool bytes_is(struct bytes a, const char *text)
{
    size_t size = strlen(text);
    return a.size == size && (size == 0 || strncasecmp(a.data, text, size) == 0);
}

#endif
