/* Lists: pushing, popping, ranges, moving. Main thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/command_rows.h"
#include "commands/key_common.h"
#include "commands/list_common.h"

/* After elements were removed and the list was stored: an empty list goes. */
static void settle_removal(struct call *call, struct value_at *at)
{
    if (list_count(at->value) == 0) {
        delete_emptied(call, at->key);
        return;
    }
    list_compact(&at->value, call->services->types);
    put_value_back(at);
}

static void reply_value(struct reply *reply, struct listpack_value value)
{
    if (value.data)
        reply_bulk(reply, value.data, value.size);
    else
        reply_bulk_integer(reply, value.integer);
}

/* -- pushing -- */

static void push(struct call *call, bool at_head, bool only_present)
{
    struct value_at at;
    if (!find_to_write(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry && only_present) {
        reply_integer(call->reply, 0);
        return;
    }
    const struct bytes *items = call->argv + 2;
    size_t count = (size_t)call->argc - 2;
    if (!at.entry)
        at.value = list_create(items, count);
    list_expect(&at.value, call->services->types, items, count);
    for (size_t i = 0; i < count; i++)
        list_push(&at.value, items[i], at_head);
    if (at.entry)
        put_value_back(&at);
    else
        db_add_value(call->db, at.key, at.value);
    call->dirty += count;
    reply_integer(call->reply, (int64_t)list_count(at.value));
    db_changed(call->db, at.key.name, KEY_CLASS_LIST, at_head ? "lpush" : "rpush");
}

static void lpush_command(struct call *call)
{
    push(call, true, false);
}

static void rpush_command(struct call *call)
{
    push(call, false, false);
}

static void lpushx_command(struct call *call)
{
    push(call, true, true);
}

static void rpushx_command(struct call *call)
{
    push(call, false, true);
}

static void linsert_command(struct call *call)
{
    bool after = call_is(call, 2, "after");
    if (!after && !call_is(call, 2, "before")) {
        call_syntax_error(call);
        return;
    }
    struct value_at at;
    if (!find_to_write(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    list_expect(&at.value, call->services->types, &call->argv[4], 1);
    bool is_found = list_insert(&at.value, call->argv[3], call->argv[4], after);
    put_value_back(&at);
    if (!is_found) {
        reply_integer(call->reply, -1);
        return;
    }
    call->dirty++;
    db_changed(call->db, at.key.name, KEY_CLASS_LIST, "linsert");
    reply_integer(call->reply, (int64_t)list_count(at.value));
}

static void lset_command(struct call *call)
{
    struct value_at at;
    if (!find_to_write(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry) {
        call_no_such_key(call);
        return;
    }
    int64_t index;
    if (!call_integer(call, 2, &index, NULL))
        return;
    list_expect(&at.value, call->services->types, &call->argv[3], 1);
    bool is_found = list_replace(&at.value, index, call->argv[3]);
    if (is_found)
        list_compact(&at.value, call->services->types);
    put_value_back(&at);
    if (!is_found) {
        reply_error(call->reply, "ERR index out of range");
        return;
    }
    call->dirty++;
    db_changed(call->db, at.key.name, KEY_CLASS_LIST, "lset");
    reply_ok(call->reply);
}

/* -- reading -- */

static void llen_command(struct call *call)
{
    struct value_at at;
    if (find_to_read(call, 1, VALUE_LIST, &at))
        reply_integer(call->reply, at.entry ? (int64_t)list_count(at.value) : 0);
}

static void lindex_command(struct call *call)
{
    struct value_at at;
    if (!find_to_read(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry) {
        reply_null(call->reply);
        return;
    }
    int64_t index;
    if (!call_integer(call, 2, &index, NULL))
        return;
    struct quicklist_iterator iterator;
    struct listpack_value value;
    list_iterator_init(&iterator, at.value, index, false);
    if (quicklist_iterate(&iterator, &value))
        reply_value(call->reply, value);
    else
        reply_null(call->reply);
    quicklist_iterator_deinit(&iterator);
}

/* An array of `count` elements from `start` on, which must be there. */
static void reply_range(struct call *call, struct value list, int64_t start, size_t count,
                        bool is_backward)
{
    struct quicklist_iterator iterator;
    struct listpack_value value;
    reply_array(call->reply, (int64_t)count);
    list_iterator_init(&iterator, list, start, is_backward);
    while (count-- && quicklist_iterate(&iterator, &value))
        reply_value(call->reply, value);
    quicklist_iterator_deinit(&iterator);
}

/* Start and end as LRANGE means them, to start and size in 0..count. */
struct range {
    size_t start;
    size_t size;
};

static struct range range_of(int64_t start, int64_t end, size_t elements)
{
    int64_t count = (int64_t)elements;
    if (start < 0)
        start = start + count < 0 ? 0 : start + count;
    if (end < 0)
        end += count;
    if (start > end || start >= count)
        return (struct range){elements, 0};
    if (end >= count)
        end = count - 1;
    return (struct range){(size_t)start, (size_t)(end - start + 1)};
}

static void lrange_command(struct call *call)
{
    int64_t start;
    int64_t end;
    struct value_at at;
    if (!call_integer(call, 2, &start, NULL) || !call_integer(call, 3, &end, NULL) ||
        !find_to_read(call, 1, VALUE_LIST, &at))
        return;
    struct range range = {0, 0};
    if (at.entry)
        range = range_of(start, end, list_count(at.value));
    if (range.size == 0)
        reply_array(call->reply, 0);
    else
        reply_range(call, at.value, (int64_t)range.start, range.size, false);
}

/* -- LPOS -- */

struct position_options {
    int64_t rank;  /* from 1; negative: from the tail */
    int64_t count; /* -1: one position, not an array; 0: all */
    int64_t comparisons_max;
};

static bool parse_position_options(struct call *call, struct position_options *options)
{
    for (int i = 3; i < call->argc; i += 2) {
        if (i + 1 == call->argc)
            return call_syntax_error(call);
        if (call_is(call, i, "rank")) {
            if (!call_integer_in(call, i + 1, -INT64_MAX, INT64_MAX, &options->rank, NULL))
                return false;
            if (options->rank == 0) {
                reply_error(call->reply,
                            "ERR RANK can't be zero: use 1 to start from the first match, 2 from "
                            "the second ... or use negative to start from the end of the list");
                return false;
            }
        } else if (call_is(call, i, "count")) {
            if (!call_integer_in(call, i + 1, 0, INT64_MAX, &options->count,
                                 "ERR COUNT can't be negative"))
                return false;
        } else if (call_is(call, i, "maxlen")) {
            if (!call_integer_in(call, i + 1, 0, INT64_MAX, &options->comparisons_max,
                                 "ERR MAXLEN can't be negative"))
                return false;
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

/* Answers with the positions found; returns how many. */
static int64_t reply_positions(struct call *call, struct value list,
                               const struct position_options *options)
{
    bool is_backward = options->rank < 0;
    int64_t skip = (is_backward ? -options->rank : options->rank) - 1;
    int64_t wanted = options->count < 0 ? 1 : options->count;
    int64_t last = (int64_t)list_count(list) - 1;
    int64_t found = 0;
    struct bytes text = call->argv[2];
    int64_t integer = 0;
    bool is_integer = number_parse_i64(text, &integer);
    struct quicklist_iterator iterator;
    struct listpack_value value;
    list_iterator_init(&iterator, list, is_backward ? -1 : 0, is_backward);
    for (int64_t i = 0; quicklist_iterate(&iterator, &value); i++) {
        if (options->comparisons_max && i >= options->comparisons_max)
            break;
        bool matches = value.data ? bytes_equal(bytes_of(value.data, value.size), text)
                                  : is_integer && value.integer == integer;
        if (!matches || skip-- > 0)
            continue;
        reply_integer(call->reply, is_backward ? last - i : i);
        if (++found == wanted)
            break;
    }
    quicklist_iterator_deinit(&iterator);
    return found;
}

static void lpos_command(struct call *call)
{
    struct position_options options = {.rank = 1, .count = -1};
    struct value_at at;
    if (!parse_position_options(call, &options) || !find_to_read(call, 1, VALUE_LIST, &at))
        return;
    if (options.count < 0) {
        if (!at.entry || reply_positions(call, at.value, &options) == 0)
            reply_null(call->reply);
    } else if (!at.entry) {
        reply_array(call->reply, 0);
    } else {
        struct reply_mark mark = reply_defer(call->reply);
        reply_defer_array(call->reply, mark, reply_positions(call, at.value, &options));
    }
}

/* -- removing -- */

static void ltrim_command(struct call *call)
{
    int64_t start;
    int64_t end;
    struct value_at at;
    if (!call_integer(call, 2, &start, NULL) || !call_integer(call, 3, &end, NULL) ||
        !find_to_write(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry) {
        reply_ok(call->reply);
        return;
    }
    size_t count = list_count(at.value);
    struct range range = range_of(start, end, count);
    if (range.size == 0)
        range.start = count;
    size_t behind = count - range.start - range.size;
    list_delete_range(&at.value, range.start + range.size, behind);
    list_delete_range(&at.value, 0, range.start);
    put_value_back(&at);
    call->dirty += range.start + behind;
    db_changed(call->db, at.key.name, KEY_CLASS_LIST, "ltrim");
    settle_removal(call, &at);
    reply_ok(call->reply);
}

static void lrem_command(struct call *call)
{
    int64_t count;
    struct value_at at;
    if (!call_integer_in(call, 2, -INT64_MAX, INT64_MAX, &count, NULL) ||
        !find_to_write(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    size_t limit = count == 0 ? SIZE_MAX : (size_t)(count < 0 ? -count : count);
    size_t removed = list_remove(&at.value, call->argv[3], limit, count < 0);
    put_value_back(&at);
    if (removed) {
        call->dirty += removed;
        db_changed(call->db, at.key.name, KEY_CLASS_LIST, "lrem");
        settle_removal(call, &at);
    }
    reply_integer(call->reply, (int64_t)removed);
}

/* Tells of the removal of `count` elements from an end. */
static void tell_popped(struct call *call, struct value_at *at, size_t count, bool at_head)
{
    db_changed(call->db, at->key.name, KEY_CLASS_LIST, at_head ? "lpop" : "rpop");
    settle_removal(call, at);
    call->dirty += count;
}

static void remove_from_end(struct value_at *at, size_t count, bool at_head)
{
    list_delete_range(&at->value, at_head ? 0 : list_count(at->value) - count, count);
    put_value_back(at);
}

/* Answers with an array of the elements, in the order in which they are popped. */
static void pop_range(struct call *call, struct value_at *at, size_t count, bool at_head)
{
    reply_range(call, at->value, at_head ? 0 : -1, count, !at_head);
    remove_from_end(at, count, at_head);
    tell_popped(call, at, count, at_head);
}

static void pop_one(struct call *call, struct value_at *at, bool at_head)
{
    struct quicklist_iterator iterator;
    struct listpack_value value;
    list_iterator_init(&iterator, at->value, at_head ? 0 : -1, false);
    if (quicklist_iterate(&iterator, &value))
        reply_value(call->reply, value);
    quicklist_iterator_deinit(&iterator);
    remove_from_end(at, 1, at_head);
    tell_popped(call, at, 1, at_head);
}

static void pop(struct call *call, bool at_head)
{
    bool has_count = call->argc == 3;
    int64_t count = 0;
    if (call->argc > 3) {
        call_arity_error(call);
        return;
    }
    if (has_count && !call_integer_in(call, 2, 0, INT64_MAX, &count,
                                      "ERR value is out of range, must be positive"))
        return;
    struct value_at at;
    if (!find_to_write(call, 1, VALUE_LIST, &at))
        return;
    if (!at.entry) {
        if (has_count)
            reply_null_array(call->reply);
        else
            reply_null(call->reply);
    } else if (!has_count) {
        pop_one(call, &at, at_head);
    } else if (count == 0) {
        reply_array(call->reply, 0);
    } else {
        size_t present = list_count(at.value);
        pop_range(call, &at, (size_t)count < present ? (size_t)count : present, at_head);
    }
}

static void lpop_command(struct call *call)
{
    pop(call, true);
}

static void rpop_command(struct call *call)
{
    pop(call, false);
}

/* -- LMPOP -- */

/* LEFT or RIGHT at argv[index]. */
bool list_parse_end(struct call *call, int index, bool *at_head)
{
    *at_head = call_is(call, index, "left");
    return *at_head || call_is(call, index, "right") || call_syntax_error(call);
}

bool lmpop_parse(struct call *call, int first, struct lmpop_options *options)
{
    int64_t keys;
    if (!call_integer_in(call, first, 1, INT64_MAX, &keys, "ERR numkeys should be greater than 0"))
        return false;
    if (keys > call->argc - first - 2)
        return call_syntax_error(call);
    *options = (struct lmpop_options){.first_key = first + 1, .keys = (int)keys, .count = 1};
    int at = options->first_key + options->keys;
    if (!list_parse_end(call, at++, &options->at_head))
        return false;
    if (at == call->argc)
        return true;
    if (at + 2 > call->argc || !call_is(call, at, "count"))
        return call_syntax_error(call);
    if (!call_integer_in(call, at + 1, 1, INT64_MAX, &options->count,
                         "ERR count should be greater than 0"))
        return false;
    return at + 2 == call->argc || call_syntax_error(call);
}

bool lmpop_try(struct call *call, const struct lmpop_options *options)
{
    for (int i = 0; i < options->keys; i++) {
        struct value_at at;
        if (!find_to_write(call, options->first_key + i, VALUE_LIST, &at))
            return true;
        if (!at.entry)
            continue;
        size_t present = list_count(at.value);
        size_t count = (size_t)options->count < present ? (size_t)options->count : present;
        reply_array(call->reply, 2);
        reply_bulk_bytes(call->reply, at.key.name);
        pop_range(call, &at, count, options->at_head);
        char digits[NUMBER_I64_TEXT_MAX];
        const struct bytes argv[] = {
            options->at_head ? BYTES_LITERAL("LPOP") : BYTES_LITERAL("RPOP"), at.key.name,
            bytes_of(digits, number_format_i64(digits, (int64_t)count))};
        call_propagate(call, 3, argv);
        return true;
    }
    return false;
}

bool list_pop_first(struct call *call, int first_key, int keys, bool at_head)
{
    for (int i = first_key; i < first_key + keys; i++) {
        struct value_at at;
        if (!find_to_write(call, i, VALUE_LIST, &at))
            return true;
        if (!at.entry)
            continue;
        reply_array(call->reply, 2);
        reply_bulk_bytes(call->reply, at.key.name);
        pop_one(call, &at, at_head);
        const struct bytes argv[] = {at_head ? BYTES_LITERAL("LPOP") : BYTES_LITERAL("RPOP"),
                                     at.key.name};
        call_propagate(call, 2, argv);
        return true;
    }
    return false;
}

static void lmpop_command(struct call *call)
{
    struct lmpop_options options;
    if (lmpop_parse(call, 1, &options) && !lmpop_try(call, &options))
        reply_null_array(call->reply);
}

/* -- moving -- */

enum { MOVED_ROOM = 512 };

/* An element on its way: copied, because its list changes meanwhile. */
struct moved {
    struct bytes text;
    void *memory; /* NULL: in room */
    char room[MOVED_ROOM];
};

static void take_moved(struct value_at *at, bool from_head, struct moved *moved)
{
    struct quicklist_iterator iterator;
    struct listpack_value value = {0};
    char scratch[NUMBER_I64_TEXT_MAX];
    list_iterator_init(&iterator, at->value, from_head ? 0 : -1, false);
    bool is_there = quicklist_iterate(&iterator, &value);
    assert(is_there);
    struct bytes text = listpack_value_text(value, scratch);
    moved->memory = text.size > MOVED_ROOM ? mem_alloc(text.size) : NULL;
    char *to = moved->memory ? moved->memory : moved->room;
    if (text.size)
        memcpy(to, text.data, text.size);
    moved->text = bytes_of(to, text.size);
    quicklist_iterator_deinit(&iterator);
    remove_from_end(at, 1, from_head);
}

static void push_moved(struct call *call, struct value_at *to, struct bytes text, bool to_head)
{
    if (!to->entry)
        to->value = list_create(&text, 1);
    list_expect(&to->value, call->services->types, &text, 1);
    list_push(&to->value, text, to_head);
    if (to->entry)
        put_value_back(to);
    else
        to->entry = db_add_value(call->db, to->key, to->value);
    db_changed(call->db, to->key.name, KEY_CLASS_LIST, to_head ? "lpush" : "rpush");
}

bool list_move_element(struct call *call, bool from_head, bool to_head)
{
    struct value_at from;
    struct value_at to;
    if (!find_to_write(call, 1, VALUE_LIST, &from))
        return true;
    if (!from.entry)
        return false;
    if (!find_to_write(call, 2, VALUE_LIST, &to))
        return true;
    bool is_same = from.entry == to.entry;
    struct moved moved;
    take_moved(&from, from_head, &moved);
    if (is_same)
        to.value = from.value;
    push_moved(call, &to, moved.text, to_head);
    if (is_same)
        from.value = to.value;
    reply_bulk_bytes(call->reply, moved.text);
    mem_free(moved.memory);
    tell_popped(call, &from, 1, from_head);
    return true;
}

static void move_or_null(struct call *call, bool from_head, bool to_head)
{
    if (!list_move_element(call, from_head, to_head))
        reply_null(call->reply);
}

static void lmove_command(struct call *call)
{
    bool from_head;
    bool to_head;
    if (list_parse_end(call, 3, &from_head) && list_parse_end(call, 4, &to_head))
        move_or_null(call, from_head, to_head);
}

static void rpoplpush_command(struct call *call)
{
    move_or_null(call, false, true);
}

/* -- the table -- */

#define ROW(text, function, arguments, command_flags, key_specs)                                   \
    COMMAND_ROW(text, function, arguments, command_flags, CATEGORY_LIST, key_specs)

const struct command_spec list_commands[] = {
    ROW("lpush", lpush_command, -3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_INSERT)),
    ROW("rpush", rpush_command, -3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_INSERT)),
    ROW("lpushx", lpushx_command, -3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_INSERT)),
    ROW("rpushx", rpushx_command, -3, GROW | FAST, KEY_FIRST(KEY_RW | KEY_INSERT)),
    ROW("linsert", linsert_command, 5, GROW, KEY_FIRST(KEY_RW | KEY_INSERT)),
    ROW("lpop", lpop_command, -2, WRITE | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)),
    ROW("rpop", rpop_command, -2, WRITE | FAST, KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_DELETE)),
    ROW("lmpop", lmpop_command, -4, WRITE | COMMAND_MOVABLE_KEYS,
        {KEYS_COUNTED(KEY_RW | KEY_ACCESS | KEY_DELETE, 1)}),
    ROW("llen", llen_command, 2, READ | FAST, KEY_FIRST(KEY_RO)),
    ROW("lindex", lindex_command, 3, READ, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    ROW("lset", lset_command, 4, GROW, KEY_FIRST(KEY_RW | KEY_UPDATE)),
    ROW("lrange", lrange_command, 4, READ, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    ROW("ltrim", ltrim_command, 4, WRITE, KEY_FIRST(KEY_RW | KEY_DELETE)),
    ROW("lpos", lpos_command, -3, READ, KEY_FIRST(KEY_RO | KEY_ACCESS)),
    ROW("lrem", lrem_command, 4, WRITE, KEY_FIRST(KEY_RW | KEY_DELETE)),
    ROW("lmove", lmove_command, 5, GROW, KEYS_FROM_AND_TO),
    ROW("rpoplpush", rpoplpush_command, 3, GROW, KEYS_FROM_AND_TO),
    {0},
};
