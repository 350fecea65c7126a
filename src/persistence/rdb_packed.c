/* Packed forms from outside. Any thread.
 *
 *   ziplist   u32 size │ u32 offset of the last entry │ u16 count, or 65535 │ entry … │ 0xff
 *     entry   size of the entry before (1 byte, or 0xfe and u32) │ encoding │ data
 *   zipmap    u8 count, or 254 │ size, name, size, u8 spare, value, spare bytes │ … │ 0xff
 *     size    1 byte, or 0xfe and u32
 *
 * Each is converted by one walk that checks what it reads, so there is no validator that could see
 * other entries than the iterator.
 */
#include "persistence/rdb_packed.h"
#include "base/hash.h"
#include "types/sample.h"

enum {
    ZIPLIST_HEADER_SIZE = 10,
    ZIPLIST_SIZE_MIN = 11,
    ZIPMAP_SIZE_MIN = 2,
    COUNT_UNKNOWN = 65535,
    SIZE_IS_WIDE = 254,
    END = 255
};

/* -- listpacks -- */

static bool is_canonical(const struct listpack *pack)
{
    int64_t integer;
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at)) {
        struct listpack_value value = listpack_get(pack, at);
        if (value.data && number_parse_i64(bytes_of(value.data, value.size), &integer))
            return false;
    }
    return true;
}

struct listpack *rdb_pack_of_listpack(struct bytes bytes)
{
    if (!listpack_validate(bytes.data, bytes.size) || bytes.size > LISTPACK_SIZE_MAX)
        return NULL;
    struct listpack *pack = listpack_of_bytes(bytes.data, bytes.size);
    if (is_canonical(pack))
        return pack;
    struct listpack *canonical = listpack_create(bytes.size);
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at))
        listpack_append_value(&canonical, listpack_get(pack, at));
    listpack_free(pack);
    return canonical;
}

/* -- ziplists -- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end; /* of what may be read */
};

static bool take(struct cursor *cursor, void *destination, size_t size)
{
    if ((size_t)(cursor->end - cursor->at) < size)
        return false;
    memcpy(destination, cursor->at, size);
    cursor->at += size;
    return true;
}

static bool take_text(struct cursor *cursor, size_t size, struct listpack_value *value)
{
    if ((size_t)(cursor->end - cursor->at) < size)
        return false;
    *value = (struct listpack_value){.data = (const char *)cursor->at, .size = size};
    cursor->at += size;
    return true;
}

/* The size of the entry before; the wide form must not be used where the short one does. */
static bool take_previous_size(struct cursor *cursor, uint32_t *size)
{
    uint8_t first;
    if (!take(cursor, &first, 1) || first == END)
        return false;
    *size = first;
    return first < SIZE_IS_WIDE || take(cursor, size, sizeof(*size));
}

static bool take_integer(struct cursor *cursor, size_t size, struct listpack_value *value)
{
    int64_t integer = 0;
    unsigned unused_bits = (unsigned)(64 - size * 8);
    if (!take(cursor, &integer, size))
        return false;
    integer = (int64_t)((uint64_t)integer << unused_bits) >> unused_bits;
    *value = (struct listpack_value){.integer = integer};
    return true;
}

static bool take_ziplist_text(struct cursor *cursor, uint8_t first, struct listpack_value *value)
{
    uint8_t low;
    uint32_t size;
    if (first >> 6 == 0)
        return take_text(cursor, first & 63, value);
    if (first >> 6 == 1)
        return take(cursor, &low, 1) && take_text(cursor, (size_t)(first & 63) << 8 | low, value);
    return first == 0x80 && take(cursor, &size, sizeof(size)) &&
           take_text(cursor, __builtin_bswap32(size), value);
}

static bool take_ziplist_value(struct cursor *cursor, struct listpack_value *value)
{
    uint8_t first;
    if (!take(cursor, &first, 1))
        return false;
    if (first < 0xc0)
        return take_ziplist_text(cursor, first, value);
    switch (first) {
    case 0xc0:
        return take_integer(cursor, 2, value);
    case 0xd0:
        return take_integer(cursor, 4, value);
    case 0xe0:
        return take_integer(cursor, 8, value);
    case 0xf0:
        return take_integer(cursor, 3, value);
    case 0xfe:
        return take_integer(cursor, 1, value);
    default:
        break;
    }
    if (first < 0xf1 || first > 0xfd)
        return false;
    *value = (struct listpack_value){.integer = (first & 15) - 1};
    return true;
}

static bool append(struct listpack **pack, struct listpack_value value)
{
    if (!listpack_can_add(*pack, value.data ? value.size : 0))
        return false;
    listpack_append_value(pack, value);
    return true;
}

