/* SLOWLOG and LATENCY. */
#include "commands/all.h"
#include "config/config_table.h"
#include "dispatch/call.h"
#include "observability/latency.h"
#include "observability/latency_histogram.h"
#include "observability/slowlog.h"

enum { TEXT_SIZE_MAX = 1024 * 1024, SLOWLOG_GET_DEFAULT = 10 };

/* -- SLOWLOG -- */

static void reply_slow_entry(struct reply *reply, const struct slowlog_entry *entry)
{
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->wall_s);
    reply_integer(reply, entry->duration_us);
    reply_array(reply, entry->argc);
    for (int i = 0; i < entry->argc; i++)
        reply_bulk_bytes(reply, entry->argv[i]);
    reply_bulk_text(reply, entry->peer);
    reply_bulk_text(reply, entry->client_name);
}

static void slowlog_get_command(struct call *call)
{
    int64_t count = SLOWLOG_GET_DEFAULT;
    if (call->argc > 3) {
        call_unknown_subcommand(call);
        return;
    }
    if (call->argc == 3 && !call_integer_in(call, 2, -1, INT64_MAX, &count,
                                            "ERR count should be greater than or equal to -1"))
        return;
    const struct slowlog *slowlog = call->services->slowlog;
    if (count < 0 || count > (int64_t)slowlog->count)
        count = (int64_t)slowlog->count;
    reply_array(call->reply, count);
    const struct slowlog_entry *entry = slowlog->newest;
    for (; count > 0; count--, entry = entry->next)
        reply_slow_entry(call->reply, entry);
}

static void slowlog_len_command(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->services->slowlog->count);
}

static void slowlog_reset_command(struct call *call)
{
    slowlog_reset(call->services->slowlog);
    reply_ok(call->reply);
}

static void slowlog_help_command(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
        NULL};
    reply_help(call->reply, "SLOWLOG", lines);
}

/* -- LATENCY -- */

static void latency_latest_command(struct call *call)
{
    const struct latency *latency = call->services->latency;
    reply_array(call->reply, (int64_t)latency->count);
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_event *event = latency->events[i];
        struct latency_sample last = latency_last(event);
        reply_array(call->reply, 4);
        reply_bulk_text(call->reply, event->name);
        reply_integer(call->reply, last.wall_s);
        reply_integer(call->reply, last.ms);
        reply_integer(call->reply, event->max_ms);
    }
}

static void latency_history_command(struct call *call)
{
    const struct latency_event *event = latency_find(call->services->latency, call->argv[2]);
    struct reply_mark mark = reply_defer(call->reply);
    int64_t count = 0;
    for (int i = 0; event && i < LATENCY_SAMPLES; i++) {
        const struct latency_sample *sample = &event->samples[(event->next + i) % LATENCY_SAMPLES];
        if (sample->wall_s == 0)
            continue;
        reply_array(call->reply, 2);
        reply_integer(call->reply, sample->wall_s);
        reply_integer(call->reply, sample->ms);
        count++;
    }
    reply_defer_array(call->reply, mark, count);
}

static void latency_reset_command(struct call *call)
{
    struct latency *latency = call->services->latency;
    size_t count = 0;
    if (call->argc == 2)
        count = latency_reset_all(latency);
    for (int i = 2; i < call->argc; i++)
        count += latency_reset(latency, call->argv[i]);
    reply_integer(call->reply, (int64_t)count);
}

static void latency_doctor_command(struct call *call)
{
    struct buffer text;
    buffer_init(&text, TEXT_SIZE_MAX);
    latency_write_report(call->services->latency,
                         config_value(call->services->config, "latency-monitor-threshold"), &text);
    reply_verbatim(call->reply, "txt", text.data, text.size);
    buffer_deinit(&text);
}

