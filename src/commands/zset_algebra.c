/* Unions, intersections and differences of sorted sets, answered or stored. Main thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/zset_common.h"
#include "types/set_type.h"
#include <math.h>
#include <stdlib.h>

enum algebra { ALGEBRA_UNION, ALGEBRA_INTER, ALGEBRA_DIFF };
enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

struct source {
    struct value value;
    bool is_there;
    size_t count;
    double weight;
};

struct operation {
    enum algebra algebra;
    enum aggregate aggregate;
    bool is_stored;
    bool has_scores;
    bool only_counts; /* ZINTERCARD */
    int64_t limit;    /* of counting; 0: none */
    struct source *sources;
    size_t count;
};

/* -- sources: what is read as a sorted set -- */

/* False to stop. */
typedef bool source_visit(void *context, const struct source *source, struct zset_item item);

/* Members of a plain set count as having a score of 1. */
static bool source_score(const struct source *source, struct bytes member, double *score)
{
    if (!source->is_there)
        return false;
    if (source->value.type == VALUE_ZSET)
        return zset_score(source->value, member, score);
    *score = 1;
    return set_contains(source->value, member);
}

static void visit_set(const struct source *source, source_visit *visit, void *context)
{
    struct set_iterator iterator;
    struct listpack_value member;
    char scratch[NUMBER_I64_TEXT_MAX];
    set_iterator_init(&iterator, source->value);
    while (set_iterate(&iterator, &member))
        if (!visit(context, source, (struct zset_item){listpack_value_text(member, scratch), 1}))
            return;
}

static void visit_source(const struct source *source, source_visit *visit, void *context)
{
    struct zset_walk walk;
    struct zset_item item;
    if (!source->is_there)
        return;
    if (source->value.type == VALUE_SET) {
        visit_set(source, visit, context);
        return;
    }
    zset_walk_from(&walk, source->value, 0, false);
    while (zset_walk_next(&walk, &item))
        if (!visit(context, source, item))
            return;
}

static bool find_source(struct call *call, int index, struct source *source)
{
    const struct entry *entry = db_find_read(call->db, call_key(call, index));
    source->weight = 1;
    if (!entry)
        return true;
    if (entry_type(entry) != VALUE_ZSET && entry_type(entry) != VALUE_SET)
        return call_wrong_type(call);
    source->is_there = true;
    source->value = entry_value(entry);
    source->count = value_count(source->value);
    return true;
}

/* -- parsing -- */

static bool parse_weights(struct call *call, int index, struct operation *operation)
{
    for (size_t i = 0; i < operation->count; i++)
        if (!call_double(call, index + (int)i, &operation->sources[i].weight,
                         "ERR weight value is not a float"))
            return false;
    return true;
}

static bool parse_aggregate(struct call *call, int index, struct operation *operation)
{
    if (call_is(call, index, "sum"))
        operation->aggregate = AGGREGATE_SUM;
    else if (call_is(call, index, "min"))
        operation->aggregate = AGGREGATE_MIN;
    else if (call_is(call, index, "max"))
        operation->aggregate = AGGREGATE_MAX;
    else
        return call_syntax_error(call);
    return true;
}

