/* What the files of this folder share: the registered rows and the reading and printing of values.
 * Not for other folders. Main thread. */
#ifndef CONFIG_CONFIG_INTERNAL_H
#define CONFIG_CONFIG_INTERNAL_H

#include "base/secret.h"
#include "config/config_table.h"

struct config_group {
    const struct option_group *rows;
    void *settings;
    void *apply_context;
    struct {
        config_apply *apply;
        void *context;
    } observers[CONFIG_OBSERVERS_MAX];
    int observer_count;
    config_apply *trial; /* or NULL */
    void *trial_context;
};

struct config_entry {
    const struct option *row;
    struct config_group *group;
    /* As CONFIG GET shows them (any may be a password); empty for a directive that cannot be read.
     */
    struct secret *default_value;
    struct secret *file_value; /* when the file had been read, if has_file_value */
    bool has_file_value;
    bool was_set;       /* a line for it was met at start */
    bool is_in_include; /* an included file sets it */
};

struct config {
    struct config_group groups[CONFIG_GROUPS_MAX];
    int group_count;
    struct config_entry *entries;
    size_t entry_count;
    char *path;           /* absolute; NULL: no file */
    uint64_t file_digest; /* of the file's content when read or rewritten */
    int include_depth;    /* while loading */
    int include_count;
};

/* -- one value (config_value.c) -- */

/* Reads the words into the settings and runs the row's check. On failure generic kinds keep their
 * old value; a custom row may be half way (the caller restores it). */
int value_set(const struct option *row, void *settings, int argc, const struct bytes *argv,
              struct buffer *error) MUST_CHECK;
void value_set_default(const struct option *row, void *settings);
/* False for directives that only exist as lines of a file (rename-command). */
bool value_is_readable(const struct option *row);
void value_get(const struct option *row, const void *settings, struct buffer *out);
/* What value_get appends, to be freed with secret_free. */
struct secret *value_shown(const struct option *row, const void *settings);
/* Puts back what value_shown returned. */
int value_restore(const struct option *row, void *settings, const struct secret *value) MUST_CHECK;
/* Appends the lines a configuration file would hold. */
void value_rewrite(const struct option *row, const void *settings, struct buffer *out);
void config_value_free(const struct option *row, void *settings);

/* -- the table (config_table.c) -- */

/* By name or alias, any case. */
struct config_entry *config_find(const struct config *config, struct bytes name);

#endif
