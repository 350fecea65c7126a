/* --bigkeys, --memkeys, --hotkeys: looks at every key and remembers the extremes. An interrupt ends
 * the walk; what was found so far is printed all the same. */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "tools/cli/format_reply.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/key_scan.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_PERIOD = 100, PROGRESS_PERIOD = 1000000, HOT_KEYS_MAX = 16, TYPES_MAX = 64 };

/* -- sizes by type -- */

struct key_type {
    char name[64];
    const char *size_command; /* NULL: elements cannot be counted */
    const char *unit;
    char *biggest_key; /* quoted */
    unsigned long long biggest;
    unsigned long long size;
    unsigned long long count;
};

struct survey {
    struct key_scan scan;
    bool is_memory;
    char samples[NUMBER_I64_TEXT_MAX];
    struct key_type types[TYPES_MAX];
    size_t type_count;
    unsigned long long total;
    unsigned long long sampled;
    unsigned long long key_bytes;
    double percent; /* sampled before this page */
    /* -- the page in hand -- */
    const struct reply_value *keys;
    struct key_type **key_types;
};

static const struct key_type known_types[] = {
    {.name = "list", .size_command = "LLEN", .unit = "items"},
    {.name = "hash", .size_command = "HLEN", .unit = "fields"},
    {.name = "string", .size_command = "STRLEN", .unit = "bytes"},
    {.name = "stream", .size_command = "XLEN", .unit = "entries"},
    {.name = "set", .size_command = "SCARD", .unit = "members"},
    {.name = "zset", .size_command = "ZCARD", .unit = "members"},
};

static char *quoted(struct bytes text)
{
    struct buffer out;
    buffer_init(&out, FORMATTED_SIZE_MAX);
    text_quote(&out, text);
    char *result = buffer_take(&out);
    buffer_deinit(&out);
    return result;
}

/* Types of modules are added as they are met; beyond the maximum the last row takes them. */
static struct key_type *find_type(struct survey *survey, struct bytes name)
{
    for (size_t i = 0; i < survey->type_count; i++)
        if (bytes_is(name, survey->types[i].name))
            return &survey->types[i];
    if (survey->type_count == TYPES_MAX)
        return &survey->types[TYPES_MAX - 1];
    struct key_type *type = &survey->types[survey->type_count++];
    *type = (struct key_type){.unit = "?"};
    text_copy(type->name, sizeof(type->name), name.data);
    return type;
}

static int make_type_command(const void *context, size_t index, struct bytes *words)
{
    const struct survey *survey = context;
    words[0] = BYTES_LITERAL("TYPE");
    words[1] = survey->keys->elements[index].text;
    return 2;
}

static int make_size_command(const void *context, size_t index, struct bytes *words)
{
    const struct survey *survey = context;
    struct bytes key = survey->keys->elements[index].text;
    const struct key_type *type = survey->key_types[index];
    if (!type)
        return 0; /* the key is gone */
    if (survey->is_memory) {
        words[0] = BYTES_LITERAL("MEMORY");
        words[1] = BYTES_LITERAL("USAGE");
        words[2] = key;
        words[3] = BYTES_LITERAL("SAMPLES");
        words[4] = bytes_of_text(survey->samples);
        return survey->samples[0] ? 5 : 3;
    }
    if (!type->size_command)
        return 0;
    words[0] = bytes_of_text(type->size_command);
    words[1] = key;
    return 2;
}

static void note_key(struct survey *survey, size_t index, unsigned long long size)
{
    struct key_type *type = survey->key_types[index];
    struct bytes key = survey->keys->elements[index].text;
    type->size += size;
    type->count++;
    survey->key_bytes += key.size;
    survey->sampled++;
    if (size > type->biggest) {
        mem_free(type->biggest_key);
        type->biggest_key = quoted(key);
        type->biggest = size;
        printf("[%05.2f%%] Biggest %-6s found so far '%s' with %llu %s\n", survey->percent,
               type->name, type->biggest_key, size, survey->is_memory ? "bytes" : type->unit);
        fflush(stdout);
    }
    if (survey->sampled % PROGRESS_PERIOD == 0)
        printf("[%05.2f%%] Sampled %llu keys so far\n", survey->percent, survey->sampled);
}

