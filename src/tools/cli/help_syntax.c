/* See help_syntax.h. Arguments nest (oneof, block), bounded by the reply reader's depth. */
#include "tools/cli/help_syntax.h"

#include "base/buffer.h"
#include "base/memory.h"

enum { SYNTAX_SIZE_MAX = 64 * 1024 };

const struct reply_value *help_field(const struct reply_value *map, const char *name)
{
    bool has_fields = map && (map->type == REPLY_ARRAY || map->type == REPLY_MAP);
    for (size_t i = 0; has_fields && i + 1 < map->count; i += 2)
        if (map->elements[i].text.data && bytes_is(map->elements[i].text, name))
            return &map->elements[i + 1];
    return NULL;
}

static bool has_flag(const struct reply_value *argument, const char *name)
{
    const struct reply_value *flags = help_field(argument, "flags");
    for (size_t i = 0; flags && i < flags->count; i++)
        if (flags->elements[i].text.data && bytes_is(flags->elements[i].text, name))
            return true;
    return false;
}

static struct bytes text_field(const struct reply_value *argument, const char *name)
{
    const struct reply_value *value = help_field(argument, name);
    return value && value->text.data ? value->text : bytes_of("", 0);
}

static void append_argument(struct buffer *out, const struct reply_value *argument);

static void append_arguments(struct buffer *out, const struct reply_value *arguments,
                             const char *separator)
{
    for (size_t i = 0; arguments && i < arguments->count; i++) {
        if (i > 0)
            buffer_append_text(out, separator);
        append_argument(out, &arguments->elements[i]);
    }
}

/* The argument without its token. */
static void append_value(struct buffer *out, const struct reply_value *argument)
{
    struct bytes type = text_field(argument, "type");
    if (bytes_is(type, "pure-token"))
        return;
    if (bytes_is(type, "oneof")) {
        append_arguments(out, help_field(argument, "arguments"), "|");
    } else if (bytes_is(type, "block")) {
        append_arguments(out, help_field(argument, "arguments"), " ");
    } else {
        struct bytes shown = text_field(argument, "display_text");
        buffer_append_bytes(out, shown.size > 0 ? shown : text_field(argument, "name"));
    }
}

static void append_with_token(struct buffer *out, const struct reply_value *argument)
{
    const struct reply_value *token = help_field(argument, "token");
    bool is_token_alone = bytes_is(text_field(argument, "type"), "pure-token");
    if (token && token->text.data) {
        if (token->text.size > 0)
            buffer_append_bytes(out, token->text);
        else
            buffer_append_text(out, "\"\"");
        if (!is_token_alone)
            buffer_append(out, " ", 1);
    }
    append_value(out, argument);
}

static void append_argument(struct buffer *out, const struct reply_value *argument)
{
    bool is_optional = has_flag(argument, "optional");
    buffer_append_text(out, is_optional ? "[" : "");
    append_with_token(out, argument);
    if (has_flag(argument, "multiple") || has_flag(argument, "multiple_token")) {
        buffer_append_text(out, " [");
        if (has_flag(argument, "multiple_token"))
            append_with_token(out, argument);
        else
            append_value(out, argument);
        buffer_append_text(out, " ...]");
    }
    buffer_append_text(out, is_optional ? "]" : "");
}

char *help_format_syntax(const struct reply_value *arguments)
{
    struct buffer out;
    buffer_init(&out, SYNTAX_SIZE_MAX);
    append_arguments(&out, arguments, " ");
    char *text = out.size > 0 ? buffer_take(&out) : mem_strdup("");
    buffer_deinit(&out);
    return text;
}
