/* See tls_material.h. */
#include "server/tls_material.h"

#include "base/background.h"
#include "base/memory.h"
#include "io/tls_tickets.h"
#include "server/server.h"

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

/* On the worker. What changes between the fingerprint and the reading is found by the next look. */
static void build(void *argument)
{
    struct tls_material *material = argument;
    material->found = take_fingerprint(material->settings);
    bool may_skip = material->kind == TLS_MATERIAL_IF_CHANGED;
    if (may_skip && tls_fingerprint_is_same(material->found, material->seen))
        return;
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
    background_submit(server->background, BACKGROUND_PREPARE, build, done, material);
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
    mem_free(material);
}
