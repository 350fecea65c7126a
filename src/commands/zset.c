/* Sorted sets by member: ZADD and its relatives, popping, random members, ZSCAN. Ranges are in
 * zset_range.c, unions and the like in zset_algebra.c. Main thread. */
#include "base/memory.h"
#include "base/random.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/element_scan.h"
#include "commands/random_count.h"
#include "commands/zset_common.h"
#include "types/sample.h"
#include <math.h>

/* -- adding -- */

struct add_options {
    unsigned flags; /* enum zset_add_flag */
    bool counts_changed;
    int first; /* index of the first score */
};

static bool refuse(struct call *call, const char *error)
{
    reply_error(call->reply, error);
    return false;
}

static bool parse_add_options(struct call *call, struct add_options *options)
{
    static const struct {
        const char *name;
        unsigned flag;
    } names[] = {{"nx", ZSET_ONLY_ABSENT},
                 {"xx", ZSET_ONLY_PRESENT},
                 {"gt", ZSET_ONLY_GREATER},
                 {"lt", ZSET_ONLY_LESS},
                 {"incr", ZSET_INCREMENT}};
    int i = 2;
    for (; i < call->argc; i++) {
        size_t n = 0;
        while (n < sizeof(names) / sizeof(names[0]) && !call_is(call, i, names[n].name))
            n++;
        if (n < sizeof(names) / sizeof(names[0]))
            options->flags |= names[n].flag;
        else if (call_is(call, i, "ch"))
            options->counts_changed = true;
        else
            break;
    }
    options->first = i;
    int rest = call->argc - i;
    if (rest == 0 || rest % 2)
        return call_syntax_error(call);
    unsigned flags = options->flags;
    if ((flags & ZSET_ONLY_ABSENT) && (flags & ZSET_ONLY_PRESENT))
        return refuse(call, "ERR XX and NX options at the same time are not compatible");
    unsigned exclusive = flags & (ZSET_ONLY_ABSENT | ZSET_ONLY_GREATER | ZSET_ONLY_LESS);
    if (exclusive & (exclusive - 1))
        return refuse(call, "ERR GT, LT, and/or NX options at the same time are not compatible");
    if ((flags & ZSET_INCREMENT) && rest > 2)
        return refuse(call, "ERR INCR option supports a single increment-element pair");
    return true;
}

static double *parse_scores(struct call *call, const struct add_options *options, double *few,
                            size_t few_count)
{
    size_t count = (size_t)(call->argc - options->first) / 2;
    double *scores = count <= few_count ? few : mem_alloc(count * sizeof(*scores));
    for (size_t i = 0; i < count; i++) {
        if (call_double(call, options->first + (int)i * 2, &scores[i], NULL))
            continue;
        if (scores != few)
            mem_free(scores);
        return NULL;
    }
    return scores;
}

struct add_counts {
    size_t added;
    size_t updated;
    size_t taken; /* by no flag refused */
    double score; /* of the last one */
};

/* False when a sum is not a number, with the error written. */
static bool add_all(struct call *call, struct value *zset, const struct add_options *options,
                    const double *scores, struct add_counts *counts)
{
    for (int i = options->first; i < call->argc; i += 2) {
        double score = scores[(i - options->first) / 2];
        switch (zset_add(zset, call->services->types, call->argv[i + 1], &score, options->flags)) {
        case ZSET_ADDED:
            counts->added++;
            break;
        case ZSET_UPDATED:
            counts->updated++;
            break;
        case ZSET_SAME:
            break;
        case ZSET_REFUSED:
            continue;
        case ZSET_NAN:
            return refuse(call, "ERR resulting score is not a number (NaN)");
        }
        counts->taken++;
        counts->score = score;
    }
    return true;
}

static void reply_added(struct call *call, const struct add_options *options,
                        const struct add_counts *counts)
{
    if (!(options->flags & ZSET_INCREMENT)) {
        size_t count = counts->added + (options->counts_changed ? counts->updated : 0);
        reply_integer(call->reply, (int64_t)count);
    } else if (counts->taken) {
        reply_double(call->reply, counts->score);
    } else {
        reply_null(call->reply);
    }
}

static void add_scores(struct call *call, const struct add_options *options, const double *scores)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct add_counts counts = {0};
    if (!zset_find(call, key, true, &entry))
        return;
    if (!entry && (options->flags & ZSET_ONLY_PRESENT)) {
        reply_added(call, options, &counts);
        return;
    }
    size_t members = (size_t)(call->argc - options->first) / 2;
    struct value zset =
        entry ? entry_value(entry)
              : zset_create(call->services->types, members, call->argv[options->first + 1].size);
    if (entry)
        zset_expect(&zset, call->services->types, members);
    bool is_number = add_all(call, &zset, options, scores, &counts);
    if (entry)
        put_back(entry, zset);
    else
        db_add_value(call->db, key, zset);
    if (is_number)
        reply_added(call, options, &counts);
    if (counts.added + counts.updated == 0)
        return;
    call->dirty += counts.added + counts.updated;
    db_changed(call->db, key.name, KEY_CLASS_ZSET,
               options->flags & ZSET_INCREMENT ? "zincr" : "zadd");
}

