/* Databases together: expiry, eviction, flushing, events, access times, INFO. */
#include "base/background.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/thread_role.h"
#include "keyspace/keyspace.h"
#include "keyspace/keyspace_options.h"
#include "types/set_type.h"
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static struct keyspace_settings settings;
static struct keyspace *keyspace;
static struct background *background;
static struct db *db;

static void setup(void)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){6});
    clock_update();
    random_seed(1);
    keyspace_settings_init(&settings);
    background = background_create(NULL, NULL);
    keyspace = keyspace_create(&settings, background);
    db = keyspace_db(keyspace, 0);
}

static void teardown(void)
{
    background_destroy(background);
    keyspace_destroy(keyspace);
}

TestSuite(keyspace, .init = setup, .fini = teardown);

static struct key numbered(int i, char name[16])
{
    return key_of(bytes_of(name, (size_t)snprintf(name, 16, "key%d", i)));
}

static struct entry *put(struct db *to, int i, int64_t expiry)
{
    char name[16];
    struct key key = numbered(i, name);
    struct entry *entry = db_set_string(to, key, BYTES_LITERAL("a value of some size"), 0);
    return expiry == ENTRY_NO_EXPIRY ? entry : db_set_expiry(to, key, entry, expiry);
}

static bool has(struct db *in, int i)
{
    char name[16];
    return db_peek(in, numbered(i, name)) != NULL;
}

/* -- events -- */

struct heard {
    unsigned changed, notified, expired, evicted, deleted, created, flushed, swapped, missed;
    char last[32];
};

static void hear(void *context, const struct key_event *event)
{
    struct heard *heard = context;
    heard->changed += (event->kinds & KEY_CHANGED) != 0;
    heard->notified += (event->kinds & KEY_NOTIFY) != 0;
    heard->expired += (event->kinds & KEY_EXPIRED) != 0;
    heard->evicted += (event->kinds & KEY_EVICTED) != 0;
    heard->deleted += (event->kinds & KEY_DELETED) != 0;
    heard->created += (event->kinds & KEY_CREATED) != 0;
    heard->flushed += (event->kinds & KEY_FLUSHED) != 0;
    heard->swapped += (event->kinds & KEY_SWAPPED) != 0;
    heard->missed += (event->kinds & KEY_MISSED) != 0;
    if (event->key.data)
        snprintf(heard->last, sizeof(heard->last), "%.*s", (int)event->key.size, event->key.data);
}

Test(keyspace, events)
{
    struct heard heard = {0};
    put(db, 0, ENTRY_NO_EXPIRY);
    keyspace_set_observer(keyspace, &(struct keyspace_observer){hear, &heard, UINT32_MAX});
    char name[16];
    put(db, 1, ENTRY_NO_EXPIRY);
    cr_assert_eq(heard.created, 1);
    db_changed(db, BYTES_LITERAL("x"), KEY_CLASS_STRING, "set");
    cr_assert_eq(heard.changed, 1);
    db_find_read(db, numbered(99, name));
    cr_assert_eq(heard.missed, 1);
    cr_assert_str_eq(heard.last, "key99");
    db_delete(db, numbered(1, name));
    cr_assert_eq(heard.deleted, 1);
    put(db, 2, clock_wall_ms() - 10);
    cr_assert_not(has(db, 2));
    cr_assert_eq(heard.expired, 1);
    cr_assert_str_eq(heard.last, "key2");
    keyspace_swap(keyspace, 0, 1);
    keyspace_flush(keyspace, -1, false);
    cr_assert_eq(heard.swapped, 1);
    cr_assert_eq(heard.flushed, 1);
    keyspace_set_interest(keyspace, KEY_DELETED);
    struct heard before = heard;
    put(db, 3, ENTRY_NO_EXPIRY);
    db_signal(db, BYTES_LITERAL("x"));
    db_notify(db, BYTES_LITERAL("x"), KEY_CLASS_STRING, "set");
    cr_assert_eq(heard.created, before.created);
    cr_assert_eq(heard.changed, before.changed);
    keyspace_set_observer(keyspace, NULL);
    db_delete(db, numbered(3, name));
    cr_assert_eq(heard.deleted, before.deleted);
}

