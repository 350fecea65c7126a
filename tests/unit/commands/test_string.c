/* The string commands, against the replies of Redis. */
#include "base/clock.h"
#include "base/memory.h"
#include "command_suite.h"
#include <stdio.h>
#include <stdlib.h>

COMMAND_SUITE(string, string_commands, string_range_commands, keys_commands, expire_commands,
              object_commands);

Test(string, set_get_del)
{
    expect_reply(fx, "$-1", "GET k");
    expect_reply(fx, "+OK", "SET k hello");
    cr_assert_eq(fx->dirty, 1);
    cr_assert_str_eq(fx->events, "set:k");
    expect_reply(fx, "$5 hello", "GET k");
    expect_reply(fx, "+OK", "SET k 12345");
    expect_reply(fx, "$5 12345", "GET k");
    expect_reply(fx, ":1", "DEL k nothing");
    expect_reply(fx, "$-1", "GET k");
    expect_reply(fx, "+OK", "SET k \"\"");
    expect_reply(fx, "$0 ", "GET k");
}

Test(string, null_in_resp3)
{
    fx->client->protocol = 3;
    expect_reply(fx, "_", "GET k");
    expect_reply(fx, "*2 _ _", "MGET a b");
    expect_reply(fx, "_", "SET k v XX");
}

/* Every size around the limits of embedding, encodings and shared values. */
Test(string, values_of_every_size_come_back)
{
    static const size_t sizes[] = {0,    1,    7,    8,    20,    43,     44,   45,
                                   63,   64,   65,   127,  200,   255,    1000, 2029,
                                   4096, 8191, 8192, 8193, 65536, 1000000};
    char *value = mem_alloc(1000001);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(value, 'a' + (int)i, sizes[i]);
        struct bytes set[] = {BYTES_LITERAL("set"), BYTES_LITERAL("k"), bytes_of(value, sizes[i])};
        cr_assert_str_eq(fixture_run_argv(fx, 3, set), "+OK");
        const char *reply = fixture_run(fx, "GET k");
        const char *body = strchr(reply, ' ') + 1;
        cr_assert_eq(strtoul(reply + 1, NULL, 10), sizes[i]);
        cr_assert_eq(memcmp(body, value, sizes[i]), 0);
        expect_reply(fx, sizes[i] <= 44 ? "$6 embstr" : "$3 raw", "OBJECT ENCODING k");
        char expected[32];
        snprintf(expected, sizeof(expected), ":%zu", sizes[i]);
        expect_reply(fx, expected, "STRLEN k");
    }
    mem_free(value);
}

Test(string, keys_of_every_size)
{
    static const size_t sizes[] = {0, 1, 16, 253, 254, 255, 256, 1000, 70000};
    char *name = mem_alloc(70001);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(name, 'k', sizes[i]);
        struct bytes set[] = {BYTES_LITERAL("set"), bytes_of(name, sizes[i]), BYTES_LITERAL("v"),
                              BYTES_LITERAL("ex"), BYTES_LITERAL("100")};
        struct bytes get[] = {BYTES_LITERAL("get"), bytes_of(name, sizes[i])};
        cr_assert_str_eq(fixture_run_argv(fx, 5, set), "+OK");
        cr_assert_str_eq(fixture_run_argv(fx, 2, get), "$1 v");
    }
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), sizeof(sizes) / sizeof(sizes[0]));
    dict_check(&keyspace_db(fx->keyspace, 0)->keys);
    mem_free(name);
}

Test(string, set_conditions)
{
    expect_reply(fx, "$-1", "SET k v XX");
    cr_assert_eq(fx->dirty, 0);
    expect_reply(fx, "+OK", "SET k v NX");
    expect_reply(fx, "$-1", "SET k w NX");
    expect_reply(fx, "+OK", "SET k w xx");
    expect_reply(fx, "$1 w", "SET k x GET");
    expect_reply(fx, "$1 x", "SET k y NX GET");
    expect_reply(fx, "$1 x", "GET k");
    expect_reply(fx, "$-1", "SET new y NX GET");
    expect_reply(fx, "$1 y", "GET new");
    expect_reply(fx, "$-1", "SET absent y XX GET");
    expect_reply(fx, "$-1", "GET absent");
}

