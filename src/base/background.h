/* Background workers for what must not stop the main thread: closing large files, fsync, freeing
 * large values, preparing TLS material. One thread per lane, jobs of a lane run in order. A job
 * that does not end, since a file system hangs, can be abandoned: its thread with it, not the lane.
 * [X]: a mutex and condition per lane; completions come back through `notify`.
 */
#ifndef BASE_BACKGROUND_H
#define BASE_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum background_lane { BACKGROUND_FILES, BACKGROUND_FREE, BACKGROUND_PREPARE, BACKGROUND_LANES };

enum { BACKGROUND_ABANDONED_MAX = 4 }; /* threads of a lane that have not returned */

struct background;

/* `notify` is called on the worker after each job with a `done` function (to wake main); may be
 * NULL. */
struct background *background_create(void (*notify)(void *context), void *context);
/* Finishes queued jobs, joins the workers. Not while one of them is abandoned. */
void background_destroy(struct background *background);
/* Runs work(argument) on the lane's worker, later done(argument) (may be NULL) on main from
 * background_reap. Main thread. The queue has no maximum: jobs are created one per command at most.
 */
void background_submit(struct background *background, enum background_lane lane,
                       void (*work)(void *argument), void (*done)(void *argument), void *argument);
/* Runs the done functions of finished jobs. Main thread; returns how many. */
size_t background_reap(struct background *background);
/* True when background_reap has something to run. Main thread asks between announcing that it will
 * sleep and sleeping: what finished before the announcement was not signalled. */
bool background_has_finished(struct background *background);
/* Waits until the lane has nothing left to do, at most this long. True: it has nothing. Main
 * thread.
 */
bool background_drain(struct background *background, enum background_lane lane, int64_t wait_ms);
/* The argument of the job that the lane's worker is at, NULL at none. Main thread, so that a job
 * with a done function stays until main reaps it. */
void *background_current(struct background *background, enum background_lane lane);
/* Gives up the job with that argument if the worker is at it: `done`, which it must have, runs with
 * `instead`. When it returns, dropped(argument) runs on its thread, which then ends; the lane goes
 * on with a new one. False: the worker is not at it any more, too many were abandoned, or there is
 * no thread to be had. Main thread. */
bool background_abandon(struct background *background, enum background_lane lane, void *argument,
                        void (*dropped)(void *argument), void *instead);
/* Abandoned jobs that have not returned. Any thread. */
size_t background_abandoned(const struct background *background, enum background_lane lane);
/* Jobs not finished yet in a lane, without abandoned ones. Any thread. */
size_t background_pending(const struct background *background, enum background_lane lane);
/* CPU list for the workers ("bio-cpulist"); applies at the next job. */
void background_set_cpulist(struct background *background, const char *list);

#endif
