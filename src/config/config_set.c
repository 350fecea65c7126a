/* CONFIG SET: many options, all or nothing.
 *
 * First every name is checked, then every value is read into its settings (the old one kept as
 * text), then each touched group is applied once. A failure at any step puts the old values back;
 * groups that were applied already are applied again with them. A rehearsal goes as far as the
 * reading, asks the groups, and puts the old values back when it ends.
 */
#include "config/config_table.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "config/config_internal.h"

struct change {
    struct config_entry *entry;
    struct bytes typed_name;
    struct secret *old_value;
    bool has_changed;
};

struct transaction {
    struct config *config;
    struct transaction *before; /* in the same rehearsal */
    struct change *changes;
    int count;     /* options named */
    int set_count; /* of them read into their settings */
    bool is_trial; /* nothing is applied */
};

struct config_rehearsal {
    struct config *config;
    struct transaction *last; /* of those whose values are in the settings */
};

static enum config_set_result fail(struct buffer *error, struct bytes name, const char *reason)
{
    buffer_clear(error);
    buffer_printf(error, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
                  (int)name.size, name.data, reason);
    return CONFIG_SET_FAILED;
}

/* Likewise, for an option that was found: in lower case, however it was typed. */
static enum config_set_result fail_option(struct buffer *error, struct bytes name,
                                          const char *reason)
{
    char lower[128];
    size_t size = name.size < sizeof lower ? name.size : sizeof lower;
    memcpy(lower, name.data, size);
    text_lower(lower, size);
    return fail(error, (struct bytes){lower, size}, reason);
}

/* The reason why this option may not be set now, or NULL. */
static const char *reason_against(const struct transaction *transaction, int index,
                                  bool may_set_protected)
{
    const struct config_entry *entry = transaction->changes[index].entry;
    if (entry->row->flags & OPTION_IMMUTABLE)
        return "can't set immutable config";
    if ((entry->row->flags & OPTION_PROTECTED) && !may_set_protected)
        return "can't set protected config";
    for (int i = 0; i < index; i++)
        if (transaction->changes[i].entry == entry)
            return "duplicate parameter";
    return NULL;
}

