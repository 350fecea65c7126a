/* See metrics_http.h.
 *
 * [X] `is_wanted` is set by the metrics thread (release) before it signals main's wake-up, whose
 * fence pairs with the one of main's announcement (io/wakeup.h); main takes it with an exchange.
 * The text is under `lock`, held for one copy; so are new TLS settings, which move. `is_stopping`
 * is set by main before it writes the eventfd.
 */
#include "server/metrics_http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/thread_role.h"
#include "io/tls_context.h"
#include "io/wakeup.h"
#include "observability/metrics.h"
#include "server/metrics_connections.h"
#include "server/metrics_tls.h"

enum { HEADERS_SIZE_MAX = 8 * 1024, BODY_SIZE_MAX = 1024 };

struct metrics_http {
    pthread_t thread;
    struct wakeup *main_wakeup;
    int event_fd; /* main writes it: figures, new TLS settings, or the end */
    bool has_tls;

    /* -- the metrics thread's -- */
    struct event_base *base;
    struct evhttp *http;
    struct event *published;
    struct metrics_tls *tls; /* NULL: plain */
    struct evhttp_request *waiting[METRICS_WAITING_MAX];
    int waiting_count;

    /* -- between the two -- */
    uint32_t is_wanted;   /* atomic */
    uint32_t is_stopping; /* atomic */
    pthread_mutex_t lock;
    /* -- with the lock -- */
    struct buffer text; /* main's allocation */
    bool is_text_new;
    struct tls_settings *new_settings; /* NULL: none */
};

/* -- main -- */

bool metrics_http_is_wanted(const struct metrics_http *metrics)
{
    /* acquire: pairs with the release in on_metrics */
    return metrics && __atomic_load_n(&metrics->is_wanted, __ATOMIC_ACQUIRE) != 0;
}

