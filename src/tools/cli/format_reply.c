/* The standard and the raw format. Recursion is bounded by the reader's REPLY_DEPTH_MAX. */
#include "tools/cli/format_reply.h"

#include "base/number.h"
#include "base/text.h"

static const char *empty_text(enum reply_type type)
{
    if (type == REPLY_ARRAY)
        return "(empty array)\n";
    if (type == REPLY_MAP)
        return "(empty hash)\n";
    if (type == REPLY_SET)
        return "(empty set)\n";
    return "(empty push)\n";
}

static char index_mark(enum reply_type type)
{
    return type == REPLY_SET ? '~' : type == REPLY_MAP ? '#' : ')';
}

static void append_spaces(struct buffer *out, size_t count)
{
    buffer_printf(out, "%*s", (int)count, "");
}

static void append_standard(struct buffer *out, const struct reply_value *reply, size_t indent);

/* Elements that take more than a line begin on one of their own. */
static void append_map_value(struct buffer *out, const struct reply_value *value, size_t indent)
{
    size_t begin = out->size;
    append_standard(out, value, indent);
    size_t size = out->size - begin;
    bool is_one_line =
        value->count == 0 || memchr(out->data + begin, '\n', size) == out->data + out->size - 1;
    if (is_one_line || !buffer_reserve(out, indent + 1))
        return;
    memmove(out->data + begin + indent + 1, out->data + begin, size);
    memset(out->data + begin, ' ', indent + 1);
    out->data[begin] = '\n';
    buffer_commit(out, indent + 1);
}

/* Every line but the first gets the indent of its level: the first continues its parent's line. */
static void append_elements(struct buffer *out, const struct reply_value *reply, size_t indent)
{
    bool is_map = reply->type == REPLY_MAP;
    size_t step = is_map ? 2 : 1;
    unsigned width = number_digits_u64(reply->count / step);
    size_t inner = indent + width + 2;
    for (size_t i = 0; i < reply->count; i += step) {
        if (i > 0)
            append_spaces(out, indent);
        buffer_printf(out, "%*zu%c ", (int)width, i / step + 1, index_mark(reply->type));
        append_standard(out, &reply->elements[i], inner);
        if (!is_map || i + 1 >= reply->count)
            continue;
        out->size--; /* the newline behind the key */
        buffer_append_text(out, " => ");
        append_map_value(out, &reply->elements[i + 1], inner);
    }
}

static void append_line(struct buffer *out, const char *prefix, struct bytes text)
{
    buffer_append_text(out, prefix);
    buffer_append_bytes(out, text);
    buffer_append(out, "\n", 1);
}

static void append_standard(struct buffer *out, const struct reply_value *reply, size_t indent)
{
    switch (reply->type) {
    case REPLY_STRING:
        text_quote(out, reply->text);
        buffer_append(out, "\n", 1);
        return;
    case REPLY_STATUS:
    case REPLY_VERBATIM:
        append_line(out, "", reply->text);
        return;
    case REPLY_ERROR:
        append_line(out, "(error) ", reply->text);
        return;
    case REPLY_INTEGER:
        buffer_printf(out, "(integer) %lld\n", (long long)reply->integer);
        return;
    case REPLY_DOUBLE:
        append_line(out, "(double) ", reply->text);
        return;
    case REPLY_BIG_NUMBER:
        append_line(out, "(big number) ", reply->text);
        return;
    case REPLY_BOOL:
        buffer_append_text(out, reply->integer ? "(true)\n" : "(false)\n");
        return;
    case REPLY_NIL:
        buffer_append_text(out, "(nil)\n");
        return;
    case REPLY_ARRAY:
    case REPLY_MAP:
    case REPLY_SET:
    case REPLY_PUSH:
    case REPLY_ATTRIBUTE:
        if (reply->count == 0)
            buffer_append_text(out, empty_text(reply->type));
        else
            append_elements(out, reply, indent);
        return;
    }
}

void format_reply_standard(struct buffer *out, const struct reply_value *reply)
{
    append_standard(out, reply, 0);
}

void format_reply_raw(struct buffer *out, const struct reply_value *reply, const char *delimiter)
{
    bool is_map = reply->type == REPLY_MAP;
    switch (reply->type) {
    case REPLY_NIL:
        return;
    case REPLY_ERROR:
        append_line(out, "", reply->text);
        return;
    case REPLY_STRING:
    case REPLY_STATUS:
    case REPLY_VERBATIM:
    case REPLY_DOUBLE:
    case REPLY_BIG_NUMBER:
        buffer_append_bytes(out, reply->text);
        return;
    case REPLY_INTEGER:
        buffer_printf(out, "%lld", (long long)reply->integer);
        return;
    case REPLY_BOOL:
        buffer_append_text(out, reply->integer ? "(true)" : "(false)");
        return;
    case REPLY_ARRAY:
    case REPLY_MAP:
    case REPLY_SET:
    case REPLY_PUSH:
    case REPLY_ATTRIBUTE:
        for (size_t i = 0; i < reply->count; i++) {
            if (i > 0)
                buffer_append_text(out, is_map && i % 2 ? " " : delimiter);
            format_reply_raw(out, &reply->elements[i], delimiter);
        }
        return;
    }
}

bool reply_is_invalidation(const struct reply_value *reply)
{
    return reply->type == REPLY_PUSH && reply->count == 2 &&
           reply->elements[0].type == REPLY_STRING &&
           bytes_is(reply->elements[0].text, "invalidate") &&
           reply->elements[1].type == REPLY_ARRAY;
}

void format_invalidation(struct buffer *out, const struct reply_value *reply)
{
    const struct reply_value *keys = &reply->elements[1];
    buffer_append_text(out, "-> invalidate: ");
    for (size_t i = 0; i < keys->count; i++) {
        buffer_append_text(out, i > 0 ? ", '" : "'");
        buffer_append_bytes(out, keys->elements[i].text);
        buffer_append(out, "'", 1);
    }
    buffer_append(out, "\n", 1);
}