Test(string, set_syntax)
{
    expect_reply(fx, SYNTAX, "SET k v NX XX");
    expect_reply(fx, SYNTAX, "SET k v foo");
    expect_reply(fx, SYNTAX, "SET k v EX");
    expect_reply(fx, SYNTAX, "SET k v EX 10 PX 10");
    expect_reply(fx, SYNTAX, "SET k v EX 10 EXAT 10");
    expect_reply(fx, SYNTAX, "SET k v KEEPTTL EX 10");
    expect_reply(fx, SYNTAX, "SET k v EX 10 KEEPTTL");
    expect_reply(fx, SYNTAX, "SET k v PERSIST");
    expect_reply(fx, "+OK", "SET k v EX 10 EX 20");
    expect_reply(fx, ":20", "TTL k");
    expect_reply(fx, NOT_INTEGER, "SET k v EX abc");
    expect_reply(fx, "-ERR invalid expire time in 'set' command", "SET k v EX 0");
    expect_reply(fx, "-ERR invalid expire time in 'set' command", "SET k v PX -1");
    expect_reply(fx, "-ERR invalid expire time in 'set' command", "SET k v EX 9223372036854775807");
    expect_reply(fx, "-ERR invalid expire time in 'set' command", "SET k v PX 9223372036854775807");
    expect_reply(fx, "-ERR invalid expire time in 'setex' command", "SETEX k 0 v");
    expect_reply(fx, "-ERR invalid expire time in 'psetex' command", "PSETEX k -5 v");
}

Test(string, set_expiry_and_propagation)
{
    expect_reply(fx, "+OK", "SET k v PXAT 2000000000123");
    cr_assert_str_eq(fx->propagated, "SET k v PXAT 2000000000123");
    cr_assert_str_eq(fx->events, "set:k expire:k");
    expect_reply(fx, ":2000000000123", "PEXPIRETIME k");
    expect_reply(fx, ":2000000000", "EXPIRETIME k");
    expect_reply(fx, "+OK", "SET k w KEEPTTL");
    expect_reply(fx, ":2000000000123", "PEXPIRETIME k");
    expect_reply(fx, "+OK", "SET k w");
    expect_reply(fx, ":-1", "TTL k");
    expect_reply(fx, "+OK", "SET k v EXAT 2000000000");
    cr_assert_str_eq(fx->propagated, "SET k v PXAT 2000000000000");
    expect_reply(fx, "+OK", "SETEX k 100 v");
    cr_assert_eq(strncmp(fx->propagated, "SET k v PXAT ", 13), 0);
    expect_reply(fx, ":100", "TTL k");
}

Test(string, expired_key_is_gone)
{
    expect_reply(fx, "+OK", "PSETEX k 5 v");
    expect_reply(fx, "$1 v", "GET k");
    fixture_pass_time(6);
    expect_reply(fx, "$-1", "GET k");
    cr_assert_str_eq(fx->events, "expired:k");
    expect_reply(fx, ":-2", "TTL k");
    cr_assert_eq(fx->keyspace->stats.expired_keys, 1);
    expect_reply(fx, "+OK", "PSETEX k 5 v");
    fixture_pass_time(6);
    expect_reply(fx, "+OK", "SET k w KEEPTTL");
    cr_assert_str_eq(fx->events, "expired:k set:k");
    expect_reply(fx, ":-1", "TTL k");
}

