/* See tls_change.h. */
#include "server/tls_change.h"

#include "base/log.h"
#include "base/memory.h"
#include "config/config_table.h"
#include "dispatch/execute.h"
#include "io/tls_options.h"
#include "server/server.h"
#include "server/tls_material.h"
#include <string.h>

enum { ERROR_SIZE_MAX = 64 * 1024 };

enum mode {
    MODE_NONE,
    MODE_LOOK,  /* does it need contexts? */
    MODE_BEGIN, /* give the worker what it needs */
    MODE_FAIL,  /* the worker's reason becomes the command's */
    MODE_APPLY
};

struct tls_change {
    struct tls_change *next;
    uint64_t client_id;
    struct command *command;
    bool may_set_protected;
    int argc;
    struct bytes argv[]; /* the bytes follow */
};

static void on_prepared(void *argument);

static bool uses_tls(const struct tls_settings *tls)
{
    return tls->port || tls->replication || tls->cluster;
}

bool tls_change_is_applying(const struct server *server)
{
    return server->tls_changes.mode == MODE_APPLY;
}

/* -- the change, kept -- */

static struct tls_change *change_create(const struct client *client, int argc,
                                        const struct bytes *argv, bool may_set_protected)
{
    size_t size = sizeof(struct tls_change) + (size_t)argc * sizeof(struct bytes);
    size_t total = size;
    for (int i = 0; i < argc; i++)
        total += argv[i].size;
    struct tls_change *change = mem_calloc(1, total);
    change->client_id = client->id;
    change->command = (struct command *)(uintptr_t)client->last_command;
    change->may_set_protected = may_set_protected;
    change->argc = argc;
    char *at = (char *)change + size;
    for (int i = 0; i < argc; i++) {
        memcpy(at, argv[i].data, argv[i].size);
        change->argv[i] = bytes_of(at, argv[i].size);
        at += argv[i].size;
    }
    return change;
}

/* Its words may be a passphrase. */
static void change_free(struct tls_change *change)
{
    size_t size = sizeof(*change) + (size_t)change->argc * sizeof(struct bytes);
    for (int i = 0; i < change->argc; i++)
        size += change->argv[i].size;
    mem_free_secret(change, size);
}

/* -- trying -- */

int tls_change_try(void *context, const struct option_changes *changes, struct buffer *error)
{
    entering_main();
    struct server *server = context;
    struct tls_changes *queue = &server->tls_changes;
    if (!uses_tls(&server->settings.tls) || !tls_options_need_contexts(changes))
        return 0;
    queue->needs_contexts = true;
    if (queue->mode == MODE_FAIL) {
        (void)buffer_printf(error, "%s (%s)", tls_apply_error, queue->failure);
        return -1;
    }
    if (queue->mode == MODE_BEGIN)
        tls_material_prepare(server, TLS_MATERIAL_ALL, queue->spare_count, on_prepared,
                             queue->first);
    return 0;
}

int tls_change_try_threads(void *context, const struct option_changes *changes,
                           struct buffer *error)
{
    entering_main();
    struct server *server = context;
    struct tls_changes *queue = &server->tls_changes;
    if (!option_changed(changes, "io-threads") || !io_pool_tls(server->pool))
        return 0;
    if (queue->mode == MODE_FAIL && queue->spare_count > 0) {
        (void)buffer_printf(error, "Cannot start the I/O threads. Check server logs. (%s)",
                            queue->failure);
        return -1;
    }
    queue->spare_count = io_pool_missing(server->pool, (int)server->settings.server.io_threads);
    return 0;
}

static enum config_set_result try_change(struct server *server, const struct tls_change *change,
                                         enum mode mode, struct buffer *error)
{
    struct tls_changes *queue = &server->tls_changes;
    queue->mode = (uint8_t)mode;
    queue->needs_contexts = false;
    if (mode != MODE_FAIL)
        queue->spare_count = 0;
    enum config_set_result result =
        config_try(server->config, change->argc, change->argv, change->may_set_protected, error);
    queue->mode = MODE_NONE;
    return result;
}

/* -- answering -- */

static void answer(struct server *server, const struct tls_change *change, const char *error)
{
    entering_main();
    struct client *client = client_table_find(server->clients, change->client_id);
    if (!client || client->flags & CLIENT_CLOSING)
        return;
    assert(client->flags & CLIENT_BLOCKED);
    executor_begin_answer(client);
    client->flags &= ~(uint32_t)CLIENT_BLOCKED;
    if (error)
        reply_error(&client->reply, error);
    else
        reply_ok(&client->reply);
    executor_end_blocked(server->executor, client, change->command, 0);
}

static void pop(struct tls_changes *queue)
{
    struct tls_change *change = queue->first;
    queue->first = change->next;
    if (!queue->first)
        queue->last = NULL;
    change_free(change);
}

/* -- applying -- */

