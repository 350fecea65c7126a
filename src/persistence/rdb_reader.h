/* Reading what rdb_writer.h writes, from bytes that may be anybody's. Every function returns false
 * (or NULL) when the bytes do not allow what is asked; nothing is read beyond the end, and nothing
 * is allocated that the bytes there are cannot fill. One owner, any thread.
 */
#ifndef PERSISTENCE_RDB_READER_H
#define PERSISTENCE_RDB_READER_H

#include "base/bytes.h"
#include "base/number.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdb_reader {
    const uint8_t *at;
    const uint8_t *end;
};

/* A string: its text is in the bytes read, in `scratch`, or owned. Do not copy the struct. */
struct rdb_string {
    struct bytes text;
    char *owned;
    char scratch[NUMBER_I64_TEXT_MAX];
};

static inline struct rdb_reader rdb_reader_of(struct bytes bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    return (struct rdb_reader){at, at + bytes.size};
}

static inline size_t rdb_reader_left(const struct rdb_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

bool rdb_read_raw(struct rdb_reader *reader, void *destination, size_t size);
bool rdb_read_byte(struct rdb_reader *reader, uint8_t *byte);
bool rdb_read_length(struct rdb_reader *reader, uint64_t *length);
/* A length of things that take at least `size_min` bytes each: more than can follow is refused. */
bool rdb_read_count(struct rdb_reader *reader, size_t size_min, size_t *count);
/* To be ended with rdb_string_deinit, when it returns true. */
bool rdb_read_string(struct rdb_reader *reader, struct rdb_string *string);
void rdb_string_deinit(struct rdb_string *string);
bool rdb_read_double(struct rdb_reader *reader, double *value);
/* The old form of doubles: a size byte (or a code for infinities and NaN) and text. */
bool rdb_read_double_text(struct rdb_reader *reader, double *value);
bool rdb_read_ms(struct rdb_reader *reader, int64_t *time_ms);

#endif
