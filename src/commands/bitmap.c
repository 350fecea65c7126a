/* Strings as arrays of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Main thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/bitmap_common.h"
#include "commands/command_rows.h"
#include "structures/bits.h"

bool bitmap_writable(struct call *call, struct key key, uint64_t last, char **data, bool *grew)
{
    const struct entry *entry = db_find_write(call->db, key);
    size_t size = (size_t)(last / 8) + 1;
    if (entry && !entry_is_string(entry))
        return call_wrong_type(call);
    *grew = !entry || entry_string_size(entry) < size;
    if (db_string_writable(call->db, key, size, data))
        return true;
    reply_error(call->reply, "ERR insufficient memory for a string of that size");
    return false;
}

/* -- single bits -- */

static void setbit_command(struct call *call)
{
    uint64_t offset;
    int64_t value;
    if (!bitmap_offset(call, 2, 0, &offset))
        return;
    if (!number_parse_i64(call->argv[3], &value) || (value != 0 && value != 1)) {
        reply_error(call->reply, "ERR bit is not an integer or out of range");
        return;
    }
    struct key key = call_key(call, 1);
    char *data;
    bool grew;
    if (!bitmap_writable(call, key, offset, &data, &grew))
        return;
    unsigned char *byte = (unsigned char *)data + offset / 8;
    unsigned mask = 0x80u >> (offset % 8);
    int64_t old = (*byte & mask) != 0;
    if (old != value)
        *byte = (unsigned char)(*byte ^ mask);
    if (grew || old != value) {
        call->dirty++;
        db_changed(call->db, key.name, KEY_CLASS_STRING, "setbit");
    }
    reply_integer(call->reply, old);
}

static void getbit_command(struct call *call)
{
    uint64_t offset;
    char scratch[NUMBER_I64_TEXT_MAX];
    const struct entry *entry;
    struct bytes string;
    if (!bitmap_offset(call, 2, 0, &offset) ||
        !bitmap_read(call, call_key(call, 1), &entry, scratch, &string))
        return;
    bool is_set =
        offset / 8 < string.size && (unsigned char)string.data[offset / 8] & 0x80u >> (offset % 8);
    reply_integer(call->reply, is_set);
}

/* -- ranges -- */

struct bit_range {
    bool has_start;
    bool has_end;
    bool is_in_bits; /* else the ends count bytes */
    int64_t start;
    int64_t end;
};

static bool parse_unit(struct call *call, int index, struct bit_range *range)
{
    range->is_in_bits = call_is(call, index, "bit");
    return range->is_in_bits || call_is(call, index, "byte") || call_syntax_error(call);
}

/* The range as bits of a string of `size` bytes; false when it is empty. */
static bool resolve_bit_range(const struct bit_range *range, size_t size, uint64_t *first,
                              uint64_t *last)
{
    int64_t total = (int64_t)(range->is_in_bits ? size * 8 : size);
    int64_t start = range->has_start ? range->start : 0;
    int64_t end = range->has_end ? range->end : total - 1;
    if (start < 0)
        start = start < -total ? 0 : start + total;
    if (end < 0)
        end = end < -total ? 0 : end + total;
    if (end >= total)
        end = total - 1;
    if (start > end)
        return false;
    *first = (uint64_t)(range->is_in_bits ? start : start * 8);
    *last = (uint64_t)(range->is_in_bits ? end : end * 8 + 7);
    return true;
}

/* [start end [BYTE|BIT]] */
static bool parse_count_range(struct call *call, struct bit_range *range)
{
    if (call->argc == 2)
        return true;
    if (call->argc == 3 || call->argc > 5)
        return call_syntax_error(call);
    range->has_start = true;
    range->has_end = true;
    return call_integer(call, 2, &range->start, NULL) && call_integer(call, 3, &range->end, NULL) &&
           (call->argc == 4 || parse_unit(call, 4, range));
}

static void bitcount_command(struct call *call)
{
    struct bit_range range = {0};
    char scratch[NUMBER_I64_TEXT_MAX];
    const struct entry *entry;
    struct bytes string;
    uint64_t first;
    uint64_t last;
    if (!parse_count_range(call, &range) ||
        !bitmap_read(call, call_key(call, 1), &entry, scratch, &string))
        return;
    bool is_backwards = range.start < 0 && range.end < 0 && range.start > range.end;
    uint64_t count = 0;
    if (!is_backwards && resolve_bit_range(&range, string.size, &first, &last))
        count = bits_count_range(string, first, last);
    reply_integer(call->reply, (int64_t)count);
}

/* [start [end [BYTE|BIT]]]; the unit is read before the end. */
static bool parse_position_range(struct call *call, struct bit_range *range)
{
    if (call->argc > 6)
        return call_syntax_error(call);
    range->has_start = call->argc > 3;
    range->has_end = call->argc > 4;
    return (!range->has_start || call_integer(call, 3, &range->start, NULL)) &&
           (call->argc < 6 || parse_unit(call, 5, range)) &&
           (!range->has_end || call_integer(call, 4, &range->end, NULL));
}

