/* The set commands, against the replies of Redis. */
#include "base/random.h"
#include "command_suite.h"
#include <stdio.h>

static void setup(void)
{
    static const struct command_spec *const tables[] = {
        set_commands, set_algebra_commands, keys_commands, string_commands, object_commands, NULL};
    fx = fixture_create(tables);
    random_seed(1);
}

TestSuite(set, .init = setup, .fini = destroy_fixture);

Test(set, add_and_remove)
{
    expect_reply(fx, ":3", "SADD s 3 1 2 1");
    expect_told(3, "sadd:s");
    expect_reply(fx, "*3 $1 1 $1 2 $1 3", "SMEMBERS s");
    expect_reply(fx, ":0", "SADD s 1");
    expect_told(0, "");
    expect_reply(fx, ":3", "SCARD s");
    expect_reply(fx, ":1", "SISMEMBER s 2");
    expect_reply(fx, ":0", "SISMEMBER s 02");
    expect_reply(fx, "*3 :1 :0 :1", "SMISMEMBER s 1 x 3");
    expect_reply(fx, "*2 :0 :0", "SMISMEMBER none 1 x");
    expect_reply(fx, ":2", "SREM s 1 2 9");
    expect_told(2, "srem:s");
    expect_reply(fx, ":1", "SREM s 3 3");
    expect_told(1, "srem:s del:s");
    expect_reply(fx, ":0", "EXISTS s");
    expect_reply(fx, ":0", "SREM s 3");
    expect_reply(fx, "*0", "SMEMBERS s");
    expect_reply(fx, ":0", "SCARD s");
    expect_reply(fx, ":0", "SISMEMBER s a");
}

Test(set, resp3_sets)
{
    fx->client->protocol = 3;
    fixture_run(fx, "SADD s 1 2");
    expect_reply(fx, "~2 $1 1 $1 2", "SMEMBERS s");
    expect_reply(fx, "~0", "SMEMBERS none");
    expect_reply(fx, "~2 $1 1 $1 2", "SINTER s s");
    expect_reply(fx, "~0", "SINTER s none");
    expect_reply(fx, "~2 $1 1 $1 2", "SUNION s none");
    expect_reply(fx, "~0", "SDIFF s s");
    expect_reply(fx, "*2 $1 1 $1 2", "SRANDMEMBER s 5");
    expect_reply(fx, "_", "SRANDMEMBER none");
    expect_reply(fx, "_", "SPOP none");
    expect_reply(fx, "~0", "SPOP none 1");
    expect_reply(fx, "~0", "SPOP s 0");
    expect_reply(fx, "~2 $1 1 $1 2", "SPOP s 2");
}

