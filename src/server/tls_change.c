/* See tls_change.h. */
#include "server/tls_change.h"

#include "base/log.h"
#include "base/memory.h"
#include "config/config_table.h"
#include "dispatch/execute.h"
#include "dispatch/transaction.h"
#include "io/tls_options.h"
#include "server/server.h"
#include "server/tls_material.h"
#include <string.h>

enum { ERROR_SIZE_MAX = 64 * 1024 };

enum mode {
    MODE_NONE,
    MODE_LOOK, /* what does it need? */
    MODE_FAIL  /* the reason becomes the command's error */
};

/* The words of a CONFIG SET, behind its name. */
struct words {
    int argc;
    const struct bytes *argv;
};

struct tls_change {
    struct tls_change *next;
    uint64_t client_id;
    struct command *command;
    struct request *exec; /* to be run when all is prepared; NULL: it is a CONFIG SET */
    bool may_set_protected;
    bool has_other_files;          /* than those in force: threads alone cannot be started */
    struct tls_material *prepared; /* in the order of `sets`, whose argv are their owners */
    size_t size;
    int count;
    struct words sets[]; /* its own, which follows, or those that the client has queued */
};

static void on_prepared(void *argument);

static bool uses_tls(const struct tls_settings *tls)
{
    return tls->port || tls->replication || tls->cluster;
}

/* Contexts have been put in force: threads that start get some. */
static bool has_tls(const struct server *server)
{
    return server->tls_reload.generation != 0;
}

/* -- the change, kept -- */

static struct tls_change *change_create(const struct client *client, int count, size_t words_size)
{
    size_t size = sizeof(struct tls_change) + (size_t)count * sizeof(struct words) + words_size;
    struct tls_change *change = mem_calloc(1, size);
    change->client_id = client->id;
    change->command = (struct command *)(uintptr_t)client->last_command;
    change->size = size;
    change->count = count;
    return change;
}

/* A CONFIG SET, with a copy of its words. */
static struct tls_change *change_of_words(const struct client *client, int argc,
                                          const struct bytes *argv)
{
    size_t size = (size_t)argc * sizeof(struct bytes);
    for (int i = 0; i < argc; i++)
        size += argv[i].size;
    struct tls_change *change = change_create(client, 1, size);
    struct bytes *copies = (struct bytes *)(void *)&change->sets[1];
    char *at = (char *)(copies + argc);
    for (int i = 0; i < argc; i++) {
        memcpy(at, argv[i].data, argv[i].size);
        copies[i] = bytes_of(at, argv[i].size);
        at += argv[i].size;
    }
    change->sets[0] = (struct words){argc, copies};
    return change;
}

static bool is_config_set(const struct queued_command *queued)
{
    const struct command *command = queued->request.command;
    return command->parent && strcmp(command->parent->spec->name, "config") == 0 &&
           strcmp(command->spec->name, "set") == 0;
}

/* The CONFIG SETs of the client's transaction, or NULL. */
static struct tls_change *change_of_transaction(const struct client *client, struct request *exec)
{
    int count = 0;
    const struct queued_command *queued;
    for (queued = client->transaction->first; queued; queued = queued->next)
        count += is_config_set(queued);
    if (count == 0)
        return NULL;
    struct tls_change *change = change_create(client, count, 0);
    change->exec = exec;
    struct words *words = change->sets;
    for (queued = client->transaction->first; queued; queued = queued->next)
        if (is_config_set(queued))
            *words++ = (struct words){queued->request.argc - 2, queued->request.argv + 2};
    return change;
}

static void drop_materials(struct tls_material **at)
{
    while (*at) {
        struct tls_material *material = *at;
        *at = material->next;
        tls_material_free(material);
    }
}

/* Its words may be a passphrase. */
static void change_free(struct tls_change *change)
{
    drop_materials(&change->prepared);
    mem_free_secret(change, change->size);
}

static void pop(struct tls_changes *queue)
{
    struct tls_change *change = queue->first;
    queue->first = change->next;
    if (!queue->first)
        queue->last = NULL;
    change_free(change);
}

/* The client that waits for the change; NULL when it has gone. */
static struct client *waiting_client(const struct server *server,
                                     const struct tls_change *change) ON_MAIN
{
    struct client *client = client_table_find(server->clients, change->client_id);
    if (!client || client->flags & CLIENT_CLOSING)
        return NULL;
    assert(client->flags & CLIENT_BLOCKED);
    return client;
}

