/* The main thread's turn, phase by phase. */
#include "base/background.h"
#include "base/clock.h"
#include "base/process.h"
#include "dispatch/execute.h"
#include "dispatch/flush_wait.h"
#include "dispatch/key_walk.h"
#include "io/idle_poll.h"
#include "observability/stats.h"
#include "server/metrics_http.h"
#include "server/server.h"

enum {
    IDLE_WAIT_MAX_US = 100 * 1000,
    MAIN_SLICE_US = 200 /* of the processor, between other threads that have work */
};

static bool has_messages(void *context)
{
    entering_main();
    return !exchange_is_idle(context);
}

/* While all connections live on main's own loop no other thread has anything to say soon. */
static bool has_lent(struct server *server)
{
    return server->clients->count > io_pool_thread(server->pool, 0)->clients;
}

/* Waits only when nothing is left to do: the announcement and the last look keep a producer from
 * publishing unseen (io/wakeup.h). */
static int64_t choose_wait(struct server *server) ON_MAIN
{
    struct wakeup *wakeup = io_pool_main_wakeup(server->pool);
    if (loop_has_ready(io_pool_main_loop(server->pool)) || !exchange_is_idle(server->exchange) ||
        key_walks_count(server->executor->walks) > 0 || keyspace_expire_goes_on(server->keyspace))
        return 0;
    if (has_lent(server) && idle_poll_wait(&server->idle_poll, has_messages, server->exchange))
        return 0;
    wakeup_announce_sleep(wakeup);
    if (!exchange_is_idle(server->exchange) || background_has_finished(server->background) ||
        metrics_http_is_wanted(server->metrics)) {
        wakeup_end_sleep(wakeup);
        return 0;
    }
    return IDLE_WAIT_MAX_US;
}

static void wait_for_work(struct server *server) ON_MAIN
{
    loop_submit(io_pool_main_loop(server->pool));
    int64_t wait_us = choose_wait(server);
    if (wait_us != 0)
        keyspace_expire_fast(server->keyspace, clock_wall_ms());
    if (wait_us != 0 && pubsub_is_pending(server->pubsub)) { /* of what expired just now */
        wakeup_end_sleep(io_pool_main_wakeup(server->pool));
        wait_us = 0;
    }
    int64_t before_ns = wait_us ? clock_read_ns() : 0;
    loop_poll(io_pool_main_loop(server->pool), wait_us);
    if (wait_us == 0)
        return;
    wakeup_end_sleep(io_pool_main_wakeup(server->pool));
    idle_poll_slept(&server->idle_poll, clock_read_ns() - before_ns);
}

/* Whoever met CLIENT PAUSE goes on when it is over. */
static void resume_paused(struct server *server) ON_MAIN
{
    struct client_pause *pause = &server->executor->pause;
    pause->is_over = false;
    pause->waiting = 0;
    for (struct client *client = server->clients->first; client; client = client->next) {
        if (!(client->flags & CLIENT_PAUSED))
            continue;
        client->flags &= ~(uint32_t)CLIENT_PAUSED;
        exchange_resume(server->exchange, client);
    }
}

/* Whether slices of long work are due. Replies go out before: when each turn has some, only every
 * other one takes a slice. */
static bool may_take_time(struct server *server, bool has_replies)
{
    server->has_put_off = has_replies && !server->has_put_off;
    return !server->has_put_off;
}

static void serve(struct server *server) ON_MAIN
{
    exchange_drain(server->exchange);
    executor_begin_run(server->executor);
    bool has_replies = exchange_run(server->exchange) > 0;
    if (server->executor->pause.is_over)
        resume_paused(server);
    if (may_take_time(server, has_replies)) {
        key_walks_step(server->executor->walks, server_check_output, server);
        keyspace_expire_turn(server->keyspace, clock_wall_ms());
    }
    pubsub_flush(server->pubsub, server_check_output, server);
    client_eviction_run(server);
}

static void turn(struct server *server) ON_MAIN
{
    wait_for_work(server);
    if (background_reap(server->background) > 0)
        flush_waits_step(server->executor->flushes);
    server_serve_metrics(server);
    serve(server);
    exchange_turn(server->exchange);
    exchange_publish(server->exchange);
    loop_flush(io_pool_main_loop(server->pool));
    server->stats->loop_cycles++;
    if (server->is_shutdown_requested)
        server_shutdown_step(server);
}

void server_run(struct server *server)
{
    entering_main();
    process_set_slice(MAIN_SLICE_US);
    while (!server->is_stopped)
        turn(server);
}
