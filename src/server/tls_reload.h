/* tls-auto-reload-interval: notices changed certificate material (whole files and folders, by
 * content) and puts it in force on all threads or none. Reading, hashing and building happen on a
 * background worker; main only swaps. Main thread.
 */
#ifndef SERVER_TLS_RELOAD_H
#define SERVER_TLS_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

struct server;

/* Hashes of what was last put in force: all of it, and of what we trust (CA and CRL) alone. */
struct tls_fingerprint {
    uint64_t material;
    uint64_t authority;
};

struct tls_reload {
    struct tls_fingerprint loaded;
    int64_t next_ms;
    bool is_running; /* a job is with the worker */
    uint64_t done;
    uint64_t failed;
    char last_error[256]; /* "" when the last one succeeded */
};

/* Contexts are going to be built (CONFIG SET): when the authority has changed, sessions made under
 * the old one end. Reads the files. */
void tls_reload_prepare(struct server *server);
/* Material was just loaded (start, CONFIG SET): remembers what it is. Reads the files. */
void tls_reload_note_loaded(struct server *server);
/* From the cron: begins a look when the interval has passed. */
void tls_reload_cron(struct server *server);

#endif
