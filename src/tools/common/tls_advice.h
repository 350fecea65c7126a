/* What to do about a TLS connection that failed. No state; any thread. */
#ifndef TOOLS_COMMON_TLS_ADVICE_H
#define TOOLS_COMMON_TLS_ADVICE_H

/* Half a sentence that explains a failure and names the flags that help ("the server's certificate
 * ..."); NULL when the reason (sync_client_error) speaks for itself. */
const char *tls_advice(const char *reason);

#endif