/* -- expiry -- */

Test(keyspace, active_expiry_takes_due_keys_only)
{
    int64_t now = clock_wall_ms();
    for (int i = 0; i < 20000; i++)
        put(keyspace_db(keyspace, i % 3), i, now + (i % 2 ? 100 : 1000000));
    /* Time is bounded, so it may take several rounds. */
    for (int round = 0; round < 1000 && keyspace_count(keyspace) > 10000; round++) {
        keyspace_cron(keyspace, now + 1000);
        keyspace_expire_fast(keyspace, now + 1000);
    }
    cr_assert_eq(keyspace_count(keyspace), 10000);
    for (int i = 0; i < 20000; i++)
        cr_assert_eq(has(keyspace_db(keyspace, i % 3), i), i % 2 == 0);
    cr_assert_eq(keyspace->stats.expired_keys, 10000);
    for (int i = 0; i < 3; i++) {
        expiry_index_check(&keyspace_db(keyspace, i)->expiry);
        dict_check(&keyspace_db(keyspace, i)->keys);
    }
}

/* Cron makes one round and leaves the rest of its share to the turns that follow. */
Test(keyspace, active_expiry_goes_on_in_turns)
{
    enum { DUE = 60000 };
    int64_t now = clock_wall_ms();
    unsigned spent = 0;
    settings.hz = 500; /* a share that one round exceeds */
    for (int i = 0; i < DUE; i++)
        put(db, i, now + 100);
    cr_assert_not(keyspace_expire_goes_on(keyspace));
    keyspace_cron(keyspace, now + 1000);
    cr_assert_gt(db_count(db), 0);
    cr_assert_lt(db_count(db), DUE);
    cr_assert(keyspace->expire_is_behind);
    for (int i = 0; i < 10000 && db_count(db) > 0; i++) {
        size_t left = db_count(db);
        if (!keyspace_expire_goes_on(keyspace)) {
            uint64_t capped = keyspace->stats.expired_time_cap_reached;
            cr_assert_gt(capped, 0);
            spent++;
            keyspace_expire_turn(keyspace, now + 1000);
            cr_assert_eq(db_count(db), left, "the share was spent");
            keyspace_cron(keyspace, now + 1000);
        }
        keyspace_expire_turn(keyspace, now + 1000);
        cr_assert(db_count(db) == 0 || db_count(db) < left);
    }
    cr_assert_gt(spent, 0);
    cr_assert_eq(keyspace->stats.expired_keys_active, DUE);
    cr_assert_not(keyspace_expire_goes_on(keyspace));
}

Test(keyspace, a_random_key_among_many_expired_ones_is_bounded_work)
{
    enum { DUE = 50000, LIVING = DUE + 1, REMOVED_MAX = 100 };
    char name[16];
    int64_t now = clock_wall_ms();
    keyspace->active_expire_is_off = true;
    for (int i = 0; i < DUE; i++)
        put(db, i, now - 10000);
    cr_assert_null(db_random(db), "all have expired");
    cr_assert_geq(db_count(db), DUE - REMOVED_MAX);
    put(db, LIVING, now + 1000000);
    cr_assert(bytes_equal(entry_key(db_random(db)), numbered(LIVING, name).name));
    cr_assert_geq(db_count(db), DUE - 2 * REMOVED_MAX);
    for (int i = 0; i < 100000 && db_count(db) > 1; i++)
        cr_assert(bytes_equal(entry_key(db_random(db)), numbered(LIVING, name).name));
    cr_assert_eq(db_count(db), 1, "the others are met and removed");
}

