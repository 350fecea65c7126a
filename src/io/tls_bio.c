/* The BIO of tls_bio.h. A read with nothing received asks to be retried, whether or not the stream
 * has ended: the transport looks at wire.in_ended itself. A write takes all or nothing; nothing
 * means that the output window is full, and asks to be retried. */
#include "io/tls_bio.h"

#include "base/assert.h"
#include <string.h>

static int read_wire(BIO *bio, char *destination, size_t size, size_t *count)
{
    const struct tls_bio_port *port = tls_bio_port_of(bio);
    struct transport_wire *wire = port->wire;
    assert(wire);
    BIO_clear_retry_flags(bio);
    *count = wire->in_size && !port->is_cut ? wire_take(wire, destination, size) : 0;
    if (*count)
        return 1;
    BIO_set_retry_read(bio);
    return -1;
}

static int write_wire(BIO *bio, const char *source, size_t size, size_t *count)
{
    struct transport_wire *wire = tls_bio_port_of(bio)->wire;
    *count = 0;
    BIO_clear_retry_flags(bio);
    if (size == 0)
        return 1;
    char *room = wire ? wire_reserve(wire, size) : NULL;
    if (!room) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(room, source, size);
    wire_commit(wire, size);
    *count = size;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    const struct transport_wire *wire = tls_bio_port_of(bio)->wire;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_PENDING:
        return wire ? (long)wire->in_size : 0;
    default: /* the library probes for many others: kTLS, datagrams, ... */
        return 0;
    }
}

static int created(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *tls_bio_method_create(void)
{
    int type = BIO_get_new_index();
    BIO_METHOD *method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "wire");
    if (!method)
        return NULL;
    BIO_meth_set_create(method, created);
    BIO_meth_set_read_ex(method, read_wire);
    BIO_meth_set_write_ex(method, write_wire);
    BIO_meth_set_ctrl(method, control);
    return method;
}

BIO *tls_bio_create(const BIO_METHOD *method, struct tls_bio_port *port)
{
    assert(method && port);
    BIO *bio = BIO_new(method);
    if (bio)
        BIO_set_data(bio, port);
    return bio;
}

struct tls_bio_port *tls_bio_port_of(BIO *bio)
{
    struct tls_bio_port *port = BIO_get_data(bio);
    assert(port);
    return port;
}
