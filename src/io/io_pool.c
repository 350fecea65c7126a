/* The pool: slots for main's own loop and up to IO_THREADS_MAX threads, filled as they are wanted.
 *
 * A thread's life, in the order of enum io_thread_state: it serves; it retires when the number
 * shrinks; with no client left it is told to end, and from then on only its last messages are
 * taken; the tending frees it. The counters of threads that were told to end are kept in `retired`.
 */
#include "io/io_pool.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "io/tls_context.h"
#include <stdio.h>
#include <string.h>

struct io_pool {
    int configured;
    int highest; /* slot in use */
    bool is_stopping;
    bool prefers_main;
    int spread; /* how many threads take connections */
    int handshake_spread;
    bool is_batch;
    bool is_scheduled_normally; /* as it was when the pool was made */
    struct loop_options loop;
    const struct io_thread_handler *handler;
    void *context;
    char *cpulist;                  /* or NULL */
    const struct tls_settings *tls; /* of the contexts in force; NULL: none */
    struct tls_tickets *tickets;
    struct tls_context **spares; /* borrowed array of owned contexts; see io_pool_give_tls_spares */
    int spare_count;
    struct io_stats retired;  /* of threads that were told to end */
    struct io_stats last_sum; /* of all threads, when they were told to end */
    struct io_thread *threads[IO_THREADS_MAX + 1];
};

/* -- slots -- */

static void find_highest(struct io_pool *pool)
{
    pool->highest = IO_THREADS_MAX;
    while (pool->highest > 0 && !pool->threads[pool->highest])
        pool->highest--;
}

/* NULL with a reason in error[256]. */
static struct io_thread *create_thread(struct io_pool *pool, int index, char *error) ON_MAIN
{
    size_t size = (sizeof(struct io_thread) + 63) & ~(size_t)63;
    struct io_thread *thread = mem_alloc_aligned(64, size);
    if (io_thread_init(thread, index, &pool->loop, pool->handler, pool->context) == 0)
        return thread;
    snprintf(error, 256, "%s: %.200s", thread->name,
             thread->error[0] ? thread->error : "no eventfd");
    mem_free(thread);
    return NULL;
}

static void free_thread(struct io_pool *pool, int index) ON_MAIN
{
    io_thread_deinit(pool->threads[index]);
    mem_free(pool->threads[index]);
    pool->threads[index] = NULL;
}

/* A thread in an empty slot, with a TLS context when there is TLS. -1: a reason in error[256]. */
static int start_thread(struct io_pool *pool, int index, char *error) ON_MAIN
{
    assert(index > 0 && !pool->threads[index]);
    struct tls_context *tls = NULL;
    if (pool->tls && pool->spare_count > 0) {
        tls = pool->spares[--pool->spare_count];
    } else if (pool->tls) {
        tls = tls_context_create(pool->tls, pool->tickets, pool->tls->port != 0, error, 256);
        if (!tls)
            return -1;
    }
    uint64_t balance = mem_thread_balance();
    struct io_thread *thread = create_thread(pool, index, error);
    if (!thread) {
        tls_context_release(tls);
        return -1;
    }
    pool->threads[index] = thread;
    if (pool->cpulist)
        text_copy(thread->cpulist, sizeof(thread->cpulist), pool->cpulist);
    if (io_thread_start(thread, &pool->threads[0]->wakeup, tls) != 0) {
        snprintf(error, 256, "%s: %.200s", thread->name, thread->error);
        tls_context_release(tls);
        free_thread(pool, index);
        return -1;
    }
    thread->own_memory = (size_t)(mem_thread_balance() - balance);
    if (loop_backend_kind(thread->loop) != loop_backend_kind(pool->threads[0]->loop))
        log_notice("I/O of %s: %s, %s", thread->name, loop_backend_name(thread->loop),
                   loop_backend_reason(thread->loop));
    find_highest(pool);
    return 0;
}

static int threads_beside_main(int configured)
{
    return configured == 1 ? 0 : configured;
}

