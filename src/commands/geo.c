/* Positions of members: GEOADD, GEODIST, GEOHASH, GEOPOS. They are the scores of a sorted set. Main
 * thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/geo_common.h"
#include <stdio.h>

bool geo_parse_position(struct call *call, int index, struct geo_position *position)
{
    if (!call_double(call, index, &position->longitude, NULL) ||
        !call_double(call, index + 1, &position->latitude, NULL))
        return false;
    if (geo_is_valid(*position))
        return true;
    reply_errorf(call->reply, "invalid longitude,latitude pair %f,%f", position->longitude,
                 position->latitude);
    return false;
}

bool geo_parse_unit(struct call *call, int index, double *metres)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!call_is(call, index, units[i].name))
            continue;
        *metres = units[i].metres;
        return true;
    }
    reply_error(call->reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

/* -- numbers as text -- */

enum { FIXED_TEXT_MAX = 64 };

/* As printf's "%.*f" of a value below 256 or so, but in integers: value * 10^digits is a whole
 * number of 2^-shift. Returns 0 where that does not fit. */
static size_t print_fixed(char *text, double value, unsigned digits)
{
    __extension__ typedef unsigned __int128 wide;
    static const uint64_t powers[] = {[4] = 10000, [17] = 100000000000000000};
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int exponent = (int)(bits >> 52 & 2047) - 1075;
    uint64_t mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
    if (exponent > -1 || exponent < -126)
        return 0;
    wide product = (wide)mantissa * powers[digits];
    wide unit = (wide)1 << -exponent;
    wide rest = product & (unit - 1);
    wide rounded = product >> -exponent;
    /* To the nearest, to the even one of two. */
    if (rest > unit / 2 || (rest == unit / 2 && rounded & 1))
        rounded++;
    if (rounded >> 64)
        return 0;
    uint64_t whole = (uint64_t)rounded / powers[digits];
    uint64_t fraction = (uint64_t)rounded % powers[digits];
    size_t size = 0;
    if (bits >> 63)
        text[size++] = '-';
    size += number_format_u64(text + size, whole);
    text[size] = '.';
    for (unsigned i = digits; i > 0; i--) {
        text[size + i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return size + 1 + digits;
}

/* Without the zeroes at the end, and never "-0". */
static size_t print_coordinate(char *text, double value)
{
    enum { DIGITS = 17 };
    size_t size = print_fixed(text, value, DIGITS);
    if (size == 0)
        return number_format_long_double_human(text, FIXED_TEXT_MAX, value);
    while (text[size - 1] == '0')
        size--;
    if (text[size - 1] == '.')
        size--;
    if (size == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        size = 1;
    }
    return size;
}

static void reply_coordinate(struct call *call, double value)
{
    char text[FIXED_TEXT_MAX + 3] = ",";
    size_t size = print_coordinate(text + 1, value);
    if (call->reply->protocol < 3) {
        reply_bulk(call->reply, text + 1, size);
        return;
    }
    memcpy(text + 1 + size, "\r\n", 2);
    reply_raw(call->reply, text, size + 3);
}

void geo_reply_position(struct call *call, struct geo_position position)
{
    reply_array(call->reply, 2);
    reply_coordinate(call, position.longitude);
    reply_coordinate(call, position.latitude);
}

void geo_reply_distance(struct call *call, double distance)
{
    enum { DIGITS = 4, LARGEST_DOUBLE = 330 };
    char text[LARGEST_DOUBLE];
    size_t size = print_fixed(text, distance, DIGITS);
    if (size == 0)
        size = (size_t)snprintf(text, sizeof(text), "%.4f", distance);
    reply_bulk(call->reply, text, size);
}

/* -- GEOADD -- */

struct add_plan {
    unsigned flags; /* enum zset_add_flag */
    bool counts_changed;
    int first; /* index of the first longitude */
    size_t count;
    double *scores;
};

static bool parse_add(struct call *call, struct add_plan *plan)
{
    int i = 2;
    for (; i < call->argc; i++) {
        if (call_is(call, i, "nx"))
            plan->flags |= ZSET_ONLY_ABSENT;
        else if (call_is(call, i, "xx"))
            plan->flags |= ZSET_ONLY_PRESENT;
        else if (call_is(call, i, "ch"))
            plan->counts_changed = true;
        else
            break;
    }
    unsigned both = ZSET_ONLY_ABSENT | ZSET_ONLY_PRESENT;
    if (i == call->argc || (call->argc - i) % 3 || (plan->flags & both) == both)
        return call_syntax_error(call);
    plan->first = i;
    plan->count = (size_t)(call->argc - i) / 3;
    return true;
}

static bool parse_scores(struct call *call, struct add_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct geo_position position;
        if (!geo_parse_position(call, plan->first + (int)i * 3, &position))
            return false;
        plan->scores[i] = geo_score(position);
    }
    return true;
}

/* Propagated as the ZADD that it is. */
static void propagate_add(struct call *call, const struct add_plan *plan)
{
    if (!call->has_listeners) {
        call_propagate_none(call);
        return;
    }
    size_t argc = (size_t)plan->first + plan->count * 2;
    struct bytes *argv = mem_alloc(argc * sizeof(*argv));
    char(*digits)[NUMBER_I64_TEXT_MAX] = mem_alloc(plan->count * sizeof(*digits));
    argv[0] = BYTES_LITERAL("zadd");
    for (int i = 1; i < plan->first; i++)
        argv[i] = call->argv[i];
    for (size_t i = 0; i < plan->count; i++) {
        struct bytes *pair = &argv[(size_t)plan->first + i * 2];
        size_t size = number_format_i64(digits[i], (int64_t)plan->scores[i]);
        pair[0] = bytes_of(digits[i], size);
        pair[1] = call->argv[plan->first + (int)i * 3 + 2];
    }
    call_propagate(call, (int)argc, argv);
    mem_free(argv);
    mem_free(digits);
}

static void add_members(struct call *call, const struct add_plan *plan)
{
    const struct type_settings *types = call->services->types;
    struct key key = call_key(call, 1);
    struct entry *entry;
    uint64_t added = 0;
    uint64_t updated = 0;
    if (!zset_find(call, key, true, &entry))
        return;
    if (!entry && plan->flags & ZSET_ONLY_PRESENT) {
        reply_integer(call->reply, 0);
        return;
    }
    struct value zset = entry ? entry_value(entry)
                              : zset_create(types, plan->count, call->argv[plan->first + 2].size);
    if (entry)
        zset_expect(&zset, types, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        struct bytes member = call->argv[plan->first + (int)i * 3 + 2];
        enum zset_add_result result = zset_add(&zset, types, member, &plan->scores[i], plan->flags);
        added += result == ZSET_ADDED;
        updated += result == ZSET_UPDATED;
    }
    if (entry)
        put_back(entry, zset);
    else
        db_add_value(call->db, key, zset);
    reply_integer(call->reply, (int64_t)(added + (plan->counts_changed ? updated : 0)));
    if (added + updated == 0)
        return;
    propagate_add(call, plan);
    call->dirty += added + updated;
    db_changed(call->db, key.name, KEY_CLASS_ZSET, "zadd");
}

static void geoadd_command(struct call *call)
{
    enum { FEW = 32 };
    double few[FEW];
    struct add_plan plan = {.scores = few};
    if (!parse_add(call, &plan))
        return;
    if (plan.count > FEW)
        plan.scores = mem_alloc(plan.count * sizeof(few[0]));
    if (parse_scores(call, &plan))
        add_members(call, &plan);
    if (plan.scores != few)
        mem_free(plan.scores);
}

/* -- asking -- */

/* False when key or member is absent. */
static bool find_position(const struct entry *entry, struct bytes member,
                          struct geo_position *position)
{
    double score;
    if (!entry || !zset_score(entry_value(entry), member, &score))
        return false;
    *position = geo_position_of(score);
    return true;
}

static void geodist_command(struct call *call)
{
    double metres = 1;
    if (call->argc > 5) {
        call_syntax_error(call);
        return;
    }
    if (call->argc == 5 && !geo_parse_unit(call, 4, &metres))
        return;
    struct entry *entry;
    struct geo_position a;
    struct geo_position b;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    if (find_position(entry, call->argv[2], &a) && find_position(entry, call->argv[3], &b))
        geo_reply_distance(call, geo_distance(a, b) / metres);
    else
        reply_null(call->reply);
}

static void geohash_command(struct call *call)
{
    struct entry *entry;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        struct geo_position position;
        char text[GEO_TEXT_SIZE + 1];
        if (!find_position(entry, call->argv[i], &position)) {
            reply_null(call->reply);
            continue;
        }
        geo_text(position, text);
        reply_bulk(call->reply, text, GEO_TEXT_SIZE);
    }
}

static void geopos_command(struct call *call)
{
    struct entry *entry;
    if (!zset_find(call, call_key(call, 1), false, &entry))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        struct geo_position position;
        if (find_position(entry, call->argv[i], &position))
            geo_reply_position(call, position);
        else
            reply_null_array(call->reply);
    }
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_flags)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_GEO, KEY_FIRST(key_flags))

const struct command_spec geo_commands[] = {
    ROW("geoadd", geoadd_command, -5, COMMAND_WRITE | COMMAND_DENYOOM, KEY_RW | KEY_UPDATE),
    ROW("geodist", geodist_command, -4, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    ROW("geohash", geohash_command, -2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    ROW("geopos", geopos_command, -2, COMMAND_READONLY, KEY_RO | KEY_ACCESS),
    {0},
};
