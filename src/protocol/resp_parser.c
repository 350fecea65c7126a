/* See resp_parser.h. The hot path is resp_parse's loop over bulk arguments whose header lines and
 * bytes are all there; everything unusual (unfinished lines, errors, inline) leaves through
 * functions that are not inlined. Errors consume nothing. Any thread, one owner.
 */
#include "protocol/resp_parser.h"

#include "base/assert.h"
#include "base/memory.h"
#include "protocol/inline_parser.h"
#include "protocol/resp_parser_internal.h"
#include <stdarg.h>
#include <stdio.h>

enum {
    ARGS_CAPACITY_FIRST = 8,
    ARGS_CAPACITY_KEPT = 1024,
    /* Header digits that cannot overflow 32 bits; longer numbers take the slow path. */
    FAST_DIGITS_MAX = 9
};

#define unlikely(condition) __builtin_expect(!!(condition), 0)

void resp_parser_init(struct resp_parser *parser, const struct resp_limits *limits)
{
    assert(limits != NULL);
    *parser = (struct resp_parser){.limits = limits, .args_left = -1, .bulk_size = -1};
}

void resp_parser_deinit(struct resp_parser *parser)
{
    mem_free(parser->args);
    parser->args = NULL;
    parser->argc = 0;
    parser->args_capacity = 0;
}

__attribute__((noinline)) void resp_parser_grow(struct resp_parser *parser)
{
    int32_t capacity = parser->args_capacity ? parser->args_capacity * 2 : ARGS_CAPACITY_FIRST;
    assert(capacity > parser->args_capacity);
    parser->args = mem_realloc(parser->args, (size_t)capacity * sizeof(*parser->args));
    parser->args_capacity = capacity;
}

void resp_parser_next(struct resp_parser *parser)
{
    parser->argc = 0;
    parser->args_left = -1;
    parser->bulk_size = -1;
    parser->position = 0;
    parser->line_scanned = 0;
    parser->consumed = 0;
    parser->is_inline = false;
    parser->is_limit_of_stranger = false;
    if (unlikely(parser->args_capacity > ARGS_CAPACITY_KEPT)) {
        mem_free(parser->args);
        parser->args = NULL;
        parser->args_capacity = 0;
    }
}

__attribute__((noinline, cold, format(printf, 2, 3))) static enum resp_result
fail(struct resp_parser *parser, const char *format, ...)
{
    size_t prefix =
        (size_t)snprintf(parser->error_text, sizeof(parser->error_text), "Protocol error: ");
    va_list args;
    va_start(args, format);
    vsnprintf(parser->error_text + prefix, sizeof(parser->error_text) - prefix, format, args);
    va_end(args);
    return RESP_ERROR;
}

static enum resp_result fail_stranger(struct resp_parser *parser, const char *text)
{
    parser->is_limit_of_stranger = true;
    return fail(parser, "%s", text);
}

static enum resp_result finish(struct resp_parser *parser)
{
    parser->consumed = parser->position;
    return parser->argc > 0 ? RESP_REQUEST : RESP_EMPTY;
}

/* -- header lines -- */

/* The number of digits of a plain number (no sign, no leading zero, at most FAST_DIGITS_MAX digits)
 * whose line, CR LF included, is within reach; 0 when the slow path must look at it. */
static inline size_t read_digits(const char *digits, const char *end, uint32_t *value)
{
    size_t available = (size_t)(end - digits);
    if (unlikely(available < 3))
        return 0;
    uint32_t first = (uint32_t)(unsigned char)digits[0] - '0';
    if (unlikely(first - 1 > 8))
        return 0;
    if (digits[1] == '\r') {
        *value = first;
        return digits[2] == '\n' ? 1 : 0;
    }
    uint32_t sum = first;
    size_t size_max = available - 2 < FAST_DIGITS_MAX ? available - 2 : FAST_DIGITS_MAX;
    size_t size = 1;
    uint32_t digit;
    while (size < size_max && (digit = (uint32_t)(unsigned char)digits[size] - '0') <= 9) {
        sum = sum * 10 + digit;
        size++;
    }
    if (unlikely(digits[size] != '\r' || digits[size + 1] != '\n'))
        return 0;
    *value = sum;
    return size;
}

enum line_state { LINE_WHOLE, LINE_UNFINISHED, LINE_TOO_LONG, LINE_BAD_END };

