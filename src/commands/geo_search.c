/* Members inside of an area: GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS family. Main thread. */
#include "types/geo_search.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/geo_common.h"

enum search_form {
    FORM_SEARCH,      /* GEOSEARCH, GEOSEARCHSTORE */
    FORM_COORDINATES, /* GEORADIUS: longitude and latitude, radius, unit */
    FORM_MEMBER       /* GEORADIUSBYMEMBER: member, radius, unit */
};

struct query {
    enum search_form form;
    bool may_store;       /* STORE and STOREDIST are options */
    bool is_search_store; /* GEOSEARCHSTORE */
    int source;           /* index of the searched key */
    int store;            /* of the destination, 0: none */
    bool stores_distances;
    const struct entry *entry; /* searched, NULL when absent */
    struct geo_area area;
    bool has_member; /* FROMMEMBER */
    bool has_position;
    bool has_radius;
    bool has_box;
    bool with_distance;
    bool with_hash;
    bool with_position;
    bool is_any;
    int64_t count; /* 0: all */
    enum geo_order order;
};

static bool refuse(struct call *call, const char *error)
{
    reply_error(call->reply, error);
    return false;
}

/* -- the area -- */

static bool parse_member(struct call *call, int index, struct query *query)
{
    double score;
    if (!zset_score(entry_value(query->entry), call->argv[index], &score))
        return refuse(call, "ERR could not decode requested zset member");
    query->area.center = geo_position_of(score);
    return true;
}

/* Radius and unit. */
static bool parse_radius(struct call *call, int index, struct query *query)
{
    query->area.is_box = false;
    if (!call_double(call, index, &query->area.radius, "ERR need numeric radius"))
        return false;
    if (query->area.radius < 0)
        return refuse(call, "ERR radius cannot be negative");
    return geo_parse_unit(call, index + 1, &query->area.metres);
}

/* Width, height and unit. */
static bool parse_box(struct call *call, int index, struct query *query)
{
    query->area.is_box = true;
    if (!call_double(call, index, &query->area.width, "ERR need numeric width") ||
        !call_double(call, index + 1, &query->area.height, "ERR need numeric height"))
        return false;
    if (query->area.width < 0 || query->area.height < 0)
        return refuse(call, "ERR height or width cannot be negative");
    return geo_parse_unit(call, index + 2, &query->area.metres);
}

/* What stands before the options of GEORADIUS; *index becomes the first option. */
static bool parse_fixed(struct call *call, struct query *query, int *index)
{
    switch (query->form) {
    case FORM_SEARCH:
        *index = query->source + 1;
        return true;
    case FORM_COORDINATES:
        *index = 6;
        return geo_parse_position(call, 2, &query->area.center) && parse_radius(call, 4, query);
    case FORM_MEMBER:
        *index = 5;
        /* Without a key the options alone decide about the reply. */
        return !query->entry || (parse_member(call, 2, query) && parse_radius(call, 3, query));
    }
    return false;
}

/* -- options -- */

enum parsed { PARSED, PARSED_ERROR, NOT_PARSED };

static enum parsed parsed_if(bool is_valid)
{
    return is_valid ? PARSED : PARSED_ERROR;
}

/* Those of GEOSEARCH that say where; *i moves to the last argument. */
static enum parsed parse_where(struct call *call, int *i, struct query *query)
{
    int rest = call->argc - *i - 1;
    int at = *i + 1;
    if (rest >= 1 && !query->has_position && call_is(call, *i, "frommember")) {
        query->has_member = true;
        *i += 1;
        return parsed_if(!query->entry || parse_member(call, at, query));
    }
    if (rest >= 2 && !query->has_member && call_is(call, *i, "fromlonlat")) {
        query->has_position = true;
        *i += 2;
        return parsed_if(geo_parse_position(call, at, &query->area.center));
    }
    if (rest >= 2 && !query->has_box && call_is(call, *i, "byradius")) {
        query->has_radius = true;
        *i += 2;
        return parsed_if(parse_radius(call, at, query));
    }
    if (rest >= 3 && !query->has_radius && call_is(call, *i, "bybox")) {
        query->has_box = true;
        *i += 3;
        return parsed_if(parse_box(call, at, query));
    }
    if (query->is_search_store && call_is(call, *i, "storedist")) {
        query->stores_distances = true;
        return PARSED;
    }
    return NOT_PARSED;
}

