/* DEBUG subcommands about keys and tables. Main thread. */
#include "base/memory.h"
#include "base/number.h"
#include "commands/all.h"
#include "commands/debug_internal.h"
#include "dispatch/call.h"
#include "keyspace/digest.h"
#include "keyspace/keyspace.h"
#include "persistence/persistence_options.h"
#include "persistence/rdb_format.h"
#include "persistence/rdb_value.h"
#include "types/hash_type.h"
#include "types/list_type.h"
#include "types/set_type.h"
#include "types/zset_type.h"
#include <stdio.h>

enum { TEXT_SIZE_MAX = 64 * 1024, PRINTED_MAX = 40 };

static const size_t value_size_max = (size_t)1 << 40;

/* The entry of argv[2], NULL with the error written. */
static struct entry *find_or_refuse(struct call *call)
{
    struct entry *entry = db_peek(call->db, call_key(call, 2));
    if (!entry)
        call_no_such_key(call);
    return entry;
}

/* -- one key -- */

static size_t serialized_size(const struct call *call, const struct entry *entry)
{
    struct rdb_writer writer;
    rdb_writer_init(&writer, value_size_max, RDB_VERSION_READ_MAX,
                    call->services->persistence->rdbcompression);
    rdb_write_value(&writer, entry);
    size_t size = writer.buffer.size;
    rdb_writer_deinit(&writer);
    return size;
}

static void describe_quicklist(struct buffer *out, const struct quicklist *list)
{
    size_t bytes = 0;
    for (const struct quicklist_node *node = list->head; node; node = node->next)
        bytes += node->size;
    buffer_printf(out,
                  " ql_nodes:%zu ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:%d "
                  "ql_uncompressed_size:%zu",
                  list->nodes, list->nodes ? (double)list->count / (double)list->nodes : 0.0,
                  list->fill, list->depth > 0, bytes);
}

static void object_debug(struct call *call)
{
    const struct keyspace *keyspace = call->services->keyspace;
    const struct entry *entry = find_or_refuse(call);
    if (!entry)
        return;
    struct buffer out;
    buffer_init(&out, TEXT_SIZE_MAX);
    bool is_fast = call->argc == 4 && call_is(call, 3, "fast");
    buffer_printf(&out, "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%u", entry,
                  value_encoding_name((enum value_encoding)entry->encoding),
                  is_fast ? 0 : serialized_size(call, entry), (unsigned)entry->access);
    buffer_printf(&out, " lru_seconds_idle:%llu",
                  (unsigned long long)keyspace_idle_seconds(keyspace, entry));
    if (entry->encoding == ENCODING_QUICKLIST)
        describe_quicklist(&out, list_quick(entry_value(entry)));
    reply_simple(call->reply, out.data);
    buffer_deinit(&out);
}

static void sdslen_debug(struct call *call)
{
    const struct entry *entry = find_or_refuse(call);
    if (!entry)
        return;
    if (!entry_is_string(entry) || entry_is_integer(entry)) {
        reply_error(call->reply, "ERR Not an sds encoded string.");
        return;
    }
    char text[160];
    size_t size = entry_string_size(entry);
    size_t room = entry_is_embedded(entry)
                      ? mem_usable_size(entry) - entry_size(entry)
                      : mem_usable_size(entry_shared(entry)) - sizeof(struct shared_bytes) - size;
    snprintf(text, sizeof(text),
             "key_sds_len:%zu, key_sds_avail:0, key_zmalloc: %zu, val_sds_len:%zu, "
             "val_sds_avail:%zu, val_zmalloc: %zu",
             entry_key(entry).size, mem_usable_size(entry), size, room, entry_memory(entry, 0));
    reply_simple(call->reply, text);
}

