/* --keystats: every key's memory and length; prints the biggest ones and how both are distributed.
 *
 * Sizes are counted in buckets of a 64th of their power of two, so memory does not grow with the
 * keyspace. An interrupt ends the walk; what was found is printed all the same, with the cursor
 * that goes on. */
#include "base/memory.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/key_types.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PAUSE_PERIOD = 100,
    PROGRESS_PERIOD = 50,
    BAR_WIDTH = 50,
    PRECISION_BITS = 6,
    BUCKETS = 64 << PRECISION_BITS,
    TOP_MAX = 100000
};

typedef unsigned long long count;

struct distribution {
    count buckets[BUCKETS];
    count total;
    count maximum;
    double sum;
    double square_sum;
};

struct big_key {
    char *name; /* quoted */
    const struct key_type *type;
    count size;
};

struct type_stats {
    count keys;
    count size;
    count length;
    struct big_key biggest;
    struct big_key longest; /* size is its length */
};

struct key_stats {
    struct key_scan scan;
    struct key_types types;
    struct type_stats by_type[KEY_TYPES_MAX];
    struct big_key *top; /* biggest first */
    size_t top_count;
    size_t top_max;
    struct distribution sizes;
    struct distribution names;
    count expected;
    bool is_terminal;
};

/* -- distributions -- */

static size_t bucket_of(count value)
{
    int magnitude = value > 0 ? 63 - __builtin_clzll(value) : 0;
    if (magnitude < PRECISION_BITS)
        return value;
    int shift = magnitude - PRECISION_BITS;
    size_t rest = (size_t)(value >> shift) - (1U << PRECISION_BITS);
    return ((size_t)(shift + 1) << PRECISION_BITS) + rest;
}

/* The highest value of a bucket. */
static count bucket_limit(size_t bucket)
{
    size_t magnitude = bucket >> PRECISION_BITS;
    if (magnitude == 0)
        return bucket;
    count rest = (bucket & ((1U << PRECISION_BITS) - 1)) + (1U << PRECISION_BITS);
    return ((rest + 1) << (magnitude - 1)) - 1;
}

static void distribute(struct distribution *distribution, count value)
{
    size_t bucket = bucket_of(value);
    distribution->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    distribution->total++;
    distribution->sum += (double)value;
    distribution->square_sum += (double)value * (double)value;
    if (value > distribution->maximum)
        distribution->maximum = value;
}

/* "12.34K" */
static const char *format_size(char text[16], double size)
{
    static const char units[] = "BKMGTPE";
    size_t unit = 0;
    for (; size >= 1024 && units[unit + 1]; unit++)
        size /= 1024;
    if (unit == 0 && size == floor(size))
        snprintf(text, 16, "%.0fB", size);
    else
        snprintf(text, 16, "%.2f%c", size, units[unit]);
    return text;
}

/* 50 %, then half of what is missing, and so on up to the biggest. */
static void print_percentiles(const struct distribution *distribution)
{
    count seen = 0;
    double next = 0;
    char size[16];
    for (size_t i = 0; i < BUCKETS && seen < distribution->total; i++) {
        seen += distribution->buckets[i];
        double percent = 100.0 * (double)seen / (double)distribution->total;
        if (distribution->buckets[i] == 0 || percent < next)
            continue;
        count limit = bucket_limit(i);
        limit = limit < distribution->maximum ? limit : distribution->maximum;
        printf("%15s %10.4f%% %12llu\n", format_size(size, (double)limit), percent, seen);
        while (next <= percent && next < 100)
            next = next == 0 ? 50 : next + (100 - next) / 2;
    }
}

static void print_distribution(const char *title, const struct distribution *distribution)
{
    char mean_text[16];
    char deviation_text[16];
    double total = distribution->total > 0 ? (double)distribution->total : 1;
    double mean = distribution->sum / total;
    double variance = distribution->square_sum / total - mean * mean;
    printf("\n%15s Percentile   Total keys\n--------------- ----------- ------------\n", title);
    print_percentiles(distribution);
    printf("Note: sizes are within 1.6%%, mean: %s, standard deviation: %s\n",
           format_size(mean_text, mean),
           format_size(deviation_text, sqrt(variance > 0 ? variance : 0)));
}

