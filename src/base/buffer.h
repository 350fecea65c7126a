/* A growable byte buffer with a mandatory maximum.
 *
 * Every append either succeeds whole or leaves the buffer as it was and returns -1 (it would pass
 * size_max). The content is kept terminated by a NUL that size does not count, so `data` may be
 * used as a C string once something was appended (nothing at all counts too). One owner; any
 * thread.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/bytes.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data; /* NULL until the first append */
    size_t size;
    size_t capacity;
    size_t size_max;
    bool is_secret;
};

void buffer_init(struct buffer *buffer, size_t size_max);
/* What it held is wiped wherever it was, when it grows and at the end. */
void buffer_init_secret(struct buffer *buffer, size_t size_max);
void buffer_deinit(struct buffer *buffer);
/* size becomes 0; the allocation is kept. */
void buffer_clear(struct buffer *buffer);
/* Makes room for `size` more bytes; returns where they go (then buffer_commit), NULL past the
 * maximum. */
char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_commit(struct buffer *buffer, size_t size);
int buffer_append(struct buffer *buffer, const void *data, size_t size);
int buffer_append_text(struct buffer *buffer, const char *text);
int buffer_append_bytes(struct buffer *buffer, struct bytes bytes);
int buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Drops the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);
/* Hands the allocation (terminated) to the caller, who frees it with mem_free; empties the buffer.
 */
char *buffer_take(struct buffer *buffer);

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->data ? buffer->data : "", buffer->size);
}

#endif
