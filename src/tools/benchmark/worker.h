/* One thread of a run, and what the threads of a run share. Inside tools/benchmark only. */
#ifndef TOOLS_BENCHMARK_WORKER_H
#define TOOLS_BENCHMARK_WORKER_H

#include "base/random.h"
#include "tools/benchmark/load.h"
#include <pthread.h>

/* Shared by the threads of a run. Constant but for what the lock guards; workers take the lock once
 * per many requests. */
struct run {
    const struct load_options *load;
    bool is_idle;
    int workers;
    pthread_barrier_t start; /* all connections of all workers are ready */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* -- under the lock -- */
    int64_t batches_left; /* pipelines nobody has taken yet */
    struct load_progress progress;
    int64_t started_us; /* of the first worker that started, 0 before */
    int64_t ended_us;   /* of the last worker that ended */
    int ended;
};

struct worker {
    struct run *run;
    int index;
    int64_t clients;
    pthread_t thread;
    struct histogram *latencies;
};

/* The thread's function; the argument is a struct worker. */
void *worker_main(void *argument);

#endif
