/* See load.h. The main thread only waits here, and shows progress. */
#include "tools/benchmark/load.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tools/benchmark/worker.h"
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PROGRESS_INTERVAL_MS = 250 };

/* An open loop is bounded by what belongs to its time, not by time. */
static struct section make_section(const struct options *options, int64_t requests,
                                   int64_t duration_us)
{
    if (duration_us == 0)
        return (struct section){(requests + options->pipeline - 1) / options->pipeline, 0};
    if (options->rps == 0)
        return (struct section){INT64_MAX, duration_us};
    double exact = (double)options->rps * (double)duration_us / 1e6 / (double)options->pipeline;
    return (struct section){exact > 1 ? (int64_t)(exact + 0.5) : 1, 0};
}

int64_t load_cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

static void init_run(struct run *run, const struct load_options *load)
{
    const struct options *options = load->options;
    *run = (struct run){.load = load};
    run->workers = options->threads > 0 ? (int)options->threads : 1;
    run->measured = make_section(options, options->requests, options->duration_us);
    if (options->warmup_requests > 0 || options->warmup_us > 0)
        run->warmup = make_section(options, options->warmup_requests, options->warmup_us);
    run->batches_left = run->warmup.batches > 0 ? run->warmup.batches : run->measured.batches;
    pthread_barrier_init(&run->start, NULL, (unsigned)run->workers);
    pthread_mutex_init(&run->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&run->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void deinit_run(struct run *run)
{
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->lock);
    pthread_barrier_destroy(&run->start);
}

static struct worker *start_workers(struct run *run)
{
    int64_t clients = run->load->options->clients;
    struct worker *workers = mem_calloc((size_t)run->workers, sizeof(*workers));
    for (int i = 0; i < run->workers; i++) {
        struct worker *worker = &workers[i];
        *worker = (struct worker){.run = run, .index = i};
        worker->clients = clients / run->workers + (i < clients % run->workers);
        worker->latencies = mem_alloc(sizeof(*worker->latencies));
        histogram_clear(worker->latencies);
        int error = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (error)
            fatal("Could not create a thread: %s", strerror(error));
    }
    return workers;
}

/* Returns a copy of the progress made so far, under the lock. */
static struct load_progress wait_a_moment(struct run *run)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PROGRESS_INTERVAL_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int result = 0;
    while (run->ended < run->workers && result == 0)
        result = pthread_cond_timedwait(&run->changed, &run->lock, &until);
    struct load_progress progress = run->progress;
    progress.elapsed_us = run->started_us ? clock_read_us() - run->started_us : 0;
    return progress;
}

static void wait_for_end(struct run *run)
{
    const struct load_options *load = run->load;
    pthread_mutex_lock(&run->lock);
    while (run->ended < run->workers) {
        struct load_progress progress = wait_a_moment(run);
        if (run->ended == run->workers || !load->on_progress)
            continue;
        pthread_mutex_unlock(&run->lock);
        load->on_progress(load->context, &progress);
        pthread_mutex_lock(&run->lock);
    }
    pthread_mutex_unlock(&run->lock);
}

void load_run(const struct load_options *load, struct load_result *result)
{
    struct run run;
    init_run(&run, load);
    struct worker *workers = start_workers(&run);
    wait_for_end(&run);
    histogram_clear(&result->latencies);
    for (int i = 0; i < run.workers; i++) {
        pthread_join(workers[i].thread, NULL);
        histogram_add(&result->latencies, workers[i].latencies);
        mem_free(workers[i].latencies);
    }
    mem_free(workers);
    result->requests = run.progress.finished;
    result->resumed = run.resumed;
    result->cpu_us = run.cpu_us;
    result->duration_us = run.ended_us - run.started_us;
    deinit_run(&run);
}

void load_idle(const struct load_options *load)
{
    struct run run;
    init_run(&run, load);
    run.is_idle = true;
    start_workers(&run);
    pthread_mutex_lock(&run.lock);
    for (;;) {
        struct load_progress progress = wait_a_moment(&run);
        if (load->on_progress)
            load->on_progress(load->context, &progress);
    }
}
