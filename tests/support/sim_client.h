/* A client at the far end of a simulated link: plain bytes, or OpenSSL itself on memory BIOs, so
 * that the server's TLS is not tested against itself. What it writes and reads is plaintext. */
#ifndef SUPPORT_SIM_CLIENT_H
#define SUPPORT_SIM_CLIENT_H

#include "backend_sim.h"

struct ssl_ctx_st;
struct sim_client;

/* A context for clients: `version` is "TLSv1.2", "TLSv1.3" or NULL for both. The certificate may be
 * NULL. Made with the files of tests/tls/. */
struct ssl_ctx_st *sim_client_context(const char *version, const char *cert, const char *key);

/* `tls` NULL: plain. */
struct sim_client *sim_client_create(struct sim_peer *peer, struct ssl_ctx_st *tls);
void sim_client_destroy(struct sim_client *client);
struct sim_peer *sim_client_peer(struct sim_client *client);
/* Moves what it can, both ways: shakes hands, sends what waits. Called once a turn. */
void sim_client_pump(struct sim_client *client);
bool sim_client_is_open(const struct sim_client *client); /* the handshake is over */
/* Takes a part, perhaps nothing; nothing before the handshake is over. */
size_t sim_client_write(struct sim_client *client, const void *data, size_t size);
size_t sim_client_read(struct sim_client *client, void *data, size_t size);
/* Ends its stream behind what it wrote; politely: with close_notify. Reading goes on. */
void sim_client_shut(struct sim_client *client, bool is_polite);
/* The server's stream is over and was read; politely: it sent close_notify. */
bool sim_client_has_ended(struct sim_client *client);
bool sim_client_saw_goodbye(const struct sim_client *client);
/* TLS: asks for new keys of both directions (1.3). */
void sim_client_update_keys(struct sim_client *client);

#endif