Test(string, getex)
{
    expect_reply(fx, "$-1", "GETEX k EX 10");
    fixture_run(fx, "SET k v");
    expect_reply(fx, "$1 v", "GETEX k");
    cr_assert_eq(fx->dirty, 0);
    expect_reply(fx, "$1 v", "GETEX k EX 100");
    cr_assert_eq(strncmp(fx->propagated, "PEXPIREAT k ", 12), 0);
    expect_reply(fx, ":100", "TTL k");
    expect_reply(fx, "$1 v", "GETEX k PERSIST");
    cr_assert_str_eq(fx->propagated, "PERSIST k");
    expect_reply(fx, ":-1", "TTL k");
    expect_reply(fx, "$1 v", "GETEX k PERSIST");
    cr_assert_eq(fx->dirty, 0);
    expect_reply(fx, SYNTAX, "GETEX k NX");
    expect_reply(fx, SYNTAX, "GETEX k PERSIST EX 10");
    expect_reply(fx, SYNTAX, "GETEX k KEEPTTL");
    expect_reply(fx, "-ERR invalid expire time in 'getex' command", "GETEX k EX 0");
    expect_reply(fx, "$1 v", "GETEX k PXAT 1");
    cr_assert_str_eq(fx->propagated, "DEL k");
    cr_assert_str_eq(fx->events, "del:k");
    expect_reply(fx, "$-1", "GET k");
}

Test(string, getset_and_getdel)
{
    expect_reply(fx, "$-1", "GETSET k v");
    cr_assert_str_eq(fx->propagated, "SET k v");
    expect_reply(fx, "$1 v", "GETSET k w");
    expect_reply(fx, "$1 w", "GETDEL k");
    cr_assert_str_eq(fx->propagated, "DEL k");
    cr_assert_str_eq(fx->events, "del:k");
    expect_reply(fx, "$-1", "GETDEL k");
    cr_assert_eq(fx->dirty, 0);
}

Test(string, setnx_mset_msetnx)
{
    expect_reply(fx, ":1", "SETNX a 1");
    expect_reply(fx, ":0", "SETNX a 2");
    expect_reply(fx, "+OK", "MSET a 3 b 4 c 5");
    cr_assert_eq(fx->dirty, 3);
    expect_reply(fx, "*4 $1 3 $1 4 $-1 $1 5", "MGET a b nope c");
    expect_reply(fx, ":0", "MSETNX z 1 a 2");
    expect_reply(fx, "$-1", "GET z");
    expect_reply(fx, ":1", "MSETNX y 1 z 2");
    expect_reply(fx, "-ERR wrong number of arguments for 'mset' command", "MSET a 1 b");
    expect_reply(fx, "-ERR wrong number of arguments for 'msetnx' command", "MSETNX a 1 b");
}

Test(string, cve_2023_28425_msetnx_duplicate_keys)
{
    expect_reply(fx, ":1", "MSETNX k 1 k 2 k 3");
    expect_reply(fx, "$1 3", "GET k");
    expect_reply(fx, "+OK", "MSET k a k b");
    expect_reply(fx, "$1 b", "GET k");
    cr_assert_eq(db_count(keyspace_db(fx->keyspace, 0)), 1);
}

Test(string, counters)
{
    expect_reply(fx, ":1", "INCR n");
    expect_reply(fx, ":0", "DECR n");
    expect_reply(fx, ":17", "INCRBY n 17");
    expect_reply(fx, ":-3", "DECRBY n 20");
    cr_assert_str_eq(fx->events, "incrby:n");
    expect_reply(fx, "$3 int", "OBJECT ENCODING n");
    fixture_run(fx, "SET n 9223372036854775807");
    expect_reply(fx, "-ERR increment or decrement would overflow", "INCR n");
    fixture_run(fx, "SET n -9223372036854775808");
    expect_reply(fx, "-ERR increment or decrement would overflow", "DECR n");
    expect_reply(fx, "-ERR increment or decrement would overflow", "INCRBY n -1");
    expect_reply(fx, "-ERR decrement would overflow", "DECRBY n -9223372036854775808");
    fixture_run(fx, "SET n abc");
    expect_reply(fx, NOT_INTEGER, "INCR n");
    expect_reply(fx, NOT_INTEGER, "INCRBY n 1.5");
    fixture_run(fx, "SET n 10 EX 100");
    expect_reply(fx, ":11", "INCR n");
    expect_reply(fx, ":100", "TTL n");
    fixture_run(fx, "SET n 1");
    fixture_run(fx, "APPEND n 0");
    expect_reply(fx, ":11", "INCR n");
}

