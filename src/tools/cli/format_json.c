/* The formats for other programs: CSV and JSON. Recursion is bounded by the reader's
 * REPLY_DEPTH_MAX. */
#include "base/text.h"
#include "tools/cli/format_reply.h"

#include <stdint.h>

void format_reply_csv(struct buffer *out, const struct reply_value *reply)
{
    switch (reply->type) {
    case REPLY_ERROR:
        buffer_append_text(out, "ERROR,");
        text_quote(out, reply->text);
        return;
    case REPLY_STATUS:
    case REPLY_STRING:
    case REPLY_VERBATIM:
        text_quote(out, reply->text);
        return;
    case REPLY_INTEGER:
        buffer_printf(out, "%lld", (long long)reply->integer);
        return;
    case REPLY_DOUBLE:
    case REPLY_BIG_NUMBER:
        buffer_append_bytes(out, reply->text);
        return;
    case REPLY_NIL:
        buffer_append_text(out, "NULL");
        return;
    case REPLY_BOOL:
        buffer_append_text(out, reply->integer ? "true" : "false");
        return;
    case REPLY_ARRAY:
    case REPLY_MAP:
    case REPLY_SET:
    case REPLY_PUSH:
    case REPLY_ATTRIBUTE:
        for (size_t i = 0; i < reply->count; i++) {
            if (i > 0)
                buffer_append(out, ",", 1);
            format_reply_csv(out, &reply->elements[i]);
        }
        return;
    }
}

static void append_json_char(struct buffer *out, unsigned char c)
{
    static const char shorts[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = c ? strchr(shorts, c) : NULL;
    if (found) {
        char escaped[2] = {'\\', letters[found - shorts]};
        buffer_append(out, escaped, 2);
    } else if (c < 0x20) {
        buffer_printf(out, "\\u%04x", c);
    } else {
        buffer_append(out, &c, 1);
    }
}

static void append_json_text(struct buffer *out, struct bytes text)
{
    buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++)
        append_json_char(out, (unsigned char)text.data[i]);
    buffer_append(out, "\"", 1);
}

static void append_string(struct buffer *out, struct bytes text, bool is_ascii)
{
    if (!is_ascii) {
        append_json_text(out, text);
        return;
    }
    struct buffer quoted;
    buffer_init(&quoted, FORMATTED_SIZE_MAX);
    text_quote(&quoted, text);
    append_json_text(out, bytes_of(quoted.data + 1, quoted.size - 2));
    buffer_deinit(&quoted);
}

/* JSON has names, not values, before the colon. */
static void append_name(struct buffer *out, const struct reply_value *name, bool is_ascii)
{
    bool is_string = name->type == REPLY_STRING || name->type == REPLY_STATUS ||
                     name->type == REPLY_VERBATIM || name->type == REPLY_ERROR;
    if (is_string) {
        append_string(out, name->text, is_ascii);
        return;
    }
    struct buffer inner;
    buffer_init(&inner, FORMATTED_SIZE_MAX);
    format_reply_json(&inner, name, is_ascii);
    append_json_text(out, buffer_bytes(&inner));
    buffer_deinit(&inner);
}

static void append_map(struct buffer *out, const struct reply_value *map, bool is_ascii)
{
    buffer_append(out, "{", 1);
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (i > 0)
            buffer_append(out, ",", 1);
        append_name(out, &map->elements[i], is_ascii);
        buffer_append(out, ":", 1);
        format_reply_json(out, &map->elements[i + 1], is_ascii);
    }
    buffer_append(out, "}", 1);
}

static void append_list(struct buffer *out, const struct reply_value *list, bool is_ascii)
{
    buffer_append(out, "[", 1);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buffer_append(out, ",", 1);
        format_reply_json(out, &list->elements[i], is_ascii);
    }
    buffer_append(out, "]", 1);
}

void format_reply_json(struct buffer *out, const struct reply_value *reply, bool is_ascii)
{
    switch (reply->type) {
    case REPLY_ERROR:
        buffer_append_text(out, "error:");
        append_string(out, reply->text, is_ascii);
        return;
    case REPLY_STATUS:
    case REPLY_STRING:
    case REPLY_VERBATIM:
        append_string(out, reply->text, is_ascii);
        return;
    case REPLY_INTEGER:
        buffer_printf(out, "%lld", (long long)reply->integer);
        return;
    case REPLY_DOUBLE:
    case REPLY_BIG_NUMBER:
        buffer_append_bytes(out, reply->text);
        return;
    case REPLY_NIL:
        buffer_append_text(out, "null");
        return;
    case REPLY_BOOL:
        buffer_append_text(out, reply->integer ? "true" : "false");
        return;
    case REPLY_MAP:
    case REPLY_ATTRIBUTE:
        append_map(out, reply, is_ascii);
        return;
    case REPLY_ARRAY:
    case REPLY_SET:
    case REPLY_PUSH:
        append_list(out, reply, is_ascii);
        return;
    }
}
