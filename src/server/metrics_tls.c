/* See metrics_tls.h. */
#include "server/metrics_tls.h"

#ifdef BUILD_TLS
#include "base/log.h"
#include "base/memory.h"
#include "io/tls_context.h"
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

enum { ERROR_TEXT_MAX = 512 };

struct metrics_tls {
    struct tls_settings *settings;
    SSL_CTX *context;
    uint64_t fingerprint;    /* of the files that were read last */
    struct event *next_look; /* NULL: not attached */
};

struct metrics_tls *metrics_tls_create(const struct tls_settings *settings, struct buffer *error)
{
    char reason[ERROR_TEXT_MAX];
    uint64_t fingerprint = tls_settings_fingerprint(settings);
    SSL_CTX *context = tls_context_create_foreign(settings, reason, sizeof reason);
    if (!context) {
        (void)buffer_printf(error, "metrics-tls: %s", reason);
        return NULL;
    }
    struct metrics_tls *tls = mem_calloc(1, sizeof *tls);
    tls->settings = tls_settings_clone(settings);
    tls->context = context;
    tls->fingerprint = fingerprint;
    return tls;
}

void metrics_tls_destroy(struct metrics_tls *tls)
{
    if (!tls)
        return;
    metrics_tls_detach(tls);
    SSL_CTX_free(tls->context);
    tls_settings_free(tls->settings);
    mem_free(tls);
}

static void rebuild(struct metrics_tls *tls)
{
    char reason[ERROR_TEXT_MAX];
    SSL_CTX *context = tls_context_create_foreign(tls->settings, reason, sizeof reason);
    if (!context) {
        log_warning("Metrics keep the TLS materials that they have: %s", reason);
        return;
    }
    SSL_CTX_free(tls->context);
    tls->context = context;
    log_notice("TLS materials of metrics reloaded successfully");
}

static void schedule(struct metrics_tls *tls)
{
    if (!tls->next_look)
        return;
    struct timeval interval = {.tv_sec = (time_t)tls->settings->auto_reload_interval};
    if (interval.tv_sec > 0)
        (void)evtimer_add(tls->next_look, &interval);
    else
        (void)evtimer_del(tls->next_look);
}

static void look(evutil_socket_t fd, short what, void *context)
{
    struct metrics_tls *tls = context;
    (void)fd;
    (void)what;
    uint64_t fingerprint = tls_settings_fingerprint(tls->settings);
    if (fingerprint != tls->fingerprint) {
        tls->fingerprint = fingerprint; /* a failure is said once, not at every look */
        rebuild(tls);
    }
    schedule(tls);
}

int metrics_tls_attach(struct metrics_tls *tls, struct event_base *base)
{
    if (!tls)
        return 0;
    tls->next_look = evtimer_new(base, look, tls);
    schedule(tls);
    return tls->next_look ? 0 : -1;
}

void metrics_tls_detach(struct metrics_tls *tls)
{
    if (tls && tls->next_look)
        event_free(tls->next_look);
    if (tls)
        tls->next_look = NULL;
}

void metrics_tls_use(struct metrics_tls *tls, struct tls_settings *settings)
{
    tls_settings_free(tls->settings);
    tls->settings = settings;
    tls->fingerprint = tls_settings_fingerprint(settings);
    rebuild(tls);
    schedule(tls);
}

struct bufferevent *metrics_tls_accept(struct metrics_tls *tls, struct event_base *base)
{
    SSL *ssl = SSL_new(tls->context);
    if (!ssl)
        return NULL;
    struct bufferevent *event = bufferevent_openssl_socket_new(
        base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (event)
        bufferevent_openssl_set_allow_dirty_shutdown(event, 1);
    else
        SSL_free(ssl);
    return event;
}

bool metrics_tls_is_used(struct bufferevent *event)
{
    return bufferevent_openssl_get_ssl(event) != NULL;
}

#else

struct metrics_tls *metrics_tls_create(const struct tls_settings *settings, struct buffer *error)
{
    (void)settings;
    (void)buffer_append_text(error, "metrics-tls: built without TLS");
    return NULL;
}

void metrics_tls_destroy(struct metrics_tls *tls)
{
    (void)tls;
}

int metrics_tls_attach(struct metrics_tls *tls, struct event_base *base)
{
    (void)tls;
    (void)base;
    return 0;
}

void metrics_tls_detach(struct metrics_tls *tls)
{
    (void)tls;
}

void metrics_tls_use(struct metrics_tls *tls, struct tls_settings *settings)
{
    (void)tls;
    (void)settings;
}

struct bufferevent *metrics_tls_accept(struct metrics_tls *tls, struct event_base *base)
{
    (void)tls;
    (void)base;
    return NULL;
}

bool metrics_tls_is_used(struct bufferevent *event)
{
    (void)event;
    return false;
}
#endif