/* STORE and STOREDIST of GEORADIUS: the last one counts. */
static enum parsed parse_store(struct call *call, int *i, struct query *query)
{
    bool is_distance = call_is(call, *i, "storedist");
    if (*i + 1 >= call->argc || !(is_distance || call_is(call, *i, "store")))
        return NOT_PARSED;
    query->stores_distances = is_distance;
    query->store = ++*i;
    return PARSED;
}

static enum parsed parse_count(struct call *call, int *i, struct query *query)
{
    if (!call_integer(call, ++*i, &query->count, NULL))
        return PARSED_ERROR;
    return parsed_if(query->count > 0 || refuse(call, "ERR COUNT must be > 0"));
}

static enum parsed parse_option(struct call *call, int *i, struct query *query)
{
    if (call_is(call, *i, "withdist"))
        query->with_distance = true;
    else if (call_is(call, *i, "withhash"))
        query->with_hash = true;
    else if (call_is(call, *i, "withcoord"))
        query->with_position = true;
    else if (call_is(call, *i, "any"))
        query->is_any = true;
    else if (call_is(call, *i, "asc"))
        query->order = GEO_NEAREST_FIRST;
    else if (call_is(call, *i, "desc"))
        query->order = GEO_FARTHEST_FIRST;
    else if (call_is(call, *i, "count") && *i + 1 < call->argc)
        return parse_count(call, i, query);
    else if (query->form == FORM_SEARCH)
        return parse_where(call, i, query);
    else if (query->may_store)
        return parse_store(call, i, query);
    else
        return NOT_PARSED;
    return PARSED;
}

static bool refuse_for(struct call *call, const char *what)
{
    reply_errorf(call->reply, "%s can be specified for %.*s", what,
                 call->argv[0].size < 128 ? (int)call->argv[0].size : 128, call->argv[0].data);
    return false;
}

static bool check_options(struct call *call, struct query *query)
{
    if (query->store && (query->with_distance || query->with_hash || query->with_position))
        return refuse(call, query->is_search_store
                                ? "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH "
                                  "and WITHCOORD options"
                                : "ERR STORE option in GEORADIUS is not compatible with WITHDIST, "
                                  "WITHHASH and WITHCOORD options");
    if (query->form == FORM_SEARCH) {
        if (!query->has_member && !query->has_position)
            return refuse_for(call, "exactly one of FROMMEMBER or FROMLONLAT");
        if (!query->has_radius && !query->has_box)
            return refuse_for(call, "exactly one of BYRADIUS and BYBOX");
    }
    if (query->is_any && !query->count)
        return refuse(call, "ERR the ANY argument requires COUNT argument");
    /* The first ones mean the nearest ones. */
    if (query->count && query->order == GEO_UNORDERED && !query->is_any)
        query->order = GEO_NEAREST_FIRST;
    return true;
}

static bool parse_query(struct call *call, struct query *query)
{
    int i;
    if (!parse_fixed(call, query, &i))
        return false;
    for (; i < call->argc; i++) {
        switch (parse_option(call, &i, query)) {
        case PARSED:
            break;
        case PARSED_ERROR:
            return false;
        case NOT_PARSED:
            return call_syntax_error(call);
        }
    }
    return check_options(call, query);
}

/* -- results -- */

static void reply_points(struct call *call, const struct query *query,
                         const struct geo_search *search, size_t wanted)
{
    int details = query->with_distance + query->with_hash + query->with_position;
    reply_array(call->reply, (int64_t)wanted);
    for (size_t i = 0; i < wanted; i++) {
        const struct geo_point *point = &search->points[i];
        if (details)
            reply_array(call->reply, details + 1);
        reply_bulk_bytes(call->reply, point->member);
        if (query->with_distance)
            geo_reply_distance(call, point->distance / query->area.metres);
        if (query->with_hash)
            reply_integer(call->reply, (int64_t)geo_score_bits(point->score));
        if (query->with_position)
            geo_reply_position(call, point->position);
    }
}

