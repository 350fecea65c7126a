/* Hash commands: replies, events, propagation and fields that expire, small and large. */
#include "base/clock.h"
#include "command_suite.h"
#include "types/hash_field_expiry.h"
#include <inttypes.h>
#include <stdio.h>

COMMAND_SUITE(hash, hash_commands, hash_expiry_commands, string_commands, keys_commands,
              object_commands);

/* Runs the body with listpacks and with tables. */
#define BOTH_ENCODINGS                                                                             \
    for (int pass = 0; pass < 2;                                                                   \
         fixture_run(fx, "del h"), fx->types.hash_max_listpack_entries = 0, pass++)

static void check(const char *name)
{
    const struct entry *entry = db_peek(keyspace_db(fx->keyspace, 0), key_of(bytes_of_text(name)));
    if (entry)
        hash_check(entry_value(entry));
}

Test(hash, set_and_get)
{
    BOTH_ENCODINGS
    {
        expect(":2", "hset h a 1 b 2");
        cr_assert_eq(fx->dirty, 2);
        cr_assert_str_eq(fx->events, "hset:h");
        expect(":1", "hset h a 5 c 3");
        expect("+OK", "hmset h a 6");
        expect("$1 6", "hget h a");
        expect("*3 $1 6 $-1 $1 3", "hmget h a x c");
        expect(":0", "hsetnx h a 1");
        cr_assert_eq(fx->dirty, 0);
        expect(":1", "hsetnx h d 1");
        expect(":4", "hlen h");
        expect(":1", "hexists h a");
        expect(":0", "hexists h x");
        expect(":1", "hstrlen h a");
        check("h");
        expect(":3", "hdel h a b c x");
        cr_assert_str_eq(fx->events, "hdel:h");
        expect(":1", "hdel h d");
        cr_assert_str_eq(fx->events, "hdel:h del:h");
    }
    expect("-ERR wrong number of arguments for 'hset' command", "hset h a 1 b");
    fixture_run(fx, "set s x");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value", "hget s a");
}

Test(hash, all_fields)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h a 1");
        expect("*2 $1 a $1 1", "hgetall h");
        expect("*1 $1 a", "hkeys h");
        expect("*1 $1 1", "hvals h");
        fx->client->protocol = 3;
        expect("%1 $1 a $1 1", "hgetall h");
        expect("%0", "hgetall none");
        expect("*1 *2 $1 a $1 1", "hrandfield h 5 withvalues");
        fx->client->protocol = 2;
        expect("*2 $1 0 *2 $1 a $1 1", "hscan h 0");
        expect("*2 $1 0 *1 $1 a", "hscan h 0 novalues");
    }
}

Test(hash, counters)
{
    BOTH_ENCODINGS
    {
        expect(":5", "hincrby h n 5");
        cr_assert_str_eq(fx->events, "hincrby:h");
        expect("$3 5.5", "hincrbyfloat h n 0.5");
        cr_assert_str_eq(fx->events, "hincrbyfloat:h");
        cr_assert_str_eq(fx->propagated, "HSET h n 5.5");
        expect("-ERR hash value is not an integer", "hincrby h n 1");
        fixture_run(fx, "hset h n x big 9223372036854775807");
        expect("-ERR hash value is not a float", "hincrbyfloat h n 1");
        expect("-ERR increment or decrement would overflow", "hincrby h big 1");
        check("h");
    }
}

/* HINCRBYFLOAT makes an unreadable field (CVE-2023-28856): an infinite increment is refused before
 * anything is made. */
Test(hash, hincrbyfloat_unreadable_field)
{
    expect("-ERR value is NaN or Infinity", "hincrbyfloat h f +inf");
    expect("-ERR value is NaN or Infinity", "hincrbyfloat h f -inf");
    expect("-ERR value is not a valid float", "hincrbyfloat h f nan");
    expect(":0", "exists h");
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h f 1e4000");
        fixture_run(fx, "hincrbyfloat h f 1e4000");
        fixture_run(fx, "hgetall h");
        fixture_run(fx, "hincrbyfloat h f 1");
        check("h");
    }
}