/* -- noting -- */

static void note_biggest(struct big_key *biggest, struct bytes key, count size)
{
    if (biggest->name && size <= biggest->size)
        return;
    mem_free(biggest->name);
    biggest->name = key_quote(key);
    biggest->size = size;
}

static void note_top(struct key_stats *stats, struct bytes key, const struct key_type *type,
                     count size)
{
    bool is_full = stats->top_count == stats->top_max;
    if (is_full && size <= stats->top[stats->top_count - 1].size)
        return;
    if (is_full)
        mem_free(stats->top[--stats->top_count].name);
    size_t rank = stats->top_count++;
    for (; rank > 0 && stats->top[rank - 1].size < size; rank--)
        stats->top[rank] = stats->top[rank - 1];
    stats->top[rank] = (struct big_key){.name = key_quote(key), .type = type, .size = size};
}

static void note_key(struct key_stats *stats, const struct key_type *type, struct bytes key,
                     count size, count length)
{
    struct type_stats *sums = &stats->by_type[key_types_index(&stats->types, type)];
    sums->keys++;
    sums->size += size;
    sums->length += length;
    note_biggest(&sums->biggest, key, size);
    note_biggest(&sums->longest, key, length);
    note_top(stats, key, type, size);
    distribute(&stats->sizes, size);
    distribute(&stats->names, key.size);
}

/* MEMORY may be unknown, or not allowed. */
static void require_numbers(struct reply_value *const *replies, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (replies[i] && replies[i]->type == REPLY_ERROR &&
            strncmp(replies[i]->text.data, "WRONGTYPE", 9) != 0) {
            fprintf(stderr, "\nERROR: %s\n", replies[i]->text.data);
            exit(1);
        }
}

static bool ask_page(struct key_stats *stats, const struct key_page *page,
                     struct reply_value **memory, struct reply_value **lengths)
{
    if (!key_page_ask_memory(page, &stats->scan, memory))
        return false;
    require_numbers(memory, page->keys->count);
    if (key_page_ask_lengths(page, &stats->scan, lengths))
        return true;
    key_scan_free(memory, page->keys->count);
    return false;
}

static void survey_page(struct key_stats *stats, const struct reply_value *keys)
{
    size_t size = keys->count;
    struct key_page page;
    if (size == 0 || !key_page_init(&page, &stats->scan, &stats->types, keys))
        return;
    struct reply_value **memory = mem_calloc(size, sizeof(*memory));
    struct reply_value **lengths = mem_calloc(size, sizeof(*lengths));
    if (ask_page(stats, &page, memory, lengths)) {
        for (size_t i = 0; i < size; i++)
            if (page.types[i])
                note_key(stats, page.types[i], keys->elements[i].text, key_scan_number(memory[i]),
                         key_scan_number(lengths[i]));
        key_scan_free(memory, size);
        key_scan_free(lengths, size);
    }
    mem_free(memory);
    mem_free(lengths);
    key_page_deinit(&page);
}

/* -- printing -- */

static void print_progress(const struct key_stats *stats, bool is_end)
{
    count total = stats->sizes.total;
    double part = stats->expected > 0 ? (double)total / (double)stats->expected : 1;
    part = part > 1 || (is_end && !stats->scan.is_interrupted) ? 1 : part;
    if (!is_end && (!stats->is_terminal || stats->scan.page_count % PROGRESS_PERIOD != 1))
        return;
    char size[16];
    int filled = (int)(part * BAR_WIDTH);
    printf("%s%6.2f%% ", stats->is_terminal ? "\r" : "", part * 100);
    for (int i = 0; i < BAR_WIDTH; i++)
        putchar(i < filled ? '|' : '.');
    if (is_end)
        printf("\nKeys sampled: %llu\nKeys size:    %s\n", total,
               format_size(size, stats->sizes.sum));
    fflush(stdout);
}

