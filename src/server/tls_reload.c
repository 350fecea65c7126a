/* See tls_reload.h. */
#include "server/tls_reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "server/server.h"
#include "server/tls_material.h"

void tls_reload_note_result(struct server *server, const char *error)
{
    struct tls_reload *reload = &server->tls_reload;
    if (*error)
        reload->failed++;
    else
        reload->done++;
    text_copy(reload->last_error, sizeof(reload->last_error), error);
}

/* On main. What was loaded meanwhile by CONFIG SET, or for another number of threads, wins: the
 * next look compares with that. */
static void finish(void *argument)
{
    struct tls_material *material = argument;
    struct server *server = material->server;
    server->tls_reload.is_running = false;
    bool is_wanted = tls_material_is_current(material) && !server->is_stopping;
    if (is_wanted && material->error[0]) {
        server->tls_reload.seen = material->found; /* said once, not at every look */
        tls_reload_note_result(server, material->error);
        log_warning("Background TLS reload failed: %s", material->error);
    } else if (is_wanted && material->contexts) {
        tls_material_set_epoch(material);
        tls_material_install(material);
        tls_reload_note_result(server, "");
        log_notice("TLS materials reloaded successfully");
    } else if (is_wanted) {
        log_debug("TLS reload skipped: materials unchanged");
    }
    tls_material_free(material);
}

void tls_reload_note_fingerprint(struct server *server, struct tls_fingerprint found)
{
    server->tls_reload.loaded = found;
    server->tls_reload.seen = found;
    server->tls_reload.generation++;
    server->tls_reload.has_hung = false;
}

void tls_reload_note_loaded(struct server *server)
{
    const struct tls_settings *settings = &server->settings.tls;
    tls_reload_note_fingerprint(server,
                                (struct tls_fingerprint){tls_settings_fingerprint(settings),
                                                         tls_settings_trust_fingerprint(settings)});
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
    if (tls_material_is_hanging(server))
        return;
    reload->is_running = true;
    tls_material_prepare(server, TLS_MATERIAL_IF_CHANGED, tls_material_size_now(server, 0), finish,
                         NULL);
}
