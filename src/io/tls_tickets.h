/* Resumption, shared by the contexts of all threads, so that a client resumes on whichever thread
 * it lands and across reloads: the keys of session tickets, and the sessions kept in memory for
 * clients and settings without tickets. The key in use rotates; the two before it still decrypt.
 * [X]: mutexes, taken once or twice a handshake; the epoch is read without. */
#ifndef IO_TLS_TICKETS_H
#define IO_TLS_TICKETS_H

#include <stddef.h>
#include <stdint.h>

struct tls_tickets;

struct tls_tickets *tls_tickets_create(void);
/* After every context that used it is gone. Keys are wiped. */
void tls_tickets_destroy(struct tls_tickets *tickets);
/* Makes a new current key. Any thread. */
void tls_tickets_rotate(struct tls_tickets *tickets);
/* Rotates when `interval_s` (> 0) have passed since the last; call from a cron. */
void tls_tickets_rotate_if_due(struct tls_tickets *tickets, int64_t interval_s);
/* Forgets all keys and begins a new epoch: older sessions of every kind are refused (CA or CRL
 * changed). */
void tls_tickets_new_epoch(struct tls_tickets *tickets);
uint64_t tls_tickets_epoch(const struct tls_tickets *tickets);
/* Sessions kept in memory (TLS 1.2 session ids, and TLS 1.3 with tls-session-tickets no). */
size_t tls_tickets_session_count(struct tls_tickets *tickets);

#endif
