/* Writes replies in RESP2 or RESP3 into a reply chain. Redis 8.0's encodings exactly: null in RESP2
 * is "$-1", null array "*-1", maps and sets become arrays, doubles bulk strings, booleans integers.
 * Main thread (tools and tests use it too); never fails (memory short aborts).
 */
#ifndef PROTOCOL_RESP_WRITER_H
#define PROTOCOL_RESP_WRITER_H

#include "protocol/reply_chain.h"
#include <stdbool.h>
#include <stdint.h>

struct reply {
    struct reply_chain chain;
    uint8_t protocol;     /* 2 or 3 */
    bool is_discarded;    /* CLIENT REPLY OFF or SKIP: everything is dropped */
    uint32_t error_count; /* errors written since reply_begin */
    char error_code[32];  /* first word of the last one: "WRONGTYPE" */
};

/* Where a deferred header goes (reply_defer). */
struct reply_mark {
    struct reply_chunk *chunk;
    size_t offset;
    size_t chain_size; /* of the chain when marked */
};

/* An empty reply. `room` (may be NULL) is an empty chunk to be filled first: the chain then has a
 * chunk even while chain.size is 0. */
void reply_begin(struct reply *reply, uint8_t protocol, struct reply_chunk *room);

void reply_raw(struct reply *reply, const void *data, size_t size);
void reply_ok(struct reply *reply);                       /* +OK */
void reply_simple(struct reply *reply, const char *text); /* +text; CR and LF become spaces */
/* "-text": the text begins with its code ("WRONGTYPE Operation..."); CR and LF become spaces. */
void reply_error(struct reply *reply, const char *text);
/* "-ERR ..." when the format's result does not begin with '-'; with '-' the code follows it. */
void reply_errorf(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For "%.*s" in reply_errorf: what an error text has room for. Redis quotes whatever was sent. */
enum { REPLY_QUOTED_MAX = 32 * 1024 };
static inline int reply_quoted_size(struct bytes text)
{
    return (int)(text.size < REPLY_QUOTED_MAX ? text.size : REPLY_QUOTED_MAX);
}
void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, const void *data, size_t size);
void reply_bulk_bytes(struct reply *reply, struct bytes bytes);
void reply_bulk_text(struct reply *reply, const char *text);
void reply_bulk_integer(struct reply *reply, int64_t value);
/* Points at the value when it is large enough (takes a reference itself), else copies. */
void reply_bulk_shared(struct reply *reply, struct shared_bytes *value);
void reply_double(struct reply *reply, double value);
/* The "human" form (up to 17 digits behind the point, no exponent): a bulk, or "," in RESP3. */
void reply_long_double(struct reply *reply, long double value);
void reply_null(struct reply *reply);       /* "$-1" or "_" */
void reply_null_array(struct reply *reply); /* "*-1" or "_" */
void reply_bool(struct reply *reply, bool value);
void reply_array(struct reply *reply, int64_t count);
void reply_map(struct reply *reply, int64_t pairs);
void reply_set(struct reply *reply, int64_t count);
void reply_push(struct reply *reply, int64_t count);
/* RESP3 only (asserted). */
void reply_attribute(struct reply *reply, int64_t pairs);
/* "=" with a three-letter format ("txt"), a bulk in RESP2. */
void reply_verbatim(struct reply *reply, const char *format, const void *data, size_t size);
void reply_big_number(struct reply *reply, const char *digits);
/* The lines as an array of simple strings (XXX HELP); ends at NULL. */
void reply_help(struct reply *reply, const char *command, const char *const *lines);

/* For a count known only at the end: leave a mark, write the elements, then set the header. Marks
 * nest; they are closed inner first. */
struct reply_mark reply_defer(struct reply *reply);
void reply_defer_array(struct reply *reply, struct reply_mark mark, int64_t count);
void reply_defer_map(struct reply *reply, struct reply_mark mark, int64_t pairs);
void reply_defer_set(struct reply *reply, struct reply_mark mark, int64_t count);
void reply_defer_push(struct reply *reply, struct reply_mark mark, int64_t count);
/* Forgets everything written since the mark. */
void reply_rewind(struct reply *reply, struct reply_mark mark);

#endif
