/* Sorted set commands: replies, events and propagation, small and large. */
#include "command_suite.h"
#include "types/set_type.h"
#include "types/zset_type.h"
#include <stdio.h>

COMMAND_SUITE(zset, zset_commands, zset_range_commands, zset_algebra_commands, string_commands,
              keys_commands, object_commands);

/* The set at the key keeps its invariants. */
static void check(const char *name)
{
    const struct entry *entry = db_peek(keyspace_db(fx->keyspace, 0), key_of(bytes_of_text(name)));
    if (entry)
        zset_check(entry_value(entry));
}

/* Runs the body with listpacks and with trees. */
#define BOTH_ENCODINGS                                                                             \
    for (int pass = 0; pass < 2;                                                                   \
         fixture_run(fx, "del z"), fx->types.zset_max_listpack_entries = 0, pass++)

Test(zset, zadd_counts_and_tells)
{
    BOTH_ENCODINGS
    {
        expect(":3", "zadd z 1 a 2 b 3 c");
        cr_assert_eq(fx->dirty, 3);
        cr_assert_str_eq(fx->events, "zadd:z");
        expect(":0", "zadd z 1 a");
        cr_assert_eq(fx->dirty, 0);
        cr_assert_str_eq(fx->events, "");
        expect(":1", "zadd z ch 1 a 5 b");
        expect(":1", "zadd z 5 b 6 d");
        expect(":0", "zadd z nx 100 a");
        expect("$1 1", "zscore z a");
        expect(":0", "zadd z xx 1 new");
        expect(":1", "zadd z gt ch 7 b");
        expect(":0", "zadd z gt ch 6 b");
        expect(":1", "zadd z lt ch 6 b");
        expect("$1 8", "zadd z incr 2 b");
        cr_assert_str_eq(fx->events, "zincr:z");
        expect("$-1", "zadd z nx incr 2 b");
        expect("$3 9.5", "zincrby z 1.5 b");
        check("z");
    }
}

Test(zset, zadd_errors)
{
    expect("-ERR wrong number of arguments for 'zadd' command", "zadd z 1");
    expect("-ERR syntax error", "zadd z nx 1");
    expect("-ERR syntax error", "zadd z 1 a 2");
    expect("-ERR XX and NX options at the same time are not compatible", "zadd z xx nx 1 a");
    expect("-ERR GT, LT, and/or NX options at the same time are not compatible",
           "zadd z gt lt 1 a");
    expect("-ERR INCR option supports a single increment-element pair", "zadd z incr 1 a 2 b");
    expect("-ERR value is not a valid float", "zadd z 1 a x b");
    cr_assert_str_eq(fixture_run(fx, "exists z"), ":0");
    fixture_run(fx, "set s x");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value", "zadd s 1 a");
}

/* NaN scores: neither given nor computed. */
Test(zset, nan_scores)
{
    BOTH_ENCODINGS
    {
        expect("-ERR value is not a valid float", "zadd z nan a");
        expect("-ERR value is not a valid float", "zincrby z -nan a");
        expect(":1", "zadd z inf a");
        expect("-ERR resulting score is not a number (NaN)", "zincrby z -inf a");
        expect("-ERR resulting score is not a number (NaN)", "zadd z incr -inf a");
        expect("$3 inf", "zscore z a");
        fixture_run(fx, "zadd n -inf a");
        expect("*2 $1 a $1 0", "zunion 2 z n withscores");
        expect("*2 $1 a $1 0", "zinter 2 z n weights 0 0 withscores");
        expect("-ERR weight value is not a float", "zunion 2 z n weights nan 1");
        expect("-ERR min or max is not a float", "zcount z nan 1");
        check("z");
    }
}

Test(zset, the_key_goes_with_the_last_member)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "zadd z 1 a 2 b");
        expect(":2", "zrem z a b c");
        cr_assert_str_eq(fx->events, "zrem:z del:z");
        fixture_run(fx, "zadd z 1 a 2 b");
        expect("*4 $1 a $1 1 $1 b $1 2", "zpopmin z 9");
        cr_assert_str_eq(fx->events, "zpopmin:z del:z");
        fixture_run(fx, "zadd z 1 a 2 b");
        expect(":2", "zremrangebyscore z -inf inf");
        cr_assert_str_eq(fx->events, "zremrangebyscore:z del:z");
        expect(":0", "exists z");
    }
}

Test(zset, ranges)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "zadd z 1 a 2 b 3 c 4 d");
        expect("*2 $1 b $1 c", "zrange z 1 2");
        expect("*2 $1 d $1 c", "zrange z 0 1 rev");
        expect("*2 $1 b $1 c", "zrange z (1 (4 byscore");
        expect("*1 $1 b", "zrange z 4 1 byscore rev limit 2 1");
        expect("*2 $1 b $1 c", "zrange z [b (d bylex");
        expect("*0", "zrange z 4 1 byscore");
        expect("*0", "zrange z -inf inf byscore limit -1 5");
        expect(":2", "zcount z (1 3");
        expect(":3", "zlexcount z - (d");
        expect(":2", "zrangestore t z 1 2");
        cr_assert_str_eq(fx->events, "zrangestore:t");
        expect(":0", "zrangestore t z 9 10");
        cr_assert_str_eq(fx->events, "del:t");
        expect(":1", "zremrangebyrank z 0 0");
        expect(":1", "zremrangebylex z [b [b");
        check("z");
    }
}

Test(zset, ranks)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "zadd z 1 a 2 b 3 c");
        expect(":1", "zrank z b");
        expect(":0", "zrevrank z c");
        expect("*2 :2 $1 3", "zrank z c withscore");
        expect("*-1", "zrank z x withscore");
        expect("$-1", "zrevrank z x");
        expect("-ERR syntax error", "zrank z c withscores");
    }
}

