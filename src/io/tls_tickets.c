/* Ticket keys and kept sessions (tls_tickets.h), and the callbacks through which a server SSL_CTX
 * uses them. What a session says of its client travels inside it as application data: "1" and the
 * encoded identity when a certificate was verified, "0" when there was none. A session is refused,
 * and a full handshake follows, when its client's certificate has expired meanwhile, or when a
 * certificate is required and the session has none.
 *
 * [X] The epoch is read without the mutex: a relaxed snapshot is enough, since contexts that a new
 * epoch concerns are given it by whoever begins it.
 */
#include "io/tls_tickets.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/tls_internal.h"
#include "io/tls_session_store.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

enum { KEY_NAME_SIZE = 16, KEYS_MAX = 3, IV_SIZE = 16 };

struct ticket_key {
    unsigned char name[KEY_NAME_SIZE];
    unsigned char cipher_key[32]; /* AES-256-CBC */
    unsigned char mac_key[32];    /* HMAC-SHA256 */
};

struct tls_tickets {
    pthread_mutex_t lock;
    struct ticket_key keys[KEYS_MAX]; /* [0] encrypts, all decrypt */
    size_t key_count;
    int64_t rotated_us;
    uint64_t epoch;
    struct tls_session_store *sessions;
};

static void put_key(struct tls_tickets *tickets)
{
    memmove(&tickets->keys[1], &tickets->keys[0], sizeof(tickets->keys[0]) * (KEYS_MAX - 1));
    random_secure(&tickets->keys[0], sizeof(tickets->keys[0]));
    if (tickets->key_count < KEYS_MAX)
        tickets->key_count++;
    tickets->rotated_us = clock_read_us();
}

struct tls_tickets *tls_tickets_create(void)
{
    struct tls_tickets *tickets = mem_calloc(1, sizeof(*tickets));
    pthread_mutex_init(&tickets->lock, NULL);
    tickets->sessions = tls_session_store_create();
    put_key(tickets);
    return tickets;
}

void tls_tickets_destroy(struct tls_tickets *tickets)
{
    if (!tickets)
        return;
    tls_session_store_destroy(tickets->sessions);
    pthread_mutex_destroy(&tickets->lock);
    mem_free_secret(tickets, sizeof(*tickets));
}

void tls_tickets_rotate(struct tls_tickets *tickets)
{
    pthread_mutex_lock(&tickets->lock);
    put_key(tickets);
    pthread_mutex_unlock(&tickets->lock);
}

void tls_tickets_rotate_if_due(struct tls_tickets *tickets, int64_t interval_s)
{
    assert(interval_s > 0);
    pthread_mutex_lock(&tickets->lock);
    if (clock_read_us() - tickets->rotated_us >= interval_s * 1000000)
        put_key(tickets);
    pthread_mutex_unlock(&tickets->lock);
}

void tls_tickets_new_epoch(struct tls_tickets *tickets)
{
    pthread_mutex_lock(&tickets->lock);
    mem_wipe(tickets->keys, sizeof(tickets->keys));
    tickets->key_count = 0;
    put_key(tickets);
    __atomic_store_n(&tickets->epoch, tickets->epoch + 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&tickets->lock);
    tls_session_store_clear(tickets->sessions);
}

uint64_t tls_tickets_epoch(const struct tls_tickets *tickets)
{
    return __atomic_load_n(&tickets->epoch, __ATOMIC_RELAXED);
}

size_t tls_tickets_session_count(struct tls_tickets *tickets)
{
    return tls_session_store_count(tickets->sessions);
}

/* -- the keys' callback -- */

static struct tls_context *context_of(const SSL *ssl)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    assert(context && context->tickets);
    return context;
}

/* 0: unknown; 1: the current key; 2: an older one. */
static int find_key(struct tls_tickets *tickets, const unsigned char *name, struct ticket_key *key)
{
    int found = 0;
    pthread_mutex_lock(&tickets->lock);
    for (size_t i = 0; i < tickets->key_count && !found; i++) {
        if (memcmp(tickets->keys[i].name, name, KEY_NAME_SIZE) == 0) {
            *key = tickets->keys[i];
            found = i == 0 ? 1 : 2;
        }
    }
    pthread_mutex_unlock(&tickets->lock);
    return found;
}

static bool set_mac_key(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof(key->mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters);
}

/* -1: failure, 0: key unknown (full handshake), 1: use it, 2: use it and issue a new ticket. */
static int choose_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int is_encrypting)
{
    const struct tls_context *context = context_of(ssl);
    struct ticket_key key;
    int result = 1;
    if (is_encrypting) {
        pthread_mutex_lock(&context->tickets->lock);
        key = context->tickets->keys[0];
        pthread_mutex_unlock(&context->tickets->lock);
        memcpy(name, key.name, KEY_NAME_SIZE);
        if (RAND_bytes_ex(tls_library_openssl(context->library), iv, IV_SIZE, 0) <= 0)
            result = -1;
    } else {
        result = find_key(context->tickets, name, &key);
        if (result == 0)
            return 0;
        if (SSL_version(ssl) >= TLS1_3_VERSION)
            result = 2; /* clients should use a ticket of TLS 1.3 once only (RFC 8446, C.4) */
    }
    if (result > 0 && (!EVP_CipherInit_ex(cipher, context->ticket_cipher, NULL, key.cipher_key, iv,
                                          is_encrypting) ||
                       !set_mac_key(mac, &key)))
        result = -1;
    mem_wipe(&key, sizeof(key));
    return result;
}

