/* Keys as such: deleting, renaming, copying, moving. */
#include "base/memory.h"
#include "command_suite.h"

COMMAND_SUITE(keys, string_commands, string_range_commands, keys_commands, expire_commands,
              flush_commands, object_commands);

#define SAME         "-ERR source and destination objects are the same"
#define OUT_OF_RANGE "-ERR DB index is out of range"

Test(keys, del_unlink_exists_touch)
{
    fixture_run(fx, "MSET a 1 b 2 c 3");
    expect_reply(fx, ":3", "EXISTS a a b none");
    expect_reply(fx, ":2", "TOUCH a b none");
    expect_reply(fx, ":2", "DEL a none c a");
    cr_assert_eq(fx->dirty, 2);
    cr_assert_str_eq(fx->events, "del:a del:c");
    expect_reply(fx, ":1", "UNLINK a b");
    expect_reply(fx, ":0", "UNLINK a b");
    cr_assert_eq(fx->dirty, 0);
}

Test(keys, hits_and_misses)
{
    fixture_run(fx, "SET a 1");
    fixture_run(fx, "GET a");
    fixture_run(fx, "GET b");
    fixture_run(fx, "EXISTS a b");
    fixture_run(fx, "INCR a");
    cr_assert_eq(fx->keyspace->stats.hits, 2);
    cr_assert_eq(fx->keyspace->stats.misses, 2);
}

Test(keys, rename)
{
    expect_reply(fx, "-ERR no such key", "RENAME a b");
    expect_reply(fx, "-ERR no such key", "RENAME a a");
    fixture_run(fx, "SET a 1 EX 100");
    fixture_run(fx, "SET b 2");
    expect_reply(fx, "+OK", "RENAME a a");
    cr_assert_eq(fx->dirty, 0);
    expect_reply(fx, ":0", "RENAMENX a a");
    expect_reply(fx, ":0", "RENAMENX a b");
    expect_reply(fx, "+OK", "RENAME a b");
    cr_assert_str_eq(fx->events, "rename_from:a rename_to:b");
    expect_reply(fx, "*2 $-1 $1 1", "MGET a b");
    expect_reply(fx, ":100", "TTL b");
    expect_reply(fx, ":1", "RENAMENX b c");
    expect_reply(fx, ":100", "TTL c");
    fixture_run(fx, "SET d 4");
    expect_reply(fx, "+OK", "RENAME d c");
    expect_reply(fx, ":-1", "TTL c");
    expiry_index_check(&keyspace_db(fx->keyspace, 0)->expiry);
    cr_assert_eq(db_expiring_count(keyspace_db(fx->keyspace, 0)), 0);
}

Test(keys, copy)
{
    expect_reply(fx, ":0", "COPY a b");
    fixture_run(fx, "SET a 1 EX 100");
    expect_reply(fx, ":1", "COPY a b");
    cr_assert_str_eq(fx->events, "copy_to:b");
    expect_reply(fx, "$1 1", "GET b");
    expect_reply(fx, ":100", "TTL b");
    fixture_run(fx, "SET c 3");
    expect_reply(fx, ":0", "COPY c b");
    expect_reply(fx, ":1", "COPY c b REPLACE");
    expect_reply(fx, "$1 3", "GET b");
    expect_reply(fx, ":-1", "TTL b");
    expect_reply(fx, ":1", "COPY c c DB 1");
    expect_reply(fx, ":0", "COPY c c DB 1");
    expect_reply(fx, ":1", "COPY c c REPLACE DB 1");
    expect_reply(fx, SAME, "COPY c c");
    expect_reply(fx, SAME, "COPY c c DB 0 REPLACE");
    expect_reply(fx, OUT_OF_RANGE, "COPY c d DB 16");
    expect_reply(fx, OUT_OF_RANGE, "COPY c d DB -1");
    expect_reply(fx, NOT_INTEGER, "COPY c d DB x");
    expect_reply(fx, "-ERR syntax error", "COPY c d DB");
    expect_reply(fx, "-ERR syntax error", "COPY c d foo");
    fx->client->db = 1;
    expect_reply(fx, "$1 3", "GET c");
}

Test(keys, cve_2021_32625_copy_of_large_values_is_separate)
{
    char *value = mem_alloc(30000);
    memset(value, 'x', 30000);
    struct bytes set[] = {BYTES_LITERAL("set"), BYTES_LITERAL("a"), bytes_of(value, 30000)};
    fixture_run_argv(fx, 3, set);
    mem_free(value);
    expect_reply(fx, ":1", "COPY a b");
    expect_reply(fx, ":30003", "APPEND a abc");
    expect_reply(fx, ":30000", "SETRANGE b 0 y");
    expect_reply(fx, "$2 xx", "GETRANGE a 0 1");
    expect_reply(fx, "$2 yx", "GETRANGE b 0 1");
    expect_reply(fx, ":30003", "STRLEN a");
    expect_reply(fx, ":1", "DEL a");
    expect_reply(fx, ":30000", "STRLEN b");
}

