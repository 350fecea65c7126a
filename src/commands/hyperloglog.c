/* HyperLogLogs, which are strings: PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST. Main thread. */
#include "structures/hyperloglog.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "dispatch/call.h"
#include "types/type_options.h"

static bool refuse_corrupted(struct call *call)
{
    reply_error(call->reply, "INVALIDOBJ Corrupted HLL object detected");
    return false;
}

/* The string of an entry; false, with the error written, when it is no HyperLogLog. */
static bool recognize(struct call *call, const struct entry *entry, struct bytes *string)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    if (!entry_is_string(entry))
        return call_wrong_type(call);
    if (!entry_is_integer(entry)) {
        *string = entry_string(entry, scratch);
        if (hll_recognize(*string))
            return true;
    }
    reply_error(call->reply, "WRONGTYPE Key is not a valid HyperLogLog string value.");
    return false;
}

/* The bytes of an existing string, to be written into; NULL with the error written. */
static char *writable(struct call *call, struct key key, size_t size)
{
    char *data;
    if (db_string_writable(call->db, key, size, &data))
        return data;
    reply_error(call->reply, "ERR insufficient memory for a string of that size");
    return NULL;
}

/* Whoever looks at a HyperLogLog makes its string one that OBJECT ENCODING calls raw. */
static void make_raw(struct call *call, struct key key, const struct entry *entry)
{
    char *data;
    if (entry->encoding != ENCODING_RAW)
        db_string_writable(call->db, key, entry_string_size(entry), &data);
}

static void replace(struct call *call, struct key key, struct bytes string)
{
    db_set_string(call->db, key, string, DB_SET_KEEP_TTL | DB_SET_RAW | DB_SET_NO_INTEGER);
}

/* Stores what an edit made of the entry's string (NULL: the key is new). */
static void store(struct call *call, struct key key, const struct entry *entry, struct bytes string)
{
    size_t old_size = entry ? entry_string_size(entry) : 0;
    char *data;
    bool fits = entry && string.size >= old_size && string.size < HLL_DENSE_SIZE;
    if (fits && db_string_writable(call->db, key, string.size, &data))
        memcpy(data, string.data, string.size);
    else
        replace(call, key, string);
}

/* -- PFADD -- */

/* Both answer how many elements raised a register, or -1 with the error written. */

static int64_t add_to_dense(struct call *call, struct key key)
{
    char *data = writable(call, key, HLL_DENSE_SIZE);
    int64_t raised = 0;
    if (!data)
        return -1;
    for (int i = 2; i < call->argc; i++)
        raised += hll_dense_raise(data + HLL_HEADER_SIZE, hll_hit_of(call->argv[i]));
    if (raised)
        hll_forget_cached(data);
    return raised;
}

static int64_t add_to_sparse(struct call *call, struct key key, const struct entry *entry,
                             struct bytes string)
{
    struct hll_edit edit;
    int64_t raised = 0;
    hll_edit_begin(&edit, string, (uint64_t)call->services->types->hll_sparse_max_bytes);
    for (int i = 2; i < call->argc; i++) {
        switch (hll_edit_raise(&edit, hll_hit_of(call->argv[i]))) {
        case HLL_SAME:
            break;
        case HLL_RAISED:
            raised++;
            break;
        case HLL_CORRUPTED:
            refuse_corrupted(call);
            return -1;
        }
    }
    if (edit.is_changed)
        store(call, key, entry, edit.string);
    else
        make_raw(call, key, entry);
    return raised;
}

static void pfadd_command(struct call *call)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = db_find_write(call->db, key);
    int64_t changes = 0;
    struct bytes string;
    if (!entry) {
        char empty[HLL_EMPTY_SIZE];
        memcpy(empty, hll_empty().data, sizeof(empty));
        hll_forget_cached(empty);
        replace(call, key, bytes_of(empty, sizeof(empty)));
        entry = db_peek(call->db, key);
        changes = 1;
    }
    if (!recognize(call, entry, &string))
        return;
    int64_t raised = hll_encoding(string) == HLL_DENSE ? add_to_dense(call, key)
                                                       : add_to_sparse(call, key, entry, string);
    if (raised < 0)
        return;
    changes += raised;
    if (changes) {
        call->dirty += (uint64_t)changes;
        db_changed(call->db, key.name, KEY_CLASS_STRING, "pfadd");
    }
    reply_integer(call->reply, changes > 0);
}