Test(zset, resp3)
{
    fx->client->protocol = 3;
    BOTH_ENCODINGS
    {
        fixture_run(fx, "zadd z 1 a 2.5 b");
        expect("*2 *2 $1 a ,1 *2 $1 b ,2.5", "zrange z 0 -1 withscores");
        expect(",2.5", "zscore z b");
        expect("_", "zscore z x");
        expect("*2 :1 ,2.5", "zrank z b withscore");
        expect("*2 $1 z *1 *2 $1 b ,2.5", "zmpop 1 z max");
        expect("*1 *2 $1 a ,1", "zpopmin z 1");
        expect("_", "zmpop 1 z max");
        fixture_run(fx, "zadd z 1 a");
        expect("*2 $1 a ,1", "zpopmax z");
    }
}

Test(zset, zmpop_propagates_what_it_did)
{
    fixture_run(fx, "zadd z 1 a 2 b 3 c");
    expect("*2 $1 z *2 *2 $1 c $1 3 *2 $1 b $1 2", "zmpop 2 none z max count 2");
    cr_assert_str_eq(fx->propagated, "ZPOPMAX z 2");
}

Test(zset, algebra)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "del y");
        fixture_run(fx, "zadd z 1 a 2 b");
        fixture_run(fx, "zadd y 10 b 20 c");
        expect("*6 $1 a $1 1 $1 b $2 12 $1 c $2 20", "zunion 2 z y withscores");
        expect("*2 $1 b $2 32", "zinter 2 z y weights 1 3 withscores");
        expect("*2 $1 b $1 2", "zinter 2 z y aggregate min withscores");
        expect("*1 $1 a", "zdiff 2 z y");
        expect(":1", "zintercard 2 z y");
        expect(":1", "zintercard 2 z z limit 1");
        expect(":3", "zunionstore z 2 z y");
        cr_assert_str_eq(fx->events, "zunionstore:z");
        expect(":0", "zdiffstore z 2 z z");
        cr_assert_str_eq(fx->events, "del:z");
        expect("-ERR at least 1 input key is needed for 'zunion' command", "zunion 0 z");
    }
}

/* Z/HRANDFIELD counts LONG_MIN (CVE-2023-22458, CVE-2023-25155): refused, not negated. */
Test(zset, zrandmember_count_long_min)
{
    fixture_run(fx, "zadd z 1 a 2 b");
    expect("-ERR value is out of range, value must between -9223372036854775807 and "
           "9223372036854775807",
           "zrandmember z -9223372036854775808");
    expect("-ERR value is out of range", "zrandmember z -9223372036854775807");
    expect("-ERR value is out of range", "zrandmember z 9223372036854775807 withscores");
    expect("-ERR value is out of range", "zrandmember z -4611686018427387904 withscores");
    cr_assert(strncmp(fixture_run(fx, "zrandmember z 9223372036854775807"), "*2 ", 3) == 0);
}

Test(zset, zrandmember_is_distinct_or_repeats)
{
    BOTH_ENCODINGS
    {
        for (int i = 0; i < 100; i++)
            fixture_run(fx, "zadd z %d m%02d", i, i);
        for (int count = 1; count < 100; count += 7) {
            char seen[100] = {0};
            const char *at = fixture_run(fx, "zrandmember z %d", count);
            int members = 0;
            while ((at = strchr(at, 'm'))) {
                int member = (at[1] - '0') * 10 + at[2] - '0';
                cr_assert(!seen[member]);
                seen[member] = 1;
                members++;
                at++;
            }
            cr_assert_eq(members, count);
        }
        cr_assert(strncmp(fixture_run(fx, "zrandmember z -300"), "*300 ", 5) == 0);
    }
}

Test(zset, zscan)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "zadd z 1 a 2.5 b");
        const char *all = fixture_run(fx, "zscan z 0 match b");
        cr_assert_str_eq(all, "*2 $1 0 *2 $1 b $3 2.5");
        expect("*2 $1 0 *0", "zscan none 0 count nonsense");
        expect("-ERR invalid cursor", "zscan z x");
        expect("-ERR syntax error", "zscan z 0 count 0");
    }
}

Test(zset, encodings_follow_the_thresholds)
{
    fx->types.zset_max_listpack_entries = 2;
    fixture_run(fx, "zadd z 1 a 2 b");
    expect("$8 listpack", "object encoding z");
    fixture_run(fx, "zadd z 3 c");
    expect("$8 skiplist", "object encoding z");
    fixture_run(fx, "zadd many 1 a 2 b 3 c");
    expect("$8 skiplist", "object encoding many");
    fixture_run(fx, "zrangestore few many 0 1");
    expect("$8 listpack", "object encoding few");
}

/* Plain sets take part with scores of 1. */
Test(zset, algebra_with_sets)
{
    struct value set = set_create_result();
    set_add(&set, &fx->types, BYTES_LITERAL("a"));
    set_add(&set, &fx->types, BYTES_LITERAL("7"));
    db_add_value(keyspace_db(fx->keyspace, 0), key_of(BYTES_LITERAL("s")), set);
    fixture_run(fx, "zadd z 5 a");
    expect("*4 $1 7 $1 2 $1 a $1 7", "zunion 2 s z weights 2 1 withscores");
    expect("*2 $1 a $1 6", "zinter 2 s z withscores");
    expect("*2 $1 7 $1 1", "zdiff 2 s z withscores");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value", "zadd s 1 a");
    fixture_run(fx, "set text x");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value", "zunion 1 text");
}