/* Z/HRANDFIELD counts LONG_MIN (CVE-2023-22458, CVE-2023-25155): refused, not negated. */
Test(hash, hrandfield_count_long_min)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h a 1 b 2");
        expect("-ERR value is out of range, value must between -9223372036854775807 and "
               "9223372036854775807",
               "hrandfield h -9223372036854775808");
        expect("-ERR value is out of range", "hrandfield h -9223372036854775807");
        expect("-ERR value is out of range", "hrandfield h 9223372036854775807 withvalues");
        expect("-ERR value is out of range", "hrandfield h -4611686018427387904 withvalues");
        cr_assert(strncmp(fixture_run(fx, "hrandfield h 9223372036854775807"), "*2 ", 3) == 0);
    }
}

Test(hash, hrandfield_is_distinct_or_repeats)
{
    BOTH_ENCODINGS
    {
        for (int i = 0; i < 100; i++)
            fixture_run(fx, "hset h f%02d v", i);
        for (int count = 1; count < 100; count += 7) {
            char seen[100] = {0};
            const char *at = fixture_run(fx, "hrandfield h %d", count);
            int fields = 0;
            while ((at = strchr(at, 'f'))) {
                int field = (at[1] - '0') * 10 + at[2] - '0';
                cr_assert(!seen[field]);
                seen[field] = 1;
                fields++;
                at++;
            }
            cr_assert_eq(fields, count);
        }
        cr_assert(strncmp(fixture_run(fx, "hrandfield h -300"), "*300 ", 5) == 0);
    }
}

/* -- expiry -- */

Test(hash, hexpire)
{
    BOTH_ENCODINGS
    {
        expect("*1 :-2", "hexpire none 10 fields 1 a");
        fixture_run(fx, "hset h a 1 b 2 c 3");
        expect("*2 :1 :-2", "hexpire h 100 fields 2 a x");
        cr_assert_str_eq(fx->events, "hexpire:h");
        cr_assert(strncmp(fx->propagated, "HPEXPIREAT h ", 13) == 0);
        cr_assert(strstr(fx->propagated, " FIELDS 1 a"));
        expect("*3 :100 :-1 :-2", "httl h fields 3 a b x");
        expect("*1 :0", "hexpire h 50 nx fields 1 a");
        expect("*1 :0", "hexpire h 50 xx fields 1 b");
        expect("*1 :0", "hexpire h 50 gt fields 1 a");
        expect("*1 :0", "hexpire h 500 gt fields 1 b");
        expect("*2 :1 :1", "hexpire h 50 lt fields 2 a b");
        expect("*1 :1", "hexpire h 500 gt fields 1 a");
        check("h");
        expect("*3 :1 :-1 :-2", "hpersist h fields 3 a c x");
        cr_assert_str_eq(fx->events, "hpersist:h");
        cr_assert_str_eq(fx->propagated, "HPERSIST h FIELDS 1 a");
        expect("*2 :-1 :50", "httl h fields 2 a b");
        check("h");
        expect("*1 :2", "hpexpireat h 1 fields 1 a");
        cr_assert_str_eq(fx->events, "hdel:h");
        cr_assert_str_eq(fx->propagated, "HDEL h a");
        expect("*2 :2 :2", "hexpire h 0 fields 2 b c");
        cr_assert_str_eq(fx->events, "hdel:h del:h");
        expect(":0", "exists h");
    }
}

Test(hash, hexpire_errors)
{
    fixture_run(fx, "hset h a 1");
    expect("-ERR invalid expire time, must be >= 0", "hexpire h -1 fields 1 a");
    expect("-ERR invalid expire time in 'hexpire' command",
           "hexpire h 9223372036854775807 fields 1 a");
    expect("-ERR invalid expire time in 'hpexpire' command",
           "hpexpire h 70368744177663 fields 1 a");
    expect("-ERR value is not an integer or out of range", "hexpire h x fields 1 a");
    expect("-ERR Mandatory argument FIELDS is missing or not at the right position",
           "hexpire h 10 nx 1 a b");
    expect("-ERR Mandatory argument FIELDS is missing or not at the right position",
           "httl h 1 a b");
    expect("-ERR Number of fields must be a positive integer", "httl h fields 0 a");
}

