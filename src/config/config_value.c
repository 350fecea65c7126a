/* Values of options: text into fields and back, with Redis's rules and error texts. */
#include "config/config_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/secret.h"
#include "base/text.h"

enum { WORDS_MAX = CONFIG_LINE_ARGS_MAX };

static void *field_of(const struct option *row, void *settings)
{
    return (char *)settings + row->offset;
}

static const void *const_field_of(const struct option *row, const void *settings)
{
    return (const char *)settings + row->offset;
}

static int refuse(struct buffer *error, const char *reason)
{
    buffer_append_text(error, reason);
    return -1;
}

/* -- reading -- */

static int check_range(const struct option *row, int64_t value, struct buffer *error)
{
    if (value >= row->minimum && value <= row->maximum)
        return 0;
    if (row->kind == OPTION_OCTAL)
        buffer_printf(error, "argument must be between %" PRIo64 " and %" PRIo64 " inclusive",
                      (uint64_t)row->minimum, (uint64_t)row->maximum);
    else
        buffer_printf(error, "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                      row->minimum, row->maximum);
    return -1;
}

static int read_bool(void *field, struct bytes word, struct buffer *error)
{
    if (!bytes_is(word, "yes") && !bytes_is(word, "no"))
        return refuse(error, "argument must be 'yes' or 'no'");
    *(bool *)field = bytes_is(word, "yes");
    return 0;
}

static int read_int(const struct option *row, void *field, struct bytes word, struct buffer *error)
{
    int64_t value;
    if (!number_parse_i64(word, &value))
        return refuse(error, "argument couldn't be parsed into an integer");
    if (check_range(row, value, error) < 0)
        return -1;
    *(int64_t *)field = value;
    return 0;
}

static int read_octal(const struct option *row, void *field, struct bytes word,
                      struct buffer *error)
{
    int64_t value = 0;
    if (word.size == 0 || word.size > 20)
        return refuse(error, "argument couldn't be parsed as an octal number");
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] < '0' || word.data[i] > '7')
            return refuse(error, "argument couldn't be parsed as an octal number");
        value = value * 8 + (word.data[i] - '0');
    }
    if (check_range(row, value, error) < 0)
        return -1;
    *(int64_t *)field = value;
    return 0;
}

/* "25%" is kept as -25. */
static int read_percent(const struct option *row, void *field, struct bytes word,
                        struct buffer *error)
{
    int64_t value;
    int64_t highest = row->minimum < 0 ? -row->minimum : 100;
    word.size--;
    if (!number_parse_i64(word, &value) || value < 0)
        return refuse(error, "argument must be a memory or percent value");
    if (value > highest) {
        buffer_printf(error, "percentage argument must be less or equal to %" PRId64, highest);
        return -1;
    }
    *(int64_t *)field = -value;
    return 0;
}

