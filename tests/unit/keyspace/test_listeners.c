/* Several listeners: each is told what it wants, in order, and one may leave. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/thread_role.h"
#include "keyspace/keyspace.h"
#include <criterion/criterion.h>

struct recorder {
    struct key_listener listener;
    unsigned kinds; /* seen */
    int count;
    int order; /* value of the common counter when last told */
};

static struct keyspace_settings settings;
static struct keyspace *keyspace;
static struct db *db;
static int told;

static void record(struct key_listener *listener, const struct key_event *event)
{
    struct recorder *recorder = (struct recorder *)listener;
    recorder->kinds |= event->kinds;
    recorder->count++;
    recorder->order = ++told;
}

static void setup(void)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){6});
    clock_update();
    keyspace_settings_init(&settings);
    keyspace = keyspace_create(&settings, NULL);
    db = keyspace_db(keyspace, 0);
    told = 0;
}

static void teardown(void)
{
    keyspace_destroy(keyspace);
}

TestSuite(listeners, .init = setup, .fini = teardown);

static struct recorder new_recorder(unsigned interest)
{
    return (struct recorder){.listener = {.on_event = record, .interest = interest}};
}

Test(listeners, are_told_what_they_want_in_order)
{
    struct recorder first = new_recorder(KEY_CHANGED);
    struct recorder second = new_recorder(KEY_CHANGED | KEY_NOTIFY);
    keyspace_add_listener(keyspace, &first.listener);
    keyspace_add_listener(keyspace, &second.listener);
    db_signal(db, BYTES_LITERAL("k"));
    cr_assert_eq(first.order, 1);
    cr_assert_eq(second.order, 2);
    db_notify(db, BYTES_LITERAL("k"), KEY_CLASS_GENERIC, "del");
    cr_assert_eq(first.count, 1);
    cr_assert_eq(second.count, 2);
    cr_assert(second.kinds & KEY_NOTIFY);
}

Test(listeners, interest_is_the_union)
{
    struct recorder first = new_recorder(0);
    struct recorder second = new_recorder(KEY_CREATED);
    keyspace_add_listener(keyspace, &first.listener);
    cr_assert_eq(keyspace->observer.interest, 0);
    keyspace_add_listener(keyspace, &second.listener);
    keyspace_listen(keyspace, &first.listener, KEY_CHANGED);
    cr_assert_eq(keyspace->observer.interest, (unsigned)(KEY_CREATED | KEY_CHANGED));
    keyspace_remove_listener(keyspace, &second.listener);
    cr_assert_eq(keyspace->observer.interest, (unsigned)KEY_CHANGED);
    db_set_string(db, key_of(BYTES_LITERAL("k")), BYTES_LITERAL("v"), 0);
    cr_assert_eq(second.count, 0);
}

Test(listeners, look_changes_nothing)
{
    struct key key = key_of(BYTES_LITERAL("k"));
    struct entry *entry = db_set_string(db, key, BYTES_LITERAL("v"), 0);
    db_set_expiry(db, key, entry, clock_wall_ms() - 1000);
    cr_assert_not_null(db_look(db, key));
    cr_assert_eq(keyspace->stats.expired_keys, 0);
    cr_assert_null(db_peek(db, key));
    cr_assert_null(db_look(db, key));
}
