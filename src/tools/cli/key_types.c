/* See key_types.h. Types of modules get rows as they are met; beyond the maximum the last row takes
 * them. */
#include "tools/cli/key_types.h"

#include "base/memory.h"
#include "base/text.h"
#include "tools/cli/format_reply.h"

void key_types_init(struct key_types *types)
{
    static const struct key_type known[] = {
        {.name = "list", .length_command = "LLEN", .unit = "items"},
        {.name = "hash", .length_command = "HLEN", .unit = "fields"},
        {.name = "string", .length_command = "STRLEN", .unit = "bytes"},
        {.name = "stream", .length_command = "XLEN", .unit = "entries"},
        {.name = "set", .length_command = "SCARD", .unit = "members"},
        {.name = "zset", .length_command = "ZCARD", .unit = "members"},
    };
    types->count = sizeof(known) / sizeof(known[0]);
    memcpy(types->rows, known, sizeof(known));
}

size_t key_types_index(const struct key_types *types, const struct key_type *type)
{
    assert(type >= types->rows);
    assert(type < types->rows + types->count);
    return (size_t)(type - types->rows);
}

static const struct key_type *find_type(struct key_types *types, struct bytes name)
{
    for (size_t i = 0; i < types->count; i++)
        if (bytes_is(name, types->rows[i].name))
            return &types->rows[i];
    if (types->count == KEY_TYPES_MAX)
        return &types->rows[KEY_TYPES_MAX - 1];
    struct key_type *type = &types->rows[types->count++];
    *type = (struct key_type){.unit = "?"};
    text_copy(type->name, sizeof(type->name), name.data);
    return type;
}

/* -- pages -- */

static int make_type_command(const void *context, size_t index, struct bytes *words)
{
    const struct key_page *page = context;
    words[0] = BYTES_LITERAL("TYPE");
    words[1] = page->keys->elements[index].text;
    return 2;
}

bool key_page_init(struct key_page *page, struct key_scan *scan, struct key_types *types,
                   const struct reply_value *keys)
{
    size_t count = keys->count;
    *page = (struct key_page){.keys = keys};
    if (count == 0)
        return true;
    struct reply_value **replies = mem_calloc(count, sizeof(*replies));
    bool is_answered = key_scan_ask(scan, count, make_type_command, page, replies);
    if (is_answered) {
        page->types = mem_calloc(count, sizeof(*page->types));
        for (size_t i = 0; i < count; i++)
            if (replies[i]->type == REPLY_STATUS && !bytes_is(replies[i]->text, "none"))
                page->types[i] = find_type(types, replies[i]->text);
        key_scan_free(replies, count);
    }
    mem_free(replies);
    return is_answered;
}

void key_page_deinit(struct key_page *page)
{
    mem_free(page->types);
    page->types = NULL;
}

struct memory_question {
    const struct key_page *page;
    char samples[NUMBER_I64_TEXT_MAX];
    size_t samples_size; /* 0: the server's default */
};

static int make_memory_command(const void *context, size_t index, struct bytes *words)
{
    const struct memory_question *question = context;
    if (!question->page->types[index])
        return 0;
    words[0] = BYTES_LITERAL("MEMORY");
    words[1] = BYTES_LITERAL("USAGE");
    words[2] = question->page->keys->elements[index].text;
    words[3] = BYTES_LITERAL("SAMPLES");
    words[4] = bytes_of(question->samples, question->samples_size);
    return question->samples_size > 0 ? 5 : 3;
}

bool key_page_ask_memory(const struct key_page *page, struct key_scan *scan,
                         struct reply_value **replies)
{
    struct memory_question question = {.page = page};
    int64_t samples = scan->cli->options.memkeys_samples;
    if (samples >= 0)
        question.samples_size = number_format_i64(question.samples, samples);
    return key_scan_ask(scan, page->keys->count, make_memory_command, &question, replies);
}

static int make_length_command(const void *context, size_t index, struct bytes *words)
{
    const struct key_page *page = context;
    const struct key_type *type = page->types[index];
    if (!type || !type->length_command)
        return 0;
    words[0] = bytes_of_text(type->length_command);
    words[1] = page->keys->elements[index].text;
    return 2;
}

bool key_page_ask_lengths(const struct key_page *page, struct key_scan *scan,
                          struct reply_value **replies)
{
    return key_scan_ask(scan, page->keys->count, make_length_command, page, replies);
}

char *key_quote(struct bytes key)
{
    struct buffer out;
    buffer_init(&out, FORMATTED_SIZE_MAX);
    text_quote(&out, key);
    char *result = buffer_take(&out);
    buffer_deinit(&out);
    return result;
}