Test(keys, move)
{
    expect_reply(fx, ":0", "MOVE a 1");
    fixture_run(fx, "SET a 1 EX 100");
    expect_reply(fx, SAME, "MOVE a 0");
    expect_reply(fx, OUT_OF_RANGE, "MOVE a 16");
    expect_reply(fx, OUT_OF_RANGE, "MOVE a -1");
    expect_reply(fx, NOT_INTEGER, "MOVE a x");
    expect_reply(fx, "-ERR value is out of range, value must between -2147483648 and 2147483647",
                 "MOVE a 99999999999");
    expect_reply(fx, ":1", "MOVE a 1");
    cr_assert_str_eq(fx->events, "move_from:a move_to:a");
    expect_reply(fx, "$-1", "GET a");
    fixture_run(fx, "SET a 2");
    expect_reply(fx, ":0", "MOVE a 1");
    fx->client->db = 1;
    expect_reply(fx, "$1 1", "GET a");
    expect_reply(fx, ":100", "TTL a");
}

Test(keys, randomkey_skips_expired)
{
    expect_reply(fx, "$-1", "RANDOMKEY");
    for (int i = 0; i < 20; i++)
        fixture_run(fx, "PSETEX gone%d 3 v", i);
    fixture_run(fx, "SET stays v");
    fixture_pass_time(4);
    for (int i = 0; i < 20; i++)
        expect_reply(fx, "$5 stays", "RANDOMKEY");
}

Test(keys, object)
{
    expect_reply(fx, "$-1", "OBJECT ENCODING none");
    fixture_run(fx, "SET n 100");
    expect_reply(fx, ":2147483647", "OBJECT REFCOUNT n");
    fixture_run(fx, "SET n 10000");
    expect_reply(fx, ":1", "OBJECT REFCOUNT n");
    expect_reply(fx, ":0", "OBJECT IDLETIME n");
    struct entry *entry = db_peek(keyspace_db(fx->keyspace, 0), key_of(BYTES_LITERAL("n")));
    keyspace_set_idle(fx->keyspace, entry, 77);
    expect_reply(fx, ":77", "OBJECT IDLETIME n");
    expect_reply(fx, ":77", "OBJECT IDLETIME n");
    fixture_run(fx, "GET n");
    expect_reply(fx, ":0", "OBJECT IDLETIME n");
    cr_assert_eq(
        strncmp(fixture_run(fx, "OBJECT FREQ n"), "-ERR An LFU maxmemory policy is not", 35), 0);
    fx->settings.maxmemory_policy = POLICY_ALLKEYS_LFU;
    keyspace_settings_changed(fx->keyspace);
    fixture_run(fx, "SET f 1");
    expect_reply(fx, ":5", "OBJECT FREQ f");
    cr_assert_eq(
        strncmp(fixture_run(fx, "OBJECT IDLETIME f"), "-ERR An LFU maxmemory policy is sel", 35),
        0);
    for (int i = 0; i < 200; i++)
        fixture_run(fx, "GET f");
    struct entry *often = db_peek(keyspace_db(fx->keyspace, 0), key_of(BYTES_LITERAL("f")));
    cr_assert_gt(keyspace_frequency(fx->keyspace, often), 5);
}

Test(keys, client_no_touch)
{
    fixture_run(fx, "SET n 100");
    struct entry *entry = db_peek(keyspace_db(fx->keyspace, 0), key_of(BYTES_LITERAL("n")));
    keyspace_set_idle(fx->keyspace, entry, 50);
    fx->keyspace->no_touch = true;
    fixture_run(fx, "GET n");
    expect_reply(fx, ":50", "OBJECT IDLETIME n");
    fixture_run(fx, "TOUCH n");
    cr_assert(fx->keyspace->no_touch);
    expect_reply(fx, ":0", "OBJECT IDLETIME n");
}

Test(keys, flush_and_dbsize)
{
    expect_reply(fx, ":0", "DBSIZE");
    fixture_run(fx, "MSET a 1 b 2");
    expect_reply(fx, ":2", "DBSIZE");
    expect_reply(fx, "-ERR syntax error", "FLUSHDB foo");
    expect_reply(fx, "-ERR syntax error", "FLUSHALL ASYNC SYNC");
    expect_reply(fx, "+OK", "FLUSHDB SYNC");
    cr_assert_eq(fx->dirty, 3);
    expect_reply(fx, ":0", "DBSIZE");
    fixture_run(fx, "SET a 1 EX 100");
    fx->client->db = 3;
    fixture_run(fx, "SET a 1");
    expect_reply(fx, "+OK", "FLUSHALL ASYNC");
    expect_reply(fx, ":0", "DBSIZE");
    fx->client->db = 0;
    expect_reply(fx, ":0", "DBSIZE");
    expect_reply(fx, "+OK", "FLUSHALL");
    cr_assert_eq(fx->dirty, 1);
}

Test(keys, swapdb)
{
    fixture_run(fx, "SET a 1 EX 100");
    expect_reply(fx, "+OK", "SWAPDB 0 1");
    expect_reply(fx, "$-1", "GET a");
    fx->client->db = 1;
    expect_reply(fx, ":100", "TTL a");
    expect_reply(fx, "+OK", "SWAPDB 1 1");
    expect_reply(fx, "$1 1", "GET a");
    expect_reply(fx, "-ERR invalid first DB index", "SWAPDB a 1");
    expect_reply(fx, "-ERR invalid second DB index", "SWAPDB 0 99999999999");
    expect_reply(fx, OUT_OF_RANGE, "SWAPDB 0 16");
    expect_reply(fx, OUT_OF_RANGE, "SWAPDB -1 0");
}