/* While spares are given, those for which there is none wait for io_pool_fill. */
static int start_missing(struct io_pool *pool, int count, char *error) ON_MAIN
{
    for (int i = 1; i <= count; i++) {
        if (pool->tls && pool->spares && pool->spare_count == 0)
            return 0;
        if (!pool->threads[i] && start_thread(pool, i, error) != 0)
            return -1;
    }
    return 0;
}

/* -- creation -- */

struct io_pool *io_pool_create(const struct io_pool_options *options, char *error)
{
    assert(options->threads >= 1 && options->threads <= IO_THREADS_MAX);
    struct io_pool *pool = mem_alloc_aligned(64, (sizeof(*pool) + 63) & ~(size_t)63);
    memset(pool, 0, sizeof(*pool));
    pool->configured = options->threads;
    pool->spread = IO_THREADS_MAX;
    pool->handshake_spread = IO_THREADS_MAX;
    pool->is_scheduled_normally = process_is_scheduled_normally();
    pool->loop = options->loop;
    pool->handler = options->handler;
    pool->context = options->context;
    pool->cpulist = options->cpulist ? mem_strdup(options->cpulist) : NULL;
    pool->threads[0] = create_thread(pool, 0, error);
    if (!pool->threads[0]) {
        mem_free(pool->cpulist);
        mem_free(pool);
        return NULL;
    }
    /* A thread that started before another failed cannot be taken back in order: the caller exits.
     */
    return start_missing(pool, threads_beside_main(pool->configured), error) == 0 ? pool : NULL;
}

void io_pool_destroy(struct io_pool *pool)
{
    for (int i = pool->highest; i >= 0; i--)
        if (pool->threads[i])
            free_thread(pool, i);
    mem_free(pool->cpulist);
    mem_free(pool);
}

/* -- another number -- */

static void retire_beyond(struct io_pool *pool, int count)
{
    for (int i = count + 1; i <= pool->highest; i++)
        if (pool->threads[i] && pool->threads[i]->state == IO_THREAD_SERVING)
            pool->threads[i]->state = IO_THREAD_RETIRING;
}

int io_pool_resize(struct io_pool *pool, int threads, char *error)
{
    assert(threads >= 1 && threads <= IO_THREADS_MAX);
    assert(!pool->is_stopping);
    int count = threads_beside_main(threads);
    for (int i = 1; i <= count; i++)
        if (pool->threads[i] && pool->threads[i]->state == IO_THREAD_RETIRING)
            pool->threads[i]->state = IO_THREAD_SERVING;
    if (start_missing(pool, count, error) != 0) {
        retire_beyond(pool, threads_beside_main(pool->configured));
        return -1;
    }
    retire_beyond(pool, count);
    pool->configured = threads;
    return 0;
}

/* No client is left: it may end. Its counters stay. */
static void end_thread(struct io_pool *pool, struct io_thread *thread) ON_MAIN
{
    assert(thread->clients == 0);
    io_stats_sum(&pool->retired, loop_stats(thread->loop));
    thread->state = IO_THREAD_ENDING;
    io_thread_post(thread, (struct message){.type = IO_MESSAGE_STOP});
    io_thread_publish(thread);
}

void io_pool_tend(struct io_pool *pool)
{
    if (pool->is_stopping)
        return;
    for (int i = 1; i <= pool->highest; i++) {
        struct io_thread *thread = pool->threads[i];
        if (thread && thread->state == IO_THREAD_RETIRING && thread->clients == 0)
            end_thread(pool, thread);
        else if (thread && thread->state == IO_THREAD_ENDED)
            free_thread(pool, i);
    }
    find_highest(pool);
    if (!pool->tls)
        io_pool_fill(pool);
}

void io_pool_fill(struct io_pool *pool)
{
    static struct log_rate rate;
    char error[256];
    assert(!pool->is_stopping);
    if (start_missing(pool, threads_beside_main(pool->configured), error) != 0)
        log_limited(&rate, LOG_WARNING_, "Cannot start an I/O thread: %s", error);
}

