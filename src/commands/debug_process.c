/* DEBUG subcommands about the process: its allocator, its clients' memory, its configuration file,
 * and ways to end it. Main thread. */
#include "base/memory.h"
#include "client/client_options.h"
#include "client/client_table.h"
#include "client/session.h"
#include "commands/debug_internal.h"
#include "commands/dump.h"
#include "config/config_file.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"
#include "structures/quicklist.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE_MAX = 64 * 1024, NAME_SIZE_MAX = 128 };

/* -- memory -- */

static void structsize_debug(struct call *call)
{
    char text[256];
    snprintf(text, sizeof(text),
             "bits:%zu entry:%zu dictbucket:%zu shared:%zu quicklist:%zu quicklistnode:%zu "
             "request:%zu client:%zu session:%zu",
             sizeof(void *) * 8, sizeof(struct entry), sizeof(struct dict_bucket),
             sizeof(struct shared_bytes), sizeof(struct quicklist), sizeof(struct quicklist_node),
             sizeof(struct request), sizeof(struct client), sizeof(struct session));
    reply_simple(call->reply, text);
}

/* Nobody keeps the copy: that is what is asked for. */
static void leak_debug(struct call *call)
{
    struct bytes text = call->argv[2];
    (void)mem_dup(text.data, text.size ? text.size : 1);
    reply_ok(call->reply);
}

static void reply_errno(struct call *call, int error)
{
    reply_errorf(call->reply, "%s", strerror(-error));
}

static bool copy_word(struct bytes word, char text[NAME_SIZE_MAX])
{
    if (word.size >= NAME_SIZE_MAX)
        return false;
    memcpy(text, word.data, word.size);
    text[word.size] = '\0';
    return true;
}

static void mallctl_debug(struct call *call)
{
    char name[NAME_SIZE_MAX];
    int64_t value = 0;
    bool is_written = call->argc == 4;
    if (is_written && !call_integer(call, 3, &value, NULL))
        return;
    int result =
        copy_word(call->argv[2], name) ? mem_control_integer(name, &value, is_written) : -ENOENT;
    if (result == 0)
        reply_integer(call->reply, value);
    else if (result == 1)
        reply_ok(call->reply);
    else
        reply_errno(call, result);
}

static void mallctl_str_debug(struct call *call)
{
    char name[NAME_SIZE_MAX];
    char fresh[NAME_SIZE_MAX];
    const char *value = NULL;
    bool is_written = call->argc == 4;
    int result = copy_word(call->argv[2], name) ? 0 : -ENOENT;
    if (is_written && !copy_word(call->argv[3], fresh))
        result = -EINVAL;
    if (result == 0)
        result = mem_control_text(name, is_written ? fresh : NULL, &value);
    if (result < 0)
        reply_errno(call, result);
    else
        reply_bulk_text(call->reply, value);
}

/* -- clients -- */

enum {
    CLASS_FIRST_BITS = 15,
    CLASS_LAST_BITS = 32,
    CLASSES = CLASS_LAST_BITS - CLASS_FIRST_BITS + 2
};

struct size_class {
    uint64_t memory;
    unsigned clients;
};

static unsigned size_class_of(uint64_t size)
{
    unsigned bits = size ? 63 - (unsigned)__builtin_clzll(size) : 0;
    if (bits < CLASS_FIRST_BITS)
        return 0;
    return (bits < CLASS_LAST_BITS ? bits : CLASS_LAST_BITS) - CLASS_FIRST_BITS + 1;
}

static void describe_class(struct buffer *out, unsigned index, const struct size_class *class)
{
    unsigned long long start = index ? 1ULL << (CLASS_FIRST_BITS + index - 1) : 0;
    unsigned long long end = (1ULL << (CLASS_FIRST_BITS + index)) - 1;
    if (index == CLASSES - 1)
        buffer_printf(out, "bucket %10llu+            ", start);
    else
        buffer_printf(out, "bucket %10llu - %10llu", start, end);
    buffer_printf(out, ": tot-mem: %10llu, clients: %u\n", (unsigned long long)class->memory,
                  class->clients);
}

/* Clients that maxmemory-clients may close, by what was counted of them last. */
static void client_eviction_debug(struct call *call)
{
    if (call->services->client_settings->maxmemory_clients == 0) {
        reply_error(call->reply, "ERR maxmemory-clients is disabled.");
        return;
    }
    struct size_class classes[CLASSES] = {{0, 0}};
    for (const struct client *client = call->services->clients->first; client;
         client = client->next) {
        if (client->memory_counted == 0 || client->flags & CLIENT_NO_EVICT)
            continue;
        struct size_class *class = &classes[size_class_of(client->memory_counted)];
        class->memory += client->memory_counted;
        class->clients++;
    }
    struct buffer out;
    buffer_init(&out, TEXT_SIZE_MAX);
    for (unsigned i = 0; i < CLASSES; i++)
        describe_class(&out, i, &classes[i]);
    reply_verbatim(call->reply, "txt", out.data, out.size);
    buffer_deinit(&out);
}

/* -- configuration, payloads -- */

static void rewrite_all_debug(struct call *call)
{
    struct buffer error;
    buffer_init(&error, TEXT_SIZE_MAX);
    if (config_rewrite_all(call->services->config, &error) == 0)
        reply_ok(call->reply);
    else
        reply_errorf(call->reply, "CONFIG-REWRITE-FORCE-ALL failed: %s", error.data);
    buffer_deinit(&error);
}

static void skip_checksum_debug(struct call *call)
{
    dump_skip_checksum(!call_is(call, 2, "0"));
    reply_ok(call->reply);
}

/* -- ends -- */

static void assert_debug(struct call *call)
{
    assert(call == NULL);
}

static void segfault_debug(struct call *call)
{
    (void)call;
    (void)raise(SIGSEGV);
}

static void oom_debug(struct call *call)
{
    void *memory = mem_alloc(SIZE_MAX / 2); /* aborts */
    reply_integer(call->reply, memory != NULL);
    mem_free(memory);
}

static void panic_debug(struct call *call)
{
    panic("called by DEBUG PANIC of client %llu", (unsigned long long)call->client->id);
}

const struct debug_row debug_process_rows[] = {
    {"structsize", 2, 2, structsize_debug},
    {"leak", 3, 3, leak_debug},
    {"mallctl", 3, 4, mallctl_debug},
    {"mallctl-str", 3, 4, mallctl_str_debug},
    {"client-eviction", 2, 2, client_eviction_debug},
    {"config-rewrite-force-all", 2, 2, rewrite_all_debug},
    {"set-skip-checksum-validation", 3, 3, skip_checksum_debug},
    {"assert", 2, 2, assert_debug},
    {"segfault", 2, 2, segfault_debug},
    {"oom", 2, 2, oom_debug},
    {"panic", 2, 2, panic_debug},
    {NULL, 0, 0, NULL},
};
