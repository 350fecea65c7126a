/* INFO keysizes: how many values there are of each size, by powers of two: bytes of strings,
 * elements of the rest. Main thread.
 *
 * Nothing is kept up to date for it: the keys are looked at when somebody asks. Of a database with
 * more than KEYS_MAX keys about that many are looked at, and counts are scaled.
 */
#include "keyspace/keyspace.h"
#include "keyspace/keyspace_options.h"
#include <stdio.h>

enum { KEYS_MAX = 20000, BINS = 64, LABEL_SIZE = 16 };

struct sizes {
    uint64_t bins[VALUE_TYPES][BINS]; /* 0: empty; n: 2^(n-1) and more */
    size_t visited;
};

static void note_size(void *context, void *opaque)
{
    struct sizes *sizes = context;
    const struct entry *entry = opaque;
    uint64_t size =
        entry_is_string(entry) ? entry_string_size(entry) : value_count(entry_value(entry));
    unsigned bin = size ? 64 - (unsigned)__builtin_clzll(size) : 0;
    sizes->bins[entry->type][bin < BINS ? bin : BINS - 1]++;
    sizes->visited++;
}

/* "0", "512", "1K", "2M". */
static void write_label(char label[LABEL_SIZE], unsigned bin)
{
    static const char units[] = " KMGTPE";
    unsigned power = bin ? bin - 1 : 0;
    int size = snprintf(label, LABEL_SIZE, "%u", bin ? 1u << power % 10 : 0);
    if (power >= 10)
        snprintf(label + size, (size_t)(LABEL_SIZE - size), "%c", units[power / 10]);
}

static void write_type(struct buffer *out, int db, const char *what, const uint64_t bins[BINS],
                       double scale)
{
    bool is_first = true;
    for (unsigned bin = 0; bin < BINS; bin++) {
        char label[LABEL_SIZE];
        if (!bins[bin])
            continue;
        if (is_first)
            buffer_printf(out, "db%d_distrib_%s:", db, what);
        write_label(label, bin);
        buffer_printf(out, "%s%s=%.0f", is_first ? "" : ",", label, (double)bins[bin] * scale);
        is_first = false;
    }
    if (!is_first)
        buffer_append_text(out, "\r\n");
}

static void write_database(struct buffer *out, struct db *db)
{
    static const struct {
        enum value_type type;
        const char *what;
    } rows[] = {{VALUE_STRING, "strings_sizes"},
                {VALUE_LIST, "lists_items"},
                {VALUE_SET, "sets_items"},
                {VALUE_ZSET, "zsets_items"},
                {VALUE_HASH, "hashes_items"}};
    struct sizes sizes = {0};
    uint64_t cursor = 0;
    do
        cursor = db_scan(db, cursor, note_size, &sizes);
    while (cursor && sizes.visited < KEYS_MAX);
    double scale = cursor ? (double)db_count(db) / (double)sizes.visited : 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        write_type(out, db->index, rows[i].what, sizes.bins[rows[i].type], scale);
}

static void write_sizes(struct buffer *out, const void *context)
{
    const struct keyspace *keyspace = context;
    for (int i = 0; i < keyspace->count; i++)
        if (db_count(&keyspace->dbs[i]))
            write_database(out, &keyspace->dbs[i]);
}

static const struct info_field fields[] = {{NULL, write_sizes}};

const struct info_section keysizes_info = {
    .name = "keysizes",
    .title = "Keysizes",
    .flags = INFO_ALL | INFO_EVERYTHING,
    .position = 140,
    .fields = fields,
    .count = 1,
};
