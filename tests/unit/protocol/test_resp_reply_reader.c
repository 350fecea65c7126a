/* The reply reader: every type, what it refuses, and round trips with the writer fed in pieces. */
#include "base/buffer.h"
#include "base/memory.h"
#include "protocol/resp_reply_reader.h"
#include "protocol/resp_writer.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static uint64_t random_state = 362436069u;

static size_t below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % limit);
}

/* A value as one line: "[array 3: int 1, str abc, nil]". */
static void describe(const struct reply_value *value, struct buffer *text)
{
    static const char *const names[] = {"str",    "status", "error", "int",     "nil",
                                        "array",  "map",    "set",   "push",    "attr",
                                        "double", "bool",   "big",   "verbatim"};
    cr_assert_eq(buffer_printf(text, "%s%s", names[value->type], value->is_null_array ? "*" : ""),
                 0);
    if (value->type == REPLY_INTEGER || value->type == REPLY_BOOL)
        cr_assert_eq(buffer_printf(text, " %ld", (long)value->integer), 0);
    if (value->type == REPLY_VERBATIM)
        cr_assert_eq(buffer_printf(text, " %s", value->format), 0);
    if (value->text.data) {
        cr_assert_eq(value->text.data[value->text.size], '\0');
        cr_assert_eq(buffer_append_text(text, " "), 0);
        cr_assert_eq(buffer_append_bytes(text, value->text), 0);
    }
    if (value->type == REPLY_ARRAY ||
        (value->type >= REPLY_MAP && value->type <= REPLY_ATTRIBUTE)) {
        cr_assert_eq(buffer_printf(text, " %zu[", value->count), 0);
        for (size_t i = 0; i < value->count; i++) {
            cr_assert_eq(buffer_append_text(text, i ? ", " : ""), 0);
            describe(&value->elements[i], text);
        }
        cr_assert_eq(buffer_append_text(text, "]"), 0);
    }
}

/* All values of the stream, one a line, then "!error" if it ends so. */
static struct buffer read_all(struct bytes stream, size_t piece_max)
{
    struct buffer text;
    buffer_init(&text, 1u << 28);
    cr_assert_eq(buffer_append(&text, "", 0), 0);
    struct reply_reader *reader = reply_reader_create();
    size_t done = 0;
    int result = 0;
    while (result >= 0 && done < stream.size) {
        size_t piece = piece_max ? 1 + below(piece_max) : stream.size;
        piece = piece < stream.size - done ? piece : stream.size - done;
        cr_assert_eq(reply_reader_feed(reader, stream.data + done, piece), 0);
        done += piece;
        struct reply_value *value;
        while ((result = reply_reader_next(reader, &value)) == 1) {
            describe(value, &text);
            cr_assert_eq(buffer_append_text(&text, "\n"), 0);
            reply_value_free(value);
        }
    }
    if (result < 0)
        cr_assert_eq(buffer_printf(&text, "!%s", reply_reader_error(reader)), 0);
    reply_reader_destroy(reader);
    return text;
}

/* How many values skip finds; -1 at the end for an error. */
static int skip_all(struct bytes stream, size_t piece_max, bool *has_failed)
{
    struct reply_reader *reader = reply_reader_create();
    size_t done = 0;
    int count = 0;
    int result = 0;
    while (result >= 0 && done < stream.size) {
        size_t piece = piece_max ? 1 + below(piece_max) : stream.size;
        piece = piece < stream.size - done ? piece : stream.size - done;
        memcpy(reply_reader_reserve(reader, piece), stream.data + done, piece);
        reply_reader_commit(reader, piece);
        done += piece;
        enum reply_type type;
        while ((result = reply_reader_skip(reader, &type)) == 1)
            count++;
    }
    *has_failed = result < 0;
    reply_reader_destroy(reader);
    return count;
}

static void expect_values(struct bytes stream, const char *expected)
{
    for (size_t piece = 0; piece < 4; piece++) {
        struct buffer text = read_all(stream, piece);
        cr_assert_str_eq(text.data, expected);
        buffer_deinit(&text);
    }
}

#define EXPECT(stream, expected) expect_values(BYTES_LITERAL(stream), expected)

Test(resp_reply_reader, resp2)
{
    EXPECT("+OK\r\n-ERR no\r\n:42\r\n:-1\r\n", "status OK\nerror ERR no\nint 42\nint -1\n");
    EXPECT("$3\r\nabc\r\n$0\r\n\r\n$-1\r\n*-1\r\n", "str abc\nstr \nnil\nnil*\n");
    EXPECT("*0\r\n*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", "array 0[]\narray 2[array 1[int 1], str x]\n");
    EXPECT("$4\r\n\r\n\r\n\r\n", "str \r\n\r\n\n");
}