/* -- PFCOUNT -- */

/* Merges the sources argv[first].. (those that are there); *count is how many are dense. */
static bool merge_sources(struct call *call, int first, uint8_t *registers, size_t *dense_count)
{
    *dense_count = 0;
    for (int i = first; i < call->argc; i++) {
        const struct entry *entry = db_find_read(call->db, call_key(call, i));
        struct bytes string;
        if (!entry)
            continue;
        if (!recognize(call, entry, &string))
            return false;
        *dense_count += hll_encoding(string) == HLL_DENSE;
        if (!hll_merge(registers, string))
            return refuse_corrupted(call);
    }
    return true;
}

static void count_union(struct call *call)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    size_t dense_count;
    if (merge_sources(call, 1, registers, &dense_count))
        reply_integer(call->reply, (int64_t)hll_estimate_registers(registers));
}

/* Of one key, whose string remembers the estimate: that is a change, though a command that reads
 * made it. */
static void pfcount_command(struct call *call)
{
    if (call->argc > 2) {
        count_union(call);
        return;
    }
    struct key key = call_key(call, 1);
    const struct entry *entry = db_find_read(call->db, key);
    struct bytes string;
    uint64_t estimate;
    if (!entry) {
        reply_integer(call->reply, 0);
        return;
    }
    if (!recognize(call, entry, &string))
        return;
    if (hll_cached(string, &estimate)) {
        make_raw(call, key, entry);
        reply_integer(call->reply, (int64_t)estimate);
        return;
    }
    if (!hll_estimate(string, &estimate)) {
        refuse_corrupted(call);
        return;
    }
    char *data = writable(call, key, string.size);
    if (!data)
        return;
    hll_cache(data, estimate);
    call->dirty++;
    db_signal(call->db, key.name);
    reply_integer(call->reply, (int64_t)estimate);
}

/* -- PFMERGE -- */

/* The destination in place: dense, and there already. */
static bool write_dense(struct call *call, struct key key, const uint8_t *registers)
{
    char *data = writable(call, key, HLL_DENSE_SIZE);
    if (!data)
        return false;
    hll_dense_write(data + HLL_HEADER_SIZE, registers);
    hll_forget_cached(data);
    return true;
}

/* Raises the registers of a destination that is sparse, or new, to the merged ones. */
static bool write_edited(struct call *call, struct key key, const struct entry *entry,
                         const uint8_t *registers, bool becomes_dense)
{
    struct hll_edit edit;
    char empty[HLL_EMPTY_SIZE];
    uint8_t present[HLL_REGISTERS] = {0};
    struct bytes string;
    memcpy(empty, hll_empty().data, sizeof(empty));
    if (!entry)
        string = bytes_of(empty, sizeof(empty));
    else if (!recognize(call, entry, &string))
        return false;
    hll_edit_begin(&edit, string, (uint64_t)call->services->types->hll_sparse_max_bytes);
    if (!hll_merge(present, string) || (becomes_dense && !hll_edit_make_dense(&edit)))
        return refuse_corrupted(call);
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        struct hll_hit hit = {i, registers[i]};
        if (registers[i] > present[i] && hll_edit_raise_next(&edit, hit) == HLL_CORRUPTED)
            return refuse_corrupted(call);
    }
    size_t size = edit.string.size;
    /* Without a change the string is the entry's own: it must not be copied onto itself. */
    if (!entry || edit.is_changed)
        store(call, key, entry, edit.string);
    char *data = writable(call, key, size);
    if (!data)
        return false;
    hll_forget_cached(data);
    return true;
}

static void pfmerge_command(struct call *call)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    size_t dense_count;
    struct bytes string;
    if (!merge_sources(call, 1, registers, &dense_count))
        return;
    struct key key = call_key(call, 1);
    const struct entry *entry = db_find_write(call->db, key);
    if (entry && !recognize(call, entry, &string))
        return;
    bool is_written = entry && hll_encoding(string) == HLL_DENSE
                          ? write_dense(call, key, registers)
                          : write_edited(call, key, entry, registers, dense_count > 0);
    if (!is_written)
        return;
    call->dirty++;
    /* As if all that the sources saw had been added. */
    db_changed(call->db, key.name, KEY_CLASS_STRING, "pfadd");
    reply_ok(call->reply);
}

