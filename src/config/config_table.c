/* The registered options and reading them. Some three hundred rows, looked through one by one: this
 * is never on the path of a command that matters. */
#include "config/config_table.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "config/config_internal.h"

enum {
    ENTRIES_MAX = 1024,
    NAME_SIZE_MAX = 128,
    NEAREST_DISTANCE_MAX = 4, /* further away is not what was meant */
    GUARD_VALUE_YES = 1,      /* of enable-*: no, yes, local */
    GUARD_VALUE_LOCAL = 2
};

struct config *config_create(void)
{
    struct config *config = mem_calloc(1, sizeof *config);
    config->entries = mem_calloc(ENTRIES_MAX, sizeof *config->entries);
    return config;
}

void config_destroy(struct config *config)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        struct config_entry *entry = &config->entries[i];
        config_value_free(entry->row, entry->group->settings);
        secret_free(entry->default_value);
        secret_free(entry->file_value);
    }
    mem_free(config->entries);
    mem_free(config->path);
    mem_free(config);
}

static void check_row(const struct config *config, const struct option *row)
{
    if (strlen(row->name) >= NAME_SIZE_MAX)
        panic("option name '%s' is too long", row->name);
    if (config_find(config, bytes_of_text(row->name)) ||
        (row->alias && config_find(config, bytes_of_text(row->alias))))
        panic("option '%s' exists already", row->name);
    bool has_names = row->kind == OPTION_ENUM || row->kind == OPTION_FLAGS;
    bool is_number =
        row->kind == OPTION_INT || row->kind == OPTION_MEMORY || row->kind == OPTION_OCTAL;
    if ((has_names && !row->names) || (row->kind == OPTION_CUSTOM && !row->set) ||
        (is_number && row->minimum > row->maximum))
        panic("option '%s' is incomplete", row->name);
}

void config_register(struct config *config, const struct option_group *group, void *settings,
                     void *apply_context)
{
    assert(config->group_count < CONFIG_GROUPS_MAX);
    assert(group->count <= CONFIG_GROUP_ROWS_MAX);
    assert(config->entry_count + group->count <= ENTRIES_MAX);
    struct config_group *added = &config->groups[config->group_count++];
    *added =
        (struct config_group){.rows = group, .settings = settings, .apply_context = apply_context};
    for (size_t i = 0; i < group->count; i++) {
        const struct option *row = &group->options[i];
        check_row(config, row);
        value_set_default(row, settings);
        config->entries[config->entry_count++] = (struct config_entry){
            .row = row,
            .group = added,
            .default_value = value_is_readable(row) ? value_shown(row, settings) : NULL};
    }
}

static struct config_group *find_group(struct config *config, const char *name)
{
    for (int i = 0; i < config->group_count; i++)
        if (strcmp(config->groups[i].rows->name, name) == 0)
            return &config->groups[i];
    panic("no group '%s' of options", name);
}

void config_set_apply_context(struct config *config, const char *group_name, void *apply_context)
{
    find_group(config, group_name)->apply_context = apply_context;
}

void config_observe(struct config *config, const char *group_name, config_apply *apply,
                    void *context)
{
    struct config_group *group = find_group(config, group_name);
    assert(group->observer_count < CONFIG_OBSERVERS_MAX);
    group->observers[group->observer_count].apply = apply;
    group->observers[group->observer_count++].context = context;
}

void config_observe_trial(struct config *config, const char *group_name, config_apply *trial,
                          void *context)
{
    struct config_group *group = find_group(config, group_name);
    assert(!group->trial);
    group->trial = trial;
    group->trial_context = context;
}

struct config_entry *config_find(const struct config *config, struct bytes name)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        struct config_entry *entry = &config->entries[i];
        if (bytes_is(name, entry->row->name) ||
            (entry->row->alias && bytes_is(name, entry->row->alias)))
            return entry;
    }
    return NULL;
}

bool config_exists(const struct config *config, struct bytes name)
{
    return config_find(config, name) != NULL;
}

const char *config_nearest_name(const struct config *config, struct bytes name)
{
    const char *nearest = NULL;
    unsigned distance = NEAREST_DISTANCE_MAX + 1;
    for (size_t i = 0; i < config->entry_count; i++) {
        const struct option *row = config->entries[i].row;
        unsigned found = text_distance(name, bytes_of_text(row->name));
        if (found < distance && found * 2 < name.size) {
            distance = found;
            nearest = row->name;
        }
    }
    return nearest;
}

