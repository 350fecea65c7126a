/* All I/O threads of the server: start and stop, their number, where a new connection goes, TLS
 * contexts for each. Main thread. Thread 0 is main's own loop; with one I/O thread it serves the
 * connections too, with more it may.
 *
 * The number may change at any time: io_pool_resize starts threads, or lets those beyond the new
 * number retire. A retiring thread serves what it has until somebody has moved that away
 * (exchange_move); io_pool_tend, called now and then, ends it once it is empty. */
#ifndef IO_IO_POOL_H
#define IO_IO_POOL_H

#include "io/io_thread.h"

enum { IO_THREADS_MAX = 128 };

struct io_pool;
struct tls_settings;
struct tls_tickets;

struct io_pool_options {
    int threads; /* 1: connections are served by main; N >= 2: N threads beside it */
    struct loop_options loop;
    const struct io_thread_handler *handler;
    void *context;
    const char *cpulist; /* for the I/O threads, or NULL */
};

/* NULL and a reason in error[256]. */
struct io_pool *io_pool_create(const struct io_pool_options *options, char *error) ON_MAIN;
/* All threads have stopped (io_pool_is_stopped), thread 0 has no connection left. */
void io_pool_destroy(struct io_pool *pool) ON_MAIN;

/* As configured ("io-threads"). */
int io_pool_configured(const struct io_pool *pool);
/* The highest index in use; 0: no thread beside main. */
int io_pool_count(const struct io_pool *pool);
/* index 0..io_pool_count. NULL where no thread is, which happens only after io_pool_resize. */
struct io_thread *io_pool_thread(struct io_pool *pool, int index);
/* Another number of threads, as in io_pool_options. 0, or -1 with a reason in error[256] and the
 * old number. */
int io_pool_resize(struct io_pool *pool, int threads, char *error) ON_MAIN;
/* Ends retiring threads that are empty, frees those that have ended, and starts those that are
 * missing; with TLS they are left to io_pool_fill. */
void io_pool_tend(struct io_pool *pool) ON_MAIN;
/* Starts those that are missing, as many as there are contexts: see io_pool_give_tls_spares. */
void io_pool_fill(struct io_pool *pool) ON_MAIN;
/* Main's own loop and wake-up. */
struct loop *io_pool_main_loop(struct io_pool *pool);
struct wakeup *io_pool_main_wakeup(struct io_pool *pool);

/* Whether new connections go to main's own loop. At first: no. */
void io_pool_prefer_main(struct io_pool *pool, bool prefers_main) ON_MAIN;
/* How many of the I/O threads take connections, the first ones; at first: all. */
void io_pool_set_spread(struct io_pool *pool, int threads) ON_MAIN;
/* Whether this one is among them and serves. */
bool io_pool_is_spread_to(const struct io_pool *pool, const struct io_thread *thread) ON_MAIN;
/* The thread that a new connection goes to: main when it is preferred, else of those that take
 * connections the one with fewest clients. */
struct io_thread *io_pool_choose(struct io_pool *pool) ON_MAIN;
/* How many of the I/O threads make handshakes, the first ones; at first: all. */
void io_pool_set_handshake_spread(struct io_pool *pool, int threads) ON_MAIN;
/* Main and its I/O threads take turns instead of interrupting one another when they wake up
 * (process_set_batch): fewer switches, larger turns. No effect when the process was started in a
 * class of its own. At first: no. */
void io_pool_set_batch(struct io_pool *pool, bool is_batch) ON_MAIN;
/* The same for a connection that begins with a handshake. Those are dear, and main must stay quick:
 * it makes none while there are I/O threads. */
struct io_thread *io_pool_choose_for_handshake(struct io_pool *pool) ON_MAIN;
/* Chooses, and counts the connection there. */
struct io_thread *io_pool_place(struct io_pool *pool, bool is_handshake) ON_MAIN;
void io_pool_count_in(struct io_thread *thread) ON_MAIN;
void io_pool_unplace(struct io_thread *thread) ON_MAIN;

/* Builds one context per thread from `settings` and puts all in force, or none: -1 and one line in
 * error. Connections that exist keep theirs. Threads that start later build theirs from the same
 * `settings`, which must live as long as the pool. Blocks for the time of reading files. */
int io_pool_set_tls(struct io_pool *pool, const struct tls_settings *settings,
                    struct tls_tickets *tickets, char *error, size_t error_size) ON_MAIN;
/* Puts contexts that were built elsewhere in force: io_pool_count + 1 of them, whose references
 * move. */
void io_pool_install_tls(struct io_pool *pool, struct tls_context *const *contexts) ON_MAIN;
/* What threads that start later build theirs from; see io_pool_set_tls. */
void io_pool_use_tls_settings(struct io_pool *pool, const struct tls_settings *settings,
                              struct tls_tickets *tickets) ON_MAIN;
/* How many threads io_pool_resize would start for this number. */
int io_pool_missing(const struct io_pool *pool, int threads) ON_MAIN;
/* Contexts for threads that io_pool_resize or io_pool_fill is going to start, which are not built
 * then. They are the pool's until io_pool_drop_tls_spares, which releases what was not used. */
void io_pool_give_tls_spares(struct io_pool *pool, struct tls_context **contexts,
                             int count) ON_MAIN;
void io_pool_drop_tls_spares(struct io_pool *pool) ON_MAIN;
/* The context of thread 0 (for descriptions), or NULL. */
struct tls_context *io_pool_tls(struct io_pool *pool) ON_MAIN;

/* Makes everything posted to the threads visible. */
void io_pool_publish(struct io_pool *pool) ON_MAIN;
/* True while a message to a thread waits for room in its ring: main must publish again soon. */
bool io_pool_has_backlog(const struct io_pool *pool) ON_MAIN;
/* True when no thread has a message for main. */
bool io_pool_is_quiet(struct io_pool *pool) ON_MAIN;

/* Asks all threads to close their connections and end; main goes on taking messages until
 * is_stopped. */
void io_pool_request_stop(struct io_pool *pool) ON_MAIN;
/* Joins threads that have ended; true when none is left. */
bool io_pool_is_stopped(struct io_pool *pool) ON_MAIN;
/* Main's exchange saw IO_MESSAGE_STOPPED from this thread. */
void io_pool_note_stopped(struct io_pool *pool, struct io_thread *thread) ON_MAIN;

/* Adds up the counters of all threads, also of those that have retired; once they were told to end,
 * what they were at that moment. */
void io_pool_sum_stats(struct io_pool *pool, struct io_stats *sum);
/* Bytes that the threads beside main take while they serve nobody, without TLS. */
size_t io_pool_memory(const struct io_pool *pool) ON_MAIN;
/* True from io_pool_request_stop on: the threads' loops may be gone, nothing of them may be read.
 */
bool io_pool_is_stopping(const struct io_pool *pool);

#endif
