/* See key_spec.h. Every index is checked against argc before use: argv comes from a client (COMMAND
 * GETKEYS, CVE-2023-36824). */
#include "dispatch/key_spec.h"

#include "base/number.h"

struct collector {
    struct key_position *positions;
    int max;
    int count;
};

static void collect(struct collector *keys, int index, uint16_t flags)
{
    if (keys->count < keys->max)
        keys->positions[keys->count] = (struct key_position){index, flags};
    keys->count++;
}

/* Index of the first argument the specification speaks of, 0 when it does not apply. */
static int find_begin(const struct key_spec *spec, const struct bytes *argv, int argc)
{
    if (spec->begin == KEY_SPEC_INDEX)
        return spec->index < argc ? spec->index : 0;
    if (spec->begin != KEY_SPEC_KEYWORD)
        return 0;
    int step = spec->index >= 0 ? 1 : -1;
    int at = spec->index >= 0 ? spec->index : argc + spec->index;
    for (; at > 0 && at < argc - 1; at += step)
        if (bytes_is(argv[at], spec->keyword))
            return at + 1;
    return 0;
}

static bool collect_range(struct collector *keys, const struct key_spec *spec, int begin, int argc)
{
    int last = spec->last >= 0 ? begin + spec->last : argc + spec->last;
    if (spec->last < 0 && spec->limit > 1)
        last = begin + (argc - begin) / spec->limit - 1;
    int step = spec->step > 0 ? spec->step : 1;
    for (int at = begin; at <= last && at < argc; at += step)
        collect(keys, at, spec->flags);
    return last < argc || spec->last < 0;
}

/* `least`: the number of keys that the command cannot do without. */
static bool collect_numbered(struct collector *keys, const struct key_spec *spec,
                             const struct bytes *argv, int begin, int argc, int least)
{
    int64_t count;
    int number_at = begin + spec->last;
    if (number_at >= argc || !number_parse_i64(argv[number_at], &count))
        return false;
    int step = spec->step > 0 ? spec->step : 1;
    int first = begin + spec->limit;
    if (count < least || first > argc || count > (argc - first + step - 1) / step)
        return false;
    for (int64_t i = 0; i < count; i++)
        collect(keys, first + (int)i * step, spec->flags);
    return true;
}

/* Replaces flags that depend on the arguments by those of this call. */
static void settle_flags(const struct command_spec *spec, const struct bytes *argv, int argc,
                         struct collector *keys)
{
    for (int i = 0; spec->key_flags && i < keys->count && i < keys->max; i++)
        if (keys->positions[i].flags & KEY_VARIABLE_FLAGS)
            keys->positions[i].flags = spec->key_flags(argv, argc);
}

/* True when a specification says that some keys stand where none can tell, or behind a word: that
 * may be there more than once, and be a key or a member as well. */
static bool specs_are_incomplete(const struct key_spec *specs)
{
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && specs[i].begin != KEY_SPEC_NONE; i++)
        if (specs[i].begin == KEY_SPEC_UNKNOWN || specs[i].begin == KEY_SPEC_KEYWORD)
            return true;
    return false;
}

/* The command's own function tells where the keys are; what is done to them say the specifications,
 * the last one for all that follow. */
static int find_by_function(const struct command_spec *spec, const struct bytes *argv, int argc,
                            struct collector *keys)
{
    int indices[256];
    int count = spec->find_keys(argv, argc, indices, 256);
    int last = 0;
    while (last + 1 < COMMAND_KEY_SPECS_MAX && spec->keys[last + 1].begin != KEY_SPEC_NONE)
        last++;
    for (int i = 0; i < count && i < 256; i++) {
        uint16_t flags = spec->keys[i == 0 ? 0 : last].flags;
        collect(keys, indices[i], flags ? flags : KEY_RW | KEY_ACCESS | KEY_UPDATE);
    }
    return count < 0 ? -1 : count;
}

int command_find_keys(const struct command *command, const struct bytes *argv, int argc,
                      struct key_position *positions, int positions_max)
{
    struct collector keys = {.positions = positions, .max = positions_max};
    const struct key_spec *specs = command->spec->keys;
    int least = command->flags & COMMAND_NO_MANDATORY_KEYS ? 0 : 1;
    if (command->spec->find_keys && specs_are_incomplete(specs))
        return find_by_function(command->spec, argv, argc, &keys);
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && specs[i].begin != KEY_SPEC_NONE; i++) {
        if (specs[i].flags & KEY_NOT_KEY)
            continue;
        int begin = find_begin(&specs[i], argv, argc);
        if (!begin)
            continue;
        bool is_fine = true;
        if (specs[i].find == KEY_FIND_RANGE)
            is_fine = collect_range(&keys, &specs[i], begin, argc);
        else if (specs[i].find == KEY_FIND_KEYNUM)
            is_fine = collect_numbered(&keys, &specs[i], argv, begin, argc, least);
        if (!is_fine)
            return -1;
    }
    if (keys.count == 0 && command->spec->find_keys)
        return find_by_function(command->spec, argv, argc, &keys);
    settle_flags(command->spec, argv, argc, &keys);
    return keys.count;
}