/* The listpack behind the key; NULL with the error written. */
static const struct listpack *find_listpack(struct call *call)
{
    const struct entry *entry = find_or_refuse(call);
    if (!entry)
        return NULL;
    if (entry->encoding == ENCODING_LISTPACK || entry->encoding == ENCODING_LISTPACK_EX)
        return entry_pointer(entry);
    reply_error(call->reply, "ERR Not a listpack encoded object.");
    return NULL;
}

static void print_listpack(const struct listpack *pack)
{
    printf("{total bytes %u} {num entries %u}\n", (unsigned)listpack_size(pack),
           (unsigned)listpack_count(pack));
    unsigned index = 0;
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at), index++) {
        struct listpack_value value = listpack_get(pack, at);
        printf("{index %u, offset %u} ", index, (unsigned)at);
        if (value.data)
            printf("[str] %.*s%s\n", value.size > PRINTED_MAX ? PRINTED_MAX : (int)value.size,
                   value.data, value.size > PRINTED_MAX ? "..." : "");
        else
            printf("[int] %lld\n", (long long)value.integer);
    }
    printf("{end}\n");
    (void)fflush(stdout);
}

static void listpack_debug(struct call *call)
{
    const struct listpack *pack = find_listpack(call);
    if (!pack)
        return;
    print_listpack(pack);
    reply_simple(call->reply, "Listpack structure printed on stdout");
}

static void print_node(const struct quicklist_node *node, size_t index, bool has_elements)
{
    printf("{quicklist node %zu: %s, %u elements, %zu bytes, compressed to %u}\n", index,
           node->is_plain ? "plain" : "packed", (unsigned)node->count, node->size,
           node->compressed_size);
    if (has_elements && !node->compressed_size && !node->is_plain)
        print_listpack(node->data);
    else if (has_elements && !node->compressed_size)
        printf("[str] %.*s%s\n", node->size > PRINTED_MAX ? PRINTED_MAX : (int)node->size,
               (const char *)node->data, node->size > PRINTED_MAX ? "..." : "");
}

static void quicklist_debug(struct call *call)
{
    const struct entry *entry = find_or_refuse(call);
    if (!entry)
        return;
    if (entry->encoding != ENCODING_QUICKLIST) {
        reply_error(call->reply, "ERR Not a quicklist encoded object.");
        return;
    }
    int64_t full = 0;
    if (call->argc > 3 && !call_integer(call, 3, &full, NULL))
        return;
    const struct quicklist *list = list_quick(entry_value(entry));
    printf("{count: %zu}\n{nodes: %zu}\n{fill: %d}\n{compress: %u}\n", list->count, list->nodes,
           list->fill, list->depth);
    size_t index = 0;
    for (const struct quicklist_node *node = list->head; node; node = node->next)
        print_node(node, index++, full != 0);
    (void)fflush(stdout);
    reply_simple(call->reply, "Quicklist structure printed on stdout");
}

static void listpack_entries_debug(struct call *call)
{
    const struct listpack *pack = find_listpack(call);
    if (!pack)
        return;
    reply_array(call->reply, listpack_count(pack));
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at)) {
        struct listpack_value value = listpack_get(pack, at);
        if (value.data)
            reply_bulk(call->reply, value.data, value.size);
        else
            reply_integer(call->reply, value.integer);
    }
}

