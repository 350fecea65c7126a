/* See tls_reload.h. */
#include "server/tls_reload.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/tls_tickets.h"
#include "server/server.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MATERIAL_SIZE_MAX = 64 * 1024 * 1024, ERROR_SIZE = 256 };

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

/* -- fingerprints: any thread -- */

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    uint64_t pair[2] = {hash, hash_bytes(data, size)};
    return hash_bytes(pair, sizeof(pair));
}

static uint64_t add_file(uint64_t hash, const char *path)
{
    if (!path)
        return hash;
    struct buffer content;
    buffer_init(&content, MATERIAL_SIZE_MAX);
    int result = file_read(path, &content);
    hash = mix(hash, path, strlen(path));
    hash = mix(hash, &result, sizeof(result));
    hash = mix(hash, content.data, content.size);
    if (content.size)
        mem_wipe(content.data, content.size); /* it may have been a key */
    buffer_deinit(&content);
    return hash;
}

static uint64_t add_folder(uint64_t hash, const char *path)
{
    struct dirent **entries;
    int count = path ? scandir(path, &entries, NULL, alphasort) : -1;
    for (int i = 0; i < count; i++) {
        char file[4096];
        int size = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && size < (int)sizeof(file))
            hash = add_file(hash, file);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return hash;
}

static struct tls_fingerprint take_fingerprint(const struct tls_settings *settings)
{
    struct tls_fingerprint print = {0};
    const char *const identity[] = {settings->cert_file, settings->key_file,
                                    settings->client_cert_file, settings->client_key_file,
                                    settings->dh_params_file};
    for (size_t i = 0; i < sizeof(identity) / sizeof(identity[0]); i++)
        print.identity = add_file(print.identity, identity[i]);
    print.authority = add_file(print.authority, settings->ca_cert_file);
    print.authority = add_file(print.authority, settings->crl_file);
    print.authority = add_folder(print.authority, settings->ca_cert_dir);
    return print;
}

static bool is_same(struct tls_fingerprint a, struct tls_fingerprint b)
{
    return a.identity == b.identity && a.authority == b.authority;
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
    if (job->found.authority != job->old.authority)
        tls_tickets_new_epoch(server->tickets);
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
