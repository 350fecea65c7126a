/* See resp_writer.h. Bytes are written straight into the tail chunk's room; only what does not fit
 * there leaves the fast paths. Deferred headers are put in place by moving the bytes behind the
 * mark within their chunk (a deferred reply is mostly one small chunk), or by splitting the chunk
 * there.
 */
#include "protocol/resp_writer.h"

#include "base/assert.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/number.h"
#include "protocol/limits.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    /* Type byte, sign, 20 digits, CR LF. */
    HEADER_SIZE_MAX = 24,
    ERROR_TEXT_MAX = 64 * 1024
};

#define unlikely(condition) __builtin_expect(!!(condition), 0)

void reply_begin(struct reply *reply, uint8_t protocol, struct reply_chunk *room)
{
    assert(protocol == 2 || protocol == 3);
    reply->chain = (struct reply_chain){0};
    reply->protocol = protocol;
    reply->is_discarded = false;
    reply->error_count = 0;
    reply->error_code[0] = '\0';
    if (room) {
        assert(room->size == 0);
        room->next = NULL;
        reply_chain_push(&reply->chain, room);
    }
}

/* -- room in the chain -- */

/* A new tail with room for at least `size` bytes. A first chunk, and one behind a referenced value
 * (it may get no more than a CR LF), is small. */
__attribute__((noinline)) static void add_chunk(struct reply *reply, size_t size)
{
    const struct reply_chunk *tail = reply->chain.tail;
    bool is_small = (!tail || tail->kind == REPLY_CHUNK_SHARED) && size <= REPLY_CHUNK_SIZE_MIN;
    size_t capacity = is_small ? REPLY_CHUNK_SIZE_MIN : REPLY_CHUNK_SIZE;
    reply_chain_push(&reply->chain, reply_chunk_create(size > capacity ? size : capacity));
}

/* Where `size` bytes may be written in one piece. A shared chunk has capacity 0 and never fits. */
static inline char *reserve(struct reply *reply, size_t size)
{
    struct reply_chunk *tail = reply->chain.tail;
    if (unlikely(!tail || tail->size + size > tail->capacity)) {
        add_chunk(reply, size);
        tail = reply->chain.tail;
    }
    return tail->room + tail->size;
}

/* Counts what was written from where reserve pointed up to `end`. */
static inline void commit(struct reply *reply, const char *end)
{
    struct reply_chunk *tail = reply->chain.tail;
    size_t size = (size_t)(end - tail->room) - tail->size;
    assert(tail->size + size <= tail->capacity);
    tail->size += size;
    reply->chain.size += size;
}

/* Fills the tail's room and as many chunks more as it takes. */
__attribute__((noinline)) static void append_long(struct reply *reply, const char *data,
                                                  size_t size)
{
    while (size > 0) {
        struct reply_chunk *tail = reply->chain.tail;
        if (!tail || tail->kind == REPLY_CHUNK_SHARED || tail->size == tail->capacity) {
            add_chunk(reply, size < REPLY_CHUNK_SIZE ? size : REPLY_CHUNK_SIZE);
            tail = reply->chain.tail;
        }
        size_t room = tail->capacity - tail->size;
        size_t part = size < room ? size : room;
        memcpy(tail->room + tail->size, data, part);
        tail->size += part;
        reply->chain.size += part;
        data += part;
        size -= part;
    }
}

/* -- pieces -- */

static inline char *put(char *to, const void *data, size_t size)
{
    memcpy(to, data, size);
    return to + size;
}

