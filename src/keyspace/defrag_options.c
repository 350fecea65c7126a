/* The table of defragmentation options. The system's jemalloc cannot tell which allocations are
 * worth moving, so that `activedefrag yes` is refused, with the text known from a Redis built on
 * it. */
#include "keyspace/defrag_options.h"

#include <limits.h>

#include "base/option_rows.h"

static int check_activedefrag(const void *settings, struct buffer *error)
{
    const struct defrag_settings *defrag = settings;
    if (!defrag->activedefrag)
        return 0;
    buffer_append_text(error,
                       "Active defragmentation cannot be enabled: it requires a Redis server "
                       "compiled with a modified Jemalloc like the one shipped by default "
                       "with the Redis source distribution");
    return -1;
}

#define NUMBER(field, name, value, lowest, highest)                                                \
    OPTION_ROW_INT(defrag_settings, field, name, NULL, 0, value, lowest, highest)

static const struct option rows[] = {
    {.name = "activedefrag",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct defrag_settings, activedefrag),
     .default_text = "no",
     .check = check_activedefrag},
    OPTION_ROW_MEMORY(defrag_settings, ignore_bytes, "active-defrag-ignore-bytes", NULL, 0, "100mb",
                      1, LLONG_MAX),
    NUMBER(threshold_lower, "active-defrag-threshold-lower", "10", 0, 1000),
    NUMBER(threshold_upper, "active-defrag-threshold-upper", "100", 0, 1000),
    NUMBER(cycle_min, "active-defrag-cycle-min", "1", 1, 99),
    NUMBER(cycle_max, "active-defrag-cycle-max", "25", 1, 99),
    NUMBER(max_scan_fields, "active-defrag-max-scan-fields", "1000", 1, LONG_MAX),
};

OPTION_GROUP(defrag_options, "defrag", rows, NULL);
