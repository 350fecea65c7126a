/* Background workers, one thread a lane.
 *
 * [X] A lane's queue, shutdown flag and what its worker is at are under the lane's mutex; its
 * counts of unfinished and abandoned jobs are atomics so that anyone may read them. Jobs with a
 * done function travel back on the finished list, under a mutex of its own, and main frees them;
 * jobs without one end on their worker.
 */
#include "base/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/thread_role.h"

struct job {
    struct job *next;
    void (*work)(void *argument);
    void (*done)(void *argument);
    void *argument;
};

/* First in, first out. */
struct queue {
    struct job *first;
    struct job *last;
};

struct lane;

/* A lane's thread. An abandoned one is nobody's but its own. */
struct worker {
    struct lane *lane;
    pthread_t thread;
    struct job *job;                 /* that it is at; of the lane's mutex */
    void (*dropped)(void *argument); /* set when it is abandoned; of the lane's mutex */
    unsigned cpulist_seen;
};

struct lane {
    struct background *background;
    const char *name;
    struct worker *worker;
    pthread_mutex_t mutex; /* of queue and is_stopping */
    pthread_cond_t has_news;
    pthread_cond_t is_idle; /* the count went to 0 */
    struct queue queue;
    bool is_stopping;
    size_t pending;   /* atomic */
    size_t abandoned; /* atomic */
};

struct background {
    void (*notify)(void *context);
    void *context;
    struct lane lanes[BACKGROUND_LANES];
    pthread_mutex_t mutex; /* of the rest */
    struct queue finished;
    char *cpulist;
    unsigned cpulist_generation; /* written under the mutex, read without it (relaxed) */
};

static void queue_push(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->last)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct job *queue_pop(struct queue *queue)
{
    struct job *job = queue->first;
    if (!job)
        return NULL;
    queue->first = job->next;
    if (!queue->first)
        queue->last = NULL;
    return job;
}

/* -- worker -- */

/* Waits for the next job; NULL when the lane stops and has none left. */
static struct job *worker_take(struct worker *worker)
{
    struct lane *lane = worker->lane;
    pthread_mutex_lock(&lane->mutex);
    while (!lane->queue.first && !lane->is_stopping)
        pthread_cond_wait(&lane->has_news, &lane->mutex);
    struct job *job = queue_pop(&lane->queue);
    worker->job = job;
    pthread_mutex_unlock(&lane->mutex);
    return job;
}

static void follow_cpulist(struct worker *worker)
{
    struct background *background = worker->lane->background;
    if (__atomic_load_n(&background->cpulist_generation, __ATOMIC_RELAXED) == worker->cpulist_seen)
        return;
    pthread_mutex_lock(&background->mutex);
    worker->cpulist_seen = background->cpulist_generation;
    int result = process_set_cpulist(background->cpulist);
    pthread_mutex_unlock(&background->mutex);
    if (result != 0)
        log_warning("Failed to set the CPU list of thread %s: %s", worker->lane->name,
                    strerror(-result));
}

/* One job less; under the lane's mutex. */
static void lane_count_down(struct lane *lane)
{
    /* Release: who reads zero also sees what the job did (pairs with background_pending). */
    size_t before = __atomic_fetch_sub(&lane->pending, 1, __ATOMIC_RELEASE);
    assert(before > 0);
    if (before == 1)
        pthread_cond_signal(&lane->is_idle);
}

static void lane_finish(struct lane *lane, struct job *job)
{
    struct background *background = lane->background;
    bool has_done = job->done;
    if (has_done) {
        pthread_mutex_lock(&background->mutex);
        queue_push(&background->finished, job);
        pthread_mutex_unlock(&background->mutex);
    } else {
        mem_free(job);
    }
    pthread_mutex_lock(&lane->mutex);
    lane_count_down(lane);
    pthread_mutex_unlock(&lane->mutex);
    if (has_done && background->notify)
        background->notify(background->context);
}

