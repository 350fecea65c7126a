/* The process as its operator sees it: daemon, pidfile, title, limits, supervision. Main thread. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Those that are closed become /dev/null: nothing else that is opened may get their numbers, and
 * log lines with them. Call first in main. */
void process_open_standard_streams(void);
/* fork, setsid, standard streams to /dev/null. 0 in the daemon (the parent exits), -errno. */
int process_daemonize(void);
/* Whether the system knows a user of this name; whether the process runs as it. */
bool process_has_user(const char *name);
bool process_is_user(const char *name);
/* Becomes that user, with its groups, for good. 0 or -errno; needs root. */
int process_become_user(const char *name);
int process_write_pidfile(const char *path);
void process_remove_pidfile(const char *path);
/* Remembers argv/environ so that the title can be rewritten; call first in main. */
void process_title_init(int argc, char **argv);
void process_set_title(const char *title);
/* Raises RLIMIT_NOFILE to `wanted` or as near as allowed; returns what is in force. When that is
 * less, errno says why. */
uint64_t process_raise_files(uint64_t wanted);
/* Who supervises this process, "upstart" or "systemd", or NULL: nobody that `mode` allows ("auto",
 * "systemd", "upstart", "no"). Upstart sees the process stop, systemd gets a first message; either
 * is logged, and so is one that was asked for and is not there. */
const char *process_supervisor(const char *mode);
/* sd_notify(3) message ("READY=1"). 1, or 0: there is no NOTIFY_SOCKET, or -errno; both are
 * logged. */
int process_notify(const char *message);
/* /proc/self/oom_score_adj; 0 or -errno. */
int process_oom_score(int *score);
int process_set_oom_score(int score);
int process_disable_thp(void);
/* Finds out, in a child, whether a filter of system calls kills who changes how threads are
 * scheduled (SystemCallFilter=~@resources in Debian's unit of redis-server). False: it does; from
 * now on process_set_slice and process_set_batch have no effect, and process_set_cpulist gives
 * -EPERM. Main thread, before others start. */
bool process_probe_scheduling(void);
/* "0-3,8" and Redis's "0-7:2" form to the calling thread's affinity; 0 or -errno. */
int process_set_cpulist(const char *list);
int process_check_cpulist(const char *list);
/* The calling thread's time slice (0: the system's own). A thread that works in short bursts and
 * asks for a short slice gets the processor sooner when others have work too; its share stays the
 * same. No effect before Linux 6.12, or on a thread of another scheduling class. Threads inherit
 * it. */
void process_set_slice(int64_t slice_us);
/* Of the calling thread: the class that nobody chose (SCHED_OTHER of sched(7)). */
bool process_is_scheduled_normally(void);
/* A thread of this process (0: the calling one) does not interrupt whoever has the processor when
 * it wakes up, but waits until that one sleeps or its slice is over (SCHED_BATCH of sched(7));
 * false: as usual. Slice and nice level stay. No effect on a thread of a third class, or where the
 * kernel refuses. Threads inherit it. */
void process_set_batch(int tid, bool is_batch);
/* For how long the calling thread has wanted a processor: ran, or was ready and waited for one that
 * others had. 0 where the kernel does not tell. */
uint64_t process_wanted_us(void);
/* Memory of the machine, or of the control group when that is smaller. */
uint64_t process_memory_limit(void);
/* How many processors the calling thread and those that it starts may use at a time, at least 1:
 * its affinity, or the control group's CPU quota when that is less (a part of one counts). */
int process_processors(void);
/* How many a list (process_set_cpulist) names; 0: none, or no such list. */
int process_cpulist_processors(const char *list);

#endif
