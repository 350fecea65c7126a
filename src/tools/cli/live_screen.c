/* See live_screen.h. Lines are made whole and cut at the edge; a small screen loses lines of the
 * tables at the bottom, then those above. */
#include "tools/cli/live_screen.h"

#include "tools/cli/info_text.h"
#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_SIZE = 512, BAR_WIDTH = 10, CPU_CELL_WIDTH = 26 };

struct page {
    struct buffer *out;
    const struct live_screen *screen;
    int row;
};

static bool is_full(const struct page *page)
{
    return page->row >= page->screen->height;
}

/* `style` is a number of an SGR sequence, 0 for none. */
static void put_line(struct page *page, int style, const char *text)
{
    if (is_full(page))
        return;
    int width = page->screen->width;
    bool is_coloured = page->screen->is_coloured;
    if (page->row++ > 0)
        buffer_append_text(page->out, is_coloured ? "\r\n" : "\n");
    /* Erased first: behind a full line the cursor still stands on its last column. */
    if (is_coloured)
        buffer_append_text(page->out, "\x1b[K");
    if (is_coloured && style)
        buffer_printf(page->out, "\x1b[%dm%-*.*s\x1b[0m", style, style == 7 ? width : 0, width,
                      text);
    else
        buffer_printf(page->out, "%.*s", width, text);
}

