/* The reply writer: encodings as the reference server sends them (DEBUG PROTOCOL), and a model test
 * that writes random trees with deferred headers into chunks of awkward sizes and wants the bytes
 * that a plain encoder gives. */
#include "base/buffer.h"
#include "base/memory.h"
#include "protocol/limits.h"
#include "protocol/resp_writer.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static struct buffer flatten(const struct reply *reply)
{
    struct buffer bytes;
    buffer_init(&bytes, 1u << 30);
    cr_assert_eq(buffer_append(&bytes, "", 0), 0);
    struct reply_chunk *last = NULL;
    for (struct reply_chunk *chunk = reply->chain.head; chunk; chunk = chunk->next) {
        cr_assert(chunk->kind == REPLY_CHUNK_SHARED || chunk->size <= chunk->capacity);
        cr_assert_eq(buffer_append(&bytes, chunk->bytes, chunk->size), 0);
        last = chunk;
    }
    cr_assert_eq(last, reply->chain.tail);
    cr_assert_eq(bytes.size, reply->chain.size);
    return bytes;
}

static void expect_reply(struct reply *reply, struct bytes expected)
{
    struct buffer bytes = flatten(reply);
    cr_assert(bytes_equal(buffer_bytes(&bytes), expected), "\"%s\" instead of \"%s\"", bytes.data,
              expected.data);
    buffer_deinit(&bytes);
    reply_chain_free(&reply->chain);
}

#define EXPECT(protocol_version, expected, ...)                                                    \
    do {                                                                                           \
        struct reply r;                                                                            \
        reply_begin(&r, protocol_version, NULL);                                                   \
        __VA_ARGS__;                                                                               \
        expect_reply(&r, BYTES_LITERAL(expected));                                                 \
    } while (0)

#define EXPECT_BOTH(expected, ...)                                                                 \
    EXPECT(2, expected, __VA_ARGS__);                                                              \
    EXPECT(3, expected, __VA_ARGS__)

Test(resp_writer, scalars)
{
    EXPECT_BOTH("+OK\r\n", reply_ok(&r));
    EXPECT_BOTH("+PONG\r\n", reply_simple(&r, "PONG"));
    EXPECT_BOTH("+a b\r\n", reply_simple(&r, "a\nb\r\n"));
    EXPECT_BOTH("$11\r\nHello World\r\n", reply_bulk_text(&r, "Hello World"));
    EXPECT_BOTH("$0\r\n\r\n", reply_bulk(&r, NULL, 0));
    EXPECT_BOTH("$3\r\na\0b\r\n", reply_bulk_bytes(&r, BYTES_LITERAL("a\0b")));
    EXPECT_BOTH(":12345\r\n", reply_integer(&r, 12345));
    EXPECT_BOTH(":0\r\n:9\r\n:10\r\n:99\r\n:100\r\n:-1\r\n", reply_integer(&r, 0),
                reply_integer(&r, 9), reply_integer(&r, 10), reply_integer(&r, 99),
                reply_integer(&r, 100), reply_integer(&r, -1));
    EXPECT_BOTH(":-9223372036854775808\r\n:9223372036854775807\r\n", reply_integer(&r, INT64_MIN),
                reply_integer(&r, INT64_MAX));
    EXPECT_BOTH("$20\r\n-9223372036854775808\r\n$1\r\n7\r\n", reply_bulk_integer(&r, INT64_MIN),
                reply_bulk_integer(&r, 7));
    EXPECT(2, "$5\r\n3.141\r\n", reply_double(&r, 3.141));
    EXPECT(3, ",3.141\r\n", reply_double(&r, 3.141));
    EXPECT(2, "$3\r\ninf\r\n", reply_double(&r, 1.0 / 0.0));
    EXPECT(3, ",-inf\r\n", reply_double(&r, -1.0 / 0.0));
    EXPECT(2, "$4\r\n10.5\r\n", reply_long_double(&r, 10.5L));
    EXPECT(3, ",10.5\r\n", reply_long_double(&r, 10.5L));
    EXPECT(2, "$-1\r\n", reply_null(&r));
    EXPECT(3, "_\r\n", reply_null(&r));
    EXPECT(2, "*-1\r\n", reply_null_array(&r));
    EXPECT(3, "_\r\n", reply_null_array(&r));
    EXPECT(2, ":1\r\n:0\r\n", reply_bool(&r, true), reply_bool(&r, false));
    EXPECT(3, "#t\r\n#f\r\n", reply_bool(&r, true), reply_bool(&r, false));
    EXPECT(2, "$25\r\nThis is a verbatim\nstring\r\n",
           reply_verbatim(&r, "txt", "This is a verbatim\nstring", 25));
    EXPECT(3, "=29\r\ntxt:This is a verbatim\nstring\r\n",
           reply_verbatim(&r, "txt", "This is a verbatim\nstring", 25));
    EXPECT(2, "$37\r\n1234567999999999999999999999999999999\r\n",
           reply_big_number(&r, "1234567999999999999999999999999999999"));
    EXPECT(3, "(1234567999999999999999999999999999999\r\n",
           reply_big_number(&r, "1234567999999999999999999999999999999"));
}

