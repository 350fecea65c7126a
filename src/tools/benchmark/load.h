/* Runs a workload: worker threads, each with its own loop, TLS context, connections and histogram.
 * All connections are open, handshakes done and greeted, before the clock starts (but for
 * --handshakes). Main thread.
 */
#ifndef TOOLS_BENCHMARK_LOAD_H
#define TOOLS_BENCHMARK_LOAD_H

#include "io/address.h"
#include "tools/benchmark/histogram.h"
#include "tools/benchmark/options.h"
#include "tools/benchmark/workload.h"

/* How far a run is, for the line that shows progress. */
struct load_progress {
    uint64_t finished;
    uint64_t latency_sum_us;
    int64_t elapsed_us;
    int64_t connected;
};

struct load_options {
    const struct options *options;
    const struct address *address;
    const struct workload *workload;
    /* Called by the main thread four times a second while the run lasts; may be NULL. */
    void (*on_progress)(void *context, const struct load_progress *progress);
    void *context;
};

struct load_result {
    uint64_t requests;
    int64_t duration_us;
    int64_t cpu_us;             /* this process's, user and system */
    uint64_t resumed;           /* TLS sessions, of --handshakes */
    struct histogram latencies; /* microseconds */
};

/* Ends the process when the server cannot be reached, closes a connection or replies with an error
 * (unless the options show errors). */
void load_run(const struct load_options *load, struct load_result *result);
/* Opens the connections and waits for ever. */
__attribute__((noreturn)) void load_idle(const struct load_options *load);

/* One connection, one request ("CONFIG", "GET", "save"): the reply, which the caller frees, or NULL
 * when there was none. Ends the process when the server cannot be reached. */
struct reply_value *load_ask(const struct load_options *load, const char *const *args, int argc);

/* Prints a line on standard error and ends the process at once, whatever other threads do. */
__attribute__((noreturn, format(printf, 1, 2))) void fatal(const char *format, ...);
/* The same for a connection that failed (or ended, when it `was_open`), with what may be done about
 * it. */
__attribute__((noreturn)) void fatal_connection(const struct options *options, bool was_open,
                                                const char *reason);

#endif
