/* INFO commandstats, errorstats and latencystats: one line for each command that was called, and
 * for each error code that was answered. */
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "observability/info_internal.h"
#include "observability/latency_histogram.h"
#include "observability/observability_options.h"

struct visitor {
    const struct info_sources *sources;
    struct buffer *out;
};

/* A renamed command or an invented error code may hold what INFO's lines are made of. */
static void write_safe(struct buffer *out, const char *name)
{
    for (; *name; name++) {
        char c = strchr("#:\r\n", *name) ? '_' : *name;
        buffer_append(out, &c, 1);
    }
}

static void visit_each(struct buffer *out, const void *context,
                       void (*visit)(void *visitor, const struct info_command *command))
{
    const struct info_sources *sources = context;
    struct visitor visitor = {sources, out};
    if (sources->each_command)
        sources->each_command(sources->context, visit, &visitor);
}

/* -- commandstats -- */

static void write_command(void *visitor_pointer, const struct info_command *command)
{
    struct visitor *visitor = visitor_pointer;
    if (!command->calls && !command->failed_calls && !command->rejected_calls)
        return;
    double average = command->calls ? (double)command->usec / (double)command->calls : 0;
    buffer_append_text(visitor->out, "cmdstat_");
    write_safe(visitor->out, command->name);
    buffer_printf(visitor->out,
                  ":calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f,rejected_calls=%" PRIu64
                  ",failed_calls=%" PRIu64 "\r\n",
                  command->calls, command->usec, average, command->rejected_calls,
                  command->failed_calls);
}

static void write_commandstats(struct buffer *out, const void *context)
{
    visit_each(out, context, write_command);
}

/* -- latencystats -- */

static void write_latency(void *visitor_pointer, const struct info_command *command)
{
    struct visitor *visitor = visitor_pointer;
    const struct observability_settings *settings = visitor->sources->settings;
    if (!command->histogram)
        return;
    buffer_append_text(visitor->out, "latency_percentiles_usec_");
    write_safe(visitor->out, command->name);
    buffer_append_text(visitor->out, ":");
    for (int i = 0; i < settings->latency_percentile_count; i++) {
        char percentile[128];
        double value = settings->latency_percentiles[i];
        number_format_double(percentile, sizeof percentile, value);
        buffer_printf(visitor->out, "%sp%s=%.3f", i ? "," : "", percentile,
                      (double)latency_histogram_percentile(command->histogram, value) / 1000);
    }
    buffer_append_text(visitor->out, "\r\n");
}

static void write_latencystats(struct buffer *out, const void *context)
{
    const struct info_sources *sources = context;
    if (sources->settings && sources->settings->latency_tracking)
        visit_each(out, context, write_latency);
}

/* -- errorstats -- */

static void write_errorstats(struct buffer *out, const void *context)
{
    const struct stats *stats = ((const struct info_sources *)context)->stats;
    for (uint32_t i = 0; i < stats->error_count; i++) {
        buffer_append_text(out, "errorstat_");
        write_safe(out, stats->errors[i].code);
        buffer_printf(out, ":count=%" PRIu64 "\r\n", stats->errors[i].count);
    }
}

INFO_SECTION(info_commandstats_section, "commandstats", "Commandstats", INFO_ALL | INFO_EVERYTHING,
             90, write_commandstats);
INFO_SECTION(info_errorstats_section, "errorstats", "Errorstats", INFO_EVERYWHERE, 100,
             write_errorstats);
INFO_SECTION(info_latencystats_section, "latencystats", "Latencystats", INFO_ALL | INFO_EVERYTHING,
             110, write_latencystats);
