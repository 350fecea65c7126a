/* The clients of sim_client.h. */
#ifdef BUILD_TLS
#include "sim_client.h"
#include "base/assert.h"
#include "base/memory.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

enum { OUTPUT_MAX = 64 * 1024, PART = 4096 };

struct sim_client {
    struct sim_peer *peer;
    SSL *ssl; /* NULL: plain */
    BIO *in;
    BIO *out;
    char unsent[PART]; /* taken from `out`, not by the link */
    size_t unsent_size;
    bool shuts; /* when everything is sent */
    bool is_shut;
    bool is_broken;
    bool saw_goodbye;
};

SSL_CTX *sim_client_context(const char *version, const char *cert, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert(context != NULL);
    if (version != NULL) {
        int number = strcmp(version, "TLSv1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
        SSL_CTX_set_min_proto_version(context, number);
        SSL_CTX_set_max_proto_version(context, number);
    }
    assert(SSL_CTX_load_verify_locations(context, "tests/tls/ca.crt", NULL) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (cert != NULL) {
        assert(SSL_CTX_use_certificate_chain_file(context, cert) == 1);
        assert(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1);
    }
    return context;
}

struct sim_client *sim_client_create(struct sim_peer *peer, SSL_CTX *tls)
{
    struct sim_client *client = mem_calloc(1, sizeof(*client));
    client->peer = peer;
    if (tls == NULL)
        return client;
    client->ssl = SSL_new(tls);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    assert(client->ssl != NULL && client->in != NULL && client->out != NULL);
    BIO_set_mem_eof_return(client->in, -1);
    BIO_set_mem_eof_return(client->out, -1);
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    return client;
}

void sim_client_destroy(struct sim_client *client)
{
    SSL_free(client->ssl);
    mem_free(client);
}

struct sim_peer *sim_client_peer(struct sim_client *client)
{
    return client->peer;
}

/* False when the link is full. */
static bool send_unsent(struct sim_client *client)
{
    size_t sent = sim_peer_send(client->peer, client->unsent, client->unsent_size);
    client->unsent_size -= sent;
    memmove(client->unsent, client->unsent + sent, client->unsent_size);
    return client->unsent_size == 0;
}

static void pump_output(struct sim_client *client)
{
    while (send_unsent(client)) {
        int size = client->ssl != NULL ? BIO_read(client->out, client->unsent, PART) : 0;
        if (size <= 0)
            break;
        client->unsent_size = (size_t)size;
    }
    if (client->shuts && !client->is_shut && client->unsent_size == 0) {
        client->is_shut = true;
        sim_peer_shut(client->peer);
    }
}

/* A failed call; false: the stream goes on. */
static void judge(struct sim_client *client, int result)
{
    int error = SSL_get_error(client->ssl, result);
    if (error == SSL_ERROR_ZERO_RETURN)
        client->saw_goodbye = true;
    else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        client->is_broken = true;
    ERR_clear_error();
}

void sim_client_pump(struct sim_client *client)
{
    if (client->ssl != NULL) {
        char data[PART];
        size_t size;
        while (BIO_ctrl_pending(client->in) < OUTPUT_MAX &&
               (size = sim_peer_receive(client->peer, data, sizeof(data))) > 0)
            assert(BIO_write(client->in, data, (int)size) == (int)size);
        if (!SSL_is_init_finished(client->ssl) && !client->is_broken) {
            ERR_clear_error();
            int result = SSL_do_handshake(client->ssl);
            if (result != 1)
                judge(client, result);
        }
    }
    pump_output(client);
}

bool sim_client_is_open(const struct sim_client *client)
{
    return client->ssl == NULL || (SSL_is_init_finished(client->ssl) && !client->is_broken);
}

size_t sim_client_write(struct sim_client *client, const void *data, size_t size)
{
    if (!sim_client_is_open(client) || client->shuts || size == 0)
        return 0;
    if (client->ssl == NULL)
        return sim_peer_send(client->peer, data, size);
    if (BIO_ctrl_pending(client->out) > OUTPUT_MAX)
        return 0;
    size_t written = 0;
    ERR_clear_error();
    int result = SSL_write_ex(client->ssl, data, size, &written);
    if (result != 1)
        judge(client, result);
    return written;
}

size_t sim_client_read(struct sim_client *client, void *data, size_t size)
{
    if (client->ssl == NULL)
        return sim_peer_receive(client->peer, data, size);
    if (!sim_client_is_open(client) || client->saw_goodbye)
        return 0;
    size_t count = 0;
    ERR_clear_error();
    int result = SSL_read_ex(client->ssl, data, size, &count);
    if (result != 1)
        judge(client, result);
    return count;
}

void sim_client_shut(struct sim_client *client, bool is_polite)
{
    if (client->shuts)
        return;
    client->shuts = true;
    if (client->ssl != NULL && is_polite && sim_client_is_open(client)) {
        (void)SSL_shutdown(client->ssl);
        ERR_clear_error();
    }
}

bool sim_client_has_ended(struct sim_client *client)
{
    if (client->saw_goodbye || client->is_broken)
        return true;
    bool has_input =
        client->ssl != NULL && (BIO_ctrl_pending(client->in) > 0 || SSL_pending(client->ssl) > 0);
    return sim_peer_has_ended(client->peer) && !has_input;
}

bool sim_client_saw_goodbye(const struct sim_client *client)
{
    return client->saw_goodbye;
}

void sim_client_update_keys(struct sim_client *client)
{
    if (client->ssl != NULL && sim_client_is_open(client) && !client->shuts &&
        SSL_version(client->ssl) == TLS1_3_VERSION) {
        (void)SSL_key_update(client->ssl, SSL_KEY_UPDATE_REQUESTED);
        ERR_clear_error();
    }
}
#endif
