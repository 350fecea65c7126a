/* Listening sockets: bind with several addresses, IPv6, unix sockets with their final mode. The
 * main thread's loop. */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include "io/address.h"
#include "io/loop.h"

struct listener;

struct listener_options {
    int backlog;
    bool shares_port;          /* beside listeners that listener_share_port was told about */
    uint32_t mark;             /* SO_MARK of TCP sockets; 0: none. Needs CAP_NET_ADMIN */
    uint32_t accepts_per_turn; /* at most so many on_accept calls a turn; the rest wait */
    void *owner;
    int kind; /* the caller's tag: tcp, tls, unix */
    /* fd is non-blocking, TCP_NODELAY set; the callee owns it. */
    void (*on_accept)(struct listener *listener, int fd);
};

/* NULL and a reason in error[256]. IPv6 sockets are v6-only. */
struct listener *listener_create(struct loop *loop, const struct address *address,
                                 const struct listener_options *options, char *error);
/* Creates the socket file with `mode` from the beginning (no moment with another); removes a stale
 * file that nobody listens on. */
struct listener *listener_create_unix(struct loop *loop, const char *path, unsigned mode,
                                      const struct listener_options *options, char *error);
void *listener_owner(const struct listener *listener);
int listener_kind(const struct listener *listener);
/* "127.0.0.1:6379" */
const char *listener_address(const struct listener *listener);
/* Whether listeners of this process that want it may have the port as well, on an address that
 * overlaps (0.0.0.0 and 127.0.0.1): while one takes the place of another. */
void listener_share_port(struct listener *listener, bool shares);
void listener_set_accepts_per_turn(struct listener *listener, uint32_t count);
/* Frees itself when the loop has let go of it. The unix file is removed. */
void listener_close(struct listener *listener);
/* Keepalive as Redis sets it: idle = seconds, interval seconds/3, 3 probes; 0 leaves it off.
 * Returns 0 or -errno. */
int socket_set_keepalive(int fd, int seconds);

#endif