static void apply(struct server *server, struct tls_change *change,
                  struct tls_material *prepared) ON_MAIN
{
    struct tls_changes *queue = &server->tls_changes;
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    bool is_reload = prepared->kind == TLS_MATERIAL_ALL;
    queue->mode = MODE_APPLY;
    queue->prepared = is_reload ? prepared : NULL;
    if (is_reload)
        tls_material_set_epoch(prepared);
    io_pool_give_tls_spares(server->pool, prepared->contexts + prepared->count,
                            prepared->spare_count);
    prepared->spare_count = 0;
    enum config_set_result result = config_set_many(server->config, change->argc, change->argv,
                                                    change->may_set_protected, &error);
    bool is_unused = queue->prepared != NULL;
    queue->mode = MODE_NONE;
    queue->prepared = NULL;
    io_pool_drop_tls_spares(server->pool);
    if (result == CONFIG_SET_DONE && is_unused)
        tls_material_install(prepared); /* of threads alone, but the files are others */
    if (result == CONFIG_SET_DONE && is_reload)
        tls_reload_note_result(server, "");
    answer(server, change, result == CONFIG_SET_DONE ? NULL : error.data);
    buffer_deinit(&error);
}

static void refuse(struct server *server, struct tls_change *change,
                   const struct tls_material *material)
{
    const char *reason = material->error;
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    log_warning("%s", reason);
    tls_reload_note_result(server, reason);
    server->tls_changes.failure = reason;
    server->tls_changes.spare_count =
        material->kind == TLS_MATERIAL_SPARES ? material->spare_count : 0;
    enum config_set_result result = try_change(server, change, MODE_FAIL, &error);
    if (result == CONFIG_SET_DONE) { /* no TLS directive is to blame */
        server->tls_changes.spare_count = material->spare_count;
        result = try_change(server, change, MODE_FAIL, &error);
    }
    if (result == CONFIG_SET_DONE)
        (void)buffer_printf(&error, "ERR CONFIG SET failed - %s", tls_apply_error);
    server->tls_changes.failure = NULL;
    answer(server, change, error.data);
    buffer_deinit(&error);
}

/* Gives the first change to the worker. One that cannot be made any more, or needs no contexts any
 * more, is run at once, and so on. */
static void begin(struct server *server)
{
    struct tls_changes *queue = &server->tls_changes;
    while (queue->first) {
        struct buffer error;
        buffer_init(&error, ERROR_SIZE_MAX);
        enum config_set_result result = try_change(server, queue->first, MODE_BEGIN, &error);
        bool is_with_worker =
            result == CONFIG_SET_DONE && (queue->needs_contexts || queue->spare_count > 0);
        if (is_with_worker && !queue->needs_contexts)
            tls_material_prepare(server, TLS_MATERIAL_SPARES, queue->spare_count, on_prepared,
                                 queue->first);
        if (!is_with_worker) {
            if (result == CONFIG_SET_DONE)
                result = config_set_many(server->config, queue->first->argc, queue->first->argv,
                                         queue->first->may_set_protected, &error);
            answer(server, queue->first, result == CONFIG_SET_DONE ? NULL : error.data);
            pop(queue);
        }
        buffer_deinit(&error);
        if (is_with_worker)
            return;
    }
}

/* On main: the worker is done. */
static void on_prepared(void *argument)
{
    entering_main();
    struct tls_material *material = argument;
    struct server *server = material->server;
    struct tls_changes *queue = &server->tls_changes;
    assert(queue->first && queue->first == material->owner);
    if (server->is_stopping) {
        while (queue->first)
            pop(queue);
    } else if (material->error[0]) {
        refuse(server, queue->first, material);
        pop(queue);
    } else if (tls_material_is_current(material) && material->kind == TLS_MATERIAL_SPARES &&
               !tls_material_is_of_files_in_force(material)) {
        tls_material_prepare(server, TLS_MATERIAL_ALL, material->spare_count, on_prepared,
                             queue->first);
        tls_material_free(material);
        return;
    } else if (tls_material_is_current(material)) {
        apply(server, queue->first, material);
        pop(queue);
    }
    tls_material_free(material);
    begin(server);
}

bool tls_change_defer(void *context, struct client *client, int argc, const struct bytes *argv,
                      bool may_set_protected)
{
    entering_main();
    struct server *server = context;
    struct tls_changes *queue = &server->tls_changes;
    if (argc % 2 != 0 || server->is_stopping)
        return false;
    struct tls_change *change = change_create(client, argc, argv, may_set_protected);
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    enum config_set_result result = try_change(server, change, MODE_LOOK, &error);
    buffer_deinit(&error);
    if (result != CONFIG_SET_DONE || (!queue->needs_contexts && queue->spare_count == 0)) {
        change_free(change);
        return false;
    }
    bool is_first = !queue->first;
    if (is_first)
        queue->first = change;
    else
        queue->last->next = change;
    queue->last = change;
    if (is_first)
        begin(server);
    return true;
}
