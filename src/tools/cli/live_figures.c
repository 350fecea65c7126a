/* See live_figures.h. */
#include "tools/cli/live_figures.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "tools/cli/info_text.h"
#include <stdio.h>
#include <stdlib.h>

enum { COMMANDS_MAX = 1024 };

double live_rate(const struct live_figures *figures, int64_t now, int64_t before)
{
    double elapsed_s = (double)(figures->now.at_us - figures->before.at_us) / 1e6;
    bool is_first = figures->before.at_us == 0;
    return is_first || elapsed_s <= 0 || now < before ? 0 : (double)(now - before) / elapsed_s;
}

/* -- INFO -- */

static void read_counters(struct live_counters *counters, const char *info)
{
    const struct {
        const char *name;
        int64_t *value;
    } rows[] = {
        {"total_commands_processed", &counters->commands},
        {"total_net_input_bytes", &counters->bytes_in},
        {"total_net_output_bytes", &counters->bytes_out},
        {"keyspace_hits", &counters->hits},
        {"keyspace_misses", &counters->misses},
        {"expired_keys", &counters->expired},
        {"evicted_keys", &counters->evicted},
        {"total_connections_received", &counters->accepted},
        {"rejected_connections", &counters->rejected},
        {"total_error_replies", &counters->errors},
        {"tls_handshakes_full", &counters->handshakes_full},
        {"tls_handshakes_resumed", &counters->handshakes_resumed},
        {"tls_handshakes_failed", &counters->handshakes_failed},
        {"tls_handshake_cpu_us", &counters->handshake_cpu_us},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        *rows[i].value = info_number(info, rows[i].name);
    counters->main_cpu_s = info_decimal(info, "used_cpu_user_main_thread") +
                           info_decimal(info, "used_cpu_sys_main_thread");
    counters->cpu_s = info_decimal(info, "used_cpu_user") + info_decimal(info, "used_cpu_sys");
    for (int i = 0; i < LIVE_THREADS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof(name), "io_thread_%d", i);
        struct bytes line = info_field(info, name);
        if (!line.data)
            break;
        counters->thread_busy_us[i] = info_part(line, "busy_us");
        counters->thread_count = i + 1;
    }
}

static void read_gauges(struct live_figures *figures, const char *info)
{
    const struct {
        const char *name;
        int64_t *value;
    } rows[] = {
        {"uptime_in_seconds", &figures->uptime_s},
        {"connected_clients", &figures->clients},
        {"blocked_clients", &figures->blocked},
        {"pubsub_clients", &figures->pubsub},
        {"tls_handshakes_in_flight", &figures->handshakes_in_flight},
        {"used_memory", &figures->memory},
        {"used_memory_peak", &figures->memory_peak},
        {"used_memory_rss", &figures->memory_rss},
        {"maxmemory", &figures->memory_max},
        {"tls_memory", &figures->memory_tls},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        *rows[i].value = info_number(info, rows[i].name);
    figures->keys = info_key_count(info);
    struct bytes server = info_field(info, "server_name");
    struct bytes version = info_field(info, server.data ? "sluice_version" : "redis_version");
    if (!version.data)
        version = info_field(info, "redis_version");
    snprintf(figures->version, sizeof(figures->version), "%.*s %.*s",
             server.data ? (int)server.size : 5, server.data ? server.data : "redis",
             (int)version.size, version.data ? version.data : "");
}

static const struct live_command *find_command(const struct live_command *commands, int count,
                                               const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int compare_commands(const void *a, const void *b)
{
    const struct live_command *first = a;
    const struct live_command *second = b;
    bool is_first_busy = first->calls_per_s > 0;
    bool is_second_busy = second->calls_per_s > 0;
    if (is_first_busy != is_second_busy)
        return is_first_busy ? -1 : 1;
    return first->us_per_call < second->us_per_call   ? 1
           : first->us_per_call > second->us_per_call ? -1
                                                      : 0;
}

/* "cmdstat_get:calls=4,usec=11,..." */
static bool read_command(struct live_command *command, const char *line)
{
    size_t size = strcspn(line, ":\r\n");
    if (line[size] != ':')
        return false;
    struct bytes value = bytes_of(line + size + 1, strcspn(line + size + 1, "\r\n"));
    *command = (struct live_command){.calls = info_part(value, "calls"),
                                     .run_us = info_part(value, "usec")};
    snprintf(command->name, sizeof(command->name), "%.*s", (int)size, line);
    char *bar = strchr(command->name, '|');
    if (bar)
        *bar = ' ';
    return command->calls > 0;
}

static void compare_with_before(const struct live_figures *figures, struct live_command *command)
{
    const struct live_command *before =
        find_command(figures->commands, figures->command_count, command->name);
    int64_t calls = command->calls - (before ? before->calls : 0);
    int64_t run_us = command->run_us - (before ? before->run_us : 0);
    bool is_new = figures->before.at_us != 0 && calls > 0 && run_us >= 0;
    if (is_new)
        command->calls_per_s = live_rate(figures, calls, 0);
    command->us_per_call =
        is_new ? (double)run_us / (double)calls : (double)command->run_us / (double)command->calls;
}

static void read_commands(struct live_figures *figures, const char *info)
{
    struct live_command *commands = mem_calloc(COMMANDS_MAX, sizeof(*commands));
    int count = 0;
    for (const char *line = info; line && count < COMMANDS_MAX; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "cmdstat_", 8) != 0 || !read_command(&commands[count], line + 8))
            continue;
        compare_with_before(figures, &commands[count]);
        count++;
    }
    qsort(commands, (size_t)count, sizeof(*commands), compare_commands);
    mem_free(figures->commands);
    figures->commands = commands;
    figures->command_count = count;
}

