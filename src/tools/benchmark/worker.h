/* One thread of a run, and what the threads of a run share. Inside tools/benchmark only. */
#ifndef TOOLS_BENCHMARK_WORKER_H
#define TOOLS_BENCHMARK_WORKER_H

#include "base/random.h"
#include "tools/benchmark/load.h"
#include <pthread.h>

/* Pipelines one after the other until `batches` were sent, or `duration_us` (0: no limit) is over.
 */
struct section {
    int64_t batches;
    int64_t duration_us;
};

/* Shared by the threads of a run. Constant but for what the lock guards; workers take the lock once
 * per many requests. */
struct run {
    const struct load_options *load;
    bool is_idle;
    int workers;
    struct section warmup; /* no batches: none */
    struct section measured;
    pthread_barrier_t start; /* all connections of all workers are ready */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* -- under the lock -- */
    int64_t batches_left;  /* pipelines nobody has taken yet */
    int64_t batches_taken; /* the others: the next one's number */
    uint64_t resumed;      /* TLS sessions */
    struct load_progress progress;
    int64_t started_us; /* of the first worker that started, 0 before */
    int64_t ended_us;   /* of the last worker that ended */
    int64_t cpu_us;     /* of the process, between the two */
    int ended;
};

struct worker {
    struct run *run;
    int index;
    int64_t clients;
    pthread_t thread;
    struct histogram *latencies;
};

/* Processor time of this process. */
int64_t load_cpu_us(void);
/* The thread's function; the argument is a struct worker. */
void *worker_main(void *argument);

#endif
