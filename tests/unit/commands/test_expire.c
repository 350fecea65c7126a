/* EXPIRE and its relatives. */
#include "base/clock.h"
#include "command_suite.h"

COMMAND_SUITE(expire, string_commands, keys_commands, expire_commands);

Test(expire, replies)
{
    expect_reply(fx, ":0", "EXPIRE k 100");
    expect_reply(fx, ":-2", "TTL k");
    expect_reply(fx, ":-2", "PEXPIRETIME k");
    fixture_run(fx, "SET k v");
    expect_reply(fx, ":-1", "PTTL k");
    expect_reply(fx, ":-1", "EXPIRETIME k");
    expect_reply(fx, ":1", "EXPIRE k 100");
    cr_assert_eq(strncmp(fx->propagated, "PEXPIREAT k ", 12), 0);
    cr_assert_str_eq(fx->events, "expire:k");
    expect_reply(fx, ":100", "TTL k");
    expect_reply(fx, ":1", "PEXPIREAT k 2000000000500");
    expect_reply(fx, ":2000000001", "EXPIRETIME k");
    expect_reply(fx, ":2000000000500", "PEXPIRETIME k");
    expect_reply(fx, ":1", "PERSIST k");
    cr_assert_str_eq(fx->events, "persist:k");
    expect_reply(fx, ":0", "PERSIST k");
    expect_reply(fx, ":0", "PERSIST none");
    expect_reply(fx, "$1 v", "GET k");
}

Test(expire, times_in_the_past_delete)
{
    fixture_run(fx, "MSET a 1 b 2 c 3 d 4");
    expect_reply(fx, ":1", "EXPIRE a -1");
    cr_assert_str_eq(fx->propagated, "DEL a");
    cr_assert_str_eq(fx->events, "del:a");
    expect_reply(fx, ":1", "PEXPIRE b 0");
    expect_reply(fx, ":1", "EXPIREAT c 1");
    expect_reply(fx, ":1", "PEXPIREAT d -9223372036854775808");
    expect_reply(fx, ":0", "EXISTS a b c d");
    fixture_run(fx, "SET a 1");
    fx->settings.lazyfree_lazy_expire = true;
    expect_reply(fx, ":1", "EXPIRE a -1");
    cr_assert_str_eq(fx->propagated, "UNLINK a");
}

Test(expire, while_loading_the_past_is_kept)
{
    fixture_run(fx, "SET a 1");
    keyspace_set_expire_mode(fx->keyspace, EXPIRE_IGNORE);
    expect_reply(fx, ":1", "PEXPIREAT a 5");
    expect_reply(fx, "$1 1", "GET a");
    expect_reply(fx, ":0", "PTTL a");
    keyspace_set_expire_mode(fx->keyspace, EXPIRE_HIDE);
    expect_reply(fx, "$-1", "GET a");
    expect_reply(fx, ":-2", "TTL a");
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), 1);
    keyspace_set_expire_mode(fx->keyspace, EXPIRE_DELETE);
    expect_reply(fx, "$-1", "GET a");
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), 0);
}

Test(expire, conditions)
{
    fixture_run(fx, "SET k v");
    expect_reply(fx, ":0", "EXPIRE k 100 XX");
    expect_reply(fx, ":0", "EXPIRE k 100 GT");
    expect_reply(fx, ":1", "EXPIRE k 100 LT");
    expect_reply(fx, ":0", "EXPIRE k 200 NX");
    expect_reply(fx, ":0", "EXPIRE k 50 GT");
    expect_reply(fx, ":1", "EXPIRE k 200 GT");
    expect_reply(fx, ":0", "EXPIRE k 300 LT");
    expect_reply(fx, ":1", "EXPIRE k 150 XX LT");
    expect_reply(fx, ":150", "TTL k");
    expect_reply(fx, ":1", "PEXPIREAT k 4102444800000");
    expect_reply(fx, ":0", "PEXPIREAT k 4102444800000 GT");
    expect_reply(fx, ":0", "PEXPIREAT k 4102444800000 LT");
    expect_reply(fx, ":1", "PEXPIREAT k 4102444800001 GT");
    expect_reply(fx, ":1", "PEXPIREAT k 4102444800000 LT");
    fixture_run(fx, "PERSIST k");
    expect_reply(fx, ":1", "EXPIRE k 10 NX");
    expect_reply(fx, ":0", "EXPIRE k -1 GT");
    expect_reply(fx, ":1", "EXISTS k");
    expect_reply(fx, "-ERR NX and XX, GT or LT options at the same time are not compatible",
                 "EXPIRE k 1 NX GT");
    expect_reply(fx, "-ERR GT and LT options at the same time are not compatible",
                 "EXPIRE k 1 GT LT");
    expect_reply(fx, "-ERR Unsupported option foo", "EXPIRE k 1 foo");
}

Test(expire, overflow_of_the_time)
{
    fixture_run(fx, "SET k v");
    static const char *const times[] = {"9223372036854775807", "-9223372036854775808",
                                        "9223372036854776", "9223370399119966"};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        expect_reply(fx, "-ERR invalid expire time in 'expire' command", "EXPIRE k %s", times[i]);
    expect_reply(fx, "-ERR invalid expire time in 'pexpire' command",
                 "PEXPIRE k 9223372036854775807");
    expect_reply(fx, "-ERR invalid expire time in 'expireat' command",
                 "EXPIREAT k 9223372036854775807");
    expect_reply(fx, "-ERR value is not an integer or out of range", "EXPIRE k x");
    expect_reply(fx, ":-1", "TTL k");
    expect_reply(fx, ":1", "PEXPIREAT k 9223372036854775807");
    expect_reply(fx, ":9223372036854775807", "PEXPIRETIME k");
    expect_reply(fx, ":9223372036854776", "EXPIRETIME k");
    expiry_index_check(&keyspace_db(fx->keyspace, 0)->expiry);
}

Test(expire, active_expiry_removes_untouched_keys)
{
    for (int i = 0; i < 300; i++)
        fixture_run(fx, "PSETEX gone%d 2 v", i);
    fixture_run(fx, "SET stays v EX 1000");
    cr_assert_eq(db_expiring_count(keyspace_db(fx->keyspace, 0)), 301);
    /* The index has units of 256 ms: they are due when the unit is over. */
    for (int i = 0; i < 100 && db_count(keyspace_db(fx->keyspace, 0)) > 1; i++)
        keyspace_cron(fx->keyspace, clock_wall_ms() + 1000);
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), 1);
    cr_assert_eq(fx->keyspace->stats.expired_keys, 300);
    cr_assert_eq(fx->keyspace->stats.expired_keys_active, 300);
    expiry_index_check(&keyspace_db(fx->keyspace, 0)->expiry);
    int64_t average = db_average_ttl(keyspace_db(fx->keyspace, 0), clock_wall_ms());
    cr_assert_gt(average, 999000);
    cr_assert_lt(average, 1001000);
}
