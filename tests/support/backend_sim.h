/* A third backend, for tests alone: no kernel, a network in memory whose whims come from a seed.
 *
 * Arrivals come in pieces of any size, sends are short or wait for room, completions of different
 * sockets come in any order and any number of turns late, what was under way when receiving stopped
 * may still arrive, closing takes a while, leaving a loop may have to be tried again, and peers
 * reset. The same seed and the same calls make the same run.
 *
 * A socket of a loop is one end of a link; the test holds the other end, a `sim_peer`, and moves
 * bytes with plain calls that take effect at once. Descriptors are numbers that the kernel does not
 * know, so that a call that goes past the backend fails and hurts nobody. Received buffers are
 * allocated for exactly what they hold and wiped when they are released. One thread.
 */
#ifndef SUPPORT_BACKEND_SIM_H
#define SUPPORT_BACKEND_SIM_H

#include "base/random.h"
#include "io/loop.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_peer;

/* How the network behaves. sim_create draws one from the seed; a test may change it. Chances are of
 * 256. */
struct sim_manner {
    unsigned late;       /* a completion that could come waits for another turn */
    unsigned torn;       /* an arrival or a send is cut somewhere */
    unsigned tiny;       /* and then to a few bytes */
    unsigned early;      /* on_sent comes before the loop waits */
    unsigned afterwards; /* something arrives once more after receive_stop */
    unsigned refuses;    /* leaving the loop has to be tried again */
    size_t pipe_size;    /* bytes on their way to the peer; more have to wait */
};

/* `advance` moves the test's clock (sim_clock.h) when a loop would wait; NULL: time is real. */
struct sim *sim_create(uint64_t seed, void (*advance)(int64_t us));
/* Every socket and loop must be gone. Frees the peers too. */
void sim_destroy(struct sim *sim);
struct sim_manner *sim_manner(struct sim *sim);
/* The seed's own choices for the test: uniform in [0, bound). */
uint64_t sim_pick(struct sim *sim, uint64_t bound);
/* True with a chance of `of256`. */
bool sim_chance(struct sim *sim, unsigned of256);

/* A loop on the simulated network. */
struct loop *sim_loop_create(struct sim *sim);
/* Gives an existing loop without sockets and watches to it. */
void sim_take_over(struct sim *sim, struct loop *loop);

/* -- what may fail --
 * Each registering, accept, connect, arrival and finished send is a call, counted from 1. */
uint64_t sim_calls(const struct sim *sim);
/* The n-th call from now on fails with the error (ENOMEM, ECONNRESET...); 0: none. */
void sim_fail_call(struct sim *sim, uint64_t n, int error);
bool sim_has_failed(const struct sim *sim); /* it did */

/* -- the other ends -- */

struct sim_peer *sim_peer_create(struct sim *sim);
/* The descriptor of the loop's end, to be opened there once. */
int sim_peer_fd(const struct sim_peer *peer);
/* For a listening socket with descriptor `fd`: its next accept gives the peer's other end (NULL:
 * fails with -error). */
void sim_accept(struct sim *sim, int fd, struct sim_peer *peer, int error);
/* The kernel's descriptor that was registered last (a listening socket's), -1: none. */
int sim_last_fd(const struct sim *sim);
/* The other end of the newest socket that connected, once; NULL. */
struct sim_peer *sim_connected(struct sim *sim);
/* Takes as much as there is room for. Nothing after an end or a reset. */
size_t sim_peer_send(struct sim_peer *peer, const void *data, size_t size);
size_t sim_peer_receive(struct sim_peer *peer, void *data, size_t size);
/* End of stream behind what was sent; receiving goes on. */
void sim_peer_shut(struct sim_peer *peer);
/* Takes nothing more either: who sends gets an error. */
void sim_peer_close(struct sim_peer *peer);
/* At once; what was under way is lost, both ways. */
void sim_peer_reset(struct sim_peer *peer);
/* The loop's end was closed (or reset) and everything it sent was received. */
bool sim_peer_has_ended(const struct sim_peer *peer);
/* The loop's end is closed. */
bool sim_peer_is_gone(const struct sim_peer *peer);

#endif
