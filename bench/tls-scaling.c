/* How handshakes scale with threads: full handshakes through memory, both sides, on one thread and
 * on two, each thread with contexts of its own as an I/O thread has them; and on two threads that
 * share them. Wall time: it needs two idle cores. Prints handshakes a second and the gain, medians
 * over rounds. Run by bench/tls-scaling.
 */
#define TLS_PAIR_WITHOUT_CRITERION
#include "base/assert.h"
#define cr_assert(condition, ...)      assert(condition)
#define cr_assert_not_null(value, ...) assert((value) != NULL)
#define cr_assert_eq(a, b, ...)        assert((a) == (b))
#define cr_assert_arr_eq(a, b, n)      assert(memcmp(a, b, n) == 0)
#include "../tests/unit/io/tls_pair.h"

#include "base/clock.h"
#include "base/memory.h"
#include <pthread.h>

enum { THREADS_MAX = 2, ROUNDS = 7, ROUND_MS = 500 };

struct worker {
    pthread_t thread;
    struct tls_context *server;
    struct tls_context *client;
    int64_t until_us;
    uint64_t count;
};

static void shake(struct tls_context *client, struct tls_context *server)
{
    struct pair pair;
    memset(&pair, 0, sizeof(pair));
    end_open(&pair.client, &(struct tls_transport_options){.context = client});
    end_open(&pair.server, &(struct tls_transport_options){.context = server, .is_server = true});
    enum transport_result c = TRANSPORT_NEED_INPUT;
    enum transport_result s = TRANSPORT_NEED_INPUT;
    while (c != TRANSPORT_DONE || s != TRANSPORT_DONE) {
        c = end_shake(&pair.client);
        end_pass(&pair.client, &pair.server, WIRE_OUT_SIZE_MAX);
        s = end_shake(&pair.server);
        end_pass(&pair.server, &pair.client, WIRE_OUT_SIZE_MAX);
        assert(c != TRANSPORT_ERROR && s != TRANSPORT_ERROR);
    }
    end_close(&pair.client);
    end_close(&pair.server);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    mem_thread_start();
    while (clock_read_us() < worker->until_us) {
        shake(worker->client, worker->server);
        worker->count++;
    }
    mem_thread_stop();
    return NULL;
}

/* Handshakes a second of `count` threads; with contexts of their own, or all with the first's. */
static double run(struct worker *workers, int count, bool is_shared)
{
    int64_t begin_us = clock_read_us();
    struct worker active[THREADS_MAX];
    for (int i = 0; i < count; i++) {
        active[i] = workers[is_shared ? 0 : i];
        active[i].count = 0;
        active[i].until_us = begin_us + ROUND_MS * 1000;
        assert(pthread_create(&active[i].thread, NULL, work, &active[i]) == 0);
    }
    uint64_t total = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(active[i].thread, NULL);
        total += active[i].count;
    }
    return (double)total * 1e6 / (double)(clock_read_us() - begin_us);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

int main(void)
{
    tls_test_begin();
    struct tls_settings settings = settings_for_tests();
    struct tls_tickets *tickets = tls_tickets_create();
    struct worker workers[THREADS_MAX] = {0};
    for (int i = 0; i < THREADS_MAX; i++) {
        workers[i].server = context_for(&settings, tickets);
        workers[i].client = client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
    }
    double one[ROUNDS];
    double own[ROUNDS];
    double shared[ROUNDS];
    double gain[ROUNDS];
    double shared_gain[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        one[i] = run(workers, 1, false);
        own[i] = run(workers, 2, false);
        shared[i] = run(workers, 2, true);
        gain[i] = own[i] / one[i];
        shared_gain[i] = shared[i] / one[i];
    }
    printf("full mutual handshakes a second, both sides, medians of %d rounds\n", ROUNDS);
    printf("1 thread                        %7.0f\n", median(one));
    printf("2 threads, contexts of their own %6.0f  gain %.2f\n", median(own), median(gain));
    printf("2 threads, shared contexts       %6.0f  gain %.2f\n", median(shared),
           median(shared_gain));
    return 0;
}
