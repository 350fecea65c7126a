/* Addresses as text and as sockets know them. Any thread. */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

#include "base/assert.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_MAX = 128 };

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* Numeric IPv4 or IPv6 ("*" and "::*" are the wildcards of each family). 0 or -EINVAL. */
int address_parse(const char *host, int port, struct address *address) MUST_CHECK;
int address_unix(const char *path, struct address *address) MUST_CHECK;
/* "127.0.0.1:6379", "[::1]:6379", "/path:0": the form of CLIENT LIST. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]);
/* Of a connected socket; "?:0" when unknown. For unix sockets both are "path:0" of `unix_path`. */
void address_of_peer(int fd, char text[ADDRESS_TEXT_MAX]);
void address_of_local(int fd, char text[ADDRESS_TEXT_MAX]);
bool address_is_loopback(const struct address *address);
int address_peer(int fd, struct address *address) MUST_CHECK;
/* getaddrinfo, blocking: for tools and outgoing links on a background thread; "localhost" works
 * without a resolver too. Returns how many were written. */
int address_resolve(const char *host, int port, struct address *addresses, int count_max,
                    char *error);

#endif