Test(set, wrong_type_everywhere)
{
    fixture_run(fx, "SET x v");
    fixture_run(fx, "SADD s a");
    static const char *const lines[] = {
        "SADD x a",        "SREM x a",           "SMOVE x s a",
        "SMOVE s x a",     "SISMEMBER x a",      "SMISMEMBER x a",
        "SCARD x",         "SMEMBERS x",         "SSCAN x 0",
        "SPOP x",          "SPOP x 0",           "SRANDMEMBER x",
        "SINTER s x",      "SINTER none x",      "SUNION s x",
        "SDIFF s x",       "SINTERCARD 1 x",     "SINTERSTORE d s x",
        "SUNIONSTORE d x", "SDIFFSTORE d none x"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect_reply(fx, WRONGTYPE, "%s", lines[i]);
    expect_reply(fx, ":1", "SUNIONSTORE x s");
    expect_reply(fx, "+set", "TYPE x");
}

Test(set, smove)
{
    fixture_run(fx, "SADD a 1 x");
    expect_reply(fx, ":1", "SMOVE a b x");
    expect_told(2, "srem:a sadd:b");
    expect_reply(fx, ":0", "SMOVE a b x");
    expect_told(0, "");
    expect_reply(fx, ":1", "SMOVE a a 1");
    expect_reply(fx, ":0", "SMOVE a a 2");
    expect_told(0, "");
    fixture_run(fx, "SADD b 1");
    expect_reply(fx, ":1", "SMOVE a b 1");
    expect_told(1, "srem:a del:a");
    expect_reply(fx, ":0", "SMOVE a b 1");
}

Test(set, spop)
{
    fixture_run(fx, "SADD s 7");
    expect_reply(fx, "$1 7", "SPOP s");
    cr_assert_str_eq(fx->propagated, "SREM s 7");
    expect_told(1, "spop:s del:s");
    fixture_run(fx, "SADD s 1 2 3");
    expect_reply(fx, "*3 $1 1 $1 2 $1 3", "SPOP s 3");
    cr_assert_str_eq(fx->propagated, "DEL s");
    expect_told(3, "spop:s del:s");
    fixture_run(fx, "SADD s a b c");
    fixture_run(fx, "SPOP s 2");
    expect_told(2, "spop:s");
    cr_assert_eq(strncmp(fx->propagated, "SREM s ", 7), 0);
    cr_assert_eq(strlen(fx->propagated), strlen("SREM s a b"));
    expect_reply(fx, ":1", "SCARD s");
    expect_reply(fx, "*0", "SPOP s 0");
    expect_told(0, "");
    expect_reply(fx, "*0", "SPOP none 5");
    expect_reply(fx, NOT_POSITIVE, "SPOP s -1");
    expect_reply(fx, NOT_POSITIVE, "SPOP s x");
    expect_reply(fx, SYNTAX, "SPOP s 1 2");
}

/* Each member comes once, in every encoding. */
Test(set, spop_empties_the_set)
{
    for (int size = 10; size < 2000; size *= 5) {
        for (int i = 0; i < size; i++)
            fixture_run(fx, "SADD s %s%d", size % 2 ? "m" : "", i);
        for (int left = size; left > 3; left -= 3) {
            const char *reply = fixture_run(fx, "SPOP s 3");
            cr_assert_eq(strncmp(reply, "*3 ", 3), 0);
            char expected[30];
            snprintf(expected, sizeof(expected), ":%d", left - 3);
            expect_reply(fx, expected, "SCARD s");
        }
        fixture_run(fx, "DEL s");
    }
}

/* CVE-2023-22458 and CVE-2023-25155: counts at the ends of the range. */
Test(set, srandmember_counts_at_the_ends)
{
    fixture_run(fx, "SADD s 1 2 3");
    expect_reply(fx,
                 "-ERR value is out of range, value must between -9223372036854775807 and "
                 "9223372036854775807",
                 "SRANDMEMBER s -9223372036854775808");
    expect_reply(fx, "-ERR value is out of range", "SRANDMEMBER s -9223372036854775807");
    expect_reply(fx, "-ERR value is out of range", "SRANDMEMBER s -4611686018427387904");
    expect_reply(fx, NOT_INTEGER, "SRANDMEMBER s 9223372036854775808");
    expect_reply(fx, "*3 $1 1 $1 2 $1 3", "SRANDMEMBER s 9223372036854775807");
    expect_reply(fx, "*3 $1 1 $1 2 $1 3", "SPOP s 9223372036854775807");
    expect_reply(fx, NOT_INTEGER, "SRANDMEMBER s x");
    expect_reply(fx, SYNTAX, "SRANDMEMBER s 1 2");
    expect_reply(fx, "*0", "SRANDMEMBER none -5");
    fixture_run(fx, "SADD one x");
    expect_reply(fx, "*4 $1 x $1 x $1 x $1 x", "SRANDMEMBER one -4");
    expect_reply(fx, "*0", "SRANDMEMBER one 0");
    expect_reply(fx, "$1 x", "SRANDMEMBER one");
}

Test(set, algebra)
{
    fixture_run(fx, "SADD a 1 2 3 4");
    fixture_run(fx, "SADD b 2 4 6");
    expect_reply(fx, "*2 $1 2 $1 4", "SINTER a b");
    expect_reply(fx, "*2 $1 1 $1 3", "SDIFF a b");
    expect_reply(fx, "*5 $1 1 $1 2 $1 3 $1 4 $1 6", "SUNION a b none");
    expect_reply(fx, "*0", "SDIFF none a");
    expect_reply(fx, ":2", "SINTERSTORE d a b");
    expect_told(1, "sinterstore:d");
    expect_reply(fx, "*2 $1 2 $1 4", "SMEMBERS d");
    expect_reply(fx, ":2", "SDIFFSTORE d a b");
    expect_told(1, "sdiffstore:d");
    expect_reply(fx, ":5", "SUNIONSTORE d a b");
    expect_told(1, "sunionstore:d");
    expect_reply(fx, ":4", "SUNIONSTORE a a");
    expect_reply(fx, ":0", "SINTERSTORE d a none");
    expect_told(1, "del:d");
    expect_reply(fx, ":0", "SDIFFSTORE d none");
    expect_told(0, "");
    expect_reply(fx, ":0", "EXISTS d");
}

Test(set, sintercard)
{
    fixture_run(fx, "SADD a 1 2 3 4");
    fixture_run(fx, "SADD b 2 3 4 6");
    expect_reply(fx, ":3", "SINTERCARD 2 a b");
    expect_reply(fx, ":2", "SINTERCARD 2 a b LIMIT 2");
    expect_reply(fx, ":3", "SINTERCARD 2 a b LIMIT 0");
    expect_reply(fx, ":3", "SINTERCARD 2 a b LIMIT 10");
    expect_reply(fx, ":0", "SINTERCARD 2 a none");
    expect_reply(fx, "-ERR numkeys should be greater than 0", "SINTERCARD 0 a");
    expect_reply(fx, "-ERR numkeys should be greater than 0", "SINTERCARD x a");
    expect_reply(fx, "-ERR Number of keys can't be greater than number of args",
                 "SINTERCARD 3 a b");
    expect_reply(fx, "-ERR LIMIT can't be negative", "SINTERCARD 1 a LIMIT -1");
    expect_reply(fx, SYNTAX, "SINTERCARD 1 a b");
    expect_reply(fx, SYNTAX, "SINTERCARD 1 a LIMIT");
}

Test(set, sscan)
{
    expect_reply(fx, "*2 $1 0 *0", "SSCAN none 0");
    fixture_run(fx, "SADD s 1 2 30");
    expect_reply(fx, "*2 $1 0 *3 $1 1 $1 2 $2 30", "SSCAN s 0");
    expect_reply(fx, "*2 $1 0 *1 $2 30", "SSCAN s 0 MATCH 3*");
    expect_reply(fx, "*2 $1 0 *3 $1 1 $1 2 $2 30", "SSCAN s 5 COUNT 1");
    expect_reply(fx, "-ERR invalid cursor", "SSCAN s x");
    expect_reply(fx, "-ERR invalid cursor", "SSCAN s \" 0\"");
    cr_assert_eq(strncmp(fixture_run(fx, "SSCAN s +00"), "*2 $1 0 ", 8), 0);
    expect_reply(fx, SYNTAX, "SSCAN s 0 COUNT 0");
    expect_reply(fx, NOT_INTEGER, "SSCAN s 0 COUNT x");
    expect_reply(fx, "-ERR NOVALUES option can only be used in HSCAN", "SSCAN s 0 NOVALUES");
    fixture_run(fx, "DEL s");
    fx->types.set_max_listpack_entries = 0;
    fixture_run(fx, "SADD s abc a-long-member");
    expect_reply(fx, "$9 hashtable", "OBJECT ENCODING s");
    expect_reply(fx, "*2 $1 0 *1 $13 a-long-member", "SSCAN s 0 MATCH a-*");
}

Test(set, encodings)
{
    fixture_run(fx, "SADD s 1 2");
    expect_reply(fx, "$6 intset", "OBJECT ENCODING s");
    fixture_run(fx, "SADD s x");
    expect_reply(fx, "$8 listpack", "OBJECT ENCODING s");
    fixture_run(fx, "SADD s "
                    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    expect_reply(fx, "$9 hashtable", "OBJECT ENCODING s");
    expect_reply(fx, ":1", "COPY s t");
    expect_reply(fx, "$9 hashtable", "OBJECT ENCODING t");
    expect_reply(fx, ":4", "SCARD t");
    fixture_run(fx, "SADD n 1 2 3");
    expect_reply(fx, ":2", "SINTERSTORE d s n");
    expect_reply(fx, "$6 intset", "OBJECT ENCODING d");
    expect_reply(fx, ":5", "SUNIONSTORE d s n");
    expect_reply(fx, "$9 hashtable", "OBJECT ENCODING d");
}
