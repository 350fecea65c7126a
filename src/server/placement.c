/* See placement.h. Each period: measure, empty what retires, then lend, take back, even out.
 *
 *              main too busy, or not elastic
 *      home ─────────────────────────────────▶ lending
 *   (new connections go to main)            (they go to the I/O threads)
 *           ◀─────────────────────────────────
 *              calm for `patience` periods
 *
 * What lent connections would cost at home cannot be read off the threads: a hand-off may cost
 * several times what it hands off. So coming home is a trial, step by step; main's own share tells
 * how far it may go, and a failed trial makes the next one later.
 */
#include "server/placement.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include <stdlib.h>
#include <string.h>

struct candidate {
    struct client *client;
    uint64_t traffic; /* bytes since the last look at this client */
};

struct placement {
    struct exchange *exchange;
    struct io_pool *pool;
    struct client_table *clients;
    int64_t looked_us;
    unsigned calm_periods;   /* at home: since when */
    unsigned patience;       /* calm periods before the next trial */
    unsigned busy_periods;   /* at home: since when main is too busy */
    unsigned lone_periods;   /* without company: since when */
    unsigned lent_periods;   /* lending: since when */
    unsigned hold;           /* how long few clients stay at home when lending was in vain */
    unsigned hold_periods;   /* left of it */
    unsigned proof;          /* how long few clients stay lent before that is proven again */
    uint64_t held_clients;   /* how many there were when it began */
    uint64_t rate;           /* requests a second, in the last period */
    uint64_t home_rate;      /* the best of the busy periods before lending began */
    uint64_t trial_rate;     /* the best of the periods that count */
    unsigned behind_periods; /* lending: since when it serves too little */
    int moves;               /* begun in this period */
    int processors;          /* of the I/O threads */
    bool are_others_busy;    /* the I/O threads did something worth mentioning */
    struct placement_facts facts;
    uint64_t requests; /* at the last look */
    uint64_t batches;
    uint64_t turns; /* of main's loop */
    uint64_t (*meter)(void);
    uint64_t wanted_us;                   /* by the meter */
    uint64_t busy_us[IO_THREADS_MAX + 1]; /* of each thread at the last look */
};

struct placement *placement_create(struct exchange *exchange, struct io_pool *pool,
                                   struct client_table *clients)
{
    struct placement *placement = mem_calloc(1, sizeof(*placement));
    placement->exchange = exchange;
    placement->pool = pool;
    placement->clients = clients;
    placement->facts.is_lending = true;
    placement->facts.spread = IO_THREADS_MAX;
    placement->processors = IO_THREADS_MAX;
    placement->patience = PLACEMENT_CALM_PERIODS;
    placement->hold = PLACEMENT_HOLD_PERIODS;
    placement->proof = PLACEMENT_PROOF_PERIODS;
    placement->looked_us = clock_us();
    placement->meter = process_wanted_us;
    return placement;
}

void placement_set_meter(struct placement *placement, uint64_t (*wanted_us)(void))
{
    placement->meter = wanted_us;
    placement->wanted_us = wanted_us();
}

void placement_destroy(struct placement *placement)
{
    mem_free(placement);
}

void placement_describe(const struct placement *placement, struct placement_facts *facts)
{
    *facts = placement->facts;
}

static void set_lending(struct placement *placement, bool is_lending) ON_MAIN
{
    placement->facts.is_lending = is_lending;
    placement->calm_periods = 0;
    placement->busy_periods = 0;
    placement->lent_periods = 0;
    placement->trial_rate = 0;
    placement->behind_periods = 0;
    if (!is_lending)
        placement->home_rate = 0;
    io_pool_prefer_main(placement->pool, !is_lending);
}

void placement_set_processors(struct placement *placement, int processors)
{
    placement->processors = processors < 1 ? 1 : processors;
}

void placement_set_elastic(struct placement *placement, bool is_elastic)
{
    if (placement->facts.is_elastic == is_elastic)
        return;
    placement->facts.is_elastic = is_elastic;
    set_lending(placement, !is_elastic);
}