/* -- what a CONFIG SET needs -- */

static void compare_with_candidate(struct server *server)
{
    struct tls_changes *queue = &server->tls_changes;
    queue->is_same = queue->candidate && tls_options_give_same_contexts(queue->candidate->settings,
                                                                        &server->settings.tls);
}

int tls_change_try(void *context, const struct option_changes *changes, struct buffer *error)
{
    entering_main();
    struct server *server = context;
    struct tls_changes *queue = &server->tls_changes;
    if (!uses_tls(&server->settings.tls) || !tls_options_need_contexts(changes))
        return 0;
    queue->needs_contexts = true;
    compare_with_candidate(server);
    if (queue->mode != MODE_FAIL)
        return 0;
    (void)buffer_printf(error, "%s (%s)", tls_apply_error, queue->failure);
    return -1;
}

int tls_change_try_threads(void *context, const struct option_changes *changes,
                           struct buffer *error)
{
    entering_main();
    struct server *server = context;
    struct tls_changes *queue = &server->tls_changes;
    if (!option_changed(changes, "io-threads") ||
        !(has_tls(server) || uses_tls(&server->settings.tls)))
        return 0;
    queue->spare_count = io_pool_missing(server->pool, (int)server->settings.server.io_threads);
    compare_with_candidate(server);
    if (queue->mode != MODE_FAIL || queue->needs_contexts)
        return 0;
    (void)buffer_printf(error, "Cannot start the I/O threads. Check server logs. (%s)",
                        queue->failure);
    return -1;
}

/* Leaves in the queue what the words need, and whether the candidate (or NULL) is of such settings.
 */
static enum config_set_result look(struct server *server, struct config_rehearsal *rehearsal,
                                   const struct words *words, bool may_set_protected,
                                   const struct tls_material *candidate, struct buffer *error)
{
    struct tls_changes *queue = &server->tls_changes;
    queue->mode = MODE_LOOK;
    queue->needs_contexts = false;
    queue->spare_count = 0;
    queue->is_same = false;
    queue->candidate = candidate;
    enum config_set_result result =
        config_rehearse(rehearsal, words->argc, words->argv, may_set_protected, error);
    queue->mode = MODE_NONE;
    queue->candidate = NULL;
    return result;
}

static bool needs_material(const struct tls_changes *queue)
{
    return queue->needs_contexts || queue->spare_count > 0;
}

/* After a look, with the material as candidate. */
static bool is_enough(const struct tls_changes *queue, const struct tls_material *material)
{
    return queue->is_same && material->spare_count >= queue->spare_count &&
           (material->kind == TLS_MATERIAL_ALL || !queue->needs_contexts);
}

static struct tls_material *material_for(struct tls_material *first, const struct words *words)
{
    while (first && first->owner != words->argv)
        first = first->next;
    return first;
}

/* -- preparing -- */

/* What a change that is being rehearsed needs next. */
struct need {
    const struct words *words; /* NULL: nothing */
    struct tls_material **at;  /* what was prepared from here on is void */
    struct tls_material_size size;
};

/* True when these words can be run: they will fail anyway, need nothing, or have what they need. */
static bool is_ready(struct server *server, struct config_rehearsal *rehearsal,
                     const struct tls_change *change, const struct words *words,
                     const struct tls_material *material)
{
    const struct tls_changes *queue = &server->tls_changes;
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    enum config_set_result result =
        look(server, rehearsal, words, change->may_set_protected, material, &error);
    buffer_deinit(&error);
    if (result != CONFIG_SET_DONE)
        server->tls_changes.spare_count = 0;
    return result != CONFIG_SET_DONE || !needs_material(queue) ||
           (material && is_enough(queue, material));
}

/* The first words that nothing is prepared for; their values are in the settings. */
static struct need find_need(struct server *server, struct config_rehearsal *rehearsal,
                             struct tls_change *change)
{
    const struct tls_changes *queue = &server->tls_changes;
    struct need need = {.at = &change->prepared, .size = tls_material_size_now(server, 0)};
    int prepared = 0;
    for (int i = 0; i < change->count && prepared < TLS_CHANGES_PER_EXEC_MAX; i++) {
        const struct words *words = &change->sets[i];
        struct tls_material *material = material_for(*need.at, words);
        bool has_failed = material && material->error[0];
        if (!has_failed && !is_ready(server, rehearsal, change, words, material)) {
            need.words = words;
            need.size.spare_count = queue->spare_count;
            return need;
        }
        int threads = (int)server->settings.server.io_threads;
        if (!has_failed && queue->spare_count > 0 && need.size.thread_count < threads)
            need.size.thread_count = threads;
        if (material) {
            need.at = &material->next;
            prepared++;
        }
    }
    return need;
}