static int read_memory(const struct option *row, void *field, struct bytes word,
                       struct buffer *error)
{
    bool takes_percent = (row->flags & OPTION_PERCENT) != 0;
    uint64_t bytes;
    if (takes_percent && word.size > 0 && word.data[word.size - 1] == '%')
        return read_percent(row, field, word, error);
    if (!number_parse_memory(word, &bytes))
        return refuse(error, takes_percent ? "argument must be a memory or percent value"
                                           : "argument must be a memory value");
    if (bytes > INT64_MAX || check_range(row, (int64_t)bytes, error) < 0) {
        if (error->size == 0)
            buffer_printf(error, "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                          row->minimum < 0 ? 0 : row->minimum, row->maximum);
        return -1;
    }
    *(int64_t *)field = (int64_t)bytes;
    return 0;
}

static int refuse_names(const struct option *row, struct buffer *error)
{
    buffer_append_text(error, "argument(s) must be one of the following: ");
    for (const struct option_name *name = row->names; name->name; name++)
        buffer_printf(error, "%s%s", name == row->names ? "" : ", ", name->name);
    return -1;
}

/* One word for an enum, one or more for flags. */
static int read_names(const struct option *row, void *field, int argc, const struct bytes *argv,
                      struct buffer *error)
{
    int value = 0;
    for (int i = 0; i < argc; i++) {
        const struct option_name *name = row->names;
        while (name->name && !bytes_is(argv[i], name->name))
            name++;
        if (!name->name)
            return refuse_names(row, error);
        value |= name->value;
    }
    *(int *)field = value;
    return 0;
}

static int read_string(void *field, struct bytes word, struct buffer *error)
{
    if (memchr(word.data, '\0', word.size))
        return refuse(error, "argument must not contain null characters");
    char *text = NULL;
    if (word.size > 0) {
        text = mem_alloc(word.size + 1);
        memcpy(text, word.data, word.size);
        text[word.size] = '\0';
    }
    *(char **)field = text;
    return 0;
}

static int read_field(const struct option *row, void *settings, int argc, const struct bytes *argv,
                      struct buffer *error)
{
    void *field = field_of(row, settings);
    if (argc != 1 && row->kind != OPTION_FLAGS && row->kind != OPTION_CUSTOM)
        return refuse(error, "wrong number of arguments");
    switch (row->kind) {
    case OPTION_BOOL:
        return read_bool(field, argv[0], error);
    case OPTION_INT:
        return read_int(row, field, argv[0], error);
    case OPTION_MEMORY:
        return read_memory(row, field, argv[0], error);
    case OPTION_OCTAL:
        return read_octal(row, field, argv[0], error);
    case OPTION_ENUM:
    case OPTION_FLAGS:
        if (argc == 0)
            return refuse(error, "wrong number of arguments");
        return read_names(row, field, argc, argv, error);
    case OPTION_STRING:
        return read_string(field, argv[0], error);
    case OPTION_SECRET:
        *(struct secret **)field = secret_create(argv[0]);
        return 0;
    case OPTION_CUSTOM:
        return row->set(settings, argc, argv, error);
    }
    panic("option '%s' has no kind", row->name);
}

static size_t field_size(const struct option *row)
{
    switch (row->kind) {
    case OPTION_BOOL:
        return sizeof(bool);
    case OPTION_INT:
    case OPTION_MEMORY:
    case OPTION_OCTAL:
        return sizeof(int64_t);
    case OPTION_ENUM:
    case OPTION_FLAGS:
        return sizeof(int);
    case OPTION_STRING:
    case OPTION_SECRET:
        return sizeof(char *);
    case OPTION_CUSTOM:
        return 0;
    }
    return 0;
}

/* Frees what a field of this row pointed to. */
static void free_pointee(const struct option *row, void *pointee)
{
    if (row->kind == OPTION_SECRET)
        secret_free(pointee);
    else if (pointee && (row->flags & OPTION_SENSITIVE))
        mem_free_secret(pointee, strlen(pointee));
    else
        mem_free(pointee);
}

/* Reads one value and lets the row check it; a refused one leaves the field as it was. */
static int set_checked(const struct option *row, void *settings, int argc, const struct bytes *argv,
                       struct buffer *error)
{
    char before[sizeof(int64_t)] = {0};
    void *field = field_of(row, settings);
    size_t size = field_size(row);
    assert(size <= sizeof before);
    memcpy(before, field, size);
    if (read_field(row, settings, argc, argv, error) < 0)
        return -1;
    void *stale = NULL;
    int result = row->check ? row->check(settings, error) : 0;
    if (row->kind == OPTION_STRING || row->kind == OPTION_SECRET) {
        memcpy(&stale, result < 0 ? (char *)field : before, sizeof stale);
    }
    if (result < 0)
        memcpy(field, before, size);
    free_pointee(row, stale);
    return result;
}

/* A multi-word value that came as one word ("save" "60 5") is taken apart at spaces. */
static int split_words(struct bytes text, struct bytes *words)
{
    int count = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != ' ')
            continue;
        if (i > start) {
            if (count == WORDS_MAX)
                return -1;
            words[count++] = bytes_of(text.data + start, i - start);
        }
        start = i + 1;
    }
    if (count == 0)
        words[count++] = bytes_of(text.data, 0);
    return count;
}

int value_set(const struct option *row, void *settings, int argc, const struct bytes *argv,
              struct buffer *error)
{
    for (int i = 0; i < argc; i++)
        if (argv[i].size > CONFIG_VALUE_SIZE_MAX)
            return refuse(error, "argument is too long");
    if (!(row->flags & OPTION_MULTI_ARG) || argc != 1)
        return set_checked(row, settings, argc, argv, error);
    struct bytes *words = mem_alloc(WORDS_MAX * sizeof *words);
    int count = split_words(argv[0], words);
    int result = count < 0 ? refuse(error, "too many arguments")
                           : set_checked(row, settings, count, words, error);
    mem_free(words);
    return result;
}

void value_set_default(const struct option *row, void *settings)
{
    if (row->kind == OPTION_CUSTOM && !row->default_text)
        return;
    const char *text = row->default_text ? row->default_text : "";
    int count;
    char **texts = text_split_args(text, &count, NULL);
    assert(texts && count <= 64);
    struct bytes words[64];
    for (int i = 0; i < count; i++)
        words[i] = bytes_of_text(texts[i]);
    if (count == 0)
        words[count++] = BYTES_LITERAL("");
    struct buffer error;
    buffer_init(&error, 1024);
    /* A string's default may be written without quotes. */
    int result = row->kind == OPTION_STRING && count > 1
                     ? value_set(row, settings, 1, &(struct bytes){text, strlen(text)}, &error)
                     : value_set(row, settings, count, words, &error);
    if (result < 0)
        panic("default of option '%s': %s", row->name, error.data ? error.data : "refused");
    buffer_deinit(&error);
    text_free_args(texts, (int)(texts[0] ? count : 0));
}

