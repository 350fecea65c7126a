/* See resp_reply_reader.h. One tokenizer (a header line, or a bulk's bytes) serves both ways of
 * reading: building a tree and skipping. Nesting is a stack of counts in the reader, so that
 * reading goes on where the input ended, without looking at bytes again and without recursion.
 */
#include "protocol/resp_reply_reader.h"

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ELEMENTS_CAPACITY_FIRST = 8,
    /* Capacity an idle reader keeps. */
    INPUT_KEPT_MAX = 1024 * 1024
};

static const size_t SIZE_MAX_DEFAULT = (size_t)1024 * 1024 * 1024;

enum reading { READING_NOTHING, READING_TREE, READING_SKIP };

struct level {
    size_t left;               /* elements still to come */
    size_t capacity;           /* of value->elements */
    struct reply_value *value; /* NULL while skipping */
};

struct reply_reader {
    struct buffer input;
    size_t position;     /* first byte not yet read */
    size_t line_scanned; /* bytes at position known to hold no LF */
    size_t body_left;    /* of a bulk: bytes still to come, CR LF included */
    char body_type;      /* '$' '!' '=', or 0 when no bulk is under way */
    enum reading reading;
    enum reply_type top_type;
    struct bytes line; /* of the top-level value last skipped */
    struct reply_value *root;
    int depth;
    struct level levels[REPLY_DEPTH_MAX];
    bool has_failed;
    char error[128];
};

struct token {
    char type;
    bool is_nil;
    int64_t count;     /* of an aggregate */
    struct bytes text; /* of a line or a bulk; valid until input grows */
};

enum step { STEP_DONE, STEP_NEED_INPUT, STEP_FAILED };

struct reply_reader *reply_reader_create(void)
{
    struct reply_reader *reader = mem_calloc(1, sizeof(*reader));
    buffer_init(&reader->input, SIZE_MAX_DEFAULT);
    return reader;
}

void reply_reader_destroy(struct reply_reader *reader)
{
    if (!reader)
        return;
    reply_value_free(reader->root);
    buffer_deinit(&reader->input);
    mem_free(reader);
}

void reply_reader_set_size_max(struct reply_reader *reader, size_t size_max)
{
    assert(size_max > 0);
    reader->input.size_max = size_max;
}

const char *reply_reader_error(const struct reply_reader *reader)
{
    return reader->error;
}

struct bytes reply_reader_skipped_line(const struct reply_reader *reader)
{
    return reader->line;
}

/* -- input -- */

/* Drops what was read. Moves bytes only when that frees more than it moves, or when told that room
 * is short. */
static void compact(struct reply_reader *reader, bool is_short)
{
    struct buffer *input = &reader->input;
    if (reader->position == 0)
        return;
    if (reader->position == input->size) {
        bool is_huge = input->capacity > INPUT_KEPT_MAX;
        size_t size_max = input->size_max;
        if (is_huge) {
            buffer_deinit(input);
            buffer_init(input, size_max);
        } else {
            buffer_clear(input);
        }
    } else if (is_short || reader->position > input->size / 2) {
        buffer_consume(input, reader->position);
    } else {
        return;
    }
    reader->position = 0;
}

char *reply_reader_reserve(struct reply_reader *reader, size_t size)
{
    struct buffer *input = &reader->input;
    reader->line = (struct bytes){NULL, 0};
    compact(reader, input->capacity - input->size < size);
    return buffer_reserve(input, size);
}

void reply_reader_commit(struct reply_reader *reader, size_t size)
{
    buffer_commit(&reader->input, size);
}

int reply_reader_feed(struct reply_reader *reader, const void *data, size_t size)
{
    if (size == 0)
        return 0;
    char *room = reply_reader_reserve(reader, size);
    if (!room)
        return -1;
    memcpy(room, data, size);
    reply_reader_commit(reader, size);
    return 0;
}

/* -- tokens -- */

__attribute__((cold, format(printf, 2, 3))) static enum step fail(struct reply_reader *reader,
                                                                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reader->error, sizeof(reader->error), format, args);
    va_end(args);
    reader->has_failed = true;
    return STEP_FAILED;
}