static bool needs_preparation(struct server *server, struct tls_change *change)
{
    struct config_rehearsal *rehearsal = config_rehearsal_begin(server->config);
    struct need need = find_need(server, rehearsal, change);
    config_rehearsal_end(rehearsal);
    return need.words != NULL;
}

/* Gives the worker what the change needs next. False: it needs nothing more. */
static bool prepare_next(struct server *server, struct tls_change *change)
{
    struct config_rehearsal *rehearsal = config_rehearsal_begin(server->config);
    struct need need = find_need(server, rehearsal, change);
    bool needs_all = server->tls_changes.needs_contexts || change->has_other_files;
    if (need.words) {
        drop_materials(need.at);
        tls_material_prepare(server, needs_all ? TLS_MATERIAL_ALL : TLS_MATERIAL_SPARES, need.size,
                             on_prepared, need.words->argv);
    }
    config_rehearsal_end(rehearsal);
    return need.words != NULL;
}

/* -- running: a CONFIG SET -- */

static int refuse(struct server *server, const struct words *words, bool may_set_protected,
                  const char *reason, struct buffer *error)
{
    struct tls_changes *queue = &server->tls_changes;
    log_warning("%s", reason);
    tls_reload_note_result(server, reason);
    queue->failure = reason;
    queue->mode = MODE_FAIL;
    struct config_rehearsal *rehearsal = config_rehearsal_begin(server->config);
    enum config_set_result result =
        config_rehearse(rehearsal, words->argc, words->argv, may_set_protected, error);
    config_rehearsal_end(rehearsal);
    queue->mode = MODE_NONE;
    queue->failure = NULL;
    assert(result != CONFIG_SET_DONE);
    return -1;
}

static int apply(struct server *server, const struct words *words, bool may_set_protected,
                 struct tls_material *prepared, struct buffer *error) ON_MAIN
{
    struct tls_changes *queue = &server->tls_changes;
    bool is_reload = prepared->kind == TLS_MATERIAL_ALL;
    bool is_first = !has_tls(server);
    queue->prepared = is_reload ? prepared : NULL;
    if (is_first) /* threads that start before it is put in force have it as well */
        io_pool_use_tls_settings(server->pool, &server->settings.tls, server->tickets);
    if (is_reload)
        tls_material_set_epoch(prepared);
    io_pool_give_tls_spares(server->pool, prepared->contexts + prepared->count,
                            prepared->spare_count);
    prepared->spare_count = 0;
    enum config_set_result result =
        config_set_many(server->config, words->argc, words->argv, may_set_protected, error);
    bool is_unused = queue->prepared != NULL;
    queue->prepared = NULL;
    io_pool_drop_tls_spares(server->pool);
    if (result != CONFIG_SET_DONE) {
        if (is_first)
            io_pool_use_tls_settings(server->pool, NULL, NULL);
        return -1;
    }
    if (is_unused)
        tls_material_install(prepared); /* of threads alone, but the files are others */
    if (is_reload)
        tls_reload_note_result(server, "");
    return 0;
}

static const char not_prepared[] =
    "a change before it in the transaction failed when it was made, or there are too many";

int tls_change_set(void *context, int argc, const struct bytes *argv, bool may_set_protected,
                   struct buffer *error)
{
    entering_main();
    struct server *server = context;
    struct tls_changes *queue = &server->tls_changes;
    struct words words = {argc, argv};
    struct tls_material *material =
        queue->running ? material_for(queue->running->prepared, &words) : NULL;
    bool has_failed = material && material->error[0];
    struct config_rehearsal *rehearsal = config_rehearsal_begin(server->config);
    enum config_set_result result =
        look(server, rehearsal, &words, may_set_protected, has_failed ? NULL : material, error);
    config_rehearsal_end(rehearsal);
    if (result != CONFIG_SET_DONE)
        return -1;
    if (!needs_material(queue) || server->is_stopping) {
        result = config_set_many(server->config, argc, argv, may_set_protected, error);
        return result == CONFIG_SET_DONE ? 0 : -1;
    }
    if (has_failed)
        return refuse(server, &words, may_set_protected, material->error, error);
    if (!material || !is_enough(queue, material) || !tls_material_fits(material))
        return refuse(server, &words, may_set_protected, not_prepared, error);
    return apply(server, &words, may_set_protected, material, error);
}

