/* The databases together: settings, statistics, expiry, eviction, flushing. Main thread.
 *
 * Not here: what a single key is (entry.h), finding and changing keys (db.h), options
 * (keyspace_options.h).
 */
#ifndef KEYSPACE_KEYSPACE_H
#define KEYSPACE_KEYSPACE_H

#include "keyspace/db.h"
#include "keyspace/observer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct background;
struct eviction_pool;
struct keyspace_reclaim;

enum maxmemory_policy {
    POLICY_VOLATILE_LRU,
    POLICY_ALLKEYS_LRU,
    POLICY_VOLATILE_LFU,
    POLICY_ALLKEYS_LFU,
    POLICY_VOLATILE_RANDOM,
    POLICY_ALLKEYS_RANDOM,
    POLICY_VOLATILE_TTL,
    POLICY_NOEVICTION
};

/* Option rows are in keyspace_options.h. */
struct keyspace_settings {
    int64_t databases;
    int64_t maxmemory; /* bytes, 0: none; negative: minus the percentage of the machine's memory */
    int maxmemory_policy;
    int64_t maxmemory_samples;
    int64_t maxmemory_eviction_tenacity;
    int64_t active_expire_effort;
    int64_t lfu_log_factor;
    int64_t lfu_decay_time;
    int64_t hz; /* how often keyspace_cron is called a second; the composition root sets it */
    bool activerehashing;
    bool lazyfree_lazy_eviction;
    bool lazyfree_lazy_expire;
    bool lazyfree_lazy_server_del;
    bool lazyfree_lazy_user_del;
    bool lazyfree_lazy_user_flush;
    bool replica_lazy_flush;
};

struct keyspace_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t expired_keys;
    uint64_t expired_keys_active;
    uint64_t expired_fields; /* of hashes */
    uint64_t evicted_keys;
    uint64_t expired_time_cap_reached; /* times that active expiry ran out of time */
    uint64_t expire_cycle_us;
    uint64_t eviction_exceeded_us;      /* total_eviction_exceeded_time */
    int64_t eviction_exceeded_since_us; /* 0: not over the limit */
    uint64_t lazyfreed_objects;
    uint64_t lazyfree_pending; /* values and databases given to the worker, not freed yet */
};

/* What happens to a key whose time has come. */
enum expire_mode {
    EXPIRE_DELETE, /* it goes, and the observer hears of it */
    EXPIRE_HIDE,   /* a replica: reads do not see it, the primary will delete it */
    EXPIRE_IGNORE  /* loading, or executing the primary's stream: it is as alive as any */
};

struct keyspace {
    struct db *dbs;
    int count;
    const struct keyspace_settings *settings;
    struct keyspace_observer observer;
    struct key_listener *listeners; /* among whom the observer divides, when there are any */
    struct keyspace_stats stats;
    struct background *background; /* NULL: everything is freed at once */
    uint32_t access_clock;         /* what a touched entry gets: LRU seconds */
    uint8_t expire_mode;           /* enum expire_mode */
    bool is_lfu;                   /* policy keeps LFU counters */
    bool no_touch;                 /* CLIENT NO-TOUCH of the running client: execute sets it */
    bool active_expire_is_off;     /* DEBUG SET-ACTIVE-EXPIRE 0 */
    bool resize_is_avoided;        /* a child process shares our pages */
    bool expire_is_behind;         /* active expiry ran out of time with due keys left */
    int64_t expire_allowance_us;   /* that active expiry may still take until the next cron */
    int expire_next_db;            /* where active expiry goes on */
    int rehash_next_db;
    struct eviction_pool *pool;
    struct keyspace_reclaim *reclaim; /* emptied databases on their way through the worker */
    uint64_t flush_jobs;              /* databases given to the worker, which takes them in order */
    uint64_t flush_jobs_done;
    uint64_t pending_bytes; /* estimated, of what the worker has been given and not freed yet */
};

/* `settings` must outlive the keyspace; `background` may be NULL (tests). */
struct keyspace *keyspace_create(const struct keyspace_settings *settings,
                                 struct background *background);