static void print_top(const struct key_stats *stats)
{
    char size[16];
    printf("\n--- Top %zu key sizes ---\n", stats->top_max);
    for (size_t i = 0; i < stats->top_count; i++)
        printf("%3zu %9s %-10s %s\n", i + 1, format_size(size, (double)stats->top[i].size),
               stats->top[i].type->name, stats->top[i].name);
    printf("\n--- Top size per type ---\n");
    for (size_t i = 0; i < stats->types.count; i++)
        if (stats->by_type[i].keys > 0)
            printf("%-10s %s is %s\n", stats->types.rows[i].name, stats->by_type[i].biggest.name,
                   format_size(size, (double)stats->by_type[i].biggest.size));
    printf("\n--- Top length and cardinality per type ---\n");
    for (size_t i = 0; i < stats->types.count; i++)
        if (stats->by_type[i].keys > 0 && stats->types.rows[i].length_command)
            printf("%-10s %s has %llu %s\n", stats->types.rows[i].name,
                   stats->by_type[i].longest.name, stats->by_type[i].longest.size,
                   stats->types.rows[i].unit);
}

static void print_types(const struct key_stats *stats)
{
    char size[16];
    char average[16];
    double total = stats->sizes.total > 0 ? (double)stats->sizes.total : 1;
    printf("\nType        Total keys  Keys %% Tot size Avg size  Total length/card Avg ln/card\n"
           "--------- ------------ ------- -------- -------- ------------------ -----------\n");
    for (size_t i = 0; i < stats->types.count; i++) {
        const struct key_type *type = &stats->types.rows[i];
        const struct type_stats *sums = &stats->by_type[i];
        double keys = sums->keys > 0 ? (double)sums->keys : 1;
        char length[40];
        snprintf(length, sizeof(length), "%llu %s", sums->length, type->unit);
        if (sums->keys > 0)
            printf("%-9s %12llu %6.2f%% %8s %8s %18s %11.2f\n", type->name, sums->keys,
                   100 * (double)sums->keys / total, format_size(size, (double)sums->size),
                   format_size(average, (double)sums->size / keys), length,
                   (double)sums->length / keys);
    }
}

static void print_all(const struct key_stats *stats)
{
    char size[16];
    char average[16];
    double total = stats->names.total > 0 ? (double)stats->names.total : 1;
    print_progress(stats, true);
    if (stats->scan.is_interrupted)
        printf("Stopped at cursor %s: go on with --cursor %s\n", stats->scan.cursor,
               stats->scan.cursor);
    print_top(stats);
    print_distribution("Key size", &stats->sizes);
    print_distribution("Key name length", &stats->names);
    printf("Total key length is %s (%s avg)\n", format_size(size, stats->names.sum),
           format_size(average, stats->names.sum / total));
    print_types(stats);
}

static void release(struct key_stats *stats)
{
    for (size_t i = 0; i < stats->types.count; i++) {
        mem_free(stats->by_type[i].biggest.name);
        mem_free(stats->by_type[i].longest.name);
    }
    for (size_t i = 0; i < stats->top_count; i++)
        mem_free(stats->top[i].name);
    mem_free(stats->top);
    key_scan_deinit(&stats->scan);
    mem_free(stats);
}

int key_stats_mode(struct cli *cli)
{
    struct key_stats *stats = mem_calloc(1, sizeof(*stats));
    int64_t top = cli->options.keystats_top;
    stats->top_max = (size_t)(top < TOP_MAX ? top : TOP_MAX);
    stats->top = mem_calloc(stats->top_max, sizeof(*stats->top));
    stats->is_terminal = isatty(STDOUT_FILENO);
    key_types_init(&stats->types);
    if (key_scan_init(&stats->scan, cli) != 0)
        exit(1);
    cli_require_connection(cli);
    interrupts_wake(cli->client);
    stats->expected = key_scan_total(&stats->scan);
    printf("\n# Scanning the keyspace for the biggest keys and the distribution of sizes.\n"
           "# -i 0.1 sleeps 0.1 sec per 100 SCAN commands (not usually needed), --top <n> lists\n"
           "# more keys, Ctrl-C stops, and --cursor <n> goes on from there.\n\n");
    const struct reply_value *keys;
    while ((keys = key_scan_next(&stats->scan))) {
        survey_page(stats, keys);
        print_progress(stats, false);
        key_scan_pause(&stats->scan, PAUSE_PERIOD);
    }
    print_all(stats);
    release(stats);
    interrupts_exit();
    return 0;
}