Test(resp_reply_reader, resp3)
{
    EXPECT("_\r\n#t\r\n#f\r\n,3.141\r\n(123\r\n", "nil\nbool 1\nbool 0\ndouble 3.141\nbig 123\n");
    EXPECT("=8\r\ntxt:abcd\r\n!5\r\nERR x\r\n", "verbatim txt abcd\nerror ERR x\n");
    EXPECT("%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n", "map 4[status a, int 1, status b, map 0[]]\n");
    EXPECT("~2\r\n:1\r\n:2\r\n>2\r\n+message\r\n+x\r\n",
           "set 2[int 1, int 2]\npush 2[status message, status x]\n");
    EXPECT("|1\r\n+ttl\r\n:1\r\n+x\r\n", "attr 2[status ttl, int 1]\nstatus x\n");
    EXPECT("*2\r\n|1\r\n+ttl\r\n*1\r\n:1\r\n+x\r\n+y\r\n:9\r\n",
           "array 3[attr 2[status ttl, array 1[int 1]], status x, status y]\nint 9\n");
}

Test(resp_reply_reader, doubles)
{
    static const char *const texts[] = {",inf\r\n", ",-inf\r\n", ",nan\r\n", ",10\r\n"};
    double expected[] = {INFINITY, -INFINITY, NAN, 10};
    for (size_t i = 0; i < 4; i++) {
        struct reply_reader *reader = reply_reader_create();
        cr_assert_eq(reply_reader_feed(reader, texts[i], strlen(texts[i])), 0);
        struct reply_value *value;
        cr_assert_eq(reply_reader_next(reader, &value), 1);
        cr_assert(isnan(expected[i]) ? isnan(value->number) : value->number == expected[i]);
        reply_value_free(value);
        reply_reader_destroy(reader);
    }
}

Test(resp_reply_reader, refuses)
{
    EXPECT("?\r\n", "!Protocol error, got \"?\" as reply type byte");
    EXPECT("\x01\r\n", "!Protocol error, got \"\\x01\" as reply type byte");
    EXPECT("\r\n", "!Protocol error, bad line end");
    EXPECT("+OK\n", "!Protocol error, bad line end");
    EXPECT("$-2\r\n", "!Protocol error, bad length in reply");
    EXPECT("$1x\r\n", "!Protocol error, bad length in reply");
    EXPECT("$2000000000\r\n", "!Protocol error, reply too long");
    EXPECT("$9223372036854775807\r\n", "!Protocol error, reply too long");
    EXPECT("*9223372036854775807\r\n", "!Protocol error, reply too long");
    EXPECT("%4611686018427387904\r\n", "!Protocol error, reply too long");
    EXPECT("%-1\r\n", "!Protocol error, bad length in reply");
    EXPECT("$?\r\n", "!Protocol error, bad length in reply");
    EXPECT("$2\r\nabc\r\n", "!Protocol error, bad end of bulk in reply");
    EXPECT("=3\r\ntxt\r\n", "!Protocol error, bad verbatim string in reply");
    EXPECT("=4\r\ntxtx\r\n", "!Protocol error, bad verbatim string in reply");
    EXPECT(":a\r\n", "!Protocol error, bad integer value in reply");
    EXPECT(",x\r\n", "!Protocol error, bad double value in reply");
    EXPECT("#x\r\n", "!Protocol error, bad bool value in reply");
}

Test(resp_reply_reader, announced_counts_allocate_nothing)
{
    /* CVE-2021-32762 */
    struct reply_reader *reader = reply_reader_create();
    for (int i = 0; i < REPLY_DEPTH_MAX; i++)
        cr_assert_eq(reply_reader_feed(reader, "*536870912\r\n", 12), 0);
    struct reply_value *value;
    cr_assert_eq(reply_reader_next(reader, &value), 0);
    cr_assert_eq(reply_reader_feed(reader, "*1\r\n", 4), 0);
    cr_assert_eq(reply_reader_next(reader, &value), -1);
    cr_assert_str_eq(reply_reader_error(reader), "Protocol error, reply nested too deeply");
    cr_assert_eq(reply_reader_next(reader, &value), -1);
    reply_reader_destroy(reader);
}

Test(resp_reply_reader, sizes_are_bounded)
{
    struct reply_reader *reader = reply_reader_create();
    reply_reader_set_size_max(reader, 1000);
    char data[600] = "$998\r\n";
    cr_assert_eq(reply_reader_feed(reader, data, sizeof(data)), 0);
    cr_assert_eq(reply_reader_feed(reader, data, sizeof(data)), -1);
    reply_reader_destroy(reader);
    reader = reply_reader_create();
    reply_reader_set_size_max(reader, 1000);
    cr_assert_eq(reply_reader_feed(reader, "$999\r\n", 6), 0);
    struct reply_value *value;
    cr_assert_eq(reply_reader_next(reader, &value), -1);
    reply_reader_destroy(reader);
}

Test(resp_reply_reader, skipped_bulks_are_not_gathered)
{
    struct reply_reader *reader = reply_reader_create();
    char block[60000];
    memset(block, 'x', sizeof(block));
    cr_assert_eq(reply_reader_feed(reader, "$60000000\r\n", 11), 0);
    enum reply_type type;
    cr_assert_eq(reply_reader_skip(reader, &type), 0);
    reply_reader_set_size_max(reader, 70000);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(reply_reader_feed(reader, block, sizeof(block)), 0);
        cr_assert_eq(reply_reader_skip(reader, &type), 0);
    }
    cr_assert_eq(reply_reader_feed(reader, "\r\n-MOVED 1 a\r\n", 14), 0);
    cr_assert_eq(reply_reader_skip(reader, &type), 1);
    cr_assert_eq(type, REPLY_STRING);
    cr_assert_eq(reply_reader_skip(reader, &type), 1);
    cr_assert_eq(type, REPLY_ERROR);
    cr_assert(bytes_equal(reply_reader_skipped_line(reader), BYTES_LITERAL("MOVED 1 a")));
    cr_assert_eq(reply_reader_skip(reader, &type), 0);
    reply_reader_destroy(reader);
}