static enum config_set_result find_options(struct transaction *transaction,
                                           const struct bytes *argv, bool may_set_protected,
                                           struct buffer *error)
{
    for (int i = 0; i < transaction->count; i++) {
        struct bytes name = argv[i * 2];
        struct change *change = &transaction->changes[i];
        *change =
            (struct change){.entry = config_find(transaction->config, name), .typed_name = name};
        if (!change->entry || !value_is_readable(change->entry->row)) {
            buffer_printf(error,
                          "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                          (int)(name.size < 128 ? name.size : 128), name.data);
            return CONFIG_SET_FAILED;
        }
        const char *reason = reason_against(transaction, i, may_set_protected);
        if (reason)
            return fail(error, name, reason);
    }
    return CONFIG_SET_DONE;
}

static int set_value(struct change *change, struct bytes value, struct buffer *reason)
{
    const struct option *row = change->entry->row;
    void *settings = change->entry->group->settings;
    change->old_value = value_shown(row, settings);
    if (row->kind == OPTION_CUSTOM && (row->flags & OPTION_REPEATED) &&
        row->set(settings, 0, NULL, reason) < 0)
        return -1;
    if (value_set(row, settings, 1, &value, reason) < 0)
        return -1;
    struct secret *new_value = value_shown(row, settings);
    change->has_changed = (row->flags & OPTION_VOLATILE) ||
                          !bytes_equal(secret_bytes(new_value), secret_bytes(change->old_value));
    secret_free(new_value);
    return 0;
}

static void restore(struct transaction *transaction)
{
    for (int i = transaction->set_count - 1; i >= 0; i--) {
        struct change *change = &transaction->changes[i];
        if (value_restore(change->entry->row, change->entry->group->settings, change->old_value) <
            0)
            log_warning("Could not restore the old value of option '%s'", change->entry->row->name);
    }
}

static bool touches(const struct transaction *transaction, const struct config_group *group,
                    struct option_changes *changes, struct bytes *first_name)
{
    bool is_touched = false;
    *changes =
        (struct option_changes){.options = group->rows->options, .count = group->rows->count};
    for (int i = 0; i < transaction->count; i++) {
        const struct change *change = &transaction->changes[i];
        if (change->entry->group != group || !change->has_changed)
            continue;
        size_t row = (size_t)(change->entry->row - group->rows->options);
        changes->bits[row / 64] |= 1ull << (row % 64);
        if (!is_touched)
            *first_name = change->typed_name;
        is_touched = true;
    }
    return is_touched;
}

static int apply_group(const struct config_group *group, const struct option_changes *changes,
                       struct buffer *reason)
{
    int result = group->rows->apply ? group->rows->apply(group->apply_context, changes, reason) : 0;
    for (int i = 0; i < group->observer_count && result == 0; i++)
        result = group->observers[i].apply(group->observers[i].context, changes, reason);
    return result;
}

/* Applies the groups up to (not including) `end` once more, with the old values. */
static void apply_again(const struct transaction *transaction, int end)
{
    struct buffer reason;
    buffer_init(&reason, 4096);
    for (int i = 0; i < end; i++) {
        const struct config_group *group = &transaction->config->groups[i];
        struct option_changes changes;
        struct bytes first_name;
        if (touches(transaction, group, &changes, &first_name) &&
            apply_group(group, &changes, &reason) < 0)
            log_warning("Could not apply the old options of group '%s' again: %s",
                        group->rows->name, reason.data ? reason.data : "");
        buffer_clear(&reason);
    }
    buffer_deinit(&reason);
}

static enum config_set_result apply_all(struct transaction *transaction, struct buffer *reason,
                                        struct buffer *error)
{
    for (int i = 0; i < transaction->config->group_count; i++) {
        const struct config_group *group = &transaction->config->groups[i];
        struct option_changes changes;
        struct bytes first_name;
        if (!touches(transaction, group, &changes, &first_name))
            continue;
        if (apply_group(group, &changes, reason) < 0) {
            restore(transaction);
            /* The failing group's own apply left its old state; its observers may not have. */
            apply_again(transaction, group->observer_count ? i + 1 : i);
            return fail_option(error, first_name, reason->data ? reason->data : "refused");
        }
    }
    return CONFIG_SET_DONE;
}

/* What the groups think of the new values, which are in the settings. */
static enum config_set_result try_all(const struct transaction *transaction, struct buffer *reason,
                                      struct buffer *error)
{
    for (int i = 0; i < transaction->config->group_count; i++) {
        const struct config_group *group = &transaction->config->groups[i];
        struct option_changes changes;
        struct bytes first_name;
        if (group->trial && touches(transaction, group, &changes, &first_name) &&
            group->trial(group->trial_context, &changes, reason) < 0)
            return fail_option(error, first_name, reason->data ? reason->data : "refused");
    }
    return CONFIG_SET_DONE;
}

/* As when the file is read. */
static void log_ignored(const struct transaction *transaction)
{
    for (int i = 0; i < transaction->count; i++) {
        const struct option *row = transaction->changes[i].entry->row;
        if (row->flags & OPTION_IGNORED)
            log_notice("'%s' is accepted for compatibility and has no effect", row->name);
    }
}

static enum config_set_result run(struct transaction *transaction, const struct bytes *argv,
                                  bool may_set_protected, struct buffer *error)
{
    enum config_set_result result = find_options(transaction, argv, may_set_protected, error);
    if (result != CONFIG_SET_DONE)
        return result;
    struct buffer reason;
    buffer_init(&reason, 4096);
    for (int i = 0; i < transaction->count && result == CONFIG_SET_DONE; i++) {
        struct change *change = &transaction->changes[i];
        transaction->set_count = i + 1;
        if (set_value(change, argv[i * 2 + 1], &reason) < 0) {
            restore(transaction);
            result = fail_option(error, change->typed_name, reason.data ? reason.data : "refused");
        }
    }
    if (result == CONFIG_SET_DONE && transaction->is_trial) {
        result = try_all(transaction, &reason, error);
        if (result != CONFIG_SET_DONE)
            restore(transaction);
    } else if (result == CONFIG_SET_DONE) {
        result = apply_all(transaction, &reason, error);
        if (result == CONFIG_SET_DONE)
            log_ignored(transaction);
    }
    buffer_deinit(&reason);
    return result;
}

static enum config_set_result begin(struct transaction *transaction, int argc,
                                    const struct bytes *argv, bool may_set_protected,
                                    struct buffer *error)
{
    if (argc % 2 != 0)
        return CONFIG_SET_SYNTAX;
    if (argc / 2 > CONFIG_SET_MAX) {
        buffer_append_text(error, "ERR CONFIG SET failed - too many parameters");
        return CONFIG_SET_FAILED;
    }
    transaction->count = argc / 2;
    transaction->changes = mem_calloc((size_t)transaction->count + 1, sizeof *transaction->changes);
    return run(transaction, argv, may_set_protected, error);
}

static void free_changes(struct transaction *transaction)
{
    for (int i = 0; i < transaction->count; i++)
        secret_free(transaction->changes[i].old_value);
    mem_free(transaction->changes);
}

enum config_set_result config_set_many(struct config *config, int argc, const struct bytes *argv,
                                       bool may_set_protected, struct buffer *error)
{
    struct transaction transaction = {.config = config};
    enum config_set_result result = begin(&transaction, argc, argv, may_set_protected, error);
    free_changes(&transaction);
    return result;
}

/* -- rehearsals -- */

struct config_rehearsal *config_rehearsal_begin(struct config *config)
{
    struct config_rehearsal *rehearsal = mem_calloc(1, sizeof *rehearsal);
    rehearsal->config = config;
    return rehearsal;
}

static void free_trial(struct transaction *trial)
{
    free_changes(trial);
    mem_free(trial);
}

enum config_set_result config_rehearse(struct config_rehearsal *rehearsal, int argc,
                                       const struct bytes *argv, bool may_set_protected,
                                       struct buffer *error)
{
    struct transaction *trial = mem_calloc(1, sizeof *trial);
    *trial = (struct transaction){
        .config = rehearsal->config, .before = rehearsal->last, .is_trial = true};
    enum config_set_result result = begin(trial, argc, argv, may_set_protected, error);
    if (result == CONFIG_SET_DONE)
        rehearsal->last = trial;
    else
        free_trial(trial);
    return result;
}

void config_rehearsal_end(struct config_rehearsal *rehearsal)
{
    struct transaction *before;
    for (struct transaction *trial = rehearsal->last; trial; trial = before) {
        before = trial->before;
        restore(trial);
        free_trial(trial);
    }
    mem_free(rehearsal);
}
