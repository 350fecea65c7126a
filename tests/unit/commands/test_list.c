/* The list commands, against the replies of Redis. */
#include "base/memory.h"
#include "command_suite.h"

COMMAND_SUITE(list, list_commands, keys_commands, string_commands, object_commands);

Test(list, push_and_pop)
{
    expect_reply(fx, ":3", "RPUSH l a 12 c");
    expect_told(3, "rpush:l");
    expect_reply(fx, ":5", "LPUSH l x y");
    expect_told(2, "lpush:l");
    expect_reply(fx, "*5 $1 y $1 x $1 a $2 12 $1 c", "LRANGE l 0 -1");
    expect_reply(fx, "$1 y", "LPOP l");
    expect_told(1, "lpop:l");
    expect_reply(fx, "*2 $1 c $2 12", "RPOP l 2");
    expect_told(2, "rpop:l");
    expect_reply(fx, "*0", "LPOP l 0");
    expect_told(0, "");
    expect_reply(fx, "*2 $1 x $1 a", "LPOP l 100");
    expect_told(2, "lpop:l del:l");
    expect_reply(fx, ":0", "EXISTS l");
    expect_reply(fx, "$-1", "LPOP l");
    expect_reply(fx, "*-1", "LPOP l 1");
    expect_reply(fx, "*-1", "RPOP l 0");
    expect_reply(fx, NOT_POSITIVE, "RPOP l -1");
    expect_reply(fx, NOT_POSITIVE, "RPOP l x");
    expect_reply(fx, "-ERR wrong number of arguments for 'lpop' command", "LPOP l 1 2");
    expect_reply(fx, ":0", "LPUSHX l a");
    expect_reply(fx, ":0", "RPUSHX l a b");
    expect_told(0, "");
    expect_reply(fx, ":1", "RPUSH l a");
    expect_reply(fx, ":3", "RPUSHX l b c");
    expect_reply(fx, ":4", "LPUSHX l 0");
    expect_reply(fx, "*4 $1 0 $1 a $1 b $1 c", "LRANGE l 0 -1");
}

Test(list, resp3_nulls)
{
    fx->client->protocol = 3;
    expect_reply(fx, "_", "LPOP l");
    expect_reply(fx, "_", "LPOP l 1");
    expect_reply(fx, "_", "LINDEX l 0");
    expect_reply(fx, "_", "LPOS l a");
    expect_reply(fx, "_", "LMPOP 1 l LEFT");
    expect_reply(fx, "_", "LMOVE l k LEFT RIGHT");
}

