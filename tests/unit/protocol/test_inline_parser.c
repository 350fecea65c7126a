/* Inline commands: quoting as the reference does it. */
#include "base/buffer.h"
#include "protocol/inline_parser.h"
#include "protocol/resp_parser.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static const struct resp_limits limits = {.argc_max = 100, .is_authenticated = 1};

/* Words joined by '|', or "!" for unbalanced quotes. */
static void expect_words(struct bytes line, const char *expected)
{
    struct resp_parser parser;
    resp_parser_init(&parser, &limits);
    char *exact = malloc(line.size ? line.size : 1);
    memcpy(exact, line.data, line.size);
    struct buffer words;
    buffer_init(&words, 4096);
    cr_assert_eq(buffer_append(&words, "", 0), 0);
    if (inline_split(&parser, exact, line.size) < 0) {
        cr_assert_eq(buffer_append_text(&words, "!"), 0);
    } else {
        for (int32_t i = 0; i < parser.argc; i++) {
            cr_assert_eq(buffer_append_text(&words, i ? "|" : ""), 0);
            cr_assert_eq(buffer_append(&words, exact + parser.args[i].offset, parser.args[i].size),
                         0);
        }
    }
    cr_assert(bytes_equal(buffer_bytes(&words), bytes_of_text(expected)), "\"%s\" for \"%s\"",
              words.data, line.data);
    free(exact);
    buffer_deinit(&words);
    resp_parser_deinit(&parser);
}

#define EXPECT(line, expected) expect_words(BYTES_LITERAL(line), expected)

Test(inline_parser, words)
{
    EXPECT("", "");
    EXPECT("  \t ", "");
    EXPECT("PING", "PING");
    EXPECT("  SET  a\tb ", "SET|a|b");
    EXPECT("a\vb \vc", "a\vb|c");
    EXPECT("PING\0 more", "PING");
}

Test(inline_parser, double_quotes)
{
    EXPECT("\"a b\" c", "a b|c");
    EXPECT("a\"b c\"", "ab c");
    EXPECT("\"\"", "");
    EXPECT("x \"\" y", "x||y");
    EXPECT("\"\\x41\\n\\t\\r\\b\\a\\\"\\\\\\q\"", "A\n\t\r\b\a\"\\q");
    EXPECT("\"\\xag\"", "xag");
    EXPECT("\"\\x4\"", "x4");
    EXPECT("\"'\"", "'");
}

Test(inline_parser, single_quotes)
{
    EXPECT("'a b' c", "a b|c");
    EXPECT("'a\\n\\'b'", "a\\n'b");
    EXPECT("'\\\\ '", "\\\\ ");
    EXPECT("'\\\\'", "!");
    EXPECT("'\"'", "\"");
}

Test(inline_parser, unbalanced)
{
    EXPECT("\"a", "!");
    EXPECT("'a", "!");
    EXPECT("a\"", "!");
    EXPECT("\"a\"b", "!");
    EXPECT("'a'b", "!");
    EXPECT("'a''b'", "!");
    EXPECT("\"\\\"", "!");
    EXPECT("\"a\\", "!");
    EXPECT("\"a\0\"", "!");
}