static void store_points(struct call *call, const struct query *query,
                         const struct geo_search *search, size_t wanted)
{
    const struct type_settings *types = call->services->types;
    struct value result = zset_create(types, 0, 0);
    zset_expect(&result, types, wanted);
    for (size_t i = 0; i < wanted; i++) {
        const struct geo_point *point = &search->points[i];
        double score =
            query->stores_distances ? point->distance / query->area.metres : point->score;
        zset_add(&result, types, point->member, &score, 0);
    }
    zset_store(call, call_key(call, query->store), result,
               query->is_search_store ? "geosearchstore" : "georadiusstore");
    /* Every member stored is a change. */
    if (wanted)
        call->dirty += wanted - 1;
}

static void run(struct call *call, struct query *query)
{
    struct entry *entry;
    if (!zset_find(call, call_key(call, query->source), false, &entry))
        return;
    query->entry = entry;
    if (!parse_query(call, query))
        return;
    struct geo_search search = {0};
    size_t count = (size_t)query->count;
    if (entry)
        geo_search_run(&search, entry_value(entry), &query->area, query->is_any ? count : 0);
    size_t wanted = count == 0 || search.count < count ? search.count : count;
    geo_search_order(&search, query->order, wanted);
    if (query->store)
        store_points(call, query, &search, wanted);
    else
        reply_points(call, query, &search, wanted);
    geo_search_deinit(&search);
}

static void geosearch_command(struct call *call)
{
    run(call, &(struct query){.form = FORM_SEARCH, .source = 1});
}

static void geosearchstore_command(struct call *call)
{
    run(call,
        &(struct query){.form = FORM_SEARCH, .is_search_store = true, .source = 2, .store = 1});
}

static void georadius_command(struct call *call)
{
    run(call, &(struct query){.form = FORM_COORDINATES, .may_store = true, .source = 1});
}

static void georadius_ro_command(struct call *call)
{
    run(call, &(struct query){.form = FORM_COORDINATES, .source = 1});
}

static void georadiusbymember_command(struct call *call)
{
    run(call, &(struct query){.form = FORM_MEMBER, .may_store = true, .source = 1});
}

static void georadiusbymember_ro_command(struct call *call)
{
    run(call, &(struct query){.form = FORM_MEMBER, .source = 1});
}

/* The key that is searched, and the one that is stored to: of several the last, which is the one
 * that the command uses. */
static int find_georadius_keys(const struct bytes *argv, int argc, int *positions,
                               int positions_max)
{
    int store = 0;
    /* Behind the unit, which is where the options begin in the shorter of the two forms. */
    for (int i = 5; i + 1 < argc; i++)
        if (bytes_is(argv[i], "store") || bytes_is(argv[i], "storedist"))
            store = ++i;
    int count = store ? 2 : 1;
    if (count > positions_max)
        return -1;
    positions[0] = 1;
    if (store)
        positions[1] = store;
    return count;
}

/* -- the table -- */

#define STORE_AFTER(word, at)                                                                      \
    {                                                                                              \
        .flags = KEY_OW | KEY_UPDATE, .begin = KEY_SPEC_KEYWORD, .keyword = (word), .index = (at), \
        .find = KEY_FIND_RANGE, .step = 1                                                          \
    }
#define READ_ROW(text, function, arguments)                                                        \
    COMMAND_ROW(text, function, arguments, COMMAND_READONLY, CATEGORY_GEO,                         \
                KEY_FIRST(KEY_RO | KEY_ACCESS))
#define RADIUS_ROW(text, function, arguments)                                                      \
    {                                                                                              \
        .name = (text), .handler = (function), .arity = -(arguments),                              \
        .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS,                           \
        .categories = CATEGORY_GEO,                                                                \
        .keys = {KEY_AT(KEY_RO | KEY_ACCESS, 1), STORE_AFTER("STORE", arguments),                  \
                 STORE_AFTER("STOREDIST", arguments)},                                             \
        .find_keys = find_georadius_keys                                                           \
    }

const struct command_spec geo_search_commands[] = {
    READ_ROW("geosearch", geosearch_command, -7),
    {.name = "geosearchstore",
     .handler = geosearchstore_command,
     .arity = -8,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_GEO,
     .keys = {KEY_AT(KEY_OW | KEY_UPDATE, 1), KEY_AT(KEY_RO | KEY_ACCESS, 2)}},
    RADIUS_ROW("georadius", georadius_command, 6),
    RADIUS_ROW("georadiusbymember", georadiusbymember_command, 5),
    READ_ROW("georadius_ro", georadius_ro_command, -6),
    READ_ROW("georadiusbymember_ro", georadiusbymember_ro_command, -5),
    {0},
};