Test(list, wrong_type_everywhere)
{
    fixture_run(fx, "SET s v");
    static const char *const lines[] = {
        "LPUSH s a",  "RPUSHX s a",           "LPOP s",        "RPOP s 1",      "LLEN s",
        "LINDEX s 0", "LSET s 0 a",           "LRANGE s 0 -1", "LTRIM s 0 -1",  "LREM s 0 a",
        "LPOS s a",   "LINSERT s before a b", "RPOPLPUSH s l", "LMPOP 1 s LEFT"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect_reply(fx, WRONGTYPE, "%s", lines[i]);
    fixture_run(fx, "RPUSH l a");
    expect_reply(fx, WRONGTYPE, "LMOVE l s LEFT LEFT");
    expect_reply(fx, ":1", "LLEN l");
}

Test(list, ranges)
{
    fixture_run(fx, "RPUSH l 0 1 2 3 4");
    expect_reply(fx, "*2 $1 1 $1 2", "LRANGE l 1 2");
    expect_reply(fx, "*2 $1 3 $1 4", "LRANGE l -2 -1");
    expect_reply(fx, "*5 $1 0 $1 1 $1 2 $1 3 $1 4", "LRANGE l -100 100");
    expect_reply(fx, "*0", "LRANGE l 3 2");
    expect_reply(fx, "*0", "LRANGE l 5 10");
    expect_reply(fx, "*0", "LRANGE none 0 -1");
    expect_reply(fx, NOT_INTEGER, "LRANGE l a 1");
    expect_reply(fx, "$1 4", "LINDEX l -1");
    expect_reply(fx, "$1 0", "LINDEX l -5");
    expect_reply(fx, "$-1", "LINDEX l -6");
    expect_reply(fx, "$-1", "LINDEX l 9223372036854775807");
    expect_reply(fx, NOT_INTEGER, "LINDEX l x");
    expect_reply(fx, "+OK", "LTRIM l 1 -2");
    expect_told(2, "ltrim:l");
    expect_reply(fx, "*3 $1 1 $1 2 $1 3", "LRANGE l 0 -1");
    expect_reply(fx, "+OK", "LTRIM l 0 -1");
    expect_told(0, "ltrim:l");
    expect_reply(fx, "+OK", "LTRIM l 5 1");
    expect_told(3, "ltrim:l del:l");
    expect_reply(fx, "+OK", "LTRIM l 0 0");
    expect_told(0, "");
}

/* Redis 8.8's list of fixes: LSET truncated 64-bit indexes. */
Test(list, lset_and_linsert)
{
    expect_reply(fx, "-ERR no such key", "LSET l 0 a");
    fixture_run(fx, "RPUSH l a b c");
    expect_reply(fx, "+OK", "LSET l 1 B");
    expect_told(1, "lset:l");
    expect_reply(fx, "+OK", "LSET l -1 C");
    expect_reply(fx, "-ERR index out of range", "LSET l 3 x");
    expect_reply(fx, "-ERR index out of range", "LSET l -4 x");
    expect_reply(fx, "-ERR index out of range", "LSET l 4294967296 x");
    expect_reply(fx, "-ERR index out of range", "LSET l -4294967295 x");
    expect_reply(fx, "-ERR index out of range", "LSET l -9223372036854775808 x");
    expect_reply(fx, NOT_INTEGER, "LSET l x x");
    expect_reply(fx, ":4", "LINSERT l before B 7");
    expect_told(1, "linsert:l");
    expect_reply(fx, ":5", "LINSERT l AFTER C end");
    expect_reply(fx, ":-1", "LINSERT l AFTER none x");
    expect_told(0, "");
    expect_reply(fx, ":0", "LINSERT none AFTER none x");
    expect_reply(fx, SYNTAX, "LINSERT l beside B x");
    expect_reply(fx, "*5 $1 a $1 7 $1 B $1 C $3 end", "LRANGE l 0 -1");
}

Test(list, lrem)
{
    fixture_run(fx, "RPUSH l a b a c a b 1 1");
    expect_reply(fx, ":1", "LREM l -1 a");
    expect_told(1, "lrem:l");
    expect_reply(fx, "*7 $1 a $1 b $1 a $1 c $1 b $1 1 $1 1", "LRANGE l 0 -1");
    expect_reply(fx, ":2", "LREM l 5 a");
    expect_reply(fx, ":0", "LREM l 0 none");
    expect_told(0, "");
    expect_reply(fx, ":2", "LREM l 0 1");
    expect_reply(fx, ":0", "LREM none 0 1");
    expect_reply(fx, NOT_INTEGER, "LREM l x 1");
    expect_reply(fx,
                 "-ERR value is out of range, value must between -9223372036854775807 and "
                 "9223372036854775807",
                 "LREM l -9223372036854775808 a");
    fixture_run(fx, "LREM l 0 c");
    expect_reply(fx, ":2", "LREM l 9223372036854775807 b");
    expect_told(2, "lrem:l del:l");
}

Test(list, lpos)
{
    fixture_run(fx, "RPUSH l a b c 1 2 3 c c");
    expect_reply(fx, ":2", "LPOS l c");
    expect_reply(fx, ":6", "LPOS l c RANK 2");
    expect_reply(fx, ":7", "LPOS l c RANK -1");
    expect_reply(fx, "$-1", "LPOS l c RANK 4");
    expect_reply(fx, "*3 :2 :6 :7", "LPOS l c COUNT 0");
    expect_reply(fx, "*2 :7 :6", "LPOS l c COUNT 2 RANK -1");
    expect_reply(fx, "*1 :2", "LPOS l c COUNT 0 MAXLEN 3");
    expect_reply(fx, "*0", "LPOS l c COUNT 0 MAXLEN 2");
    expect_reply(fx, "*0", "LPOS none c COUNT 0");
    expect_reply(fx, ":4", "LPOS l 2");
    expect_reply(fx, "-ERR COUNT can't be negative", "LPOS l c COUNT -1");
    expect_reply(fx, "-ERR MAXLEN can't be negative", "LPOS l c MAXLEN -1");
    expect_reply(fx,
                 "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second "
                 "... or use negative to start from the end of the list",
                 "LPOS l c RANK 0");
    expect_reply(fx,
                 "-ERR value is out of range, value must between -9223372036854775807 and "
                 "9223372036854775807",
                 "LPOS l c RANK -9223372036854775808");
    expect_reply(fx, "$-1", "LPOS l c RANK -9223372036854775807");
    expect_reply(fx, SYNTAX, "LPOS l c COUNT");
    expect_reply(fx, SYNTAX, "LPOS l c WHAT 1");
}

Test(list, lmove)
{
    fixture_run(fx, "RPUSH a 1 2 3");
    expect_reply(fx, "$1 1", "LMOVE a b LEFT RIGHT");
    expect_told(1, "rpush:b lpop:a");
    expect_reply(fx, "$1 3", "RPOPLPUSH a b");
    expect_told(1, "lpush:b rpop:a");
    expect_reply(fx, "$1 2", "LMOVE a b right left");
    expect_told(1, "lpush:b rpop:a del:a");
    expect_reply(fx, "*3 $1 2 $1 3 $1 1", "LRANGE b 0 -1");
    expect_reply(fx, "$1 2", "LMOVE b b LEFT RIGHT");
    expect_told(1, "rpush:b lpop:b");
    expect_reply(fx, "*3 $1 3 $1 1 $1 2", "LRANGE b 0 -1");
    expect_reply(fx, "$-1", "RPOPLPUSH none b");
    expect_reply(fx, SYNTAX, "LMOVE b b LEFT UP");
    fixture_run(fx, "DEL b");
    fixture_run(fx, "RPUSH b only");
    expect_reply(fx, "$4 only", "RPOPLPUSH b b");
    expect_reply(fx, ":1", "LLEN b");
}

Test(list, lmpop)
{
    fixture_run(fx, "RPUSH a 1 2 3");
    expect_reply(fx, "*2 $1 a *1 $1 1", "LMPOP 2 none a LEFT");
    cr_assert_str_eq(fx->propagated, "LPOP a 1");
    expect_reply(fx, "*2 $1 a *2 $1 3 $1 2", "LMPOP 2 none a RIGHT COUNT 10");
    cr_assert_str_eq(fx->propagated, "RPOP a 2");
    expect_told(2, "rpop:a del:a");
    expect_reply(fx, "*-1", "LMPOP 2 none a RIGHT COUNT 10");
    expect_reply(fx, "-ERR numkeys should be greater than 0", "LMPOP 0 a LEFT");
    expect_reply(fx, "-ERR numkeys should be greater than 0", "LMPOP x a LEFT");
    expect_reply(fx, "-ERR count should be greater than 0", "LMPOP 1 a LEFT COUNT 0");
    expect_reply(fx, SYNTAX, "LMPOP 1 a UP");
    expect_reply(fx, SYNTAX, "LMPOP 2 a LEFT");
    expect_reply(fx, SYNTAX, "LMPOP 9223372036854775807 a LEFT");
    expect_reply(fx, SYNTAX, "LMPOP 1 a LEFT COUNT");
    expect_reply(fx, SYNTAX, "LMPOP 1 a LEFT COUNT 1 COUNT 1");
}

Test(list, encodings)
{
    fixture_run(fx, "RPUSH l a b c");
    expect_reply(fx, "$8 listpack", "OBJECT ENCODING l");
    fx->types.list_max_listpack_size = 3;
    fixture_run(fx, "RPUSH l d");
    expect_reply(fx, "$9 quicklist", "OBJECT ENCODING l");
    fixture_run(fx, "LTRIM l 0 0");
    expect_reply(fx, "$8 listpack", "OBJECT ENCODING l");
    fx->types.list_max_listpack_size = -2;
    fixture_run(fx, "DEL l");
    char value[9001];
    memset(value, 'v', 9000);
    const struct bytes argv[] = {BYTES_LITERAL("RPUSH"), BYTES_LITERAL("l"), bytes_of(value, 9000)};
    cr_assert_str_eq(fixture_run_argv(fx, 3, argv), ":1");
    expect_reply(fx, "$9 quicklist", "OBJECT ENCODING l");
    expect_reply(fx, "+OK", "LSET l 0 small");
    expect_reply(fx, "$8 listpack", "OBJECT ENCODING l");
    expect_reply(fx, ":1", "COPY l m");
    expect_reply(fx, "$5 small", "LPOP m");
}