/* Looks for the CR LF of the line at data[position]; *line_size is the line without them. */
static enum line_state find_line(struct resp_parser *parser, const char *data, size_t size,
                                 size_t *line_size)
{
    const char *line = data + parser->position;
    size_t available = size - parser->position;
    const char *cr = NULL;
    if (available > parser->line_scanned)
        cr = memchr(line + parser->line_scanned, '\r', available - parser->line_scanned);
    *line_size = cr ? (size_t)(cr - line) : available;
    parser->line_scanned = *line_size;
    if (*line_size > RESP_INLINE_SIZE_MAX)
        return LINE_TOO_LONG;
    if (!cr || *line_size + 1 == available)
        return LINE_UNFINISHED;
    return cr[1] == '\n' ? LINE_WHOLE : LINE_BAD_END;
}

/* Strict decimal as string2ll, but of the sizes that headers may have: at most 19 digits. */
static bool parse_header_number(const char *text, size_t size, int64_t *value)
{
    bool is_negative = size > 0 && text[0] == '-';
    if (is_negative) {
        text++;
        size--;
    }
    if (size == 1 && text[0] == '0' && !is_negative) {
        *value = 0;
        return true;
    }
    if (size == 0 || size > 19 || text[0] == '0')
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(text[i] - '0'); /* 19 digits cannot overflow */
    }
    if (sum > (uint64_t)INT64_MAX + is_negative)
        return false;
    *value = is_negative ? (int64_t)-sum : (int64_t)sum;
    return true;
}

/* Checks the announced number of arguments. RESP_REQUEST stands for "go on". */
static enum resp_result accept_argc(struct resp_parser *parser, int64_t argc, size_t line_end)
{
    const struct resp_limits *limits = parser->limits;
    if (unlikely(argc > limits->argc_max))
        return fail(parser, "invalid multibulk length");
    if (unlikely(argc > RESP_UNAUTHENTICATED_ARGC_MAX && !limits->is_authenticated))
        return fail_stranger(parser, "unauthenticated multibulk length");
    parser->args_left = argc > 0 ? (int32_t)argc : 0;
    parser->position = line_end;
    parser->line_scanned = 0;
    return RESP_REQUEST;
}

__attribute__((noinline)) static enum resp_result
read_array_header_slow(struct resp_parser *parser, const char *data, size_t size)
{
    size_t line_size;
    switch (find_line(parser, data, size, &line_size)) {
    case LINE_UNFINISHED:
        return RESP_NEED_INPUT;
    case LINE_TOO_LONG:
        return fail(parser, "too big mbulk count string");
    case LINE_BAD_END:
        return fail(parser, "invalid CRLF in request");
    case LINE_WHOLE:
        break;
    }
    int64_t argc;
    if (!parse_header_number(data + parser->position + 1, line_size - 1, &argc))
        return fail(parser, "invalid multibulk length");
    return accept_argc(parser, argc, parser->position + line_size + 2);
}

static inline enum resp_result read_array_header(struct resp_parser *parser, const char *data,
                                                 size_t size)
{
    uint32_t argc;
    size_t digits = read_digits(data + parser->position + 1, data + size, &argc);
    if (unlikely(digits == 0))
        return read_array_header_slow(parser, data, size);
    return accept_argc(parser, argc, parser->position + 1 + digits + 2);
}

static inline enum resp_result accept_bulk_size(struct resp_parser *parser, int64_t bulk_size,
                                                size_t line_end)
{
    const struct resp_limits *limits = parser->limits;
    if (unlikely(bulk_size < 0 || bulk_size > limits->bulk_size_max))
        return fail(parser, "invalid bulk length");
    if (unlikely(bulk_size > RESP_UNAUTHENTICATED_BULK_MAX && !limits->is_authenticated))
        return fail_stranger(parser, "unauthenticated bulk length");
    /* Offsets of arguments have 32 bits; what comes near is far beyond any query buffer limit. */
    if (unlikely(line_end > UINT32_MAX - 2 * RESP_LARGE_BULK_SIZE))
        return fail(parser, "invalid bulk length");
    parser->bulk_size = bulk_size;
    parser->position = line_end;
    parser->line_scanned = 0;
    return RESP_REQUEST;
}