static void add(struct call *call, const struct add_options *options)
{
    double few[32];
    double *scores = parse_scores(call, options, few, sizeof(few) / sizeof(few[0]));
    if (!scores)
        return;
    add_scores(call, options, scores);
    if (scores != few)
        mem_free(scores);
}

static void zadd_command(struct call *call)
{
    struct add_options options = {0};
    if (parse_add_options(call, &options))
        add(call, &options);
}

/* An increment that is the name of an option of ZADD is taken for it: a syntax error. */
static void zincrby_command(struct call *call)
{
    struct add_options options = {.flags = ZSET_INCREMENT};
    if (parse_add_options(call, &options))
        add(call, &options);
}

static void zrem_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!zset_find(call, key, true, &entry))
        return;
    uint64_t removed = 0;
    if (entry) {
        struct value zset = entry_value(entry);
        for (int i = 2; i < call->argc && zset_count(zset); i++)
            removed += zset_remove(&zset, call->argv[i]);
        if (removed)
            zset_removed(call, key, entry, zset, "zrem", removed);
    }
    reply_integer(call->reply, (int64_t)removed);
}

/* -- asking -- */

static void zcard_command(struct call *call)
{
    struct entry *entry;
    if (zset_find(call, call_key(call, 1), false, &entry))
        reply_integer(call->reply, entry ? (int64_t)zset_count(entry_value(entry)) : 0);
}

static void reply_score(struct call *call, const struct entry *entry, struct bytes member)
{
    double score;
    if (entry && zset_score(entry_value(entry), member, &score))
        reply_double(call->reply, score);
    else
        reply_null(call->reply);
}

static void zscore_command(struct call *call)
{
    struct entry *entry;
    if (zset_find(call, call_key(call, 1), false, &entry))
        reply_score(call, entry, call->argv[2]);
}

static void zmscore_command(struct call *call)
{
    struct entry *entry;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++)
        reply_score(call, entry, call->argv[i]);
}

static void reply_rank(struct call *call, bool is_reverse)
{
    bool has_score = call->argc == 4 && call_is(call, 3, "withscore");
    if (call->argc > 3 && !has_score) {
        (void)(call->argc == 4 ? call_syntax_error(call) : call_arity_error(call));
        return;
    }
    struct entry *entry;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    size_t rank;
    double score;
    if (!entry || !zset_rank(entry_value(entry), call->argv[2], &rank, &score)) {
        if (has_score)
            reply_null_array(call->reply);
        else
            reply_null(call->reply);
        return;
    }
    if (is_reverse)
        rank = zset_count(entry_value(entry)) - 1 - rank;
    if (has_score)
        reply_array(call->reply, 2);
    reply_integer(call->reply, (int64_t)rank);
    if (has_score)
        reply_double(call->reply, score);
}

static void zrank_command(struct call *call)
{
    reply_rank(call, false);
}

static void zrevrank_command(struct call *call)
{
    reply_rank(call, true);
}

/* -- popping -- */

enum { COUNT_MISSING = -1 };

/* Removes `count` members from one end and writes them; `is_nested`: pairs, as RESP3 does. */
static void pop_members(struct call *call, struct key key, struct entry *entry, bool is_highest,
                        size_t count, bool is_nested)
{
    struct value zset = entry_value(entry);
    size_t all = zset_count(zset);
    struct zset_slice slice = {is_highest ? all - count : 0, count};
    struct zset_walk walk;
    struct zset_item item;
    zset_walk_slice(&walk, zset, slice, is_highest);
    for (size_t i = 0; i < count && zset_walk_next(&walk, &item); i++) {
        if (is_nested)
            reply_array(call->reply, 2);
        reply_bulk_bytes(call->reply, item.member);
        reply_double(call->reply, item.score);
    }
    zset_remove_slice(&zset, slice);
    zset_removed(call, key, entry, zset, is_highest ? "zpopmax" : "zpopmin", count);
}

static void pop(struct call *call, struct key key, struct entry *entry, bool is_highest,
                size_t count, bool is_nested)
{
    size_t all = zset_count(entry_value(entry));
    if (count > all)
        count = all;
    reply_array(call->reply, (int64_t)(is_nested ? count : count * 2));
    pop_members(call, key, entry, is_highest, count, is_nested);
}