/* -- measuring -- */

struct extremes {
    struct io_thread *fullest;
    struct io_thread *emptiest;
    int count;
};

/* Of the threads that take connections. */
static struct extremes find_extremes(struct placement *placement) ON_MAIN
{
    struct extremes found = {0};
    for (int i = 1; i <= io_pool_count(placement->pool); i++) {
        struct io_thread *thread = io_pool_thread(placement->pool, i);
        if (!thread || !io_pool_is_spread_to(placement->pool, thread))
            continue;
        found.count++;
        if (!found.fullest || thread->clients > found.fullest->clients)
            found.fullest = thread;
        if (!found.emptiest || thread->clients < found.emptiest->clients)
            found.emptiest = thread;
    }
    return found;
}

static unsigned percent_of(uint64_t part_us, int64_t elapsed_us)
{
    return (unsigned)(part_us * 100 / (uint64_t)elapsed_us);
}

static void measure_wanted(struct placement *placement, int64_t elapsed_us)
{
    uint64_t wanted_us = placement->meter();
    uint64_t spent_us = wanted_us - placement->wanted_us;
    placement->wanted_us = wanted_us;
    if (spent_us > (uint64_t)elapsed_us)
        spent_us = (uint64_t)elapsed_us;
    placement->facts.main_wanted_percent = percent_of(spent_us, elapsed_us);
}

static void measure(struct placement *placement, int64_t elapsed_us)
{
    uint64_t total_us = 0;
    uint64_t main_us = 0;
    for (int i = 0; i <= io_pool_count(placement->pool); i++) {
        const struct io_thread *thread = io_pool_thread(placement->pool, i);
        if (!thread || !io_thread_is_up(thread)) {
            placement->busy_us[i] = 0;
            continue;
        }
        const struct io_stats *stats = loop_stats(thread->loop);
        uint64_t busy_us = io_stat_read(stats->busy_us) - io_stat_read(stats->slow_us);
        uint64_t spent_us = busy_us - placement->busy_us[i];
        placement->busy_us[i] = busy_us; /* of another thread than last time: a large difference */
        if (spent_us > (uint64_t)elapsed_us)
            spent_us = (uint64_t)elapsed_us;
        total_us += spent_us;
        if (i == 0)
            main_us = spent_us;
    }
    placement->facts.main_busy_percent = percent_of(main_us, elapsed_us);
    placement->facts.busy_percent = percent_of(total_us, elapsed_us);
    placement->are_others_busy = (total_us - main_us) * 1000 > (uint64_t)elapsed_us;
}

static uint64_t mean(uint64_t total, uint64_t count)
{
    return count > 0 ? total / count : 0;
}

/* How many requests came together: in a batch, and how many batches in a turn of main. */
static void measure_company(struct placement *placement, int64_t elapsed_us) ON_MAIN
{
    struct placement_facts *facts = &placement->facts;
    uint64_t requests = exchange_requests_total(placement->exchange);
    uint64_t batches = exchange_batches_total(placement->exchange);
    uint64_t turns = io_stat_read(loop_stats(io_pool_main_loop(placement->pool))->turns);
    uint64_t new_batches = batches - placement->batches;
    uint64_t depth = mean(requests - placement->requests, new_batches);
    uint64_t width = mean(new_batches, turns - placement->turns);
    uint64_t threads = (uint64_t)find_extremes(placement).count;
    uint64_t clients = placement->clients->count;
    facts->is_away = io_pool_thread(placement->pool, 0)->clients * 2 < clients;
    facts->is_deep =
        depth >= PLACEMENT_DEEP_REQUESTS && clients >= threads * PLACEMENT_DEEP_CLIENTS;
    facts->is_wide =
        width >= (facts->is_away ? PLACEMENT_WIDE_BATCHES_LENT : PLACEMENT_WIDE_BATCHES) &&
        clients >= threads * PLACEMENT_WIDE_CLIENTS;
    placement->rate = (requests - placement->requests) * 1000000 / (uint64_t)elapsed_us;
    placement->requests = requests;
    placement->batches = batches;
    placement->turns = turns;
}