/* The reference does the same in CLIENT PAUSE and on replicas. */
Test(keyspace, a_random_key_where_expired_ones_are_kept)
{
    keyspace->active_expire_is_off = true;
    put(db, 1, clock_wall_ms() - 10000);
    keyspace_set_expire_mode(keyspace, EXPIRE_HIDE);
    cr_assert_not_null(db_random(db));
    cr_assert_eq(db_count(db), 1);
    for (int i = 2; i < 20000; i++)
        put(db, i, clock_wall_ms() - 10000);
    put(db, 20000, ENTRY_NO_EXPIRY);
    cr_assert_not_null(db_random(db));
    cr_assert_eq(db_count(db), 20000);
    keyspace_set_expire_mode(keyspace, EXPIRE_DELETE);
}

/* A round takes 1 ms at effort 1 and 3.25 ms at effort 10. The best of several, because other
 * processes take time as well. */
Test(keyspace, active_expiry_removes_more_with_effort)
{
    enum { DUE = 60000, ROUNDS = 8 };
    size_t best[2] = {0, 0};
    int64_t now = clock_wall_ms();
    for (int round = 0; round < ROUNDS && best[1] <= best[0] * 3 / 2; round++)
        for (int high = 0; high < 2; high++) {
            settings.active_expire_effort = high ? 10 : 1;
            for (int i = 0; i < DUE; i++)
                put(db, i, now + 100);
            keyspace_cron(keyspace, now + 1000);
            size_t removed = DUE - db_count(db);
            best[high] = removed > best[high] ? removed : best[high];
        }
    cr_assert_gt(best[1], best[0] * 3 / 2);
}

Test(keyspace, active_expiry_can_be_off)
{
    put(db, 1, clock_wall_ms() - 10000);
    keyspace->active_expire_is_off = true;
    keyspace_cron(keyspace, clock_wall_ms());
    cr_assert_eq(db_count(db), 1);
    keyspace->active_expire_is_off = false;
    keyspace_set_expire_mode(keyspace, EXPIRE_HIDE);
    keyspace_cron(keyspace, clock_wall_ms());
    cr_assert_eq(db_count(db), 1);
    cr_assert_not(has(db, 1));
    keyspace_set_expire_mode(keyspace, EXPIRE_DELETE);
    keyspace_cron(keyspace, clock_wall_ms());
    cr_assert_eq(db_count(db), 0);
}

Test(keyspace, a_table_that_shrinks_is_given_back)
{
    char name[16];
    for (int i = 0; i < 50000; i++)
        put(db, i, ENTRY_NO_EXPIRY);
    size_t full = keyspace_overhead(keyspace);
    for (int i = 100; i < 50000; i++)
        db_delete(db, numbered(i, name));
    for (int i = 0; i < 100; i++)
        keyspace_cron(keyspace, clock_wall_ms());
    cr_assert_lt(keyspace_overhead(keyspace), full / 10);
}

/* -- flushing -- */

static void wait_for_worker(void)
{
    while (background_pending(background, BACKGROUND_FREE) || keyspace->stats.lazyfree_pending) {
        background_reap(background);
        sched_yield();
    }
}

Test(keyspace, flush_on_the_worker_respects_references)
{
    char *large = mem_calloc(1, 10000);
    char name[16];
    for (int i = 0; i < 3000; i++)
        db_set_string(db, numbered(i, name), bytes_of(large, i % 2 ? 10000 : 100), 0);
    db_set_expiry(db, numbered(5, name), db_peek(db, numbered(5, name)), clock_wall_ms() + 100000);
    struct shared_bytes *held = shared_bytes_acquire(entry_shared(db_peek(db, numbered(7, name))));
    cr_assert_eq(keyspace_flush(keyspace, 0, true), 3000);
    cr_assert_eq(keyspace->stats.lazyfree_pending, 3000);
    cr_assert_eq(db_count(db), 0);
    cr_assert_eq(db_expiring_count(db), 0);
    put(db, 1, ENTRY_NO_EXPIRY);
    wait_for_worker();
    for (int i = 0; i < 10; i++) {
        keyspace_cron(keyspace, clock_wall_ms());
        wait_for_worker();
    }
    cr_assert_eq(keyspace->stats.lazyfreed_objects, 3000);
    cr_assert_eq(held->references, 1);
    cr_assert_eq(held->size, 10000);
    shared_bytes_release(held);
    cr_assert(has(db, 1));
    mem_free(large);
}

