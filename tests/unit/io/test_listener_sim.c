/* A listener on the simulated backend: whatever accepting fails with and however often, and however
 * late connections come, each is handed out exactly once, never more than the budget in a turn. */
#include "io/listener.h"

#include "backend_sim.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/io_stats.h"
#include "io/loop_internal.h"
#include "sim_clock.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 1000, CONNECTIONS_MAX = 40, TURNS_MAX = 20000 };

static const uint64_t old_failures[] = {0};

/* Errors of one connection, of the process and of the machine (CVE-2025-48367: none ends
 * accepting). */
static const int accept_errors[] = {ECONNABORTED, EMFILE, ENFILE, ENOMEM,       ENOBUFS,
                                    EPROTO,       EPERM,  EINTR,  EHOSTUNREACH, EINVAL};
enum { ACCEPT_ERRORS = sizeof(accept_errors) / sizeof(accept_errors[0]) };

static struct {
    uint64_t seed;
    struct sim_peer *peers[CONNECTIONS_MAX];
    unsigned accepted[CONNECTIONS_MAX];
    unsigned expected;
    unsigned total;
    unsigned in_turn;
    uint32_t budget;
} run;

#define CHECK(condition)                                                                           \
    cr_assert((condition), "seed %llu: %s", (unsigned long long)run.seed, #condition)

static void on_accept(struct listener *listener, int fd)
{
    (void)listener;
    unsigned i = 0;
    while (i < run.expected && sim_peer_fd(run.peers[i]) != fd)
        i++;
    CHECK(i < run.expected);
    CHECK(run.accepted[i] == 0);
    run.accepted[i]++;
    run.total++;
    run.in_turn++;
    CHECK(run.in_turn <= run.budget);
}

static struct listener *listen_here(struct loop *loop, const struct listener_options *options)
{
    struct address address;
    char error[256];
    cr_assert_eq(address_parse("127.0.0.1", 0, &address), 0);
    struct listener *listener = listener_create(loop, &address, options, error);
    cr_assert_not_null(listener, "%s", error);
    return listener;
}

/* `fail_call` > 0: that call of the backend fails too. Returns whether there was one. */
static bool run_seed(uint64_t seed, uint64_t fail_call, int error)
{
    sim_clock_now_us = 1000000000;
    memset(&run, 0, sizeof(run));
    run.seed = seed;
    struct sim *sim = sim_create(seed, sim_clock_advance);
    struct loop *loop = sim_loop_create(sim);
    run.budget = 1 + (uint32_t)sim_pick(sim, 5);
    const struct listener_options options = {
        .backlog = 16, .accepts_per_turn = run.budget, .on_accept = on_accept};
    struct listener *listener = listen_here(loop, &options);
    sim_fail_call(sim, fail_call, error);
    unsigned wanted = 1 + (unsigned)sim_pick(sim, CONNECTIONS_MAX);
    for (unsigned turn = 0; run.total < wanted; turn++) {
        CHECK(turn < TURNS_MAX);
        if (run.expected < wanted && sim_chance(sim, 128)) {
            run.peers[run.expected] = sim_peer_create(sim);
            sim_accept(sim, sim_last_fd(sim), run.peers[run.expected++], 0);
        }
        if (sim_chance(sim, 40) && turn < 200)
            sim_accept(sim, sim_last_fd(sim), NULL, accept_errors[sim_pick(sim, ACCEPT_ERRORS)]);
        run.in_turn = 0;
        loop_poll(loop, 10000);
        loop_flush(loop);
    }
    listener_close(listener);
    while (loop_socket_count(loop) > 0) {
        loop_poll(loop, 1000);
        loop_flush(loop);
    }
    CHECK(run.total == wanted);
    loop_destroy(loop);
    bool has_failed = sim_has_failed(sim);
    sim_destroy(sim);
    return has_failed;
}

static void set_up(void)
{
    mem_init();
    log_set_level(LOG_NOTHING_);
}

TestSuite(listener_sim, .init = set_up, .timeout = 100000);

Test(listener_sim, every_connection_is_handed_out_once)
{
    const char *wanted = getenv("SIM_SEEDS");
    uint64_t count = wanted ? strtoull(wanted, NULL, 10) : SEEDS;
    for (size_t i = 0; i < sizeof(old_failures) / sizeof(old_failures[0]); i++)
        (void)run_seed(old_failures[i], 0, 0);
    size_t used = mem_used();
    for (uint64_t seed = 1; seed <= count; seed++) {
        (void)run_seed(seed, 0, 0);
        cr_assert_eq(mem_used(), used, "seed %llu keeps memory", (unsigned long long)seed);
    }
}

Test(listener_sim, every_accept_fails_once)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t n = 1;
        while (run_seed(seed, n, accept_errors[(seed + n) % ACCEPT_ERRORS]))
            n++;
        cr_assert_gt(n, 1);
    }
}