static uint64_t traffic_of(struct client *client)
{
    uint64_t seen =
        client_meter_get(client->meters.bytes_in) + client_meter_get(client->meters.bytes_out);
    uint64_t traffic = seen - client->traffic_seen;
    client->traffic_seen = seen;
    return traffic;
}

static int by_traffic(const void *a, const void *b)
{
    uint64_t left = ((const struct candidate *)a)->traffic;
    uint64_t right = ((const struct candidate *)b)->traffic;
    return left < right ? 1 : left > right ? -1 : 0;
}

/* The clients of main (or of all others), the busiest first. The caller frees. */
static struct candidate *collect(struct placement *placement, bool are_at_main, size_t *count)
{
    struct candidate *candidates = mem_alloc(placement->clients->count * sizeof(*candidates) + 1);
    *count = 0;
    for (struct client *client = placement->clients->first; client; client = client->next) {
        uint64_t traffic = traffic_of(client);
        if ((client->thread->index == 0) == are_at_main && client->session && !client->transfer)
            candidates[(*count)++] = (struct candidate){client, traffic};
    }
    qsort(candidates, *count, sizeof(*candidates), by_traffic);
    return candidates;
}

/* -- moving -- */

static bool may_move(const struct placement *placement)
{
    return placement->moves < PLACEMENT_MOVES_MAX;
}

static bool begin_move(struct placement *placement, struct client *client, struct io_thread *to,
                       uint64_t *counter) ON_MAIN
{
    if (!exchange_move(placement->exchange, client, to))
        return false;
    placement->moves++;
    (*counter)++;
    return true;
}

/* So few that they share as many threads as there are processors. */
static bool are_few(const struct placement_facts *facts)
{
    return facts->spread < IO_THREADS_MAX;
}

/* Main, or main if it had the many that are away. */
static bool is_too_busy(const struct placement_facts *facts)
{
    bool would_be = facts->is_away && !are_few(facts);
    unsigned percent = would_be ? facts->busy_percent : facts->main_wanted_percent;
    if (facts->is_wide && percent > PLACEMENT_LEND_PERCENT)
        return true;
    return facts->main_busy_percent >
           (facts->is_deep ? PLACEMENT_DEEP_LEND_PERCENT : PLACEMENT_LEND_PERCENT);
}

/* Few clients whose requests come one at a time. */
static bool is_on_trial(const struct placement *placement)
{
    return are_few(&placement->facts) && !placement->facts.is_deep;
}

/* True while lending is not to be tried again. */
static bool is_held(const struct placement *placement) ON_MAIN
{
    return placement->hold_periods > 0 && is_on_trial(placement) &&
           placement->clients->count <= 2 * placement->held_clients;
}

enum lend_what {
    LEND_HALF, /* at least one; the busiest */
    LEND_BUSY, /* all that had something to do */
    LEND_ALL
};

/* To the threads in turn. */
static void lend(struct placement *placement, enum lend_what what) ON_MAIN
{
    if (io_pool_thread(placement->pool, 0)->clients == 0)
        return;
    size_t count;
    struct candidate *candidates = collect(placement, true, &count);
    size_t wanted = what == LEND_HALF ? (count + 1) / 2 : count;
    for (size_t i = 0; i < wanted && may_move(placement); i++) {
        if (what == LEND_BUSY && candidates[i].traffic == 0)
            break;
        (void)begin_move(placement, candidates[i].client, io_pool_choose(placement->pool),
                         &placement->facts.lent);
    }
    mem_free(candidates);
}

/* A lent connection opened where handshakes are made: to a thread that takes connections. */
static void bring_in(struct placement *placement, struct client *client) ON_MAIN
{
    if (client->thread->index > 0 && io_thread_is_placeable(client->thread) &&
        !io_pool_is_spread_to(placement->pool, client->thread))
        (void)begin_move(placement, client, io_pool_choose(placement->pool),
                         &placement->facts.evened);
}

