/* OpenSSL's error queue as one readable line, and as the class that counters and logs go by. Any
 * thread; the queue is the calling thread's. */
#ifndef IO_TLS_ERRORS_H
#define IO_TLS_ERRORS_H

#include "io/transport.h"

/* Makes the queue empty. It nearly always is: looking is cheaper than clearing. */
void tls_errors_clear(void);
/* Writes the reason of the oldest error ("no such file or directory", "key values mismatch") and
 * drains the queue. */
void tls_errors_take(char *text, size_t size);
/* The same for a connection's failed call. `verify_result` is the X509_V_ code of a refused peer.
 * An alert reads as its name ("unknown ca"). Returns the class. */
enum handshake_failure tls_errors_classify(long verify_result, char *text, size_t size);
/* The class of a refused certificate. */
enum handshake_failure tls_errors_of_certificate(long verify_result);

#endif