static struct value large_set(void)
{
    static const struct type_settings types; /* no small encodings */
    struct value set = set_create_table(2000);
    char name[16];
    for (int i = 0; i < 2000; i++)
        set_add(&set, &types, numbered(i, name).name);
    return set;
}

Test(keyspace, flush_gives_few_large_values_to_the_worker)
{
    char name[16];
    struct key key = numbered(1, name);
    db_add_value(db, key, large_set());
    cr_assert_eq(keyspace_flush(keyspace, 0, true), 1);
    cr_assert_eq(keyspace->stats.lazyfree_pending, 1);
    wait_for_worker();
    put(db, 1, ENTRY_NO_EXPIRY);
    cr_assert_eq(keyspace_flush(keyspace, 0, true), 1);
    cr_assert_eq(keyspace->stats.lazyfree_pending, 0, "what is small is freed at once");
}

Test(keyspace, flush_at_once)
{
    for (int i = 0; i < 1000; i++)
        put(keyspace_db(keyspace, i % 16), i, i % 2 ? clock_wall_ms() + 10000 : ENTRY_NO_EXPIRY);
    size_t in_db_3 = db_count(keyspace_db(keyspace, 3));
    cr_assert_eq(keyspace_flush(keyspace, 3, false), in_db_3);
    cr_assert_eq(keyspace_flush(keyspace, -1, false), 1000 - in_db_3);
    cr_assert_eq(keyspace_count(keyspace), 0);
}

/* -- eviction -- */

static void use_policy(int policy)
{
    settings.maxmemory_policy = policy;
    keyspace_settings_changed(keyspace);
}

static void fill(int count, int expiring)
{
    for (int i = 0; i < count; i++)
        put(keyspace_db(keyspace, i % 2), i,
            i < expiring ? clock_wall_ms() + 1000000 + i * 1000 : ENTRY_NO_EXPIRY);
}

static enum evict_result evict(size_t keys)
{
    return keyspace_evict(keyspace, keys * 48, INT64_MAX);
}

Test(keyspace, noeviction_fails)
{
    fill(10, 10);
    cr_assert_eq(evict(1), EVICT_FAIL);
    cr_assert_neq(keyspace->stats.eviction_exceeded_since_us, 0);
    cr_assert_eq(keyspace_evict(keyspace, 0, 100), EVICT_OK);
    cr_assert_eq(keyspace->stats.eviction_exceeded_since_us, 0);
}

Test(keyspace, volatile_policies_leave_the_others)
{
    static const int policies[] = {POLICY_VOLATILE_LRU, POLICY_VOLATILE_LFU, POLICY_VOLATILE_RANDOM,
                                   POLICY_VOLATILE_TTL};
    for (size_t p = 0; p < 4; p++) {
        use_policy(policies[p]);
        keyspace_flush(keyspace, -1, false);
        fill(400, 200);
        uint64_t evicted = keyspace->stats.evicted_keys;
        cr_assert_eq(evict(100), EVICT_OK);
        cr_assert_gt(keyspace->stats.evicted_keys, evicted + 50);
        cr_assert_lt(keyspace->stats.evicted_keys, evicted + 150);
        for (int i = 200; i < 400; i++)
            cr_assert(has(keyspace_db(keyspace, i % 2), i));
        cr_assert_eq(evict(1000), EVICT_FAIL);
        cr_assert_eq(keyspace_count(keyspace), 200);
    }
}

