/* The command line: what to do, and the configuration it carries. Main thread, before anything
 * else. */
#ifndef SERVER_ARGUMENTS_H
#define SERVER_ARGUMENTS_H

#include "base/buffer.h"
#include <stdbool.h>

enum arguments_result {
    ARGUMENTS_RUN,  /* go on */
    ARGUMENTS_DONE, /* something was printed (--version, --help): exit 0 */
    ARGUMENTS_ERROR /* refused with a message on standard error: exit 1 */
};

struct arguments {
    const char *config_path; /* as given (points into argv), or NULL */
    bool reads_stdin;        /* "-" */
    bool checks_config;      /* --check-config: load, say "configuration OK", exit */
    bool has_options;
    struct buffer options; /* lines, "port 6380\n", for config_load; a secret */
};

enum { ARGUMENTS_SIZE_MAX = 4 * 1024 * 1024 };

/* `arguments` is initialized here; arguments_deinit in every case. */
enum arguments_result arguments_parse(int argc, char **argv, struct arguments *arguments);
void arguments_deinit(struct arguments *arguments);
/* "Redis server v=8.0.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=..." */
void arguments_version(struct buffer *out);

#endif
