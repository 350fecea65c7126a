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
    for (int i = 0; material->contexts && i < material->count; i++)
        tls_context_release(material->contexts[i]);
    mem_free(material->contexts);
    material->contexts = NULL;
}

/* On the worker. What changes between the fingerprint and the reading is found by the next look. */
static void build(void *argument)
{
    struct tls_material *material = argument;
    material->found = take_fingerprint(material->settings);
    if (material->only_if_changed && tls_fingerprint_is_same(material->found, material->old))
        return;
    /* Before the contexts are built: each carries the epoch it was born in. */
    if (material->found.authority != material->old.authority)
        tls_tickets_new_epoch(material->tickets);
    material->contexts = mem_calloc((size_t)material->count, sizeof(struct tls_context *));
    for (int i = 0; i < material->count; i++) {
        material->contexts[i] =
            tls_context_create(material->settings, material->tickets, material->settings->port != 0,
                               material->error, sizeof(material->error));
        if (!material->contexts[i]) {
            release_contexts(material);
            return;
        }
    }
}

void tls_material_prepare(struct server *server, const struct tls_settings *settings,
                          bool only_if_changed, void (*done)(void *material), void *owner)
{
    struct tls_material *material = mem_calloc(1, sizeof(*material));
    material->server = server;
    material->owner = owner;
    material->settings = tls_settings_clone(settings);
    material->tickets = server->tickets;
    material->generation = server->tls_reload.generation;
    material->only_if_changed = only_if_changed;
    material->old = server->tls_reload.loaded;
    material->count = io_pool_count(server->pool) + 1;
    background_submit(server->background, BACKGROUND_PREPARE, build, done, material);
}

bool tls_material_is_current(const struct tls_material *material)
{
    const struct server *server = material->server;
    return material->generation == server->tls_reload.generation &&
           material->count == io_pool_count(server->pool) + 1;
}

void tls_material_install(struct tls_material *material)
{
    entering_main();
    struct server *server = material->server;
    assert(material->contexts && tls_material_is_current(material));
    io_pool_install_tls(server->pool, material->contexts);
    io_pool_use_tls_settings(server->pool, &server->settings.tls, server->tickets);
    mem_free(material->contexts);
    material->contexts = NULL;
    server->tls_reload.loaded = material->found;
    server->tls_reload.generation++;
}

void tls_material_free(struct tls_material *material)
{
    release_contexts(material);
    tls_settings_free(material->settings);
    mem_free(material);
}