Test(resp_writer, aggregates)
{
    EXPECT_BOTH("*3\r\n", reply_array(&r, 3));
    EXPECT_BOTH("*0\r\n", reply_array(&r, 0));
    EXPECT(2, "*6\r\n", reply_map(&r, 3));
    EXPECT(3, "%3\r\n", reply_map(&r, 3));
    EXPECT(2, "*3\r\n", reply_set(&r, 3));
    EXPECT(3, "~3\r\n", reply_set(&r, 3));
    EXPECT(2, "*3\r\n", reply_push(&r, 3));
    EXPECT(3, ">3\r\n", reply_push(&r, 3));
    EXPECT(3, "|1\r\n", reply_attribute(&r, 1));
    static const char *const lines[] = {"STREAM <key>", "    Show.", NULL};
    EXPECT_BOTH("*5\r\n+XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
                "+STREAM <key>\r\n+    Show.\r\n+HELP\r\n+    Prints this help.\r\n",
                reply_help(&r, "xinfo", lines));
}

Test(resp_writer, errors)
{
    EXPECT_BOTH("-WRONGTYPE Operation\r\n", reply_error(&r, "WRONGTYPE Operation");
                cr_assert_str_eq(r.error_code, "WRONGTYPE"); cr_assert_eq(r.error_count, 1));
    EXPECT_BOTH("-ERR a  b c\r\n", reply_error(&r, "ERR a\r\nb\nc\r\n"));
    EXPECT_BOTH("-ERR unknown 'x y'\r\n", reply_errorf(&r, "unknown '%s'", "x\ny");
                cr_assert_str_eq(r.error_code, "ERR"));
    EXPECT_BOTH("-BUSYGROUP x\r\n-ERR\r\n", reply_errorf(&r, "-BUSYGROUP %s", "x");
                cr_assert_str_eq(r.error_code, "BUSYGROUP"); reply_error(&r, "ERR");
                cr_assert_eq(r.error_count, 2));
    EXPECT_BOTH("-Aquiteextraordinarilylongerrorcodeindeed\r\n",
                reply_error(&r, "Aquiteextraordinarilylongerrorcodeindeed");
                cr_assert_str_eq(r.error_code, "ERR"));
}

Test(resp_writer, discarded_replies_are_nothing)
{
    struct reply reply;
    reply_begin(&reply, 3, NULL);
    reply.is_discarded = true;
    reply_ok(&reply);
    reply_error(&reply, "ERR x");
    struct reply_mark mark = reply_defer(&reply);
    reply_bulk(&reply, "abc", 3);
    reply_verbatim(&reply, "txt", "abc", 3);
    reply_raw(&reply, "abc", 3);
    struct shared_bytes *value = shared_bytes_try_create(REPLY_SHARED_SIZE_MIN);
    memset(value->data, 'v', value->size);
    reply_bulk_shared(&reply, value);
    reply_defer_map(&reply, mark, 1);
    cr_assert_eq(reply.error_count, 1);
    cr_assert(reply_chain_is_empty(&reply.chain));
    cr_assert_eq(value->references, 1);
    shared_bytes_release(value);
}

Test(resp_writer, chunks_grow)
{
    struct reply reply;
    reply_begin(&reply, 2, NULL);
    for (int i = 0; i < 5000; i++)
        reply_bulk(&reply, "0123456789", 10);
    cr_assert_eq(reply.chain.head->capacity, REPLY_CHUNK_SIZE_MIN);
    cr_assert_eq(reply.chain.head->next->capacity, REPLY_CHUNK_SIZE);
    cr_assert_eq(reply.chain.size, 5000 * 17);
    char *huge = mem_calloc(1, 100000);
    reply_bulk(&reply, huge, 100000);
    cr_assert_eq(reply.chain.size, 5000 * 17 + 100000 + 11);
    size_t size = 0;
    for (struct reply_chunk *chunk = reply.chain.head; chunk; chunk = chunk->next) {
        cr_assert(chunk->capacity <= REPLY_CHUNK_SIZE);
        size += chunk->size;
    }
    cr_assert_eq(size, reply.chain.size);
    mem_free(huge);
    reply_chain_free(&reply.chain);
}

Test(resp_writer, large_values_are_referenced)
{
    struct reply reply;
    reply_begin(&reply, 2, NULL);
    struct shared_bytes *value = shared_bytes_try_create(REPLY_SHARED_SIZE_MIN);
    memset(value->data, 'v', value->size);
    struct shared_bytes *small = shared_bytes_create("small", 5);
    reply_bulk_shared(&reply, value);
    reply_bulk_shared(&reply, small);
    cr_assert_eq(value->references, 2);
    cr_assert_eq(small->references, 1);
    cr_assert_eq(reply.chain.head->next->bytes, value->data);
    struct buffer bytes = flatten(&reply);
    cr_assert_eq(bytes.size, 7 + REPLY_SHARED_SIZE_MIN + 2 + 11);
    cr_assert_eq(memcmp(bytes.data, "$8192\r\nv", 8), 0);
    cr_assert_str_eq(bytes.data + bytes.size - 14, "v\r\n$5\r\nsmall\r\n");
    buffer_deinit(&bytes);
    reply_chain_free(&reply.chain);
    cr_assert_eq(value->references, 1);
    shared_bytes_release(value);
    shared_bytes_release(small);
}