/* -- running: a change -- */

static void run_config_set(struct server *server, const struct tls_change *change) ON_MAIN
{
    const struct words *words = &change->sets[0];
    struct buffer error;
    buffer_init(&error, ERROR_SIZE_MAX);
    int result =
        tls_change_set(server, words->argc, words->argv, change->may_set_protected, &error);
    struct client *client = waiting_client(server, change);
    if (client) {
        executor_begin_answer(client);
        client->flags &= ~(uint32_t)CLIENT_BLOCKED;
        if (result == 0)
            reply_ok(&client->reply);
        else
            reply_error(&client->reply, error.data);
        executor_end_blocked(server->executor, client, change->command, 0);
    }
    buffer_deinit(&error);
}

static void run(struct server *server, struct tls_change *change) ON_MAIN
{
    server->tls_changes.running = change;
    if (change->exec)
        executor_run_put_off(server->executor, waiting_client(server, change), change->exec);
    else
        run_config_set(server, change);
    server->tls_changes.running = NULL;
}

/* Gives the first change to the worker. One that has, or no longer needs, anything to prepare is
 * run, and so on. */
static void begin(struct server *server) ON_MAIN
{
    struct tls_changes *queue = &server->tls_changes;
    while (queue->first) {
        bool is_wanted = !queue->first->exec || waiting_client(server, queue->first);
        if (is_wanted && prepare_next(server, queue->first))
            return;
        if (is_wanted)
            run(server, queue->first);
        pop(queue);
    }
}

/* Spares must be of the files in force: those of the changes before them, when there are some. */
static bool is_of_right_files(const struct tls_change *change, const struct tls_material *material)
{
    struct tls_fingerprint right = material->server->tls_reload.loaded;
    if (material->kind != TLS_MATERIAL_SPARES)
        return true;
    for (const struct tls_material *each = change->prepared; each; each = each->next)
        if (each->kind == TLS_MATERIAL_ALL && !each->error[0])
            right = each->found;
    return tls_fingerprint_is_same(right, material->found);
}

static void keep(struct tls_change *change, struct tls_material *material)
{
    struct tls_material **at = &change->prepared;
    while (*at)
        at = &(*at)->next;
    *at = material;
}

/* On main: the worker is done. */
static void on_prepared(void *argument)
{
    entering_main();
    struct tls_material *material = argument;
    struct server *server = material->server;
    struct tls_changes *queue = &server->tls_changes;
    struct tls_change *change = queue->first;
    assert(change);
    bool is_current = tls_material_is_current(material);
    if (!is_current)
        drop_materials(&change->prepared);
    else if (!is_of_right_files(change, material))
        change->has_other_files = true;
    if (material->error[0] || (is_current && is_of_right_files(change, material)))
        keep(change, material);
    else
        tls_material_free(material);
    if (!server->is_stopping)
        begin(server);
    while (server->is_stopping && queue->first)
        pop(queue);
}

/* -- asking -- */

/* False: it need not wait, and is gone. */
static bool defer(struct server *server, struct tls_change *change) ON_MAIN
{
    struct tls_changes *queue = &server->tls_changes;
    if (server->is_stopping || !needs_preparation(server, change)) {
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
        (void)prepare_next(server, change);
    return true;
}

bool tls_change_defer(void *context, struct client *client, int argc, const struct bytes *argv,
                      bool may_set_protected)
{
    entering_main();
    struct tls_change *change = change_of_words(client, argc, argv);
    change->may_set_protected = may_set_protected;
    return defer(context, change);
}

bool tls_change_defer_exec(void *context, struct client *client, struct request *request)
{
    entering_main();
    const struct server *server = context;
    struct tls_change *change = change_of_transaction(client, request);
    if (!change)
        return false;
    change->may_set_protected =
        config_allows(server->config, "enable-protected-configs", client_is_local(client));
    return defer(context, change);
}
