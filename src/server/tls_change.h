/* CONFIG SET of what TLS contexts are built from, or of more I/O threads, which need some: the
 * files are read and the contexts built by a background worker, while other clients are served and
 * the one that asked waits (CLIENT_BLOCKED). Then everything the command named is applied at once,
 * or nothing. Main thread.
 *
 * EXEC of a transaction that holds such commands waits in the same way, before anything of it runs:
 * its CONFIG SETs are rehearsed, each on top of those before it, and what each needs is prepared,
 * one after the other. Then EXEC runs in one go. A failed preparation is an error of that CONFIG
 * SET alone.
 *
 * One change is prepared at a time, the others wait in order; each is tried again, with the values
 * of that moment, when its turn comes. What was put in force or changed meanwhile (another number
 * of threads, other settings) makes it be prepared once more. A CONFIG SET is made also when its
 * client has gone; a transaction is not: it has not begun.
 */
#ifndef SERVER_TLS_CHANGE_H
#define SERVER_TLS_CHANGE_H

#include "base/bytes.h"
#include "base/option.h"
#include <stdbool.h>

struct server;
struct client;
struct request;
struct tls_change;
struct tls_material;

enum { TLS_CHANGES_PER_EXEC_MAX = 16 }; /* each has contexts for all threads */

struct tls_changes {
    struct tls_change *first; /* with the worker */
    struct tls_change *last;
    struct tls_change *running; /* all is prepared, its commands are run; or NULL */
    /* -- while the configuration is rehearsed or applied -- */
    uint8_t mode; /* enum in tls_change.c */
    bool needs_contexts;
    int spare_count; /* of threads that it starts */
    bool is_same;    /* the settings are those that `candidate` was built from */
    const struct tls_material *candidate;
    const char *failure;
    struct tls_material *prepared; /* to be put in force by apply.c, which clears it */
};

/* server_control.defer_config_set: true when the command waits for new contexts; it will be
 * answered. False: there is nothing to wait for, or it is wrong, so it is to be run now. */
bool tls_change_defer(void *server, struct client *client, int argc, const struct bytes *argv,
                      bool may_set_protected);
/* server_control.defer_exec, likewise. */
bool tls_change_defer_exec(void *server, struct client *client, struct request *request);
/* server_control.set_config. What needs contexts and has none is refused. */
int tls_change_set(void *server, int argc, const struct bytes *argv, bool may_set_protected,
                   struct buffer *error);
/* Called with the new values in the settings, before they are put back (config_observe_trial). */
int tls_change_try(void *server, const struct option_changes *changes, struct buffer *error);
/* Likewise for the group of io-threads: each thread that will start needs contexts as well. */
int tls_change_try_threads(void *server, const struct option_changes *changes,
                           struct buffer *error);

#endif
