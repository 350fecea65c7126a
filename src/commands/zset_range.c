/* Ranges of sorted sets: reading, counting, removing, storing. Main thread. */
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/zset_common.h"

static const char not_a_score[] = "ERR min or max is not a float";
static const char not_a_lex_item[] = "ERR min or max not valid string range item";

enum range_by { BY_ANY, BY_RANK, BY_SCORE, BY_LEX };

struct range {
    enum range_by by;
    bool is_reverse;
    bool is_direction_fixed;
    bool has_scores;
    bool is_stored; /* ZRANGESTORE */
    int64_t offset;
    int64_t limit;
    /* parsed ends */
    int64_t start;
    int64_t stop;
    struct zset_score_range scores;
    struct zset_lex_range members;
};

/* -- the ends -- */

/* Of argv[index] and argv[index + 1]; a reversed range of scores or members names the end first. */
static bool parse_ends(struct call *call, int index, struct range *range)
{
    bool is_swapped = range->is_reverse && range->by != BY_RANK;
    struct bytes minimum = call->argv[index + is_swapped];
    struct bytes maximum = call->argv[index + !is_swapped];
    if (range->by == BY_RANK)
        return call_integer(call, index, &range->start, NULL) &&
               call_integer(call, index + 1, &range->stop, NULL);
    bool is_valid = range->by == BY_SCORE ? zset_parse_score_range(minimum, maximum, &range->scores)
                                          : zset_parse_lex_range(minimum, maximum, &range->members);
    if (!is_valid)
        reply_error(call->reply, range->by == BY_SCORE ? not_a_score : not_a_lex_item);
    return is_valid;
}

static struct zset_slice slice_of(struct value zset, const struct range *range)
{
    if (range->by == BY_SCORE)
        return zset_slice_by_score(zset, &range->scores);
    if (range->by == BY_LEX)
        return zset_slice_by_lex(zset, &range->members);
    struct zset_slice slice = zset_slice_by_rank(zset, range->start, range->stop);
    return range->is_reverse ? zset_slice_reversed(zset, slice) : slice;
}

/* -- ZRANGE -- */

static bool parse_range_option(struct call *call, int *i, struct range *range)
{
    if (!range->is_stored && call_is(call, *i, "withscores")) {
        range->has_scores = true;
    } else if (call_is(call, *i, "limit") && call->argc - *i > 2) {
        if (!call_integer(call, *i + 1, &range->offset, NULL) ||
            !call_integer(call, *i + 2, &range->limit, NULL))
            return false;
        *i += 2;
    } else if (!range->is_direction_fixed && call_is(call, *i, "rev")) {
        range->is_direction_fixed = true;
        range->is_reverse = true;
    } else if (range->by == BY_ANY && call_is(call, *i, "bylex")) {
        range->by = BY_LEX;
    } else if (range->by == BY_ANY && call_is(call, *i, "byscore")) {
        range->by = BY_SCORE;
    } else {
        return call_syntax_error(call);
    }
    return true;
}

/* The ends are at argv[index], options behind them. */
static bool parse_range(struct call *call, int index, struct range *range)
{
    range->limit = -1;
    for (int i = index + 2; i < call->argc; i++)
        if (!parse_range_option(call, &i, range))
            return false;
    if (range->by == BY_ANY)
        range->by = BY_RANK;
    if (range->limit != -1 && range->by == BY_RANK) {
        reply_error(call->reply, "ERR syntax error, LIMIT is only supported in combination with "
                                 "either BYSCORE or BYLEX");
        return false;
    }
    if (range->has_scores && range->by == BY_LEX) {
        reply_error(call->reply, "ERR syntax error, WITHSCORES not supported in combination with "
                                 "BYLEX");
        return false;
    }
    return parse_ends(call, index, range);
}

static struct zset_slice limited_slice(struct value zset, const struct range *range)
{
    struct zset_slice slice = slice_of(zset, range);
    if (range->by == BY_RANK)
        return slice;
    return zset_slice_limit(slice, range->is_reverse, range->offset, range->limit);
}

static void reply_range(struct call *call, struct range *range)
{
    if (!parse_range(call, 2, range))
        return;
    struct entry *entry;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    if (!entry) {
        reply_array(call->reply, 0);
        return;
    }
    struct value zset = entry_value(entry);
    struct zset_slice slice = limited_slice(zset, range);
    struct zset_walk walk;
    struct zset_item item;
    zset_reply_header(call, slice.count, range->has_scores);
    zset_walk_slice(&walk, zset, slice, range->is_reverse);
    for (size_t i = 0; i < slice.count && zset_walk_next(&walk, &item); i++)
        zset_reply_item(call, item, range->has_scores);
}

static void zrange_command(struct call *call)
{
    reply_range(call, &(struct range){.by = BY_ANY});
}

static void zrevrange_command(struct call *call)
{
    reply_range(call,
                &(struct range){.by = BY_RANK, .is_direction_fixed = true, .is_reverse = true});
}

static void zrangebyscore_command(struct call *call)
{
    reply_range(call, &(struct range){.by = BY_SCORE, .is_direction_fixed = true});
}