static inline char *put_u64(char *to, uint64_t value)
{
    if (value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    if (value < 100) {
        to[0] = (char)('0' + value / 10);
        to[1] = (char)('0' + value % 10);
        return to + 2;
    }
    char digits[20];
    char *first = digits + sizeof(digits);
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(to, first, (size_t)(digits + sizeof(digits) - first));
}

static inline char *put_crlf(char *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return to + 2;
}

/* "<type><value>\r\n", at most HEADER_SIZE_MAX bytes. */
static inline char *put_header(char *to, char type, int64_t value)
{
    *to++ = type;
    uint64_t magnitude = (uint64_t)value;
    if (unlikely(value < 0)) {
        *to++ = '-';
        magnitude = 0 - magnitude;
    }
    return put_crlf(put_u64(to, magnitude));
}

static inline void write_header(struct reply *reply, char type, int64_t value)
{
    if (unlikely(reply->is_discarded))
        return;
    char *to = reserve(reply, HEADER_SIZE_MAX);
    commit(reply, put_header(to, type, value));
}

static void write_literal(struct reply *reply, struct bytes text)
{
    if (unlikely(reply->is_discarded))
        return;
    char *to = reserve(reply, text.size);
    commit(reply, put(to, text.data, text.size));
}

/* "<type><text>\r\n" */
static void write_line(struct reply *reply, char type, struct bytes text)
{
    if (reply->is_discarded)
        return;
    if (text.size > REPLY_CHUNK_SIZE_MIN) {
        commit(reply, put(reserve(reply, 1), &type, 1));
        append_long(reply, text.data, text.size);
        commit(reply, put_crlf(reserve(reply, 2)));
        return;
    }
    char *to = reserve(reply, text.size + 3);
    *to = type;
    commit(reply, put_crlf(put(to + 1, text.data, text.size)));
}

/* -- replies -- */

void reply_raw(struct reply *reply, const void *data, size_t size)
{
    if (!reply->is_discarded)
        append_long(reply, data, size);
}

void reply_ok(struct reply *reply)
{
    write_literal(reply, BYTES_LITERAL("+OK\r\n"));
}

void reply_integer(struct reply *reply, int64_t value)
{
    write_header(reply, ':', value);
}

/* A bulk whose bytes may be spread over chunks. */
__attribute__((noinline)) static void write_long_bulk(struct reply *reply, const void *data,
                                                      size_t size)
{
    write_header(reply, '$', (int64_t)size);
    append_long(reply, data, size);
    commit(reply, put_crlf(reserve(reply, 2)));
}

void reply_bulk(struct reply *reply, const void *data, size_t size)
{
    if (unlikely(reply->is_discarded))
        return;
    const struct reply_chunk *tail = reply->chain.tail;
    bool fits = tail && tail->size + size + HEADER_SIZE_MAX + 2 <= tail->capacity;
    if (unlikely(!fits && size > REPLY_CHUNK_SIZE_MIN - HEADER_SIZE_MAX - 2)) {
        write_long_bulk(reply, data, size);
        return;
    }
    char *to = put_header(reserve(reply, size + HEADER_SIZE_MAX + 2), '$', (int64_t)size);
    if (size > 0)
        to = put(to, data, size);
    commit(reply, put_crlf(to));
}

void reply_bulk_bytes(struct reply *reply, struct bytes bytes)
{
    reply_bulk(reply, bytes.data, bytes.size);
}

void reply_bulk_text(struct reply *reply, const char *text)
{
    reply_bulk(reply, text, strlen(text));
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    char digits[HEADER_SIZE_MAX];
    char *end = digits;
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        *end++ = '-';
        magnitude = 0 - magnitude;
    }
    end = put_u64(end, magnitude);
    reply_bulk(reply, digits, (size_t)(end - digits));
}

void reply_bulk_shared(struct reply *reply, struct shared_bytes *value)
{
    if (value->size < REPLY_SHARED_SIZE_MIN) {
        reply_bulk(reply, value->data, value->size);
        return;
    }
    if (reply->is_discarded)
        return;
    write_header(reply, '$', (int64_t)value->size);
    reply_chain_push(&reply->chain,
                     reply_chunk_create_shared(shared_bytes_acquire(value), 0, value->size));
    commit(reply, put_crlf(reserve(reply, 2)));
}

static void write_number_text(struct reply *reply, const char *text, size_t size)
{
    if (reply->protocol >= 3)
        write_line(reply, ',', bytes_of(text, size));
    else
        reply_bulk(reply, text, size);
}

void reply_double(struct reply *reply, double value)
{
    char text[128];
    size_t size = number_format_double(text, sizeof(text), value);
    write_number_text(reply, text, size);
}

void reply_long_double(struct reply *reply, long double value)
{
    char text[NUMBER_DOUBLE_TEXT_MAX];
    size_t size = number_format_long_double_human(text, sizeof(text), value);
    write_number_text(reply, text, size);
}

void reply_null(struct reply *reply)
{
    write_literal(reply, reply->protocol >= 3 ? BYTES_LITERAL("_\r\n") : BYTES_LITERAL("$-1\r\n"));
}

void reply_null_array(struct reply *reply)
{
    write_literal(reply, reply->protocol >= 3 ? BYTES_LITERAL("_\r\n") : BYTES_LITERAL("*-1\r\n"));
}

void reply_bool(struct reply *reply, bool value)
{
    if (reply->protocol >= 3)
        write_literal(reply, value ? BYTES_LITERAL("#t\r\n") : BYTES_LITERAL("#f\r\n"));
    else
        reply_integer(reply, value);
}