Test(string, incrbyfloat)
{
    expect_reply(fx, "$4 10.5", "INCRBYFLOAT f 10.5");
    cr_assert_str_eq(fx->propagated, "SET f 10.5 KEEPTTL");
    expect_reply(fx, "$4 10.6", "INCRBYFLOAT f 0.1");
    expect_reply(fx, "$1 3", "INCRBYFLOAT g 3");
    expect_reply(fx, "$6 embstr", "OBJECT ENCODING g");
    expect_reply(fx, ":4", "INCR g");
    expect_reply(fx, "-ERR value is not a valid float", "INCRBYFLOAT f x");
    expect_reply(fx, "-ERR increment would produce NaN or Infinity", "INCRBYFLOAT f inf");
    fixture_run(fx, "SET s abc");
    expect_reply(fx, "-ERR value is not a valid float", "INCRBYFLOAT s 1");
}

Test(string, append_and_encodings)
{
    expect_reply(fx, ":3", "APPEND k 123");
    expect_reply(fx, "$3 int", "OBJECT ENCODING k");
    expect_reply(fx, ":5", "APPEND k ab");
    expect_reply(fx, "$3 raw", "OBJECT ENCODING k");
    expect_reply(fx, "$5 123ab", "GET k");
    fixture_run(fx, "SET k v EX 100");
    expect_reply(fx, ":2", "APPEND k w");
    expect_reply(fx, ":100", "TTL k");
}

/* A value is built in pieces and by model, through all its forms: integer, embedded, shared. */
Test(string, append_and_setrange_model)
{
    char *model = mem_calloc(1, 200000);
    size_t size = 2;
    memcpy(model, "42", 2);
    fixture_run(fx, "SET k 42 EX 1000");
    unsigned seed = 5;
    char piece[700];
    while (size < 100000) {
        seed = seed * 1103515245 + 12345;
        size_t piece_size = seed / 65536 % (size < 500 ? 20 : 700);
        memset(piece, 'a' + (int)(seed / 7 % 26), piece_size);
        if (seed / 1024 % 3) {
            struct bytes argv[] = {BYTES_LITERAL("append"), BYTES_LITERAL("k"),
                                   bytes_of(piece, piece_size)};
            fixture_run_argv(fx, 3, argv);
            memcpy(model + size, piece, piece_size);
            size += piece_size;
        } else {
            char offset[32];
            size_t at = seed / 512 % (size + 30);
            struct bytes argv[] = {
                BYTES_LITERAL("setrange"), BYTES_LITERAL("k"),
                bytes_of(offset, (size_t)snprintf(offset, sizeof(offset), "%zu", at)),
                bytes_of(piece, piece_size)};
            fixture_run_argv(fx, 4, argv);
            if (piece_size) {
                memcpy(model + at, piece, piece_size);
                size = at + piece_size > size ? at + piece_size : size;
            }
        }
    }
    const struct entry *entry = db_peek(keyspace_db(fx->keyspace, 0), key_of(BYTES_LITERAL("k")));
    char scratch[NUMBER_I64_TEXT_MAX];
    struct bytes value = entry_string(entry, scratch);
    cr_assert_eq(value.size, size);
    cr_assert_eq(memcmp(value.data, model, size), 0);
    expect_reply(fx, ":1000", "TTL k");
    mem_free(model);
}

/* What a reply still points at must not change under it. */
Test(string, copy_on_write_of_a_referenced_value)
{
    char *value = mem_alloc(20000);
    memset(value, 'x', 20000);
    struct bytes set[] = {BYTES_LITERAL("set"), BYTES_LITERAL("k"), bytes_of(value, 20000)};
    fixture_run_argv(fx, 3, set);
    struct db *db = keyspace_db(fx->keyspace, 0);
    struct key key = key_of(BYTES_LITERAL("k"));
    struct shared_bytes *held = shared_bytes_acquire(entry_shared(db_peek(db, key)));
    cr_assert_eq(held->references, 2);
    expect_reply(fx, ":20000", "SETRANGE k 5 yyy");
    expect_reply(fx, ":20003", "APPEND k zzz");
    cr_assert_eq(held->references, 1);
    cr_assert_eq(memcmp(held->data, value, 20000), 0);
    shared_bytes_release(held);
    expect_reply(fx, "$7 xyyyxxx", "GETRANGE k 4 10");
    expect_reply(fx, "$4 xzzz", "GETRANGE k -4 -1");
    mem_free(value);
}

