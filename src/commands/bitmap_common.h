/* What the files of bit commands share. Main thread. */
#ifndef COMMANDS_BITMAP_COMMON_H
#define COMMANDS_BITMAP_COMMON_H

#include "client/client_options.h"
#include "dispatch/call.h"

/* The bit position at argv[index]; where `width` is not 0, "#n" is n times the width. False with
 * the error written: no position may be where no string can reach. */
static inline bool bitmap_offset(struct call *call, int index, unsigned width, uint64_t *offset)
{
    struct bytes text = call->argv[index];
    bool is_counted = width && text.size && text.data[0] == '#';
    int64_t limit = call->services->client_settings->proto_max_bulk_len;
    int64_t number;
    if (is_counted)
        text = bytes_of(text.data + 1, text.size - 1);
    if (number_parse_i64(text, &number) &&
        !(is_counted && __builtin_mul_overflow(number, (int64_t)width, &number)) && number >= 0 &&
        ((call->client->flags & CLIENT_PRIMARY) || number / 8 < limit)) {
        *offset = (uint64_t)number;
        return true;
    }
    reply_error(call->reply, "ERR bit offset is not an integer or out of range");
    return false;
}

/* The string at the key, made to reach the bit `last`, in *data; *grew when the key is new or was
 * made longer. False with the error written. */
bool bitmap_writable(struct call *call, struct key key, uint64_t last, char **data, bool *grew);

/* The string read at the key ("" when absent: *entry NULL); false, with the error written, when it
 * is none. */
static inline bool bitmap_read(struct call *call, struct key key, const struct entry **entry,
                               char scratch[NUMBER_I64_TEXT_MAX], struct bytes *string)
{
    *entry = db_find_read(call->db, key);
    *string = bytes_of("", 0);
    if (!*entry)
        return true;
    if (!entry_is_string(*entry))
        return call_wrong_type(call);
    *string = entry_string(*entry, scratch);
    return true;
}

#endif
