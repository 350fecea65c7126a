/* The table of slow log, latency and statistics options. */
#include "observability/observability_options.h"

#include <limits.h>

#include "base/number.h"
#include "base/option_rows.h"

static int set_percentiles(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct observability_settings *observability = settings;
    double percentiles[LATENCY_PERCENTILES_MAX];
    if (argc == 1 && argv[0].size == 0)
        argc = 0;
    if (argc > LATENCY_PERCENTILES_MAX) {
        buffer_append_text(error, "Invalid latency-tracking-info-percentiles parameters");
        return -1;
    }
    for (int i = 0; i < argc; i++) {
        if (!number_parse_double(argv[i], &percentiles[i])) {
            buffer_append_text(error, "Invalid latency-tracking-info-percentiles parameters");
            return -1;
        }
        if (!(percentiles[i] >= 0 && percentiles[i] <= 100)) {
            buffer_append_text(error, "latency-tracking-info-percentiles parameters should sit "
                                      "between [0.0,100.0]");
            return -1;
        }
    }
    for (int i = 0; i < argc; i++)
        observability->latency_percentiles[i] = percentiles[i];
    observability->latency_percentile_count = argc;
    return 0;
}

static void get_percentiles(const void *settings, struct buffer *out)
{
    const struct observability_settings *observability = settings;
    for (int i = 0; i < observability->latency_percentile_count; i++) {
        char text[128];
        number_format_double(text, sizeof text, observability->latency_percentiles[i]);
        buffer_printf(out, "%s%s", i ? " " : "", text);
    }
}

static const struct option rows[] = {
    OPTION_ROW_INT(observability_settings, slowlog_log_slower_than, "slowlog-log-slower-than", NULL,
                   0, "10000", -1, LLONG_MAX),
    OPTION_ROW_INT(observability_settings, slowlog_max_len, "slowlog-max-len", NULL, 0, "128", 0,
                   LONG_MAX),
    OPTION_ROW_INT(observability_settings, latency_monitor_threshold, "latency-monitor-threshold",
                   NULL, 0, "0", 0, LLONG_MAX),
    OPTION_ROW_BOOL(observability_settings, latency_tracking, "latency-tracking", NULL, 0, "yes"),
    OPTION_ROW_CUSTOM("latency-tracking-info-percentiles", NULL, OPTION_MULTI_ARG, "50 99 99.9",
                      set_percentiles, get_percentiles, NULL),
};

OPTION_GROUP(observability_options, "observability", rows, NULL);
