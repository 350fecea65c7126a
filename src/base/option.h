/* Rows of the configuration. A module that has options exports one `option_group`: a table of rows,
 * each naming a field (offset) of the module's settings struct. The composition root registers the
 * group together with the settings instance and the context for `apply` (config/config_table.h).
 * Adding an option is adding a row. Main thread only.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of the field at `offset`. */
enum option_kind {
    OPTION_BOOL,   /* bool */
    OPTION_INT,    /* int64_t, minimum..maximum */
    OPTION_MEMORY, /* int64_t bytes, "100mb"; with OPTION_PERCENT also "25%" (stored negative) */
    OPTION_OCTAL,  /* int64_t, as 755 */
    OPTION_ENUM,   /* int, one of `names` */
    OPTION_FLAGS,  /* int, bits of `names`, several words */
    OPTION_STRING, /* char *, mem_ allocated, NULL when empty */
    OPTION_SECRET, /* struct secret * (base/secret.h): any bytes, NULL when empty */
    OPTION_CUSTOM  /* set/get/rewrite functions of the row */
};

enum option_flag {
    OPTION_IMMUTABLE = 1 << 0, /* only at start */
    OPTION_SENSITIVE = 1 << 1, /* redacted from SLOWLOG, MONITOR and the log */
    OPTION_VOLATILE = 1 << 2,  /* setting the same value again counts as a change */
    OPTION_HIDDEN = 1 << 3,    /* not shown for CONFIG GET with a pattern */
    OPTION_MULTI_ARG = 1 << 4, /* several words on the line (bind, save) */
    OPTION_PROTECTED = 1 << 5, /* needs enable-protected-configs */
    OPTION_PERCENT = 1 << 6,   /* a percentage is accepted too */
    OPTION_REPEATED = 1 << 7,  /* each line adds (rename-command, client-output-buffer-limit) */
    OPTION_IGNORED = 1 << 8    /* accepted for compatibility, has no effect */
};

struct option_name {
    const char *name; /* a NULL name ends the table */
    int value;
};

struct option {
    const char *name;
    const char *alias; /* older name, or NULL */
    enum option_kind kind;
    unsigned flags;
    size_t offset;
    const char *default_text; /* as it would stand in a config file; NULL is an empty string */
    int64_t minimum;
    int64_t maximum;
    const struct option_name *names;
    /* Refuses a value: returns -1 with a reason in `error`. Optional, any kind; `settings` holds
     * the new value. */
    int (*check)(const void *settings, struct buffer *error);
    /* OPTION_CUSTOM only. `argv` are the words after the name. Free everything old on success. */
    int (*set)(void *settings, int argc, const struct bytes *argv, struct buffer *error);
    /* Appends the value as CONFIG GET shows it. */
    void (*get)(const void *settings, struct buffer *out);
    /* Appends whole config lines ("name value\n"); NULL: one line from `get`. */
    void (*rewrite)(const void *settings, const char *name, struct buffer *out);
};

/* Which options of a group a CONFIG SET touched. */
struct option_changes {
    const struct option *options;
    size_t count;
    uint64_t bits[4]; /* by row: a group has at most 256 */
};

static inline bool option_changed(const struct option_changes *changes, const char *name)
{
    for (size_t i = 0; i < changes->count; i++)
        if ((changes->bits[i / 64] >> (i % 64) & 1) && strcmp(changes->options[i].name, name) == 0)
            return true;
    return false;
}

struct option_group {
    const char *name; /* heading, "tls" */
    const struct option *options;
    size_t count;
    /* Puts changed settings into force, once per CONFIG SET for all of the group's changes. 0, or
     * -1 with a reason: then the old values are restored and groups already applied are applied
     * again. Not called for the values at start. May be NULL. */
    int (*apply)(void *context, const struct option_changes *changes, struct buffer *error);
};

#endif