int config_set(struct config *config, struct bytes name, int argc, const struct bytes *argv,
               struct buffer *error)
{
    struct config_entry *entry = config_find(config, name);
    if (!entry) {
        buffer_append_text(error, "Bad directive or wrong number of arguments");
        return -1;
    }
    const struct option *row = entry->row;
    void *settings = entry->group->settings;
    const struct bytes nothing = BYTES_LITERAL("");
    if (argc == 0) {
        /* An empty "bind" line means nowhere; anything else lacks its value. */
        if (row->kind != OPTION_CUSTOM || !(row->flags & OPTION_MULTI_ARG)) {
            buffer_append_text(error, "wrong number of arguments");
            return -1;
        }
        argv = &nothing;
        argc = 1;
    }
    if (row->flags & OPTION_IGNORED)
        log_notice("'%s' is accepted for compatibility and has no effect", row->name);
    bool is_first = !entry->was_set;
    entry->was_set = true;
    if (is_first && row->kind == OPTION_CUSTOM && (row->flags & OPTION_REPEATED) &&
        row->set(settings, 0, NULL, error) < 0)
        return -1;
    return value_set(row, settings, argc, argv, error);
}

/* -- CONFIG GET -- */

static bool is_pattern(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (strchr("*?[", text.data[i]))
            return text.data[i] != '\0';
    return false;
}

struct shown {
    struct config *config;
    unsigned char *names; /* by entry: bit 0 the name, bit 1 the alias was shown */
    void (*visit)(const char *name, struct bytes value, void *context);
    void *context;
    struct buffer value;
};

static void show(struct shown *shown, size_t index, bool is_alias, const char *name)
{
    unsigned char bit = is_alias ? 2 : 1;
    if (shown->names[index] & bit)
        return;
    shown->names[index] |= bit;
    const struct config_entry *entry = &shown->config->entries[index];
    buffer_clear(&shown->value);
    value_get(entry->row, entry->group->settings, &shown->value);
    shown->visit(name, buffer_bytes(&shown->value), shown->context);
}

/* The name is shown as it was asked for, as Redis does. */
static void show_exact(struct shown *shown, struct bytes pattern)
{
    struct config_entry *entry = config_find(shown->config, pattern);
    char name[NAME_SIZE_MAX];
    if (!entry || !value_is_readable(entry->row))
        return;
    assert(pattern.size < sizeof name);
    memcpy(name, pattern.data, pattern.size);
    name[pattern.size] = '\0';
    show(shown, (size_t)(entry - shown->config->entries), !bytes_is(pattern, entry->row->name),
         name);
}

static void show_matching(struct shown *shown, struct bytes pattern)
{
    for (size_t i = 0; i < shown->config->entry_count; i++) {
        const struct option *row = shown->config->entries[i].row;
        if ((row->flags & OPTION_HIDDEN) || !value_is_readable(row))
            continue;
        if (text_glob_match(pattern, bytes_of_text(row->name), true))
            show(shown, i, false, row->name);
        if (row->alias && text_glob_match(pattern, bytes_of_text(row->alias), true))
            show(shown, i, true, row->alias);
    }
}

void config_get(struct config *config, int argc, const struct bytes *patterns,
                void (*visit)(const char *name, struct bytes value, void *context), void *context)
{
    struct shown shown = {.config = config, .visit = visit, .context = context};
    shown.names = mem_calloc(config->entry_count + 1, 1);
    buffer_init(&shown.value, CONFIG_VALUE_SIZE_MAX * 2);
    for (int i = 0; i < argc; i++) {
        if (is_pattern(patterns[i]))
            show_matching(&shown, patterns[i]);
        else
            show_exact(&shown, patterns[i]);
    }
    buffer_deinit(&shown.value);
    mem_free(shown.names);
}

int config_get_one(struct config *config, struct bytes name, struct buffer *out)
{
    struct config_entry *entry = config_find(config, name);
    if (!entry || !value_is_readable(entry->row))
        return -1;
    value_get(entry->row, entry->group->settings, out);
    return 0;
}

int64_t config_value(const struct config *config, const char *name)
{
    const struct config_entry *entry = config_find(config, bytes_of_text(name));
    assert(entry);
    const char *field = (const char *)entry->group->settings + entry->row->offset;
    switch (entry->row->kind) {
    case OPTION_BOOL:
        return *(const bool *)field;
    case OPTION_INT:
    case OPTION_MEMORY:
    case OPTION_OCTAL:
        return *(const int64_t *)(const void *)field;
    case OPTION_ENUM:
    case OPTION_FLAGS:
        return *(const int *)(const void *)field;
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_CUSTOM:
        break;
    }
    panic("option '%s' is not a number", name);
}

bool config_is_sensitive(const struct config *config, struct bytes name)
{
    const struct config_entry *entry = config_find(config, name);
    return entry && (entry->row->flags & OPTION_SENSITIVE);
}

bool config_allows(const struct config *config, const char *guard_name, bool client_is_local)
{
    if (!config_exists(config, bytes_of_text(guard_name)))
        return false;
    int64_t value = config_value(config, guard_name);
    return value == GUARD_VALUE_YES || (value == GUARD_VALUE_LOCAL && client_is_local);
}
