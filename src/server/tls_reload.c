/* See tls_reload.h. */
#include "server/tls_reload.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/tls_tickets.h"
#include "server/server.h"

enum { ERROR_SIZE = 256 };

/* One look at the material, on its way through the worker. Owned by main, then by the worker, then
 * by main again. */
struct reload_job {
    struct server *server; /* main's; not touched by the worker */
    struct tls_settings *settings;
    struct tls_tickets *tickets;
    struct tls_fingerprint old;
    struct tls_fingerprint found;
    struct tls_context **contexts; /* one per thread; NULL: nothing changed, or it failed */
    int count;
    char error[ERROR_SIZE];
};

static struct tls_fingerprint take_fingerprint(const struct tls_settings *settings)
{
    return (struct tls_fingerprint){tls_settings_fingerprint(settings),
                                    tls_settings_trust_fingerprint(settings)};
}

static bool is_same(struct tls_fingerprint a, struct tls_fingerprint b)
{
    return a.material == b.material && a.authority == b.authority;
}

/* -- the job -- */

static void release_contexts(struct reload_job *job)
{
    for (int i = 0; job->contexts && i < job->count; i++)
        tls_context_release(job->contexts[i]);
    mem_free(job->contexts);
    job->contexts = NULL;
}

/* On the worker. */
static void look(void *argument)
{
    struct reload_job *job = argument;
    job->found = take_fingerprint(job->settings);
    if (is_same(job->found, job->old))
        return;
    /* Before the contexts are built: each carries the epoch it was born in. */
    if (job->found.authority != job->old.authority)
        tls_tickets_new_epoch(job->tickets);
    job->contexts = mem_calloc((size_t)job->count, sizeof(struct tls_context *));
    for (int i = 0; i < job->count; i++) {
        job->contexts[i] = tls_context_create(job->settings, job->tickets, job->settings->port != 0,
                                              job->error, sizeof(job->error));
        if (!job->contexts[i]) {
            release_contexts(job);
            return;
        }
    }
}

static void fail(struct tls_reload *reload, const struct reload_job *job)
{
    reload->failed++;
    text_copy(reload->last_error, sizeof(reload->last_error), job->error);
    log_warning("Background TLS reload failed: %s", job->error);
}

static void put_in_force(struct server *server, struct reload_job *job)
{
    entering_main();
    struct tls_reload *reload = &server->tls_reload;
    io_pool_install_tls(server->pool, job->contexts);
    mem_free(job->contexts);
    job->contexts = NULL;
    reload->done++;
    reload->last_error[0] = '\0';
    log_notice("TLS materials reloaded successfully");
}

/* On main. What was loaded meanwhile by CONFIG SET, or for another number of threads, wins: the
 * next look compares with that. */
static void finish(void *argument)
{
    struct reload_job *job = argument;
    struct server *server = job->server;
    struct tls_reload *reload = &server->tls_reload;
    reload->is_running = false;
    bool is_outdated = !is_same(job->old, reload->loaded) ||
                       job->count != io_pool_count(server->pool) + 1 || server->is_stopping;
    if (job->error[0] && !is_outdated) {
        reload->loaded = job->found; /* said once, not at every look */
        fail(reload, job);
    } else if (job->contexts && !is_outdated) {
        reload->loaded = job->found;
        put_in_force(server, job);
    }
    release_contexts(job);
    tls_settings_free(job->settings);
    mem_free(job);
}

void tls_reload_note_loaded(struct server *server)
{
    server->tls_reload.loaded = take_fingerprint(&server->settings.tls);
}

void tls_reload_prepare(struct server *server)
{
    const struct tls_fingerprint *loaded = &server->tls_reload.loaded;
    if (tls_settings_trust_fingerprint(&server->settings.tls) != loaded->authority)
        tls_tickets_new_epoch(server->tickets);
}

void tls_reload_cron(struct server *server)
{
    entering_main();
    struct tls_reload *reload = &server->tls_reload;
    int64_t interval_ms = server->settings.tls.auto_reload_interval * 1000;
    if (interval_ms == 0 || reload->is_running || !io_pool_tls(server->pool) || server->is_stopping)
        return;
    if (clock_ms() < reload->next_ms)
        return;
    reload->next_ms = clock_ms() + interval_ms;
    reload->is_running = true;
    struct reload_job *job = mem_calloc(1, sizeof(*job));
    job->server = server;
    job->settings = tls_settings_clone(&server->settings.tls);
    job->tickets = server->tickets;
    job->old = reload->loaded;
    job->count = io_pool_count(server->pool) + 1;
    background_submit(server->background, BACKGROUND_PREPARE, look, finish, job);
}
