/* For tests of the TLS layer: two transports that talk through memory, and the wire functions they
 * call, with a window that the test chooses. Included by one file of a test program. */
#ifndef TESTS_UNIT_IO_TLS_PAIR_H
#define TESTS_UNIT_IO_TLS_PAIR_H

#include "base/memory.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include "io/transport_tls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TLS_PAIR_WITHOUT_CRITERION /* bench/tls-handshake is no test */
#include <criterion/criterion.h>
#endif

#define CERTIFICATES "tests/tls/"

struct end {
    struct transport_wire wire; /* first: the wire functions find the end through it */
    struct transport *transport;
    struct io_stats stats;
    char *in;
    size_t in_offset;
    size_t out_max;
    bool drips; /* receives a byte at a time */
};

/* -- the wire, as wire.c has it, without a loop -- */

size_t wire_take(struct transport_wire *wire, void *destination, size_t size)
{
    struct end *end = (struct end *)wire;
    if (size > wire->in_size)
        size = wire->in_size;
    memcpy(destination, end->in + end->in_offset, size);
    end->in_offset += size;
    wire->in_size -= size;
    return size;
}

size_t wire_move(struct transport_wire *wire, void *destination, size_t size)
{
    return wire_take(wire, destination, size);
}

int wire_peek(const struct transport_wire *wire)
{
    const struct end *end = (const struct end *)wire;
    return wire->in_size ? (unsigned char)end->in[end->in_offset] : -1;
}

char *wire_reserve(struct transport_wire *wire, size_t size)
{
    const struct end *end = (const struct end *)wire;
    if (wire->out_size + size > end->out_max)
        return NULL;
    if (wire->out_size + size > wire->out_capacity) {
        wire->out_capacity = wire->out_size + size;
        wire->out = mem_realloc(wire->out, wire->out_capacity);
    }
    return wire->out + wire->out_size;
}

void wire_commit(struct transport_wire *wire, size_t size)
{
    assert(wire->out_size + size <= wire->out_capacity);
    wire->out_size += size;
}

/* -- ends -- */

static inline void end_receive(struct end *end, const void *data, size_t size)
{
    memmove(end->in, end->in + end->in_offset, end->wire.in_size);
    end->in = mem_realloc(end->in, end->wire.in_size + size + 1);
    memcpy(end->in + end->wire.in_size, data, size);
    end->in_offset = 0;
    end->wire.in_size += size;
}

/* Moves at most `size` bytes from one's output to the other's input. */
static inline size_t end_pass(struct end *from, struct end *to, size_t size)
{
    if (size > from->wire.out_size)
        size = from->wire.out_size;
    if (size == 0)
        return 0;
    end_receive(to, from->wire.out, size);
    from->wire.out_size -= size;
    memmove(from->wire.out, from->wire.out + size, from->wire.out_size);
    return size;
}

static inline void end_open(struct end *end, const struct tls_transport_options *options)
{
    struct tls_transport_options copy = *options;
    memset(end, 0, sizeof(*end));
    copy.stats = &end->stats;
    end->in = mem_alloc(1);
    end->out_max = WIRE_OUT_SIZE_MAX;
    end->transport = transport_tls_create(&copy);
    cr_assert_not_null(end->transport);
}

static inline void end_close(struct end *end)
{
    if (end->transport)
        end->transport->ops->destroy(end->transport);
    mem_free(end->in);
    mem_free(end->wire.out);
    memset(end, 0, sizeof(*end));
}

struct pair {
    struct end client;
    struct end server;
    enum transport_result client_result;
    enum transport_result server_result;
};

static inline void pair_open(struct pair *pair, struct tls_context *client,
                             struct tls_context *server, void *session)
{
    memset(pair, 0, sizeof(*pair));
    end_open(&pair->client, &(struct tls_transport_options){
                                .context = client, .server_name = "localhost", .session = session});
    end_open(&pair->server, &(struct tls_transport_options){.context = server, .is_server = true});
}

static inline void pair_close(struct pair *pair)
{
    end_close(&pair->client);
    end_close(&pair->server);
}

static inline enum transport_result end_shake(struct end *end)
{
    return end->transport->ops->handshake(end->transport, &end->wire);
}

