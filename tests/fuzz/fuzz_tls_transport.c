/* Fuzz target of the server's TLS transport (libFuzzer's signature). An input is a setting byte, a
 * byte that says how the stream is cut, and what a client sends. Whatever that is, the transport
 * ends in one of its documented ways, leaves OpenSSL's error queue empty, delivers no byte that the
 * client did not send in its place, and is freed whole.
 *
 * Seeds are handshakes recorded in this process with OpenSSL as the client: TLS 1.2 and 1.3, with
 * and without a certificate, then data, new keys and close_notify. OpenSSL's random numbers come
 * from a generator of each side that starts anew for each input; so a recording can be replayed:
 * the server comes to the same keys, and mutations reach what lies behind the handshake.
 *
 *   clang: -fsanitize=fuzzer,address -DFUZZ_NO_MAIN, the recordings are put into the corpus folder;
 *   gcc: the main below runs each recording, FUZZ_ROUNDS mutations of it, and files named as
 *   arguments.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method */
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/io_stats.h"
#include "io/loop_internal.h"
#include "io/tls_context.h"
#include "io/tls_tickets.h"
#include "io/transport_tls.h"
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

#define CERTIFICATES "tests/tls/"

enum {
    RECORDINGS = 8, /* the setting byte's lowest bits */
    SETTING_TLS13 = 1 << 0,
    SETTING_CERTIFICATE = 1 << 1,
    SETTING_REQUIRED = 1 << 2, /* the server wants a certificate */
    INPUT_MAX = 64 * 1024,
    DATA_SIZE = 20000, /* more than a record */
    CALLS_MAX = 100000
};

struct recording {
    uint8_t data[INPUT_MAX];
    size_t size;
};

/* The process's, as OpenSSL's are. */
static struct random_state client_random;
static struct random_state server_random;
static struct random_state *current_random = &server_random;
static struct loop *loop;
static struct tls_tickets *tickets;
static struct tls_context *contexts[2]; /* a certificate is optional, is required */
static struct recording recordings[RECORDINGS];

/* -- random numbers that can be had again -- */

static int take_random(unsigned char *to, int size)
{
    for (int i = 0; i < size; i++)
        to[i] = (unsigned char)(random_state_next(current_random) >> 32);
    return 1;
}

static int random_status(void)
{
    return 1;
}

static const RAND_METHOD random_method = {
    .bytes = take_random, .pseudorand = take_random, .status = random_status};

static void restart_random(void)
{
    random_state_seed(&client_random, 1);
    random_state_seed(&server_random, 2);
    current_random = &server_random;
}

/* -- the server -- */

/* What clients say: byte by byte its place. */
static char said(size_t offset)
{
    return (char)(offset * 7 + offset / 251);
}

struct server {
    struct transport *transport;
    struct transport_wire wire;
    struct io_stats stats;
    bool is_open;
    enum transport_result result; /* of the last call */
    size_t received;
};

static void server_start(struct server *server, unsigned setting)
{
    memset(server, 0, sizeof(*server));
    const struct tls_transport_options options = {
        .context = contexts[(setting & SETTING_REQUIRED) != 0],
        .is_server = true,
        .stats = &server->stats,
    };
    server->wire.loop = loop;
    server->transport = transport_tls_create(&options);
    server->result = TRANSPORT_NEED_INPUT;
    assert(server->transport != NULL);
}

static bool is_finished(const struct server *server)
{
    return server->result == TRANSPORT_CLOSED || server->result == TRANSPORT_ERROR;
}

static void check_end(const struct server *server)
{
    const struct transport_wire *wire = &server->wire;
    if (server->result == TRANSPORT_ERROR) {
        assert(wire->error != NULL && *wire->error != '\0');
        assert(strpbrk(wire->error, "\r\n") == NULL);
        assert(strlen(wire->error) < TRANSPORT_ERROR_TEXT_MAX);
        assert(wire->outcome ==
               (server->is_open ? OUTCOME_PROTOCOL_ERROR : OUTCOME_HANDSHAKE_FAILED));
    } else if (server->result == TRANSPORT_CLOSED) {
        assert(server->is_open);
        assert(wire->outcome == OUTCOME_CLOSED_CLEAN || wire->outcome == OUTCOME_CLOSED_TRUNCATED);
    }
}