int io_pool_configured(const struct io_pool *pool)
{
    return pool->configured;
}

int io_pool_count(const struct io_pool *pool)
{
    return pool->highest;
}

struct io_thread *io_pool_thread(struct io_pool *pool, int index)
{
    assert(index >= 0 && index <= IO_THREADS_MAX);
    return pool->threads[index];
}

struct loop *io_pool_main_loop(struct io_pool *pool)
{
    return pool->threads[0]->loop;
}

struct wakeup *io_pool_main_wakeup(struct io_pool *pool)
{
    return &pool->threads[0]->wakeup;
}

/* -- placement -- */

void io_pool_prefer_main(struct io_pool *pool, bool prefers_main)
{
    pool->prefers_main = prefers_main;
}

void io_pool_set_spread(struct io_pool *pool, int threads)
{
    assert(threads >= 1);
    pool->spread = threads;
}

void io_pool_set_handshake_spread(struct io_pool *pool, int threads)
{
    assert(threads >= 1);
    pool->handshake_spread = threads;
}

void io_pool_set_batch(struct io_pool *pool, bool is_batch)
{
    if (!pool->is_scheduled_normally || pool->is_batch == is_batch)
        return;
    pool->is_batch = is_batch;
    for (int i = 0; i <= pool->highest; i++) {
        const struct io_thread *thread = pool->threads[i];
        if (thread && io_thread_is_up(thread))
            process_set_batch(thread->tid, is_batch);
    }
}

bool io_pool_is_spread_to(const struct io_pool *pool, const struct io_thread *thread)
{
    return thread->index <= pool->spread && io_thread_is_placeable(thread);
}

/* Of the first `count`; main where none of them serves. */
static struct io_thread *choose_among(struct io_pool *pool, int count) ON_MAIN
{
    struct io_thread *best = NULL;
    for (int i = 1; i <= count && i <= pool->highest; i++) {
        struct io_thread *thread = pool->threads[i];
        if (thread && io_thread_is_placeable(thread) && (!best || thread->clients < best->clients))
            best = thread;
    }
    return best ? best : pool->threads[0];
}

struct io_thread *io_pool_choose(struct io_pool *pool)
{
    return pool->prefers_main ? pool->threads[0] : choose_among(pool, pool->spread);
}

struct io_thread *io_pool_choose_for_handshake(struct io_pool *pool)
{
    return choose_among(pool, pool->handshake_spread);
}

struct io_thread *io_pool_place(struct io_pool *pool, bool is_handshake)
{
    struct io_thread *thread =
        is_handshake ? io_pool_choose_for_handshake(pool) : io_pool_choose(pool);
    io_pool_count_in(thread);
    return thread;
}

void io_pool_count_in(struct io_thread *thread)
{
    assert(io_thread_is_up(thread));
    thread->clients++;
}

void io_pool_unplace(struct io_thread *thread)
{
    assert(thread->clients > 0);
    thread->clients--;
}

/* -- TLS -- */

static void release_contexts(struct tls_context **contexts, int count)
{
    for (int i = 0; i < count; i++)
        tls_context_release(contexts[i]);
}

int io_pool_set_tls(struct io_pool *pool, const struct tls_settings *settings,
                    struct tls_tickets *tickets, char *error, size_t error_size)
{
    struct tls_context *contexts[IO_THREADS_MAX + 1] = {NULL};
    for (int i = 0; i <= pool->highest; i++) {
        if (!pool->threads[i] || !io_thread_is_up(pool->threads[i]))
            continue;
        contexts[i] = tls_context_create(settings, tickets, settings->port != 0, error, error_size);
        if (!contexts[i]) {
            release_contexts(contexts, i);
            return -1;
        }
    }
    io_pool_use_tls_settings(pool, settings, tickets);
    io_pool_install_tls(pool, contexts);
    return 0;
}

void io_pool_use_tls_settings(struct io_pool *pool, const struct tls_settings *settings,
                              struct tls_tickets *tickets)
{
    pool->tls = settings;
    pool->tickets = tickets;
}

