/* Texts for people as JSON. */
#include "tools/cli/format_json.c"
#include "tools/cli/json_texts.c"

#include "base/memory.h"

#include <criterion/criterion.h>

typedef void formatter(struct buffer *out, struct bytes text, bool is_ascii);

static void check(formatter *format, const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1 << 16);
    format(&out, bytes_of_text(text), false);
    cr_assert_str_eq(out.data, expected);
    buffer_deinit(&out);
}

Test(json_texts, numbers_are_json_numbers)
{
    check(format_info_json, "a:0\r\nb:-12\r\nc:1.50\r\nd:007\r\ne:1.\r\nf:.5\r\ng:1e3\r\nh:-\r\n",
          "{\"a\":0,\"b\":-12,\"c\":1.50,\"d\":\"007\",\"e\":\"1.\",\"f\":\".5\",\"g\":\"1e3\","
          "\"h\":\"-\"}");
    check(format_info_json, "a:1234567890123456789012\nb:1.2.3\nc:\nd:nan\n",
          "{\"a\":\"1234567890123456789012\",\"b\":\"1.2.3\",\"c\":\"\",\"d\":\"nan\"}");
}

Test(json_texts, sections_and_rows)
{
    check(format_info_json, "", "{}");
    check(format_info_json, "# A\r\n# B\r\nx:1\r\n\r\n# C\r\ndb0:keys=1,ttl=2.5\r\n",
          "{\"A\":{},\"B\":{\"x\":1},\"C\":{\"db0\":{\"keys\":1,\"ttl\":2.5}}}");
    /* A value that only has an equals sign somewhere stays a text. */
    check(format_info_json, "a:x,y=1\nb:=\nc:p=\"q\n",
          "{\"a\":\"x,y=1\",\"b\":\"=\",\"c\":{\"p\":\"\\\"q\"}}");
}

Test(json_texts, clients)
{
    check(format_clients_json, "", "[]");
    check(format_clients_json, "id=1 name=7 cmd=a|b\nid=2 name= x=\n",
          "[{\"id\":1,\"name\":\"7\",\"cmd\":\"a|b\"},{\"id\":2,\"name\":\"\",\"x\":\"\"}]");
    check(format_client_json, "id=1 lib-ver=2\r\n", "{\"id\":1,\"lib-ver\":\"2\"}");
}

/* No text may lead past its end: every prefix is formatted. */
Test(json_texts, of_cut_texts)
{
    static const char text[] = "# Server\r\na:1,b=2\r\nid=1 addr=x:1 - 0 1 2 connected 0-5\n\n#\n";
    static formatter *const formats[] = {format_info_json, format_clients_json, format_client_json,
                                         format_nodes_json};
    for (size_t size = 0; size < sizeof(text); size++) {
        char *copy = mem_alloc(size + 1);
        memcpy(copy, text, size);
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
            struct buffer out;
            buffer_init(&out, 1 << 16);
            formats[i](&out, bytes_of(copy, size), true);
            cr_assert(out.data[0] == '{' || out.data[0] == '[');
            buffer_deinit(&out);
        }
        mem_free(copy);
    }
}
