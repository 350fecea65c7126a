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

static inline bool tls_fingerprint_is_same(struct tls_fingerprint a, struct tls_fingerprint b)
{
    return a.material == b.material && a.authority == b.authority;
}

struct tls_reload {
    struct tls_fingerprint loaded;
    struct tls_fingerprint seen; /* that, or what the last look found and could not load */
    uint64_t generation;         /* changes whenever contexts are put in force */
    int64_t next_ms;
    bool is_running; /* a job is with the worker */
    bool has_hung;   /* a file of what was to be put in force after that generation */
    uint64_t done;
    uint64_t failed;
    char last_error[256]; /* "" when the last one succeeded */
};

/* `found` is in force. */
void tls_reload_note_fingerprint(struct server *server, struct tls_fingerprint found);
/* Material was just loaded (at start): remembers what it is. Reads the files. */
void tls_reload_note_loaded(struct server *server);
/* Counts a change that was put in force, or the reason why it was not. */
void tls_reload_note_result(struct server *server, const char *error);
/* From the cron: begins a look when the interval has passed. */
void tls_reload_cron(struct server *server);

#endif