static bool parse_options(struct call *call, int index, struct operation *operation)
{
    bool combines = operation->algebra != ALGEBRA_DIFF && !operation->only_counts;
    for (int i = index; i < call->argc; i++) {
        size_t rest = (size_t)(call->argc - i - 1);
        if (combines && rest >= operation->count && call_is(call, i, "weights")) {
            if (!parse_weights(call, i + 1, operation))
                return false;
            i += (int)operation->count;
        } else if (combines && rest >= 1 && call_is(call, i, "aggregate")) {
            if (!parse_aggregate(call, ++i, operation))
                return false;
        } else if (!operation->is_stored && !operation->only_counts &&
                   call_is(call, i, "withscores")) {
            operation->has_scores = true;
        } else if (operation->only_counts && rest >= 1 && call_is(call, i, "limit")) {
            if (!call_integer_in(call, ++i, 0, INT64_MAX, &operation->limit,
                                 "ERR LIMIT can't be negative"))
                return false;
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

/* The number of keys is at argv[index]; the sources are allocated. */
static bool parse_operation(struct call *call, int index, struct operation *operation)
{
    int64_t keys;
    if (!call_integer(call, index, &keys, NULL))
        return false;
    if (keys < 1) {
        reply_errorf(call->reply, "at least 1 input key is needed for '%s' command",
                     call->command->name);
        return false;
    }
    if (keys > call->argc - index - 1)
        return call_syntax_error(call);
    operation->count = (size_t)keys;
    operation->sources = mem_calloc(operation->count, sizeof(operation->sources[0]));
    for (size_t i = 0; i < operation->count; i++)
        if (!find_source(call, index + 1 + (int)i, &operation->sources[i]))
            return false;
    return parse_options(call, index + 1 + (int)keys, operation);
}

/* -- combining -- */

/* 0 times infinity counts as 0. */
static double weighted(const struct source *source, double score)
{
    double result = source->weight * score;
    return isnan(result) ? 0 : result;
}

static double combine(enum aggregate aggregate, double a, double b)
{
    if (aggregate == AGGREGATE_MIN)
        return b < a ? b : a;
    if (aggregate == AGGREGATE_MAX)
        return b > a ? b : a;
    /* inf - inf counts as 0. */
    return isnan(a + b) ? 0 : a + b;
}

struct combination {
    const struct operation *operation;
    const struct type_settings *types;
    struct value result;
    uint64_t counted;
};

static bool visit_union(void *context, const struct source *source, struct zset_item item)
{
    struct combination *combination = context;
    double score = weighted(source, item.score);
    double present;
    if (source != combination->operation->sources &&
        zset_score(combination->result, item.member, &present))
        score = combine(combination->operation->aggregate, present, score);
    zset_add(&combination->result, combination->types, item.member, &score, 0);
    return true;
}

static bool visit_inter(void *context, const struct source *first, struct zset_item item)
{
    struct combination *combination = context;
    const struct operation *operation = combination->operation;
    double score = weighted(first, item.score);
    for (size_t i = 1; i < operation->count; i++) {
        const struct source *source = &operation->sources[i];
        double other;
        if (!source_score(source, item.member, &other))
            return true;
        /* 0 times infinity is no number here, and makes a sum 0, as Redis has it. */
        score = combine(operation->aggregate, score, source->weight * other);
    }
    combination->counted++;
    if (operation->only_counts)
        return combination->counted != (uint64_t)operation->limit;
    zset_add(&combination->result, combination->types, item.member, &score, 0);
    return true;
}

static bool visit_diff(void *context, const struct source *first, struct zset_item item)
{
    struct combination *combination = context;
    const struct operation *operation = combination->operation;
    (void)first;
    for (size_t i = 1; i < operation->count; i++) {
        double other;
        if (source_score(&operation->sources[i], item.member, &other))
            return true;
    }
    zset_add(&combination->result, combination->types, item.member, &item.score, 0);
    return true;
}

static int fewer_members_first(const void *a, const void *b)
{
    size_t x = ((const struct source *)a)->count;
    size_t y = ((const struct source *)b)->count;
    return x < y ? -1 : x > y;
}

/* The result, or with only_counts the number alone. */
static void compute(struct combination *combination)
{
    const struct operation *operation = combination->operation;
    struct source *sources = operation->sources;
    switch (operation->algebra) {
    case ALGEBRA_UNION:
        for (size_t i = 0; i < operation->count; i++)
            visit_source(&sources[i], visit_union, combination);
        break;
    case ALGEBRA_INTER:
        qsort(sources, operation->count, sizeof(sources[0]), fewer_members_first);
        visit_source(&sources[0], visit_inter, combination);
        break;
    case ALGEBRA_DIFF:
        visit_source(&sources[0], visit_diff, combination);
        break;
    }
}

static void reply_result(struct call *call, const struct operation *operation, struct value zset)
{
    struct zset_walk walk;
    struct zset_item item;
    zset_reply_header(call, zset_count(zset), operation->has_scores);
    zset_walk_from(&walk, zset, 0, false);
    while (zset_walk_next(&walk, &item))
        zset_reply_item(call, item, operation->has_scores);
}

/* The number of keys is at argv[index]; a destination, if any, is argv[1]. */
static void run(struct call *call, int index, struct operation *operation, const char *event)
{
    if (parse_operation(call, index, operation)) {
        struct combination combination = {.operation = operation,
                                          .types = call->services->types,
                                          .result = zset_create(call->services->types, 0, 0)};
        compute(&combination);
        if (operation->is_stored)
            zset_store(call, call_key(call, 1), combination.result, event);
        else if (operation->only_counts)
            reply_integer(call->reply, (int64_t)combination.counted);
        else
            reply_result(call, operation, combination.result);
        if (!operation->is_stored)
            value_free(combination.result);
    }
    mem_free(operation->sources);
}

static void zunion_command(struct call *call)
{
    run(call, 1, &(struct operation){.algebra = ALGEBRA_UNION}, NULL);
}

static void zinter_command(struct call *call)
{
    run(call, 1, &(struct operation){.algebra = ALGEBRA_INTER}, NULL);
}

static void zdiff_command(struct call *call)
{
    run(call, 1, &(struct operation){.algebra = ALGEBRA_DIFF}, NULL);
}

static void zintercard_command(struct call *call)
{
    run(call, 1, &(struct operation){.algebra = ALGEBRA_INTER, .only_counts = true}, NULL);
}

static void zunionstore_command(struct call *call)
{
    run(call, 2, &(struct operation){.algebra = ALGEBRA_UNION, .is_stored = true}, "zunionstore");
}

static void zinterstore_command(struct call *call)
{
    run(call, 2, &(struct operation){.algebra = ALGEBRA_INTER, .is_stored = true}, "zinterstore");
}

static void zdiffstore_command(struct call *call)
{
    run(call, 2, &(struct operation){.algebra = ALGEBRA_DIFF, .is_stored = true}, "zdiffstore");
}

/* -- the table -- */

#define READ_ROW(text, function, arguments)                                                        \
    COMMAND_ROW(text, function, arguments, COMMAND_READONLY, CATEGORY_SORTEDSET,                   \
                {KEYS_COUNTED(KEY_RO | KEY_ACCESS, 1)})
#define STORE_ROW(text, function)                                                                  \
    COMMAND_ROW(text, function, -4, COMMAND_WRITE | COMMAND_DENYOOM, CATEGORY_SORTEDSET,           \
                {KEY_AT(KEY_OW | KEY_UPDATE, 1), KEYS_COUNTED(KEY_RO | KEY_ACCESS, 2)})

const struct command_spec zset_algebra_commands[] = {
    READ_ROW("zunion", zunion_command, -3),        READ_ROW("zinter", zinter_command, -3),
    READ_ROW("zdiff", zdiff_command, -3),          READ_ROW("zintercard", zintercard_command, -3),
    STORE_ROW("zunionstore", zunionstore_command), STORE_ROW("zinterstore", zinterstore_command),
    STORE_ROW("zdiffstore", zdiffstore_command),   {0},
};
