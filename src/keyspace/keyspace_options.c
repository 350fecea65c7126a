/* Option rows and the INFO section of the keyspace. Main thread. */
#include "keyspace/keyspace_options.h"
#include "base/clock.h"
#include "keyspace/keyspace.h"
#include <inttypes.h>

static const struct option_name policy_names[] = {
    {"volatile-lru", POLICY_VOLATILE_LRU},
    {"volatile-lfu", POLICY_VOLATILE_LFU},
    {"volatile-random", POLICY_VOLATILE_RANDOM},
    {"volatile-ttl", POLICY_VOLATILE_TTL},
    {"allkeys-lru", POLICY_ALLKEYS_LRU},
    {"allkeys-lfu", POLICY_ALLKEYS_LFU},
    {"allkeys-random", POLICY_ALLKEYS_RANDOM},
    {"noeviction", POLICY_NOEVICTION},
    {NULL, 0},
};

#define FIELD(field) offsetof(struct keyspace_settings, field)

static const struct option rows[] = {
    {.name = "databases",
     .kind = OPTION_INT,
     .flags = OPTION_IMMUTABLE,
     .offset = FIELD(databases),
     .default_text = "16",
     .minimum = 1,
     .maximum = INT32_MAX},
    {.name = "maxmemory",
     .kind = OPTION_MEMORY,
     .flags = OPTION_PERCENT,
     .offset = FIELD(maxmemory),
     .default_text = "0",
     .minimum = 0,
     .maximum = INT64_MAX},
    {.name = "maxmemory-policy",
     .kind = OPTION_ENUM,
     .offset = FIELD(maxmemory_policy),
     .default_text = "noeviction",
     .names = policy_names},
    {.name = "maxmemory-samples",
     .kind = OPTION_INT,
     .offset = FIELD(maxmemory_samples),
     .default_text = "5",
     .minimum = 1,
     .maximum = INT32_MAX},
    {.name = "maxmemory-eviction-tenacity",
     .kind = OPTION_INT,
     .offset = FIELD(maxmemory_eviction_tenacity),
     .default_text = "10",
     .minimum = 0,
     .maximum = 100},
    {.name = "active-expire-effort",
     .kind = OPTION_INT,
     .offset = FIELD(active_expire_effort),
     .default_text = "1",
     .minimum = 1,
     .maximum = 10},
    {.name = "lfu-log-factor",
     .kind = OPTION_INT,
     .offset = FIELD(lfu_log_factor),
     .default_text = "10",
     .minimum = 0,
     .maximum = INT32_MAX},
    {.name = "lfu-decay-time",
     .kind = OPTION_INT,
     .offset = FIELD(lfu_decay_time),
     .default_text = "1",
     .minimum = 0,
     .maximum = INT32_MAX},
    {.name = "activerehashing",
     .kind = OPTION_BOOL,
     .offset = FIELD(activerehashing),
     .default_text = "yes"},
    {.name = "lazyfree-lazy-eviction",
     .kind = OPTION_BOOL,
     .offset = FIELD(lazyfree_lazy_eviction),
     .default_text = "no"},
    {.name = "lazyfree-lazy-expire",
     .kind = OPTION_BOOL,
     .offset = FIELD(lazyfree_lazy_expire),
     .default_text = "no"},
    {.name = "lazyfree-lazy-server-del",
     .kind = OPTION_BOOL,
     .offset = FIELD(lazyfree_lazy_server_del),
     .default_text = "no"},
    {.name = "lazyfree-lazy-user-del",
     .kind = OPTION_BOOL,
     .offset = FIELD(lazyfree_lazy_user_del),
     .default_text = "no"},
    {.name = "lazyfree-lazy-user-flush",
     .kind = OPTION_BOOL,
     .offset = FIELD(lazyfree_lazy_user_flush),
     .default_text = "no"},
    {.name = "replica-lazy-flush",
     .alias = "slave-lazy-flush",
     .kind = OPTION_BOOL,
     .offset = FIELD(replica_lazy_flush),
     .default_text = "no"},
};

/* No `apply`: the rows are registered before the keyspace exists; the composition root observes the
 * group and calls keyspace_settings_changed. */
const struct option_group keyspace_options = {
    .name = "keyspace",
    .options = rows,
    .count = sizeof(rows) / sizeof(rows[0]),
};

/* -- INFO -- */

static void write_databases(struct buffer *out, const void *context)
{
    const struct keyspace *keyspace = context;
    for (int i = 0; i < keyspace->count; i++) {
        const struct db *db = &keyspace->dbs[i];
        if (db_count(db))
            buffer_printf(out, "db%d:keys=%zu,expires=%zu,avg_ttl=%" PRId64 ",subexpiry=%zu\r\n", i,
                          db_count(db), db_expiring_count(db), db_average_ttl(db, clock_wall_ms()),
                          db_expiring_hashes(db));
    }
}

static const struct info_field fields[] = {{NULL, write_databases}};

const struct info_section keyspace_info = {
    .name = "keyspace",
    .title = "Keyspace",
    .flags = INFO_DEFAULT | INFO_ALL | INFO_EVERYTHING,
    .position = 130,
    .fields = fields,
    .count = sizeof(fields) / sizeof(fields[0]),
};
