/* Replies that are texts for people, as JSON: INFO and its like by sections, CLIENT LIST and
 * CLUSTER NODES as lists of objects. What looks like a number is one, but for names. */
#include "base/number.h"
#include "tools/cli/format_reply.h"

struct writer {
    struct buffer *out;
    bool is_ascii;
    bool has_members; /* of the object or list in hand */
};

/* The text up to `end`, which is skipped too; the rest remains. */
static struct bytes cut(struct bytes *rest, char end)
{
    const char *at = rest->size > 0 ? memchr(rest->data, end, rest->size) : NULL;
    size_t size = at ? (size_t)(at - rest->data) : rest->size;
    struct bytes part = bytes_of(rest->data, size);
    *rest = bytes_of(rest->data + size + (at != NULL), rest->size - size - (at != NULL));
    return part;
}

static struct bytes next_line(struct bytes *rest)
{
    struct bytes line = cut(rest, '\n');
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

static void begin_member(struct writer *writer)
{
    if (writer->has_members)
        buffer_append(writer->out, ",", 1);
    writer->has_members = true;
}

static void append_text(struct writer *writer, struct bytes text)
{
    struct reply_value value = {.type = REPLY_STRING, .text = text};
    format_reply_json(writer->out, &value, writer->is_ascii);
}

/* JSON's idea of a number: no sign but minus, no leading zeros, digits on both sides of a point. */
static bool is_json_number(struct bytes text)
{
    size_t at = text.size > 0 && text.data[0] == '-';
    size_t begin = at;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    size_t digits = at - begin;
    if (digits == 0 || digits > 18 || (digits > 1 && text.data[begin] == '0'))
        return false;
    if (at == text.size)
        return true;
    begin = at + 1;
    for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
    }
    return text.data[begin - 1] == '.' && at == text.size && at > begin;
}

static void append_value(struct writer *writer, struct bytes text)
{
    if (is_json_number(text))
        buffer_append_bytes(writer->out, text);
    else
        append_text(writer, text);
}

/* Fields whose value somebody chose, or that are hexadecimal. */
static bool is_name(struct bytes field)
{
    static const char *const fields[] = {
        "name",           "user",           "lib-name",       "lib-ver",    "cert",
        "addr",           "redis_build_id", "redis_git_sha1", "run_id",     "master_replid",
        "master_replid2", "redis_version",  "executable",     "config_file"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (bytes_is(field, fields[i]))
            return true;
    return false;
}

static void append_member(struct writer *writer, struct bytes name, struct bytes value)
{
    begin_member(writer);
    append_text(writer, name);
    buffer_append(writer->out, ":", 1);
    if (is_name(name))
        append_text(writer, value);
    else
        append_value(writer, value);
}

/* "name=value" words; the first may be alone and is left out then. */
static bool is_words(struct bytes text)
{
    while (text.size > 0) {
        struct bytes word = cut(&text, ',');
        const char *equals = word.size > 0 ? memchr(word.data, '=', word.size) : NULL;
        if (!equals || equals == word.data)
            return false;
    }
    return true;
}

static void append_words(struct writer *writer, struct bytes text, char separator)
{
    struct writer inner = {.out = writer->out, .is_ascii = writer->is_ascii};
    buffer_append(inner.out, "{", 1);
    while (text.size > 0) {
        struct bytes word = cut(&text, separator);
        if (word.size == 0)
            continue;
        struct bytes name = cut(&word, '=');
        append_member(&inner, name, word);
    }
    buffer_append(inner.out, "}", 1);
}

/* "db0:keys=1,expires=0" becomes an object of its own. */
static void append_field(struct writer *writer, struct bytes line)
{
    struct bytes value = line;
    struct bytes name = cut(&value, ':');
    if (value.size == 0 || !memchr(value.data, '=', value.size) || !is_words(value)) {
        append_member(writer, name, value);
        return;
    }
    begin_member(writer);
    append_text(writer, name);
    buffer_append(writer->out, ":", 1);
    append_words(writer, value, ',');
}

void format_info_json(struct buffer *out, struct bytes text, bool is_ascii)
{
    struct writer top = {.out = out, .is_ascii = is_ascii};
    struct writer section = top;
    bool is_in_section = false;
    buffer_append(out, "{", 1);
    while (text.size > 0) {
        struct bytes line = next_line(&text);
        if (line.size > 2 && line.data[0] == '#') {
            if (is_in_section)
                buffer_append(out, "}", 1);
            begin_member(&top);
            append_text(&top, bytes_of(line.data + 2, line.size - 2));
            buffer_append(out, ":{", 2);
            section.has_members = false;
            is_in_section = true;
        } else if (line.size > 0) {
            append_field(is_in_section ? &section : &top, line);
        }
    }
    buffer_append_text(out, is_in_section ? "}}" : "}");
}

void format_clients_json(struct buffer *out, struct bytes text, bool is_ascii)
{
    struct writer list = {.out = out, .is_ascii = is_ascii};
    buffer_append(out, "[", 1);
    while (text.size > 0) {
        struct bytes line = next_line(&text);
        if (line.size == 0)
            continue;
        begin_member(&list);
        append_words(&list, line, ' ');
    }
    buffer_append(out, "]", 1);
}

void format_client_json(struct buffer *out, struct bytes text, bool is_ascii)
{
    struct writer writer = {.out = out, .is_ascii = is_ascii};
    append_words(&writer, next_line(&text), ' ');
}

/* id address flags primary ping-sent pong-received epoch link-state slot... */
void format_nodes_json(struct buffer *out, struct bytes text, bool is_ascii)
{
    static const char *const names[] = {"id",        "addr",      "flags",        "master",
                                        "ping-sent", "pong-recv", "config-epoch", "link-state"};
    struct writer list = {.out = out, .is_ascii = is_ascii};
    buffer_append(out, "[", 1);
    while (text.size > 0) {
        struct bytes line = next_line(&text);
        if (line.size == 0)
            continue;
        begin_member(&list);
        struct writer node = {.out = out, .is_ascii = is_ascii};
        buffer_append(out, "{", 1);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            struct bytes word = cut(&line, ' ');
            begin_member(&node);
            append_text(&node, bytes_of_text(names[i]));
            buffer_append(out, ":", 1);
            if (i < 4)
                append_text(&node, word);
            else
                append_value(&node, word);
        }
        buffer_append_text(out, ",\"slots\":[");
        struct writer slots = {.out = out, .is_ascii = is_ascii};
        while (line.size > 0) {
            struct bytes slot = cut(&line, ' ');
            begin_member(&slots);
            append_text(&slots, slot);
        }
        buffer_append_text(out, "]}");
    }
    buffer_append(out, "]", 1);
}