static void wake_thread(struct metrics_http *metrics)
{
    uint64_t one = 1;
    while (write(metrics->event_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

void metrics_http_publish(struct metrics_http *metrics,
                          void (*render)(void *context, struct buffer *out), void *context)
{
    /* acquire: pairs with the release in on_metrics; whoever comes after this is wanted anew */
    __atomic_exchange_n(&metrics->is_wanted, 0, __ATOMIC_ACQ_REL);
    pthread_mutex_lock(&metrics->lock);
    buffer_clear(&metrics->text);
    render(context, &metrics->text);
    metrics->is_text_new = true;
    pthread_mutex_unlock(&metrics->lock);
    wake_thread(metrics);
}

void metrics_http_set_tls(struct metrics_http *metrics, const struct tls_settings *settings)
{
    if (!metrics || !metrics->has_tls)
        return;
    struct tls_settings *copy = tls_settings_clone(settings);
    pthread_mutex_lock(&metrics->lock);
    struct tls_settings *unread = metrics->new_settings;
    metrics->new_settings = copy;
    pthread_mutex_unlock(&metrics->lock);
    tls_settings_free(unread);
    wake_thread(metrics);
}

/* -- the metrics thread -- */

static void forget(struct metrics_http *metrics, const struct evhttp_connection *connection)
{
    int kept = 0;
    for (int i = 0; i < metrics->waiting_count; i++)
        if (evhttp_request_get_connection(metrics->waiting[i]) != connection)
            metrics->waiting[kept++] = metrics->waiting[i];
    metrics->waiting_count = kept;
}

static void on_connection_closed(struct evhttp_connection *connection, void *context)
{
    forget(context, connection);
}

static void on_metrics(struct evhttp_request *request, void *context)
{
    struct metrics_http *metrics = context;
    if (metrics->waiting_count == METRICS_WAITING_MAX ||
        !metrics_connections_own(request, metrics->tls)) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    metrics->waiting[metrics->waiting_count++] = request;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_connection_closed,
                                  metrics);
    /* release: pairs with the acquires in metrics_http_is_wanted and _publish */
    __atomic_store_n(&metrics->is_wanted, 1, __ATOMIC_RELEASE);
    (void)wakeup_signal(metrics->main_wakeup);
}

static void reply(struct evhttp_request *request, const char *type, struct evbuffer *body)
{
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evhttp_send_reply(request, HTTP_OK, "OK", body);
}

static void on_other(struct evhttp_request *request, void *context)
{
    static const char page[] = "<html><head><title>Sluice</title></head>"
                               "<body><a href=\"/metrics\">Metrics</a></body></html>\n";
    const struct metrics_http *metrics = context;
    if (!metrics_connections_own(request, metrics->tls)) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    if (path && path[0] && strcmp(path, "/") != 0) {
        evhttp_send_error(request, HTTP_NOTFOUND, NULL);
        return;
    }
    struct evbuffer *body = evbuffer_new();
    if (body && evbuffer_add_reference(body, page, sizeof page - 1, NULL, NULL) == 0)
        reply(request, "text/html", body);
    else
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    if (body)
        evbuffer_free(body);
}

/* `text` is NULL when there was no memory for it. */
static void answer(struct evhttp_request *request, struct evbuffer *text)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    bool is_head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    struct evbuffer *body = text ? evbuffer_new() : NULL;
    if (body && (is_head || evbuffer_add_buffer_reference(body, text) == 0))
        reply(request, "text/plain; version=0.0.4; charset=utf-8", body);
    else
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    if (body)
        evbuffer_free(body);
}

/* What main has published, or NULL; and in *settings what it has set. */
static bool take(struct metrics_http *metrics, struct evbuffer **text,
                 struct tls_settings **settings)
{
    pthread_mutex_lock(&metrics->lock);
    bool is_new = metrics->is_text_new;
    metrics->is_text_new = false;
    *text = is_new ? evbuffer_new() : NULL;
    if (*text && evbuffer_add(*text, metrics->text.data, metrics->text.size) != 0) {
        evbuffer_free(*text);
        *text = NULL;
    }
    *settings = metrics->new_settings;
    metrics->new_settings = NULL;
    pthread_mutex_unlock(&metrics->lock);
    return is_new;
}

static void answer_all(struct metrics_http *metrics, struct evbuffer *text)
{
    int count_waiting = metrics->waiting_count;
    struct evhttp_request *waiting[METRICS_WAITING_MAX];
    memcpy(waiting, metrics->waiting, sizeof waiting);
    metrics->waiting_count = 0;
    for (int i = 0; i < count_waiting; i++)
        answer(waiting[i], text);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
    struct metrics_http *metrics = context;
    uint64_t count;
    (void)what;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    /* acquire: pairs with the release in metrics_http_stop */
    if (__atomic_load_n(&metrics->is_stopping, __ATOMIC_ACQUIRE)) {
        event_base_loopbreak(metrics->base);
        return;
    }
    struct evbuffer *text;
    struct tls_settings *settings;
    if (take(metrics, &text, &settings))
        answer_all(metrics, text);
    if (text)
        evbuffer_free(text);
    if (settings)
        metrics_tls_use(metrics->tls, settings);
}

static void free_events(struct metrics_http *metrics)
{
    metrics_tls_detach(metrics->tls);
    if (metrics->http)
        evhttp_free(metrics->http);
    if (metrics->published)
        event_free(metrics->published);
    if (metrics->base)
        event_base_free(metrics->base);
}

static void *run(void *context)
{
    struct metrics_http *metrics = context;
    thread_role_enter(THREAD_INDEX_NONE, "metrics");
    event_base_dispatch(metrics->base);
    free_events(metrics);
    thread_role_leave();
    return NULL;
}

/* -- beginning and end, on main -- */

static void destroy(struct metrics_http *metrics)
{
    metrics_tls_destroy(metrics->tls);
    tls_settings_free(metrics->new_settings);
    if (metrics->event_fd >= 0)
        close(metrics->event_fd);
    pthread_mutex_destroy(&metrics->lock);
    buffer_deinit(&metrics->text);
    mem_free(metrics);
}

static int prepare(struct metrics_http *metrics)
{
    metrics->base = event_base_new();
    metrics->http = metrics->base ? evhttp_new(metrics->base) : NULL;
    if (!metrics->http || metrics->event_fd < 0)
        return -1;
    metrics->published =
        event_new(metrics->base, metrics->event_fd, EV_READ | EV_PERSIST, on_event, metrics);
    if (!metrics->published || event_add(metrics->published, NULL) != 0 ||
        metrics_tls_attach(metrics->tls, metrics->base) != 0)
        return -1;
    evhttp_set_allowed_methods(metrics->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(metrics->http, HEADERS_SIZE_MAX);
    evhttp_set_max_body_size(metrics->http, BODY_SIZE_MAX);
    evhttp_set_timeout(metrics->http, METRICS_TIMEOUT_S);
    evhttp_set_gencb(metrics->http, on_other, metrics);
    evhttp_set_bevcb(metrics->http, metrics_connections_accept, metrics->tls);
    return evhttp_set_cb(metrics->http, "/metrics", on_metrics, metrics);
}

static int start_thread(struct metrics_http *metrics, const struct metrics_http_options *options,
                        struct buffer *error)
{
    int result = prepare(metrics);
    if (result == 0) {
        result = evhttp_bind_socket(metrics->http, options->address, options->port);
        if (result != 0)
            (void)buffer_printf(error, "Failed listening on port %u (metrics-port) of %s: %s",
                                options->port, options->address, strerror(errno));
    }
    if (result == 0)
        result = pthread_create(&metrics->thread, NULL, run, metrics);
    if (result == 0)
        return 0;
    if (error->size == 0)
        (void)buffer_append_text(error, "cannot start the metrics thread");
    free_events(metrics);
    return -1;
}

struct metrics_http *metrics_http_start(const struct metrics_http_options *options,
                                        struct buffer *error)
{
    /* Counted, and want of memory ends the process with our words: libevent 2.1 has places where it
     * does not look. */
    event_set_mem_functions(mem_alloc, mem_realloc, mem_free);
    struct metrics_http *metrics = mem_calloc(1, sizeof *metrics);
    metrics->main_wakeup = options->main_wakeup;
    metrics->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    metrics->has_tls = options->tls != NULL;
    pthread_mutex_init(&metrics->lock, NULL);
    buffer_init(&metrics->text, METRICS_SIZE_MAX);
    if (options->tls)
        metrics->tls = metrics_tls_create(options->tls, error);
    if ((options->tls && !metrics->tls) || start_thread(metrics, options, error) != 0) {
        destroy(metrics);
        return NULL;
    }
    log_notice("Metrics at http%s://%s:%u/metrics", options->tls ? "s" : "", options->address,
               options->port);
    return metrics;
}

void metrics_http_stop(struct metrics_http *metrics)
{
    if (!metrics)
        return;
    /* release: pairs with the acquire in on_event */
    __atomic_store_n(&metrics->is_stopping, 1, __ATOMIC_RELEASE);
    wake_thread(metrics);
    pthread_join(metrics->thread, NULL);
    destroy(metrics);
}
