/* See client_describe.h. Fields and their order are Redis 8.0's; ours (tls, cert) come last. What
 * the I/O thread counts is read from the meters, relaxed: no thread is asked or stopped. */
#include "client/client_describe.h"

#include "base/clock.h"
#include "client/client_memory.h"
#include "client/exchange.h"
#include "client/request.h"

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void describe_identity(const struct client *client, struct buffer *out)
{
    char flags[16];
    client_format_flags(client, flags);
    int64_t now_us = clock_us();
    (void)buffer_printf(
        out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=%s db=%d",
        (unsigned long long)client->id, or_empty(client->peer), or_empty(client->local),
        client->fd_number, or_empty(client->name),
        (long long)((now_us - client->created_us) / 1000000),
        (long long)((now_us - client->last_interaction_us) / 1000000), flags, client->db);
}

static unsigned long long argument_bytes(const struct client *client)
{
    const struct request *request = client->request;
    unsigned long long size = 0;
    for (int32_t i = 0; request && i < request->argc; i++)
        size += request->argv[i].size;
    return size;
}

static void describe_memory(const struct client *client, struct buffer *out)
{
    unsigned long long input = client_meter_get(client->meters.input_size);
    unsigned long long capacity = client_meter_get(client->meters.input_capacity);
    unsigned long long output = exchange_output_size(client);
    unsigned long long total = client_memory(client);
    (void)buffer_printf(
        out,
        " sub=%u psub=%u ssub=%u multi=%lld watch=%u qbuf=%llu qbuf-free=%llu argv-mem=%llu "
        "multi-mem=%zu rbs=0 rbp=0 obl=0 oll=%d omem=%llu tot-mem=%llu events=%s",
        client->subscribed[0], client->subscribed[1], client->subscribed[2],
        client->flags & CLIENT_MULTI ? (long long)client->queued_count : -1LL,
        client->watched_count, input, capacity > input ? capacity - input : 0,
        argument_bytes(client), client->queued_memory, output > 0, output, total,
        output ? "rw" : "r");
}

void client_describe(const struct client *client, const char *command_name, struct buffer *out)
{
    describe_identity(client, out);
    describe_memory(client, out);
    long long redirect =
        client->flags & CLIENT_TRACKING_ON ? (long long)client->tracking_redirect : -1;
    (void)buffer_printf(
        out, " cmd=%s user=%s redir=%lld resp=%d lib-name=%s lib-ver=%s io-thread=%d", command_name,
        client->user, redirect, client->protocol, or_empty(client->lib_name),
        or_empty(client->lib_version), client->thread ? client->thread->index : 0);
    (void)buffer_printf(out, " tot-net-in=%llu tot-net-out=%llu tot-cmds=%llu tls=%s cert=%s",
                        (unsigned long long)client_meter_get(client->meters.bytes_in),
                        (unsigned long long)client_meter_get(client->meters.bytes_out),
                        (unsigned long long)client->commands_count,
                        or_empty(client->tls_description), or_empty(client->certificate_name));
}
