/* DUMP and RESTORE: values as bytes that any server of the family takes. Main thread.
 *
 *   type │ value │ u16 RDB version │ u64 CRC of all before        (little endian)
 */
#include "commands/dump.h"
#include "base/checksum.h"
#include "base/clock.h"
#include "base/memory.h"
#include "commands/all.h"
#include "commands/key_common.h"
#include "observability/stats.h"
#include "persistence/persistence_options.h"
#include "persistence/rdb_format.h"
#include "persistence/rdb_value.h"

enum { CRC_SIZE = 8, FOOTER_SIZE = 2 + CRC_SIZE };

static const size_t payload_size_max = (size_t)1 << 40;

/* -- DUMP -- */

/* False when memory is short. */
static bool write_payload(struct rdb_writer *writer, const struct entry *entry)
{
    rdb_write_byte(writer, rdb_value_type(writer, entry));
    rdb_write_value(writer, entry);
    uint16_t version = (uint16_t)writer->version;
    rdb_write_raw(writer, &version, sizeof(version));
    uint64_t crc = checksum_crc64(0, buffer_bytes(&writer->buffer).data, writer->buffer.size);
    rdb_write_raw(writer, &crc, sizeof(crc));
    return !writer->has_failed;
}

static void dump_command(struct call *call)
{
    const struct entry *entry = db_find_read(call->db, call_key(call, 1));
    if (!entry) {
        reply_null(call->reply);
        return;
    }
    struct rdb_writer writer;
    rdb_writer_init(&writer, payload_size_max, rdb_value_version(entry),
                    call->services->persistence->rdbcompression);
    if (write_payload(&writer, entry))
        reply_bulk_bytes(call->reply, buffer_bytes(&writer.buffer));
    else
        reply_error(call->reply, "ERR the value is too large");
    rdb_writer_deinit(&writer);
}

/* -- RESTORE -- */

struct restore {
    int64_t expiry; /* wall ms; 0: none */
    bool replaces;
    bool is_absolute;
    int64_t idle;      /* -1: not given */
    int64_t frequency; /* -1: not given */
};

static bool parse_idle(struct call *call, int index, struct restore *restore)
{
    if (!call_integer(call, index, &restore->idle, NULL))
        return false;
    if (restore->idle >= 0)
        return true;
    reply_error(call->reply, "ERR Invalid IDLETIME value, must be >= 0");
    return false;
}

static bool parse_frequency(struct call *call, int index, struct restore *restore)
{
    if (!call_integer(call, index, &restore->frequency, NULL))
        return false;
    if (restore->frequency >= 0 && restore->frequency <= 255)
        return true;
    reply_error(call->reply, "ERR Invalid FREQ value, must be >= 0 and <= 255");
    return false;
}