Test(keyspace, volatile_ttl_takes_the_nearest)
{
    use_policy(POLICY_VOLATILE_TTL);
    fill(400, 400);
    evict(100);
    size_t evicted = keyspace->stats.evicted_keys;
    for (int i = 0; i < 400; i++)
        cr_assert_eq(has(keyspace_db(keyspace, i % 2), i), (size_t)i >= evicted);
}

Test(keyspace, allkeys_policies_take_all_in_the_end)
{
    static const int policies[] = {POLICY_ALLKEYS_LRU, POLICY_ALLKEYS_LFU, POLICY_ALLKEYS_RANDOM};
    for (size_t p = 0; p < 3; p++) {
        use_policy(policies[p]);
        fill(300, 100);
        cr_assert_eq(evict(100000), EVICT_FAIL);
        cr_assert_eq(keyspace_count(keyspace), 0);
    }
}

/* The half that is idle goes first, nearly. */
static void expect_idle_half_goes(void (*make_idle)(struct entry *entry),
                                  void (*make_busy)(struct entry *entry))
{
    enum { COUNT = 2000 };
    for (int i = 0; i < COUNT; i++) {
        struct entry *entry = put(db, i, ENTRY_NO_EXPIRY);
        if (i < COUNT / 2)
            make_idle(entry);
        else
            make_busy(entry);
    }
    evict(COUNT / 2);
    int busy_gone = 0;
    for (int i = COUNT / 2; i < COUNT; i++)
        busy_gone += !has(db, i);
    cr_assert_lt(busy_gone, COUNT / 20);
    cr_assert_lt(db_count(db), COUNT * 6 / 10);
}

static void idle_lru(struct entry *entry)
{
    keyspace_set_idle(keyspace, entry, 1000);
}

static void busy_lru(struct entry *entry)
{
    keyspace_set_idle(keyspace, entry, 1);
}

Test(keyspace, allkeys_lru_prefers_idle)
{
    use_policy(POLICY_ALLKEYS_LRU);
    expect_idle_half_goes(idle_lru, busy_lru);
}

static void idle_lfu(struct entry *entry)
{
    keyspace_set_frequency(keyspace, entry, 1);
}

static void busy_lfu(struct entry *entry)
{
    keyspace_set_frequency(keyspace, entry, 200);
}

/* How many of the keys that are less idle go, when a tenth of all is evicted. */
static int busy_ones_evicted(int64_t samples)
{
    enum { COUNT = 2000, IDLE = COUNT / 10 };
    settings.maxmemory_samples = samples;
    for (int i = 0; i < COUNT; i++)
        keyspace_set_idle(keyspace, put(db, i, ENTRY_NO_EXPIRY), i < IDLE ? 1000 : 10);
    evict(IDLE);
    int busy_gone = 0;
    for (int i = IDLE; i < COUNT; i++)
        busy_gone += !has(db, i);
    keyspace_flush(keyspace, -1, false);
    return busy_gone;
}

Test(keyspace, more_samples_choose_better)
{
    use_policy(POLICY_ALLKEYS_LRU);
    int with_few = busy_ones_evicted(1);
    int with_many = busy_ones_evicted(50);
    cr_assert_gt(with_few, 20);
    cr_assert_lt(with_many, with_few / 2);
}

Test(keyspace, allkeys_lfu_prefers_seldom_used)
{
    use_policy(POLICY_ALLKEYS_LFU);
    expect_idle_half_goes(idle_lfu, busy_lfu);
}

/* Candidates that were deleted, replaced or moved meanwhile must not be followed. */
Test(keyspace, pool_survives_changes)
{
    use_policy(POLICY_ALLKEYS_LRU);
    char name[16];
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 50; i++)
            put(keyspace_db(keyspace, i % 2), (int)random_below(200), ENTRY_NO_EXPIRY);
        evict(3);
        for (int i = 0; i < 50; i++)
            db_delete(db, numbered((int)random_below(200), name));
        if (round % 10 == 0)
            keyspace_swap(keyspace, 0, 1);
        if (round % 50 == 0)
            keyspace_flush(keyspace, 1, false);
        evict(2);
    }
    dict_check(&db->keys);
}

