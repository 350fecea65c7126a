/* SCAN and KEYS. */
#include "base/clock.h"
#include "base/memory.h"
#include "command_suite.h"
#include <stdio.h>
#include <stdlib.h>

COMMAND_SUITE(scan, string_commands, keys_commands, expire_commands, scan_commands);

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* Runs a whole scan with these options; returns all replies in one text. */
static char *scan_all(const char *options)
{
    char *all = mem_calloc(1, 1000000);
    size_t used = 0;
    unsigned long cursor = 0;
    do {
        const char *reply = fixture_run(fx, "SCAN %lu %s", cursor, options);
        /* "*2 $<size> <cursor> ..." */
        const char *at = strchr(strchr(reply, ' ') + 1, ' ') + 1;
        char *end;
        cursor = strtoul(at, &end, 10);
        size_t size = strlen(end);
        cr_assert_lt(used + size + 2, 1000000);
        memcpy(all + used, end, size);
        used += size;
        all[used++] = ' ';
    } while (cursor);
    return all;
}

Test(scan, visits_every_key)
{
    for (int i = 0; i < 500; i++)
        fixture_run(fx, "SET key%03d v", i);
    static const char *const options[] = {
        "", "COUNT 1", "COUNT 100", "COUNT 1000000", "TYPE string", "MATCH key*"};
    for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
        char *all = scan_all(options[o]);
        for (int i = 0; i < 500; i++) {
            char name[32];
            snprintf(name, sizeof(name), " key%03d ", i);
            cr_assert_eq(occurrences(all, name), 1, "%s with %s", name, options[o]);
        }
        mem_free(all);
    }
}

Test(scan, filters)
{
    for (int i = 0; i < 100; i++)
        fixture_run(fx, "SET key%02d v", i);
    char *all = scan_all("MATCH key7?");
    cr_assert_eq(occurrences(all, "key"), 10);
    mem_free(all);
    all = scan_all("TYPE list");
    cr_assert_eq(occurrences(all, "key"), 0);
    mem_free(all);
    all = scan_all("TYPE nothing COUNT 50");
    cr_assert_eq(occurrences(all, "key"), 0);
    mem_free(all);
}

Test(scan, removes_expired)
{
    for (int i = 0; i < 50; i++)
        fixture_run(fx, "PSETEX gone%d 2 v", i);
    fixture_run(fx, "SET stays v");
    fixture_pass_time(3);
    expect_reply(fx, "*1 $5 stays", "KEYS *");
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), 51);
    expect_reply(fx, "*2 $1 0 *1 $5 stays", "SCAN 0 COUNT 1000");
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), 1);
}

Test(scan, errors)
{
    expect_reply(fx, "-ERR invalid cursor", "SCAN x");
    expect_reply(fx, "-ERR invalid cursor", "SCAN \" 0\"");
    static const char *refused[] = {"\"\"",
                                    "\"1 \"",
                                    "+",
                                    "-",
                                    "--1",
                                    "+-1",
                                    "0x1",
                                    "1x",
                                    "1.0",
                                    "-18446744073709551616",
                                    "111111111111111111111"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        expect_reply(fx, "-ERR invalid cursor", "SCAN %s", refused[i]);
    expect_reply(fx, "-ERR syntax error", "SCAN 0 COUNT");
    expect_reply(fx, "-ERR syntax error", "SCAN 0 COUNT 0");
    expect_reply(fx, "-ERR syntax error", "SCAN 0 COUNT -5");
    expect_reply(fx, "-ERR value is not an integer or out of range", "SCAN 0 COUNT x");
    expect_reply(fx, "-ERR syntax error", "SCAN 0 FOO 1");
}

/* Signs, leading zeros, a NUL behind the number: whatever strtoul takes. */
Test(scan, cursors_are_numbers_of_c)
{
    static const char *zero[] = {"+0", "-0", "00", "0000000000000000000000000", "\"0\\x00\""};
    fixture_run(fx, "SET k v");
    for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
        expect_reply(fx, "*2 $1 0 *1 $1 k", "SCAN %s", zero[i]);
    static const char *others[] = {"+1", "01", "-1", "-18446744073709551615", "\"1\\x002\""};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_assert_eq(strncmp(fixture_run(fx, "SCAN %s", others[i]), "*2 $1 ", 6), 0);
    for (int i = 0; i < 100; i++)
        fixture_run(fx, "SET key%d v", i);
    char wanted[4096];
    (void)snprintf(wanted, sizeof(wanted), "%s", fixture_run(fx, "SCAN 5 COUNT 1000"));
    expect_reply(fx, wanted, "SCAN +000005 COUNT 1000");
    expect_reply(fx, wanted, "SCAN -18446744073709551611 COUNT 1000");
}

/* dragonfly #4466 */
Test(scan, cursor_out_of_range)
{
    expect_reply(fx, "*2 $1 0 *0", "SCAN 9223372036854775808");
    for (int i = 0; i < 100; i++)
        fixture_run(fx, "SET key%d v", i);
    expect_reply(fx, "-ERR invalid cursor", "SCAN 18446744073709551616");
    expect_reply(fx, "-ERR invalid cursor", "SCAN 99999999999999999999999");
    cr_assert_eq(strncmp(fixture_run(fx, "SCAN 18446744073709551615"), "*2 ", 3), 0);
    cr_assert_eq(strncmp(fixture_run(fx, "SCAN 9223372036854775808"), "*2 ", 3), 0);
}

/* redis #14982 */
Test(scan, count_overflow)
{
    for (int i = 0; i < 100; i++)
        fixture_run(fx, "SET key%d v", i);
    const char *reply = fixture_run(fx, "SCAN 0 COUNT 9223372036854775807");
    cr_assert_eq(strncmp(reply, "*2 $1 0 *100 ", 13), 0);
    reply = fixture_run(fx, "SCAN 0 COUNT 1844674407370955162");
    cr_assert_eq(strncmp(reply, "*2 $1 0 *100 ", 13), 0);
    expect_reply(fx, "-ERR value is not an integer or out of range",
                 "SCAN 0 COUNT 9223372036854775808");
}

Test(scan, keys_patterns)
{
    fixture_run(fx, "MSET a 1 abc 2 key:x 3");
    expect_reply(fx, "*1 $1 a", "KEYS ?");
    expect_reply(fx, "*1 $3 abc", "KEYS a[a-c]c");
    expect_reply(fx, "*1 $5 key:x", "KEYS *:*");
    expect_reply(fx, "*0", "KEYS nothing*");
    cr_assert_eq(strncmp(fixture_run(fx, "KEYS *"), "*3 ", 3), 0);
}

/* A pattern like this takes exponential time, or deep recursion, in a careless matcher. */
Test(scan, cve_2022_36021_cve_2024_31228_glob)
{
    char name[201];
    memset(name, 'a', 200);
    name[200] = '\0';
    fixture_run(fx, "SET %s v", name);
    char pattern[4001];
    for (int i = 0; i < 4000; i += 2)
        memcpy(pattern + i, "a*", 2);
    memcpy(pattern + 3998, "*b", 2);
    pattern[4000] = '\0';
    int64_t start = clock_thread_cpu_ns();
    expect_reply(fx, "*0", "KEYS %s", pattern);
    expect_reply(fx, "*2 $1 0 *0", "SCAN 0 MATCH %s", pattern + 3900);
    expect_reply(fx, "*0", "KEYS %s", "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
    cr_assert_lt(clock_thread_cpu_ns() - start, 2000000000);
}
