/* The wire side of a connection: the list of received buffers and the growing block of output.
 *
 * The block belongs to the loop's byte pool and exists only while it holds something; it grows
 * through the pool's sizes by copying, never past WIRE_OUT_SIZE_MAX. The loop's thread.
 */
#include "base/assert.h"
#include "base/memory.h"
#include "io/byte_pool.h"
#include "io/transport.h"
#include <string.h>

void wire_append(struct transport_wire *wire, struct io_buffer *buffer)
{
    assert(buffer->size > 0);
    assert(!wire->in_ended);
    buffer->next = NULL;
    buffer->offset = 0;
    if (wire->in_tail != NULL)
        wire->in_tail->next = buffer;
    else
        wire->in_head = buffer;
    wire->in_tail = buffer;
    wire->in_size += buffer->size;
    wire->in_count++;
}

static void release_head(struct transport_wire *wire)
{
    struct io_buffer *buffer = wire->in_head;
    wire->in_head = buffer->next;
    if (wire->in_head == NULL)
        wire->in_tail = NULL;
    assert(wire->in_count > 0);
    wire->in_count--;
    io_buffer_release(wire->loop, buffer);
}

void wire_drop_input(struct transport_wire *wire)
{
    while (wire->in_head != NULL)
        release_head(wire);
    wire->in_size = 0;
}

static size_t take(struct transport_wire *wire, void *destination, size_t size, bool wipes)
{
    char *to = destination;
    size_t taken = 0;
    assert(wire->in_taken <= WIRE_TURN_SIZE_MAX);
    if (size > WIRE_TURN_SIZE_MAX - wire->in_taken)
        size = WIRE_TURN_SIZE_MAX - wire->in_taken;
    while (taken < size && wire->in_head != NULL) {
        struct io_buffer *buffer = wire->in_head;
        size_t left = buffer->size - buffer->offset;
        size_t part = size - taken < left ? size - taken : left;
        memcpy(to + taken, buffer->data + buffer->offset, part);
        if (wipes)
            mem_wipe(buffer->data + buffer->offset, part);
        taken += part;
        buffer->offset += (uint32_t)part;
        if (part == left)
            release_head(wire);
    }
    assert(wire->in_size >= taken);
    wire->in_size -= taken;
    wire->in_taken += taken > 0 ? taken + WIRE_TAKE_COST : 0;
    if (wire->in_taken > WIRE_TURN_SIZE_MAX)
        wire->in_taken = WIRE_TURN_SIZE_MAX;
    return taken;
}

size_t wire_take(struct transport_wire *wire, void *destination, size_t size)
{
    return take(wire, destination, size, false);
}

size_t wire_move(struct transport_wire *wire, void *destination, size_t size)
{
    return take(wire, destination, size, true);
}

int wire_peek(const struct transport_wire *wire)
{
    const struct io_buffer *buffer = wire->in_head;
    if (buffer == NULL)
        return -1;
    assert(buffer->offset < buffer->size);
    return (unsigned char)buffer->data[buffer->offset];
}

static void grow(struct transport_wire *wire, size_t size)
{
    struct byte_pool *pool = loop_byte_pool(wire->loop);
    size_t capacity = 0;
    char *block = byte_pool_take(pool, size, &capacity);
    if (wire->out != NULL) {
        memcpy(block, wire->out, wire->out_size);
        byte_pool_give(pool, wire->out, wire->out_capacity);
    }
    wire->out = block;
    wire->out_capacity = capacity;
}

char *wire_reserve(struct transport_wire *wire, size_t size)
{
    if (size > WIRE_OUT_SIZE_MAX - wire->out_size)
        return NULL;
    if (wire->out_size + size > wire->out_capacity)
        grow(wire, wire->out_size + size);
    return wire->out + wire->out_size;
}

void wire_commit(struct transport_wire *wire, size_t size)
{
    assert(wire->out_size + size <= wire->out_capacity);
    wire->out_size += size;
}

void wire_drop_output(struct transport_wire *wire)
{
    if (wire->out != NULL)
        byte_pool_give(loop_byte_pool(wire->loop), wire->out, wire->out_capacity);
    wire->out = NULL;
    wire->out_size = 0;
    wire->out_capacity = 0;
}