static void latency_graph_command(struct call *call)
{
    const struct latency_event *event = latency_find(call->services->latency, call->argv[2]);
    if (!event) {
        reply_errorf(call->reply, "No samples available for event '%.*s'",
                     reply_quoted_size(call->argv[2]), call->argv[2].data);
        return;
    }
    struct buffer text;
    buffer_init(&text, TEXT_SIZE_MAX);
    latency_write_graph(event, &text);
    reply_verbatim(call->reply, "txt", text.data, text.size);
    buffer_deinit(&text);
}

/* Cumulative counts at powers of two microseconds, as far as they grow. */
static void reply_histogram(struct reply *reply, const struct command *command)
{
    const uint32_t *histogram = command->stats.histogram;
    uint64_t total = latency_histogram_total(histogram);
    reply_bulk_text(reply, command->name);
    reply_map(reply, 2);
    reply_bulk_text(reply, "calls");
    reply_integer(reply, (int64_t)total);
    reply_bulk_text(reply, "histogram_usec");
    struct reply_mark mark = reply_defer(reply);
    int64_t rows = 0;
    uint64_t before = 0;
    for (uint64_t us = 1; before < total && us <= LATENCY_HISTOGRAM_NS_MAX / 1000 * 2; us *= 2) {
        uint64_t count = latency_histogram_count_up_to(histogram, us * 1000);
        if (count > before) {
            reply_integer(reply, (int64_t)us);
            reply_integer(reply, (int64_t)count);
            rows++;
        }
        before = count;
    }
    reply_defer_map(reply, mark, rows);
}

struct histogram_visitor {
    struct reply *reply;
    int64_t count;
};

static void visit_histogram(struct command *command, void *context)
{
    struct histogram_visitor *visitor = context;
    if (command->stats.histogram && latency_histogram_total(command->stats.histogram)) {
        reply_histogram(visitor->reply, command);
        visitor->count++;
    }
    for (uint32_t i = 0; i < command->subcommand_count; i++)
        visit_histogram(&command->subcommands[i], context);
}

static void latency_histogram_command(struct call *call)
{
    struct histogram_visitor visitor = {.reply = call->reply};
    struct reply_mark mark = reply_defer(call->reply);
    if (call->argc == 2)
        command_table_each(call->services->commands, visit_histogram, &visitor);
    for (int i = 2; i < call->argc; i++) {
        struct command *command = command_lookup_name(call->services->commands, call->argv[i]);
        if (command)
            visit_histogram(command, &visitor);
    }
    reply_defer_map(call->reply, mark, visitor.count);
}

static void latency_help_command(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the "
        "specified "
        "command names.",
        "    If no commands are specified then all histograms are replied",
        NULL};
    reply_help(call->reply, "LATENCY", lines);
}

#define SLOW_ROW(title, function, count)                                                           \
    {                                                                                              \
        .name = (title), .handler = (function), .arity = (count),                                  \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE                                   \
    }

#define LATENCY_ROW(title, function, count)                                                        \
    {                                                                                              \
        .name = (title), .handler = (function), .arity = (count),                                  \
        .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE                \
    }

static const struct command_spec slowlog_subcommands[] = {
    SLOW_ROW("get", slowlog_get_command, -2),
    SLOW_ROW("len", slowlog_len_command, 2),
    SLOW_ROW("reset", slowlog_reset_command, 2),
    {.name = "help",
     .handler = slowlog_help_command,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE},
    {0},
};

static const struct command_spec latency_subcommands[] = {
    LATENCY_ROW("latest", latency_latest_command, 2),
    LATENCY_ROW("history", latency_history_command, 3),
    LATENCY_ROW("reset", latency_reset_command, -2),
    LATENCY_ROW("doctor", latency_doctor_command, 2),
    LATENCY_ROW("graph", latency_graph_command, 3),
    LATENCY_ROW("histogram", latency_histogram_command, -2),
    {.name = "help",
     .handler = latency_help_command,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE},
    {0},
};

const struct command_spec observability_commands[] = {
    {.name = "slowlog", .arity = -2, .subcommands = slowlog_subcommands},
    {.name = "latency", .arity = -2, .subcommands = latency_subcommands},
    {0},
};
