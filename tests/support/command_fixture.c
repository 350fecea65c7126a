/* See command_fixture.h. */
#include "command_fixture.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/thread_role.h"
#include "reply_text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void on_event(void *context, const struct key_event *event)
{
    struct command_fixture *fixture = context;
    if (!(event->kinds & KEY_NOTIFY) || event->notify_class == KEY_CLASS_NEW)
        return;
    size_t used = strlen(fixture->events);
    snprintf(fixture->events + used, sizeof(fixture->events) - used, "%s%s:%.*s", used ? " " : "",
             event->notify_name, (int)event->key.size, event->key.data);
}

struct command_fixture *fixture_create(const struct command_spec *const *tables)
{
    static const uint8_t hash_key[16] = {7};
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with(hash_key);
    clock_update();
    struct command_fixture *fixture = mem_calloc(1, sizeof(*fixture));
    keyspace_settings_init(&fixture->settings);
    fixture->client_settings.proto_max_bulk_len = 512 * 1024 * 1024;
    fixture->types = (struct type_settings){
        .hash_max_listpack_entries = 512,
        .hash_max_listpack_value = 64,
        .set_max_intset_entries = 512,
        .set_max_listpack_entries = 128,
        .set_max_listpack_value = 64,
        .zset_max_listpack_entries = 128,
        .zset_max_listpack_value = 64,
        .list_max_listpack_size = -2,
        .stream_node_max_bytes = 4096,
        .stream_node_max_entries = 100,
        .hll_sparse_max_bytes = 3000,
    };
    fixture->services.types = &fixture->types;
    fixture->keyspace = keyspace_create(&fixture->settings, NULL);
    keyspace_set_observer(fixture->keyspace,
                          &(struct keyspace_observer){on_event, fixture, UINT32_MAX});
    fixture->services.keyspace = fixture->keyspace;
    fixture->services.client_settings = &fixture->client_settings;
    fixture->services.commands = command_table_create();
    for (; *tables; tables++)
        command_table_add(fixture->services.commands, *tables);
    fixture->client = client_create_internal();
    return fixture;
}

void fixture_destroy(struct command_fixture *fixture)
{
    keyspace_destroy(fixture->keyspace);
    command_table_destroy(fixture->services.commands);
    client_destroy(NULL, fixture->client);
    mem_free(fixture->text);
    mem_free(fixture);
}

/* Takes the reply out of the client as text. */
static void take_reply(struct command_fixture *fixture)
{
    size_t size = fixture->client->reply.chain.size;
    mem_free(fixture->text);
    fixture->text = reply_take(&fixture->client->reply.chain);
    const char *end = fixture->text + size;
    char *to = fixture->text;
    for (const char *from = fixture->text; from < end; from++) {
        if (from[0] == '\r' && from + 1 < end && from[1] == '\n') {
            if (from + 2 < end)
                *to++ = ' ';
            from++;
        } else {
            *to++ = *from ? *from : '@';
        }
    }
    *to = '\0';
}

static void note_propagated(struct command_fixture *fixture, struct call *call)
{
    fixture->propagated[0] = '\0';
    size_t used = 0;
    for (struct call_propagated *one = call->propagated; one; one = one->next)
        for (int i = 0; i < one->argc && used < sizeof(fixture->propagated); i++)
            used += (size_t)snprintf(fixture->propagated + used, sizeof(fixture->propagated) - used,
                                     "%s%.*s", used ? " " : "", (int)one->argv[i].size,
                                     one->argv[i].data);
    call_propagated_free(call);
}

const char *fixture_run_argv(struct command_fixture *fixture, int argc, const struct bytes *argv)
{
    struct command *command = command_lookup(fixture->services.commands, argv, argc);
    assert(command != NULL);
    struct client *client = fixture->client;
    reply_begin(&client->reply, client->protocol, NULL);
    struct call call = {.services = &fixture->services,
                        .client = client,
                        .command = command,
                        .db = keyspace_db(fixture->keyspace, client->db),
                        .reply = &client->reply,
                        .argv = argv,
                        .argc = argc,
                        .request = fixture->request,
                        .has_listeners = true,
                        .is_propagated_as_is = true};
    fixture->events[0] = '\0';
    int arity = command->spec->arity;
    if (!command->spec->handler)
        call_unknown_subcommand(&call);
    else if (arity >= 0 ? argc != arity : argc < -arity)
        call_arity_error(&call);
    else
        command->spec->handler(&call);
    fixture->dirty = call.dirty;
    note_propagated(fixture, &call);
    take_reply(fixture);
    return fixture->text;
}

const char *fixture_run(struct command_fixture *fixture, const char *format, ...)
{
    char *line = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&line, format, args);
    va_end(args);
    assert(size >= 0);
    int argc;
    size_t *sizes = NULL;
    char **words = text_split_args(line, &argc, &sizes);
    assert(words && argc > 0);
    struct bytes *argv = mem_alloc((size_t)argc * sizeof(*argv));
    for (int i = 0; i < argc; i++)
        argv[i] = bytes_of(words[i], sizes[i]);
    fixture_run_argv(fixture, argc, argv);
    mem_free(argv);
    mem_free(sizes);
    text_free_args(words, argc);
    free(line);
    return fixture->text;
}

void fixture_pass_time(int64_t ms)
{
    int64_t end_us = clock_read_wall_us() + ms * 1000 + 1000;
    while (clock_read_wall_us() <= end_us)
        ;
    clock_update();
}