/* From here on the job cannot be abandoned. What is to be done with its argument if it was. */
static void (*worker_leave_job(struct worker *worker))(void *argument)
{
    pthread_mutex_lock(&worker->lane->mutex);
    worker->job = NULL;
    void (*dropped)(void *argument) = worker->dropped;
    pthread_mutex_unlock(&worker->lane->mutex);
    return dropped;
}

static void end_abandoned(struct worker *worker, struct job *job, void (*dropped)(void *argument))
{
    struct lane *lane = worker->lane;
    dropped(job->argument);
    mem_free(job);
    mem_free(worker);
    thread_role_leave();
    pthread_mutex_lock(&lane->mutex);
    /* Release: pairs with background_abandoned. */
    __atomic_fetch_sub(&lane->abandoned, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lane->mutex);
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct lane *lane = worker->lane;
    thread_role_enter(THREAD_INDEX_NONE, lane->name);
    struct job *job;
    while ((job = worker_take(worker)) != NULL) {
        follow_cpulist(worker);
        job->work(job->argument);
        void (*dropped)(void *argument) = worker_leave_job(worker);
        if (dropped) {
            end_abandoned(worker, job, dropped);
            return NULL;
        }
        lane_finish(lane, job);
    }
    thread_role_leave();
    return NULL;
}

/* -- main -- */

/* Gives the lane a worker; an errno when there is no thread to be had. */
static int worker_start(struct lane *lane)
{
    struct worker *worker = mem_calloc(1, sizeof(*worker));
    worker->lane = lane;
    /* Signals are for the main thread. */
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&worker->thread, NULL, worker_run, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        mem_free(worker);
    else
        lane->worker = worker;
    return failed;
}

static void lane_start(struct lane *lane, struct background *background, const char *name)
{
    lane->background = background;
    lane->name = name;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->has_news, NULL);
    pthread_cond_init(&lane->is_idle, NULL);
    int failed = worker_start(lane);
    if (failed)
        panic("Fatal: Can't initialize Background Jobs. Error message: %s", strerror(failed));
}

static void lane_stop(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    assert(__atomic_load_n(&lane->abandoned, __ATOMIC_RELAXED) == 0);
    lane->is_stopping = true;
    pthread_cond_signal(&lane->has_news);
    pthread_mutex_unlock(&lane->mutex);
    pthread_join(lane->worker->thread, NULL);
    assert(!lane->queue.first);
    mem_free(lane->worker);
    pthread_cond_destroy(&lane->has_news);
    pthread_cond_destroy(&lane->is_idle);
    pthread_mutex_destroy(&lane->mutex);
}

struct background *background_create(void (*notify)(void *context), void *context)
{
    static const char *const names[BACKGROUND_LANES] = {"bg-files", "bg-free", "bg-prepare"};
    struct background *background = mem_calloc(1, sizeof *background);
    background->notify = notify;
    background->context = context;
    pthread_mutex_init(&background->mutex, NULL);
    for (int i = 0; i < BACKGROUND_LANES; i++)
        lane_start(&background->lanes[i], background, names[i]);
    return background;
}

void background_destroy(struct background *background)
{
    if (!background)
        return;
    for (int i = 0; i < BACKGROUND_LANES; i++)
        lane_stop(&background->lanes[i]);
    background_reap(background);
    pthread_mutex_destroy(&background->mutex);
    mem_free(background->cpulist);
    mem_free(background);
}

void background_submit(struct background *background, enum background_lane lane_index,
                       void (*work)(void *argument), void (*done)(void *argument), void *argument)
{
    assert(lane_index < BACKGROUND_LANES);
    struct lane *lane = &background->lanes[lane_index];
    struct job *job = mem_alloc(sizeof *job);
    *job = (struct job){.work = work, .done = done, .argument = argument};
    __atomic_fetch_add(&lane->pending, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&lane->mutex);
    assert(!lane->is_stopping);
    queue_push(&lane->queue, job);
    pthread_cond_signal(&lane->has_news);
    pthread_mutex_unlock(&lane->mutex);
}