/* -- PFDEBUG, PFSELFTEST -- */

/* *was_sparse: the conversion is a change. False with the error written. */
static bool make_dense(struct call *call, struct key key, const struct entry *entry,
                       struct bytes string, bool *was_sparse)
{
    *was_sparse = hll_encoding(string) == HLL_SPARSE;
    if (!*was_sparse)
        return true;
    struct hll_edit edit;
    hll_edit_begin(&edit, string, 0);
    if (!hll_edit_make_dense(&edit))
        return refuse_corrupted(call);
    store(call, key, entry, edit.string);
    call->dirty++;
    return true;
}

static void debug_getreg(struct call *call, struct key key, const struct entry *entry,
                         struct bytes string)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    bool was_sparse;
    if (!make_dense(call, key, entry, string, &was_sparse))
        return;
    if (!recognize(call, db_peek(call->db, key), &string) || !hll_merge(registers, string))
        return;
    reply_array(call->reply, HLL_REGISTERS);
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        reply_integer(call->reply, registers[i]);
}

static void debug_decode(struct call *call, struct bytes string)
{
    enum { TEXT_MAX = HLL_REGISTERS * 16 };
    struct buffer text;
    if (hll_encoding(string) == HLL_DENSE) {
        reply_error(call->reply, "ERR HLL encoding is not sparse");
        return;
    }
    buffer_init(&text, TEXT_MAX);
    if (hll_decode(string, &text))
        reply_bulk_bytes(call->reply, buffer_bytes(&text));
    else
        refuse_corrupted(call);
    buffer_deinit(&text);
}

static void pfdebug_command(struct call *call)
{
    struct key key = call_key(call, 2);
    const struct entry *entry = db_find_write(call->db, key);
    struct bytes string;
    bool was_sparse;
    if (!entry) {
        reply_error(call->reply, "ERR The specified key does not exist");
        return;
    }
    if (!recognize(call, entry, &string))
        return;
    make_raw(call, key, entry);
    entry = db_peek(call->db, key);
    if (!recognize(call, entry, &string))
        return;
    if (call_is(call, 1, "getreg")) {
        debug_getreg(call, key, entry, string);
    } else if (call_is(call, 1, "decode")) {
        debug_decode(call, string);
    } else if (call_is(call, 1, "encoding")) {
        reply_simple(call->reply, hll_encoding(string) == HLL_DENSE ? "dense" : "sparse");
    } else if (call_is(call, 1, "todense")) {
        if (make_dense(call, key, entry, string, &was_sparse))
            reply_integer(call->reply, was_sparse);
    } else {
        reply_errorf(call->reply, "Unknown PFDEBUG subcommand '%.*s'",
                     call->argv[1].size < 128 ? (int)call->argv[1].size : 128, call->argv[1].data);
    }
}

static void pfselftest_command(struct call *call)
{
    const char *error = hll_self_test();
    if (error)
        reply_errorf(call->reply, "TESTFAILED %s", error);
    else
        reply_ok(call->reply);
}

/* -- the table -- */

const struct command_spec hyperloglog_commands[] = {
    {.name = "pfadd",
     .handler = pfadd_command,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_HYPERLOGLOG,
     .keys = KEY_FIRST(KEY_RW | KEY_INSERT)},
    {.name = "pfcount",
     .handler = pfcount_command,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_MAY_REPLICATE,
     .categories = CATEGORY_HYPERLOGLOG,
     .keys = KEY_ALL(KEY_RW | KEY_ACCESS, 1)},
    {.name = "pfmerge",
     .handler = pfmerge_command,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_HYPERLOGLOG,
     .keys = {KEY_AT(KEY_RW | KEY_ACCESS | KEY_INSERT, 1), KEYS_FROM(KEY_RO | KEY_ACCESS, 2)}},
    {.name = "pfdebug",
     .handler = pfdebug_command,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_ADMIN,
     .categories = CATEGORY_HYPERLOGLOG,
     .keys = {KEY_AT(KEY_RW | KEY_ACCESS, 2)}},
    {.name = "pfselftest",
     .handler = pfselftest_command,
     .arity = 1,
     .flags = COMMAND_ADMIN,
     .categories = CATEGORY_HYPERLOGLOG},
    {0},
};
