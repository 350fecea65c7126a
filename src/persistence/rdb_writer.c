/* Lengths, strings and numbers of the RDB format. Any thread. Machines are little endian here. */
#include "persistence/rdb_writer.h"
#include "base/memory.h"
#include "base/number.h"
#include "persistence/rdb_format.h"
#include <liblzf/lzf.h>

enum {
    INTEGER_TEXT_MAX = 11, /* longer texts are no 32-bit integers */
    COMPRESS_SIZE_MIN = 21
};

void rdb_writer_init(struct rdb_writer *writer, size_t size_max, unsigned version, bool compresses)
{
    *writer = (struct rdb_writer){.version = version, .compresses = compresses};
    buffer_init(&writer->buffer, size_max);
}

void rdb_writer_deinit(struct rdb_writer *writer)
{
    buffer_deinit(&writer->buffer);
}

void rdb_write_raw(struct rdb_writer *writer, const void *data, size_t size)
{
    if (writer->has_failed)
        return;
    if (buffer_append(&writer->buffer, data, size) < 0)
        writer->has_failed = true;
    else if (writer->flush && writer->buffer.size >= RDB_WRITER_FLUSH_SIZE)
        writer->has_failed = writer->flush(writer->context, &writer->buffer) < 0;
}

void rdb_write_byte(struct rdb_writer *writer, unsigned byte)
{
    uint8_t value = (uint8_t)byte;
    rdb_write_raw(writer, &value, 1);
}

void rdb_write_length(struct rdb_writer *writer, uint64_t length)
{
    uint8_t bytes[9];
    size_t size = 1;
    if (length < 1 << 6) {
        bytes[0] = (uint8_t)length;
    } else if (length < 1 << 14) {
        bytes[0] = (uint8_t)(RDB_LENGTH_14_BITS << 6 | length >> 8);
        bytes[1] = (uint8_t)length;
        size = 2;
    } else {
        bool is_wide = length > UINT32_MAX;
        uint64_t big_endian = __builtin_bswap64(is_wide ? length : length << 32);
        size = is_wide ? 9 : 5;
        bytes[0] = is_wide ? RDB_LENGTH_64_BITS : RDB_LENGTH_32_BITS;
        memcpy(bytes + 1, &big_endian, size - 1);
    }
    rdb_write_raw(writer, bytes, size);
}

/* -- strings -- */

static bool write_as_integer(struct rdb_writer *writer, int64_t value)
{
    unsigned code = RDB_STRING_INT32;
    size_t size = 4;
    if (value < INT32_MIN || value > INT32_MAX)
        return false;
    if (value >= INT8_MIN && value <= INT8_MAX) {
        code = RDB_STRING_INT8;
        size = 1;
    } else if (value >= INT16_MIN && value <= INT16_MAX) {
        code = RDB_STRING_INT16;
        size = 2;
    }
    rdb_write_byte(writer, RDB_LENGTH_ENCODED << 6 | code);
    rdb_write_raw(writer, &value, size);
    return true;
}

void rdb_write_compressed(struct rdb_writer *writer, struct bytes compressed, size_t size)
{
    rdb_write_byte(writer, RDB_LENGTH_ENCODED << 6 | RDB_STRING_LZF);
    rdb_write_length(writer, compressed.size);
    rdb_write_length(writer, size);
    rdb_write_raw(writer, compressed.data, compressed.size);
}

static bool write_as_compressed(struct rdb_writer *writer, struct bytes text)
{
    /* Less than four bytes saved is nothing saved. */
    size_t room = text.size - 4;
    char *compressed = mem_try_alloc(room);
    if (!compressed)
        return false;
    unsigned size = lzf_compress(text.data, (unsigned)text.size, compressed, (unsigned)room);
    if (size)
        rdb_write_compressed(writer, bytes_of(compressed, size), text.size);
    mem_free(compressed);
    return size > 0;
}

void rdb_write_string(struct rdb_writer *writer, struct bytes text)
{
    int64_t integer;
    if (text.size <= INTEGER_TEXT_MAX && number_parse_i64(text, &integer) &&
        write_as_integer(writer, integer))
        return;
    if (writer->compresses && text.size >= COMPRESS_SIZE_MIN && text.size <= UINT32_MAX &&
        write_as_compressed(writer, text))
        return;
    rdb_write_length(writer, text.size);
    rdb_write_raw(writer, text.data, text.size);
}

void rdb_write_string_integer(struct rdb_writer *writer, int64_t value)
{
    char text[NUMBER_I64_TEXT_MAX];
    if (write_as_integer(writer, value))
        return;
    size_t size = number_format_i64(text, value);
    rdb_write_length(writer, size);
    rdb_write_raw(writer, text, size);
}

/* -- numbers -- */

void rdb_write_double(struct rdb_writer *writer, double value)
{
    rdb_write_raw(writer, &value, sizeof(value));
}

void rdb_write_ms(struct rdb_writer *writer, int64_t time_ms)
{
    rdb_write_raw(writer, &time_ms, sizeof(time_ms));
}