/* A clear bit is always found behind the string, unless the range has an end. */
static int64_t bit_position(struct bytes string, const struct bit_range *range, bool value)
{
    uint64_t first;
    uint64_t last;
    if (!resolve_bit_range(range, string.size, &first, &last))
        return -1;
    uint64_t found = bits_find(string, value, first, last);
    if (found != BITS_NONE)
        return (int64_t)found;
    return value || range->has_end ? -1 : (int64_t)last + 1;
}

static void bitpos_command(struct call *call)
{
    int64_t value;
    if (!call_integer(call, 2, &value, NULL))
        return;
    if (value != 0 && value != 1) {
        reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    struct bit_range range = {0};
    char scratch[NUMBER_I64_TEXT_MAX];
    const struct entry *entry;
    struct bytes string;
    if (!parse_position_range(call, &range) ||
        !bitmap_read(call, call_key(call, 1), &entry, scratch, &string))
        return;
    /* An absent key is clear for ever. */
    if (!entry)
        reply_integer(call->reply, value ? -1 : 0);
    else
        reply_integer(call->reply, bit_position(string, &range, value));
}

/* -- BITOP -- */

static const struct {
    const char *name;
    enum bits_operation operation;
    int sources_min;
    int sources_max; /* 0: any number */
} operations[] = {
    {"AND", BITS_AND, 1, 0},     {"OR", BITS_OR, 1, 0},     {"XOR", BITS_XOR, 1, 0},
    {"NOT", BITS_NOT, 1, 1},     {"DIFF", BITS_DIFF, 2, 0}, {"DIFF1", BITS_DIFF1, 2, 0},
    {"ANDOR", BITS_ANDOR, 2, 0}, {"ONE", BITS_ONE, 1, 0},
};

static bool parse_operation(struct call *call, enum bits_operation *operation)
{
    int sources = call->argc - 3;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (!call_is(call, 1, operations[i].name))
            continue;
        *operation = operations[i].operation;
        if (operations[i].sources_max && sources > operations[i].sources_max) {
            reply_error(call->reply, "ERR BITOP NOT must be called with a single source key.");
            return false;
        }
        if (sources < operations[i].sources_min) {
            reply_errorf(call->reply, "BITOP %s must be called with at least two source keys.",
                         operations[i].name);
            return false;
        }
        return true;
    }
    return call_syntax_error(call);
}

/* Stores the result, whose bytes belong to the caller; an empty one deletes the key. */
static void store_combined(struct call *call, struct shared_bytes *result)
{
    struct key key = call_key(call, 2);
    if (result->size) {
        db_set_shared(call->db, key, shared_bytes_acquire(result), DB_SET_RAW | DB_SET_NO_INTEGER);
        call->dirty++;
        db_changed(call->db, key.name, KEY_CLASS_STRING, "set");
    } else if (db_find_write(call->db, key) && db_delete(call->db, key)) {
        call->dirty++;
        db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
    }
    reply_integer(call->reply, (int64_t)result->size);
}

/* The sources in order; *size is the longest one's. Integers are printed into scratches. */
static bool read_sources(struct call *call, struct bytes *sources,
                         char (*scratches)[NUMBER_I64_TEXT_MAX], size_t count, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry;
        if (!bitmap_read(call, call_key(call, 3 + (int)i), &entry, scratches[i], &sources[i]))
            return false;
        if (sources[i].size > *size)
            *size = sources[i].size;
    }
    return true;
}

static void bitop_command(struct call *call)
{
    enum { FEW = 16 };
    struct bytes few[FEW];
    char few_scratches[FEW][NUMBER_I64_TEXT_MAX];
    enum bits_operation operation = BITS_AND;
    if (!parse_operation(call, &operation))
        return;
    size_t count = (size_t)call->argc - 3;
    bool is_many = count > FEW;
    struct bytes *sources = is_many ? mem_alloc(count * sizeof(*sources)) : few;
    char(*scratches)[NUMBER_I64_TEXT_MAX] =
        is_many ? mem_alloc(count * sizeof(*scratches)) : few_scratches;
    size_t size;
    if (read_sources(call, sources, scratches, count, &size)) {
        struct shared_bytes *result = shared_bytes_try_create(size);
        if (result) {
            bits_combine(operation, sources, count, result->data, size);
            store_combined(call, result);
            shared_bytes_release(result);
        } else {
            reply_error(call->reply, "ERR insufficient memory for a string of that size");
        }
    }
    if (is_many) {
        mem_free(sources);
        mem_free(scratches);
    }
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_BITMAP, KEY_FIRST(key_flags))

const struct command_spec bitmap_commands[] = {
    ROW("setbit", setbit_command, 4, COMMAND_WRITE | COMMAND_DENYOOM,
        KEY_RW | KEY_ACCESS | KEY_UPDATE),
    ROW("getbit", getbit_command, 3, COMMAND_READONLY | COMMAND_FAST, KEY_RO | KEY_ACCESS),
    ROW("bitcount", bitcount_command, -2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    ROW("bitpos", bitpos_command, -3, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    {.name = "bitop",
     .handler = bitop_command,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_BITMAP,
     .keys = {KEY_AT(KEY_OW | KEY_UPDATE, 2), KEYS_FROM(KEY_RO | KEY_ACCESS, 3)}},
    {0},
};
