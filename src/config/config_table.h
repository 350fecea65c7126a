/* The registered options: every group of rows with its settings instance. Looks options up by name
 * or alias, sets one at start, and many at once (CONFIG SET) all or nothing.
 *
 * A value lives in the settings struct of its module and nowhere else; this table reads and writes
 * it through the rows. Main thread only.
 *
 * Convention for OPTION_CUSTOM rows with OPTION_REPEATED: set() with argc 0 empties the list. The
 * table calls it so before the first line at start and before each CONFIG SET; other calls add.
 */
#ifndef CONFIG_CONFIG_TABLE_H
#define CONFIG_CONFIG_TABLE_H

#include "base/assert.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    CONFIG_GROUPS_MAX = 32,
    CONFIG_GROUP_ROWS_MAX = 256,         /* bits of option_changes */
    CONFIG_OBSERVERS_MAX = 8,            /* of one group */
    CONFIG_VALUE_SIZE_MAX = 1024 * 1024, /* of one option, as text */
    CONFIG_SET_MAX = 512,                /* options in one CONFIG SET */
    CONFIG_LINE_ARGS_MAX = 4096          /* words of one line */
};

struct config;

typedef int config_apply(void *context, const struct option_changes *changes, struct buffer *error);

struct config *config_create(void);
/* Frees the strings and lists that the settings hold, too. */
void config_destroy(struct config *config);
/* Adds the group and writes every row's default into `settings` (zeroed by the caller). The group,
 * the settings and the context outlive the config. */
void config_register(struct config *config, const struct option_group *group, void *settings,
                     void *apply_context);
/* For a module that is created from its settings: the context is known only then. */
void config_set_apply_context(struct config *config, const char *group_name, void *apply_context);
/* Another function to be called after the group's own `apply` when its options change: for what the
 * module itself cannot reach (the composition root re-binding listeners). Same contract. */
void config_observe(struct config *config, const char *group_name, config_apply *apply,
                    void *context);

/* What config_rehearse asks about the group: called with the new values in the settings, which are
 * put back afterwards. It applies nothing; -1 with a reason refuses. One a group. */
void config_observe_trial(struct config *config, const char *group_name, config_apply *trial,
                          void *context);

/* Sets one option at start; `argv` are the words after the name. -1 with a reason. Nothing is
 * applied. */
int config_set(struct config *config, struct bytes name, int argc, const struct bytes *argv,
               struct buffer *error) MUST_CHECK;
bool config_exists(const struct config *config, struct bytes name);
/* The known name nearest to `name`, or NULL when none is near. */
const char *config_nearest_name(const struct config *config, struct bytes name);

enum config_set_result {
    CONFIG_SET_DONE,
    CONFIG_SET_SYNTAX, /* odd number of words */
    CONFIG_SET_FAILED  /* `error` holds the whole reply text without '-' */
};
/* CONFIG SET name value [name value ...]: all or nothing. `may_set_protected`: the client may
 * change options that need enable-protected-configs. */
enum config_set_result config_set_many(struct config *config, int argc, const struct bytes *argv,
                                       bool may_set_protected, struct buffer *error) MUST_CHECK;
/* What would config_set_many do, one after the other? Each reads its values, on top of those before
 * it, and asks the groups (config_observe_trial). Same results and texts. Values that nobody
 * refused stay in the settings until the end, which leaves everything as it was. */
struct config_rehearsal;
struct config_rehearsal *config_rehearsal_begin(struct config *config);
enum config_set_result config_rehearse(struct config_rehearsal *rehearsal, int argc,
                                       const struct bytes *argv, bool may_set_protected,
                                       struct buffer *error) MUST_CHECK;
void config_rehearsal_end(struct config_rehearsal *rehearsal);

/* Calls visit for each option that CONFIG GET with these patterns shows, once each, in a stable
 * order. `value` is valid during the call only. */
void config_get(struct config *config, int argc, const struct bytes *patterns,
                void (*visit)(const char *name, struct bytes value, void *context), void *context);
/* Appends the value of one option as CONFIG GET shows it. -1 when there is none of that name. */
int config_get_one(struct config *config, struct bytes name, struct buffer *out) MUST_CHECK;
/* The value of a bool, int, memory, octal, enum or flags option that certainly exists. */
int64_t config_value(const struct config *config, const char *name);
/* True when the value must not be shown in SLOWLOG, MONITOR or the log. */
bool config_is_sensitive(const struct config *config, struct bytes name);

/* For commands that enable-protected-configs, enable-debug-command and enable-module-command guard:
 * whether the option of that name allows a client, local or not. */
bool config_allows(const struct config *config, const char *guard_name, bool client_is_local);

#endif
