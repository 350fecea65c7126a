/* The command table: open addressing by lower-case name, filled at start and then only read, so I/O
 * threads look up in it freely. The names are ours, not the clients', so the hash needs no key. */
#include "dispatch/command.h"

#include "base/assert.h"
#include "base/memory.h"
#include <ctype.h>
#include <stdio.h>

enum { SLOT_COUNT = 2048, NAME_SIZE_MAX = 64, COMMANDS_MAX = SLOT_COUNT / 2 };

struct command_table {
    struct command *slots[SLOT_COUNT];
    struct command *order[COMMANDS_MAX];
    size_t count;
    uint32_t next_id;
};

static uint64_t load_word(const char *data, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, data, size);
    return word | UINT64_C(0x2020202020202020); /* letters in lower case; others may meet */
}

/* By the first and the last eight bytes, which may overlap. */
static uint32_t hash_name(const char *data, size_t size)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (size >= 8) {
        first = load_word(data, 8);
        last = load_word(data + size - 8, 8);
    } else if (size >= 4) {
        first = load_word(data, 4);
        last = load_word(data + size - 4, 4);
    } else if (size > 0) {
        first = load_word(data, 1);
        last = (uint64_t)(uint8_t)(data[size / 2] | 0x20) << 8 | (uint8_t)(data[size - 1] | 0x20);
    }
    uint64_t hash = (first ^ size) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32 ^ last) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32);
}

static bool name_is(const struct command *command, struct bytes name)
{
    return name.size == command->called_size &&
           strncasecmp(name.data, command->called, name.size) == 0;
}

/* Zeroed, on cache lines of their own. */
static struct command *create_commands(size_t count)
{
    struct command *commands =
        mem_alloc_aligned(_Alignof(struct command), count * sizeof(*commands));
    memset(commands, 0, count * sizeof(*commands));
    return commands;
}

static void set_called(struct command *command, const char *name)
{
    mem_free((char *)(uintptr_t)command->called);
    command->called = mem_strdup(name);
    command->called_size = strlen(name);
}

static struct command **slot_of(const struct command_table *table, struct bytes name)
{
    uint32_t at = hash_name(name.data, name.size) & (SLOT_COUNT - 1);
    struct command *const *slot = &table->slots[at];
    while (*slot && !name_is(*slot, name)) {
        at = (at + 1) & (SLOT_COUNT - 1);
        slot = &table->slots[at];
    }
    return (struct command **)(uintptr_t)slot;
}

struct command_table *command_table_create(void)
{
    return mem_calloc(1, sizeof(struct command_table));
}

static void free_command(struct command *command)
{
    for (uint32_t i = 0; i < command->subcommand_count; i++) {
        mem_free((char *)(uintptr_t)command->subcommands[i].name);
        mem_free(command->subcommands[i].stats.histogram);
    }
    mem_free(command->subcommands);
    mem_free(command->stats.histogram);
    mem_free((char *)(uintptr_t)command->called);
    mem_free((char *)(uintptr_t)command->name);
    mem_free(command);
}

void command_table_destroy(struct command_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free_command(table->order[i]);
    mem_free(table);
}

/* The triple (first, last, step) of old COMMAND output, from the first specification, widened by
 * the others when they are plain ranges too. */
static void derive_keys(struct command *command)
{
    const struct key_spec *keys = command->spec->keys;
    for (int i = 0; i < COMMAND_KEY_SPECS_MAX && keys[i].begin != KEY_SPEC_NONE; i++) {
        bool is_range = keys[i].begin == KEY_SPEC_INDEX && keys[i].find == KEY_FIND_RANGE;
        if (!is_range || keys[i].flags & KEY_INCOMPLETE) {
            if (!(keys[i].flags & KEY_NOT_KEY))
                command->flags |= COMMAND_MOVABLE_KEYS;
            continue;
        }
        int last = keys[i].last >= 0 ? keys[i].index + keys[i].last : keys[i].last;
        if (!command->first_key) {
            command->first_key = (int16_t)keys[i].index;
            command->step = (int16_t)keys[i].step;
            command->last_key = (int16_t)last;
        } else if (last < 0 || (command->last_key >= 0 && last > command->last_key)) {
            command->last_key = (int16_t)last;
        }
    }
    if (command->spec->find_keys)
        command->flags |= COMMAND_MOVABLE_KEYS;
}

