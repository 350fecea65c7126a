/* Lengths, strings and numbers of the RDB format, checked. Any thread. */
#include "persistence/rdb_reader.h"
#include "base/memory.h"
#include "persistence/rdb_format.h"
#include <liblzf/lzf.h>
#include <math.h>

enum {
    /* LZF makes at most 264 bytes of three. */
    LZF_FACTOR_MAX = 88,
    DOUBLE_TEXT_NAN = 253,
    DOUBLE_TEXT_INFINITY = 254,
    DOUBLE_TEXT_MINUS_INFINITY = 255
};

bool rdb_read_raw(struct rdb_reader *reader, void *destination, size_t size)
{
    if (rdb_reader_left(reader) < size)
        return false;
    memcpy(destination, reader->at, size);
    reader->at += size;
    return true;
}

bool rdb_read_byte(struct rdb_reader *reader, uint8_t *byte)
{
    return rdb_read_raw(reader, byte, 1);
}

/* A length, or with *is_encoded the code of a string's encoding. */
static bool read_length(struct rdb_reader *reader, uint64_t *length, bool *is_encoded)
{
    uint8_t first;
    uint8_t second;
    uint32_t length_32;
    *is_encoded = false;
    if (!rdb_read_byte(reader, &first))
        return false;
    switch (first >> 6) {
    case RDB_LENGTH_6_BITS:
        *length = first;
        return true;
    case RDB_LENGTH_14_BITS:
        if (!rdb_read_byte(reader, &second))
            return false;
        *length = (uint64_t)(first & 63) << 8 | second;
        return true;
    case RDB_LENGTH_ENCODED:
        *is_encoded = true;
        *length = first & 63;
        return true;
    default:
        break;
    }
    if (first == RDB_LENGTH_32_BITS) {
        if (!rdb_read_raw(reader, &length_32, sizeof(length_32)))
            return false;
        *length = __builtin_bswap32(length_32);
        return true;
    }
    if (first != RDB_LENGTH_64_BITS || !rdb_read_raw(reader, length, sizeof(*length)))
        return false;
    *length = __builtin_bswap64(*length);
    return true;
}

bool rdb_read_length(struct rdb_reader *reader, uint64_t *length)
{
    bool is_encoded;
    return read_length(reader, length, &is_encoded) && !is_encoded;
}

bool rdb_read_count(struct rdb_reader *reader, size_t size_min, size_t *count)
{
    uint64_t length;
    if (!rdb_read_length(reader, &length) || length > rdb_reader_left(reader) / size_min)
        return false;
    *count = length;
    return true;
}

/* -- strings -- */

static bool read_integer_text(struct rdb_reader *reader, size_t size, struct rdb_string *string)
{
    int64_t value = 0;
    unsigned unused_bits = (unsigned)(64 - size * 8);
    if (!rdb_read_raw(reader, &value, size))
        return false;
    value = (int64_t)((uint64_t)value << unused_bits) >> unused_bits;
    string->text = bytes_of(string->scratch, number_format_i64(string->scratch, value));
    return true;
}

static bool read_compressed(struct rdb_reader *reader, struct rdb_string *string)
{
    uint64_t compressed_size;
    uint64_t size;
    if (!rdb_read_length(reader, &compressed_size) || !rdb_read_length(reader, &size) ||
        compressed_size > rdb_reader_left(reader) || compressed_size == 0 || size == 0 ||
        compressed_size > UINT32_MAX || size > UINT32_MAX ||
        size > compressed_size * LZF_FACTOR_MAX)
        return false;
    char *text = mem_try_alloc(size);
    if (!text)
        return false;
    if (lzf_decompress(reader->at, (unsigned)compressed_size, text, (unsigned)size) != size) {
        mem_free(text);
        return false;
    }
    reader->at += compressed_size;
    string->owned = text;
    string->text = bytes_of(text, size);
    return true;
}

bool rdb_read_string(struct rdb_reader *reader, struct rdb_string *string)
{
    uint64_t length;
    bool is_encoded;
    string->owned = NULL;
    if (!read_length(reader, &length, &is_encoded))
        return false;
    if (!is_encoded) {
        if (length > rdb_reader_left(reader))
            return false;
        string->text = bytes_of(reader->at, length);
        reader->at += length;
        return true;
    }
    switch (length) {
    case RDB_STRING_INT8:
    case RDB_STRING_INT16:
    case RDB_STRING_INT32:
        return read_integer_text(reader, (size_t)1 << length, string);
    case RDB_STRING_LZF:
        return read_compressed(reader, string);
    default:
        return false;
    }
}

void rdb_string_deinit(struct rdb_string *string)
{
    mem_free(string->owned);
    string->owned = NULL;
}

/* -- numbers -- */

bool rdb_read_double(struct rdb_reader *reader, double *value)
{
    return rdb_read_raw(reader, value, sizeof(*value));
}

bool rdb_read_double_text(struct rdb_reader *reader, double *value)
{
    uint8_t size;
    if (!rdb_read_byte(reader, &size))
        return false;
    switch (size) {
    case DOUBLE_TEXT_NAN:
        *value = NAN;
        return true;
    case DOUBLE_TEXT_INFINITY:
        *value = INFINITY;
        return true;
    case DOUBLE_TEXT_MINUS_INFINITY:
        *value = -INFINITY;
        return true;
    default:
        break;
    }
    struct bytes text = bytes_of(reader->at, size);
    if (size > rdb_reader_left(reader) || !number_parse_double(text, value))
        return false;
    reader->at += size;
    return true;
}

bool rdb_read_ms(struct rdb_reader *reader, int64_t *time_ms)
{
    return rdb_read_raw(reader, time_ms, sizeof(*time_ms));
}