/* -- round trips -- */

static void write_value(struct reply *reply, struct buffer *text, int depth)
{
    size_t size = below(50) ? below(20) : below(30000);
    char *data = mem_alloc(size + 1);
    memset(data, 'd', size);
    data[size] = '\0';
    switch (depth > 5 ? below(6) : below(9)) {
    case 0:
        reply_bulk(reply, data, size);
        cr_assert_eq(buffer_printf(text, "str %s", data), 0);
        break;
    case 1:
        reply_integer(reply, -(int64_t)size);
        cr_assert_eq(buffer_printf(text, "int %ld", -(long)size), 0);
        break;
    case 2:
        reply_null(reply);
        cr_assert_eq(buffer_append_text(text, "nil"), 0);
        break;
    case 3:
        reply_bool(reply, true);
        cr_assert_eq(buffer_append_text(text, "bool 1"), 0);
        break;
    case 4:
        reply_error(reply, "ERR bad");
        cr_assert_eq(buffer_append_text(text, "error ERR bad"), 0);
        break;
    case 5:
        reply_verbatim(reply, "mkd", data, size);
        cr_assert_eq(buffer_printf(text, "verbatim mkd %s", data), 0);
        break;
    default: {
        struct reply_mark mark = reply_defer(reply);
        size_t count = below(6);
        cr_assert_eq(buffer_printf(text, "set %zu[", count), 0);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(buffer_append_text(text, i ? ", " : ""), 0);
            write_value(reply, text, depth + 1);
        }
        reply_defer_set(reply, mark, (int64_t)count);
        cr_assert_eq(buffer_append_text(text, "]"), 0);
    }
    }
    mem_free(data);
}

static struct buffer bytes_of_reply(const struct reply *reply)
{
    struct buffer bytes;
    buffer_init(&bytes, 1u << 28);
    for (struct reply_chunk *chunk = reply->chain.head; chunk; chunk = chunk->next)
        cr_assert_eq(buffer_append(&bytes, chunk->bytes, chunk->size), 0);
    return bytes;
}

Test(resp_reply_reader, reads_what_the_writer_writes)
{
    for (int round = 0; round < 800; round++) {
        struct reply reply;
        reply_begin(&reply, 3, NULL);
        struct buffer expected;
        buffer_init(&expected, 1u << 28);
        int count = 1 + (int)below(4);
        for (int i = 0; i < count; i++) {
            write_value(&reply, &expected, 0);
            cr_assert_eq(buffer_append_text(&expected, "\n"), 0);
        }
        struct buffer stream = bytes_of_reply(&reply);
        for (size_t piece = 0; piece < 3; piece++) {
            size_t piece_max = piece * (stream.size < 3000 ? 3 : 2000);
            struct buffer text = read_all(buffer_bytes(&stream), piece_max);
            cr_assert_str_eq(text.data, expected.data);
            buffer_deinit(&text);
            bool has_failed;
            cr_assert_eq(skip_all(buffer_bytes(&stream), piece_max, &has_failed), count);
            cr_assert(!has_failed);
        }
        buffer_deinit(&stream);
        buffer_deinit(&expected);
        reply_chain_free(&reply.chain);
    }
}

Test(resp_reply_reader, damaged_streams_end_alike_however_split)
{
    for (int round = 0; round < 2000; round++) {
        struct reply reply;
        reply_begin(&reply, 3, NULL);
        struct buffer unused;
        buffer_init(&unused, 1u << 28);
        for (int i = 0; i < 3; i++)
            write_value(&reply, &unused, 0);
        struct buffer stream = bytes_of_reply(&reply);
        for (int i = 0; i < 3; i++)
            stream.data[below(stream.size)] = "\r\n$*-019x%~>|=!#,_("[below(19)];
        struct buffer whole = read_all(buffer_bytes(&stream), 0);
        struct buffer split = read_all(buffer_bytes(&stream), stream.size < 3000 ? 5 : 3000);
        cr_assert(bytes_equal(buffer_bytes(&whole), buffer_bytes(&split)));
        bool has_failed_whole;
        bool has_failed_split;
        int count = skip_all(buffer_bytes(&stream), 0, &has_failed_whole);
        cr_assert_eq(
            skip_all(buffer_bytes(&stream), stream.size < 3000 ? 5 : 3000, &has_failed_split),
            count);
        cr_assert_eq(has_failed_whole, has_failed_split);
        buffer_deinit(&whole);
        buffer_deinit(&split);
        buffer_deinit(&stream);
        buffer_deinit(&unused);
        reply_chain_free(&reply.chain);
    }
}