static bool convert_ziplist(struct listpack **pack, struct bytes bytes)
{
    const uint8_t *begin = (const uint8_t *)bytes.data;
    struct cursor cursor = {begin, begin + bytes.size};
    uint32_t size;
    uint32_t last;
    uint16_t count;
    if (bytes.size < ZIPLIST_SIZE_MIN || bytes.size > LISTPACK_SIZE_MAX ||
        begin[bytes.size - 1] != END || !take(&cursor, &size, sizeof(size)) ||
        !take(&cursor, &last, sizeof(last)) || !take(&cursor, &count, sizeof(count)) ||
        size != bytes.size)
        return false;
    cursor.end--;
    uint32_t found = 0;
    uint32_t previous = 0;
    const uint8_t *entry = cursor.at;
    for (; cursor.at < cursor.end; found++) {
        uint32_t stated;
        struct listpack_value value;
        entry = cursor.at;
        if (!take_previous_size(&cursor, &stated) || stated != previous ||
            !take_ziplist_value(&cursor, &value) || !append(pack, value))
            return false;
        previous = (uint32_t)(cursor.at - entry);
    }
    return last == (uint32_t)(entry - begin) && (count == COUNT_UNKNOWN || count == found);
}

struct listpack *rdb_pack_of_ziplist(struct bytes bytes)
{
    struct listpack *pack = listpack_create(0);
    if (convert_ziplist(&pack, bytes))
        return pack;
    listpack_free(pack);
    return NULL;
}

/* -- zipmaps -- */

static bool take_zipmap_size(struct cursor *cursor, uint32_t *size)
{
    uint8_t first;
    if (!take(cursor, &first, 1) || first == END)
        return false;
    *size = first;
    if (first < SIZE_IS_WIDE)
        return true;
    /* Overlong sizes are refused (CVE-2026-25243). */
    return take(cursor, size, sizeof(*size)) && *size >= SIZE_IS_WIDE;
}

static bool convert_zipmap(struct listpack **pack, struct bytes bytes)
{
    const uint8_t *begin = (const uint8_t *)bytes.data;
    struct cursor cursor = {begin, begin + bytes.size};
    uint8_t count;
    if (bytes.size < ZIPMAP_SIZE_MIN || bytes.size > LISTPACK_SIZE_MAX ||
        begin[bytes.size - 1] != END || !take(&cursor, &count, 1))
        return false;
    cursor.end--;
    uint32_t found = 0;
    for (; cursor.at < cursor.end; found++) {
        uint32_t size;
        uint8_t spare;
        struct listpack_value name;
        struct listpack_value value;
        struct listpack_value unused;
        if (!take_zipmap_size(&cursor, &size) || !take_text(&cursor, size, &name) ||
            !take_zipmap_size(&cursor, &size) || !take(&cursor, &spare, 1) ||
            !take_text(&cursor, size, &value) || !take_text(&cursor, spare, &unused) ||
            !append(pack, name) || !append(pack, value))
            return false;
    }
    return count >= SIZE_IS_WIDE || count == found;
}

struct listpack *rdb_pack_of_zipmap(struct bytes bytes)
{
    struct listpack *pack = listpack_create(0);
    if (convert_zipmap(&pack, bytes))
        return pack;
    listpack_free(pack);
    return NULL;
}

/* -- what a listpack may be -- */

bool rdb_pack_is_distinct(const struct listpack *pack, uint32_t width)
{
    uint32_t count = listpack_count(pack);
    if (count == 0 || count % width)
        return false;
    struct distinct seen;
    distinct_init(&seen, count / width);
    uint32_t at = listpack_first(pack);
    bool is_distinct = true;
    while (at && is_distinct) {
        char scratch[NUMBER_I64_TEXT_MAX];
        struct bytes text = listpack_text(pack, at, scratch);
        /* Keyed: nobody can make two names look alike. */
        is_distinct = distinct_add(&seen, hash_bytes(text.data, text.size) >> 1);
        for (uint32_t i = 0; i < width && at; i++)
            at = listpack_next(pack, at);
    }
    distinct_deinit(&seen);
    return is_distinct;
}

static bool read_score(const struct listpack *pack, uint32_t at, double *score)
{
    struct listpack_value value = listpack_get(pack, at);
    if (value.data)
        return number_parse_double(bytes_of(value.data, value.size), score);
    *score = (double)value.integer;
    return true;
}

bool rdb_pack_is_zset(const struct listpack *pack)
{
    if (!rdb_pack_is_distinct(pack, 2))
        return false;
    double last_score = 0;
    uint32_t last = 0;
    for (uint32_t at = listpack_first(pack); at;) {
        uint32_t score_at = listpack_next(pack, at);
        char scratch[2][NUMBER_I64_TEXT_MAX];
        double score;
        if (!read_score(pack, score_at, &score))
            return false;
        if (last &&
            (score < last_score ||
             (score == last_score && bytes_compare(listpack_text(pack, last, scratch[0]),
                                                   listpack_text(pack, at, scratch[1])) > 0)))
            return false;
        last = at;
        last_score = score;
        at = listpack_next(pack, score_at);
    }
    return true;
}

bool rdb_pack_is_expiring_hash(const struct listpack *pack, int64_t time_max)
{
    if (!rdb_pack_is_distinct(pack, 3))
        return false;
    int64_t last = 1;
    uint32_t at = listpack_first(pack);
    while (at) {
        at = listpack_next(pack, listpack_next(pack, at));
        struct listpack_value time = listpack_get(pack, at);
        bool is_ordered = time.integer == 0 || (last != 0 && time.integer >= last);
        if (time.data || time.integer < 0 || time.integer > time_max || !is_ordered)
            return false;
        last = time.integer;
        at = listpack_next(pack, at);
    }
    return true;
}
