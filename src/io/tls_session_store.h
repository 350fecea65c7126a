/* Sessions kept in memory, for clients and settings without stateless tickets. Shared by the
 * contexts of all threads, so that a client resumes wherever it lands. Values are opaque bytes.
 * Bounded by the given maximum (0: none); the oldest leave first. Any thread: a mutex, taken once
 * or twice a handshake. */
#ifndef IO_TLS_SESSION_STORE_H
#define IO_TLS_SESSION_STORE_H

#include <stddef.h>
#include <stdint.h>

enum { TLS_SESSION_ID_MAX = 32, TLS_SESSION_SIZE_MAX = 16 * 1024 };

struct tls_session_store;

struct tls_session_store *tls_session_store_create(void);
/* Values are wiped. */
void tls_session_store_destroy(struct tls_session_store *store);
/* Copies the value; replaces one of the same id. `expires_s` on the caller's clock, as `now_s`
 * below. */
void tls_session_store_put(struct tls_session_store *store, const void *id, size_t id_size,
                           const void *value, size_t size, int64_t expires_s, size_t count_max);
/* A copy of the value (mem_free_secret it), or NULL when unknown or expired. */
void *tls_session_store_get(struct tls_session_store *store, const void *id, size_t id_size,
                            int64_t now_s, size_t *size);
void tls_session_store_remove(struct tls_session_store *store, const void *id, size_t id_size);
void tls_session_store_clear(struct tls_session_store *store);
size_t tls_session_store_count(struct tls_session_store *store);

#endif
