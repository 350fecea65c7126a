/* Strings as arrays of bytes: APPEND, STRLEN, SETRANGE, GETRANGE. Main thread. */
#include "client/client_options.h"
#include "commands/all.h"
#include "dispatch/call.h"

/* False, with the error written, when a string of base + more bytes is longer than allowed. */
static bool size_is_allowed(struct call *call, uint64_t base, uint64_t more)
{
    uint64_t total;
    uint64_t limit = (uint64_t)call->services->client_settings->proto_max_bulk_len;
    bool fits = !__builtin_add_overflow(base, more, &total) && total <= limit;
    /* What a primary sends was checked there. */
    if (fits || call->client->flags & CLIENT_PRIMARY)
        return true;
    reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

static void refuse_for_memory(struct call *call)
{
    reply_error(call->reply, "ERR insufficient memory for a string of that size");
}

/* The key's string entry to be written, *entry NULL when absent; false with the error written. */
static bool find_string_to_write(struct call *call, struct key key, struct entry **entry)
{
    *entry = db_find_write(call->db, key);
    return !*entry || entry_is_string(*entry) || call_wrong_type(call);
}

static void append_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct bytes more = call->argv[2];
    struct entry *entry;
    if (!find_string_to_write(call, key, &entry))
        return;
    size_t total = more.size;
    if (!entry) {
        db_set_string(call->db, key, more, 0);
    } else {
        size_t size = entry_string_size(entry);
        if (!size_is_allowed(call, size, more.size))
            return;
        total += size;
        char *data;
        if (!db_string_writable(call->db, key, total, &data)) {
            refuse_for_memory(call);
            return;
        }
        memcpy(data + size, more.data, more.size);
    }
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_STRING, "append");
    reply_integer(call->reply, (int64_t)total);
}

static void strlen_command(struct call *call)
{
    const struct entry *entry = db_find_read(call->db, call_key(call, 1));
    if (entry && !entry_is_string(entry))
        call_wrong_type(call);
    else
        reply_integer(call->reply, entry ? (int64_t)entry_string_size(entry) : 0);
}

static void setrange_command(struct call *call)
{
    int64_t offset;
    if (!call_integer(call, 2, &offset, NULL))
        return;
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
        return;
    }
    struct key key = call_key(call, 1);
    struct bytes value = call->argv[3];
    struct entry *entry;
    if (!find_string_to_write(call, key, &entry))
        return;
    size_t size = entry ? entry_string_size(entry) : 0;
    if (value.size == 0) {
        reply_integer(call->reply, (int64_t)size);
        return;
    }
    if (!size_is_allowed(call, (uint64_t)offset, value.size))
        return;
    size_t end = (size_t)offset + value.size;
    char *data;
    if (!db_string_writable(call->db, key, end, &data)) {
        refuse_for_memory(call);
        return;
    }
    memcpy(data + offset, value.data, value.size);
    call->dirty++;
    db_changed(call->db, key.name, KEY_CLASS_STRING, "setrange");
    reply_integer(call->reply, (int64_t)(end > size ? end : size));
}

/* Redis's rules: negative counts from the end; what lies outside is cut off. */
static struct bytes slice(struct bytes string, int64_t start, int64_t end)
{
    int64_t size = (int64_t)string.size;
    if (start < 0 && end < 0 && start > end)
        return bytes_of("", 0);
    if (start < 0)
        start = start < -size ? 0 : start + size;
    if (end < 0)
        end = end < -size ? 0 : end + size;
    if (end >= size)
        end = size - 1;
    if (start > end || size == 0)
        return bytes_of("", 0);
    return bytes_of(string.data + start, (size_t)(end - start + 1));
}

static void getrange_command(struct call *call)
{
    int64_t start;
    int64_t end;
    if (!call_integer(call, 2, &start, NULL) || !call_integer(call, 3, &end, NULL))
        return;
    const struct entry *entry = db_find_read(call->db, call_key(call, 1));
    if (!entry) {
        reply_bulk(call->reply, "", 0);
        return;
    }
    if (!entry_is_string(entry)) {
        call_wrong_type(call);
        return;
    }
    char scratch[NUMBER_I64_TEXT_MAX];
    reply_bulk_bytes(call->reply, slice(entry_string(entry, scratch), start, end));
}

const struct command_spec string_range_commands[] = {
    {.name = "append",
     .handler = append_command,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .keys = KEY_FIRST(KEY_RW | KEY_INSERT)},
    {.name = "strlen",
     .handler = strlen_command,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .keys = KEY_FIRST(KEY_RO)},
    {.name = "setrange",
     .handler = setrange_command,
     .arity = 4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .keys = KEY_FIRST(KEY_RW | KEY_UPDATE)},
    {.name = "getrange",
     .handler = getrange_command,
     .arity = 4,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_STRING,
     .keys = KEY_FIRST(KEY_RO | KEY_ACCESS)},
    {.name = "substr",
     .handler = getrange_command,
     .arity = 4,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_STRING,
     .keys = KEY_FIRST(KEY_RO | KEY_ACCESS)},
    {0},
};
