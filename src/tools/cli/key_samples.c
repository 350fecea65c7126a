/* --bigkeys, --memkeys, --hotkeys: looks at every key and remembers the extremes. An interrupt ends
 * the walk; what was found so far is printed all the same. */
#include "base/memory.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/key_types.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_PERIOD = 100, PROGRESS_PERIOD = 1000000, HOT_KEYS_MAX = 16 };

/* -- sizes by type -- */

struct type_sizes {
    char *biggest_key; /* quoted */
    unsigned long long biggest;
    unsigned long long size;
    unsigned long long count;
};

struct survey {
    struct key_scan scan;
    bool is_memory;
    struct key_types types;
    struct type_sizes sizes[KEY_TYPES_MAX];
    unsigned long long total;
    unsigned long long sampled;
    unsigned long long key_bytes;
    double percent; /* sampled before this page */
};

static const char *unit_of(const struct survey *survey, const struct key_type *type)
{
    return survey->is_memory ? "bytes" : type->unit;
}

static void note_key(struct survey *survey, const struct key_type *type, struct bytes key,
                     unsigned long long size)
{
    struct type_sizes *sizes = &survey->sizes[key_types_index(&survey->types, type)];
    sizes->size += size;
    sizes->count++;
    survey->key_bytes += key.size;
    survey->sampled++;
    if (size > sizes->biggest) {
        mem_free(sizes->biggest_key);
        sizes->biggest_key = key_quote(key);
        sizes->biggest = size;
        printf("[%05.2f%%] Biggest %-6s found so far '%s' with %llu %s\n", survey->percent,
               type->name, sizes->biggest_key, size, unit_of(survey, type));
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
    struct key_page page;
    if (keys->count == 0 || !key_page_init(&page, &survey->scan, &survey->types, keys))
        return;
    struct reply_value **replies = mem_calloc(keys->count, sizeof(*replies));
    survey->percent = percent_of(survey->sampled, survey->total);
    bool is_answered = survey->is_memory ? key_page_ask_memory(&page, &survey->scan, replies)
                                         : key_page_ask_lengths(&page, &survey->scan, replies);
    if (is_answered) {
        for (size_t i = 0; i < keys->count; i++)
            if (page.types[i])
                note_key(survey, page.types[i], keys->elements[i].text,
                         key_scan_number(replies[i]));
        key_scan_free(replies, keys->count);
    }
    mem_free(replies);
    key_page_deinit(&page);
}

static void print_survey(const struct survey *survey)
{
    unsigned long long sampled = survey->sampled;
    printf("\n-------- summary -------\n\n");
    printf("Sampled %llu keys in the keyspace!\n", sampled);
    printf("Total key length in bytes is %llu (avg len %.2f)\n\n", survey->key_bytes,
           sampled ? (double)survey->key_bytes / (double)sampled : 0);
    for (size_t i = 0; i < survey->types.count; i++) {
        const struct key_type *type = &survey->types.rows[i];
        const struct type_sizes *sizes = &survey->sizes[i];
        if (sizes->biggest_key)
            printf("Biggest %6s found '%s' has %llu %s\n", type->name, sizes->biggest_key,
                   sizes->biggest, unit_of(survey, type));
    }
    printf("\n");
    for (size_t i = 0; i < survey->types.count; i++) {
        const struct key_type *type = &survey->types.rows[i];
        const struct type_sizes *sizes = &survey->sizes[i];
        printf("%llu %ss with %llu %s (%05.2f%% of keys, avg size %.2f)\n", sizes->count,
               type->name, sizes->size, unit_of(survey, type), percent_of(sizes->count, sampled),
               sizes->count ? (double)sizes->size / (double)sizes->count : 0);
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
    key_types_init(&survey->types);
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
    for (size_t i = 0; i < survey->types.count; i++)
        mem_free(survey->sizes[i].biggest_key);
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
    hot->keys[rank] = (struct hot_key){.name = key_quote(key), .counter = counter};
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