void live_figures_take_info(struct live_figures *figures, const char *info, int64_t at_us)
{
    figures->before = figures->now;
    figures->now = (struct live_counters){.at_us = at_us};
    read_counters(&figures->now, info);
    read_gauges(figures, info);
    read_commands(figures, info);
}

void live_figures_deinit(struct live_figures *figures)
{
    mem_free(figures->commands);
    figures->commands = NULL;
    figures->command_count = 0;
}

/* -- CLIENT LIST -- */

/* The value of " name=" in a line; empty when absent. */
static struct bytes client_field(struct bytes line, const char *name)
{
    size_t size = strlen(name);
    while (line.size > 0) {
        const char *end = memchr(line.data, ' ', line.size);
        size_t part = end ? (size_t)(end - line.data) : line.size;
        if (part > size && memcmp(line.data, name, size) == 0 && line.data[size] == '=')
            return bytes_of(line.data + size + 1, part - size - 1);
        part += end != NULL;
        line = bytes_of(line.data + part, line.size - part);
    }
    return bytes_of("", 0);
}

static void copy_printable(char *text, size_t capacity, struct bytes source)
{
    size_t size = source.size < capacity - 1 ? source.size : capacity - 1;
    for (size_t i = 0; i < size; i++) {
        char c = source.data[i];
        text[i] = '?';
        if (c >= ' ' && c <= '~')
            text[i] = c;
    }
    text[size] = '\0';
}

static void note_client(struct live_figures *figures, struct bytes line)
{
    int64_t memory = 0;
    if (!number_parse_i64(client_field(line, "tot-mem"), &memory))
        memory = 0;
    int rank = figures->biggest_count;
    while (rank > 0 && figures->biggest[rank - 1].memory < memory)
        rank--;
    if (rank == LIVE_ROWS_MAX)
        return;
    int kept = figures->biggest_count < LIVE_ROWS_MAX ? figures->biggest_count : LIVE_ROWS_MAX - 1;
    memmove(&figures->biggest[rank + 1], &figures->biggest[rank],
            (size_t)(kept - rank) * sizeof(figures->biggest[0]));
    figures->biggest_count = kept + 1;
    struct live_client *client = &figures->biggest[rank];
    struct bytes name = client_field(line, "name");
    copy_printable(client->name, sizeof(client->name),
                   name.size > 0 ? name : client_field(line, "addr"));
    copy_printable(client->command, sizeof(client->command), client_field(line, "cmd"));
    client->memory = memory;
}

static void count_kind(struct live_kind *kinds, struct bytes name)
{
    char text[LIVE_NAME_MAX];
    copy_printable(text, sizeof(text), name);
    for (int i = 0; i < LIVE_KINDS_MAX; i++) {
        if (kinds[i].count > 0 && strcmp(kinds[i].name, text) != 0)
            continue;
        text_copy(kinds[i].name, sizeof(kinds[i].name), text);
        kinds[i].count++;
        return;
    }
}

/* "tls=TLSv1.3,TLS_AES_256_GCM_SHA384,resumed" */
static void note_tls(struct live_figures *figures, struct bytes tls)
{
    const char *comma = tls.size > 0 ? memchr(tls.data, ',', tls.size) : NULL;
    if (!comma) {
        figures->plain_count++;
        return;
    }
    size_t size = (size_t)(comma - tls.data);
    count_kind(figures->protocols, bytes_of(tls.data, size));
    struct bytes rest = bytes_of(comma + 1, tls.size - size - 1);
    const char *end = rest.size > 0 ? memchr(rest.data, ',', rest.size) : NULL;
    count_kind(figures->ciphers, bytes_of(rest.data, end ? (size_t)(end - rest.data) : rest.size));
}

void live_figures_take_clients(struct live_figures *figures, const char *list)
{
    figures->biggest_count = 0;
    figures->plain_count = 0;
    memset(figures->protocols, 0, sizeof(figures->protocols));
    memset(figures->ciphers, 0, sizeof(figures->ciphers));
    while (*list) {
        struct bytes line = bytes_of(list, strcspn(list, "\r\n"));
        if (line.size > 0) {
            note_client(figures, line);
            note_tls(figures, client_field(line, "tls"));
        }
        list += line.size + strspn(list + line.size, "\r\n");
    }
}
