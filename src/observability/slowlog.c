/* See slowlog.h. A singly linked list from the newest; it is short (slowlog-max-len). */
#include "observability/slowlog.h"

#include "base/clock.h"
#include "base/memory.h"
#include <stdio.h>

struct slowlog *slowlog_create(void)
{
    return mem_calloc(1, sizeof(struct slowlog));
}

static void free_entry(struct slowlog_entry *entry)
{
    for (int i = 0; i < entry->argc; i++)
        mem_free((char *)(uintptr_t)entry->argv[i].data);
    mem_free(entry->peer);
    mem_free(entry->client_name);
    mem_free(entry);
}

/* Keeps the `count` newest. */
static void trim(struct slowlog *slowlog, size_t count)
{
    struct slowlog_entry **link = &slowlog->newest;
    for (size_t i = 0; i < count && *link; i++)
        link = &(*link)->next;
    while (*link) {
        struct slowlog_entry *entry = *link;
        *link = entry->next;
        free_entry(entry);
        slowlog->count--;
    }
}

void slowlog_reset(struct slowlog *slowlog)
{
    trim(slowlog, 0);
}

void slowlog_destroy(struct slowlog *slowlog)
{
    slowlog_reset(slowlog);
    mem_free(slowlog);
}

static struct bytes copy_text(const char *text)
{
    return bytes_of(mem_dup(text, strlen(text) + 1), strlen(text));
}

static struct bytes copy_arg(struct bytes arg)
{
    if (arg.size <= SLOWLOG_ARG_SIZE_MAX)
        return bytes_of(mem_dup(arg.data, arg.size ? arg.size : 1), arg.size);
    char text[SLOWLOG_ARG_SIZE_MAX + 48];
    int size = snprintf(text, sizeof(text), "%.*s... (%zu more bytes)", SLOWLOG_ARG_SIZE_MAX,
                        arg.data, arg.size - SLOWLOG_ARG_SIZE_MAX);
    return bytes_of(mem_dup(text, (size_t)size), (size_t)size);
}

static void copy_args(struct slowlog_entry *entry, const struct bytes *argv, int argc,
                      uint64_t redacted)
{
    for (int i = 0; i < entry->argc; i++) {
        if (entry->argc != argc && i == entry->argc - 1) {
            char text[48];
            snprintf(text, sizeof(text), "... (%d more arguments)", argc - entry->argc + 1);
            entry->argv[i] = copy_text(text);
        } else if (i < 64 && redacted >> i & 1) {
            entry->argv[i] = copy_text("(redacted)");
        } else {
            entry->argv[i] = copy_arg(argv[i]);
        }
    }
}

void slowlog_add(struct slowlog *slowlog, const struct bytes *argv, int argc, uint64_t redacted,
                 int64_t duration_us, const char *peer, const char *client_name, size_t count_max)
{
    int kept = argc < SLOWLOG_ARGS_MAX ? argc : SLOWLOG_ARGS_MAX;
    struct slowlog_entry *entry =
        mem_calloc(1, sizeof(*entry) + (size_t)kept * sizeof(struct bytes));
    entry->argc = kept;
    copy_args(entry, argv, argc, redacted);
    entry->id = slowlog->next_id++;
    entry->wall_s = clock_wall_ms() / 1000;
    entry->duration_us = duration_us;
    entry->peer = mem_strdup(peer ? peer : "");
    entry->client_name = mem_strdup(client_name ? client_name : "");
    entry->next = slowlog->newest;
    slowlog->newest = entry;
    slowlog->count++;
    slowlog->total++;
    if (slowlog->count > count_max)
        trim(slowlog, count_max);
}
