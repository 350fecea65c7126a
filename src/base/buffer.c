/* Growable byte buffer with a maximum. Capacity doubles, and always has room for the closing NUL.
 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

enum { CAPACITY_MIN = 64 };

void buffer_init(struct buffer *buffer, size_t size_max)
{
    assert(size_max < SIZE_MAX / 2);
    *buffer = (struct buffer){.size_max = size_max};
}

void buffer_init_secret(struct buffer *buffer, size_t size_max)
{
    buffer_init(buffer, size_max);
    buffer->is_secret = true;
}

void buffer_deinit(struct buffer *buffer)
{
    if (buffer->is_secret && buffer->data)
        mem_free_secret(buffer->data, buffer->capacity);
    else
        mem_free(buffer->data);
    *buffer = (struct buffer){.size_max = buffer->size_max, .is_secret = buffer->is_secret};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

static void move_secret(struct buffer *buffer, size_t capacity)
{
    char *data = mem_alloc(capacity);
    memcpy(data, buffer->data, buffer->size + 1);
    mem_free_secret(buffer->data, buffer->capacity);
    buffer->data = data;
}

static void grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    if (capacity < CAPACITY_MIN)
        capacity = CAPACITY_MIN;
    if (capacity > buffer->size_max + 1)
        capacity = buffer->size_max + 1;
    assert(capacity >= needed);
    bool is_fresh = !buffer->data;
    if (buffer->is_secret && !is_fresh)
        move_secret(buffer, capacity);
    else
        buffer->data = mem_realloc(buffer->data, capacity);
    buffer->capacity = capacity;
    if (is_fresh)
        buffer->data[0] = '\0';
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
    assert(buffer->size <= buffer->size_max);
    if (size > buffer->size_max - buffer->size)
        return NULL;
    size_t needed = buffer->size + size + 1;
    if (needed > buffer->capacity)
        grow(buffer, needed);
    return buffer->data + buffer->size;
}

void buffer_commit(struct buffer *buffer, size_t size)
{
    assert(buffer->size + size < buffer->capacity);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

int buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    char *destination = buffer_reserve(buffer, size);
    if (!destination)
        return -1;
    if (size)
        memcpy(destination, data, size);
    buffer_commit(buffer, size);
    return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

int buffer_append_bytes(struct buffer *buffer, struct bytes bytes)
{
    return buffer_append(buffer, bytes.data, bytes.size);
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = buffer_vprintf(buffer, format, args);
    va_end(args);
    return result;
}

int buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
    char *destination = buffer_reserve(buffer, 0);
    assert(destination);
    size_t room = buffer->capacity - buffer->size;
    va_list again;
    va_copy(again, args);
    int written = vsnprintf(destination, room, format, args);
    assert(written >= 0);
    size_t size = (size_t)written;
    int result = 0;
    if (size >= room) {
        *destination = '\0';
        destination = buffer_reserve(buffer, size);
        if (destination)
            vsnprintf(destination, size + 1, format, again);
        else
            result = -1;
    }
    va_end(again);
    if (result == 0)
        buffer_commit(buffer, size);
    return result;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    if (size == 0)
        return;
    buffer->size -= size;
    memmove(buffer->data, buffer->data + size, buffer->size);
    buffer->data[buffer->size] = '\0';
}

char *buffer_take(struct buffer *buffer)
{
    buffer_reserve(buffer, 0);
    char *data = buffer->data;
    *buffer = (struct buffer){.size_max = buffer->size_max, .is_secret = buffer->is_secret};
    return data;
}
