/* Background workers for what must not stop the main thread: closing large files, fsync, freeing
 * large values, preparing TLS material. One thread per lane, jobs of a lane run in order.
 * [X]: a mutex and condition per lane; completions come back through `notify`.
 */
#ifndef BASE_BACKGROUND_H
#define BASE_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum background_lane { BACKGROUND_FILES, BACKGROUND_FREE, BACKGROUND_PREPARE, BACKGROUND_LANES };

struct background;

/* `notify` is called on the worker after each job with a `done` function (to wake main); may be
 * NULL. */
struct background *background_create(void (*notify)(void *context), void *context);
/* Finishes queued jobs, joins the workers. */
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
/* Jobs not finished yet in a lane. Any thread. */
size_t background_pending(const struct background *background, enum background_lane lane);
/* CPU list for the workers ("bio-cpulist"); applies at the next job. */
void background_set_cpulist(struct background *background, const char *list);

#endif