static void zrevrangebyscore_command(struct call *call)
{
    reply_range(call,
                &(struct range){.by = BY_SCORE, .is_direction_fixed = true, .is_reverse = true});
}

static void zrangebylex_command(struct call *call)
{
    reply_range(call, &(struct range){.by = BY_LEX, .is_direction_fixed = true});
}

static void zrevrangebylex_command(struct call *call)
{
    reply_range(call,
                &(struct range){.by = BY_LEX, .is_direction_fixed = true, .is_reverse = true});
}

/* -- ZRANGESTORE -- */

void zset_store(struct call *call, struct key key, struct value zset, const char *event)
{
    size_t count = zset_count(zset);
    if (count > 0) {
        zset_compact(&zset, call->services->types);
        db_set_value(call->db, key, zset, 0);
        db_changed(call->db, key.name, KEY_CLASS_ZSET, event);
        call->dirty++;
    } else {
        value_free(zset);
        if (db_find_write(call->db, key) && db_delete(call->db, key)) {
            db_changed(call->db, key.name, KEY_CLASS_GENERIC, "del");
            call->dirty++;
        }
    }
    reply_integer(call->reply, (int64_t)count);
}

static void zrangestore_command(struct call *call)
{
    struct range range = {.by = BY_ANY, .is_stored = true};
    if (!parse_range(call, 3, &range))
        return;
    struct entry *entry;
    if (!zset_find(call, call_key(call, 2), false, &entry))
        return;
    const struct type_settings *types = call->services->types;
    struct value result = zset_create(types, 0, 0);
    if (entry) {
        struct value zset = entry_value(entry);
        struct zset_slice slice = limited_slice(zset, &range);
        struct zset_walk walk;
        struct zset_item item;
        zset_expect(&result, types, slice.count);
        zset_walk_slice(&walk, zset, slice, range.is_reverse);
        for (size_t i = 0; i < slice.count && zset_walk_next(&walk, &item); i++)
            zset_add(&result, types, item.member, &item.score, 0);
    }
    zset_store(call, call_key(call, 1), result, "zrangestore");
}

/* -- counting and removing -- */

static void count_range(struct call *call, enum range_by by)
{
    struct range range = {.by = by};
    struct entry *entry;
    if (!parse_ends(call, 2, &range) || !zset_find(call, call_key(call, 1), false, &entry))
        return;
    reply_integer(call->reply, entry ? (int64_t)slice_of(entry_value(entry), &range).count : 0);
}

static void zcount_command(struct call *call)
{
    count_range(call, BY_SCORE);
}

static void zlexcount_command(struct call *call)
{
    count_range(call, BY_LEX);
}

static void remove_range(struct call *call, enum range_by by, const char *event)
{
    struct range range = {.by = by};
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!parse_ends(call, 2, &range) || !zset_find(call, key, true, &entry))
        return;
    size_t count = 0;
    if (entry) {
        struct value zset = entry_value(entry);
        struct zset_slice slice = slice_of(zset, &range);
        count = slice.count;
        if (count) {
            zset_remove_slice(&zset, slice);
            zset_removed(call, key, entry, zset, event, count);
        }
    }
    reply_integer(call->reply, (int64_t)count);
}

static void zremrangebyrank_command(struct call *call)
{
    remove_range(call, BY_RANK, "zremrangebyrank");
}

static void zremrangebyscore_command(struct call *call)
{
    remove_range(call, BY_SCORE, "zremrangebyscore");
}

static void zremrangebylex_command(struct call *call)
{
    remove_range(call, BY_LEX, "zremrangebylex");
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_SORTEDSET, KEY_FIRST(key_flags))
#define READ_ROW(text, function, arguments)                                                        \
    ROW(text, function, arguments, COMMAND_READONLY, KEY_RO | KEY_ACCESS)
#define COUNT_ROW(text, function)                                                                  \
    ROW(text, function, 4, COMMAND_READONLY | COMMAND_FAST, KEY_RO | KEY_ACCESS)
#define REMOVE_ROW(text, function) ROW(text, function, 4, COMMAND_WRITE, KEY_RW | KEY_DELETE)

const struct command_spec zset_range_commands[] = {
    READ_ROW("zrange", zrange_command, -4),
    READ_ROW("zrevrange", zrevrange_command, -4),
    READ_ROW("zrangebyscore", zrangebyscore_command, -4),
    READ_ROW("zrevrangebyscore", zrevrangebyscore_command, -4),
    READ_ROW("zrangebylex", zrangebylex_command, -4),
    READ_ROW("zrevrangebylex", zrevrangebylex_command, -4),
    COUNT_ROW("zcount", zcount_command),
    COUNT_ROW("zlexcount", zlexcount_command),
    REMOVE_ROW("zremrangebyrank", zremrangebyrank_command),
    REMOVE_ROW("zremrangebyscore", zremrangebyscore_command),
    REMOVE_ROW("zremrangebylex", zremrangebylex_command),
    {.name = "zrangestore",
     .handler = zrangestore_command,
     .arity = -5,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_SORTEDSET,
     .keys = {KEY_AT(KEY_OW | KEY_UPDATE, 1), KEY_AT(KEY_RO | KEY_ACCESS, 2)}},
    {0},
};