static enum step fail_type(struct reply_reader *reader, char type)
{
    bool is_printable = type >= ' ' && type <= '~';
    if (is_printable)
        return fail(reader, "Protocol error, got \"%c\" as reply type byte", type);
    return fail(reader, "Protocol error, got \"\\x%02x\" as reply type byte", (unsigned char)type);
}

/* Takes one line; *line is without type byte and CR LF. */
static enum step take_line(struct reply_reader *reader, char *type, struct bytes *line)
{
    const char *start = reader->input.data + reader->position;
    size_t available = reader->input.size - reader->position;
    if (available == 0)
        return STEP_NEED_INPUT;
    const char *lf = NULL;
    if (available > reader->line_scanned)
        lf = memchr(start + reader->line_scanned, '\n', available - reader->line_scanned);
    size_t size = lf ? (size_t)(lf - start) : available;
    reader->line_scanned = size;
    if (size > REPLY_LINE_SIZE_MAX)
        return fail(reader, "Protocol error, too big reply line");
    if (!lf)
        return STEP_NEED_INPUT;
    if (size < 2 || start[size - 1] != '\r')
        return fail(reader, "Protocol error, bad line end");
    *type = start[0];
    *line = bytes_of(start + 1, size - 2);
    reader->position += size + 1;
    reader->line_scanned = 0;
    return STEP_DONE;
}

/* Sizes of bulks and counts of aggregates: digits only; "-1" is a null where that is allowed. */
static enum step parse_size(struct reply_reader *reader, struct bytes line, size_t size_max,
                            int64_t *size)
{
    if (!number_parse_i64(line, size) || *size < -1)
        return fail(reader, "Protocol error, bad length in reply");
    if (*size > 0 && (uint64_t)*size > size_max)
        return fail(reader, "Protocol error, reply too long");
    return STEP_DONE;
}

/* The bytes of a bulk whose header was read; a tree wants them all at once. */
static enum step take_body(struct reply_reader *reader, struct token *token)
{
    size_t available = reader->input.size - reader->position;
    if (available < reader->body_left)
        return STEP_NEED_INPUT;
    const char *body = reader->input.data + reader->position;
    size_t size = reader->body_left - 2;
    if (body[size] != '\r' || body[size + 1] != '\n')
        return fail(reader, "Protocol error, bad end of bulk in reply");
    if (reader->body_type == '=' && (size < 4 || body[3] != ':'))
        return fail(reader, "Protocol error, bad verbatim string in reply");
    *token = (struct token){.type = reader->body_type, .text = bytes_of(body, size)};
    reader->position += reader->body_left;
    reader->body_type = 0;
    return STEP_DONE;
}

/* Drops bytes as they come, so that a skipped bulk is never gathered. */
static enum step skip_body(struct reply_reader *reader)
{
    size_t available = reader->input.size - reader->position;
    if (available >= reader->body_left) {
        struct token token;
        return take_body(reader, &token);
    }
    size_t part = reader->body_left > 8 ? reader->body_left - 8 : 0;
    part = part < available ? part : available;
    if (reader->body_type != '=') {
        reader->position += part;
        reader->body_left -= part;
    }
    return STEP_NEED_INPUT;
}

/* Reads what follows "$", "!" or "=" in a header. */
static enum step begin_bulk(struct reply_reader *reader, struct token *token, struct bytes line)
{
    int64_t size;
    if (parse_size(reader, line, reader->input.size_max - 2, &size) != STEP_DONE)
        return STEP_FAILED;
    if (size < 0) {
        if (token->type != '$')
            return fail(reader, "Protocol error, bad length in reply");
        token->is_nil = true;
        return STEP_DONE;
    }
    reader->body_type = token->type;
    reader->body_left = (size_t)size + 2;
    return STEP_DONE;
}

