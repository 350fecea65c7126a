/* See tls_refill.h. */
#include "server/tls_refill.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/server.h"
#include "server/tls_material.h"

enum { RETRY_MS = 1000 };

static void finish(void *argument);

/* When the files are others than those in force, all threads get what they hold. */
static void use(struct server *server, struct tls_material *material) ON_MAIN
{
    if (material->kind == TLS_MATERIAL_SPARES && !tls_material_is_of_files_in_force(material)) {
        server->tls_refill.is_running = true;
        tls_material_prepare(server, TLS_MATERIAL_ALL,
                             tls_material_size_now(server, material->spare_count), finish, NULL);
        return;
    }
    if (material->kind == TLS_MATERIAL_ALL) {
        tls_material_set_epoch(material);
        tls_material_install(material);
        tls_reload_note_result(server, "");
        log_notice("TLS materials reloaded successfully");
    }
    io_pool_give_tls_spares(server->pool, material->contexts + material->count,
                            material->spare_count);
    material->spare_count = 0;
    io_pool_fill(server->pool);
    io_pool_drop_tls_spares(server->pool);
}

/* On main. Contexts that are not those in force any more are dropped: the cron asks again. */
static void finish(void *argument)
{
    static struct log_rate rate;
    entering_main();
    struct tls_material *material = argument;
    struct server *server = material->server;
    server->tls_refill.is_running = false;
    if (!server->is_stopping && material->error[0]) {
        server->tls_refill.next_ms = clock_ms() + RETRY_MS;
        log_limited(&rate, LOG_WARNING_, "Cannot start an I/O thread: %s", material->error);
    } else if (!server->is_stopping && tls_material_is_current(material)) {
        use(server, material);
    }
    tls_material_free(material);
}

void tls_refill_cron(struct server *server)
{
    entering_main();
    struct tls_refill *refill = &server->tls_refill;
    if (refill->is_running || server->is_stopping || !io_pool_tls(server->pool) ||
        clock_ms() < refill->next_ms || tls_material_is_hanging(server))
        return;
    int missing = io_pool_missing(server->pool, io_pool_configured(server->pool));
    if (missing == 0)
        return;
    refill->is_running = true;
    tls_material_prepare(server, TLS_MATERIAL_SPARES, tls_material_size_now(server, missing),
                         finish, NULL);
}