/* -- what a session says of its client -- */

static bool put_client(const struct transport_tls *transport, SSL_SESSION *session)
{
    char data[1 + TLS_IDENTITY_ENCODED_MAX];
    size_t size = 1;
    data[0] = transport->identity ? '1' : '0';
    if (transport->identity)
        size += tls_identity_encode(transport->identity, data + 1);
    return SSL_SESSION_set1_ticket_appdata(session, data, size);
}

/* True when the session may be resumed by this connection. */
static bool may_resume(const SSL *ssl, SSL_SESSION *session)
{
    void *data = NULL;
    size_t size = 0;
    if (transport_tls_of(ssl)->requires_names)
        return false; /* the session does not say which names were asked for */
    if (!SSL_SESSION_get0_ticket_appdata(session, &data, &size) || size == 0)
        return false;
    const char *bytes = data;
    if (bytes[0] == '0')
        return (SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) == 0;
    struct tls_identity *identity = tls_identity_decode(bytes + 1, size - 1);
    bool is_current = identity && clock_read_wall_us() / 1000000 < identity->expires_wall_s;
    tls_identity_release(identity);
    return is_current;
}

/* Before a ticket is made, of either kind. */
static int on_generate(SSL *ssl, void *unused)
{
    (void)unused;
    const struct transport_tls *transport = transport_tls_of(ssl);
    if (transport->stats)
        io_stat_add(transport->stats->tickets_issued, 1);
    if (SSL_session_reused(ssl))
        return 1; /* the new session is a copy of the one resumed, client included */
    return put_client(transport, SSL_get_session(ssl));
}

static SSL_TICKET_RETURN on_decrypt(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                    size_t name_size, SSL_TICKET_STATUS status, void *unused)
{
    (void)name;
    (void)name_size;
    (void)unused;
    if (status == SSL_TICKET_EMPTY) /* the client asks for one */
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    transport_tls_of(ssl)->has_offered = true;
    if (status == SSL_TICKET_NO_DECRYPT || !may_resume(ssl, session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* -- sessions kept in memory -- */

/* The new session of a finished handshake. Stateless TLS 1.3 tickets come here as well: nothing to
 * keep. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_context *context = context_of(ssl);
    bool is_stateless =
        SSL_version(ssl) >= TLS1_3_VERSION && !(SSL_get_options(ssl) & SSL_OP_NO_TICKET);
    unsigned id_size = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_size);
    if (is_stateless || id_size == 0)
        return 0;
    if (SSL_version(ssl) < TLS1_3_VERSION && !put_client(transport_tls_of(ssl), session))
        return 0;
    unsigned char *encoded = NULL;
    int size = i2d_SSL_SESSION(session, &encoded);
    if (size > 0)
        tls_session_store_put(context->tickets->sessions, id, id_size, encoded, (size_t)size,
                              clock_read_wall_us() / 1000000 + SSL_SESSION_get_timeout(session),
                              context->session_cache_size);
    if (encoded)
        OPENSSL_clear_free(encoded, size > 0 ? (size_t)size : 0);
    return 0;
}

static SSL_SESSION *on_get_session(SSL *ssl, const unsigned char *id, int id_size, int *copy)
{
    const struct tls_context *context = context_of(ssl);
    *copy = 0;
    transport_tls_of(ssl)->has_offered = true;
    transport_tls_of(ssl)->has_named = true;
    size_t size = 0;
    char *encoded = tls_session_store_get(context->tickets->sessions, id, (size_t)id_size,
                                          clock_read_wall_us() / 1000000, &size);
    SSL_SESSION *session = NULL;
    if (encoded) {
        const unsigned char *at = (const unsigned char *)encoded;
        session = d2i_SSL_SESSION(NULL, &at, (long)size);
        mem_free_secret(encoded, size);
    }
    if (session && !may_resume(ssl, session)) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    if (!session)
        ERR_clear_error();
    return session;
}

static void on_remove_session(SSL_CTX *ssl_context, SSL_SESSION *session)
{
    const struct tls_context *context = SSL_CTX_get_app_data(ssl_context);
    unsigned id_size = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_size);
    tls_session_store_remove(context->tickets->sessions, id, id_size);
}

int tls_tickets_install(struct tls_context *context, const struct tls_settings *settings)
{
    SSL_CTX *server = context->server;
    assert(server && SSL_CTX_get_app_data(server) == context);
    if (!settings->session_caching || !context->tickets) {
        SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(server, 0) ? 0 : -1;
    }
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL |
                                               SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_set_timeout(server, (long)settings->session_cache_timeout);
    context->session_cache_size = (size_t)settings->session_cache_size;
    SSL_CTX_sess_set_new_cb(server, on_new_session);
    SSL_CTX_sess_set_get_cb(server, on_get_session);
    SSL_CTX_sess_set_remove_cb(server, on_remove_session);
    if (settings->session_tickets) {
        context->ticket_cipher =
            EVP_CIPHER_fetch(tls_library_openssl(context->library), "AES-256-CBC", NULL);
        if (!context->ticket_cipher || !SSL_CTX_set_tlsext_ticket_key_evp_cb(server, choose_key))
            return -1;
    } else {
        SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    }
    if (!SSL_CTX_set_session_ticket_cb(server, on_generate, on_decrypt, NULL))
        return -1;
    return SSL_CTX_set_num_tickets(server, 1) ? 0 : -1;
}
