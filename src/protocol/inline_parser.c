/* See inline_parser.h. The unquoted text is never longer than the quoted one, so each word is
 * written over the place it was read from. */
#include "protocol/inline_parser.h"

#include "base/assert.h"
#include "base/text.h"
#include "protocol/resp_parser_internal.h"
#include <string.h>

struct cursor {
    const char *read;
    const char *end;
    char *write;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Behind the backslash of a double-quoted part. */
static void take_escape(struct cursor *cursor)
{
    if (*cursor->read == 'x' && cursor->end - cursor->read >= 3) {
        int high = text_hex_digit(cursor->read[1]);
        int low = text_hex_digit(cursor->read[2]);
        if (high >= 0 && low >= 0) {
            *cursor->write++ = (char)(high * 16 + low);
            cursor->read += 3;
            return;
        }
    }
    *cursor->write++ = text_unescape(*cursor->read++);
}

/* From behind the opening quote to behind the closing one. -1 when it does not close, or when
 * something other than a blank follows. */
static int take_quoted(struct cursor *cursor, char quote)
{
    while (cursor->read < cursor->end) {
        char c = *cursor->read++;
        if (c == quote)
            return cursor->read == cursor->end || is_blank(*cursor->read) ? 0 : -1;
        bool has_next = cursor->read < cursor->end;
        if (c == '\\' && has_next && quote == '"')
            take_escape(cursor);
        else if (c == '\\' && has_next && *cursor->read == '\'')
            *cursor->write++ = *cursor->read++;
        else
            *cursor->write++ = c;
    }
    return -1;
}

/* One word, which begins at cursor->read. */
static int take_word(struct cursor *cursor)
{
    while (cursor->read < cursor->end) {
        char c = *cursor->read;
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            return 0;
        cursor->read++;
        if (c == '"' || c == '\'')
            return take_quoted(cursor, c);
        *cursor->write++ = c;
    }
    return 0;
}

int inline_split(struct resp_parser *parser, char *line, size_t size)
{
    const char *nul = memchr(line, '\0', size);
    const char *end = nul ? nul : line + size;
    char *read = line;
    for (;;) {
        while (read < end && is_blank(*read))
            read++;
        if (read == end)
            return 0;
        struct cursor cursor = {.read = read, .end = end, .write = read};
        if (take_word(&cursor) < 0)
            return -1;
        assert(cursor.write <= cursor.read);
        resp_parser_add(parser, (size_t)(read - line), (size_t)(cursor.write - read), NULL);
        read += cursor.read - read;
    }
}
