/* The transport that adds nothing: wire bytes are the plaintext. Stateless, one object for all. */
#include "io/transport.h"
#include <string.h>

static enum transport_result plain_handshake(struct transport *transport,
                                             struct transport_wire *wire)
{
    (void)transport;
    (void)wire;
    return TRANSPORT_DONE;
}

static enum transport_result plain_read(struct transport *transport, struct transport_wire *wire,
                                        char *destination, size_t size, size_t *count)
{
    (void)transport;
    *count = wire_move(wire, destination, size);
    if (*count > 0)
        return TRANSPORT_DONE;
    if (!wire->in_ended || wire->in_size > 0)
        return TRANSPORT_NEED_INPUT;
    wire->outcome = wire->in_was_reset ? OUTCOME_RESET : OUTCOME_CLOSED_CLEAN;
    return TRANSPORT_CLOSED;
}

static enum transport_result plain_write(struct transport *transport, struct transport_wire *wire,
                                         const char *source, size_t size, size_t *count)
{
    (void)transport;
    size_t room = WIRE_OUT_SIZE_MAX - wire->out_size;
    size_t part = size < room ? size : room;
    *count = part;
    if (part == 0)
        return TRANSPORT_NEED_OUTPUT;
    char *to = wire_reserve(wire, part);
    assert(to != NULL);
    memcpy(to, source, part);
    wire_commit(wire, part);
    return TRANSPORT_DONE;
}

static bool plain_has_pending(const struct transport *transport)
{
    (void)transport;
    return false;
}

static void plain_shutdown(struct transport *transport, struct transport_wire *wire)
{
    (void)transport;
    (void)wire;
}

static void plain_destroy(struct transport *transport)
{
    (void)transport;
}

static const struct transport_ops plain_ops = {
    .name = "tcp",
    .handshake = plain_handshake,
    .read = plain_read,
    .write = plain_write,
    .has_pending = plain_has_pending,
    .shutdown = plain_shutdown,
    .destroy = plain_destroy,
};

struct transport *transport_plain(void)
{
    /* Never written: the transport has no state. */
    static struct transport plain = {.ops = &plain_ops};
    return &plain;
}