void reply_verbatim(struct reply *reply, const char *format, const void *data, size_t size)
{
    assert(strlen(format) == 3);
    if (reply->protocol < 3) {
        reply_bulk(reply, data, size);
        return;
    }
    if (reply->is_discarded)
        return;
    write_header(reply, '=', (int64_t)(size + 4));
    char *to = put(reserve(reply, 4), format, 3);
    *to = ':';
    commit(reply, to + 1);
    append_long(reply, data, size);
    commit(reply, put_crlf(reserve(reply, 2)));
}

void reply_big_number(struct reply *reply, const char *digits)
{
    if (reply->protocol >= 3)
        write_line(reply, '(', bytes_of_text(digits));
    else
        reply_bulk_text(reply, digits);
}

/* -- lines: statuses and errors -- */

/* The code is the first word; without one it counts as ERR, as in Redis. */
static void note_error(struct reply *reply, struct bytes text)
{
    reply->error_count++;
    size_t size_max = sizeof(reply->error_code) - 1;
    const char *space = memchr(text.data, ' ', text.size < size_max ? text.size : size_max);
    struct bytes code =
        space ? bytes_of(text.data, (size_t)(space - text.data)) : BYTES_LITERAL("ERR");
    memcpy(reply->error_code, code.data, code.size);
    reply->error_code[code.size] = '\0';
}

/* Trims line ends and turns the ones within into spaces: a reply is one line whatever is in it
 * (CVE-2025-67733). */
static struct bytes make_one_line(char *text, size_t size)
{
    while (size > 0 && (text[size - 1] == '\r' || text[size - 1] == '\n'))
        size--;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
    }
    return bytes_of(text, size);
}

static void write_error(struct reply *reply, char *text, size_t size)
{
    struct bytes line = make_one_line(text, size);
    note_error(reply, line);
    write_line(reply, '-', line);
}

void reply_simple(struct reply *reply, const char *text)
{
    size_t size = strlen(text);
    if (strpbrk(text, "\r\n") == NULL) {
        write_line(reply, '+', bytes_of(text, size));
        return;
    }
    char *copy = mem_dup(text, size);
    write_line(reply, '+', make_one_line(copy, size));
    mem_free(copy);
}

void reply_error(struct reply *reply, const char *text)
{
    if (text[0] == '-')
        text++;
    size_t size = strlen(text);
    if (strpbrk(text, "\r\n") == NULL) {
        note_error(reply, bytes_of(text, size));
        write_line(reply, '-', bytes_of(text, size));
        return;
    }
    char *copy = mem_dup(text, size);
    write_error(reply, copy, size);
    mem_free(copy);
}

void reply_errorf(struct reply *reply, const char *format, ...)
{
    struct buffer text;
    buffer_init(&text, ERROR_TEXT_MAX);
    bool has_code = format[0] == '-';
    int result = has_code ? 0 : buffer_append_text(&text, "ERR ");
    va_list args;
    va_start(args, format);
    if (result == 0)
        result = buffer_vprintf(&text, format + has_code, args);
    va_end(args);
    /* Too long to be an error text: the code alone remains. */
    if (result != 0 && text.size == 0 && buffer_append_text(&text, "ERR ") != 0)
        panic("no room for an error code");
    write_error(reply, text.data, text.size);
    buffer_deinit(&text);
}

/* -- aggregates -- */

void reply_array(struct reply *reply, int64_t count)
{
    write_header(reply, '*', count);
}

/* In RESP2 every aggregate is an array. */
static void write_aggregate(struct reply *reply, char type, int64_t count, int64_t width)
{
    if (reply->protocol >= 3)
        write_header(reply, type, count);
    else
        write_header(reply, '*', count * width);
}

void reply_map(struct reply *reply, int64_t pairs)
{
    write_aggregate(reply, '%', pairs, 2);
}

void reply_set(struct reply *reply, int64_t count)
{
    write_aggregate(reply, '~', count, 1);
}

void reply_push(struct reply *reply, int64_t count)
{
    write_aggregate(reply, '>', count, 1);
}

void reply_attribute(struct reply *reply, int64_t pairs)
{
    assert(reply->protocol >= 3);
    write_header(reply, '|', pairs);
}