static enum step begin_aggregate(struct reply_reader *reader, struct token *token,
                                 struct bytes line)
{
    if (parse_size(reader, line, REPLY_COUNT_MAX / 2, &token->count) != STEP_DONE)
        return STEP_FAILED;
    if (token->count < 0 && token->type != '*')
        return fail(reader, "Protocol error, bad length in reply");
    token->is_nil = token->count < 0;
    if (token->type == '%' || token->type == '|')
        token->count *= 2;
    if (token->count > 0 && reader->depth == REPLY_DEPTH_MAX)
        return fail(reader, "Protocol error, reply nested too deeply");
    return STEP_DONE;
}

/* One header line. A bulk's token is complete only after its body (reader->body_type is set). */
static enum step take_header(struct reply_reader *reader, struct token *token)
{
    struct bytes line;
    char type = 0;
    enum step step = take_line(reader, &type, &line);
    if (step != STEP_DONE)
        return step;
    *token = (struct token){.type = type, .text = line};
    switch (type) {
    case '$':
    case '!':
    case '=':
        return begin_bulk(reader, token, line);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
        return begin_aggregate(reader, token, line);
    case '_':
        token->is_nil = true;
        return STEP_DONE;
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
        return STEP_DONE;
    default:
        return fail_type(reader, type);
    }
}

static bool is_aggregate(const struct token *token)
{
    return strchr("*%~>|", token->type) != NULL && !token->is_nil;
}

static enum reply_type type_of(const struct token *token)
{
    if (token->is_nil)
        return REPLY_NIL;
    switch (token->type) {
    case '$':
        return REPLY_STRING;
    case '+':
        return REPLY_STATUS;
    case ':':
        return REPLY_INTEGER;
    case '*':
        return REPLY_ARRAY;
    case '%':
        return REPLY_MAP;
    case '~':
        return REPLY_SET;
    case '>':
        return REPLY_PUSH;
    case '|':
        return REPLY_ATTRIBUTE;
    case ',':
        return REPLY_DOUBLE;
    case '#':
        return REPLY_BOOL;
    case '(':
        return REPLY_BIG_NUMBER;
    case '=':
        return REPLY_VERBATIM;
    default:
        return REPLY_ERROR;
    }
}

/* A value is complete: closes the aggregates that it completes. */
static void pop_complete(struct reply_reader *reader)
{
    while (reader->depth > 0 && reader->levels[reader->depth - 1].left == 0)
        reader->depth--;
}

/* -- skipping -- */

/* One value (of any depth) or an aggregate's header. */
static enum step skip_one(struct reply_reader *reader)
{
    if (!reader->body_type) {
        struct token token;
        enum step step = take_header(reader, &token);
        if (step != STEP_DONE)
            return step;
        if (reader->depth > 0 && token.type != '|')
            reader->levels[reader->depth - 1].left--;
        if (reader->reading == READING_NOTHING) {
            reader->top_type = type_of(&token);
            reader->line = token.text;
            reader->reading = READING_SKIP;
        }
        if (is_aggregate(&token) && token.count > 0)
            reader->levels[reader->depth++] = (struct level){.left = (size_t)token.count};
    }
    if (reader->body_type) {
        enum step step = skip_body(reader);
        if (step != STEP_DONE)
            return step;
    }
    pop_complete(reader);
    return STEP_DONE;
}

int reply_reader_skip(struct reply_reader *reader, enum reply_type *type)
{
    if (reader->has_failed)
        return -1;
    assert(reader->reading != READING_TREE);
    do {
        enum step step = skip_one(reader);
        if (step != STEP_DONE)
            return step == STEP_FAILED ? -1 : 0;
    } while (reader->depth > 0);
    reader->reading = READING_NOTHING;
    *type = reader->top_type;
    return 1;
}

/* -- building -- */

/* Where the next value goes: the root, or a new element of the innermost aggregate, whose vector
 * grows as elements arrive. Pointers to enclosing values stay valid: a vector grows only when no
 * element of it is open. */