static void put(struct page *page, int style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(struct page *page, int style, const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    put_line(page, style, line);
}

static void format_rate(char *text, size_t size, double rate)
{
    if (rate >= 1e6)
        snprintf(text, size, "%.2fM", rate / 1e6);
    else if (rate >= 1e5)
        snprintf(text, size, "%.0fk", rate / 1e3);
    else
        snprintf(text, size, "%.0f", rate);
}

static void format_uptime(char *text, size_t size, int64_t seconds)
{
    long long minutes = seconds / 60;
    if (minutes < 60)
        snprintf(text, size, "%lldm%02llds", minutes, (long long)(seconds % 60));
    else if (minutes < 24 * 60)
        snprintf(text, size, "%lldh%02lldm", minutes / 60, minutes % 60);
    else
        snprintf(text, size, "%lldd%02lldh", minutes / 60 / 24, minutes / 60 % 24);
}

/* -- the figures -- */

static void put_title(struct page *page, const struct live_figures *figures, const char *target,
                      const char *time)
{
    char uptime[32];
    char left[LINE_MAX_SIZE];
    format_uptime(uptime, sizeof(uptime), figures->uptime_s);
    snprintf(left, sizeof(left), " %s  %s  up %s", target, figures->version, uptime);
    int room = page->screen->width - 18;
    put(page, 7, "%-*.*s %s  q quits", room > 0 ? room : 0, room > 0 ? room : 0, left, time);
}

static double hit_percent(const struct live_figures *figures)
{
    const struct live_counters *now = &figures->now;
    const struct live_counters *before = &figures->before;
    double hits = live_rate(figures, now->hits, before->hits);
    double all = hits + live_rate(figures, now->misses, before->misses);
    if (all > 0)
        return 100 * hits / all;
    double total = (double)now->hits + (double)now->misses;
    return total > 0 ? 100 * (double)now->hits / total : 0;
}

static void put_throughput(struct page *page, const struct live_figures *figures)
{
    const struct live_counters *now = &figures->now;
    const struct live_counters *before = &figures->before;
    char commands[32];
    char in[32];
    char out[32];
    format_rate(commands, sizeof(commands), live_rate(figures, now->commands, before->commands));
    info_format_memory(in, sizeof(in),
                       (int64_t)live_rate(figures, now->bytes_in, before->bytes_in));
    info_format_memory(out, sizeof(out),
                       (int64_t)live_rate(figures, now->bytes_out, before->bytes_out));
    put(page, 0, "Throughput   %s ops/s   in %s/s   out %s/s   errors %.0f/s", commands, in, out,
        live_rate(figures, now->errors, before->errors));
    put(page, 0, "Keys         %lld   hit rate %.1f%%   expired %.0f/s   evicted %.0f/s",
        (long long)figures->keys, hit_percent(figures),
        live_rate(figures, now->expired, before->expired),
        live_rate(figures, now->evicted, before->evicted));
}

static void put_memory(struct page *page, const struct live_figures *figures)
{
    char used[32];
    char peak[32];
    char rss[32];
    char max[32] = "none";
    char tls[32];
    info_format_memory(used, sizeof(used), figures->memory);
    info_format_memory(peak, sizeof(peak), figures->memory_peak);
    info_format_memory(rss, sizeof(rss), figures->memory_rss);
    info_format_memory(tls, sizeof(tls), figures->memory_tls);
    if (figures->memory_max > 0)
        info_format_memory(max, sizeof(max), figures->memory_max);
    put(page, 0, "Memory       %s   peak %s   resident %s   limit %s   TLS %s", used, peak, rss,
        max, tls);
}

static void append_kinds(char *text, size_t size, const struct live_kind *kinds)
{
    size_t used = strlen(text);
    for (int i = 0; i < LIVE_KINDS_MAX && kinds[i].count > 0 && used < size; i++) {
        int added = snprintf(text + used, size - used, "   %s %d", kinds[i].name, kinds[i].count);
        used += added > 0 ? (size_t)added : 0;
    }
}

static void put_connections(struct page *page, const struct live_figures *figures)
{
    const struct live_counters *now = &figures->now;
    const struct live_counters *before = &figures->before;
    put(page, 0, "Connections  %lld   blocked %lld   pubsub %lld   new %.0f/s   rejected %.0f/s",
        (long long)figures->clients, (long long)figures->blocked, (long long)figures->pubsub,
        live_rate(figures, now->accepted, before->accepted),
        live_rate(figures, now->rejected, before->rejected));
    double full = live_rate(figures, now->handshakes_full, before->handshakes_full);
    double resumed = live_rate(figures, now->handshakes_resumed, before->handshakes_resumed);
    double cpu_us = live_rate(figures, now->handshake_cpu_us, before->handshake_cpu_us);
    put(page, 0,
        "Handshakes   full %.0f/s   resumed %.0f/s   failed %.0f/s   waiting %lld   %.0f us each",
        full, resumed, live_rate(figures, now->handshakes_failed, before->handshakes_failed),
        (long long)figures->handshakes_in_flight,
        full + resumed > 0 ? cpu_us / (full + resumed) : 0);
    char line[LINE_MAX_SIZE];
    snprintf(line, sizeof(line), "TLS          plain %d", figures->plain_count);
    append_kinds(line, sizeof(line), figures->protocols);
    put_line(page, 0, line);
    snprintf(line, sizeof(line), "Ciphers   ");
    if (figures->ciphers[0].count > 0)
        append_kinds(line, sizeof(line), figures->ciphers);
    else
        snprintf(line, sizeof(line), "Ciphers      none");
    put_line(page, 0, line);
}

/* -- CPU -- */

static void append_cpu(char *line, size_t size, const char *name, double percent)
{
    size_t used = strlen(line);
    char bar[BAR_WIDTH + 1];
    int filled = (int)(percent / 100 * BAR_WIDTH + 0.5);
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '|' : '.';
    bar[BAR_WIDTH] = '\0';
    snprintf(line + used, size - used, "%-5s %5.1f%% %s   ", name, percent, bar);
}

static double cpu_percent(const struct live_figures *figures, double now_s, double before_s)
{
    return live_rate(figures, (int64_t)(now_s * 1e6), (int64_t)(before_s * 1e6)) / 1e4;
}

/* Thread 0 is the main thread's own loop, counted with it. */
static void put_cpu(struct page *page, const struct live_figures *figures)
{
    const struct live_counters *now = &figures->now;
    const struct live_counters *before = &figures->before;
    const char *head = "CPU          ";
    int cells = (page->screen->width - (int)strlen(head)) / CPU_CELL_WIDTH;
    cells = cells > 0 ? cells : 1;
    char line[LINE_MAX_SIZE];
    snprintf(line, sizeof(line), "%s", head);
    append_cpu(line, sizeof(line), "main",
               cpu_percent(figures, now->main_cpu_s, before->main_cpu_s));
    append_cpu(line, sizeof(line), "all", cpu_percent(figures, now->cpu_s, before->cpu_s));
    int filled = 2;
    int cells_max = cells * (page->screen->height / 4);
    for (int i = 1; i < now->thread_count; i++) {
        char name[16];
        if (filled >= cells_max && i + 1 < now->thread_count) {
            size_t used = strlen(line);
            snprintf(line + used, sizeof(line) - used, "and %d more", now->thread_count - i);
            break;
        }
        if (filled % cells == 0) {
            put_line(page, 0, line);
            snprintf(line, sizeof(line), "%*s", (int)strlen(head), "");
        }
        snprintf(name, sizeof(name), "io-%d", i);
        double busy = live_rate(figures, now->thread_busy_us[i], before->thread_busy_us[i]) / 1e4;
        append_cpu(line, sizeof(line), name, busy);
        filled++;
    }
    put_line(page, 0, line);
}

/* -- the tables -- */

static void put_tables(struct page *page, const struct live_figures *figures)
{
    int left = page->screen->width / 2 - 2;
    put_line(page, 0, "");
    put(page, 1, "%-*.*s  %s", left, left, "Slowest commands    us/call   calls/s",
        "Biggest clients        memory command");
    for (int i = 0; !is_full(page) && i < LIVE_ROWS_MAX; i++) {
        char command[LINE_MAX_SIZE] = "";
        char client[LINE_MAX_SIZE] = "";
        char rate[32];
        char memory[32];
        if (i >= figures->command_count && i >= figures->biggest_count)
            return;
        if (i < figures->command_count) {
            const struct live_command *row = &figures->commands[i];
            format_rate(rate, sizeof(rate), row->calls_per_s);
            snprintf(command, sizeof(command), "%-17.17s %9.1f %9s", row->name, row->us_per_call,
                     rate);
        }
        if (i < figures->biggest_count) {
            const struct live_client *row = &figures->biggest[i];
            info_format_memory(memory, sizeof(memory), row->memory);
            snprintf(client, sizeof(client), "%-20.20s %8s %s", row->name, memory, row->command);
        }
        put(page, 0, "%-*.*s  %s", left, left, command, client);
    }
}

void live_screen_draw(struct buffer *out, const struct live_screen *screen,
                      const struct live_figures *figures, const char *target, const char *time)
{
    struct page page = {.out = out, .screen = screen};
    put_title(&page, figures, target, time);
    put_throughput(&page, figures);
    put_memory(&page, figures);
    put_connections(&page, figures);
    put_cpu(&page, figures);
    put_tables(&page, figures);
    if (screen->is_coloured && !is_full(&page))
        buffer_append_text(out, "\r\n\x1b[J");
}
