/* What a peer's certificates say, for people: the tools print it. Only between on_opened and
 * on_closed, on the connection's thread. */
#ifndef IO_TLS_CHAIN_H
#define IO_TLS_CHAIN_H

#include "io/transport.h"
#include <stdint.h>

enum { TLS_CHAIN_MAX = 10, TLS_CHAIN_TEXT_MAX = 256 };

struct tls_chain_link {
    char subject[TLS_CHAIN_TEXT_MAX]; /* "O=Example, CN=server" */
    char issuer[TLS_CHAIN_TEXT_MAX];
    char names[2 * TLS_CHAIN_TEXT_MAX]; /* "DNS:localhost, IP Address:127.0.0.1", may be empty */
    char key[64];                       /* "EC, 256 bits" */
    int64_t begins_wall_s;              /* 0 when it cannot be read */
    int64_t expires_wall_s;
};

/* Fills the links from the peer's certificate up, as it was verified or, without a verification, as
 * the peer sent it; returns how many. `verdict` receives "ok" or why verification failed. 0 for a
 * plain transport. */
int tls_chain_describe(const struct transport *transport, struct tls_chain_link *links,
                       int links_max, char *verdict, size_t verdict_size);

#endif
