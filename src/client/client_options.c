/* The table of connection options. */
#include "client/client_options.h"

#include <inttypes.h>
#include <limits.h>

#include "base/number.h"
#include "base/option_rows.h"

enum { MEBIBYTE = 1024 * 1024 };

/* -- client-output-buffer-limit <class> <hard> <soft> <seconds> [...] -- */

static const char *const class_names[CLIENT_CLASS_COUNT] = {"normal", "slave", "pubsub"};

static int find_class(struct bytes word)
{
    if (bytes_is(word, "replica"))
        return CLIENT_CLASS_REPLICA;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++)
        if (bytes_is(word, class_names[i]))
            return i;
    return -1;
}

static int refuse(struct buffer *error, const char *reason)
{
    buffer_append_text(error, reason);
    return -1;
}

static int set_output_limits(void *settings, int argc, const struct bytes *argv,
                             struct buffer *error)
{
    struct client_settings *client = settings;
    struct client_output_limit limits[CLIENT_CLASS_COUNT];
    if (argc == 1 && argv[0].size == 0)
        argc = 0;
    if (argc % 4 != 0)
        return refuse(error, "Wrong number of arguments in buffer limit configuration.");
    memcpy(limits, client->output_limits, sizeof limits);
    for (int i = 0; i < argc; i += 4) {
        int class = find_class(argv[i]);
        uint64_t hard;
        uint64_t soft;
        int64_t seconds;
        if (class < 0)
            return refuse(error, "Invalid client class specified in buffer limit configuration.");
        if (!number_parse_memory(argv[i + 1], &hard) || hard > INT64_MAX ||
            !number_parse_memory(argv[i + 2], &soft) || soft > INT64_MAX ||
            !number_parse_i64(argv[i + 3], &seconds) || seconds < 0)
            return refuse(error, "Error in hard, soft or soft_seconds setting in buffer limit "
                                 "configuration.");
        limits[class] = (struct client_output_limit){(int64_t)hard, (int64_t)soft, seconds};
    }
    memcpy(client->output_limits, limits, sizeof limits);
    return 0;
}

static void get_output_limits(const void *settings, struct buffer *out)
{
    const struct client_settings *client = settings;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        const struct client_output_limit *limit = &client->output_limits[i];
        buffer_printf(out, "%s%s %" PRId64 " %" PRId64 " %" PRId64, i ? " " : "", class_names[i],
                      limit->hard_bytes, limit->soft_bytes, limit->soft_seconds);
    }
}

static void print_size(struct buffer *out, int64_t bytes)
{
    if (bytes && bytes % MEBIBYTE == 0)
        buffer_printf(out, " %" PRId64 "mb", bytes / MEBIBYTE);
    else
        buffer_printf(out, " %" PRId64, bytes);
}

static void rewrite_output_limits(const void *settings, const char *name, struct buffer *out)
{
    const struct client_settings *client = settings;
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        const struct client_output_limit *limit = &client->output_limits[i];
        buffer_printf(out, "%s %s", name, i == CLIENT_CLASS_REPLICA ? "replica" : class_names[i]);
        print_size(out, limit->hard_bytes);
        print_size(out, limit->soft_bytes);
        buffer_printf(out, " %" PRId64 "\n", limit->soft_seconds);
    }
}

#define NUMBER(field, name, value, lowest, highest)                                                \
    OPTION_ROW_INT(client_settings, field, name, NULL, 0, value, lowest, highest)
#define MEMORY(field, name, flags, value, lowest)                                                  \
    OPTION_ROW_MEMORY(client_settings, field, name, NULL, flags, value, lowest, LLONG_MAX)

static const struct option rows[] = {
    NUMBER(maxclients, "maxclients", "10000", 1, UINT_MAX),
    MEMORY(max_unauthenticated_per_address, "max-unauthenticated-per-address", OPTION_PERCENT,
           "90%", -100),
    NUMBER(timeout, "timeout", "0", 0, INT_MAX),
    OPTION_ROW_CUSTOM("client-output-buffer-limit", NULL, OPTION_MULTI_ARG,
                      "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60", set_output_limits,
                      get_output_limits, rewrite_output_limits),
    MEMORY(query_buffer_limit, "client-query-buffer-limit", 0, "1gb", MEBIBYTE),
    MEMORY(proto_max_bulk_len, "proto-max-bulk-len", 0, "512mb", MEBIBYTE),
    MEMORY(maxmemory_clients, "maxmemory-clients", OPTION_PERCENT, "0", -100),
    OPTION_ROW_BOOL(client_settings, hide_user_data_from_log, "hide-user-data-from-log", NULL, 0,
                    "no"),
};

OPTION_GROUP(client_options, "client", rows, NULL);