void io_pool_install_tls(struct io_pool *pool, struct tls_context *const *contexts)
{
    for (int i = 0; i <= pool->highest; i++) {
        struct io_thread *thread = pool->threads[i];
        if (thread && contexts[i] && io_thread_is_up(thread))
            io_thread_post(thread, (struct message){.type = IO_MESSAGE_TLS, .a = contexts[i]});
        else
            tls_context_release(contexts[i]);
    }
}

int io_pool_missing(const struct io_pool *pool, int threads)
{
    int missing = 0;
    for (int i = 1; i <= threads_beside_main(threads); i++)
        missing += pool->threads[i] == NULL;
    return missing;
}

void io_pool_give_tls_spares(struct io_pool *pool, struct tls_context **contexts, int count)
{
    assert(pool->spare_count == 0);
    pool->spares = contexts;
    pool->spare_count = count;
}

void io_pool_drop_tls_spares(struct io_pool *pool)
{
    while (pool->spare_count > 0)
        tls_context_release(pool->spares[--pool->spare_count]);
    pool->spares = NULL;
}

struct tls_context *io_pool_tls(struct io_pool *pool)
{
    return pool->threads[0]->tls;
}

/* -- messages -- */

void io_pool_publish(struct io_pool *pool)
{
    struct io_stats *stats = loop_stats(pool->threads[0]->loop);
    for (int i = 1; i <= pool->highest; i++) {
        if (!pool->threads[i])
            continue;
        struct mailbox *mailbox = &pool->threads[i]->to_thread;
        uint64_t signals = mailbox->signals;
        mailbox_publish(mailbox);
        if (mailbox->signals != signals)
            io_stat_add(stats->wakeups_sent, mailbox->signals - signals);
    }
}

bool io_pool_has_backlog(const struct io_pool *pool)
{
    for (int i = 1; i <= pool->highest; i++)
        if (pool->threads[i] && pool->threads[i]->to_thread.backlog_count > 0)
            return true;
    return false;
}

bool io_pool_is_quiet(struct io_pool *pool)
{
    for (int i = 0; i <= pool->highest; i++)
        if (pool->threads[i] && !mailbox_is_empty(&pool->threads[i]->to_main))
            return false;
    return true;
}

/* -- the end -- */

void io_pool_request_stop(struct io_pool *pool)
{
    assert(!pool->is_stopping);
    io_pool_sum_stats(pool, &pool->last_sum);
    pool->is_stopping = true;
    for (int i = 1; i <= pool->highest; i++) {
        struct io_thread *thread = pool->threads[i];
        if (!thread || !io_thread_is_up(thread))
            continue;
        thread->state = IO_THREAD_ENDING;
        io_thread_post(thread, (struct message){.type = IO_MESSAGE_STOP});
    }
    io_thread_request_stop(pool->threads[0]);
    io_pool_publish(pool);
}

void io_pool_note_stopped(struct io_pool *pool, struct io_thread *thread)
{
    (void)pool;
    assert(thread->state == IO_THREAD_ENDING);
    io_thread_join(thread);
    thread->state = IO_THREAD_ENDED;
}

bool io_pool_is_stopped(struct io_pool *pool)
{
    struct io_thread *own = pool->threads[0];
    bool is_stopped = own->handler->on_stop(own);
    for (int i = 1; i <= pool->highest; i++)
        if (pool->threads[i] && pool->threads[i]->state != IO_THREAD_ENDED)
            is_stopped = false;
    return is_stopped;
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
    *sum = pool->retired;
    for (int i = 0; i <= pool->highest; i++)
        if (pool->threads[i] && io_thread_is_up(pool->threads[i]))
            io_stats_sum(sum, loop_stats(pool->threads[i]->loop));
}

size_t io_pool_memory(const struct io_pool *pool)
{
    size_t size = 0;
    for (int i = 1; i <= pool->highest; i++)
        if (pool->threads[i])
            size += pool->threads[i]->own_memory + pool->threads[i]->start_memory;
    return size;
}