void keyspace_destroy(struct keyspace *keyspace);
/* Defaults of Redis 8.0. */
void keyspace_settings_init(struct keyspace_settings *settings);
/* Call when settings changed (CONFIG SET, end of configuration). */
void keyspace_settings_changed(struct keyspace *keyspace);
/* NULL removes. */
void keyspace_set_observer(struct keyspace *keyspace, const struct keyspace_observer *observer);
/* Which kinds of events are wanted from now on. */
void keyspace_set_interest(struct keyspace *keyspace, unsigned kinds);
/* Listeners are told in the order in which they came. They take the observer's place. */
void keyspace_add_listener(struct keyspace *keyspace, struct key_listener *listener);
void keyspace_remove_listener(struct keyspace *keyspace, struct key_listener *listener);
/* Which kinds this listener wants from now on. */
void keyspace_listen(struct keyspace *keyspace, struct key_listener *listener, unsigned kinds);
void keyspace_set_expire_mode(struct keyspace *keyspace, enum expire_mode mode);
/* Tables do not grow or shrink unless they must (a child process is saving). */
void keyspace_avoid_resize(struct keyspace *keyspace, bool avoid);

/* NULL when out of range. */
static inline struct db *keyspace_db(struct keyspace *keyspace, int64_t index)
{
    return index >= 0 && index < keyspace->count ? &keyspace->dbs[index] : NULL;
}

size_t keyspace_count(const struct keyspace *keyspace);
/* Exchanges the contents of two databases. */
void keyspace_swap(struct keyspace *keyspace, int first, int second);
/* Removes all keys of one database, or of all with index -1; returns how many there were. */
size_t keyspace_flush(struct keyspace *keyspace, int index, bool is_async);
/* Bytes of tables and indexes themselves (INFO memory, overhead). */
size_t keyspace_overhead(const struct keyspace *keyspace);
/* Of the tables that are being moved, the old ones; `count`, unless NULL: how many there are. */
size_t keyspace_rehashing_memory(const struct keyspace *keyspace, int *count);

/* -- periodic work -- */

/* Once every 1000/hz ms: access clock, active expiry, rehashing, reclaiming. `now_ms` is wall time.
 */
void keyspace_cron(struct keyspace *keyspace, int64_t now_ms);
/* Each turn of the loop: active expiry goes on, about a millisecond, until the share of the time
 * that cron has allowed is spent; while `goes_on` the loop should not sleep. */
void keyspace_expire_turn(struct keyspace *keyspace, int64_t now_ms);
bool keyspace_expire_goes_on(const struct keyspace *keyspace);
/* Before the loop sleeps: a fast round of active expiry, bounded to about a millisecond, when the
 * last one left due keys. */
void keyspace_expire_fast(struct keyspace *keyspace, int64_t now_ms);

/* -- eviction -- */

/* Bytes in force: percentages resolved; 0 is no limit. */
uint64_t keyspace_maxmemory(const struct keyspace *keyspace);
/* Bytes over maxmemory, 0: none. What the worker is about to free does not count: else a key would
 * go for every command that comes meanwhile. */
uint64_t keyspace_memory_over(const struct keyspace *keyspace);

enum evict_result {
    EVICT_OK,      /* at least bytes_over were freed */
    EVICT_RUNNING, /* time ran out with more to free: call again soon; commands may go on */
    EVICT_FAIL     /* nothing can be evicted: deny commands that need memory */
};

/* Evicts keys by the policy until `bytes_over` bytes of memory are free or `budget_us` has passed.
 */
enum evict_result keyspace_evict(struct keyspace *keyspace, uint64_t bytes_over, int64_t budget_us);
/* The budget that maxmemory-eviction-tenacity gives, us; INT64_MAX for 100. */
int64_t keyspace_evict_budget(const struct keyspace *keyspace);

/* -- access time -- */

/* Refreshes LRU or LFU of an entry. */
void keyspace_touch(struct keyspace *keyspace, struct entry *entry);
/* OBJECT IDLETIME, seconds; OBJECT FREQ. */
uint64_t keyspace_idle_seconds(const struct keyspace *keyspace, const struct entry *entry);
unsigned keyspace_frequency(const struct keyspace *keyspace, const struct entry *entry);
/* Sets them (RESTORE IDLETIME, FREQ; loading). */
void keyspace_set_idle(struct keyspace *keyspace, struct entry *entry, uint64_t seconds);
void keyspace_set_frequency(struct keyspace *keyspace, struct entry *entry, unsigned frequency);

#endif
