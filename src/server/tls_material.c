/* See tls_material.h. */
#include "server/tls_material.h"

#include "base/background.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/tls_tickets.h"
#include "server/server.h"
#include <stdio.h>

static struct tls_fingerprint take_fingerprint(const struct tls_settings *settings)
{
    return (struct tls_fingerprint){tls_settings_fingerprint(settings),
                                    tls_settings_trust_fingerprint(settings)};
}

static void release_contexts(struct tls_material *material)
{
    for (int i = 0; material->contexts && i < material->count + material->spare_count; i++)
        tls_context_release(material->contexts[i]);
    mem_free(material->contexts);
    material->contexts = NULL;
}

static void build_contexts(struct tls_material *material)
{
    int total = material->count + material->spare_count;
    material->contexts = mem_calloc((size_t)total, sizeof(struct tls_context *));
    for (int i = 0; i < total; i++) {
        material->contexts[i] =
            tls_context_create(material->settings, material->tickets, material->settings->port != 0,
                               material->error, sizeof(material->error));
        if (!material->contexts[i]) {
            release_contexts(material);
            return;
        }
    }
}

/* On the worker. What changes between the fingerprint and the reading is found by the next look. */
static void build(void *argument)
{
    struct tls_material *material = argument;
    if (background_abandoned(material->background, BACKGROUND_PREPARE) >=
        BACKGROUND_ABANDONED_MAX) {
        /* The worker must be free to say so: it could not be replaced. */
        text_copy(material->error, sizeof(material->error),
                  "Too many TLS files could not be read and are still waited for");
        return;
    }
    tls_progress_report_to(&material->progress);
    material->found = take_fingerprint(material->settings);
    bool may_skip = material->kind == TLS_MATERIAL_IF_CHANGED;
    if (!may_skip || !tls_fingerprint_is_same(material->found, material->seen))
        build_contexts(material);
    tls_progress_report_to(NULL);
}

struct tls_material_size tls_material_size_now(const struct server *server, int spare_count)
{
    return (struct tls_material_size){io_pool_count(server->pool), spare_count};
}

void tls_material_prepare(struct server *server, enum tls_material_kind kind,
                          struct tls_material_size size, void (*done)(void *material),
                          const void *owner)
{
    struct tls_material *material = mem_calloc(1, sizeof(*material));
    material->server = server;
    material->owner = owner;
    material->settings = tls_settings_clone(&server->settings.tls);
    material->tickets = server->tickets;
    material->generation = server->tls_reload.generation;
    material->kind = kind;
    material->seen = server->tls_reload.seen;
    material->thread_count = io_pool_count(server->pool);
    material->count = kind == TLS_MATERIAL_SPARES ? 0 : size.thread_count + 1;
    material->spare_count = size.spare_count;
    material->background = server->background;
    tls_progress_init(&material->progress);
    background_submit(server->background, BACKGROUND_PREPARE, build, done, material);
}

/* -- a file system that hangs -- */

/* On the abandoned worker. */
static void drop(void *argument)
{
    tls_material_free(argument);
}

/* What is answered instead: the worker may be writing into the material itself. */
static struct tls_material *stand_in_for(const struct tls_material *material)
{
    struct tls_material *copy = mem_calloc(1, sizeof(*copy));
    copy->server = material->server;
    copy->owner = material->owner;
    copy->settings = tls_settings_clone(material->settings);
    copy->tickets = material->tickets;
    copy->generation = material->generation;
    copy->kind = material->kind;
    copy->background = material->background;
    copy->seen = copy->found = material->seen; /* for the reload: nothing new was seen */
    copy->thread_count = material->thread_count;
    copy->count = material->count;
    copy->spare_count = material->spare_count;
    tls_progress_init(&copy->progress);
    return copy;
}

void tls_material_cron(struct server *server)
{
    entering_main();
    struct tls_material *material = background_current(server->background, BACKGROUND_PREPARE);
    char path[TLS_PROGRESS_PATH_SIZE];
    int64_t limit_ms = server->settings.tls.file_timeout;
    if (!material || server->is_stopping || tls_progress_read(&material->progress, path) < limit_ms)
        return;
    struct tls_material *stand_in = stand_in_for(material);
    (void)snprintf(stand_in->error, sizeof(stand_in->error),
                   "Not read in %lld milliseconds, so it is not waited for any longer: %s",
                   (long long)limit_ms, path);
    bool is_current = tls_material_is_current(stand_in); /* otherwise it is asked for again */
    if (background_abandon(server->background, BACKGROUND_PREPARE, material, drop, stand_in))
        server->tls_reload.has_hung = is_current;
    else
        tls_material_free(stand_in); /* it has just ended, or there is no thread to be had */
}

bool tls_material_is_hanging(const struct server *server)
{
    return server->tls_reload.has_hung &&
           background_abandoned(server->background, BACKGROUND_PREPARE) > 0;
}

bool tls_material_is_current(const struct tls_material *material)
{
    const struct server *server = material->server;
    return material->generation == server->tls_reload.generation &&
           (material->kind == TLS_MATERIAL_SPARES ||
            material->thread_count == io_pool_count(server->pool));
}

bool tls_material_fits(const struct tls_material *material)
{
    if (material->kind == TLS_MATERIAL_SPARES)
        return tls_material_is_of_files_in_force(material);
    return material->count == io_pool_count(material->server->pool) + 1;
}

bool tls_material_is_of_files_in_force(const struct tls_material *material)
{
    return tls_fingerprint_is_same(material->found, material->server->tls_reload.loaded);
}

/* Sessions that were made under another authority end. */
static bool is_new_authority(const struct tls_material *material)
{
    return material->found.authority != material->server->tls_reload.loaded.authority;
}

void tls_material_set_epoch(struct tls_material *material)
{
    uint64_t epoch = tls_tickets_epoch(material->tickets) + is_new_authority(material);
    for (int i = 0; i < material->count + material->spare_count; i++)
        tls_context_set_epoch(material->contexts[i], epoch);
}

void tls_material_install(struct tls_material *material)
{
    entering_main();
    struct server *server = material->server;
    /* Threads that this very change has started have theirs. */
    struct tls_context *contexts[IO_THREADS_MAX + 1] = {NULL};
    assert(material->contexts);
    assert(material->count > 0 && material->count <= io_pool_count(server->pool) + 1);
    if (is_new_authority(material))
        tls_tickets_new_epoch(material->tickets);
    for (int i = 0; i < material->count; i++) {
        contexts[i] = material->contexts[i];
        material->contexts[i] = NULL;
    }
    io_pool_install_tls(server->pool, contexts);
    io_pool_use_tls_settings(server->pool, &server->settings.tls, server->tickets);
    tls_reload_note_fingerprint(server, material->found);
}

void tls_material_free(struct tls_material *material)
{
    release_contexts(material);
    tls_settings_free(material->settings);
    tls_progress_deinit(&material->progress);
    mem_free(material);
}
