/* The request parser: the errors' texts, the limits, and a model test that feeds random and damaged
 * streams whole and in random pieces and wants the same trace of events. Each piece is handed over
 * in an allocation of exactly its size, so that the address sanitizer sees any look past the end.
 */
#include "base/buffer.h"
#include "base/memory.h"
#include "protocol/resp_parser.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct resp_limits open_limits = {.bulk_size_max = 512 * 1024 * 1024,
                                               .query_size_max = 1024 * 1024 * 1024,
                                               .argc_max = RESP_ARGC_MAX,
                                               .is_authenticated = 1};
static const struct resp_limits stranger_limits = {.bulk_size_max = 512 * 1024 * 1024,
                                                   .query_size_max = 1024 * 1024 * 1024,
                                                   .argc_max = RESP_ARGC_MAX,
                                                   .is_authenticated = 0};

/* What a session does: keeps the unfinished request, receives large bulks aside, notes events. */
struct driver {
    struct resp_parser parser;
    struct buffer pending; /* of the unfinished request */
    struct buffer trace;
    char *large;
    size_t large_size; /* wanted, CR LF included; 0 when none is under way */
    size_t large_have;
    size_t skipped; /* pending[0..skipped) was consumed */
    bool is_over;
};

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t below(size_t limit)
{
    return (size_t)(next_random() % limit);
}

static void driver_init(struct driver *driver, const struct resp_limits *limits)
{
    *driver = (struct driver){0};
    resp_parser_init(&driver->parser, limits);
    buffer_init(&driver->pending, 1u << 30);
    buffer_init(&driver->trace, 1u << 30);
}

static void driver_deinit(struct driver *driver)
{
    for (int32_t i = 0; i < driver->parser.argc; i++)
        mem_free(driver->parser.args[i].large);
    resp_parser_deinit(&driver->parser);
    buffer_deinit(&driver->pending);
    buffer_deinit(&driver->trace);
    mem_free(driver->large);
}

static void note(struct driver *driver, const void *data, size_t size)
{
    cr_assert_eq(buffer_append(&driver->trace, data, size), 0);
}

static void note_request(struct driver *driver, const char *data)
{
    struct resp_parser *parser = &driver->parser;
    cr_assert_eq(buffer_printf(&driver->trace, "(%d", parser->argc), 0);
    for (int32_t i = 0; i < parser->argc; i++) {
        struct resp_arg *arg = &parser->args[i];
        note(driver, "|", 1);
        if (arg->large) {
            size_t size = *(size_t *)arg->large;
            note(driver, (char *)arg->large + sizeof(size), size);
            mem_free(arg->large);
            arg->large = NULL;
        } else {
            note(driver, data + arg->offset, arg->size);
        }
    }
    note(driver, ")", 1);
}

/* Moves pending bytes into the large bulk; true when it is complete. */
static bool take_large(struct driver *driver)
{
    size_t position = driver->parser.position;
    size_t available = driver->pending.size - position;
    size_t part = driver->large_size - driver->large_have;
    part = part < available ? part : available;
    memcpy(driver->large + sizeof(size_t) + driver->large_have, driver->pending.data + position,
           part);
    driver->large_have += part;
    memmove(driver->pending.data + position, driver->pending.data + position + part,
            available - part);
    driver->pending.size -= part;
    if (driver->large_have < driver->large_size)
        return false;
    const char *end = driver->large + sizeof(size_t) + driver->large_size;
    if (end[-2] != '\r' || end[-1] != '\n') {
        driver->is_over = true;
        note(driver, "!large", 6);
        return false;
    }
    size_t size = driver->large_size - 2;
    memcpy(driver->large, &size, sizeof(size));
    resp_parser_large_done(&driver->parser, driver->large);
    driver->large = NULL;
    driver->large_size = 0;
    return true;
}