/* Calls the transport until it wants more input. */
static void server_advance(struct server *server)
{
    const struct transport_ops *ops = server->transport->ops;
    current_random = &server_random;
    for (int calls = 0; !is_finished(server); calls++) {
        static char data[9000];
        size_t count = 0;
        assert(calls < CALLS_MAX);
        server->wire.in_taken = 0; /* each call is a turn */
        if (!server->is_open) {
            server->result = ops->handshake(server->transport, &server->wire);
            server->is_open = server->result == TRANSPORT_DONE;
        } else {
            server->result =
                ops->read(server->transport, &server->wire, data, sizeof(data), &count);
            assert((server->result == TRANSPORT_DONE) == (count > 0));
        }
        assert(ERR_peek_error() == 0);
        for (size_t i = 0; i < count; i++)
            assert(data[i] == said(server->received + i));
        server->received += count;
        check_end(server);
        if (server->result == TRANSPORT_NEED_OUTPUT)
            wire_drop_output(&server->wire); /* it was sent */
        if (server->result == TRANSPORT_NEED_INPUT)
            return;
    }
}

static void server_receive(struct server *server, const uint8_t *data, size_t size)
{
    struct io_buffer *buffer = loop_heap_buffer_take(loop);
    assert(size > 0 && size <= IO_BUFFER_SIZE);
    memcpy(loop_heap_buffer_room(buffer), data, size);
    buffer->size = (uint32_t)size;
    wire_append(&server->wire, buffer);
}

/* The stream is over: it has to end, and to stay ended. */
static void server_finish(struct server *server)
{
    const struct transport_ops *ops = server->transport->ops;
    char byte;
    size_t count = 0;
    if (server->is_open && !is_finished(server)) {
        enum transport_result result =
            ops->write(server->transport, &server->wire, "+OK\r\n", 5, &count);
        assert(result == TRANSPORT_DONE ? count == 5 : count == 0);
    }
    server->wire.in_ended = true;
    server_advance(server);
    assert(is_finished(server));
    if (server->is_open) {
        enum transport_result again = ops->read(server->transport, &server->wire, &byte, 1, &count);
        assert(again == server->result && count == 0);
        ops->shutdown(server->transport, &server->wire);
        ops->shutdown(server->transport, &server->wire);
    } else {
        assert(server->stats.handshakes_failed == 1);
    }
    assert(server->stats.handshakes_full + server->stats.handshakes_resumed == server->is_open);
    ops->destroy(server->transport);
    assert(ERR_peek_error() == 0);
    wire_drop_input(&server->wire);
    wire_drop_output(&server->wire);
}