void reply_help(struct reply *reply, const char *command, const char *const *lines)
{
    char head[128];
    size_t size = 0;
    for (; command[size] && size < 32; size++)
        head[size] = (char)toupper((unsigned char)command[size]);
    snprintf(head + size, sizeof(head) - size,
             " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    int64_t count = 0;
    while (lines[count])
        count++;
    reply_array(reply, count + 3);
    reply_simple(reply, head);
    for (int64_t i = 0; i < count; i++)
        reply_simple(reply, lines[i]);
    reply_simple(reply, "HELP");
    reply_simple(reply, "    Prints this help.");
}

/* -- deferred headers -- */

struct reply_mark reply_defer(struct reply *reply)
{
    struct reply_chunk *tail = reply->chain.tail;
    return (struct reply_mark){
        .chunk = tail, .offset = tail ? tail->size : 0, .chain_size = reply->chain.size};
}

/* Puts `chunk` behind `previous` (at the head when NULL). */
static void insert_chunk(struct reply_chain *chain, struct reply_chunk *previous,
                         struct reply_chunk *chunk)
{
    chunk->next = previous ? previous->next : chain->head;
    if (previous)
        previous->next = chunk;
    else
        chain->head = chunk;
    if (chain->tail == previous)
        chain->tail = chunk;
    chain->size += chunk->size;
}

/* Puts text into `chunk` at `offset`, before what is there already. False when there is no room. */
static bool insert_within(struct reply_chain *chain, struct reply_chunk *chunk, size_t offset,
                          struct bytes text)
{
    if (chunk->size + text.size > chunk->capacity)
        return false;
    assert(offset <= chunk->size);
    memmove(chunk->room + offset + text.size, chunk->room + offset, chunk->size - offset);
    memcpy(chunk->room + offset, text.data, text.size);
    chunk->size += text.size;
    chain->size += text.size;
    return true;
}

/* The bytes behind the mark move to a chunk of their own, with the header before them. What lies
 * before the mark stays where it is, so outer marks stay valid. */
static void insert_by_split(struct reply_chain *chain, struct reply_mark mark, struct bytes text)
{
    size_t moved = mark.chunk ? mark.chunk->size - mark.offset : 0;
    bool will_be_tail = chain->tail == mark.chunk;
    struct reply_chunk *chunk = reply_chunk_create(
        will_be_tail && moved + text.size < REPLY_CHUNK_SIZE ? REPLY_CHUNK_SIZE
                                                             : moved + text.size);
    char *end = put(chunk->room, text.data, text.size);
    if (moved > 0) {
        memcpy(end, mark.chunk->bytes + mark.offset, moved);
        mark.chunk->size = mark.offset;
        chain->size -= moved;
    }
    chunk->size = moved + text.size;
    insert_chunk(chain, mark.chunk, chunk);
}

static void insert_header(struct reply *reply, struct reply_mark mark, char type, int64_t count)
{
    if (reply->is_discarded)
        return;
    char text[HEADER_SIZE_MAX];
    struct bytes header = bytes_of(text, (size_t)(put_header(text, type, count) - text));
    struct reply_chain *chain = &reply->chain;
    if (mark.chunk && insert_within(chain, mark.chunk, mark.offset, header))
        return;
    bool is_at_head = !mark.chunk && chain->head && chain->head->size <= REPLY_CHUNK_SIZE_MIN;
    if (is_at_head && insert_within(chain, chain->head, 0, header))
        return;
    insert_by_split(chain, mark, header);
}

static void insert_aggregate(struct reply *reply, struct reply_mark mark, char type, int64_t count,
                             int64_t width)
{
    assert(count >= 0);
    if (reply->protocol >= 3)
        insert_header(reply, mark, type, count);
    else
        insert_header(reply, mark, '*', count * width);
}

void reply_defer_array(struct reply *reply, struct reply_mark mark, int64_t count)
{
    insert_aggregate(reply, mark, '*', count, 1);
}

void reply_defer_map(struct reply *reply, struct reply_mark mark, int64_t pairs)
{
    insert_aggregate(reply, mark, '%', pairs, 2);
}

void reply_defer_set(struct reply *reply, struct reply_mark mark, int64_t count)
{
    insert_aggregate(reply, mark, '~', count, 1);
}

void reply_defer_push(struct reply *reply, struct reply_mark mark, int64_t count)
{
    insert_aggregate(reply, mark, '>', count, 1);
}

void reply_rewind(struct reply *reply, struct reply_mark mark)
{
    struct reply_chain *chain = &reply->chain;
    struct reply_chunk *chunk = mark.chunk ? mark.chunk->next : chain->head;
    while (chunk) {
        struct reply_chunk *next = chunk->next;
        reply_chunk_free(chunk);
        chunk = next;
    }
    if (mark.chunk) {
        assert(mark.offset <= mark.chunk->size);
        mark.chunk->next = NULL;
        mark.chunk->size = mark.offset;
    } else {
        chain->head = NULL;
    }
    chain->tail = mark.chunk;
    chain->size = mark.chain_size;
}
