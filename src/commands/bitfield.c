/* BITFIELD and BITFIELD_RO: numbers of any width at any bit of a string. Main thread. */
#include "base/memory.h"
#include "commands/all.h"
#include "commands/bitmap_common.h"
#include "structures/bits.h"

enum field_action { FIELD_GET, FIELD_SET, FIELD_INCREMENT };

struct field_step {
    enum field_action action;
    enum bits_overflow overflow;
    struct bits_type type;
    uint64_t offset;
    int64_t number;
};

struct field_plan {
    struct field_step *steps; /* as many as arguments could make */
    size_t count;
    bool writes;
    uint64_t last; /* bit written */
};

/* "i1".."i64", "u1".."u63". */
static bool parse_type(struct call *call, int index, struct bits_type *type)
{
    struct bytes text = call->argv[index];
    int64_t width;
    if (text.size && (text.data[0] == 'i' || text.data[0] == 'u') &&
        number_parse_i64(bytes_of(text.data + 1, text.size - 1), &width)) {
        type->is_signed = text.data[0] == 'i';
        type->width = (unsigned)width;
        if (width >= 1 && width <= (type->is_signed ? 64 : 63))
            return true;
    }
    reply_error(call->reply, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 "
                             "is not supported but i64 is.");
    return false;
}

static bool parse_overflow(struct call *call, int index, enum bits_overflow *overflow)
{
    if (call_is(call, index, "wrap"))
        *overflow = BITS_WRAP;
    else if (call_is(call, index, "sat"))
        *overflow = BITS_SATURATE;
    else if (call_is(call, index, "fail"))
        *overflow = BITS_FAIL;
    else {
        reply_error(call->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* Type, offset and, when it writes, the number: what follows the action's name at argv[index]. */
static bool parse_step(struct call *call, int index, struct field_step *step)
{
    return parse_type(call, index + 1, &step->type) &&
           bitmap_offset(call, index + 2, step->type.width, &step->offset) &&
           (step->action == FIELD_GET || call_integer(call, index + 3, &step->number, NULL));
}

static bool parse_plan(struct call *call, struct field_plan *plan)
{
    enum bits_overflow overflow = BITS_WRAP;
    for (int i = 2; i < call->argc;) {
        int rest = call->argc - i - 1;
        struct field_step *step = &plan->steps[plan->count];
        *step = (struct field_step){.overflow = overflow};
        if (rest >= 2 && call_is(call, i, "get")) {
            step->action = FIELD_GET;
        } else if (rest >= 3 && call_is(call, i, "set")) {
            step->action = FIELD_SET;
        } else if (rest >= 3 && call_is(call, i, "incrby")) {
            step->action = FIELD_INCREMENT;
        } else if (rest >= 1 && call_is(call, i, "overflow")) {
            if (!parse_overflow(call, i + 1, &overflow))
                return false;
            i += 2;
            continue;
        } else {
            return call_syntax_error(call);
        }
        if (!parse_step(call, i, step))
            return false;
        plan->count++;
        i += 3;
        if (step->action == FIELD_GET)
            continue;
        i++;
        plan->writes = true;
        if (step->offset + step->type.width - 1 > plan->last)
            plan->last = step->offset + step->type.width - 1;
    }
    return true;
}

/* Answers one step; true when it changed the field, or wrote into a string that grew. */
static bool write_step(struct call *call, const struct field_step *step, struct bytes string,
                       char *data, bool grew)
{
    struct bits_type type = step->type;
    int64_t old = bits_field_value(type, bits_read_field(string, step->offset, type.width));
    bool is_set = step->action == FIELD_SET;
    int64_t fresh;
    if (!bits_field_add(type, is_set ? step->number : old, is_set ? 0 : step->number,
                        step->overflow, &fresh)) {
        reply_null(call->reply);
        return false;
    }
    reply_integer(call->reply, is_set ? old : fresh);
    bits_write_field(data, step->offset, type.width, (uint64_t)fresh);
    return grew || old != fresh;
}

static void get_step(struct call *call, const struct field_step *step, struct bytes string)
{
    uint64_t field = bits_read_field(string, step->offset, step->type.width);
    reply_integer(call->reply, bits_field_value(step->type, field));
}

static void run_reading(struct call *call, const struct field_plan *plan)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    const struct entry *entry;
    struct bytes string;
    if (!bitmap_read(call, call_key(call, 1), &entry, scratch, &string))
        return;
    reply_array(call->reply, (int64_t)plan->count);
    for (size_t i = 0; i < plan->count; i++)
        get_step(call, &plan->steps[i], string);
}

static void run_writing(struct call *call, const struct field_plan *plan)
{
    struct key key = call_key(call, 1);
    char *data;
    bool grew;
    if (!bitmap_writable(call, key, plan->last, &data, &grew))
        return;
    char scratch[NUMBER_I64_TEXT_MAX];
    struct bytes string = entry_string(db_peek(call->db, key), scratch);
    uint64_t changes = 0;
    reply_array(call->reply, (int64_t)plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        const struct field_step *step = &plan->steps[i];
        if (step->action == FIELD_GET)
            get_step(call, step, string);
        else
            changes += write_step(call, step, string, data, grew);
    }
    if (changes) {
        call->dirty += changes;
        db_changed(call->db, key.name, KEY_CLASS_STRING, "setbit");
    }
}

static void run(struct call *call, bool is_readonly)
{
    enum { FEW = 16 };
    struct field_step few[FEW];
    size_t room = (size_t)call->argc / 3 + 1;
    struct field_plan plan = {.steps = room > FEW ? mem_alloc(room * sizeof(few[0])) : few};
    if (parse_plan(call, &plan)) {
        if (!plan.writes)
            run_reading(call, &plan);
        else if (is_readonly)
            reply_error(call->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        else
            run_writing(call, &plan);
    }
    if (plan.steps != few)
        mem_free(plan.steps);
}

static void bitfield_command(struct call *call)
{
    run(call, false);
}

static void bitfield_ro_command(struct call *call)
{
    run(call, true);
}

/* With nothing but GET it only reads. */
static uint16_t bitfield_key_flags(const struct bytes *argv, int argc)
{
    for (int i = 2; i < argc; i++) {
        bool is_last = i == argc - 1;
        if (!is_last && bytes_is(argv[i], "get"))
            i += 2;
        else if (!is_last && bytes_is(argv[i], "overflow"))
            i += 1;
        else
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_RO | KEY_ACCESS;
}

const struct command_spec bitfield_commands[] = {
    {.name = "bitfield",
     .handler = bitfield_command,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_BITMAP,
     .keys = KEY_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS),
     .key_flags = bitfield_key_flags},
    {.name = "bitfield_ro",
     .handler = bitfield_ro_command,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_BITMAP,
     .keys = KEY_FIRST(KEY_RO | KEY_ACCESS)},
    {0},
};
