/* Reads configuration (file, standard input, command line, in this order, later wins) into a
 * config, and writes it back (CONFIG REWRITE). Main thread; blocking file access, at start and on
 * REWRITE only.
 */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include "config/config_table.h"

enum {
    CONFIG_FILE_SIZE_MAX = 16 * 1024 * 1024,
    CONFIG_INCLUDE_DEPTH_MAX = 16,
    CONFIG_INCLUDE_FILES_MAX = 1024 /* in all */
};

struct config_source {
    const char *path;    /* NULL: none. Becomes absolute; what REWRITE writes */
    bool reads_stdin;    /* "-" on the command line */
    const char *options; /* lines made of the command line, or NULL */
};

/* Loads everything. -1 with the whole text for standard error (without a last line end) in
 * `error` ("*** FATAL CONFIG FILE ERROR ..."). */
int config_load(struct config *config, const struct config_source *source,
                struct buffer *error) MUST_CHECK;
/* Absolute path of the file, or "" without one. */
const char *config_path(const struct config *config);
/* Writes the values that changed back into the file, atomically; comments, order and included files
 * stay. -1 with a reason (without "ERR "): no file, or the file cannot be written. */
int config_rewrite(struct config *config, struct buffer *error) MUST_CHECK;
/* The same with every option, also those that have their defaults. */
int config_rewrite_all(struct config *config, struct buffer *error) MUST_CHECK;

#endif
