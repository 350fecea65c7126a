/* Writing the parts that values of RDB files and DUMP payloads are made of: lengths, strings,
 * numbers. What is written collects in a buffer; with `flush` it goes on from there when enough has
 * come together. A failure (the buffer's maximum, flush) is remembered, and writing does nothing
 * afterwards. One owner, any thread.
 */
#ifndef PERSISTENCE_RDB_WRITER_H
#define PERSISTENCE_RDB_WRITER_H

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RDB_WRITER_FLUSH_SIZE = 64 * 1024 };

struct rdb_writer {
    struct buffer buffer;
    unsigned
        version; /* RDB version of what is written: newer forms are used only when it has them */
    bool compresses; /* longer strings as LZF, where that is shorter */
    bool has_failed;
    /* Takes the buffer's content and clears it; 0 or -1. NULL: everything stays in the buffer. */
    int (*flush)(void *context, struct buffer *buffer);
    void *context;
};

void rdb_writer_init(struct rdb_writer *writer, size_t size_max, unsigned version, bool compresses);
void rdb_writer_deinit(struct rdb_writer *writer);

void rdb_write_raw(struct rdb_writer *writer, const void *data, size_t size);
void rdb_write_byte(struct rdb_writer *writer, unsigned byte);
void rdb_write_length(struct rdb_writer *writer, uint64_t length);
/* As an integer when it is the text of a small one, compressed when that helps, else as it is. */
void rdb_write_string(struct rdb_writer *writer, struct bytes text);
void rdb_write_string_integer(struct rdb_writer *writer, int64_t value);
/* A string that is LZF already; `size` is that of the original. */
void rdb_write_compressed(struct rdb_writer *writer, struct bytes compressed, size_t size);
/* Eight bytes each. */
void rdb_write_double(struct rdb_writer *writer, double value);
void rdb_write_ms(struct rdb_writer *writer, int64_t time_ms);

#endif