/* Until both have finished or one failed; true when both are open. `step` bytes at a time. */
static inline bool pair_shake_in_steps(struct pair *pair, size_t step)
{
    enum transport_result *c = &pair->client_result;
    enum transport_result *s = &pair->server_result;
    *c = *s = TRANSPORT_NEED_INPUT;
    for (int i = 0; i < 100000; i++) {
        if (*c != TRANSPORT_DONE && *c != TRANSPORT_ERROR)
            *c = end_shake(&pair->client);
        size_t moved = end_pass(&pair->client, &pair->server, step);
        if (*s != TRANSPORT_DONE && *s != TRANSPORT_ERROR)
            *s = end_shake(&pair->server);
        moved += end_pass(&pair->server, &pair->client, step);
        bool is_over = (*c == TRANSPORT_DONE || *c == TRANSPORT_ERROR) &&
                       (*s == TRANSPORT_DONE || *s == TRANSPORT_ERROR);
        if (is_over || (moved == 0 && (*c == TRANSPORT_ERROR || *s == TRANSPORT_ERROR)))
            break;
    }
    return *c == TRANSPORT_DONE && *s == TRANSPORT_DONE;
}

static inline bool pair_shake(struct pair *pair)
{
    return pair_shake_in_steps(pair, WIRE_OUT_SIZE_MAX);
}

static inline enum transport_result end_read(struct end *end, char *data, size_t size,
                                             size_t *count)
{
    return end->transport->ops->read(end->transport, &end->wire, data, size, count);
}

static inline enum transport_result end_write(struct end *end, const char *data, size_t size,
                                              size_t *count)
{
    return end->transport->ops->write(end->transport, &end->wire, data, size, count);
}

/* Sends `text` across and checks that it arrives. */
static inline void check_passes(struct end *from, struct end *to, const char *text)
{
    size_t count = 0;
    char data[4096];
    cr_assert_eq(end_write(from, text, strlen(text), &count), TRANSPORT_DONE);
    cr_assert_eq(count, strlen(text));
    end_pass(from, to, WIRE_OUT_SIZE_MAX);
    cr_assert_eq(end_read(to, data, sizeof(data), &count), TRANSPORT_DONE);
    cr_assert_eq(count, strlen(text));
    cr_assert_arr_eq(data, text, count);
}

/* -- contexts -- */

static inline void tls_test_begin(void)
{
    mem_init();
    if (access(CERTIFICATES ".complete", R_OK) != 0)
        cr_assert_eq(system("utils/gen-test-certs.sh"), 0);
    cr_assert_eq(tls_library_init(), 0);
}

/* What a test changes; everything else as the defaults are. Strings are literals. */
static inline struct tls_settings settings_for_tests(void)
{
    struct tls_settings settings = {0};
    settings.cert_file = (char *)CERTIFICATES "redis.crt";
    settings.key_file = (char *)CERTIFICATES "redis.key";
    settings.client_cert_file = (char *)CERTIFICATES "client.crt";
    settings.client_key_file = (char *)CERTIFICATES "client.key";
    settings.ca_cert_file = (char *)CERTIFICATES "ca.crt";
    settings.auth_clients = TLS_AUTH_CLIENTS_YES;
    settings.session_caching = true;
    settings.session_cache_size = 20480;
    settings.session_cache_timeout = 300;
    settings.session_tickets = true;
    return settings;
}

static inline struct tls_context *context_for(const struct tls_settings *settings,
                                              struct tls_tickets *tickets)
{
    char error[512] = "";
    struct tls_context *context = tls_context_create(settings, tickets, true, error, sizeof(error));
    cr_assert_not_null(context, "%s", error);
    return context;
}

static inline struct tls_context *client_for(struct tls_client_settings settings)
{
    char error[512] = "";
    if (!settings.ca_cert_file)
        settings.ca_cert_file = CERTIFICATES "ca.crt";
    struct tls_context *context = tls_context_create_client(&settings, error, sizeof(error));
    cr_assert_not_null(context, "%s", error);
    return context;
}

#define WITH_CLIENT_CERTIFICATE                                                                    \
    .cert_file = CERTIFICATES "client.crt", .key_file = CERTIFICATES "client.key"

#endif
