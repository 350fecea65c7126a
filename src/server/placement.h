/* Where connections live: on main's own loop while main has time to spare, lent to the I/O threads
 * as it fills up, and back. Also: off the threads that retire, on to those that came. Main thread;
 * cron calls it.
 *
 * A hand-off to another thread costs about a microsecond when a request travels alone, so
 * connections are served cheapest where their commands run, until main is nearly full. When
 * requests travel in company (many clients with deep pipelines) the hand-off is cheap, so those are
 * lent early: the threads decrypt while main executes. So it is when many clients have requests at
 * the same time and others have the processor that main wants: several threads get more of it than
 * one. Few clients are lent to no more threads than there are processors beside main's: more would
 * only take turns, each with fewer requests at a time. And where the processors are full already,
 * lending a few clients only adds to the work: when it does not serve more, they come home and stay
 * there for a while. While lent requests travel in company the
 * threads do not interrupt one another (io_pool_set_batch): where processors are few, main would
 * take theirs for each batch, and they main's. Not while handshakes are made in number, which would
 * keep main waiting. What decides is measured: the share of the
 * last period that main and each I/O thread were busy, and how many requests came together.
 */
#ifndef SERVER_PLACEMENT_H
#define SERVER_PLACEMENT_H

#include "base/thread_role.h"
#include "client/exchange.h"

enum {
    PLACEMENT_PERIOD_MS = 100,
    PLACEMENT_MOVES_MAX = 256, /* begun in one period */
    /* A thread with more handshakes under way is in a storm of them: those that open there come
     * home when they have shown that they stay. */
    PLACEMENT_HANDSHAKES_MAX = 4,
    /* Main is busier: it lends half of what it serves. */
    PLACEMENT_LEND_PERCENT = 85,
    /* Main is calmer, and all threads together not too busy, for some periods: back to main. Each
     * time that this was too early the number of periods doubles, until it has gone well for long.
     */
    PLACEMENT_CALM_PERCENT = 50,
    PLACEMENT_CALM_TOTAL_PERCENT = 200,
    PLACEMENT_CALM_PERIODS = 3,
    PLACEMENT_CALM_PERIODS_MAX = 600,
    PLACEMENT_PROVEN_PERIODS = 50,
    /* At home and less busy than this, main takes back some of those that are elsewhere. */
    PLACEMENT_FILL_PERCENT = 70,
    /* Deep pipelines: so many requests come together, of so many clients per thread. Lent when main
     * is busier than the first, taken back when all together are calmer than the second. */
    PLACEMENT_DEEP_REQUESTS = 4,
    PLACEMENT_DEEP_CLIENTS = 4,
    PLACEMENT_DEEP_LEND_PERCENT = 25,
    PLACEMENT_DEEP_CALM_PERCENT = 15,
    /* Wide turns: so many clients per thread, of whom so many had requests in one turn of main
     * (lent, they come in smaller lots). Lent when main has a processor or waits for one for more
     * than PLACEMENT_LEND_PERCENT, taken back when all together are calmer than this. */
    PLACEMENT_WIDE_CLIENTS = 8,
    PLACEMENT_WIDE_BATCHES = 16,
    PLACEMENT_WIDE_BATCHES_LENT = 4,
    PLACEMENT_WIDE_CALM_PERCENT = 60,
    /* More clients than the first are spread over all threads, whatever the processors, until there
     * are fewer than the second: a thread that waits for a processor keeps only its share of them
     * waiting. */
    PLACEMENT_MANY_CLIENTS = 64,
    PLACEMENT_FEW_CLIENTS = 48,
    /* Few clients without pipelines are all served at home first, and lent when main was too busy
     * for so many periods. What it brings: of the latter half of so many more, the best must serve
     * more than the best of those at home by at least so much, or they stay at home
     * for a while (periods; twice as many each time), or until there are twice as many clients.
     * Both are compared anew when lending serves less than that for so many periods later on, and
     * in any case after so many periods (twice as many each time): what else ran at the time may
     * have decided. */
    PLACEMENT_BUSY_PERIODS = 3,
    PLACEMENT_TRIAL_PERIODS = 4,
    PLACEMENT_GAIN_PERCENT = 10,
    PLACEMENT_BEHIND_PERIODS = 5,
    PLACEMENT_PROOF_PERIODS = 15,
    PLACEMENT_PROOF_PERIODS_MAX = 2400,
    PLACEMENT_HOLD_PERIODS = 300,
    PLACEMENT_HOLD_PERIODS_MAX = 2400,
    /* Without company for so many periods, the threads interrupt one another again. */
    PLACEMENT_BATCH_PERIODS = 5
};

struct placement;

struct placement *placement_create(struct exchange *exchange, struct io_pool *pool,
                                   struct client_table *clients);
void placement_destroy(struct placement *placement);
/* "io-threads-elastic"; no: main serves nobody while there are I/O threads. At first: no. */
void placement_set_elastic(struct placement *placement, bool is_elastic) ON_MAIN;
/* How many processors the I/O threads have; at first as many as they want. */
void placement_set_processors(struct placement *placement, int processors) ON_MAIN;
/* A TLS connection has opened on an I/O thread (io_pool_choose_for_handshake): it goes at once to
 * where it would be placed, unless many come together. */
void placement_on_opened(struct placement *placement, struct client *client) ON_MAIN;
/* What tells how long main has wanted a processor; at first process_wanted_us. For tests. */
void placement_set_meter(struct placement *placement, uint64_t (*wanted_us)(void));
/* One look, unless the last one was a moment ago. */
void placement_run(struct placement *placement) ON_MAIN;

struct placement_facts {
    bool is_elastic;
    bool is_lending;            /* main has too much to do: new connections go to the I/O threads */
    bool is_deep;               /* many clients with deep pipelines */
    bool is_wide;               /* many clients have requests at the same time */
    bool is_away;               /* most clients are lent, or opened on the I/O threads */
    bool is_batch;              /* the threads do not interrupt one another */
    int spread;                 /* connections are lent to so many of the I/O threads */
    unsigned main_busy_percent; /* of the last period */
    unsigned main_wanted_percent; /* main ran, or waited for a processor */
    unsigned busy_percent;        /* main and the I/O threads, added up */
    uint64_t lent;
    uint64_t taken_back;
    uint64_t evened; /* from one I/O thread to another, or off one that retires */
};

void placement_describe(const struct placement *placement, struct placement_facts *facts) ON_MAIN;

#endif
