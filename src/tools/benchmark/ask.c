/* load_ask: one question over a connection of its own, on the calling thread's own short-lived
 * loop. */
#include "base/buffer.h"
#include "io/connection.h"
#include "io/loop.h"
#include "protocol/resp_reply_reader.h"
#include "tools/benchmark/load.h"

#include <stdio.h>
#include <string.h>

enum { READ_SIZE = 16 * 1024, ASK_TIMEOUT_MS = 15 * 1000 };

struct question {
    const struct load_options *load;
    struct reply_reader *reader;
    struct reply_value *answer;
    uint32_t greeting_left;
    const struct buffer *request;
    bool is_opened;
    bool is_closed;
    char error[256];
};

static void on_opened(struct connection *connection)
{
    struct question *question = connection_owner(connection);
    const struct workload *workload = question->load->workload;
    question->is_opened = true;
    question->greeting_left = workload->greeting_count;
    struct iovec slices[] = {
        {.iov_base = workload->greeting.data, .iov_len = workload->greeting.size},
        {.iov_base = question->request->data, .iov_len = question->request->size}};
    bool has_greeting = workload->greeting.size > 0;
    connection_write(connection, slices + !has_greeting, 1 + has_greeting);
}

static void take_replies(struct question *question, struct connection *connection)
{
    struct reply_value *value;
    while (reply_reader_next(question->reader, &value) == 1) {
        bool is_aside = value->type == REPLY_PUSH || value->type == REPLY_ATTRIBUTE;
        if (!is_aside && question->greeting_left == 0 && !question->answer) {
            question->answer = value;
            connection_close(connection, CONNECTION_CLOSE_NOW);
            return;
        }
        if (!is_aside && value->type == REPLY_ERROR)
            fatal("Error from server: %s", value->text.data);
        question->greeting_left -= !is_aside;
        reply_value_free(value);
    }
}

static void on_readable(struct connection *connection)
{
    struct question *question = connection_owner(connection);
    size_t size;
    char *room = reply_reader_reserve(question->reader, READ_SIZE);
    if (!room || connection_read(connection, room, READ_SIZE, &size) != TRANSPORT_DONE)
        return;
    reply_reader_commit(question->reader, size);
    take_replies(question, connection);
}

static void on_writable(struct connection *connection)
{
    (void)connection;
}

static void on_closed(struct connection *connection, enum connection_outcome outcome,
                      const char *text)
{
    (void)outcome;
    struct question *question = connection_owner(connection);
    question->is_closed = true;
    snprintf(question->error, sizeof(question->error), "%s", text);
}

static const struct connection_handler handler = {
    .on_opened = on_opened,
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static void append_request(struct buffer *request, const char *const *args, int argc)
{
    int result = buffer_printf(request, "*%d\r\n", argc);
    for (int i = 0; i < argc && result == 0; i++)
        result = buffer_printf(request, "$%zu\r\n%s\r\n", strlen(args[i]), args[i]);
    if (result != 0)
        fatal("the question is too long");
}

static void converse(struct question *question, struct loop *loop, struct tls_context *tls)
{
    const struct options *options = question->load->options;
    struct connection_options connection_options = {
        .handler = &handler,
        .owner = question,
        .tls = tls,
        .handshake_timeout_ms = ASK_TIMEOUT_MS,
        .server_name = tls_flags_server_name(&options->tls, options->host)};
    if (!connection_connect(loop, question->load->address, &connection_options))
        fatal("Could not open a connection: out of memory or descriptors");
    while (!question->is_closed) {
        loop_poll(loop, -1);
        loop_flush(loop);
    }
    if (!question->is_opened)
        fatal_connection(question->load->options, false, question->error);
}

struct reply_value *load_ask(const struct load_options *load, const char *const *args, int argc)
{
    char error[256] = "";
    struct loop *loop = loop_create(&(struct loop_options){0}, error);
    if (!loop)
        fatal("Could not create an event loop: %s", error);
    struct tls_context *tls = NULL;
    if (load->options->tls.is_enabled) {
        tls = tls_flags_create_context(&load->options->tls, error, sizeof(error));
        if (!tls)
            fatal("Could not create a TLS context: %s", error);
    }
    struct buffer request;
    buffer_init(&request, 4096);
    append_request(&request, args, argc);
    struct question question = {.load = load, .request = &request, .reader = reply_reader_create()};
    converse(&question, loop, tls);
    reply_reader_destroy(question.reader);
    buffer_deinit(&request);
    if (tls)
        tls_context_release(tls);
    loop_destroy(loop);
    return question.answer;
}