static bool parse_options(struct call *call, struct restore *restore)
{
    for (int i = 4; i < call->argc; i++) {
        bool has_next = i + 1 < call->argc;
        if (call_is(call, i, "replace")) {
            restore->replaces = true;
        } else if (call_is(call, i, "absttl")) {
            restore->is_absolute = true;
        } else if (call_is(call, i, "idletime") && has_next && restore->frequency == -1) {
            if (!parse_idle(call, ++i, restore))
                return false;
        } else if (call_is(call, i, "freq") && has_next && restore->idle == -1) {
            if (!parse_frequency(call, ++i, restore))
                return false;
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

static bool parse_ttl(struct call *call, struct restore *restore)
{
    if (!call_integer(call, 2, &restore->expiry, NULL))
        return false;
    if (restore->expiry < 0) {
        reply_error(call->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    if (restore->expiry == 0 || restore->is_absolute)
        return true;
    if (__builtin_add_overflow(restore->expiry, clock_wall_ms(), &restore->expiry))
        restore->expiry = INT64_MAX;
    return true;
}

/* For the whole process, as the allocator's parameters are: a test's switch, main's alone. */
static bool checksum_is_skipped;

void dump_skip_checksum(bool skips)
{
    checksum_is_skipped = skips;
}

static bool payload_is_intact(struct bytes payload)
{
    uint16_t version;
    uint64_t crc;
    if (payload.size < FOOTER_SIZE)
        return false;
    const char *footer = payload.data + payload.size - FOOTER_SIZE;
    memcpy(&version, footer, sizeof(version));
    memcpy(&crc, footer + sizeof(version), sizeof(crc));
    return version <= RDB_VERSION_READ_MAX &&
           (checksum_is_skipped || crc == checksum_crc64(0, payload.data, payload.size - CRC_SIZE));
}

/* Types whose bytes are kept as they come, after every entry of them was checked. */
static bool is_packed(uint8_t type)
{
    switch (type) {
    case RDB_HASH_ZIPMAP:
    case RDB_LIST_ZIPLIST:
    case RDB_SET_INTSET:
    case RDB_ZSET_ZIPLIST:
    case RDB_HASH_ZIPLIST:
    case RDB_LIST_QUICKLIST:
    case RDB_HASH_LISTPACK:
    case RDB_ZSET_LISTPACK:
    case RDB_LIST_QUICKLIST_2:
    case RDB_SET_LISTPACK:
    case RDB_HASH_LISTPACK_EX_OLD:
    case RDB_HASH_LISTPACK_EX:
        return true;
    default:
        return false;
    }
}

/* What the payload holds; false, with the error written, when it is damaged. */
static bool read_payload(struct call *call, struct bytes payload, struct rdb_value *value)
{
    if (!payload_is_intact(payload)) {
        reply_error(call->reply, "ERR DUMP payload version or checksum are wrong");
        return false;
    }
    struct rdb_reader reader = rdb_reader_of(bytes_of(payload.data, payload.size - FOOTER_SIZE));
    uint8_t type = RDB_STRING;
    bool has_type = rdb_read_byte(&reader, &type);
    call->services->stats->dump_payload_sanitizations += is_packed(type);
    if (has_type && rdb_read_value(&reader, type, call->services->types, value))
        return true;
    reply_error(call->reply, "ERR Bad data format");
    return false;
}

/* The time is over already: what RESTORE would replace goes, nothing comes. */
static void finish_expired(struct call *call, struct key key, bool has_deleted)
{
    if (has_deleted) {
        propagate_removal(call, key.name, call->db->keyspace->settings->lazyfree_lazy_server_del);
        db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
        call->dirty++;
    }
    reply_ok(call->reply);
}

/* Other servers are told the time itself. */
static void propagate_absolute(struct call *call, const struct restore *restore)
{
    enum { WORDS_MAX = 10 };
    char expiry[NUMBER_I64_TEXT_MAX];
    char number[NUMBER_I64_TEXT_MAX];
    struct bytes argv[WORDS_MAX];
    int argc = 0;
    if (restore->expiry == 0 || restore->is_absolute || !call->has_listeners)
        return;
    argv[argc++] = call->argv[0];
    argv[argc++] = call->argv[1];
    argv[argc++] = bytes_of(expiry, number_format_i64(expiry, restore->expiry));
    argv[argc++] = call->argv[3];
    argv[argc++] = BYTES_LITERAL("ABSTTL");
    if (restore->replaces)
        argv[argc++] = BYTES_LITERAL("REPLACE");
    bool is_idle = restore->idle >= 0;
    if (is_idle || restore->frequency >= 0) {
        int64_t value = is_idle ? restore->idle : restore->frequency;
        argv[argc++] = is_idle ? BYTES_LITERAL("IDLETIME") : BYTES_LITERAL("FREQ");
        argv[argc++] = bytes_of(number, number_format_i64(number, value));
    }
    call_propagate(call, argc, argv);
}

static void put_value(struct call *call, struct key key, struct rdb_value *value,
                      const struct restore *restore)
{
    struct keyspace *keyspace = call->services->keyspace;
    struct entry *entry;
    if (value->is_string) {
        entry = db_set_string(call->db, key, value->string.text, 0);
    } else {
        entry = db_add_value(call->db, key, value->value);
        value->value.pointer = NULL;
    }
    if (restore->expiry)
        entry = db_set_expiry(call->db, key, entry, restore->expiry);
    if (restore->frequency >= 0 && keyspace->is_lfu)
        keyspace_set_frequency(keyspace, entry, (unsigned)restore->frequency);
    if (restore->idle >= 0 && !keyspace->is_lfu)
        keyspace_set_idle(keyspace, entry, (uint64_t)restore->idle);
}

static void restore_command(struct call *call)
{
    struct restore restore = {.idle = -1, .frequency = -1};
    struct rdb_value value;
    struct key key = call_key(call, 1);
    if (!parse_options(call, &restore))
        return;
    if (!restore.replaces && db_find_write(call->db, key)) {
        reply_error(call->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!parse_ttl(call, &restore) || !read_payload(call, call->argv[3], &value))
        return;
    bool has_deleted = restore.replaces && db_delete(call->db, key);
    if (restore.expiry && restore.expiry <= clock_wall_ms() &&
        call->db->keyspace->expire_mode == EXPIRE_DELETE) {
        finish_expired(call, key, has_deleted);
    } else {
        put_value(call, key, &value, &restore);
        propagate_absolute(call, &restore);
        db_changed(call->db, key.name, KEY_CLASS_GENERIC, "restore");
        call->dirty++;
        reply_ok(call->reply);
    }
    rdb_value_deinit(&value);
}

const struct command_spec dump_commands[] = {
    {.name = "dump",
     .handler = dump_command,
     .arity = 2,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_KEYSPACE,
     .keys = KEY_FIRST(KEY_RO | KEY_ACCESS)},
    {.name = "restore",
     .handler = restore_command,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .keys = KEY_FIRST(KEY_OW | KEY_UPDATE)},
    {.name = "restore-asking",
     .handler = restore_command,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_ASKING,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .keys = KEY_FIRST(KEY_OW | KEY_UPDATE)},
    {0},
};