__attribute__((noinline)) static enum resp_result
read_bulk_header_slow(struct resp_parser *parser, const char *data, size_t size)
{
    if (parser->position == size)
        return RESP_NEED_INPUT;
    if (data[parser->position] != '$')
        return fail(parser, "expected '$', got '%c'", data[parser->position]);
    size_t line_size;
    switch (find_line(parser, data, size, &line_size)) {
    case LINE_UNFINISHED:
        return RESP_NEED_INPUT;
    case LINE_TOO_LONG:
        return fail(parser, "too big bulk count string");
    case LINE_BAD_END:
        return fail(parser, "invalid CRLF in request");
    case LINE_WHOLE:
        break;
    }
    int64_t bulk_size;
    if (!parse_header_number(data + parser->position + 1, line_size - 1, &bulk_size))
        return fail(parser, "invalid bulk length");
    return accept_bulk_size(parser, bulk_size, parser->position + line_size + 2);
}

static inline enum resp_result read_bulk_header(struct resp_parser *parser, const char *data,
                                                size_t size)
{
    size_t position = parser->position;
    uint32_t bulk_size = 0;
    size_t digits = 0;
    if (position < size && data[position] == '$')
        digits = read_digits(data + position + 1, data + size, &bulk_size);
    if (unlikely(digits == 0))
        return read_bulk_header_slow(parser, data, size);
    return accept_bulk_size(parser, bulk_size, position + 1 + digits + 2);
}

/* -- bodies -- */

__attribute__((noinline)) static enum resp_result stop_at_large(struct resp_parser *parser)
{
    parser->large_size = (size_t)parser->bulk_size;
    return RESP_LARGE_BULK;
}

void resp_parser_large_done(struct resp_parser *parser, void *large)
{
    assert(parser->bulk_size >= RESP_LARGE_BULK_SIZE);
    assert(parser->args_left > 0);
    resp_parser_add(parser, 0, 0, large);
    parser->bulk_size = -1;
    parser->args_left--;
}

static enum resp_result read_bulks(struct resp_parser *parser, const char *data, size_t size)
{
    while (parser->args_left > 0) {
        if (parser->bulk_size < 0) {
            enum resp_result result = read_bulk_header(parser, data, size);
            if (unlikely(result != RESP_REQUEST))
                return result;
        }
        if (unlikely(parser->bulk_size >= RESP_LARGE_BULK_SIZE))
            return stop_at_large(parser);
        size_t bulk_size = (size_t)parser->bulk_size;
        const char *bulk = data + parser->position;
        if (unlikely(size - parser->position < bulk_size + 2))
            return RESP_NEED_INPUT;
        if (unlikely(bulk[bulk_size] != '\r' || bulk[bulk_size + 1] != '\n'))
            return fail(parser, "invalid CRLF in request");
        resp_parser_add(parser, parser->position, bulk_size, NULL);
        parser->position += bulk_size + 2;
        parser->bulk_size = -1;
        parser->args_left--;
    }
    return finish(parser);
}

static enum resp_result read_inline(struct resp_parser *parser, char *data, size_t size)
{
    parser->is_inline = true;
    char *lf = NULL;
    if (size > parser->line_scanned)
        lf = memchr(data + parser->line_scanned, '\n', size - parser->line_scanned);
    size_t line_size = lf ? (size_t)(lf - data) : size;
    parser->line_scanned = line_size;
    if (line_size > RESP_INLINE_SIZE_MAX)
        return fail(parser, "too big inline request");
    if (!lf)
        return RESP_NEED_INPUT;
    parser->position = line_size + 1;
    if (line_size > 0 && data[line_size - 1] == '\r')
        line_size--;
    if (inline_split(parser, data, line_size) < 0) {
        parser->position = 0;
        return fail(parser, "unbalanced quotes in request");
    }
    return finish(parser);
}

enum resp_result resp_parse(struct resp_parser *parser, char *data, size_t size)
{
    assert(parser->consumed == 0); /* else resp_parser_next was forgotten */
    assert(parser->position <= size);
    if (parser->args_left < 0) {
        if (unlikely(parser->position == size))
            return RESP_NEED_INPUT;
        if (unlikely(data[0] != '*'))
            return read_inline(parser, data, size);
        enum resp_result result = read_array_header(parser, data, size);
        if (unlikely(result != RESP_REQUEST))
            return result;
    }
    return read_bulks(parser, data, size);
}
