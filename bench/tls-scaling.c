/* How handshakes scale with threads: full mutual handshakes through memory, both sides, on one
 * thread and on two, each thread with contexts of its own as an I/O thread has them; and on two
 * threads that share them. Beside it, in the same rounds, a loop of arithmetic that shares nothing:
 * what this machine's two cores give at best. Threads are pinned, and "one thread" is the mean of
 * both cores alone, since cores of a virtual machine differ. Slices are short and interleaved, so
 * that a change of the machine's speed meets all of them. Wall time: it needs two idle cores. Run
 * by bench/tls-scaling.
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
#include <semaphore.h>

enum { THREADS_MAX = 2, ROUNDS = 9, SLICE_MS = 80, WARM_UP_MS = 20 };

enum load { OWN_CONTEXTS, SHARED_CONTEXTS, ARITHMETIC, LOADS };

/* A thread that lives through all rounds. Between `begin` and `done` its fields are its own,
 * otherwise the main thread's. */
struct worker {
    pthread_t thread;
    int core;
    struct tls_context *server[LOADS];
    struct tls_context *client[LOADS];
    sem_t begin;
    sem_t done;
    enum load load; /* LOADS: end */
    uint64_t count;
    int64_t elapsed_us;
    uint64_t result;
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

/* Some 100 microseconds of multiplications in registers. */
static uint64_t multiply(uint64_t x)
{
    for (int i = 0; i < 100000; i++)
        x = x * 0x9e3779b97f4a7c15u ^ x >> 29;
    return x;
}

static void work_for(struct worker *worker, int ms)
{
    int64_t begin_us = clock_read_us();
    int64_t now_us = begin_us;
    for (worker->count = 0; now_us < begin_us + ms * 1000; worker->count++) {
        if (worker->load == ARITHMETIC)
            worker->result = multiply(worker->result + 1);
        else
            shake(worker->client[worker->load], worker->server[worker->load]);
        now_us = clock_read_us();
    }
    worker->elapsed_us = now_us - begin_us;
}

static void work_slice(struct worker *worker)
{
    work_for(worker, WARM_UP_MS);
    work_for(worker, SLICE_MS);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)worker->core, &cores);
    assert(pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores) == 0);
    mem_thread_start();
    for (;;) {
        sem_wait(&worker->begin);
        if (worker->load == LOADS)
            break;
        work_slice(worker);
        sem_post(&worker->done);
    }
    mem_thread_stop();
    return NULL;
}

/* Units of `load` a second, of the threads `first` to `last` together. */
static double run(struct worker *workers, enum load load, int first, int last)
{
    for (int i = first; i <= last; i++) {
        workers[i].load = load;
        sem_post(&workers[i].begin);
    }
    double total = 0;
    for (int i = first; i <= last; i++) {
        while (sem_wait(&workers[i].done) != 0) {
        }
        total += (double)workers[i].count * 1e6 / (double)workers[i].elapsed_us;
    }
    return total;
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
    static const char *const names[LOADS] = {"contexts of their own", "shared contexts",
                                             "arithmetic (the machine's ceiling)"};
    tls_test_begin();
    struct tls_settings settings = settings_for_tests();
    struct tls_tickets *tickets = tls_tickets_create();
    struct worker workers[THREADS_MAX] = {0};
    for (int i = 0; i < THREADS_MAX; i++) {
        struct worker *worker = &workers[i];
        worker->core = i;
        worker->server[OWN_CONTEXTS] = context_for(&settings, tickets);
        worker->client[OWN_CONTEXTS] =
            client_for((struct tls_client_settings){WITH_CLIENT_CERTIFICATE});
        worker->server[SHARED_CONTEXTS] = workers[0].server[OWN_CONTEXTS];
        worker->client[SHARED_CONTEXTS] = workers[0].client[OWN_CONTEXTS];
        sem_init(&worker->begin, 0, 0);
        sem_init(&worker->done, 0, 0);
        assert(pthread_create(&worker->thread, NULL, work, worker) == 0);
    }
    double one[LOADS][ROUNDS];
    double two[LOADS][ROUNDS];
    double gain[LOADS][ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        for (enum load load = 0; load < LOADS; load++) {
            double first = run(workers, load, 0, 0);
            two[load][i] = run(workers, load, 0, 1);
            one[load][i] = (first + run(workers, load, 1, 1)) / 2;
            gain[load][i] = two[load][i] / one[load][i];
        }
    printf("full mutual handshakes a second, both sides, medians of %d rounds\n", ROUNDS);
    printf("%-36s 1 thread  2 threads  gain\n", "");
    for (enum load load = 0; load < LOADS; load++)
        printf("%-36s %8.0f %10.0f  %.2f\n", names[load], median(one[load]), median(two[load]),
               median(gain[load]));
    for (int i = 0; i < THREADS_MAX; i++) {
        workers[i].load = LOADS;
        sem_post(&workers[i].begin);
        pthread_join(workers[i].thread, NULL);
    }
    return 0;
}