/* HEXPIRE field count overflow: a number that does not fit the arguments is refused. */
Test(hash, hexpire_field_count_overflow)
{
    static const char *const counts[] = {"9223372036854775807", "4611686018427387904", "2147483648",
                                         "4294967297", "18446744073709551617"};
    fixture_run(fx, "hset h a 1");
    expect("-ERR Parameter `numFields` should be greater than 0", "hexpire h 10 fields 0 a");
    expect("-ERR Parameter `numFields` should be greater than 0", "hexpire h 10 fields -1 a");
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        static const char *const lines[] = {"hexpire h 10 fields %s a", "httl h fields %s a",
                                            "hpersist h fields %s a",   "hgetdel h fields %s a",
                                            "hgetex h fields %s a",     "hsetex h fields %s a 1"};
        for (size_t n = 0; n < sizeof(lines) / sizeof(lines[0]); n++) {
            char line[128];
            snprintf(line, sizeof(line), "%s", lines[n]);
            char *place = strstr(line, "%s");
            char tail[64];
            snprintf(tail, sizeof(tail), "%s", place + 2);
            snprintf(place, sizeof(line) - (size_t)(place - line), "%s%s", counts[i], tail);
            cr_assert_eq(fixture_run(fx, "%s", line)[0], '-', "%s", line);
        }
    }
    expect("*2 $1 a $1 1", "hgetall h");
}

Test(hash, expired_fields_are_hidden)
{
    BOTH_ENCODINGS
    {
        fx->keyspace->active_expire_is_off = true;
        fixture_run(fx, "hset h a 1 b 2");
        fixture_run(fx, "hpexpire h 1 fields 1 a");
        fixture_pass_time(3);
        expect("$-1", "hget h a");
        expect(":0", "hexists h a");
        expect(":0", "hstrlen h a");
        expect("*2 $1 b $1 2", "hgetall h");
        expect("*1 $1 b", "hkeys h");
        expect("*1 $1 b", "hrandfield h 5");
        expect("$1 b", "hrandfield h");
        expect("*2 $1 0 *2 $1 b $1 2", "hscan h 0");
        expect("*1 :-2", "httl h fields 1 a");
        expect(":2", "hlen h");
        expect(":7", "hincrby h a 7");
        expect("*1 :-1", "httl h fields 1 a");
        check("h");
        fx->keyspace->active_expire_is_off = false;
    }
}

Test(hash, reading_removes_what_is_due)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h a 1 b 2");
        fixture_run(fx, "hpexpire h 1 fields 1 a");
        fixture_pass_time(300);
        expect(":1", "hlen h");
        cr_assert_str_eq(fx->events, "hexpired:h");
        cr_assert_str_eq(fx->propagated, "HDEL h a");
        fixture_run(fx, "hpexpire h 1 fields 1 b");
        fixture_pass_time(300);
        expect("*0", "hgetall h");
        cr_assert_str_eq(fx->events, "hexpired:h del:h");
        expect(":0", "exists h");
    }
}

Test(hash, setting_forgets_the_expiry)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h a 1 n 1");
        fixture_run(fx, "hexpire h 100 fields 2 a n");
        fixture_run(fx, "hset h a 2");
        fixture_run(fx, "hincrby h n 2");
        expect("*2 :-1 :100", "httl h fields 2 a n");
        expect("$1 4", "hincrbyfloat h n 1");
        cr_assert_str_eq(fx->propagated, "HSETEX h KEEPTTL FIELDS 1 n 4");
        expect("*1 :100", "httl h fields 1 n");
        fixture_run(fx, "copy h other");
        expect("*1 :100", "httl other fields 1 n");
        fixture_run(fx, "del other");
    }
}

Test(hash, hgetdel)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h a 1 b 2 c 3");
        expect("*2 $1 1 $-1", "hgetdel h fields 2 a x");
        cr_assert_str_eq(fx->propagated, "HDEL h a");
        cr_assert_str_eq(fx->events, "hdel:h");
        expect("*2 $1 2 $1 3", "hgetdel h fields 2 b c");
        cr_assert_str_eq(fx->events, "hdel:h del:h");
        expect("*1 $-1", "hgetdel h fields 1 a");
    }
}