Test(string, set_adopts_a_large_argument)
{
    struct shared_bytes *argument = shared_bytes_try_create(40000);
    memset(argument->data, 'v', 40000);
    struct shared_bytes *large[3] = {NULL, NULL, argument};
    struct request *request = mem_calloc(1, sizeof(*request));
    request->large = large;
    fx->request = request;
    struct bytes argv[] = {BYTES_LITERAL("set"), BYTES_LITERAL("k"), shared_bytes_view(argument)};
    cr_assert_str_eq(fixture_run_argv(fx, 3, argv), "+OK");
    fx->request = NULL;
    cr_assert_null(large[2]);
    const struct entry *entry = db_peek(keyspace_db(fx->keyspace, 0), key_of(BYTES_LITERAL("k")));
    cr_assert_eq(entry_shared(entry), argument);
    cr_assert_eq(argument->references, 1);
    expect_reply(fx, ":40000", "STRLEN k");
    mem_free(request);
}

Test(string, shared_value_is_adopted_or_copied)
{
    char *value = mem_alloc(50000);
    memset(value, 'v', 50000);
    struct shared_bytes *large = shared_bytes_create(value, 50000);
    struct db *db = keyspace_db(fx->keyspace, 0);
    struct key key = key_of(BYTES_LITERAL("k"));
    struct entry *entry = db_set_shared(db, key, large, 0);
    cr_assert_eq(entry_shared(entry), large);
    cr_assert_eq(large->references, 1);
    /* A small one is copied. */
    entry = db_set_shared(db, key, shared_bytes_create("123", 3), 0);
    cr_assert(entry_is_integer(entry));
    mem_free(value);
}

Test(string, setrange)
{
    expect_reply(fx, ":0", "SETRANGE k 0 \"\"");
    expect_reply(fx, "$-1", "GET k");
    expect_reply(fx, ":0", "SETRANGE k 9223372036854775807 \"\"");
    expect_reply(fx, ":5", "SETRANGE k 2 foo");
    expect_reply(fx, "$5 @@foo", "GET k");
    expect_reply(fx, ":5", "SETRANGE k 0 ba");
    expect_reply(fx, "$5 bafoo", "GET k");
    expect_reply(fx, ":5", "SETRANGE k 100 \"\"");
    fixture_run(fx, "SET n 1234");
    expect_reply(fx, ":4", "SETRANGE n 1 x");
    expect_reply(fx, "$4 1x34", "GET n");
    expect_reply(fx, "-ERR offset is out of range", "SETRANGE k -1 x");
    expect_reply(fx, NOT_INTEGER, "SETRANGE k x x");
}

Test(string, cve_2022_35977_setrange_overflow)
{
    static const char too_long[] = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    fixture_run(fx, "SET k v");
    expect_reply(fx, too_long, "SETRANGE k 536870911 xx");
    expect_reply(fx, too_long, "SETRANGE k 536870912 x");
    expect_reply(fx, too_long, "SETRANGE k 4294967295 x");
    expect_reply(fx, too_long, "SETRANGE k 9223372036854775807 x");
    expect_reply(fx, too_long, "SETRANGE new 9223372036854775807 xxxx");
    fx->client_settings.proto_max_bulk_len = INT64_MAX;
    expect_reply(fx, too_long, "SETRANGE k 9223372036854775807 xx");
    expect_reply(fx, "$1 v", "GET k");
}

Test(string, cve_2021_41099_append_over_the_limit)
{
    fx->client_settings.proto_max_bulk_len = 100;
    fixture_run(fx, "SET k 0123456789");
    for (int i = 0; i < 9; i++)
        fixture_run(fx, "APPEND k 0123456789");
    expect_reply(fx, ":100", "STRLEN k");
    expect_reply(fx, "-ERR string exceeds maximum allowed size (proto-max-bulk-len)", "APPEND k x");
    expect_reply(fx, ":100", "STRLEN k");
    expect_reply(fx, ":100", "APPEND k \"\"");
}