void placement_on_opened(struct placement *placement, struct client *client)
{
    if (client->thread->index == 0 || !may_move(placement))
        return;
    if (placement->facts.is_lending) {
        bring_in(placement, client);
        return;
    }
    if (is_too_busy(&placement->facts) && !is_held(placement))
        return;
    const struct io_stats *stats = loop_stats(client->thread->loop);
    if (io_stat_read(stats->handshakes_in_flight) < PLACEMENT_HANDSHAKES_MAX)
        (void)begin_move(placement, client, io_pool_thread(placement->pool, 0),
                         &placement->facts.taken_back);
}

/* Up to `wanted` of those that had something to do; the quiet ones cost nothing where they are. */
static void take_back(struct placement *placement, size_t wanted) ON_MAIN
{
    struct io_thread *own = io_pool_thread(placement->pool, 0);
    if (own->clients == placement->clients->count || !placement->are_others_busy || wanted == 0)
        return; /* no need to look at each */
    size_t count;
    struct candidate *candidates = collect(placement, false, &count);
    if (wanted > count)
        wanted = count;
    for (size_t i = 0; i < wanted && candidates[i].traffic > 0 && may_move(placement); i++)
        (void)begin_move(placement, candidates[i].client, own, &placement->facts.taken_back);
    mem_free(candidates);
}

/* Clients of threads that retire go wherever new ones would go. */
static void empty_retiring(struct placement *placement) ON_MAIN
{
    bool is_retiring = false;
    for (int i = 1; i <= io_pool_count(placement->pool); i++) {
        struct io_thread *thread = io_pool_thread(placement->pool, i);
        if (!thread || thread->state != IO_THREAD_RETIRING || thread->clients == 0)
            continue;
        is_retiring = true;
        exchange_retire(placement->exchange, thread);
    }
    struct client *client = is_retiring ? placement->clients->first : NULL;
    for (; client && may_move(placement); client = client->next)
        if (!io_thread_is_placeable(client->thread))
            (void)begin_move(placement, client, io_pool_choose(placement->pool),
                             &placement->facts.evened);
}

/* Few clients: off the threads that take none of them. */
static void gather(struct placement *placement) ON_MAIN
{
    if (placement->facts.spread >= io_pool_count(placement->pool))
        return;
    struct client *client = placement->clients->first;
    for (; client && may_move(placement); client = client->next)
        bring_in(placement, client);
}

/* Where the fewest of `expected` are, of the threads that take connections. */
static int emptiest_of(struct placement *placement, const uint64_t *expected) ON_MAIN
{
    int best = 0;
    for (int i = 1; i <= io_pool_count(placement->pool); i++) {
        const struct io_thread *thread = io_pool_thread(placement->pool, i);
        if (thread && io_pool_is_spread_to(placement->pool, thread) &&
            (best == 0 || expected[i] < expected[best]))
            best = i;
    }
    return best;
}

/* Threads that came, that made no handshakes, or whose clients left, get some of the others'. Small
 * differences stay. */
static void even_out(struct placement *placement) ON_MAIN
{
    struct extremes found = find_extremes(placement);
    if (found.count < 2)
        return;
    uint64_t difference = found.fullest->clients - found.emptiest->clients;
    if (difference < 4 || difference * 4 < found.fullest->clients)
        return;
    uint64_t expected[IO_THREADS_MAX + 1] = {0};
    for (int i = 1; i <= io_pool_count(placement->pool); i++) {
        const struct io_thread *thread = io_pool_thread(placement->pool, i);
        expected[i] = thread ? thread->clients : 0;
    }
    int to = emptiest_of(placement, expected);
    struct client *client = placement->clients->first;
    for (; client && may_move(placement); client = client->next) {
        int from = client->thread->index;
        if (from == 0 || expected[from] < expected[to] + 2 ||
            !begin_move(placement, client, io_pool_thread(placement->pool, to),
                        &placement->facts.evened))
            continue;
        expected[from]--;
        expected[to]++;
        to = emptiest_of(placement, expected);
    }
}

/* -- deciding -- */

