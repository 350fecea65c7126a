/* TLS contexts for all threads, prepared by a background worker from a copy of the settings; for
 * the auto reload (tls_reload.c) and for CONFIG SET (tls_change.c). Owned by main, then by the
 * worker, then by main again.
 */
#ifndef SERVER_TLS_MATERIAL_H
#define SERVER_TLS_MATERIAL_H

#include "io/tls_context.h"
#include "io/tls_progress.h"
#include "server/tls_reload.h"

struct server;

enum tls_material_kind {
    TLS_MATERIAL_ALL,        /* for the threads there are, and spares */
    TLS_MATERIAL_IF_CHANGED, /* likewise, when the files are others than those seen last */
    TLS_MATERIAL_SPARES      /* only for threads that will start */
};

struct tls_material {
    struct server *server;     /* main's; not touched by the worker */
    const void *owner;         /* of who asked for it */
    struct tls_material *next; /* likewise */
    struct tls_settings *settings;
    struct tls_tickets *tickets;
    uint64_t generation; /* of what was in force when this was begun */
    int thread_count;    /* io_pool_count then */
    enum tls_material_kind kind;
    const struct background *background;
    struct tls_progress progress;
    struct tls_fingerprint seen; /* with which there is nothing to do */
    struct tls_fingerprint found;
    /* One per thread, then the spares. NULL: nothing changed, or it failed. */
    struct tls_context **contexts;
    int count;
    int spare_count;
    char error[256]; /* why it failed */
};

/* How many contexts: one for main, one for each of the threads that there will be when they are put
 * in force, and spares. */
struct tls_material_size {
    int thread_count;
    int spare_count;
};

/* Copies what the worker needs of the settings as they are now, and submits; `done` runs on main
 * with the material, which it frees. */
void tls_material_prepare(struct server *server, enum tls_material_kind kind,
                          struct tls_material_size size, void (*done)(void *material),
                          const void *owner);
/* For the threads there are. */
struct tls_material_size tls_material_size_now(const struct server *server, int spare_count);
/* From the cron: gives up on a file that could not be read in tls-file-timeout milliseconds. Who
 * asked gets material with that error, and the worker is abandoned (base/background.h): what it
 * still brings is dropped. While too many of them have not returned, all is refused. */
void tls_material_cron(struct server *server);
/* True when a file system hung, still does, and nothing was put in force since: what is done
 * without being asked for need not try. */
bool tls_material_is_hanging(const struct server *server);
/* False when contexts were put in force, or the threads became others, since it was begun. */
bool tls_material_is_current(const struct tls_material *material);
/* Whether a change that was made before it left everything as was foreseen: there is a context for
 * each thread, and none too many. */
bool tls_material_fits(const struct tls_material *material);
/* Whether the files that were read are those of the contexts in force. Spares of others must not be
 * used: all threads have the same. */
bool tls_material_is_of_files_in_force(const struct tls_material *material);
/* Before any of it is used: the contexts' sessions are those of after tls_material_install. */
void tls_material_set_epoch(struct tls_material *material);
/* Puts the contexts in force on all threads: cannot fail. They belong to the threads then. */
void tls_material_install(struct tls_material *material);
void tls_material_free(struct tls_material *material);

#endif