Test(resp_writer, rewind_forgets)
{
    struct reply reply;
    reply_begin(&reply, 2, NULL);
    struct reply_mark start = reply_defer(&reply);
    reply_ok(&reply);
    struct reply_mark mark = reply_defer(&reply);
    for (int i = 0; i < 3000; i++)
        reply_bulk(&reply, "0123456789", 10);
    reply_rewind(&reply, mark);
    reply_integer(&reply, 1);
    struct buffer bytes = flatten(&reply);
    cr_assert_str_eq(bytes.data, "+OK\r\n:1\r\n");
    buffer_deinit(&bytes);
    reply_rewind(&reply, start);
    cr_assert(reply_chain_is_empty(&reply.chain));
    reply_ok(&reply);
    expect_reply(&reply, BYTES_LITERAL("+OK\r\n"));
}

/* -- the model -- */

static uint64_t random_state = 2463534242u;

static size_t below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % limit);
}

static char filler[40000];

static void write_tree(struct reply *reply, struct buffer *expected, int depth);

static void write_leaf(struct reply *reply, struct buffer *expected)
{
    size_t size = below(30) ? below(40) : below(sizeof(filler));
    switch (below(4)) {
    case 0:
        reply_bulk(reply, filler, size);
        cr_assert_eq(buffer_printf(expected, "$%zu\r\n", size), 0);
        cr_assert_eq(buffer_append(expected, filler, size), 0);
        cr_assert_eq(buffer_append_text(expected, "\r\n"), 0);
        return;
    case 1: {
        struct shared_bytes *value = shared_bytes_create(filler, size);
        reply_bulk_shared(reply, value);
        shared_bytes_release(value);
        cr_assert_eq(buffer_printf(expected, "$%zu\r\n", size), 0);
        cr_assert_eq(buffer_append(expected, filler, size), 0);
        cr_assert_eq(buffer_append_text(expected, "\r\n"), 0);
        return;
    }
    case 2:
        reply_integer(reply, (int64_t)size);
        cr_assert_eq(buffer_printf(expected, ":%zu\r\n", size), 0);
        return;
    default:
        reply_raw(reply, filler, size);
        cr_assert_eq(buffer_append(expected, filler, size), 0);
    }
}

static void write_deferred(struct reply *reply, struct buffer *expected, int depth)
{
    struct buffer inner;
    buffer_init(&inner, 1u << 30);
    cr_assert_eq(buffer_append(&inner, "", 0), 0);
    struct reply_mark mark = reply_defer(reply);
    size_t count = below(5);
    for (size_t i = 0; i < count; i++)
        write_tree(reply, &inner, depth + 1);
    if (below(10) == 0) {
        reply_rewind(reply, mark);
        buffer_deinit(&inner);
        return;
    }
    static const int64_t counts[] = {0, 7, 42, 1000000};
    int64_t header = counts[below(4)];
    if (below(2)) {
        reply_defer_map(reply, mark, header);
        cr_assert_eq(buffer_printf(expected, "%%%ld\r\n", (long)header), 0);
    } else {
        reply_defer_array(reply, mark, header);
        cr_assert_eq(buffer_printf(expected, "*%ld\r\n", (long)header), 0);
    }
    cr_assert_eq(buffer_append(expected, inner.data, inner.size), 0);
    buffer_deinit(&inner);
}

static void write_tree(struct reply *reply, struct buffer *expected, int depth)
{
    if (depth < 6 && below(3))
        write_deferred(reply, expected, depth);
    else
        write_leaf(reply, expected);
}

Test(resp_writer, deferred_headers_come_out_in_place)
{
    memset(filler, 'f', sizeof(filler));
    char *memory = mem_alloc(4096);
    for (int round = 0; round < 3000; round++) {
        struct reply reply;
        struct reply_chunk *room = NULL;
        if (below(3))
            room = reply_chunk_init_room(memory, sizeof(struct reply_chunk) + 1 + below(300));
        reply_begin(&reply, 3, room);
        struct buffer expected;
        buffer_init(&expected, 1u << 30);
        cr_assert_eq(buffer_append(&expected, "", 0), 0);
        size_t count = 1 + below(4);
        for (size_t i = 0; i < count; i++)
            write_tree(&reply, &expected, 0);
        expect_reply(&reply, buffer_bytes(&expected));
        buffer_deinit(&expected);
    }
    mem_free(memory);
}
