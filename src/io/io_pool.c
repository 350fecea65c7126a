/* The pool is an array fixed at creation; placement looks at client counts only. */
#include "io/io_pool.h"

#include "base/memory.h"
#include "base/text.h"
#include "io/tls_context.h"
#include <stdio.h>
#include <string.h>

struct io_pool {
    int configured;
    int count; /* threads beside main */
    int stopped;
    bool is_stopping;
    struct io_stats last_sum; /* of all threads, when they were told to end */
    struct io_thread threads[]; /* count + 1 */
};

static bool start_threads(struct io_pool *pool, const struct io_pool_options *options,
                          char *error) ON_MAIN
{
    for (int i = 1; i <= pool->count; i++) {
        struct io_thread *thread = &pool->threads[i];
        if (io_thread_init(thread, i, &options->loop, options->handler, options->context) != 0) {
            snprintf(error, 256, "%s: no eventfd", thread->name);
            return false;
        }
        if (options->cpulist)
            text_copy(thread->cpulist, sizeof(thread->cpulist), options->cpulist);
        if (io_thread_start(thread, &pool->threads[0].wakeup, NULL) != 0) {
            snprintf(error, 256, "%s: %.200s", thread->name, thread->error);
            return false;
        }
    }
    return true;
}

struct io_pool *io_pool_create(const struct io_pool_options *options, char *error)
{
    assert(options->threads >= 1 && options->threads <= IO_THREADS_MAX);
    int count = options->threads == 1 ? 0 : options->threads;
    size_t size = sizeof(struct io_pool) + (size_t)(count + 1) * sizeof(struct io_thread);
    struct io_pool *pool = mem_alloc_aligned(64, (size + 63) & ~(size_t)63);
    memset(pool, 0, size);
    pool->configured = options->threads;
    pool->count = count;
    if (io_thread_init(&pool->threads[0], 0, &options->loop, options->handler, options->context) != 0) {
        text_copy(error, 256, pool->threads[0].error);
        mem_free(pool);
        return NULL;
    }
    /* A thread that started before another failed cannot be taken back in order: the caller exits. */
    return start_threads(pool, options, error) ? pool : NULL;
}

void io_pool_destroy(struct io_pool *pool)
{
    for (int i = 0; i <= pool->count; i++)
        io_thread_deinit(&pool->threads[i]);
    mem_free(pool);
}

int io_pool_configured(const struct io_pool *pool)
{
    return pool->configured;
}

int io_pool_count(const struct io_pool *pool)
{
    return pool->count;
}

struct io_thread *io_pool_thread(struct io_pool *pool, int index)
{
    assert(index >= 0 && index <= pool->count);
    return &pool->threads[index];
}

struct loop *io_pool_main_loop(struct io_pool *pool)
{
    return pool->threads[0].loop;
}

struct wakeup *io_pool_main_wakeup(struct io_pool *pool)
{
    return &pool->threads[0].wakeup;
}

struct io_thread *io_pool_place(struct io_pool *pool)
{
    struct io_thread *best = &pool->threads[pool->count ? 1 : 0];
    for (int i = 2; i <= pool->count; i++)
        if (pool->threads[i].clients < best->clients)
            best = &pool->threads[i];
    best->clients++;
    return best;
}

void io_pool_unplace(struct io_thread *thread)
{
    assert(thread->clients > 0);
    thread->clients--;
}

int io_pool_set_tls(struct io_pool *pool, const struct tls_settings *settings, struct tls_tickets *tickets,
                    char *error, size_t error_size)
{
    struct tls_context *contexts[IO_THREADS_MAX + 1];
    for (int i = 0; i <= pool->count; i++) {
        contexts[i] = tls_context_create(settings, tickets, settings->port != 0, error, error_size);
        if (contexts[i])
            continue;
        while (i-- > 0)
            tls_context_release(contexts[i]);
        return -1;
    }
    io_pool_install_tls(pool, contexts);
    return 0;
}

void io_pool_install_tls(struct io_pool *pool, struct tls_context *const *contexts)
{
    tls_context_release(pool->threads[0].tls);
    pool->threads[0].tls = contexts[0];
    for (int i = 1; i <= pool->count; i++)
        io_thread_post(&pool->threads[i], (struct message){.type = IO_MESSAGE_TLS, .a = contexts[i]});
}

struct tls_context *io_pool_tls(struct io_pool *pool)
{
    return pool->threads[0].tls;
}

void io_pool_publish(struct io_pool *pool)
{
    struct io_stats *stats = loop_stats(pool->threads[0].loop);
    for (int i = 1; i <= pool->count; i++) {
        struct mailbox *mailbox = &pool->threads[i].to_thread;
        uint64_t signals = mailbox->signals;
        mailbox_publish(mailbox);
        if (mailbox->signals != signals)
            io_stat_add(stats->wakeups_sent, mailbox->signals - signals);
    }
}

bool io_pool_has_backlog(const struct io_pool *pool)
{
    for (int i = 1; i <= pool->count; i++)
        if (pool->threads[i].to_thread.backlog_count > 0)
            return true;
    return false;
}

bool io_pool_is_quiet(struct io_pool *pool)
{
    for (int i = 0; i <= pool->count; i++)
        if (!mailbox_is_empty(&pool->threads[i].to_main))
            return false;
    return true;
}

void io_pool_request_stop(struct io_pool *pool)
{
    assert(!pool->is_stopping);
    io_pool_sum_stats(pool, &pool->last_sum);
    pool->is_stopping = true;
    for (int i = 1; i <= pool->count; i++)
        io_thread_post(&pool->threads[i], (struct message){.type = IO_MESSAGE_STOP});
    io_thread_request_stop(&pool->threads[0]);
    io_pool_publish(pool);
}

void io_pool_note_stopped(struct io_pool *pool, struct io_thread *thread)
{
    io_thread_join(thread);
    pool->stopped++;
}

bool io_pool_is_stopped(struct io_pool *pool)
{
    struct io_thread *own = &pool->threads[0];
    return pool->stopped == pool->count && own->handler->on_stop(own);
}

bool io_pool_is_stopping(const struct io_pool *pool)
{
    return pool->is_stopping;
}

void io_pool_sum_stats(struct io_pool *pool, struct io_stats *sum)
{
    if (pool->is_stopping) { /* a loop, and the counters with it, goes when its thread ends */
        *sum = pool->last_sum;
        return;
    }
    memset(sum, 0, sizeof(*sum));
    for (int i = 0; i <= pool->count; i++)
        io_stats_sum(sum, loop_stats(pool->threads[i].loop));
}