static enum resp_result parse_exact(struct driver *driver)
{
    size_t size = driver->pending.size;
    char *exact = malloc(size ? size : 1);
    if (size > 0)
        memcpy(exact, driver->pending.data, size);
    enum resp_result result = resp_parse(&driver->parser, size ? exact : exact + 1, size);
    if (size > 0)
        memcpy(driver->pending.data, exact, size);
    free(exact);
    return result;
}

static void run_driver(struct driver *driver)
{
    struct resp_parser *parser = &driver->parser;
    while (!driver->is_over) {
        if (driver->large_size > 0 && !take_large(driver))
            return;
        enum resp_result result = parse_exact(driver);
        if (result == RESP_NEED_INPUT)
            return;
        if (result == RESP_ERROR) {
            driver->is_over = true;
            cr_assert_eq(buffer_printf(&driver->trace, "!%s", parser->error_text), 0);
        } else if (result == RESP_LARGE_BULK) {
            driver->large_size = parser->large_size + 2;
            driver->large_have = 0;
            driver->large = mem_alloc(sizeof(size_t) + driver->large_size);
        } else {
            cr_assert(parser->consumed > 0 && parser->consumed <= driver->pending.size);
            if (result == RESP_REQUEST)
                note_request(driver, driver->pending.data);
            buffer_consume(&driver->pending, parser->consumed);
            resp_parser_next(parser);
            cr_assert(resp_parser_is_idle(parser));
        }
    }
}

static void feed(struct driver *driver, const void *data, size_t size)
{
    cr_assert_eq(buffer_append(&driver->pending, data, size), 0);
    run_driver(driver);
}

/* Pieces of at most `piece_max` bytes; 0: whole. */
static void feed_in_pieces(struct driver *driver, struct bytes stream, size_t piece_max)
{
    size_t done = 0;
    while (done < stream.size) {
        size_t piece = piece_max ? 1 + below(piece_max) : stream.size;
        piece = piece < stream.size - done ? piece : stream.size - done;
        feed(driver, stream.data + done, piece);
        done += piece;
    }
}

static void expect_trace(const struct resp_limits *limits, struct bytes stream,
                         const char *expected)
{
    for (size_t piece = 0; piece < 3; piece++) {
        struct driver driver;
        driver_init(&driver, limits);
        feed_in_pieces(&driver, stream, piece);
        cr_assert_str_eq(driver.trace.data ? driver.trace.data : "", expected, "%s of \"%.60s\"",
                         driver.trace.data, stream.data);
        driver_deinit(&driver);
    }
}

#define EXPECT(stream, expected) expect_trace(&open_limits, BYTES_LITERAL(stream), expected)
#define EXPECT_STRANGER(stream, expected)                                                          \
    expect_trace(&stranger_limits, BYTES_LITERAL(stream), expected)

