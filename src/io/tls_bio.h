/* A BIO over a connection's wire: reads come straight from the received blocks, writes go straight
 * to the end of the output block. No descriptor and no buffer of its own. The BIO knows its wire
 * through a port that the owner points at the wire for the time of one call. One thread at a time.
 */
#ifndef IO_TLS_BIO_H
#define IO_TLS_BIO_H

#include "io/transport.h"
#include <openssl/bio.h>

struct tls_bio_port {
    struct transport_wire *wire;
    bool is_cut; /* nothing is read any more, whatever was received */
};

/* The method's table; made once per process. NULL when memory is short. */
BIO_METHOD *tls_bio_method_create(void);
/* `port` must outlive the BIO. NULL when memory is short. */
BIO *tls_bio_create(const BIO_METHOD *method, struct tls_bio_port *port);
struct tls_bio_port *tls_bio_port_of(BIO *bio);

#endif
