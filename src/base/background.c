/* Background workers, one thread a lane.
 *
 * [X] A lane's queue and shutdown flag are under the lane's mutex; its count of unfinished jobs is
 * an atomic so that anyone may read it. Jobs with a done function travel back on the finished list,
 * under a mutex of its own, and main frees them; jobs without one end on their worker.
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

struct lane {
    struct background *background;
    const char *name;
    pthread_t thread;
    pthread_mutex_t mutex; /* of queue and is_stopping */
    pthread_cond_t has_news;
    pthread_cond_t is_idle; /* the count went to 0 */
    struct queue queue;
    bool is_stopping;
    unsigned cpulist_seen; /* worker only */
    size_t pending;        /* atomic */
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
static struct job *lane_take(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    while (!lane->queue.first && !lane->is_stopping)
        pthread_cond_wait(&lane->has_news, &lane->mutex);
    struct job *job = queue_pop(&lane->queue);
    pthread_mutex_unlock(&lane->mutex);
    return job;
}

static void follow_cpulist(struct lane *lane)
{
    struct background *background = lane->background;
    if (__atomic_load_n(&background->cpulist_generation, __ATOMIC_RELAXED) == lane->cpulist_seen)
        return;
    pthread_mutex_lock(&background->mutex);
    lane->cpulist_seen = background->cpulist_generation;
    int result = process_set_cpulist(background->cpulist);
    pthread_mutex_unlock(&background->mutex);
    if (result != 0)
        log_warning("Failed to set the CPU list of thread %s: %s", lane->name, strerror(-result));
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
    /* Release: who reads zero also sees what the job did (pairs with background_pending). */
    size_t before = __atomic_fetch_sub(&lane->pending, 1, __ATOMIC_RELEASE);
    assert(before > 0);
    if (before == 1)
        pthread_cond_signal(&lane->is_idle);
    pthread_mutex_unlock(&lane->mutex);
    if (has_done && background->notify)
        background->notify(background->context);
}

static void *lane_run(void *argument)
{
    struct lane *lane = argument;
    thread_role_enter(THREAD_INDEX_NONE, lane->name);
    struct job *job;
    while ((job = lane_take(lane)) != NULL) {
        follow_cpulist(lane);
        job->work(job->argument);
        lane_finish(lane, job);
    }
    thread_role_leave();
    return NULL;
}

/* -- main -- */

static void lane_start(struct lane *lane, struct background *background, const char *name)
{
    lane->background = background;
    lane->name = name;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->has_news, NULL);
    pthread_cond_init(&lane->is_idle, NULL);
    int failed = pthread_create(&lane->thread, NULL, lane_run, lane);
    if (failed)
        panic("Fatal: Can't initialize Background Jobs. Error message: %s", strerror(failed));
}

static void lane_stop(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    lane->is_stopping = true;
    pthread_cond_signal(&lane->has_news);
    pthread_mutex_unlock(&lane->mutex);
    pthread_join(lane->thread, NULL);
    assert(!lane->queue.first);
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
    /* Signals are for the main thread. */
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (int i = 0; i < BACKGROUND_LANES; i++)
        lane_start(&background->lanes[i], background, names[i]);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
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
