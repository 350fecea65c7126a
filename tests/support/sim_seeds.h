/* Runs seeds on the simulated backend, plain and by TLS, and looks that none keeps memory. A test
 * says how one seed is run and how many there are as a rule; SIM_SEEDS chooses another number, and
 * SIM_SEED_FIRST the first of them. Seeds that failed once run always. */
#ifndef SUPPORT_SIM_SEEDS_H
#define SUPPORT_SIM_SEEDS_H

#include "base/memory.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include "sim_client.h"
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

/* One thread: ThreadSanitizer sees nothing here, and is slow. */
#ifdef __SANITIZE_THREAD__
enum { SEEDS_DIVISOR = 25 };
#else
enum { SEEDS_DIVISOR = 1 };
#endif

#define SIM_CERTIFICATES "tests/tls/"

/* The server's side, and the contexts of which each client has one. */
struct sim_tls {
    struct tls_tickets *tickets;
    struct tls_context *context;
    SSL_CTX *clients[4];
    unsigned client_count;
};

struct sim_seeds {
    /* `tls` NULL: plain. `fail_call` > 0: that call of the backend fails with `error`. Returns
     * whether there was one. */
    bool (*run)(uint64_t seed, const struct sim_tls *tls, uint64_t fail_call, int error);
    const uint64_t *old_failures;
    size_t old_failure_count;
    const int *errors; /* that calls fail with */
    size_t error_count;
};

#define SIM_SEEDS(run_, old_failures_, errors_)                                                    \
    {                                                                                              \
        .run = (run_), .old_failures = (old_failures_),                                            \
        .old_failure_count = sizeof(old_failures_) / sizeof((old_failures_)[0]),                   \
        .errors = (errors_), .error_count = sizeof(errors_) / sizeof((errors_)[0])                 \
    }

static inline uint64_t sim_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static inline uint64_t sim_seed_first(void)
{
    return sim_environment("SIM_SEED_FIRST", 1);
}

static inline uint64_t sim_seed_count(uint64_t otherwise)
{
    return sim_environment("SIM_SEEDS", otherwise);
}

static inline void sim_run_old_failures(const struct sim_seeds *seeds, const struct sim_tls *tls)
{
    for (size_t i = 0; i < seeds->old_failure_count; i++)
        (void)seeds->run(seeds->old_failures[i], tls, 0, 0);
}

static inline void sim_run_plain(const struct sim_seeds *seeds, uint64_t count)
{
    uint64_t first = sim_seed_first();
    sim_run_old_failures(seeds, NULL);
    (void)seeds->run(first, NULL, 0, 0);
    size_t used = mem_used();
    for (uint64_t seed = first; seed < first + count; seed++) {
        (void)seeds->run(seed, NULL, 0, 0);
        cr_assert_eq(mem_used(), used, "seed %llu keeps memory", (unsigned long long)seed);
    }
}

/* Each call of the backend fails once, in one of the ways the kernel has. Returns their number. */
static inline uint64_t sim_sweep_calls(const struct sim_seeds *seeds, uint64_t seed,
                                       const struct sim_tls *tls)
{
    uint64_t n = 1;
    while (seeds->run(seed, tls, n, seeds->errors[(seed + n) % seeds->error_count]))
        n++;
    return n - 1;
}

/* So for `count` seeds, plain; none makes fewer than `calls_min` calls. Returns their number. */
static inline uint64_t sim_run_failing(const struct sim_seeds *seeds, uint64_t count,
                                       uint64_t calls_min)
{
    uint64_t first = sim_seed_first();
    uint64_t calls = 0;
    (void)seeds->run(first, NULL, 0, 0);
    size_t used = mem_used();
    for (uint64_t seed = first; seed < first + count; seed++) {
        uint64_t of_seed = sim_sweep_calls(seeds, seed, NULL);
        cr_assert_geq(of_seed, calls_min, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(mem_used(), used, "seed %llu keeps memory", (unsigned long long)seed);
        calls += of_seed;
    }
    return calls;
}

static inline void sim_run_tls(const struct sim_seeds *seeds, const struct sim_tls *tls,
                               uint64_t count)
{
    /* Caches fill at first; then they stay as they are, or nearly so. */
    enum { WARM = 100, SLACK = 64 * 1024 };
    uint64_t first = sim_seed_first();
    size_t used = 0;
    sim_run_old_failures(seeds, tls);
    for (uint64_t i = 0; i < count; i++) {
        (void)seeds->run(first + i, tls, 0, 0);
        if (i == WARM)
            used = mem_used();
        if (i > WARM)
            cr_assert_leq(mem_used(), used + SLACK, "seed %llu", (unsigned long long)(first + i));
    }
}

/* Clients of both versions, and where they are asked, both with a certificate as well. */
static inline void sim_tls_init(struct sim_tls *tls, enum tls_auth_clients auth_clients)
{
    static const char cert[] = SIM_CERTIFICATES "ec.crt";
    static const char key[] = SIM_CERTIFICATES "ec.key";
    if (access(SIM_CERTIFICATES ".complete", R_OK) != 0)
        cr_assert_eq(system("utils/gen-test-certs.sh"), 0);
    cr_assert_eq(tls_library_init(), 0);
    const struct tls_settings settings = {.cert_file = (char *)cert,
                                          .key_file = (char *)key,
                                          .ca_cert_file = (char *)SIM_CERTIFICATES "ca.crt",
                                          .auth_clients = auth_clients,
                                          .session_caching = true,
                                          .session_cache_size = 100,
                                          .session_cache_timeout = 300,
                                          .session_tickets = true};
    char error[512];
    tls->tickets = tls_tickets_create();
    tls->context = tls_context_create(&settings, tls->tickets, true, error, sizeof(error));
    cr_assert_not_null(tls->context, "%s", error);
    tls->clients[0] = sim_client_context("TLSv1.2", NULL, NULL);
    tls->clients[1] = sim_client_context("TLSv1.3", NULL, NULL);
    tls->client_count = 2;
    if (auth_clients == TLS_AUTH_CLIENTS_NO)
        return;
    tls->clients[2] = sim_client_context("TLSv1.2", cert, key);
    tls->clients[3] = sim_client_context("TLSv1.3", cert, key);
    tls->client_count = 4;
}

static inline void sim_tls_deinit(struct sim_tls *tls)
{
    for (unsigned i = 0; i < tls->client_count; i++)
        SSL_CTX_free(tls->clients[i]);
    tls_context_release(tls->context);
    tls_tickets_destroy(tls->tickets);
}

#endif
