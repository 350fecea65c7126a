/* See monitors.h. */
#include "pubsub/monitors.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

void monitors_init(struct monitors *monitors, struct push_queue *push)
{
    *monitors = (struct monitors){.push = push};
}

void monitors_deinit(struct monitors *monitors)
{
    mem_free(monitors->clients);
}

bool monitors_add(struct monitors *monitors, struct client *client)
{
    if (client->flags & CLIENT_MONITOR)
        return false;
    if (monitors->count == monitors->capacity) {
        monitors->capacity = monitors->capacity ? monitors->capacity * 2 : 4;
        monitors->clients =
            mem_realloc(monitors->clients, monitors->capacity * sizeof(struct client *));
    }
    monitors->clients[monitors->count++] = client;
    client->flags |= CLIENT_MONITOR;
    return true;
}

void monitors_remove(struct monitors *monitors, struct client *client)
{
    if (!(client->flags & CLIENT_MONITOR))
        return;
    client->flags &= ~(uint32_t)CLIENT_MONITOR;
    uint32_t i = 0;
    while (i < monitors->count && monitors->clients[i] != client)
        i++;
    assert(i < monitors->count);
    for (monitors->count--; i < monitors->count; i++)
        monitors->clients[i] = monitors->clients[i + 1];
}

void monitors_format(const struct monitored *command, int64_t wall_us, struct buffer *out)
{
    const struct client *client = command->client;
    const char *peer = client->peer ? client->peer : "?:0";
    buffer_printf(out, "+%lld.%06lld [%d ", (long long)(wall_us / 1000000),
                  (long long)(wall_us % 1000000), command->db);
    if (command->is_script)
        buffer_append_text(out, "lua");
    else if (client->flags & CLIENT_UNIX_SOCKET)
        buffer_printf(out, "unix:%.*s", (int)strlen(peer) - 2, peer); /* without ":0" */
    else
        buffer_append_text(out, peer);
    buffer_append_text(out, "]");
    for (int i = 0; i < command->argc; i++) {
        bool is_hidden = i < 64 && command->redacted >> i & 1;
        buffer_append_text(out, " ");
        text_quote(out, is_hidden ? BYTES_LITERAL("(redacted)") : command->argv[i]);
    }
    buffer_append_text(out, "\r\n");
}

void monitors_feed(struct monitors *monitors, const struct monitored *command)
{
    enum { LINE_SIZE_MAX = INT32_MAX };
    struct buffer line;
    buffer_init(&line, LINE_SIZE_MAX);
    monitors_format(command, clock_read_wall_us(), &line);
    struct shared_bytes *shared = shared_bytes_create(line.data, line.size);
    buffer_deinit(&line);
    for (uint32_t i = 0; i < monitors->count; i++)
        push_shared(monitors->push, monitors->clients[i], shared);
    shared_bytes_release(shared);
}