/* Runs the bytes through a new server; what it came to is in *server, whose transport is gone. */
static void replay(struct server *server, unsigned setting, unsigned cut, const uint8_t *data,
                   size_t size)
{
    restart_random();
    server_start(server, setting);
    size_t piece = cut == 0 ? IO_BUFFER_SIZE : cut < 128 ? cut : (cut - 127) * 128u;
    for (size_t done = 0; done < size && !is_finished(server);) {
        size_t part = size - done < piece ? size - done : piece;
        server_receive(server, data + done, part);
        server_advance(server);
        done += part;
    }
    server_finish(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct server server;
    if (size < 3 || size > INPUT_MAX)
        return 0;
    replay(&server, data[0], data[1], data + 2, size - 2);
    return 0;
}

/* -- recording -- */

static SSL *client_start(unsigned setting)
{
    int version = setting & SETTING_TLS13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert(context != NULL);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (setting & SETTING_CERTIFICATE) {
        assert(SSL_CTX_use_certificate_chain_file(context, CERTIFICATES "ec.crt") == 1);
        assert(SSL_CTX_use_PrivateKey_file(context, CERTIFICATES "ec.key", SSL_FILETYPE_PEM) == 1);
    }
    SSL *ssl = SSL_new(context);
    assert(ssl != NULL);
    SSL_CTX_free(context);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    return ssl;
}

/* Passes bytes both ways until nothing moves, and keeps what the client says. */
static void converse(SSL *ssl, struct server *server, struct recording *recording)
{
    for (bool moved = true; moved;) {
        moved = false;
        current_random = &client_random;
        if (!SSL_is_init_finished(ssl))
            (void)SSL_do_handshake(ssl);
        ERR_clear_error();
        int size;
        while ((size = BIO_read(SSL_get_wbio(ssl), recording->data + recording->size,
                                IO_BUFFER_SIZE)) > 0) {
            if (!is_finished(server))
                server_receive(server, recording->data + recording->size, (size_t)size);
            recording->size += (size_t)size;
            assert(recording->size + IO_BUFFER_SIZE < INPUT_MAX);
            moved = true;
        }
        server_advance(server);
        if (server->wire.out_size > 0) {
            (void)BIO_write(SSL_get_rbio(ssl), server->wire.out, (int)server->wire.out_size);
            wire_drop_output(&server->wire);
            moved = true;
        }
    }
}

static void client_says(SSL *ssl, size_t offset, size_t size)
{
    static char data[DATA_SIZE];
    size_t written = 0;
    for (size_t i = 0; i < size; i++)
        data[i] = said(offset + i);
    assert(SSL_write_ex(ssl, data, size, &written) == 1 && written == size);
}

static void record(unsigned setting, struct recording *recording)
{
    struct server server;
    restart_random();
    server_start(&server, setting);
    current_random = &client_random;
    SSL *ssl = client_start(setting);
    recording->size = 0;
    converse(ssl, &server, recording);
    current_random = &client_random;
    if (server.is_open) {
        client_says(ssl, 0, 100);
        if (setting & SETTING_TLS13)
            assert(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        client_says(ssl, 100, DATA_SIZE - 100);
        (void)SSL_shutdown(ssl);
        converse(ssl, &server, recording);
    }
    server_finish(&server);
    SSL_free(ssl);
    ERR_clear_error();
}

/* A recording replays to the same end, or the mutations would not reach far. */
static void check_recording(unsigned setting, const struct recording *recording)
{
    struct server server;
    bool is_refused = (setting & SETTING_REQUIRED) && !(setting & SETTING_CERTIFICATE);
    replay(&server, setting, 0, recording->data, recording->size);
    assert(server.is_open == !is_refused);
    assert(is_refused || server.received == DATA_SIZE);
    assert(is_refused || server.wire.outcome == OUTCOME_CLOSED_CLEAN);
}

static struct tls_context *make_context(int auth_clients)
{
    struct tls_settings settings = {.cert_file = (char *)CERTIFICATES "ec.crt",
                                    .key_file = (char *)CERTIFICATES "ec.key",
                                    .ca_cert_file = (char *)CERTIFICATES "ca.crt",
                                    .auth_clients = auth_clients,
                                    .session_caching = true,
                                    .session_cache_size = 100,
                                    .session_cache_timeout = 300,
                                    .session_tickets = true};
    char error[512];
    struct tls_context *context =
        tls_context_create(&settings, tickets, true, error, sizeof(error));
    if (context == NULL)
        panic("%s", error);
    return context;
}

static void begin(void)
{
    static struct recording warm;
    char error[256];
    mem_init();
    log_set_level(LOG_NOTHING_);
    if (access(CERTIFICATES ".complete", R_OK) != 0 && system("utils/gen-test-certs.sh") != 0)
        panic("no certificates");
    if (tls_library_init() != 0 || RAND_set_rand_method(&random_method) != 1)
        panic("OpenSSL cannot be prepared");
    tickets = tls_tickets_create();
    contexts[0] = make_context(TLS_AUTH_CLIENTS_OPTIONAL);
    contexts[1] = make_context(TLS_AUTH_CLIENTS_YES);
    loop = loop_create(&(struct loop_options){.backend = LOOP_BACKEND_EPOLL}, error);
    assert(loop != NULL);
    for (unsigned setting = 0; setting < RECORDINGS; setting++) {
        record(setting, &warm); /* what is made once is made */
        record(setting, &recordings[setting]);
        check_recording(setting, &recordings[setting]);
    }
}

/* -- mutations that know records -- */

static size_t pick(struct random_state *random, size_t bound)
{
    return (size_t)(random_state_next(random) % bound);
}

/* Where the record begins in which `offset` lies; its end in *end. */
static size_t record_at(const uint8_t *data, size_t size, size_t offset, size_t *end)
{
    size_t at = 0;
    for (;;) {
        size_t next = size - at >= 5 ? at + 5 + (size_t)(data[at + 3] << 8 | data[at + 4]) : size;
        *end = next < size ? next : size;
        if (offset < *end || *end == size)
            return at;
        at = *end;
    }
}

/* Replaces `size` bytes at `at` by `count` others. Returns the new total, at most INPUT_MAX. */
static size_t splice(uint8_t *data, size_t total, size_t at, size_t size, const uint8_t *other,
                     size_t count)
{
    static uint8_t copy[INPUT_MAX];
    if (total - size + count > INPUT_MAX - 2)
        return total;
    memcpy(copy, other, count);
    memmove(data + at + count, data + at + size, total - at - size);
    memcpy(data + at, copy, count);
    return total - size + count;
}

static size_t mutate_once(uint8_t *data, size_t size, struct random_state *random)
{
    static const uint8_t types[] = {20, 21, 22, 23, 24, 0x80, 0, 255};
    uint8_t noise[64];
    size_t end = 0;
    size_t offset = pick(random, size);
    size_t at = record_at(data, size, offset, &end);
    size_t other_end = 0;
    size_t other = record_at(data, size, pick(random, size), &other_end);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)random_state_next(random);
    switch (pick(random, 12)) {
    case 0: /* a bit */
        data[offset] ^= (uint8_t)(1 << pick(random, 8));
        return size;
    case 1:
        data[offset] = noise[0];
        return size;
    case 2: /* early in a record, where the lengths are */
        data[at + pick(random, end - at < 60 ? end - at : 60)] = noise[0];
        return size;
    case 3:
        data[at] = types[pick(random, sizeof(types))];
        return size;
    case 4: /* another length */
        if (end - at >= 5)
            data[at + 3 + pick(random, 2)] ^= (uint8_t)(1 << pick(random, 8));
        return size;
    case 5: /* another version */
        if (end - at >= 3)
            data[at + 1 + pick(random, 2)] = noise[0] % 6;
        return size;
    case 6: /* the stream ends here */
        return offset > 0 ? offset : 1;
    case 7: /* a record is gone */
        return end - at < size ? splice(data, size, at, end - at, data, 0) : size;
    case 8: /* comes twice, or somewhere else */
        return splice(data, size, other, 0, data + at, end - at);
    case 9: /* in place of another */
        return splice(data, size, other, other_end - other, data + at, end - at);
    case 10:
        return splice(data, size, offset, 0, noise, 1 + pick(random, sizeof(noise)));
    default: {
        size_t count = 1 + pick(random, 20);
        return count < size - offset ? splice(data, size, offset, count, data, 0) : size;
    }
    }
}

static size_t mutate(uint8_t *data, size_t size, uint64_t seed)
{
    struct random_state random;
    random_state_seed(&random, seed);
    for (size_t times = 1 + pick(&random, 3); times > 0; times--)
        size = mutate_once(data, size, &random);
    return size;
}

#ifdef FUZZ_NO_MAIN
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    static uint8_t copy[INPUT_MAX];
    if (seed % 4 == 0 || size < 3 || size > INPUT_MAX)
        return LLVMFuzzerMutate(data, size, size_max);
    memcpy(copy, data, size);
    size_t result = mutate(copy + 2, size - 2, seed) + 2;
    if (result > size_max)
        result = size_max;
    memcpy(data, copy, result);
    return result;
}