/* -- printing -- */

bool value_is_readable(const struct option *row)
{
    return row->kind != OPTION_CUSTOM || row->get;
}

static void print_flags(const struct option *row, int value, struct buffer *out)
{
    bool is_first = true;
    for (const struct option_name *name = row->names; name->name; name++) {
        bool matches = value == 0 ? name->value == 0
                                  : name->value != 0 && (value & name->value) == name->value;
        if (matches)
            buffer_printf(out, "%s%s", is_first ? "" : " ", name->name);
        is_first = is_first && !matches;
    }
}

static void print_enum(const struct option *row, int value, struct buffer *out)
{
    for (const struct option_name *name = row->names; name->name; name++) {
        if (name->value == value) {
            buffer_append_text(out, name->name);
            return;
        }
    }
    panic("option '%s' has no name for %d", row->name, value);
}

void value_get(const struct option *row, const void *settings, struct buffer *out)
{
    const void *field = const_field_of(row, settings);
    const char *text;
    switch (row->kind) {
    case OPTION_BOOL:
        buffer_append_text(out, *(const bool *)field ? "yes" : "no");
        break;
    case OPTION_INT:
        buffer_printf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case OPTION_MEMORY:
        if ((row->flags & OPTION_PERCENT) && *(const int64_t *)field < 0)
            buffer_printf(out, "%" PRId64 "%%", -*(const int64_t *)field);
        else
            buffer_printf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case OPTION_OCTAL:
        buffer_printf(out, "%" PRIo64, *(const uint64_t *)field);
        break;
    case OPTION_ENUM:
        print_enum(row, *(const int *)field, out);
        break;
    case OPTION_FLAGS:
        print_flags(row, *(const int *)field, out);
        break;
    case OPTION_STRING:
        text = *(char *const *)field;
        buffer_append_text(out, text ? text : "");
        break;
    case OPTION_SECRET:
        buffer_append_bytes(out, secret_bytes(*(struct secret *const *)field));
        break;
    case OPTION_CUSTOM:
        if (row->get)
            row->get(settings, out);
        break;
    }
}

struct secret *value_shown(const struct option *row, const void *settings)
{
    struct buffer out;
    buffer_init_secret(&out, CONFIG_VALUE_SIZE_MAX * 2);
    value_get(row, settings, &out);
    struct secret *value = secret_create(buffer_bytes(&out));
    buffer_deinit(&out);
    return value;
}

int value_restore(const struct option *row, void *settings, const struct secret *value)
{
    struct buffer error;
    buffer_init(&error, 4096);
    struct bytes word = secret_bytes(value);
    int result = 0;
    if (row->kind == OPTION_CUSTOM && (row->flags & OPTION_REPEATED))
        result = row->set(settings, 0, NULL, &error);
    if (result == 0)
        result = value_set(row, settings, 1, &word, &error);
    buffer_deinit(&error);
    return result;
}

/* "1gb" when it is a whole number of them, as Redis writes it. */
static void print_memory(int64_t bytes, struct buffer *out)
{
    const int64_t kb = 1024;
    const int64_t mb = kb * 1024;
    const int64_t gb = mb * 1024;
    if (bytes && bytes % gb == 0)
        buffer_printf(out, "%" PRId64 "gb", bytes / gb);
    else if (bytes && bytes % mb == 0)
        buffer_printf(out, "%" PRId64 "mb", bytes / mb);
    else if (bytes && bytes % kb == 0)
        buffer_printf(out, "%" PRId64 "kb", bytes / kb);
    else
        buffer_printf(out, "%" PRId64, bytes);
}

void value_rewrite(const struct option *row, const void *settings, struct buffer *out)
{
    if (row->rewrite) {
        row->rewrite(settings, row->name, out);
        return;
    }
    struct secret *value = value_shown(row, settings);
    struct bytes text = secret_bytes(value);
    buffer_printf(out, "%s ", row->name);
    if (row->kind == OPTION_MEMORY && text.size && text.data[text.size - 1] != '%')
        print_memory(*(const int64_t *)const_field_of(row, settings), out);
    else if (row->kind == OPTION_STRING || row->kind == OPTION_SECRET || text.size == 0 ||
             (row->kind == OPTION_CUSTOM && !(row->flags & OPTION_MULTI_ARG)))
        text_quote(out, text);
    else
        buffer_append_bytes(out, text);
    buffer_append_text(out, "\n");
    secret_free(value);
}

void config_value_free(const struct option *row, void *settings)
{
    if (row->kind == OPTION_STRING || row->kind == OPTION_SECRET) {
        void **field = field_of(row, settings);
        free_pointee(row, *field);
        *field = NULL;
    } else if (row->kind == OPTION_CUSTOM && (row->flags & OPTION_REPEATED)) {
        struct buffer error;
        buffer_init(&error, 1024);
        row->set(settings, 0, NULL, &error);
        buffer_deinit(&error);
    }
}