Test(string, memory_short_is_an_error_not_an_abort)
{
    mem_test_fail_after(1);
    expect_reply(fx, "-ERR insufficient memory for a string of that size", "SETRANGE k 9999999 x");
    mem_test_fail_after(0);
    expect_reply(fx, "$-1", "GET k");
    cr_assert_eq(fx->dirty, 0);
}

Test(string, getrange)
{
    fixture_run(fx, "SET k \"Hello World\"");
    expect_reply(fx, "$5 Hello", "GETRANGE k 0 4");
    expect_reply(fx, "$5 World", "GETRANGE k -5 -1");
    expect_reply(fx, "$11 Hello World", "SUBSTR k 0 -1");
    expect_reply(fx, "$0 ", "GETRANGE k 5 3");
    expect_reply(fx, "$0 ", "GETRANGE k -1 -5");
    expect_reply(fx, "$0 ", "GETRANGE k -100 -200");
    expect_reply(fx, "$1 H", "GETRANGE k -200 -100");
    expect_reply(fx, "$1 H", "GETRANGE k -100 0");
    expect_reply(fx, "$1 H", "GETRANGE k 0 -11");
    expect_reply(fx, "$1 H", "GETRANGE k 0 -100");
    expect_reply(fx, "$0 ", "GETRANGE k 11 20");
    expect_reply(fx, "$11 Hello World", "GETRANGE k -9223372036854775808 9223372036854775807");
    expect_reply(fx, "$0 ", "GETRANGE k 9223372036854775807 -9223372036854775808");
    expect_reply(fx, "$0 ", "GETRANGE none 0 -1");
    fixture_run(fx, "SET n 12345");
    expect_reply(fx, "$2 23", "GETRANGE n 1 2");
    expect_reply(fx, NOT_INTEGER, "GETRANGE k 0 x");
}

Test(string, integer_texts)
{
    static const char *const integers[] = {"0", "-1", "9223372036854775807", "-9223372036854775808",
                                           "100"};
    static const char *const texts[] = {"00",  "+1", "-0",  "01", "9223372036854775808",
                                        "1 ",  " 1", "1.0", "-",  "-9223372036854775809",
                                        "0x10"};
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        fixture_run(fx, "SET k \"%s\"", integers[i]);
        expect_reply(fx, "$3 int", "OBJECT ENCODING k");
        cr_assert_str_eq(strchr(fixture_run(fx, "GET k"), ' ') + 1, integers[i]);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        fixture_run(fx, "SET k \"%s\"", texts[i]);
        expect_reply(fx, "$6 embstr", "OBJECT ENCODING k");
        cr_assert_str_eq(strchr(fixture_run(fx, "GET k"), ' ') + 1, texts[i]);
    }
}

Test(string, wrong_type)
{
    static const char *const lines[] = {
        "GET k",          "SET k v GET",       "GETEX k",        "GETDEL k",   "GETSET k v",
        "APPEND k v",     "STRLEN k",          "INCR k",         "DECRBY k 1", "INCRBYFLOAT k 1",
        "SETRANGE k 0 v", "SETRANGE k 0 \"\"", "GETRANGE k 0 1",
    };
    struct db *db = keyspace_db(fx->keyspace, 0);
    struct key key = key_of(BYTES_LITERAL("k"));
    int list;
    struct value value = {VALUE_LIST, ENCODING_QUICKLIST, &list};
    db_add_value(db, key, value);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect_reply(fx, WRONGTYPE, "%s", lines[i]);
        cr_assert_eq(fx->dirty, 0);
    }
    expect_reply(fx, "*1 $-1", "MGET k");
    expect_reply(fx, ":0", "SETNX k v");
    expect_reply(fx, "+list", "TYPE k");
    expect_reply(fx, "$9 quicklist", "OBJECT ENCODING k");
    cr_assert(db_take_value(db, key, &value));
    cr_assert_eq(value.pointer, &list);
    expect_reply(fx, "+none", "TYPE k");
}