size_t background_reap(struct background *background)
{
    pthread_mutex_lock(&background->mutex);
    struct queue finished = background->finished;
    background->finished = (struct queue){0};
    pthread_mutex_unlock(&background->mutex);
    size_t count = 0;
    struct job *job;
    while ((job = queue_pop(&finished)) != NULL) {
        job->done(job->argument);
        mem_free(job);
        count++;
    }
    return count;
}

bool background_has_finished(struct background *background)
{
    pthread_mutex_lock(&background->mutex);
    bool has_finished = background->finished.first != NULL;
    pthread_mutex_unlock(&background->mutex);
    return has_finished;
}

size_t background_pending(const struct background *background, enum background_lane lane)
{
    assert(lane < BACKGROUND_LANES);
    /* Acquire: pairs with the release in lane_finish. */
    return __atomic_load_n(&background->lanes[lane].pending, __ATOMIC_ACQUIRE);
}

void *background_current(struct background *background, enum background_lane lane_index)
{
    assert(lane_index < BACKGROUND_LANES);
    struct lane *lane = &background->lanes[lane_index];
    pthread_mutex_lock(&lane->mutex);
    const struct job *job = lane->worker->job;
    void *argument = job ? job->argument : NULL;
    pthread_mutex_unlock(&lane->mutex);
    return argument;
}

bool background_abandon(struct background *background, enum background_lane lane_index,
                        void *argument, void (*dropped)(void *argument), void *instead)
{
    assert(lane_index < BACKGROUND_LANES && argument && dropped);
    struct lane *lane = &background->lanes[lane_index];
    struct job *answer = NULL;
    pthread_mutex_lock(&lane->mutex);
    struct worker *worker = lane->worker;
    if (worker->job && worker->job->argument == argument &&
        background_abandoned(background, lane_index) < BACKGROUND_ABANDONED_MAX &&
        worker_start(lane) == 0) { /* the new one waits for the mutex */
        assert(worker->job->done);
        answer = mem_alloc(sizeof *answer);
        *answer = (struct job){.done = worker->job->done, .argument = instead};
        pthread_detach(worker->thread);
        worker->dropped = dropped;
        __atomic_fetch_add(&lane->abandoned, 1, __ATOMIC_RELAXED);
        lane_count_down(lane);
    }
    pthread_mutex_unlock(&lane->mutex);
    if (!answer)
        return false;
    pthread_mutex_lock(&background->mutex);
    queue_push(&background->finished, answer);
    pthread_mutex_unlock(&background->mutex);
    return true;
}

size_t background_abandoned(const struct background *background, enum background_lane lane)
{
    assert(lane < BACKGROUND_LANES);
    /* Acquire: who reads zero sees all that the ended threads did (pairs with end_abandoned). */
    return __atomic_load_n(&background->lanes[lane].abandoned, __ATOMIC_ACQUIRE);
}

bool background_drain(struct background *background, enum background_lane lane_index,
                      int64_t wait_ms)
{
    assert(lane_index < BACKGROUND_LANES && wait_ms >= 0);
    struct lane *lane = &background->lanes[lane_index];
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_mutex_lock(&lane->mutex);
    int error = 0;
    while (background_pending(background, lane_index) > 0 && error == 0)
        error = pthread_cond_clockwait(&lane->is_idle, &lane->mutex, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&lane->mutex);
    return background_pending(background, lane_index) == 0;
}

void background_set_cpulist(struct background *background, const char *list)
{
    pthread_mutex_lock(&background->mutex);
    mem_free(background->cpulist);
    background->cpulist = mem_strdup(list);
    __atomic_store_n(&background->cpulist_generation, background->cpulist_generation + 1,
                     __ATOMIC_RELAXED);
    pthread_mutex_unlock(&background->mutex);
}