Test(resp_parser, requests)
{
    EXPECT("*1\r\n$4\r\nPING\r\n", "(1|PING)");
    EXPECT("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "(2|GET|)");
    EXPECT("*2\r\n$3\r\nGET\r\n$13\r\n\r\n$3\r\n*1\r\n\r\nx\r\n", "(2|GET|\r\n$3\r\n*1\r\n\r\nx)");
    EXPECT("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n", "(1|PING)(1|QUIT)");
    EXPECT("*1\r\n$4\r\nPIN", "");
}

Test(resp_parser, empty_requests_are_skipped)
{
    /* CVE-2026-27623: an empty array, then a request of the other kind. */
    EXPECT("*0\r\nPING\r\n", "(1|PING)");
    EXPECT("*-1\r\n*1\r\n$4\r\nPING\r\n", "(1|PING)");
    EXPECT("*-5\r\n\r\n\n   \r\nPING\r\n*0\r\n*0\r\n", "(1|PING)");
}

Test(resp_parser, errors_have_the_reference_texts)
{
    EXPECT("*3000000000\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*2147483648\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*+1\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*01\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*-0\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*99999999999999999999\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*18446744073709551617\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*4294967297\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*x\r\n", "!Protocol error: invalid multibulk length");
    EXPECT("*1\r\nfoo\r\n", "!Protocol error: expected '$', got 'f'");
    EXPECT("*2\r\n$1\r\na\r\n*1\r\n", "!Protocol error: expected '$', got '*'");
    EXPECT("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length");
    EXPECT("*1\r\n$-10\r\n", "!Protocol error: invalid bulk length");
    EXPECT("*1\r\n$2000000000\r\n", "!Protocol error: invalid bulk length");
    EXPECT("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length");
    EXPECT("*1\r\n$blabla\r\n", "!Protocol error: invalid bulk length");
    EXPECT("*1\r\n$01\r\na\r\n", "!Protocol error: invalid bulk length");
    EXPECT("*1\r\n$\r\n", "!Protocol error: invalid bulk length");
    EXPECT("\"a\r\n", "!Protocol error: unbalanced quotes in request");
}

Test(resp_parser, line_ends_are_strict)
{
    EXPECT("*1\r\n$1\r\naXX*1\r\n", "!Protocol error: invalid CRLF in request");
    EXPECT("*1\r\n$1\r\na\n\r*1\r\n", "!Protocol error: invalid CRLF in request");
    EXPECT("*1\r\n$1\r\nabc\r\n", "!Protocol error: invalid CRLF in request");
    EXPECT("*1\rX", "!Protocol error: invalid CRLF in request");
    EXPECT("*1\r\n$1\rX", "!Protocol error: invalid CRLF in request");
    EXPECT("*12\r\r\n", "!Protocol error: invalid CRLF in request");
}

Test(resp_parser, strangers_are_limited)
{
    EXPECT_STRANGER("*11\r\n", "!Protocol error: unauthenticated multibulk length");
    EXPECT_STRANGER("*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length");
    EXPECT_STRANGER("*1\r\n$1000000\r\n", "!Protocol error: unauthenticated bulk length");
    EXPECT_STRANGER("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", "(2|AUTH|x)");
}

Test(resp_parser, a_stranger_may_go_on_after_authentication)
{
    struct resp_limits limits = stranger_limits;
    struct resp_parser parser;
    resp_parser_init(&parser, &limits);
    char many[] = "*11\r\n$1\r\na\r\n";
    cr_assert_eq(resp_parse(&parser, many, sizeof(many) - 1), RESP_ERROR);
    cr_assert(parser.is_limit_of_stranger);
    cr_assert(resp_parser_is_idle(&parser));
    limits.is_authenticated = 1;
    cr_assert_eq(resp_parse(&parser, many, sizeof(many) - 1), RESP_NEED_INPUT);
    cr_assert_eq(parser.args_left, 10);
    resp_parser_next(&parser);

    limits.is_authenticated = 0;
    char big[] = "*2\r\n$1\r\na\r\n$20000\r\nx";
    cr_assert_eq(resp_parse(&parser, big, sizeof(big) - 1), RESP_ERROR);
    cr_assert(parser.is_limit_of_stranger);
    limits.is_authenticated = 1;
    cr_assert_eq(resp_parse(&parser, big, sizeof(big) - 1), RESP_NEED_INPUT);
    cr_assert_eq(parser.bulk_size, 20000);
    resp_parser_deinit(&parser);
}

static void expect_long_line(const char *start, char filler, const char *expected)
{
    size_t size = RESP_INLINE_SIZE_MAX + 100;
    char *line = malloc(size);
    memset(line, filler, size);
    memcpy(line, start, strlen(start));
    struct driver whole;
    driver_init(&whole, &open_limits);
    feed(&whole, line, size);
    cr_assert_str_eq(whole.trace.data, expected);
    driver_deinit(&whole);
    memcpy(line + size - 2, "\r\n", 2);
    expect_trace(&open_limits, bytes_of(line, 0), "");
    struct driver ended;
    driver_init(&ended, &open_limits);
    feed_in_pieces(&ended, bytes_of(line, size), 5000);
    cr_assert_str_eq(ended.trace.data, expected);
    driver_deinit(&ended);
    free(line);
}

Test(resp_parser, lines_have_a_maximum)
{
    expect_long_line("*1", '1', "!Protocol error: too big mbulk count string");
    expect_long_line("*", '\0', "!Protocol error: too big mbulk count string");
    expect_long_line("*1\r\n$", '1', "!Protocol error: too big bulk count string");
    expect_long_line("\0", 'A', "!Protocol error: too big inline request");
    expect_long_line("GET ", 'A', "!Protocol error: too big inline request");
}

Test(resp_parser, announced_counts_allocate_nothing)
{
    struct resp_parser parser;
    resp_parser_init(&parser, &open_limits);
    char data[] = "*1048576\r\n";
    cr_assert_eq(resp_parse(&parser, data, sizeof(data) - 1), RESP_NEED_INPUT);
    cr_assert_eq(parser.args_left, 1048576);
    cr_assert(parser.args_capacity <= 8);
    resp_parser_deinit(&parser);
}

Test(resp_parser, the_vector_is_kept_and_shrunk)
{
    struct resp_parser parser;
    resp_parser_init(&parser, &open_limits);
    struct buffer text;
    buffer_init(&text, 1u << 20);
    cr_assert_eq(buffer_append_text(&text, "*5000\r\n"), 0);
    for (int i = 0; i < 5000; i++)
        cr_assert_eq(buffer_append_text(&text, "$1\r\na\r\n"), 0);
    cr_assert_eq(resp_parse(&parser, text.data, text.size), RESP_REQUEST);
    cr_assert_eq(parser.argc, 5000);
    resp_parser_next(&parser);
    cr_assert_eq(parser.args_capacity, 0);
    char data[] = "*1\r\n$1\r\na\r\n";
    cr_assert_eq(resp_parse(&parser, data, sizeof(data) - 1), RESP_REQUEST);
    struct resp_arg *args = parser.args;
    resp_parser_next(&parser);
    cr_assert_eq(resp_parse(&parser, data, sizeof(data) - 1), RESP_REQUEST);
    cr_assert_eq(parser.args, args);
    resp_parser_deinit(&parser);
    buffer_deinit(&text);
}

Test(resp_parser, large_bulks_are_received_elsewhere)
{
    struct resp_parser parser;
    resp_parser_init(&parser, &open_limits);
    char data[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$32768\r\nvvv";
    cr_assert_eq(resp_parse(&parser, data, sizeof(data) - 1), RESP_LARGE_BULK);
    cr_assert_eq(parser.large_size, 32768);
    cr_assert_eq(parser.position, sizeof(data) - 1 - 3);
    cr_assert_eq(parser.argc, 2);
    int value;
    resp_parser_large_done(&parser, &value);
    cr_assert_eq(resp_parse(&parser, data, parser.position), RESP_REQUEST);
    cr_assert_eq(parser.argc, 3);
    cr_assert_eq(parser.args[2].large, &value);
    cr_assert_eq(parser.consumed, sizeof(data) - 1 - 3);
    resp_parser_deinit(&parser);
}

/* -- the model -- */

static void append_bulk(struct buffer *stream, struct buffer *expected, bool may_be_large)
{
    size_t size = below(4) ? below(20) : below(300);
    if (may_be_large && below(40) == 0)
        size = RESP_LARGE_BULK_SIZE - 2 + below(200);
    cr_assert_eq(buffer_printf(stream, "$%zu\r\n", size), 0);
    char *room = buffer_reserve(stream, size);
    for (size_t i = 0; i < size; i++)
        room[i] = "\r\n$*1ab\0"[below(8)];
    cr_assert_eq(buffer_append(expected, "|", 1), 0);
    cr_assert_eq(buffer_append(expected, room, size), 0);
    buffer_commit(stream, size);
    cr_assert_eq(buffer_append_text(stream, "\r\n"), 0);
}

static void append_request(struct buffer *stream, struct buffer *expected)
{
    if (below(8) == 0) {
        static const char *const empty[] = {"*0\r\n", "*-1\r\n", "\r\n", "\n"};
        cr_assert_eq(buffer_append_text(stream, empty[below(4)]), 0);
        return;
    }
    size_t argc = below(30) ? 1 + below(6) : 1 + below(120);
    cr_assert_eq(buffer_printf(expected, "(%zu", argc), 0);
    if (below(6) == 0) {
        for (size_t i = 0; i < argc; i++) {
            cr_assert_eq(buffer_printf(stream, "%sw%zu", i ? " " : "", i), 0);
            cr_assert_eq(buffer_printf(expected, "|w%zu", i), 0);
        }
        cr_assert_eq(buffer_append_text(stream, below(2) ? "\r\n" : "\n"), 0);
    } else {
        cr_assert_eq(buffer_printf(stream, "*%zu\r\n", argc), 0);
        for (size_t i = 0; i < argc; i++)
            append_bulk(stream, expected, true);
    }
    cr_assert_eq(buffer_append_text(expected, ")"), 0);
}

Test(resp_parser, any_split_gives_the_same_requests)
{
    for (int round = 0; round < 150; round++) {
        struct buffer stream;
        struct buffer expected;
        buffer_init(&stream, 1u << 26);
        buffer_init(&expected, 1u << 26);
        for (size_t i = 0; i < 12; i++)
            append_request(&stream, &expected);
        size_t pieces[] = {0, stream.size < 20000 ? 1 : 3000, 40, 6000};
        for (size_t i = 0; i < 4; i++) {
            struct driver driver;
            driver_init(&driver, &open_limits);
            if (stream.size < 20000 || pieces[i] != 40)
                feed_in_pieces(&driver, buffer_bytes(&stream), pieces[i]);
            else
                feed_in_pieces(&driver, buffer_bytes(&stream), 0);
            cr_assert(bytes_equal(buffer_bytes(&driver.trace), buffer_bytes(&expected)));
            cr_assert_eq(driver.pending.size, 0);
            driver_deinit(&driver);
        }
        buffer_deinit(&stream);
        buffer_deinit(&expected);
    }
}

static void damage(struct buffer *stream)
{
    size_t count = 1 + below(4);
    for (size_t i = 0; i < count && stream->size > 0; i++)
        stream->data[below(stream->size)] =
            below(3) ? "\r\n$*-019x\"' "[below(12)] : (char)below(256);
}

Test(resp_parser, damaged_streams_end_alike_however_split)
{
    int errors = 0;
    for (int round = 0; round < 1500; round++) {
        struct buffer stream;
        struct buffer unused;
        buffer_init(&stream, 1u << 26);
        buffer_init(&unused, 1u << 26);
        size_t count = 1 + below(4);
        for (size_t i = 0; i < count; i++)
            append_request(&stream, &unused);
        damage(&stream);
        struct driver whole;
        struct driver split;
        driver_init(&whole, &open_limits);
        driver_init(&split, &open_limits);
        feed_in_pieces(&whole, buffer_bytes(&stream), 0);
        feed_in_pieces(&split, buffer_bytes(&stream), stream.size < 3000 ? 7 : 5000);
        cr_assert(bytes_equal(buffer_bytes(&whole.trace), buffer_bytes(&split.trace)));
        cr_assert_eq(whole.is_over, split.is_over);
        errors += whole.is_over;
        driver_deinit(&whole);
        driver_deinit(&split);
        buffer_deinit(&stream);
        buffer_deinit(&unused);
    }
    cr_assert(errors > 100, "%d", errors);
}