Test(keyspace, eviction_stops_when_time_is_over)
{
    use_policy(POLICY_ALLKEYS_RANDOM);
    fill(5000, 0);
    cr_assert_eq(keyspace_evict(keyspace, 1000000000, 0), EVICT_RUNNING);
    cr_assert_gt(keyspace_count(keyspace), 4900);
    cr_assert_eq(keyspace_evict_budget(keyspace), 500);
    settings.maxmemory_eviction_tenacity = 0;
    cr_assert_eq(keyspace_evict_budget(keyspace), 0);
    settings.maxmemory_eviction_tenacity = 100;
    cr_assert_eq(keyspace_evict_budget(keyspace), INT64_MAX);
    settings.maxmemory_eviction_tenacity = 99;
    cr_assert_gt(keyspace_evict_budget(keyspace), 60000000);
}

Test(keyspace, maxmemory_percent)
{
    settings.maxmemory = 12345;
    cr_assert_eq(keyspace_maxmemory(keyspace), 12345);
    settings.maxmemory = -10;
    uint64_t tenth = keyspace_maxmemory(keyspace);
    settings.maxmemory = -20;
    cr_assert_gt(tenth, 1000000);
    cr_assert_eq(keyspace_maxmemory(keyspace), tenth * 2);
}

/* -- LFU -- */

Test(keyspace, lfu_counter_decays)
{
    use_policy(POLICY_ALLKEYS_LFU);
    struct entry *entry = put(db, 1, ENTRY_NO_EXPIRY);
    keyspace_set_frequency(keyspace, entry, 100);
    cr_assert_eq(keyspace_frequency(keyspace, entry), 100);
    /* As if last touched thirty minutes ago. */
    entry->access = ((((entry->access >> 8) - 30) & 0xffff) << 8 | 100) & 0xffffff;
    cr_assert_eq(keyspace_frequency(keyspace, entry), 70);
    settings.lfu_decay_time = 10;
    cr_assert_eq(keyspace_frequency(keyspace, entry), 97);
    settings.lfu_decay_time = 0;
    cr_assert_eq(keyspace_frequency(keyspace, entry), 100);
}

/* -- INFO and options -- */

Test(keyspace, info_lines)
{
    put(keyspace_db(keyspace, 0), 1, ENTRY_NO_EXPIRY);
    put(keyspace_db(keyspace, 5), 1, ENTRY_NO_EXPIRY);
    put(keyspace_db(keyspace, 5), 2, ENTRY_NO_EXPIRY);
    struct buffer out;
    buffer_init(&out, 10000);
    keyspace_info.fields[0].write(&out, keyspace);
    cr_assert_str_eq(out.data, "db0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n"
                               "db5:keys=2,expires=0,avg_ttl=0,subexpiry=0\r\n");
    buffer_deinit(&out);
}

Test(keyspace, option_defaults_are_the_settings)
{
    for (size_t i = 0; i < keyspace_options.count; i++) {
        const struct option *option = &keyspace_options.options[i];
        const char *field = (const char *)&settings + option->offset;
        if (option->kind == OPTION_INT || option->kind == OPTION_MEMORY)
            cr_assert_eq(*(const int64_t *)(const void *)field,
                         strtoll(option->default_text, NULL, 10), "%s", option->name);
        if (option->kind == OPTION_BOOL)
            cr_assert_eq(*(const bool *)field, strcmp(option->default_text, "yes") == 0, "%s",
                         option->name);
    }
    cr_assert_eq(settings.maxmemory_policy, POLICY_NOEVICTION);
}