Test(hash, hgetex)
{
    BOTH_ENCODINGS
    {
        fixture_run(fx, "hset h a 1 b 2");
        expect("*2 $1 1 $-1", "hgetex h ex 100 fields 2 a x");
        cr_assert_str_eq(fx->events, "hexpire:h");
        expect("*1 :100", "httl h fields 1 a");
        expect("*1 $1 1", "hgetex h fields 1 a");
        cr_assert_eq(fx->dirty, 0);
        expect("*1 $1 1", "hgetex h persist fields 1 a");
        cr_assert_str_eq(fx->events, "hpersist:h");
        expect("*1 :-1", "httl h fields 1 a");
        expect("*2 $1 1 $1 2", "hgetex h pxat 1 fields 2 a b");
        cr_assert_str_eq(fx->events, "hdel:h del:h");
    }
    expect("-ERR Mandatory argument FIELDS is missing or not at the right position",
           "hgetex h persist 1 fields 1 a");
    expect("-ERR The `numfields` parameter must match the number of arguments",
           "hgetex h fields 2 a");
    expect("-ERR invalid expire time, must be >= 0", "hgetex h ex -1 fields 1 a");
    expect("-ERR invalid expire time in 'hgetex' command",
           "hgetex h px 9223372036854775807 fields 1 a");
    fixture_run(fx, "hset h a 1 b 2");
    expect("*1 $1 1", "hgetex h ex 0 fields 1 a");
    cr_assert_str_eq(fx->events, "hdel:h");
    expect("-ERR invalid expire time, must be >= 0", "hsetex h pxat -1 fields 1 b 3");
    expect(":1", "hsetex h ex 0 fields 1 b 3");
    cr_assert_str_eq(fx->events, "hset:h hdel:h del:h");
    fixture_run(fx, "set s v");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value",
           "hgetex s fields 2 a");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value",
           "hgetdel s bogus 2 a");
    expect("-ERR unknown argument: bogus", "hsetex s bogus 2 a b");
}

/* HGETEX argument overflow: options that take the place of what must follow. */
Test(hash, hgetex_argument_overflow)
{
    fixture_run(fx, "hset h a 1");
    expect("-ERR wrong number of arguments for 'hgetex' command", "hgetex h ex 10 fields");
    expect("-ERR Mandatory argument FIELDS is missing or not at the right position",
           "hgetex h ex 10 10");
    expect("-ERR Mandatory argument FIELDS is missing or not at the right position",
           "hgetex h px 10 persist fields 1 a");
    expect("-ERR The `numfields` parameter must match the number of arguments",
           "hgetex h ex 10 fields 1");
    expect("-ERR wrong number of arguments for 'hsetex' command", "hsetex h ex 10 fields 1");
    expect("-ERR wrong number of arguments for 'hsetex' command", "hsetex h fnx ex 10 fields 1");
    expect("-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
           "hsetex h fnx ex 1 px 2");
}

Test(hash, hsetex)
{
    BOTH_ENCODINGS
    {
        expect(":1", "hsetex h ex 100 fields 2 a 1 b 2");
        cr_assert_str_eq(fx->events, "hset:h hexpire:h");
        cr_assert(strncmp(fx->propagated, "hsetex h PXAT 1", 15) == 0, "%s", fx->propagated);
        expect("*2 :100 :100", "httl h fields 2 a b");
        expect(":1", "hsetex h keepttl fields 1 a 5");
        expect(":1", "hsetex h fields 1 b 5");
        expect("*2 :100 :-1", "httl h fields 2 a b");
        expect(":0", "hsetex h fnx fields 2 a 9 c 9");
        expect(":0", "hsetex h fxx fields 2 a 9 c 9");
        expect(":1", "hsetex h fxx fields 2 a 9 b 9");
        expect(":1", "hsetex h fnx fields 1 c 9");
        expect(":3", "hlen h");
        check("h");
        expect(":1", "hsetex h pxat 1 fields 3 a 1 b 1 c 1");
        cr_assert_str_eq(fx->events, "hset:h hdel:h del:h");
        expect(":0", "exists h");
        expect(":0", "hsetex h fxx fields 1 a 1");
    }
    expect("-ERR Only one of FXX or FNX arguments can be specified",
           "hsetex h fxx fnx fields 1 a 1");
    expect("-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
           "hsetex h ex 10 keepttl fields 1 a 1");
    expect("-ERR unknown argument: foo", "hsetex h foo fields 1 a 1");
    expect("-ERR invalid number of fields", "hsetex h fields 0 a 1");
}

Test(hash, encodings_follow_the_thresholds)
{
    fixture_run(fx, "hset h a 1");
    expect("$8 listpack", "object encoding h");
    fixture_run(fx, "hexpire h 100 fields 1 a");
    expect("$10 listpackex", "object encoding h");
    fx->types.hash_max_listpack_entries = 1;
    fixture_run(fx, "hset h b 1");
    expect("$9 hashtable", "object encoding h");
    expect("*2 :100 :-1", "httl h fields 2 a b");
}
