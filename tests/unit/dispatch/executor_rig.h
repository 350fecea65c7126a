/* An executor without a server, over the commands that a test makes up. */
#ifndef TEST_EXECUTOR_RIG_H
#define TEST_EXECUTOR_RIG_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "dispatch/execute.h"
#include "io/byte_pool.h"
#include "keyspace/keyspace.h"
#include "observability/observability_options.h"
#include "observability/stats.h"
#include "reply_text.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct keyspace_settings keyspace_settings;
static struct observability_settings settings;
static struct stats stats;
static struct services services;
static struct executor *executor;
static struct byte_pool *pool; /* of the requests */

static inline void create_executor(const struct command_spec *specs)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){3});
    clock_update();
    keyspace_settings_init(&keyspace_settings);
    settings = (struct observability_settings){.slowlog_log_slower_than = -1};
    stats_init(&stats);
    services = (struct services){.keyspace = keyspace_create(&keyspace_settings, NULL),
                                 .commands = command_table_create(),
                                 .stats = &stats};
    command_table_add(services.commands, specs);
    executor = executor_create(&services, &settings);
    pool = byte_pool_create(1 << 16);
}

static inline void destroy_executor(void)
{
    executor_destroy(executor);
    keyspace_destroy(services.keyspace);
    command_table_destroy(services.commands);
    byte_pool_destroy(pool);
}

static inline void drop_batch(struct request_batch **batch)
{
    if (*batch)
        request_batch_free(pool, *batch);
    *batch = NULL;
}

/* A batch of one request, resolved. */
static inline struct request_batch *make_batch(int argc, const struct bytes *argv)
{
    struct request_batch *batch = request_batch_create(pool);
    struct request *request = request_batch_add(batch, argc, false);
    memcpy(request->argv, argv, (size_t)argc * sizeof(argv[0]));
    executor_resolve(services.commands, request);
    return batch;
}

/* Runs the words for the client; the batch takes the place of that of its last request. */
static inline void execute_words(struct client *client, struct request_batch **batch, int argc,
                                 const struct bytes *argv)
{
    drop_batch(batch);
    *batch = make_batch(argc, argv);
    reply_begin(&client->reply, 2, NULL);
    executor_execute(executor, client, (*batch)->first);
}

/* The client's reply without its last CR LF, in `text`; the reply becomes empty. */
static inline const char *take_line(struct client *client, char *text, size_t capacity)
{
    char *all = reply_take(&client->reply.chain);
    int size = (int)strlen(all);
    snprintf(text, capacity, "%.*s", size >= 2 ? size - 2 : 0, all);
    mem_free(all);
    return text;
}

#endif
