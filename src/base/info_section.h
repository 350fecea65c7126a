/* Rows of INFO. A module that has something to show exports an `info_section` whose fields are
 * rows; the composition root registers it with the module's context (observability/info.h). Main
 * thread. */
#ifndef BASE_INFO_SECTION_H
#define BASE_INFO_SECTION_H

#include "base/buffer.h"
#include <stddef.h>

struct info_field {
    const char *name; /* NULL: `write` appends whole "name:value\r\n" lines itself */
    /* Appends the value only (no name, no line end) when `name` is set. */
    void (*write)(struct buffer *out, const void *context);
};

enum info_section_flag {
    INFO_DEFAULT = 1 << 0,   /* in plain INFO */
    INFO_ALL = 1 << 1,       /* in INFO all */
    INFO_EVERYTHING = 1 << 2 /* in INFO everything */
};

struct info_section {
    const char *name;  /* "stats": what INFO <section> takes */
    const char *title; /* "Stats": the line "# Stats" */
    unsigned flags;
    int position; /* order in INFO: server 10, clients 20, memory 30, persistence 40, threads 45,
                     stats 50, tls 55, replication 60, cpu 70, modules 80, commandstats 90,
                     errorstats 100, latencystats 110, cluster 120, keyspace 130, keysizes 140 */
    const struct info_field *fields;
    size_t count;
};

#endif