static void pop_one_key(struct call *call, bool is_highest)
{
    int64_t count = COUNT_MISSING;
    if (call->argc > 3) {
        call_syntax_error(call);
        return;
    }
    if (call->argc == 3 && !call_integer_in(call, 2, 0, INT64_MAX, &count,
                                            "ERR value is out of range, must be positive"))
        return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!zset_find(call, key, true, &entry))
        return;
    if (!entry || count == 0) {
        reply_array(call->reply, 0);
        return;
    }
    bool is_nested = call->reply->protocol > 2 && count != COUNT_MISSING;
    pop(call, key, entry, is_highest, count == COUNT_MISSING ? 1 : (size_t)count, is_nested);
}

static void zpopmin_command(struct call *call)
{
    pop_one_key(call, false);
}

static void zpopmax_command(struct call *call)
{
    pop_one_key(call, true);
}

bool zmpop_parse(struct call *call, int first, struct zmpop_options *options)
{
    if (!call_integer_in(call, first, 1, INT64_MAX, &options->keys,
                         "ERR numkeys should be greater than 0"))
        return false;
    if (options->keys >= call->argc - first - 1)
        return call_syntax_error(call);
    options->first_key = first + 1;
    int where = (int)options->keys + first + 1;
    options->is_highest = call_is(call, where, "max");
    if (!options->is_highest && !call_is(call, where, "min"))
        return call_syntax_error(call);
    options->count = COUNT_MISSING;
    for (int i = where + 1; i < call->argc; i++) {
        if (options->count != COUNT_MISSING || !call_is(call, i, "count") || i + 1 == call->argc)
            return call_syntax_error(call);
        if (!call_integer_in(call, ++i, 1, INT64_MAX, &options->count,
                             "ERR count should be greater than 0"))
            return false;
    }
    if (options->count == COUNT_MISSING)
        options->count = 1;
    return true;
}

bool zmpop_try(struct call *call, const struct zmpop_options *options)
{
    for (int i = 0; i < (int)options->keys; i++) {
        struct key key = call_key(call, options->first_key + i);
        struct entry *entry;
        if (!zset_find(call, key, true, &entry))
            return true;
        if (!entry)
            continue;
        size_t all = zset_count(entry_value(entry));
        size_t count = (uint64_t)options->count < all ? (size_t)options->count : all;
        char digits[NUMBER_I64_TEXT_MAX];
        const struct bytes argv[] = {options->is_highest ? BYTES_LITERAL("ZPOPMAX")
                                                         : BYTES_LITERAL("ZPOPMIN"),
                                     key.name, bytes_of(digits, number_format_u64(digits, count))};
        call_propagate(call, 3, argv);
        reply_array(call->reply, 2);
        reply_bulk_bytes(call->reply, key.name);
        pop(call, key, entry, options->is_highest, count, true);
        return true;
    }
    return false;
}

bool zset_pop_first(struct call *call, int first_key, int keys, bool is_highest)
{
    for (int i = first_key; i < first_key + keys; i++) {
        struct key key = call_key(call, i);
        struct entry *entry;
        if (!zset_find(call, key, true, &entry))
            return true;
        if (!entry)
            continue;
        const struct bytes argv[] = {
            is_highest ? BYTES_LITERAL("ZPOPMAX") : BYTES_LITERAL("ZPOPMIN"), key.name};
        call_propagate(call, 2, argv);
        reply_array(call->reply, 3);
        reply_bulk_bytes(call->reply, key.name);
        pop_members(call, key, entry, is_highest, 1, false);
        return true;
    }
    return false;
}

static void zmpop_command(struct call *call)
{
    struct zmpop_options options;
    if (zmpop_parse(call, 1, &options) && !zmpop_try(call, &options))
        reply_null_array(call->reply);
}

/* -- random members -- */

static struct zset_item item_at(struct value zset, size_t rank, struct zset_walk *walk)
{
    struct zset_item item = {0};
    zset_walk_from(walk, zset, rank, false);
    zset_walk_next(walk, &item);
    return item;
}

static void reply_repeated(struct call *call, struct value zset, size_t count, bool has_scores)
{
    size_t all = zset_count(zset);
    struct zset_walk walk;
    zset_reply_header(call, count, has_scores);
    for (size_t i = 0; i < count; i++)
        zset_reply_item(call, item_at(zset, random_below(all), &walk), has_scores);
}