static struct reply_value *new_place(struct reply_reader *reader, const struct token *token)
{
    if (reader->depth == 0) {
        assert(reader->root == NULL);
        reader->root = mem_calloc(1, sizeof(*reader->root));
        return reader->root;
    }
    struct level *level = &reader->levels[reader->depth - 1];
    struct reply_value *parent = level->value;
    if (token->type != '|')
        level->left--;
    if (parent->count == level->capacity) {
        level->capacity = level->capacity ? level->capacity * 2 : ELEMENTS_CAPACITY_FIRST;
        parent->elements =
            mem_realloc(parent->elements, level->capacity * sizeof(*parent->elements));
    }
    struct reply_value *place = &parent->elements[parent->count++];
    *place = (struct reply_value){0};
    return place;
}

static struct bytes copy_text(struct bytes text)
{
    char *copy = mem_alloc(text.size + 1);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return bytes_of(copy, text.size);
}

static enum step fill_double(struct reply_reader *reader, struct reply_value *value)
{
    if (bytes_is(value->text, "nan") || bytes_is(value->text, "-nan")) {
        value->number = NAN;
        return STEP_DONE;
    }
    if (!number_parse_double(value->text, &value->number))
        return fail(reader, "Protocol error, bad double value in reply");
    return STEP_DONE;
}

static enum step fill_bool(struct reply_reader *reader, struct reply_value *value,
                           struct bytes text)
{
    if (text.size != 1 || (text.data[0] != 't' && text.data[0] != 'f'))
        return fail(reader, "Protocol error, bad bool value in reply");
    value->integer = text.data[0] == 't';
    return STEP_DONE;
}

static enum step fill_value(struct reply_reader *reader, struct reply_value *value,
                            const struct token *token)
{
    struct bytes text = token->text;
    value->type = type_of(token);
    value->is_null_array = token->is_nil && token->type == '*';
    if (token->is_nil || is_aggregate(token))
        return STEP_DONE;
    if (value->type == REPLY_INTEGER) {
        if (!number_parse_i64(text, &value->integer))
            return fail(reader, "Protocol error, bad integer value in reply");
        return STEP_DONE;
    }
    if (value->type == REPLY_BOOL)
        return fill_bool(reader, value, text);
    if (value->type == REPLY_VERBATIM) {
        memcpy(value->format, text.data, 3);
        text = bytes_of(text.data + 4, text.size - 4);
    }
    value->text = copy_text(text);
    return value->type == REPLY_DOUBLE ? fill_double(reader, value) : STEP_DONE;
}

static enum step build_one(struct reply_reader *reader)
{
    struct token token;
    enum step step = STEP_DONE;
    if (!reader->body_type)
        step = take_header(reader, &token);
    if (step == STEP_DONE && reader->body_type) {
        reader->reading = READING_TREE;
        step = take_body(reader, &token);
    }
    if (step != STEP_DONE)
        return step;
    reader->reading = READING_TREE;
    struct reply_value *value = new_place(reader, &token);
    step = fill_value(reader, value, &token);
    if (step != STEP_DONE)
        return step;
    if (is_aggregate(&token) && token.count > 0)
        reader->levels[reader->depth++] =
            (struct level){.left = (size_t)token.count, .value = value};
    pop_complete(reader);
    return STEP_DONE;
}

int reply_reader_next(struct reply_reader *reader, struct reply_value **value)
{
    *value = NULL;
    if (reader->has_failed)
        return -1;
    assert(reader->reading != READING_SKIP);
    do {
        enum step step = build_one(reader);
        if (step != STEP_DONE)
            return step == STEP_FAILED ? -1 : 0;
    } while (reader->depth > 0);
    reader->reading = READING_NOTHING;
    *value = reader->root;
    reader->root = NULL;
    return 1;
}

static void value_clear(struct reply_value *value)
{
    mem_free((void *)(uintptr_t)value->text.data);
    /* Recursion is bounded by REPLY_DEPTH_MAX. */
    for (size_t i = 0; i < value->count; i++)
        value_clear(&value->elements[i]);
    mem_free(value->elements);
}

void reply_value_free(struct reply_value *value)
{
    if (!value)
        return;
    value_clear(value);
    mem_free(value);
}