static bool is_calm(const struct placement_facts *facts)
{
    if (facts->is_deep)
        return facts->busy_percent < PLACEMENT_DEEP_CALM_PERCENT;
    if (facts->is_wide)
        return facts->busy_percent < PLACEMENT_WIDE_CALM_PERCENT;
    return facts->main_busy_percent < PLACEMENT_CALM_PERCENT &&
           facts->busy_percent < PLACEMENT_CALM_TOTAL_PERCENT;
}

/* How many more main may serve: what it has may double while it is half idle, then less. */
static size_t room_at_home(struct placement *placement)
{
    const struct placement_facts *facts = &placement->facts;
    size_t own = io_pool_thread(placement->pool, 0)->clients;
    if (is_on_trial(placement))
        return SIZE_MAX;
    if (is_calm(facts))
        return own < 4 ? 4 : own;
    if (facts->is_deep || facts->main_busy_percent >= PLACEMENT_FILL_PERCENT)
        return 0;
    return own < 4 ? 1 : own / 4;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* There is as much to do as before, and hardly more is done. */
static bool is_no_gain(const struct placement *placement, uint64_t rate)
{
    return placement->facts.busy_percent > PLACEMENT_CALM_PERCENT &&
           rate * 100 < placement->home_rate * (100 + PLACEMENT_GAIN_PERCENT);
}

/* The trial ends in this period, and lending has brought nothing. */
static bool was_in_vain(struct placement *placement)
{
    if (placement->lent_periods > PLACEMENT_TRIAL_PERIODS || !is_on_trial(placement))
        return false;
    if (placement->lent_periods > PLACEMENT_TRIAL_PERIODS / 2)
        placement->trial_rate = larger(placement->trial_rate, placement->rate);
    if (placement->lent_periods < PLACEMENT_TRIAL_PERIODS)
        return false;
    bool is_in_vain = is_no_gain(placement, placement->trial_rate);
    if (!is_in_vain)
        placement->hold = PLACEMENT_HOLD_PERIODS;
    return is_in_vain;
}

/* What was a gain is none any more. */
static bool has_fallen_behind(struct placement *placement)
{
    bool is_behind = placement->lent_periods > PLACEMENT_TRIAL_PERIODS && is_on_trial(placement) &&
                     is_no_gain(placement, placement->rate);
    placement->behind_periods = is_behind ? placement->behind_periods + 1 : 0;
    return placement->behind_periods >= PLACEMENT_BEHIND_PERIODS;
}

static bool is_proof_due(struct placement *placement)
{
    if (!is_on_trial(placement) ||
        placement->lent_periods < PLACEMENT_TRIAL_PERIODS + placement->proof)
        return false;
    if (placement->proof < PLACEMENT_PROOF_PERIODS_MAX)
        placement->proof *= 2;
    return true;
}

static void hold_at_home(struct placement *placement) ON_MAIN
{
    placement->hold_periods = placement->hold;
    placement->held_clients = placement->clients->count;
    placement->proof = PLACEMENT_PROOF_PERIODS;
    if (placement->hold < PLACEMENT_HOLD_PERIODS_MAX)
        placement->hold *= 2;
    set_lending(placement, false);
}

static void be_home(struct placement *placement) ON_MAIN
{
    placement->calm_periods++;
    if (placement->hold_periods > 0)
        placement->hold_periods--;
    if (is_held(placement)) {
        take_back(placement, SIZE_MAX);
        return;
    }
    if (placement->calm_periods == PLACEMENT_PROVEN_PERIODS)
        placement->patience = PLACEMENT_CALM_PERIODS;
    if (!is_too_busy(&placement->facts)) {
        placement->busy_periods = 0;
        placement->home_rate = 0;
        take_back(placement, room_at_home(placement));
        return;
    }
    placement->home_rate = larger(placement->home_rate, placement->rate);
    if (is_on_trial(placement) && ++placement->busy_periods < PLACEMENT_BUSY_PERIODS) {
        take_back(placement, SIZE_MAX);
        return;
    }
    if (placement->calm_periods < PLACEMENT_PROVEN_PERIODS &&
        placement->patience < PLACEMENT_CALM_PERIODS_MAX)
        placement->patience *= 2;
    set_lending(placement, true);
}

static void be_lending(struct placement *placement) ON_MAIN
{
    placement->lent_periods++;
    if (was_in_vain(placement)) {
        hold_at_home(placement);
        return;
    }
    if (has_fallen_behind(placement) || is_proof_due(placement)) {
        set_lending(placement, false);
        return;
    }
    bool in_company = placement->facts.is_deep || placement->facts.is_wide;
    if (is_too_busy(&placement->facts))
        lend(placement, in_company ? LEND_BUSY : LEND_HALF);
    placement->calm_periods = is_calm(&placement->facts) ? placement->calm_periods + 1 : 0;
    if (placement->calm_periods >= placement->patience)
        set_lending(placement, false);
}

static void decide_elastic(struct placement *placement) ON_MAIN
{
    if (!placement->facts.is_lending)
        be_home(placement);
    if (placement->facts.is_lending)
        be_lending(placement);
}

/* Handshakes fill processors: more threads than those gain nothing, and each has OpenSSL's tables
 * of its own in the caches. Main leaves them its processor when it has nothing better to do. Many
 * clients begin where they will stay. */
static void choose_spread(struct placement *placement) ON_MAIN
{
    struct placement_facts *facts = &placement->facts;
    bool was_many = facts->spread == IO_THREADS_MAX;
    uint64_t few = was_many ? PLACEMENT_FEW_CLIENTS : PLACEMENT_MANY_CLIENTS + 1;
    bool is_many = !facts->is_elastic || placement->clients->count >= few;
    facts->spread = is_many ? IO_THREADS_MAX : placement->processors;
    io_pool_set_spread(placement->pool, facts->spread);
    bool is_limited = !is_many && placement->processors < IO_THREADS_MAX;
    io_pool_set_handshake_spread(placement->pool,
                                 is_limited ? placement->processors + 1 : IO_THREADS_MAX);
}

static bool is_storm(struct placement *placement) ON_MAIN
{
    for (int i = 0; i <= io_pool_count(placement->pool); i++) {
        const struct io_thread *thread = io_pool_thread(placement->pool, i);
        if (thread && io_thread_is_up(thread) &&
            io_stat_read(loop_stats(thread->loop)->handshakes_in_flight) > PLACEMENT_HANDSHAKES_MAX)
            return true;
    }
    return false;
}

static void choose_scheduling(struct placement *placement) ON_MAIN
{
    struct placement_facts *facts = &placement->facts;
    bool in_company = facts->is_lending && (facts->is_deep || facts->is_wide);
    placement->lone_periods = in_company ? 0 : placement->lone_periods + 1;
    if (is_storm(placement) || placement->lone_periods >= PLACEMENT_BATCH_PERIODS)
        facts->is_batch = false;
    else if (in_company)
        facts->is_batch = true;
    io_pool_set_batch(placement->pool, facts->is_batch);
}

static void decide(struct placement *placement) ON_MAIN
{
    if (placement->facts.is_elastic)
        decide_elastic(placement);
    else
        lend(placement, LEND_ALL);
    if (placement->facts.is_lending) {
        gather(placement);
        even_out(placement);
    }
}

static bool has_threads(struct placement *placement) ON_MAIN
{
    return find_extremes(placement).count > 0;
}

void placement_run(struct placement *placement)
{
    int64_t elapsed_us = clock_us() - placement->looked_us;
    if (elapsed_us < PLACEMENT_PERIOD_MS * 1000 * 9 / 10 || io_pool_is_stopping(placement->pool))
        return;
    placement->looked_us = clock_us();
    placement->moves = 0;
    io_pool_tend(placement->pool);
    measure(placement, elapsed_us);
    measure_wanted(placement, elapsed_us);
    measure_company(placement, elapsed_us);
    choose_spread(placement);
    empty_retiring(placement);
    if (has_threads(placement))
        decide(placement);
    choose_scheduling(placement);
}