/* The last argument is the corpus folder: the recordings are put there. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    begin();
    for (unsigned setting = 0; *argc > 1 && setting < RECORDINGS; setting++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/recorded-%u", (*argv)[*argc - 1], setting);
        FILE *file = fopen(path, "wb");
        if (file == NULL)
            continue; /* it is an input to be run again */
        uint8_t head[2] = {(uint8_t)setting, 0};
        (void)fwrite(head, 1, 2, file);
        (void)fwrite(recordings[setting].data, 1, recordings[setting].size, file);
        (void)fclose(file);
    }
    return 0;
}
#else
static void run_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return;
    size_t size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 500 };
    static uint8_t data[INPUT_MAX];
    const char *wanted = getenv("FUZZ_ROUNDS");
    unsigned long rounds = wanted != NULL ? strtoul(wanted, NULL, 10) : ROUNDS;
    unsigned long opened = 0;
    begin();
    for (unsigned setting = 0; setting < RECORDINGS; setting++) {
        for (unsigned long i = 0; i < rounds; i++) {
            struct server server;
            memcpy(data, recordings[setting].data, recordings[setting].size);
            size_t size = mutate(data, recordings[setting].size, i);
            replay(&server, setting, (unsigned)(i % 7 == 0 ? i : 0) & 0xff, data, size);
            opened += server.is_open;
        }
    }
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    printf("fuzz_tls_transport: %lu inputs, %lu of them got through the handshake\n",
           rounds * RECORDINGS, opened);
    for (int i = 0; i < 2; i++)
        tls_context_release(contexts[i]);
    tls_tickets_destroy(tickets);
    loop_destroy(loop);
    return 0;
}
#endif