/* Elements of over a node's size have a node to themselves whatever is said here. */
static void packed_threshold_debug(struct call *call)
{
    uint64_t bytes;
    if (number_parse_memory(call->argv[2], &bytes) && bytes < (uint64_t)1 << 32) {
        quicklist_set_packed_threshold((size_t)bytes);
        reply_ok(call->reply);
    } else {
        reply_error(call->reply,
                    "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    }
}

/* -- fingerprints -- */

static void reply_digest(struct reply *reply, const uint8_t digest[SHA1_SIZE])
{
    char text[2 * SHA1_SIZE + 1];
    for (int i = 0; i < SHA1_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    reply_simple(reply, text);
}

static void digest_debug(struct call *call)
{
    uint8_t digest[SHA1_SIZE];
    digest_keyspace(call->services->keyspace, digest);
    reply_digest(call->reply, digest);
}

static void digest_value_debug(struct call *call)
{
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        uint8_t digest[SHA1_SIZE] = {0};
        const struct entry *entry = db_peek(call->db, call_key(call, i));
        if (entry)
            digest_entry(entry, digest);
        reply_digest(call->reply, digest);
    }
}

/* -- tables -- */

/* The figures of a table, in the words that test suites look for. */
static void describe_table(struct buffer *out, const struct dict *dict)
{
    if (dict_count(dict) == 0) {
        buffer_append_text(out, "No stats available for empty dictionaries\n");
        return;
    }
    for (unsigned table = 0; table < 2 && dict->tables[table]; table++)
        buffer_printf(out,
                      "Hash table %u stats (%s):\n table size: %zu\n number of elements: %zu\n",
                      table, table ? "rehashing target" : "main hash table",
                      (dict->masks[table] + 1) * DICT_BUCKET_SLOTS, dict->counts[table]);
    buffer_printf(out, " buckets: %zu\n chained buckets: %zu\n", dict_bucket_count(dict),
                  dict->children);
}

static void htstats_debug(struct call *call)
{
    int64_t index;
    if (!call_integer(call, 2, &index, NULL))
        return;
    const struct db *db = keyspace_db(call->services->keyspace, index);
    if (!db) {
        reply_error(call->reply, "ERR Out of range database");
        return;
    }
    struct buffer out;
    buffer_init(&out, TEXT_SIZE_MAX);
    buffer_append_text(&out, "[Dictionary HT]\n");
    describe_table(&out, &db->keys);
    buffer_printf(&out, "\n[Expires HT]\n number of elements: %zu\n", db_expiring_count(db));
    reply_verbatim(call->reply, "txt", out.data, out.size);
    buffer_deinit(&out);
}

static const struct dict *table_of(const struct entry *entry)
{
    struct value value = entry_value(entry);
    if (value.encoding == ENCODING_SKIPLIST)
        return &zset_tree(value)->members;
    if (value.encoding != ENCODING_HASHTABLE)
        return NULL;
    return value.type == VALUE_HASH ? &hash_table_of(value)->fields : set_table(value);
}

static void htstats_key_debug(struct call *call)
{
    const struct entry *entry = find_or_refuse(call);
    if (!entry)
        return;
    const struct dict *dict = entry_is_string(entry) ? NULL : table_of(entry);
    if (!dict) {
        reply_error(call->reply,
                    "ERR The value stored at the specified key is not represented using an hash "
                    "table");
        return;
    }
    struct buffer out;
    buffer_init(&out, TEXT_SIZE_MAX);
    describe_table(&out, dict);
    reply_verbatim(call->reply, "txt", out.data, out.size);
    buffer_deinit(&out);
}

static void dict_resizing_debug(struct call *call)
{
    keyspace_avoid_resize(call->services->keyspace, call_is(call, 2, "0"));
    reply_ok(call->reply);
}

/* -- many keys -- */

static void populate_debug(struct call *call)
{
    int64_t count;
    int64_t size = 0;
    struct bytes prefix = call->argc > 3 ? call->argv[3] : BYTES_LITERAL("key");
    const char *refusal = "ERR value is out of range, must be positive";
    if (!call_integer_in(call, 2, 0, INT64_MAX, &count, refusal) ||
        (call->argc > 4 && !call_integer_in(call, 4, 0, 1 << 29, &size, refusal)))
        return;
    struct buffer text;
    buffer_init(&text, value_size_max);
    for (int64_t i = 0; i < count; i++) {
        buffer_clear(&text);
        buffer_append_bytes(&text, prefix);
        buffer_printf(&text, ":%lld", (long long)i);
        struct key key = key_of(bytes_of(mem_dup(text.data, text.size), text.size));
        if (!db_peek(call->db, key)) {
            buffer_clear(&text);
            buffer_printf(&text, "value:%lld", (long long)i);
            if (size > 0 && (size_t)size > text.size) {
                size_t padding = (size_t)size - text.size;
                memset(buffer_reserve(&text, padding), 0, padding);
                buffer_commit(&text, padding);
            }
            db_set_string(call->db, key, bytes_of(text.data, size ? (size_t)size : text.size), 0);
        }
        mem_free((void *)(uintptr_t)key.name.data);
    }
    buffer_deinit(&text);
    reply_ok(call->reply);
}

struct names {
    struct bytes *list;
    size_t count;
};

static void note_name(void *context, void *opaque)
{
    struct names *names = context;
    struct bytes key = entry_key(opaque);
    names->list[names->count++] = bytes_of(mem_dup(key.data, key.size ? key.size : 1), key.size);
}

/* Writes and reads one value; false when it does not come back. */
static bool reload_key(struct call *call, struct db *db, struct key key)
{
    struct entry *entry = db_peek(db, key);
    if (!entry)
        return true;
    struct rdb_writer writer;
    struct rdb_value value;
    rdb_writer_init(&writer, value_size_max, RDB_VERSION_READ_MAX,
                    call->services->persistence->rdbcompression);
    rdb_write_value(&writer, entry);
    struct rdb_reader reader = rdb_reader_of(buffer_bytes(&writer.buffer));
    bool is_read =
        rdb_read_value(&reader, rdb_value_type(&writer, entry), call->services->types, &value) &&
        rdb_reader_left(&reader) == 0;
    if (is_read) {
        if (value.is_string)
            db_set_string(db, key, value.string.text, DB_SET_KEEP_TTL);
        else
            db_set_value(db, key, value.value, DB_SET_KEEP_TTL);
        value.value.pointer = NULL;
        rdb_value_deinit(&value);
    }
    rdb_writer_deinit(&writer);
    return is_read;
}

/* Until there are files: every value is written and read again in memory. */
static void reload_debug(struct call *call)
{
    struct keyspace *keyspace = call->services->keyspace;
    bool is_fine = true;
    for (int i = 2; i < call->argc; i++)
        if (!call_is(call, i, "merge") && !call_is(call, i, "noflush") &&
            !call_is(call, i, "nosave")) {
            reply_error(call->reply,
                        "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
            return;
        }
    for (int i = 0; i < keyspace->count; i++) {
        struct db *db = &keyspace->dbs[i];
        struct names names = {mem_alloc((db_count(db) + 1) * sizeof(struct bytes)), 0};
        dict_each(&db->keys, note_name, &names);
        for (size_t k = 0; k < names.count; k++) {
            is_fine = reload_key(call, db, key_of(names.list[k])) && is_fine;
            mem_free((void *)(uintptr_t)names.list[k].data);
        }
        mem_free(names.list);
    }
    if (is_fine)
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Error trying to load the RDB dump, check server logs.");
}

enum { ANY = INT32_MAX };

const struct debug_row debug_key_rows[] = {
    {"object", 3, 4, object_debug},
    {"sdslen", 3, 3, sdslen_debug},
    {"listpack", 3, 3, listpack_debug},
    {"quicklist", 3, 4, quicklist_debug},
    {"listpack-entries", 3, 3, listpack_entries_debug},
    {"quicklist-packed-threshold", 3, 3, packed_threshold_debug},
    {"digest", 2, 2, digest_debug},
    {"digest-value", 2, ANY, digest_value_debug},
    {"htstats", 3, 4, htstats_debug},
    {"htstats-key", 3, 4, htstats_key_debug},
    {"dict-stats", 3, 4, htstats_debug},
    {"dict-resizing", 3, 3, dict_resizing_debug},
    {"populate", 3, 5, populate_debug},
    {"reload", 2, ANY, reload_debug},
    {NULL, 0, 0, NULL},
};