static void reply_distinct(struct call *call, struct value zset, size_t count, bool has_scores)
{
    size_t all = zset_count(zset);
    struct zset_walk walk;
    struct zset_item item;
    if (count > all)
        count = all;
    zset_reply_header(call, count, has_scores);
    uint64_t *ranks = sample_indexes(all, count);
    size_t next = 0; /* rank at which the walk stands */
    zset_walk_from(&walk, zset, 0, false);
    for (size_t i = 0; i < count; i++) {
        if (ranks[i] - next > 16)
            zset_walk_from(&walk, zset, next = ranks[i], false);
        do
            zset_walk_next(&walk, &item);
        while (next++ < ranks[i]);
        zset_reply_item(call, item, has_scores);
    }
    mem_free(ranks);
}

static void zrandmember_command(struct call *call)
{
    int64_t count = 1;
    bool has_scores = call->argc > 3;
    if (!random_count_parse(call, "withscores", &count))
        return;
    struct entry *entry;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    if (call->argc == 2) {
        struct zset_walk walk;
        if (!entry)
            reply_null(call->reply);
        else
            reply_bulk_bytes(
                call->reply,
                item_at(entry_value(entry), random_below(zset_count(entry_value(entry))), &walk)
                    .member);
    } else if (!entry || count == 0) {
        reply_array(call->reply, 0);
    } else if (count < 0) {
        reply_repeated(call, entry_value(entry), (size_t)-count, has_scores);
    } else {
        reply_distinct(call, entry_value(entry), (size_t)count, has_scores);
    }
}

/* -- ZSCAN -- */

static int64_t reply_scanned(struct call *call, const struct element_scan *scan,
                             struct zset_item item)
{
    if (!element_scan_wants(scan, item.member))
        return 0;
    char text[128];
    reply_bulk_bytes(call->reply, item.member);
    reply_bulk(call->reply, text, number_format_double(text, sizeof(text), item.score));
    return 2;
}

static void zscan_command(struct call *call)
{
    struct element_scan scan;
    struct entry *entry;
    if (!element_scan_begin(call, 2, &scan) || !zset_find(call, call_key(call, 1), false, &entry))
        return;
    if (!entry) {
        element_scan_reply_nothing(call);
        return;
    }
    if (!element_scan_options(call, 3, &scan, 0))
        return;
    struct value zset = entry_value(entry);
    int64_t count = 0;
    if (zset.encoding == ENCODING_LISTPACK) {
        scan.cursor = 0;
        struct reply_mark mark = element_scan_reply(call, &scan);
        struct zset_walk walk;
        struct zset_item item;
        zset_walk_from(&walk, zset, 0, false);
        while (zset_walk_next(&walk, &item))
            count += reply_scanned(call, &scan, item);
        reply_defer_array(call->reply, mark, count);
        return;
    }
    element_scan_dict(&scan, &zset_tree(zset)->members);
    struct reply_mark mark = element_scan_reply(call, &scan);
    for (size_t i = 0; i < scan.entry_count; i++) {
        const struct ranked_element *element = scan.entries[i];
        count += reply_scanned(call, &scan,
                               (struct zset_item){ranked_element_member(element), element->score});
    }
    reply_defer_array(call->reply, mark, count);
    element_scan_end(&scan);
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_SORTEDSET, KEY_FIRST(key_flags))

const struct command_spec zset_commands[] = {
    ROW("zadd", zadd_command, -4, GROW | FAST, KEY_RW | KEY_UPDATE),
    ROW("zincrby", zincrby_command, 4, GROW | FAST, KEY_RW | KEY_ACCESS | KEY_UPDATE),
    ROW("zrem", zrem_command, -3, WRITE | FAST, KEY_RW | KEY_DELETE),
    ROW("zcard", zcard_command, 2, READ | FAST, KEY_RO),
    ROW("zscore", zscore_command, 3, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("zmscore", zmscore_command, -3, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("zrank", zrank_command, -3, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("zrevrank", zrevrank_command, -3, READ | FAST, KEY_RO | KEY_ACCESS),
    ROW("zpopmin", zpopmin_command, -2, WRITE | FAST, KEY_RW | KEY_ACCESS | KEY_DELETE),
    ROW("zpopmax", zpopmax_command, -2, WRITE | FAST, KEY_RW | KEY_ACCESS | KEY_DELETE),
    ROW("zrandmember", zrandmember_command, -2, READ, KEY_RO | KEY_ACCESS),
    ROW("zscan", zscan_command, -3, READ, KEY_RO | KEY_ACCESS),
    {.name = "zmpop",
     .handler = zmpop_command,
     .arity = -4,
     .flags = WRITE,
     .categories = CATEGORY_SORTEDSET,
     .keys = {KEYS_COUNTED(KEY_RW | KEY_ACCESS | KEY_DELETE, 1)}},
    {0},
};