static uint32_t derive_categories(const struct command *command)
{
    uint32_t categories = command->spec->categories;
    uint32_t flags = command->flags;
    if (flags & COMMAND_WRITE)
        categories |= CATEGORY_WRITE;
    if (flags & COMMAND_READONLY && !(categories & (CATEGORY_SCRIPTING | CATEGORY_TRANSACTION)))
        categories |= CATEGORY_READ;
    if (flags & COMMAND_ADMIN)
        categories |= CATEGORY_ADMIN | CATEGORY_DANGEROUS;
    if (flags & COMMAND_PUBSUB)
        categories |= CATEGORY_PUBSUB;
    if (flags & COMMAND_FAST)
        categories |= CATEGORY_FAST;
    if (flags & COMMAND_BLOCKING)
        categories |= CATEGORY_BLOCKING;
    if (!(categories & CATEGORY_FAST))
        categories |= CATEGORY_SLOW;
    return categories;
}

static void fill(struct command_table *table, struct command *command,
                 const struct command_spec *spec)
{
    command->spec = spec;
    command->flags = spec->flags;
    command->id = table->next_id++;
    command->categories = derive_categories(command);
    derive_keys(command);
}

static char *full_name(const char *container, const char *name)
{
    char text[NAME_SIZE_MAX * 2];
    snprintf(text, sizeof(text), "%s|%s", container, name);
    return mem_strdup(text);
}

static void add_subcommands(struct command_table *table, struct command *command)
{
    const struct command_spec *specs = command->spec->subcommands;
    uint32_t count = 0;
    while (specs && specs[count].name)
        count++;
    if (count == 0)
        return;
    command->subcommands = create_commands(count);
    command->subcommand_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct command *subcommand = &command->subcommands[i];
        fill(table, subcommand, &specs[i]);
        subcommand->name = full_name(command->spec->name, specs[i].name);
        subcommand->parent = command;
    }
}

void command_table_add(struct command_table *table, const struct command_spec *specs)
{
    for (const struct command_spec *spec = specs; spec->name; spec++) {
        assert(table->count < COMMANDS_MAX);
        struct command *command = create_commands(1);
        fill(table, command, spec);
        command->name = mem_strdup(spec->name);
        set_called(command, spec->name);
        add_subcommands(table, command);
        struct command **slot = slot_of(table, bytes_of_text(spec->name));
        assert(!*slot);
        *slot = command;
        table->order[table->count++] = command;
    }
}

/* Rebuilds the slots: deletion from open addressing, rare and at start only. */
static void reindex(struct command_table *table)
{
    memset(table->slots, 0, sizeof(table->slots));
    for (size_t i = 0; i < table->count; i++)
        *slot_of(table, bytes_of_text(table->order[i]->called)) = table->order[i];
}

int command_table_rename(struct command_table *table, const char *name, const char *new_name)
{
    struct command *command = *slot_of(table, bytes_of_text(name));
    if (!command)
        return -1;
    if (new_name && *new_name) {
        if (*slot_of(table, bytes_of_text(new_name)))
            return -1;
        set_called(command, new_name);
    } else {
        size_t i = 0;
        while (table->order[i] != command)
            i++;
        memmove(&table->order[i], &table->order[i + 1],
                (table->count - i - 1) * sizeof(table->order[0]));
        table->count--;
        free_command(command);
    }
    reindex(table);
    return 0;
}

static struct command *find_subcommand(struct command *command, struct bytes name)
{
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        if (bytes_is(name, command->subcommands[i].spec->name))
            return &command->subcommands[i];
    return NULL;
}

struct command *command_lookup(const struct command_table *table, const struct bytes *argv,
                               int argc)
{
    if (argc == 0 || argv[0].size == 0 || argv[0].size > NAME_SIZE_MAX)
        return NULL;
    struct command *command = *slot_of(table, argv[0]);
    if (!command || argc < 2 || command->subcommand_count == 0)
        return command;
    struct command *subcommand = find_subcommand(command, argv[1]);
    return subcommand ? subcommand : command;
}

struct command *command_lookup_name(const struct command_table *table, struct bytes name)
{
    const char *bar = name.size ? memchr(name.data, '|', name.size) : NULL;
    size_t size = bar ? (size_t)(bar - name.data) : name.size;
    if (size == 0 || size > NAME_SIZE_MAX)
        return NULL;
    struct command *command = *slot_of(table, bytes_of(name.data, size));
    if (!command || !bar)
        return command;
    return find_subcommand(command, bytes_of(bar + 1, name.size - size - 1));
}

void command_table_each(const struct command_table *table,
                        void (*visit)(struct command *command, void *context), void *context)
{
    for (size_t i = 0; i < table->count; i++)
        visit(table->order[i], context);
}

size_t command_table_count(const struct command_table *table)
{
    return table->count;
}
