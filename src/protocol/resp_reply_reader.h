/* Client side: reads replies (RESP2 and RESP3, all types, nested) from a growing input. Used by
 * redis-cli, redis-benchmark, replication and tests. Hostile servers are expected: depth, sizes and
 * counts are bounded, and memory grows with what arrived, never with what was announced
 * (CVE-2021-32762). One owner; any thread.
 */
#ifndef PROTOCOL_RESP_REPLY_READER_H
#define PROTOCOL_RESP_REPLY_READER_H

#include "base/assert.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPLY_DEPTH_MAX = 128,               /* aggregates within aggregates */
    REPLY_LINE_SIZE_MAX = 1024 * 1024,   /* a status, an error, a number, a header */
    REPLY_COUNT_MAX = 1024 * 1024 * 1024 /* elements of one aggregate */
};

enum reply_type {
    REPLY_STRING,  /* $ */
    REPLY_STATUS,  /* + */
    REPLY_ERROR,   /* - and ! */
    REPLY_INTEGER, /* : */
    REPLY_NIL,     /* $-1 *-1 _ */
    REPLY_ARRAY,
    REPLY_MAP, /* count is twice the pairs */
    REPLY_SET,
    REPLY_PUSH,
    REPLY_ATTRIBUTE,
    REPLY_DOUBLE,
    REPLY_BOOL,
    REPLY_BIG_NUMBER,
    REPLY_VERBATIM
};

struct reply_value {
    enum reply_type type;
    bool is_null_array; /* REPLY_NIL that was "*-1" */
    char format[4];     /* of a verbatim string */
    int64_t integer;    /* also of REPLY_BOOL */
    double number;      /* REPLY_DOUBLE; text keeps its digits */
    struct bytes text;  /* owned by the value, NUL-terminated */
    size_t count;
    struct reply_value *elements; /* attributes within an aggregate are elements of their own */
};

struct reply_reader;

struct reply_reader *reply_reader_create(void);
void reply_reader_destroy(struct reply_reader *reader);
/* Bytes kept unread, and the size of one bulk; default 1 GB. */
void reply_reader_set_size_max(struct reply_reader *reader, size_t size_max);
/* Copies input. 0, or -1 past the maximum. */
int reply_reader_feed(struct reply_reader *reader, const void *data, size_t size)
    __attribute__((warn_unused_result));
/* Where up to `size` bytes may be received, then reply_reader_commit. NULL past the maximum. */
char *reply_reader_reserve(struct reply_reader *reader, size_t size);
void reply_reader_commit(struct reply_reader *reader, size_t size);
/* 1 and a value that the caller frees; 0 when more input is needed; -1 on a protocol error (error
 * text by reply_reader_error), and ever after. A push, and an attribute in front of a reply, are
 * values of their own here: the reply follows. */
int reply_reader_next(struct reply_reader *reader, struct reply_value **value) MUST_CHECK;
/* As next, but only skips: for benchmarks. *type is the top-level type; allocates nothing. Not
 * while next has returned 0, nor the other way round. */
int reply_reader_skip(struct reply_reader *reader, enum reply_type *type) MUST_CHECK;
/* The first line (without its type byte) of the reply that was skipped last: the text of an error
 * or a status. Valid until the next call. */
struct bytes reply_reader_skipped_line(const struct reply_reader *reader);
const char *reply_reader_error(const struct reply_reader *reader);
void reply_value_free(struct reply_value *value);

#endif