static double percent_of(unsigned long long part, unsigned long long whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

/* One page of keys: their types, then their sizes. */
static void survey_page(struct survey *survey, const struct reply_value *keys)
{
    size_t count = keys->count;
    if (count == 0)
        return;
    struct reply_value **replies = mem_calloc(count, sizeof(*replies));
    survey->keys = keys;
    survey->key_types = mem_calloc(count, sizeof(*survey->key_types));
    survey->percent = percent_of(survey->sampled, survey->total);
    if (!key_scan_ask(&survey->scan, count, make_type_command, survey, replies))
        goto out;
    for (size_t i = 0; i < count; i++)
        if (replies[i]->type == REPLY_STATUS && !bytes_is(replies[i]->text, "none"))
            survey->key_types[i] = find_type(survey, replies[i]->text);
    key_scan_free(replies, count);
    if (!key_scan_ask(&survey->scan, count, make_size_command, survey, replies))
        goto out;
    for (size_t i = 0; i < count; i++)
        if (survey->key_types[i])
            note_key(survey, i, key_scan_number(replies[i]));
    key_scan_free(replies, count);
out:
    mem_free(survey->key_types);
    mem_free(replies);
}

static void print_survey(const struct survey *survey)
{
    unsigned long long sampled = survey->sampled;
    printf("\n-------- summary -------\n\n");
    printf("Sampled %llu keys in the keyspace!\n", sampled);
    printf("Total key length in bytes is %llu (avg len %.2f)\n\n", survey->key_bytes,
           sampled ? (double)survey->key_bytes / (double)sampled : 0);
    for (size_t i = 0; i < survey->type_count; i++) {
        const struct key_type *type = &survey->types[i];
        if (type->biggest_key)
            printf("Biggest %6s found '%s' has %llu %s\n", type->name, type->biggest_key,
                   type->biggest, survey->is_memory ? "bytes" : type->unit);
    }
    printf("\n");
    for (size_t i = 0; i < survey->type_count; i++) {
        const struct key_type *type = &survey->types[i];
        printf("%llu %ss with %llu %s (%05.2f%% of keys, avg size %.2f)\n", type->count, type->name,
               type->size, survey->is_memory ? "bytes" : type->unit,
               percent_of(type->count, sampled),
               type->count ? (double)type->size / (double)type->count : 0);
    }
}

static void print_introduction(const char *what)
{
    printf("\n# Scanning the entire keyspace to find %s keys as well as\n"
           "# average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n"
           "# per 100 SCAN commands (not usually needed).\n\n",
           what);
}

int big_keys_mode(struct cli *cli)
{
    struct survey *survey = mem_calloc(1, sizeof(*survey));
    survey->is_memory = cli->options.mode == MODE_MEMKEYS;
    if (cli->options.memkeys_samples >= 0)
        number_format_i64(survey->samples, cli->options.memkeys_samples);
    survey->type_count = sizeof(known_types) / sizeof(known_types[0]);
    memcpy(survey->types, known_types, sizeof(known_types));
    if (key_scan_init(&survey->scan, cli) != 0)
        exit(1);
    cli_require_connection(cli);
    interrupts_wake(cli->client);
    survey->total = key_scan_total(&survey->scan);
    print_introduction("biggest");
    const struct reply_value *keys;
    while ((keys = key_scan_next(&survey->scan))) {
        survey_page(survey, keys);
        key_scan_pause(&survey->scan, PAUSE_PERIOD);
    }
    print_survey(survey);
    for (size_t i = 0; i < survey->type_count; i++)
        mem_free(survey->types[i].biggest_key);
    key_scan_deinit(&survey->scan);
    mem_free(survey);
    interrupts_exit();
    return 0;
}

/* -- hot keys -- */

struct hot_key {
    char *name; /* quoted */
    unsigned long long counter;
};

struct hot_keys {
    struct key_scan scan;
    struct hot_key keys[HOT_KEYS_MAX]; /* highest counter first, unused ones are zero */
    unsigned long long total;
    unsigned long long sampled;
    const struct reply_value *page;
};

static int make_frequency_command(const void *context, size_t index, struct bytes *words)
{
    const struct hot_keys *hot = context;
    words[0] = BYTES_LITERAL("OBJECT");
    words[1] = BYTES_LITERAL("FREQ");
    words[2] = hot->page->elements[index].text;
    return 3;
}

static void note_frequency(struct hot_keys *hot, struct bytes key, unsigned long long counter,
                           double percent)
{
    int rank = HOT_KEYS_MAX;
    while (rank > 0 && hot->keys[rank - 1].counter < counter)
        rank--;
    if (rank == HOT_KEYS_MAX)
        return;
    mem_free(hot->keys[HOT_KEYS_MAX - 1].name);
    memmove(&hot->keys[rank + 1], &hot->keys[rank],
            (size_t)(HOT_KEYS_MAX - 1 - rank) * sizeof(hot->keys[0]));
    hot->keys[rank] = (struct hot_key){.name = quoted(key), .counter = counter};
    printf("[%05.2f%%] Hot key '%s' found so far with counter %llu\n", percent,
           hot->keys[rank].name, counter);
    fflush(stdout);
}

static void look_at_page(struct hot_keys *hot, const struct reply_value *keys)
{
    size_t count = keys->count;
    if (count == 0)
        return;
    double percent = percent_of(hot->sampled, hot->total);
    struct reply_value **replies = mem_calloc(count, sizeof(*replies));
    hot->page = keys;
    if (key_scan_ask(&hot->scan, count, make_frequency_command, hot, replies)) {
        for (size_t i = 0; i < count; i++) {
            if (replies[i]->type == REPLY_ERROR) {
                fprintf(stderr, "Error: %s\n", replies[i]->text.data);
                exit(1);
            }
            hot->sampled++;
            note_frequency(hot, keys->elements[i].text, key_scan_number(replies[i]), percent);
            if (hot->sampled % PROGRESS_PERIOD == 0)
                printf("[%05.2f%%] Sampled %llu keys so far\n", percent, hot->sampled);
        }
        key_scan_free(replies, count);
    }
    mem_free(replies);
}

int hot_keys_mode(struct cli *cli)
{
    struct hot_keys hot = {.total = 0};
    if (key_scan_init(&hot.scan, cli) != 0)
        exit(1);
    cli_require_connection(cli);
    interrupts_wake(cli->client);
    hot.total = key_scan_total(&hot.scan);
    print_introduction("hot");
    const struct reply_value *keys;
    while ((keys = key_scan_next(&hot.scan))) {
        look_at_page(&hot, keys);
        key_scan_pause(&hot.scan, PAUSE_PERIOD);
    }
    printf("\n-------- summary -------\n\nSampled %llu keys in the keyspace!\n", hot.sampled);
    for (int i = 0; i < HOT_KEYS_MAX; i++) {
        if (hot.keys[i].name)
            printf("hot key found with counter: %llu\tkeyname: %s\n", hot.keys[i].counter,
                   hot.keys[i].name);
        mem_free(hot.keys[i].name);
    }
    key_scan_deinit(&hot.scan);
    interrupts_exit();
    return 0;
}
